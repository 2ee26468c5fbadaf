"""The hot path of the hooks: all messages that wait, in one INSERT and one commit, each answered after it.

A commit costs more than everything else a message needs, and serves a hundred as well as one.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import asyncpg
import orjson
import structlog

from crm_store import Wake
from crm_store.inbox import INSERT_ONCE
from domain.ports import Inbound

BATCH = 200
WAITING_LIMIT = 5000
"""Messages that may wait for their commit; beyond it callers are asked to come again."""
CROWD = 8
GATHER = 0.001
"""Seconds that the next commit waits after one for a crowd: fewer commits, each for more messages."""
RECONNECT_PAUSE = 0.5

log = structlog.get_logger()


class Overloaded(Exception):
    """Nothing was stored: the caller must send the message again."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    connection: str
    message: Inbound
    stored: "asyncio.Future[None]"


class Ingest:
    def __init__(self, database_url: str, wake: Callable[[Wake], None]) -> None:
        self._dsn = database_url.replace("postgresql+asyncpg://", "postgresql://", 1)
        self._wake = wake
        self._waiting: list[_Waiting] = []
        self._arrived = asyncio.Event()
        self._database: asyncpg.Connection | None = None

    async def put(self, connection: str, messages: Sequence[Inbound]) -> None:
        """Returns when the messages are committed. Raises Overloaded, or what the database said."""
        if len(self._waiting) + len(messages) > WAITING_LIMIT:
            raise Overloaded
        loop = asyncio.get_running_loop()
        futures = [loop.create_future() for _ in messages]
        self._waiting += [
            _Waiting(connection, message, future) for message, future in zip(messages, futures, strict=True)
        ]
        self._arrived.set()
        for future in futures:
            await future

    async def run(self) -> None:
        """Runs for ever; one statement at a time, so that the next batch gathers while this one commits."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting:
                batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
                await self._store(batch)
                if len(batch) >= CROWD:
                    await asyncio.sleep(GATHER)

    async def close(self) -> None:
        if self._database is not None:
            await self._database.close()

    async def _store(self, batch: list[_Waiting]) -> None:
        try:
            await self._insert(batch)
        except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError) as error:
            await self._store_apart(batch, error)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            log.warning("ingest.database", error=str(error))
            await self._drop_connection()
            _settle(batch, error)

    async def _store_apart(self, batch: list[_Waiting], error: Exception) -> None:
        """One bad message must not take the others of its batch down."""
        if len(batch) == 1:
            _settle(batch, error)
            return
        for each in batch:
            await self._store([each])

    async def _insert(self, batch: list[_Waiting]) -> None:
        if self._database is None or self._database.is_closed():
            self._database = await asyncpg.connect(self._dsn)
        rows = await self._database.fetch(
            INSERT_ONCE,
            [each.connection for each in batch],
            [each.message.dedupe_key for each in batch],
            [each.message.kind for each in batch],
            [orjson.dumps(each.message.headers).decode() for each in batch],
            [each.message.body for each in batch],
        )
        _settle(batch, None)
        if rows:
            self._wake(Wake(inbox=tuple(row["id"] for row in rows)))

    async def _drop_connection(self) -> None:
        if self._database is not None:
            self._database.terminate()
            self._database = None
        await asyncio.sleep(RECONNECT_PAUSE)


def _settle(batch: list[_Waiting], error: Exception | None) -> None:
    for each in batch:
        if each.stored.done():  # its caller has gone
            continue
        if error is None:
            each.stored.set_result(None)
        else:
            each.stored.set_exception(error)
