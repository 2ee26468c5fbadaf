"""Which parked messages and held deliveries wait for which decision.

A cause is the key of the task that asks for the decision; deciding releases everything that waits for it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_store.rows import many
from crm_store.tables import holds


@dataclass(frozen=True, slots=True)
class Held:
    messages: tuple[int, ...]
    deliveries: tuple[int, ...]


class Holds:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(
        self, causes: Iterable[str], *, inbox_id: int | None = None, delivery_id: int | None = None
    ) -> None:
        """These causes are what the record waits for now, in place of those before."""
        column, number = ("inbox_id", inbox_id) if inbox_id is not None else ("delivery_id", delivery_id)
        await self._connection.execute(delete(holds).where(holds.c[column] == number))
        rows = [{"cause": cause, column: number} for cause in dict.fromkeys(causes)]
        await self._connection.execute(insert(holds).values(rows))

    async def end(self, causes: Iterable[str]) -> Held:
        """Nothing waits for these any more; what else is lacking is found on the next try."""
        statement = delete(holds).where(holds.c.cause.in_(list(causes)))
        rows = await many(self._connection, statement.returning(holds.c.inbox_id, holds.c.delivery_id))
        return Held(
            tuple(sorted({row["inbox_id"] for row in rows if row["inbox_id"] is not None})),
            tuple(sorted({row["delivery_id"] for row in rows if row["delivery_id"] is not None})),
        )

    async def count(self, cause: str) -> int:
        statement = select(func.count().label("count")).where(holds.c.cause == cause)
        return int((await many(self._connection, statement))[0]["count"])
