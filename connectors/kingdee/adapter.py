"""The ports on Kingdee: archive of customers, receivables and receipts."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from connector_kit import Tools
from connectors.kingdee import ledger
from connectors.kingdee.client import WebApi
from connectors.kingdee.ledger import CUSTOMER, RECEIPT, RECEIVABLE
from connectors.kingdee.posting import Posting
from connectors.kingdee.protocol import documents
from connectors.kingdee.settings import KingdeeSettings
from connectors.kingdee.wire import CustomerRow, ReceiptRow, ReceivableRow, SourceRow
from domain.faults import Mismatch, Rejected
from domain.ports import ArchiveEntry, ArchiveKind
from domain.records import Company, ErpDocument, Receipt, Receivable, plain

NUMBERS_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class KingdeeAdapter:
    settings: KingdeeSettings
    tools: Tools
    writes_off: Literal["on_audit", "by_person"] = "on_audit"

    @property
    def _api(self) -> WebApi:
        return WebApi(self.settings, self.tools)

    @property
    def _posting(self) -> Posting:
        return Posting(self._api)

    async def find_customer(self, code: str) -> ErpDocument | None:
        row = await self._customer(code)
        return ledger.customer_document(row) if row else None

    async def create_customer(self, company: Company) -> ErpDocument:
        record = plain(company) | {"book": ledger.choices(self.settings)}
        model = self._mapped("kingdee.customer", record)
        await self._posting.save(CUSTOMER, model, company.code)
        row = await self._customer(company.code)
        if row is None:
            raise Rejected(
                f"客户编码 {company.code} 在金蝶已被使用，但不在组织 {self.settings.organization} 里"
            )
        if row.name != company.name:
            raise Mismatch(f"客户编码 {company.code} 在金蝶是“{row.name}”，贯通的是“{company.name}”")
        return ledger.customer_document(row)

    async def advance_customer(self, document: ErpDocument) -> ErpDocument:
        return await self._posting.advance(CUSTOMER, document, self.find_customer)

    async def list_archive(self, kind: ArchiveKind) -> AsyncIterator[ArchiveEntry]:
        async for row in self._api.archive(kind):
            yield ArchiveEntry(row.number, row.name)

    async def find_receivable(self, number: str) -> ErpDocument | None:
        rows = (await self._plans([number])).get(number)
        return ledger.receivable_document(rows, self.settings) if rows else None

    async def create_receivable(self, receivable: Receivable) -> ErpDocument:
        model = self._mapped("kingdee.receivable", ledger.receivable_record(receivable, self.settings))
        await self._posting.save(RECEIVABLE, model, receivable.number)
        document = await self._posting.found(self.find_receivable, receivable.number)
        return ledger.same(document, amount=receivable.amount, customer=receivable.customer_code)

    async def advance_receivable(self, document: ErpDocument) -> ErpDocument:
        return await self._posting.advance(RECEIVABLE, document, self.find_receivable)

    async def find_receipt(self, number: str) -> ErpDocument | None:
        query = ledger.receipt_query(ledger.by_number(number), self.settings)
        rows = await self._api.query(query, ReceiptRow)
        if len(rows) > 1:
            raise Mismatch(f"金蝶里有 {len(rows)} 张收款单的编号是 {number}")
        if not rows:
            return None
        if rows[0].cancelled == ledger.CANCELLED:
            raise Rejected(f"收款单 {number} 在金蝶已作废：请财务反作废，或换号重收")
        return await self._receipt(rows[0])

    async def create_receipt(self, receipt: Receipt) -> ErpDocument:
        """Linked to the plan rows of its receivables, so that the audit writes them off."""
        plans = await self._plans([each.receivable_number for each in receipt.allocations])
        record = ledger.receipt_record(receipt, plans, self.settings)
        await self._posting.save(RECEIPT, self._mapped("kingdee.receipt", record), receipt.number)
        document = await self._posting.found(self.find_receipt, receipt.number)
        return ledger.same(document, amount=receipt.amount, customer=receipt.customer_code)

    async def advance_receipt(self, document: ErpDocument) -> ErpDocument:
        return await self._posting.advance(RECEIPT, document, self.find_receipt)

    async def list_receivables(self, since: date) -> AsyncIterator[ErpDocument]:
        where = ledger.since(since, "FSETTLEORGID", self.settings)
        async for rows in self._api.documents(ledger.receivable_query(where, self.settings), ReceivableRow):
            if ledger.is_numbered(rows[0]):
                yield ledger.receivable_document(rows, self.settings)

    async def list_receipts(self, since: date) -> AsyncIterator[ErpDocument]:
        where = ledger.since(since, "FPAYORGID", self.settings)
        async for (row,) in self._api.documents(ledger.receipt_query(where, self.settings), ReceiptRow):
            if ledger.is_numbered(row) and row.cancelled != ledger.CANCELLED:
                yield await self._receipt(row)

    async def _customer(self, code: str) -> CustomerRow | None:
        rows = await self._api.query(ledger.customer_query(code, self.settings), CustomerRow)
        return rows[0] if rows else None

    async def _plans(self, numbers: list[str]) -> Mapping[str, list[ReceivableRow]]:
        """Receivables by number, each as the rows of its plan. Short filters: firewalls dislike long ones."""
        found: dict[str, list[ReceivableRow]] = {}
        for start in range(0, len(numbers), NUMBERS_AT_ONCE):
            where = ledger.by_number(*numbers[start : start + NUMBERS_AT_ONCE])
            rows = await self._api.query(ledger.receivable_query(where, self.settings), ReceivableRow)
            for document in documents(rows):
                number = document[0].number
                if number in found:
                    raise Mismatch(f"金蝶里有多张应收单的编号是 {number}")
                found[number] = document
        return found

    async def _receipt(self, row: ReceiptRow) -> ErpDocument:
        written_off = row.amount if row.write_off == ledger.ALL_WRITTEN_OFF else Decimal()
        if ledger.needs_sources(row):
            sources = await self._api.query(ledger.source_query(row.id, self.settings), SourceRow)
            written_off = sum((source.amount for source in sources), Decimal())
        return ledger.bill_document(row, written_off, self.settings)

    def _mapped(self, name: str, record: Mapping[str, object]) -> Mapping[str, object]:
        own = {"kingdee_material": {}, "kingdee_currency": self.settings.currencies}
        return self.tools.mappings.translate(name, record, tables=own).record
