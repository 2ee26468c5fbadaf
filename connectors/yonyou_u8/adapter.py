"""The ports over one U8 connection: record → mapping → door → what U8 says now."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

import mappings
from connector_kit import Tools
from connectors.yonyou_u8 import postings, protocol
from connectors.yonyou_u8.client import OpenApi
from connectors.yonyou_u8.settings import U8Settings
from connectors.yonyou_u8.wire import CustomerRow, ReceiptRow, ReceivableRow
from domain.faults import Mismatch, Rejected, UnknownOutcome, Unmappable
from domain.money import Money
from domain.records import Company, DocumentState, ErpDocument, Receipt, Receivable

Find = Callable[[str], Awaitable[ErpDocument | None]]


@dataclass(frozen=True, slots=True)
class U8:
    """A repeated call is safe: our number stands in the document, and `biz_id` is made from it."""

    settings: U8Settings
    tools: Tools
    door: OpenApi
    writes_off: Literal["on_audit", "by_person"] = "by_person"

    async def find_customer(self, code: str) -> ErpDocument | None:
        row = await self.door.get("customer", code, CustomerRow)
        return None if row is None else _archive(row)

    async def create_customer(self, company: Company) -> ErpDocument:
        record = self._mapped("customer", postings.customer_record(company, self.settings))
        await self._add("customer", record, company.code, self.find_customer)
        row = await self.door.get("customer", company.code, CustomerRow)
        if row is None:
            raise _vanished(company.code)
        if row.name != record["name"]:
            raise Mismatch(f"U8 客户 {company.code} 是“{row.name}”，不是“{company.name}”")
        return _archive(row)

    async def advance_customer(self, document: ErpDocument) -> ErpDocument:
        return document

    async def find_receivable(self, number: str) -> ErpDocument | None:
        row = await self.door.get("oughtreceive", number, ReceivableRow)
        return None if row is None else protocol.receivable_document(row, self.settings)

    async def create_receivable(self, receivable: Receivable) -> ErpDocument:
        record = self._mapped("receivable", postings.receivable_record(receivable, self.settings))
        await self._add("oughtreceive", record, receivable.number, self.find_receivable)
        found = await self.find_receivable(receivable.number)
        return _same(found, receivable.number, receivable.customer_code, receivable.amount)

    async def advance_receivable(self, document: ErpDocument) -> ErpDocument:
        return await self._verified("oughtreceive", document, self.find_receivable)

    async def find_receipt(self, number: str) -> ErpDocument | None:
        row = await self.door.get("accept", number, ReceiptRow)
        return None if row is None else protocol.receipt_document(row, self.settings)

    async def create_receipt(self, receipt: Receipt) -> ErpDocument:
        record = self._mapped("receipt", postings.receipt_record(receipt, self.settings))
        await self._add("accept", record, receipt.number, self.find_receipt)
        found = await self.find_receipt(receipt.number)
        return _same(found, receipt.number, receipt.customer_code, receipt.amount)

    async def advance_receipt(self, document: ErpDocument) -> ErpDocument:
        return await self._verified("accept", document, self.find_receipt)

    async def list_receivables(self, since: date) -> AsyncIterator[ErpDocument]:
        filters = {"date_begin": since.isoformat()}
        rows = self.door.list("oughtreceivelist", ReceivableRow, filters, key=lambda row: row.code)
        async for row in rows:
            yield protocol.receivable_document(row, self.settings)

    async def list_receipts(self, since: date) -> AsyncIterator[ErpDocument]:
        filters = {"vouchdate_begin": since.isoformat(), "vouchtype": protocol.RECEIPT}
        rows = self.door.list("acceptlist", ReceiptRow, filters, key=lambda row: row.vouchcode)
        async for row in rows:
            yield protocol.receipt_document(row, self.settings)

    def _mapped(self, name: str, record: Mapping[str, object]) -> dict[str, object]:
        currencies = {"yonyou_u8_currency": mappings.DictTable(self.settings.currency_names)}
        mapping = mappings.load(f"yonyou_u8.{name}")
        try:
            return mapping.apply_or_raise(record, tables={**currencies, **self.tools.tables})
        except mappings.MappingProblem as error:
            raise Unmappable([problem.message_zh for problem in error.problems]) from error

    async def _add(self, resource: str, record: Mapping[str, object], number: str, find: Find) -> None:
        """Texts differ by version: whether a refusal means 'already there' is read from U8 itself."""
        biz_id = f"{self.tools.connection}-{resource}-{number}-v1"
        try:
            written = await self.door.add(resource, record, biz_id=biz_id)
        except Rejected:
            if await find(number) is None:
                raise
            return
        if written.number not in ("", number):
            raise Mismatch(f"U8 把 {number} 编成了 {written.number}")

    async def _verified(self, resource: str, document: ErpDocument, find: Find) -> ErpDocument:
        """Verifies what is not yet verified; somebody else may have done it in between."""
        if document.state is DocumentState.DONE:
            return document
        refusal: Rejected | None = None
        try:
            await self.door.verify(resource, document.number)
        except Rejected as fault:
            refusal = fault
        now = await find(document.number)
        if now is None or now.state is not DocumentState.DONE:
            raise refusal or UnknownOutcome(f"U8 答复已审核，但 {document.number} 仍未审核")
        return now


def open_connection(settings: U8Settings, tools: Tools) -> U8:
    match settings.door:
        case "openapi":
            return U8(settings, tools, OpenApi(settings, tools))


def _archive(row: CustomerRow) -> ErpDocument:
    return ErpDocument(number=row.code, vendor_id=row.code, state=DocumentState.DONE, customer_code=row.code)


def _same(found: ErpDocument | None, number: str, customer: str, amount: Money) -> ErpDocument:
    """What came back is compared with what went out before it counts."""
    if found is None:
        raise _vanished(number)
    if (found.customer_code, found.amount) != (customer, amount):
        raise Mismatch(
            f"U8 的 {number} 是客户 {found.customer_code}、{found.amount}，应为 {customer}、{amount}"
        )
    return found


def _vanished(number: str) -> UnknownOutcome:
    """Seen at U8: success without a record, and the old success again for a record that was since deleted."""
    return UnknownOutcome(f"U8 答复成功，但查不到 {number}")
