"""Crashes by real SIGKILL at random moments, and everything that the sandboxes can do wrong."""

import asyncio
import random
import time

from hub.supervise import Supervisor
from hub.up import wait_until_up
from hub.world import World

LEAST_KILLS = 5
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 12.0
RESTARTS = 4
"""The longest pause in times of a restart: on a slow machine too, work goes on between the strikes."""

TRANSPORT_FAULTS = (
    {"kind": "delay", "rate": 0.05, "seconds": 0.4},
    {"kind": "timeout_before", "rate": 0.01, "seconds": 1.0},
    {"kind": "timeout_after", "rate": 0.02, "seconds": 1.0},
    {"kind": "status_before", "rate": 0.02, "status": 503},
    {"kind": "status_after", "rate": 0.02, "status": 502},
    {"kind": "status_before", "rate": 0.01, "status": 429},
    {"kind": "vendor_error", "rate": 0.02},
    {"kind": "drop_before", "rate": 0.02},
    {"kind": "drop_after", "rate": 0.03},
    {"kind": "malformed", "rate": 0.01},
    {"kind": "expire_session", "rate": 0.02},
    {"kind": "clock_skew", "rate": 0.02, "seconds": 60},
    {"kind": "half_page", "rate": 0.05},
    {"kind": "page_shift", "rate": 0.05, "rows": 1},
    {"kind": "page_shift", "rate": 0.05, "rows": -1},
)
CALLBACK_FAULTS = {"repeat": 0.2, "reorder": 0.2, "late": 0.2, "late_seconds": 1.0}


class Chaos:
    """Use as an async context manager around the story."""

    def __init__(self, world: World, supervisor: Supervisor, *, health: str, seed: int) -> None:
        self._world = world
        self._supervisor = supervisor
        self._health = health
        self._seed = seed
        self._chance = random.Random(seed)  # noqa: S311  # a story, not a secret
        self._task: asyncio.Task[None] | None = None
        self.kills = 0

    async def start(self) -> None:
        for sandbox in self._world.sandbox_urls:
            await self._world.tell(sandbox, "faults", {"seed": self._seed, "rules": list(TRANSPORT_FAULTS)})
            await self._world.tell(sandbox, "callbacks", {**CALLBACK_FAULTS, "seed": self._seed})
        self._task = asyncio.create_task(self._strike_again_and_again())

    async def stop(self) -> None:
        """Afterwards everything is up again and the vendors behave."""
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        while self.kills < LEAST_KILLS:
            await self._strike()
        for sandbox in self._world.sandbox_urls:
            await self._world.tell(sandbox, "faults", {"rules": []})
            await self._world.tell(sandbox, "callbacks", {})
        await asyncio.to_thread(wait_until_up, self._health)

    async def _strike_again_and_again(self) -> None:
        pause, slowest = FIRST_PAUSE, 0.0
        while True:
            await asyncio.sleep(self._chance.uniform(0.1, pause))
            struck = time.monotonic()
            await self._strike()
            slowest = max(slowest, time.monotonic() - struck)
            pause = max(LONGEST_PAUSE, RESTARTS * slowest)

    async def _strike(self) -> None:
        parts = [name for name in self._supervisor.parts if name != "sandboxes"]
        victims = self._chance.choice([*([name] for name in parts), parts])
        for name in victims:
            self.kills += await asyncio.to_thread(self._supervisor.kill, name)
        await asyncio.to_thread(wait_until_up, self._health)
