"""The OpenAPI door: logs in, sends, polls."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from connector_kit import Page, Reply, Request, Token, Tools, read_whole
from connectors.yonyou_u8 import protocol
from connectors.yonyou_u8.protocol import Finished, Pending
from connectors.yonyou_u8.settings import U8Settings
from connectors.yonyou_u8.wire import CustomerRow, Message, ReceiptRow, ReceivableRow
from domain.faults import Malformed, SessionExpired, Throttled, Transient, UnknownOutcome

POLL_GROWTH = 1.7
POLL_LONGEST = 15.0

Row = TypeVar("Row", bound=Message)
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class OpenApi:
    settings: U8Settings
    tools: Tools

    async def customer(self, code: str) -> CustomerRow | None:
        return await self.get("customer", code, CustomerRow)

    async def receivable(self, number: str) -> ReceivableRow | None:
        return await self.get("oughtreceive", number, ReceivableRow)

    async def receipt(self, number: str) -> ReceiptRow | None:
        return await self.get("accept", number, ReceiptRow)

    def receivables(self, since: date) -> AsyncIterator[ReceivableRow]:
        filters = {"date_begin": since.isoformat()}
        return self.list("oughtreceivelist", ReceivableRow, filters, key=lambda row: row.code)

    def receipts(self, since: date) -> AsyncIterator[ReceiptRow]:
        filters = {"vouchdate_begin": since.isoformat(), "vouchtype": protocol.RECEIPT}
        return self.list("acceptlist", ReceiptRow, filters, key=lambda row: row.vouchcode)

    def archive(self, resource: str) -> AsyncIterator[CustomerRow]:
        return self.list(resource, CustomerRow, {}, key=lambda row: row.code)

    async def get(self, resource: str, code: str, row: type[Row]) -> Row | None:
        return await self._call(
            lambda token: protocol.build_get(self.settings, token, resource, code),
            lambda reply: protocol.read_record(reply, resource, row),
        )

    async def list(
        self, resource: str, row: type[Row], filters: Mapping[str, str], *, key: Callable[[Row], str]
    ) -> AsyncIterator[Row]:
        """Every row once, however pages shift while documents come and go."""

        async def read(number: int) -> Page[Row]:
            figures, rows = await self._call(
                lambda token: protocol.build_page(self.settings, token, resource, number, filters),
                lambda reply: protocol.read_page(reply, resource, row),
            )
            return Page(rows, figures.row_count, last=number >= figures.page_count)

        async for rows in read_whole(read, key):
            for each in rows:
                yield each

    async def add(self, resource: str, record: Mapping[str, object], *, key: str) -> Finished:
        first = await self._call(
            lambda token: protocol.build_add(self.settings, token, resource, record, biz_id=key),
            protocol.read_add,
        )
        return await self._poll(first.request_id) if isinstance(first, Pending) else first

    async def verify(self, resource: str, code: str) -> bool:
        await self._call(
            lambda token: protocol.build_verify(self.settings, token, resource, code), protocol.read_done
        )
        return True

    async def cancel(self, resource: str, code: str) -> None:
        """Voids what was added under this number of ours."""
        await self._call(
            lambda token: protocol.build_cancel(self.settings, token, resource, code), protocol.read_done
        )

    async def _poll(self, request_id: str) -> Finished:
        """What was accepted may have happened: nothing that goes wrong here says otherwise."""
        for pause in _pauses(self.settings.poll_first_seconds, self.settings.poll_budget_seconds):
            await asyncio.sleep(pause)
            try:
                reply = await self.tools.sender.send(protocol.build_result(self.settings, request_id))
            except (Transient, Throttled, Malformed) as fault:
                raise UnknownOutcome(f"U8 已受理，结果没有问到：{fault}") from fault
            finished = protocol.read_result(reply)
            if finished is not None:
                return finished
        raise UnknownOutcome("U8 已受理，到时限还没有执行完")

    async def _call(self, build: Callable[[str], Request], read: Callable[[Reply], Result]) -> Result:
        """A refused token is renewed once: nothing has happened yet, so writes may repeat too."""
        token = await self._token()
        try:
            return read(await self.tools.sender.send(build(token)))
        except SessionExpired:
            renewed = await self._token(refused=token)
        return read(await self.tools.sender.send(build(renewed)))

    async def _token(self, *, refused: str | None = None) -> str:
        token = await self.tools.tokens.get("token", self._log_in, refused=refused)
        self.tools.sender.redactor.add(token.value)
        return token.value

    async def _log_in(self, known: Token | None) -> Token:
        reply = await self.tools.sender.send(protocol.build_token(self.settings))
        return protocol.read_token(reply, now=self.tools.clock.now())


def _pauses(first: float, budget: float) -> Iterator[float]:
    end = time.monotonic() + budget
    pause = first
    while time.monotonic() + pause <= end:
        yield pause
        pause = min(pause * POLL_GROWTH, POLL_LONGEST)
