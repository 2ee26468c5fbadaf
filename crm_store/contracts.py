"""Contracts with their lines, payment plan, files and signing flows."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import RowMapping, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_store.rows import many, one
from crm_store.tables import contract_lines, contracts, files, instalments, receivables, signing_flows
from domain.records import ContractLine, Instalment, Trigger
from domain.states import IN_VAIN, ContractState, SigningState


class Contracts:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def create(
        self,
        number: str,
        *,
        title: str,
        opportunity_id: int,
        company_id: int,
        total_minor: int,
        currency: str,
        signatory: str,
        signatory_phone: str,
        signer: str,
        erp: str,
        lines: Sequence[ContractLine],
        plan: Sequence[Instalment],
    ) -> int | None:
        """None when the number is taken."""
        row = await one(
            self._connection,
            insert(contracts)
            .values(
                number=number,
                title=title,
                opportunity_id=opportunity_id,
                company_id=company_id,
                total_minor=total_minor,
                currency=currency,
                signatory=signatory,
                signatory_phone=signatory_phone,
                signer=signer,
                erp=erp,
            )
            .on_conflict_do_nothing(index_elements=["number"])
            .returning(contracts.c.id),
        )
        if row is None:
            return None
        await self._add_lines(row["id"], lines)
        await self._add_plan(row["id"], plan)
        return int(row["id"])

    async def _add_lines(self, contract_id: int, lines: Sequence[ContractLine]) -> None:
        for position, line in enumerate(lines, start=1):
            await self._connection.execute(
                insert(contract_lines).values(
                    contract_id=contract_id,
                    position=position,
                    sku=line.sku,
                    title=line.title,
                    quantity=line.quantity,
                    unit_price=line.unit_price,
                    tax_rate=line.tax_rate,
                    amount_minor=line.amount.minor,
                )
            )

    async def _add_plan(self, contract_id: int, plan: Sequence[Instalment]) -> None:
        for row in plan:
            await self._connection.execute(
                insert(instalments).values(
                    contract_id=contract_id,
                    number=row.number,
                    title=row.title,
                    amount_minor=row.amount.minor,
                    trigger=row.trigger,
                    due_days=row.due_days,
                    on_date=row.on_date,
                )
            )

    async def by_number(self, number: str, *, lock: bool = False) -> RowMapping | None:
        statement = select(contracts).where(contracts.c.number == number)
        return await one(self._connection, statement.with_for_update() if lock else statement)

    async def get(self, contract_id: int, *, lock: bool = False) -> RowMapping:
        statement = select(contracts).where(contracts.c.id == contract_id)
        row = await one(self._connection, statement.with_for_update() if lock else statement)
        assert row is not None
        return row

    async def lines(self, contract_id: int) -> list[RowMapping]:
        return await many(
            self._connection,
            select(contract_lines)
            .where(contract_lines.c.contract_id == contract_id)
            .order_by(contract_lines.c.position),
        )

    async def plan(self, contract_id: int) -> list[RowMapping]:
        return await many(
            self._connection,
            select(instalments)
            .where(instalments.c.contract_id == contract_id)
            .order_by(instalments.c.number),
        )

    async def set_state(self, contract_id: int, state: ContractState) -> None:
        values: dict[str, object] = {"state": state}
        if state == ContractState.SIGNED:
            values["signed_at"] = func.now()
        await self._connection.execute(
            update(contracts).where(contracts.c.id == contract_id).values(**values)
        )

    async def under_way(self, opportunity_id: int) -> str | None:
        """The number of a contract of this opportunity that has not ended without a signature."""
        row = await one(
            self._connection,
            select(contracts.c.number)
            .where(contracts.c.opportunity_id == opportunity_id, contracts.c.state.not_in(IN_VAIN))
            .limit(1),
        )
        return row["number"] if row else None

    async def listed(self, state: str | None = None, limit: int = 200) -> list[RowMapping]:
        statement = select(contracts).order_by(contracts.c.id.desc()).limit(limit)
        if state:
            statement = statement.where(contracts.c.state == state)
        return await many(self._connection, statement)

    async def counts(self) -> dict[str, int]:
        statement = select(contracts.c.state, func.count().label("count")).group_by(contracts.c.state)
        return {row["state"]: row["count"] for row in await many(self._connection, statement)}

    async def with_dated_instalments_due(self, today: date) -> list[int]:
        """Contracts with an instalment whose date has come and that has no receivable."""
        missing = ~(
            select(receivables.c.id)
            .where(
                receivables.c.contract_id == instalments.c.contract_id,
                receivables.c.instalment == instalments.c.number,
            )
            .exists()
        )
        statement = (
            select(instalments.c.contract_id)
            .join(contracts, contracts.c.id == instalments.c.contract_id)
            .where(
                instalments.c.trigger == Trigger.DATE,
                instalments.c.on_date <= today,
                contracts.c.state.in_((ContractState.SIGNED, ContractState.FULFILLED)),
                missing,
            )
            .distinct()
        )
        return [row["contract_id"] for row in await many(self._connection, statement)]

    async def keep_file(self, sha256: str, *, name: str, content: bytes) -> None:
        await self._connection.execute(
            insert(files).values(sha256=sha256, name=name, content=content).on_conflict_do_nothing()
        )

    async def file(self, sha256: str) -> RowMapping:
        row = await one(self._connection, select(files).where(files.c.sha256 == sha256))
        assert row is not None
        return row

    async def add_flow(
        self,
        key: str,
        *,
        contract_id: int,
        connection: str,
        file: str,
        requested_at: datetime,
        expires_at: datetime,
    ) -> int:
        row = await one(
            self._connection,
            insert(signing_flows)
            .values(
                key=key,
                contract_id=contract_id,
                connection=connection,
                file=file,
                requested_at=requested_at,
                expires_at=expires_at,
            )
            .returning(signing_flows.c.id),
        )
        assert row is not None
        return int(row["id"])

    async def flow(self, flow_row: int, *, lock: bool = False) -> RowMapping:
        statement = select(signing_flows).where(signing_flows.c.id == flow_row)
        row = await one(self._connection, statement.with_for_update() if lock else statement)
        assert row is not None
        return row

    async def flow_by_vendor(self, connection: str, flow_id: str) -> RowMapping | None:
        return await one(
            self._connection,
            select(signing_flows).where(
                signing_flows.c.connection == connection, signing_flows.c.flow_id == flow_id
            ),
        )

    async def flows_of(self, contract_id: int) -> list[RowMapping]:
        return await many(
            self._connection,
            select(signing_flows)
            .where(signing_flows.c.contract_id == contract_id)
            .order_by(signing_flows.c.id),
        )

    async def flows_under_way(self, connection: str) -> list[RowMapping]:
        """Known at the service, and not ended as far as we know."""
        return await many(
            self._connection,
            select(signing_flows)
            .where(
                signing_flows.c.connection == connection,
                signing_flows.c.flow_id.is_not(None),
                signing_flows.c.state.in_(
                    (SigningState.DRAFT, SigningState.SIGNING, SigningState.PARTLY_SIGNED)
                ),
            )
            .order_by(signing_flows.c.id),
        )

    async def note_flow(self, flow_row: int, **values: object) -> None:
        await self._connection.execute(
            update(signing_flows).where(signing_flows.c.id == flow_row).values(**values)
        )
