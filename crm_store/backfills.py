"""A backfill reads a range of the past, window by window. `reached`: everything before it is in the inbox.

Whoever carries one out holds a lease with a number; when it dies another goes on from the position. Live work
is not touched: a backfill has no part in the cursors.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import RowMapping, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_store.rows import changed, many, one
from crm_store.tables import backfills

LEASE = timedelta(seconds=6)
"""Renewed while it is carried out: so long after a crash another worker goes on."""


@dataclass(frozen=True, slots=True)
class Backfill:
    id: int
    connection: str
    kind: str
    since: datetime
    until: datetime
    reached: datetime
    attempts: int
    lease: int


def _backfill(row: RowMapping) -> Backfill:
    return Backfill(**{name: row[name] for name in Backfill.__slots__})


class Backfills:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def start(self, connection: str, kind: str, since: datetime, until: datetime) -> int:
        values = {"connection": connection, "kind": kind, "since": since, "until": until, "reached": since}
        row = await one(self._connection, insert(backfills).values(values).returning(backfills.c.id))
        assert row is not None
        return int(row["id"])

    async def claim(self, connections: Sequence[str]) -> Backfill | None:
        """The first one that is due and in nobody's hands."""
        free = (
            select(backfills.c.id)
            .where(
                backfills.c.state == "running",
                backfills.c.connection.in_(connections),
                backfills.c.due_at <= func.now(),
                or_(backfills.c.lease_until.is_(None), backfills.c.lease_until < func.now()),
            )
            .order_by(backfills.c.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        statement = (
            update(backfills)
            .where(backfills.c.id == free.scalar_subquery())
            .values(
                lease=backfills.c.lease + 1,
                lease_until=func.now() + LEASE,
                attempts=backfills.c.attempts + 1,
            )
            .returning(backfills)
        )
        row = await one(self._connection, statement)
        return _backfill(row) if row else None

    async def renew(self, held: Backfill) -> bool:
        """False: it was paused or cancelled, or another worker has taken over."""
        return await self._change(held, lease_until=func.now() + LEASE)

    async def count(self, held: Backfill, *, seen: int, added: int) -> bool:
        return await self._change(
            held,
            seen=backfills.c.seen + seen,
            added=backfills.c.added + added,
            lease_until=func.now() + LEASE,
        )

    async def reach(self, held: Backfill, position: datetime) -> bool:
        """The end of the range is the end of the job."""
        if position < held.until:
            return await self._change(held, reached=position, attempts=1, reason=None)
        return await self._change(
            held, reached=held.until, state="done", reason=None, lease_until=None, finished_at=func.now()
        )

    async def put_back(self, held: Backfill, wait: timedelta, reason: str) -> bool:
        return await self._change(held, due_at=func.now() + wait, reason=reason, lease_until=None)

    async def fail(self, held: Backfill, reason: str) -> bool:
        return await self._change(
            held, state="failed", reason=reason, lease_until=None, finished_at=func.now()
        )

    async def _change(self, held: Backfill, **values: object) -> bool:
        statement = (
            update(backfills)
            .where(backfills.c.id == held.id, backfills.c.lease == held.lease, backfills.c.state == "running")
            .values(**values)
        )
        return await changed(self._connection, statement) == 1

    async def pause(self, number: int) -> bool:
        return await self._steer(number, ("running",), state="paused", lease_until=None)

    async def resume(self, number: int) -> bool:
        """A failed one goes on too, from where it got to."""
        return await self._steer(
            number,
            ("paused", "failed"),
            state="running",
            due_at=func.now(),
            attempts=0,
            reason=None,
            finished_at=None,
        )

    async def cancel(self, number: int) -> bool:
        return await self._steer(
            number,
            ("running", "paused", "failed"),
            state="cancelled",
            lease_until=None,
            finished_at=func.now(),
        )

    async def _steer(self, number: int, states: Sequence[str], **values: object) -> bool:
        statement = update(backfills).where(backfills.c.id == number, backfills.c.state.in_(states))
        return await changed(self._connection, statement.values(**values)) == 1

    async def get(self, number: int) -> RowMapping | None:
        return await one(self._connection, select(backfills).where(backfills.c.id == number))

    async def all(self) -> list[RowMapping]:
        return await many(self._connection, select(backfills).order_by(backfills.c.id))
