"""What was asked of a signing service about a flow: by whom, and what came of it."""

from datetime import datetime

from sqlalchemy import RowMapping, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_store.rows import many, one
from crm_store.tables import signing_acts
from domain.states import SigningAct


class SigningActs:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(
        self,
        flow: int,
        act: SigningAct,
        *,
        asked_by: str,
        asked_at: datetime,
        until: datetime | None = None,
        reason: str | None = None,
    ) -> int:
        row = await one(
            self._connection,
            insert(signing_acts)
            .values(flow=flow, act=act, asked_by=asked_by, asked_at=asked_at, until=until, reason=reason)
            .returning(signing_acts.c.id),
        )
        assert row is not None
        return int(row["id"])

    async def get(self, act_id: int) -> RowMapping:
        row = await one(self._connection, select(signing_acts).where(signing_acts.c.id == act_id))
        assert row is not None
        return row

    async def of_flow(self, flow: int) -> list[RowMapping]:
        return await many(
            self._connection,
            select(signing_acts).where(signing_acts.c.flow == flow).order_by(signing_acts.c.id),
        )

    async def try_(self, act_id: int) -> bool:
        """From here on the service may have acted. False: it may have acted before this."""
        statement = (
            update(signing_acts)
            .where(signing_acts.c.id == act_id, signing_acts.c.tried_at.is_(None))
            .values(tried_at=func.now())
            .returning(signing_acts.c.id)
        )
        return await one(self._connection, statement) is not None

    async def note(self, act_id: int, **values: object) -> None:
        await self._connection.execute(
            update(signing_acts).where(signing_acts.c.id == act_id).values(**values)
        )
