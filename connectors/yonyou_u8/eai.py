"""The XML door (EAI): one message at a time to the company's own U8 server."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from zoneinfo import ZoneInfo

from connector_kit import Reply, Request, Tools
from connectors.yonyou_u8 import eai_protocol as protocol
from connectors.yonyou_u8.eai_protocol import Where, by_code, by_date
from connectors.yonyou_u8.protocol import Finished
from connectors.yonyou_u8.settings import U8Settings
from connectors.yonyou_u8.templates import TEMPLATES
from connectors.yonyou_u8.wire import CustomerRow, ReceiptRow, ReceivableRow

CHINA = ZoneInfo("Asia/Shanghai")
ROOTTAGS = {"person": "v_aa_hr_hi_person"}
"""What the templates call otherwise than the OpenAPI; `person` is their old form."""


@dataclass(frozen=True, slots=True)
class Eai:
    """The server works through messages in turn, with one operator: calls at once only wait in its queue."""

    settings: U8Settings
    tools: Tools
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def customer(self, code: str) -> CustomerRow | None:
        rows = await self.rows("customer", by_code("customer", code))
        return next((protocol.typed(row, CustomerRow) for row in rows if row.get("code") == code), None)

    async def receivable(self, number: str) -> ReceivableRow | None:
        rows = await self._documents("oughtreceive", by_code("oughtreceive", number))
        return next((protocol.typed(row, ReceivableRow) for row in rows if row.get("code") == number), None)

    async def receipt(self, number: str) -> ReceiptRow | None:
        rows = await self._documents("accept", by_code("accept", number))
        return next((protocol.typed(row, ReceiptRow) for row in rows if row.get("vouchcode") == number), None)

    async def receivables(self, since: date) -> AsyncIterator[ReceivableRow]:
        for begin, end in protocol.months(since, self._today()):
            for row in await self._documents("oughtreceive", by_date(begin, end)):
                yield protocol.typed(row, ReceivableRow)

    async def receipts(self, since: date) -> AsyncIterator[ReceiptRow]:
        for begin, end in protocol.months(since, self._today()):
            for row in await self._documents("accept", by_date(begin, end)):
                yield protocol.typed(row, ReceiptRow)

    async def archive(self, resource: str) -> AsyncIterator[CustomerRow]:
        for row in await self.rows(ROOTTAGS.get(resource, resource), []):
            yield protocol.typed(row, CustomerRow)

    async def add(self, resource: str, record: Mapping[str, object], *, key: str) -> Finished:
        reply = await self.send(protocol.build_add(self.settings, resource, record, docid=key))
        return protocol.read_add(reply, docid=key)

    async def verify(self, resource: str, code: str) -> bool:
        """No template verifies, and the addresses that would are not published: a person does it in U8."""
        return False

    async def _documents(self, roottag: str, where: Sequence[Where]) -> list[dict[str, str]]:
        """What the template shows, and with permission to read by SQL also state and balance."""
        rows = await self.rows(roottag, where)
        if not rows or not self.settings.read_by_sql:
            return rows
        reply = await self.send(protocol.build_balances(self.settings, roottag, where))
        balances = protocol.read_balances(reply, self.settings)
        code = TEMPLATES[roottag].code
        return [{**row, **balances.get(row.get(code, ""), {})} for row in rows]

    async def rows(self, roottag: str, where: Sequence[Where]) -> list[dict[str, str]]:
        reply = await self.send(protocol.build_query(self.settings, roottag, where))
        return protocol.read_rows(reply, roottag)

    async def send(self, request: Request) -> Reply:
        async with self.turn:
            return await self.tools.sender.send(request)

    def _today(self) -> date:
        return self.tools.clock.now().astimezone(CHINA).date()
