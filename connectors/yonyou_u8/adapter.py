"""The ports over one U8 connection: record → mapping → door → what U8 says now."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal, TypeVar

from connector_kit import Tools
from connectors.yonyou_u8 import postings, protocol
from connectors.yonyou_u8.client import OpenApi
from connectors.yonyou_u8.door import Door
from connectors.yonyou_u8.eai import CHINA, Eai
from connectors.yonyou_u8.settings import U8Settings
from connectors.yonyou_u8.wire import CustomerRow
from domain.faults import Mismatch, Rejected, UnknownOutcome
from domain.money import Money
from domain.ports import ArchiveEntry, ArchiveKind
from domain.records import Company, DocumentState, ErpDocument, Receipt, Receivable

MAPPINGS = {"openapi": "yonyou_u8.{}", "eai": "yonyou_u8.eai_{}"}
"""The two doors spell a few things differently."""
ARCHIVES: Mapping[ArchiveKind, str] = {"customer": "customer", "material": "inventory", "person": "person"}
SUBMISSIONS = 5
"""How often one number may be submitted anew: once, and again after each deletion by hand."""

Found = TypeVar("Found")
Find = Callable[[str], Awaitable[Found | None]]


@dataclass(frozen=True, slots=True)
class U8:
    """A repeated call is safe: our number stands in the document, and each submission's key is made of it."""

    settings: U8Settings
    tools: Tools
    door: Door
    writes_off: Literal["on_audit", "by_person"] = "by_person"

    async def find_customer(self, code: str) -> ErpDocument | None:
        row = await self.door.customer(code)
        return None if row is None else _archive(row)

    async def create_customer(self, company: Company) -> ErpDocument:
        today = self.tools.clock.now().astimezone(CHINA).date()
        record = self._mapped("customer", postings.customer_record(company, self.settings, today=today))
        row = await self._created("customer", record, company.code, self.door.customer)
        sent = record.get("customer", record)  # through EAI the elements stand below their root
        if isinstance(sent, Mapping) and row.name != sent["name"]:
            raise Mismatch(f"U8 客户 {company.code} 是“{row.name}”，不是“{company.name}”")
        return _archive(row)

    async def advance_customer(self, document: ErpDocument) -> ErpDocument:
        return document

    async def list_archive(self, kind: ArchiveKind) -> AsyncIterator[ArchiveEntry]:
        async for row in self.door.archive(ARCHIVES[kind]):
            if not row.end_date:
                yield ArchiveEntry(row.code, row.name)

    async def find_receivable(self, number: str) -> ErpDocument | None:
        row = await self.door.receivable(number)
        return None if row is None else protocol.receivable_document(row, self.settings)

    async def create_receivable(self, receivable: Receivable) -> ErpDocument:
        record = self._mapped("receivable", postings.receivable_record(receivable, self.settings))
        made = await self._created("oughtreceive", record, receivable.number, self.find_receivable)
        return _same(made, receivable.customer_code, receivable.amount)

    async def advance_receivable(self, document: ErpDocument) -> ErpDocument:
        return await self._verified("oughtreceive", document, self.find_receivable)

    async def find_receipt(self, number: str) -> ErpDocument | None:
        row = await self.door.receipt(number)
        return None if row is None else protocol.receipt_document(row, self.settings)

    async def create_receipt(self, receipt: Receipt) -> ErpDocument:
        record = self._mapped("receipt", postings.receipt_record(receipt, self.settings))
        made = await self._created("accept", record, receipt.number, self.find_receipt)
        return _same(made, receipt.customer_code, receipt.amount)

    async def advance_receipt(self, document: ErpDocument) -> ErpDocument:
        return await self._verified("accept", document, self.find_receipt)

    async def list_receivables(self, since: date) -> AsyncIterator[ErpDocument]:
        async for row in self.door.receivables(since):
            yield protocol.receivable_document(row, self.settings)

    async def list_receipts(self, since: date) -> AsyncIterator[ErpDocument]:
        async for row in self.door.receipts(since):
            yield protocol.receipt_document(row, self.settings)

    def _mapped(self, name: str, record: Mapping[str, object]) -> dict[str, object]:
        own = {"yonyou_u8_currency": self.settings.currency_names}
        mapping = MAPPINGS[self.settings.door].format(name)
        return self.tools.mappings.translate(mapping, record, tables=own).record

    async def _created(
        self, resource: str, record: Mapping[str, object], number: str, find: Find[Found]
    ) -> Found:
        """U8 answers a repeated key with the old success, even for a record that somebody has deleted since.
        Only such a success without a record is a reason for the next key; a lost answer never is.
        """
        for version in range(1, SUBMISSIONS + 1):
            await self._add(resource, record, number, find, version=version)
            found = await find(number)
            if found is not None:
                return found
        raise UnknownOutcome(f"U8 {SUBMISSIONS} 次答复成功，但查不到 {number}")

    async def _add(
        self, resource: str, record: Mapping[str, object], number: str, find: Find[Found], *, version: int
    ) -> None:
        """Texts differ by version: whether a refusal means 'already there' is read from U8 itself."""
        key = f"{self.tools.connection}-{resource}-{number}-v{version}"
        try:
            written = await self.door.add(resource, record, key=key)
        except Rejected:
            if await find(number) is None:
                raise
            return
        if written.number not in ("", number):
            raise Mismatch(f"U8 把 {number} 编成了 {written.number}")

    async def _verified(self, resource: str, document: ErpDocument, find: Find[ErpDocument]) -> ErpDocument:
        """Verifies what is not yet verified; somebody else may have done it in between.

        Through a door without a call for it the document stays a draft until a person has verified it.
        """
        if document.state is DocumentState.DONE:
            return document
        refusal: Rejected | None = None
        try:
            if not await self.door.verify(resource, document.number):
                return document
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
        case "eai":
            return U8(settings, tools, Eai(settings, tools))


def _archive(row: CustomerRow) -> ErpDocument:
    return ErpDocument(number=row.code, vendor_id=row.code, state=DocumentState.DONE, customer_code=row.code)


def _same(found: ErpDocument, customer: str, amount: Money) -> ErpDocument:
    """What came back is compared with what went out before it counts."""
    if (found.customer_code, found.amount) != (customer, amount):
        raise Mismatch(
            f"U8 的 {found.number} 是客户 {found.customer_code}、{found.amount}，应为 {customer}、{amount}"
        )
    return found
