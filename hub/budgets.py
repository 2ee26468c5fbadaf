"""The call budgets of all connections, counted in Redis for all workers together."""

from typing import Any, Final

import redis.asyncio as redis
import structlog
from redis.exceptions import RedisError

from connector_kit.budget import LIVE_WAITS, WINDOW, MemoryPlaces, pause, places_of

REDIS_LIMITS: Final[dict[str, Any]] = {"socket_connect_timeout": 1, "socket_timeout": 1}

# Members are calls, scores the moment (microseconds of Redis's own clock) at which the place comes free.
TAKE = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local background = ARGV[3] == '1'
if background and redis.call('EXISTS', KEYS[2]) == 1 then return tonumber(ARGV[4]) end
if redis.call('ZCARD', KEYS[1]) < tonumber(ARGV[1]) then
    redis.call('ZADD', KEYS[1], string.format('%.0f', now + ARGV[2]), ARGV[5])
    redis.call('PEXPIRE', KEYS[1], math.ceil(ARGV[2] / 1000) + 60000)
    return 0
end
if not background then redis.call('SET', KEYS[2], '1', 'PX', math.ceil(ARGV[4] / 1000)) end
local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
return math.max(math.ceil(first[2] - now), 1)
"""
GIVE_BACK = """
local time = redis.call('TIME')
redis.call('ZADD', KEYS[1], string.format('%.0f', time[1] * 1000000 + time[2] + ARGV[1]), ARGV[2])
redis.call('PEXPIRE', KEYS[1], 600000)
"""

log = structlog.get_logger()


class RedisPlaces:
    """Implements connector_kit.Places. While Redis is away each process counts alone: work goes on, and
    the vendor's own refusal is the last fence."""

    def __init__(self, client: redis.Redis, connection: str, alone: MemoryPlaces) -> None:
        self._keys = [f"guantong:budget:{connection}", f"guantong:budget:{connection}:live"]
        self._take = client.register_script(TAKE)
        self._give_back = client.register_script(GIVE_BACK)
        self._alone = alone

    async def take(self, call: str, *, hold: float, background: bool) -> float:
        places = places_of(self._alone.limit, background=background)
        values: list[str | int] = [places, _micros(hold), int(background), _micros(LIVE_WAITS), call]
        try:
            wait = int(await self._take(self._keys, values))
        except (RedisError, OSError) as error:
            log.warning("budget.redis_away", error=str(error))
            return await self._alone.take(call, hold=hold, background=background)
        return pause(wait / 1e6) if wait else 0.0

    async def give_back(self, call: str) -> None:
        try:
            await self._give_back(self._keys[:1], [_micros(WINDOW), call])
        except (RedisError, OSError) as error:
            log.warning("budget.redis_away", error=str(error))
            await self._alone.give_back(call)


def _micros(seconds: float) -> int:
    return int(seconds * 1e6)
