"""The ports on Kingdee: archive of customers, receivables and receipts."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Literal

import mappings
from connector_kit import Tools
from connectors.kingdee import ledger
from connectors.kingdee.client import WebApi
from connectors.kingdee.errors import AlreadyDone, NumberUsed
from connectors.kingdee.ledger import CUSTOMER, RECEIPT, RECEIVABLE
from connectors.kingdee.protocol import Saved, Step, documents
from connectors.kingdee.settings import KingdeeSettings
from connectors.kingdee.wire import CustomerRow, ReceiptRow, ReceivableRow, SourceRow
from domain.faults import Misconfigured, Mismatch, Rejected, Unmappable
from domain.records import Company, DocumentState, ErpDocument, Receipt, Receivable, plain

Find = Callable[[str], Awaitable[ErpDocument | None]]

NEXT = {
    DocumentState.DRAFT: (Step.SUBMIT, DocumentState.SUBMITTED),
    DocumentState.SUBMITTED: (Step.AUDIT, DocumentState.DONE),
}
MOST_STEPS = 6
"""Submit and audit, and as many again if a person recalls the document meanwhile; then people sort it out."""

NUMBERS_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class KingdeeAdapter:
    settings: KingdeeSettings
    tools: Tools
    writes_off: Literal["on_audit", "by_person"] = "on_audit"

    @property
    def _api(self) -> WebApi:
        return WebApi(self.settings, self.tools)

    async def find_customer(self, code: str) -> ErpDocument | None:
        row = await self._customer(code)
        return ledger.customer_document(row) if row else None

    async def create_customer(self, company: Company) -> ErpDocument:
        record = plain(company)
        assert isinstance(record, dict)
        model = self._mapped("kingdee.customer", record | {"book": ledger.choices(self.settings)})
        await self._save(CUSTOMER, model, company.code)
        row = await self._customer(company.code)
        if row is None:
            raise Rejected(
                f"客户编码 {company.code} 在金蝶已被使用，但不在组织 {self.settings.organization} 里"
            )
        if row.name != company.name:
            raise Mismatch(f"客户编码 {company.code} 在金蝶是“{row.name}”，贯通的是“{company.name}”")
        return ledger.customer_document(row)

    async def advance_customer(self, document: ErpDocument) -> ErpDocument:
        return await self._advance(CUSTOMER, document, self.find_customer)

    async def find_receivable(self, number: str) -> ErpDocument | None:
        rows = (await self._plans([number])).get(number)
        return ledger.receivable_document(rows, self.settings) if rows else None

    async def create_receivable(self, receivable: Receivable) -> ErpDocument:
        model = self._mapped("kingdee.receivable", ledger.receivable_record(receivable, self.settings))
        await self._save(RECEIVABLE, model, receivable.number)
        document = await self._found(self.find_receivable, receivable.number)
        return ledger.same(document, amount=receivable.amount, customer=receivable.customer_code)

    async def advance_receivable(self, document: ErpDocument) -> ErpDocument:
        return await self._advance(RECEIVABLE, document, self.find_receivable)

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
        await self._save(RECEIPT, self._mapped("kingdee.receipt", record), receipt.number)
        document = await self._found(self.find_receipt, receipt.number)
        return ledger.same(document, amount=receipt.amount, customer=receipt.customer_code)

    async def advance_receipt(self, document: ErpDocument) -> ErpDocument:
        return await self._advance(RECEIPT, document, self.find_receipt)

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

    async def _save(self, form: str, model: Mapping[str, object], number: str) -> None:
        """A number that is taken was most likely taken by us, earlier: the lookup that follows tells."""
        try:
            saved = await self._api.save(form, model)
        except NumberUsed:
            return
        if saved.number != number:
            await self._undo(form, saved, number)

    async def _undo(self, form: str, saved: Saved, number: str) -> None:
        """Without our number in it a document cannot be found again: take it back at once."""
        await self._api.step(Step.DELETE, form, saved.vendor_id)
        raise Misconfigured(
            f"金蝶的编码规则把 {form} 的编号 {number} 改成了 {saved.number}：请允许手工录入编号"
        )

    async def _found(self, find: Find, number: str) -> ErpDocument:
        document = await find(number)
        if document is None:
            raise Rejected(f"编号 {number} 在金蝶已被使用，却查不到单据：请检查接口用户的数据权限")
        return document

    async def _advance(self, form: str, document: ErpDocument, find: Find) -> ErpDocument:
        """Each step by the document's own state; one that came too late reads the state again."""
        number = document.number
        for _ in range(MOST_STEPS):
            if document.state is DocumentState.DONE:
                return await self._found(find, number)
            step, after = NEXT[document.state]
            try:
                await self._api.step(step, form, document.vendor_id)
                document = replace(document, state=after)
            except AlreadyDone:
                document = await self._found(find, number)
        raise Rejected(f"{form} {number} 的状态在金蝶一直在变：请财务处理")

    def _mapped(self, name: str, record: Mapping[str, object]) -> Mapping[str, object]:
        tables = {"kingdee_material": mappings.DictTable({})} | dict(self.tools.tables)
        tables |= mappings.both_ways({"kingdee_currency": self.settings.currencies})
        try:
            return mappings.load(name).apply_or_raise(record, tables=tables)
        except mappings.MappingProblem as problem:
            raise Unmappable([each.message_zh for each in problem.problems]) from problem
