"""The XML door's other objects: departments, persons, goods and stock; orders, dispatches and vouchers.

No port asks for them yet. A document carries a number of our own, by which it is found after a lost answer.
Vouchers cannot be read through this door: a repeat is recognised by its key alone.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TypeVar

from connector_kit import Operation
from connectors.yonyou_u8 import eai_protocol as protocol
from connectors.yonyou_u8.archives import Posted, line_of
from connectors.yonyou_u8.eai import ROOTTAGS, Eai
from connectors.yonyou_u8.wire import (
    DepartmentRow,
    DispatchRow,
    InventoryRow,
    Message,
    OrderRow,
    PersonRow,
    Text,
)

Row = TypeVar("Row", bound=Message)


class Quantity(Message):
    """现存量 of one article. Unlike the OpenAPI's rows it names no warehouse."""

    code: Text
    now: Decimal = Decimal()
    useable: Decimal | None = None


@dataclass(frozen=True, slots=True)
class XmlArchives:
    door: Eai

    def departments(self) -> AsyncIterator[DepartmentRow]:
        return self._all("department", DepartmentRow)

    def persons(self) -> AsyncIterator[PersonRow]:
        return self._all(ROOTTAGS["person"], PersonRow)

    def inventories(self) -> AsyncIterator[InventoryRow]:
        return self._all("inventory", InventoryRow)

    async def inventory(self, code: str) -> InventoryRow | None:
        rows = await self.door.rows("inventory", protocol.by_code("inventory", code))
        return next((protocol.typed(row, InventoryRow) for row in rows if row.get("code") == code), None)

    async def stock(self, inventory: str) -> list[Quantity]:
        rows = await self.door.rows("storequantity", protocol.by_code("storequantity", inventory))
        return [protocol.typed(row, Quantity) for row in rows]

    async def order(self, code: str) -> OrderRow | None:
        return await self._document("saleorder", code, OrderRow)

    async def add_order(
        self, header: Mapping[str, object], lines: Sequence[Mapping[str, object]], *, key: str
    ) -> str:
        return await self._add("saleorder", header, lines, key=key)

    async def dispatch(self, code: str) -> DispatchRow | None:
        return await self._document("consignment", code, DispatchRow)

    async def add_dispatch(
        self, header: Mapping[str, object], lines: Sequence[Mapping[str, object]], *, key: str
    ) -> str:
        return await self._add("consignment", header, lines, key=key)

    async def add_voucher(
        self, day: date, debit: Sequence[Posted], credit: Sequence[Posted], *, kind: str = "记", key: str
    ) -> str:
        """Its number; empty if U8 had it already. Here the making system has to be GL."""
        head = {
            "voucher_type": kind,
            "fiscal_year": str(day.year),
            "accounting_period": str(day.month),
            "date": day,
            "enter": self.door.settings.operator,
            "voucher_making_system": "GL",
        }
        sides = [("debit", each) for each in debit] + [("credit", each) for each in credit]
        entries = [_entry(number, each, side) for number, (side, each) in enumerate(sides, start=1)]
        switches = {"@docid": key, "@renewproofno": "y", "@import": "n", "@newadd": "y", "@version": "2.0"}
        message = {
            **protocol.envelope(self.door.settings, "voucher", "add"),
            **switches,
            "voucher": {"@id": "", "voucher_head": head, "voucher_body": {"entry": entries}},
        }
        operation = Operation("voucher.add", "keyed_write")
        reply = await self.door.send(protocol.request(self.door.settings, operation, message))
        return protocol.read_add(reply, docid=key).number

    async def _add(
        self,
        roottag: str,
        header: Mapping[str, object],
        lines: Sequence[Mapping[str, object]],
        *,
        key: str,
    ) -> str:
        record = {roottag: {"header": header, "body": {"entry": lines}}}
        return (await self.door.add(roottag, record, key=key)).number

    async def _all(self, roottag: str, message: type[Row]) -> AsyncIterator[Row]:
        for row in await self.door.rows(roottag, []):
            yield protocol.typed(row, message)

    async def _document(self, roottag: str, code: str, message: type[Row]) -> Row | None:
        request = protocol.build_query(self.door.settings, roottag, protocol.by_code(roottag, code))
        found = protocol.read_documents(await self.door.send(request), roottag)
        return next((protocol.typed(row, message) for row in found if row.get("code") == code), None)


def _entry(number: int, posted: Posted, side: str) -> dict[str, object]:
    line = line_of(number, posted, side)
    if posted.customer is None:
        return line
    return {**line, "auxiliary_accounting": {"item": {"@name": "cust_id", "#text": posted.customer}}}
