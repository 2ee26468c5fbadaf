"""Bank lines, the receipts that they are, and the allocations to receivables."""

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import RowMapping, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_store.rows import many, one
from crm_store.tables import allocations, bank_lines, contracts, receipts, receivables
from domain.records import BankLine, plain


class Bank:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add_line(self, line: BankLine, inbox_id: int) -> int | None:
        """None when the account has this line already, from whichever file."""
        row = await one(
            self._connection,
            insert(bank_lines)
            .values(
                account=line.account,
                line_key=line.key,
                inbox_id=inbox_id,
                amount_minor=line.amount.minor,
                currency=line.amount.currency,
                direction=line.direction,
                booked_on=line.booked_on,
                facts=plain(line),
            )
            .on_conflict_do_nothing(index_elements=["account", "line_key"])
            .returning(bank_lines.c.id),
        )
        return int(row["id"]) if row else None

    async def line(self, line_id: int) -> RowMapping:
        row = await one(self._connection, select(bank_lines).where(bank_lines.c.id == line_id))
        assert row is not None
        return row

    async def like_lines(self, line: BankLine, within: timedelta) -> list[RowMapping]:
        """Bookings of the same amount around the same day, this one included."""
        return await many(
            self._connection,
            select(bank_lines).where(
                bank_lines.c.amount_minor == line.amount.minor,
                bank_lines.c.currency == line.amount.currency,
                bank_lines.c.booked_on.between(line.booked_on - within, line.booked_on + within),
            ),
        )

    async def is_own_account(self, account: str) -> bool:
        """Whose statements we read is ourselves."""
        row = await one(
            self._connection, select(exists().where(bank_lines.c.account == account).label("own"))
        )
        return bool(row and row["own"])

    async def settle_line(self, line_id: int, state: str) -> None:
        await self._connection.execute(
            update(bank_lines).where(bank_lines.c.id == line_id).values(state=state)
        )

    async def add_receipt(
        self, number: str, *, line_id: int, amount_minor: int, currency: str, match: Mapping[str, object]
    ) -> int:
        row = await one(
            self._connection,
            insert(receipts)
            .values(
                number=number,
                bank_line_id=line_id,
                amount_minor=amount_minor,
                currency=currency,
                match=dict(match),
            )
            .returning(receipts.c.id),
        )
        assert row is not None
        return int(row["id"])

    async def receipt(self, receipt_id: int, *, lock: bool = False) -> RowMapping:
        statement = select(receipts).where(receipts.c.id == receipt_id)
        row = await one(self._connection, statement.with_for_update() if lock else statement)
        assert row is not None
        return row

    async def receipt_by_number(self, number: str, *, lock: bool = False) -> RowMapping | None:
        statement = select(receipts).where(receipts.c.number == number)
        return await one(self._connection, statement.with_for_update() if lock else statement)

    async def note_receipt(self, receipt_id: int, **values: object) -> None:
        await self._connection.execute(update(receipts).where(receipts.c.id == receipt_id).values(**values))

    async def allocate(
        self, receipt_id: int, receivable_id: int, amount_minor: int, *, decided_by: str
    ) -> None:
        """Raises IntegrityError when either side would be exceeded."""
        await self._connection.execute(
            insert(allocations).values(
                receipt_id=receipt_id,
                receivable_id=receivable_id,
                amount_minor=amount_minor,
                decided_by=decided_by,
            )
        )

    async def allocations_of(self, receipt_id: int) -> list[RowMapping]:
        return await many(
            self._connection,
            select(
                allocations,
                receivables.c.number.label("receivable_number"),
                receivables.c.amount_minor.label("receivable_minor"),
                receivables.c.connection,
                receivables.c.contract_id,
                contracts.c.number.label("contract_number"),
                contracts.c.company_id,
            )
            .join(receivables, receivables.c.id == allocations.c.receivable_id)
            .join(contracts, contracts.c.id == receivables.c.contract_id)
            .where(allocations.c.receipt_id == receipt_id)
            .order_by(allocations.c.id),
        )

    async def receipts_of_contract(self, contract_id: int) -> list[RowMapping]:
        return await many(
            self._connection,
            select(receipts)
            .where(
                receipts.c.id.in_(
                    select(allocations.c.receipt_id)
                    .join(receivables, receivables.c.id == allocations.c.receivable_id)
                    .where(receivables.c.contract_id == contract_id)
                )
            )
            .order_by(receipts.c.id),
        )

    async def in_state(self, state: str, connection: str | None = None) -> list[RowMapping]:
        statement = select(receipts).where(receipts.c.state == state).order_by(receipts.c.id)
        if connection:
            statement = statement.where(receipts.c.connection == connection)
        return await many(self._connection, statement)

    async def of_connection(self, connection: str) -> list[RowMapping]:
        return await many(
            self._connection,
            select(receipts, bank_lines.c.booked_on.label("document_date"))
            .join(bank_lines, bank_lines.c.id == receipts.c.bank_line_id)
            .where(receipts.c.connection == connection)
            .order_by(receipts.c.id),
        )

    async def lines_without_receipt(self) -> list[RowMapping]:
        return await many(
            self._connection,
            select(bank_lines)
            .where(bank_lines.c.direction == "in", bank_lines.c.state == "new")
            .order_by(bank_lines.c.id),
        )

    async def counts(self) -> dict[str, int]:
        statement = select(receipts.c.state, func.count().label("count")).group_by(receipts.c.state)
        return {row["state"]: row["count"] for row in await many(self._connection, statement)}
