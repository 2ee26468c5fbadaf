"""The OpenAPI's other objects: departments, persons, goods and stock; orders, dispatches and vouchers.

No port asks for them yet. Writes carry the caller's own key as `biz_id`, so that a repeat is recognised.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from connectors.yonyou_u8 import protocol
from connectors.yonyou_u8.client import OpenApi
from connectors.yonyou_u8.wire import (
    DepartmentRow,
    DispatchRow,
    InventoryRow,
    OrderRow,
    PersonRow,
    StockRow,
    VoucherRow,
)


@dataclass(frozen=True, slots=True)
class Posted:
    """One line of a voucher; `customer` where the account is kept by customer."""

    account: str
    text: str
    amount: Decimal
    customer: str | None = None


@dataclass(frozen=True, slots=True)
class Archives:
    door: OpenApi

    async def department(self, code: str) -> DepartmentRow | None:
        return await self.door.get("department", code, DepartmentRow)

    def departments(self) -> AsyncIterator[DepartmentRow]:
        return self.door.list("department", DepartmentRow, {}, key=lambda row: row.code)

    async def person(self, code: str) -> PersonRow | None:
        return await self.door.get("person", code, PersonRow)

    def persons(self) -> AsyncIterator[PersonRow]:
        return self.door.list("person", PersonRow, {}, key=lambda row: row.code)

    async def inventory(self, code: str) -> InventoryRow | None:
        return await self.door.get("inventory", code, InventoryRow)

    def inventories(self) -> AsyncIterator[InventoryRow]:
        return self.door.list("inventory", InventoryRow, {}, key=lambda row: row.code)

    def stock(self, inventory: str) -> AsyncIterator[StockRow]:
        """Every warehouse's figures of one article. Batches and free items make rows of their own."""
        filters = {"invcode_begin": inventory, "invcode_end": inventory}
        return self.door.list("currentstock", StockRow, filters, key=lambda row: row.key)

    async def order(self, code: str) -> OrderRow | None:
        return await self.door.get("saleorder", code, OrderRow)

    async def add_order(self, record: Mapping[str, object], *, key: str) -> str:
        """The order's number; empty if U8 does not say it."""
        return (await self.door.add("saleorder", record, key=key)).number

    async def dispatch(self, code: str) -> DispatchRow | None:
        return await self.door.get("consignment", code, DispatchRow)

    async def add_dispatch(self, record: Mapping[str, object], *, key: str) -> str:
        return (await self.door.add("consignment", record, key=key)).number

    async def verify(self, resource: str, code: str) -> bool:
        return await self.door.verify(resource, code)

    async def voucher(self, external: str) -> VoucherRow | None:
        """By the number that it was added with: vouchers have no `get`."""
        rows = [row async for row in self.vouchers({"coutno_id": external})]
        return next((row for row in rows if row.coutno_id == external), None)

    def vouchers(self, filters: Mapping[str, str]) -> AsyncIterator[VoucherRow]:
        return self.door.list("voucherlist", VoucherRow, filters, key=lambda row: row.i_id)

    async def add_voucher(
        self, day: date, debit: Sequence[Posted], credit: Sequence[Posted], *, kind: str = "记", external: str
    ) -> str:
        """`external` makes it a voucher that U8 itself cannot change or delete, only void on our call."""
        record = protocol.voucher(
            day,
            kind=kind,
            operator=self.door.settings.operator,
            external=external,
            debit=[_line(number, each, "debit") for number, each in enumerate(debit, start=1)],
            credit=[_line(number, each, "credit") for number, each in enumerate(credit, start=1)],
        )
        return (await self.door.add("voucher", record, key=external)).number

    async def cancel_voucher(self, external: str) -> None:
        await self.door.cancel("voucher", external)


def _line(number: int, posted: Posted, side: str) -> dict[str, object]:
    line = line_of(number, posted, side)
    return line if posted.customer is None else {**line, "auxiliary": {"cust_id": posted.customer}}


def line_of(number: int, posted: Posted, side: str) -> dict[str, object]:
    return {
        "entry_id": str(number),
        "account_code": posted.account,
        "abstract": posted.text,
        f"natural_{side}_currency": posted.amount,
    }
