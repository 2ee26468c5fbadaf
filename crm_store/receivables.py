"""Receivables, and what has been paid of them. The database keeps the sums (see the first migration)."""

from datetime import date, datetime

from sqlalchemy import RowMapping, case, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_store.rows import many, one
from crm_store.tables import allocations, companies, contracts, receivables
from domain.states import ReceivableState


class Receivables:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def open_once(
        self,
        number: str,
        *,
        contract_id: int,
        instalment: int,
        connection: str,
        amount_minor: int,
        currency: str,
        document_date: date,
        due_date: date,
    ) -> int | None:
        """None when this instalment has its receivable already."""
        row = await one(
            self._connection,
            insert(receivables)
            .values(
                number=number,
                contract_id=contract_id,
                instalment=instalment,
                connection=connection,
                amount_minor=amount_minor,
                currency=currency,
                document_date=document_date,
                due_date=due_date,
            )
            .on_conflict_do_nothing(index_elements=["contract_id", "instalment"])
            .returning(receivables.c.id),
        )
        return int(row["id"]) if row else None

    async def get(self, receivable_id: int, *, lock: bool = False) -> RowMapping:
        statement = select(receivables).where(receivables.c.id == receivable_id)
        row = await one(self._connection, statement.with_for_update() if lock else statement)
        assert row is not None
        return row

    async def posted(self, receivable_id: int, vendor_id: str) -> None:
        await self._connection.execute(
            update(receivables)
            .where(receivables.c.id == receivable_id)
            .values(
                vendor_id=vendor_id,
                state=case(
                    (receivables.c.state == ReceivableState.POSTING, ReceivableState.POSTED),
                    else_=receivables.c.state,
                ),
            )
        )

    async def wrote_off(self, receivable_id: int, minor: int) -> None:
        await self._connection.execute(
            update(receivables)
            .where(receivables.c.id == receivable_id)
            .values(written_off_minor=receivables.c.written_off_minor + minor)
        )

    async def matchable(self, *, paid_since: datetime) -> list[RowMapping]:
        """What money may still be owed on, and what was paid lately; with contract and customer."""
        paid_lately = select(allocations.c.receivable_id).where(allocations.c.created_at >= paid_since)
        statement = (
            select(
                receivables,
                contracts.c.number.label("contract_number"),
                contracts.c.company_id,
                companies.c.name.label("company_name"),
            )
            .join(contracts, contracts.c.id == receivables.c.contract_id)
            .join(companies, companies.c.id == contracts.c.company_id)
            .where(
                or_(receivables.c.paid_minor < receivables.c.amount_minor, receivables.c.id.in_(paid_lately)),
                receivables.c.state != ReceivableState.REVERSED,
            )
            .order_by(receivables.c.due_date, receivables.c.id)
        )
        return await many(self._connection, statement)

    async def of_contract(self, contract_id: int) -> list[RowMapping]:
        return await many(
            self._connection,
            select(receivables)
            .where(receivables.c.contract_id == contract_id)
            .order_by(receivables.c.instalment),
        )

    async def of_connection(self, connection: str) -> list[RowMapping]:
        return await many(
            self._connection,
            select(receivables, contracts.c.number.label("contract_number"))
            .join(contracts, contracts.c.id == receivables.c.contract_id)
            .where(receivables.c.connection == connection)
            .order_by(receivables.c.id),
        )

    async def by_number(self, number: str) -> RowMapping | None:
        return await one(self._connection, select(receivables).where(receivables.c.number == number))

    async def unpaid_minor(self, contract_id: int) -> int:
        row = await one(
            self._connection,
            select(
                func.coalesce(func.sum(receivables.c.amount_minor - receivables.c.paid_minor), 0).label(
                    "rest"
                )
            ).where(receivables.c.contract_id == contract_id),
        )
        return int(row["rest"]) if row else 0

    async def counts(self) -> dict[str, int]:
        statement = select(receivables.c.state, func.count().label("count")).group_by(receivables.c.state)
        return {row["state"]: row["count"] for row in await many(self._connection, statement)}
