"""Recurring jobs claim their slots in the database, so that any number of processes may run the scheduler."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import RowMapping, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_store.rows import many, one
from crm_store.tables import schedule


class Schedule:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def ensure(self, names: Sequence[str]) -> None:
        for name in names:
            await self._connection.execute(
                insert(schedule).values(name=name, due_at=func.now()).on_conflict_do_nothing()
            )

    async def claim(self, name: str, every: timedelta) -> bool:
        """True: the slot is ours, and the next one comes after `every`."""
        statement = (
            update(schedule)
            .where(schedule.c.name == name, schedule.c.due_at <= func.now())
            .values(due_at=func.now() + every, started_at=func.now())
            .returning(schedule.c.name)
        )
        return await one(self._connection, statement) is not None

    async def note(self, name: str, failure: str | None) -> None:
        await self._connection.execute(
            update(schedule).where(schedule.c.name == name).values(finished_at=func.now(), failure=failure)
        )

    async def run_now(self, name: str) -> None:
        await self._connection.execute(
            update(schedule).where(schedule.c.name == name).values(due_at=func.now())
        )

    async def all(self) -> list[RowMapping]:
        return await many(self._connection, select(schedule).order_by(schedule.c.name))
