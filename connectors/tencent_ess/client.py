"""Requests to the kit, replies to the protocol: one method per call."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date, datetime
from functools import partial

from connector_kit import Operation, Page, Reply, Sender, read_whole
from connectors.tencent_ess import protocol
from connectors.tencent_ess.protocol import Account
from connectors.tencent_ess.wire import Charge, FlowInfo
from domain.ports import Clock


def _place(charge: tuple[int, Charge]) -> int:
    return charge[0]


class TencentEssClient:
    def __init__(self, account: Account, *, sender: Sender, clock: Clock) -> None:
        self._account = account
        self._sender = sender
        self._clock = clock

    async def upload(self, name: str, content: bytes) -> str:
        body = protocol.upload_body(self._account, name, content)
        return protocol.read_uploaded(await self._send(protocol.UPLOAD, body))

    async def create_flow(self, body: Mapping[str, object]) -> str:
        return protocol.read_created(await self._send(protocol.CREATE_FLOW, body))

    async def create_draft(self, body: Mapping[str, object]) -> str:
        reply = await self._send(protocol.CREATE_DRAFT, body)
        return protocol.read_created(reply, operation=protocol.CREATE_DRAFT)

    async def create_document(self, body: Mapping[str, object]) -> None:
        await self._command(protocol.CREATE_DOCUMENT, body)

    async def start(self, flow_id: str) -> None:
        await self._command(protocol.START, {"FlowId": flow_id})

    async def deadline(self, flow_id: str) -> int | None:
        body = self._as_operator({"FlowIds": [flow_id]})
        return protocol.read_deadline(await self._send(protocol.BRIEFS, body))

    async def apply_for_report(self, flow_id: str) -> str:
        body = self._as_operator({"FlowId": flow_id})
        return protocol.read_applied(await self._send(protocol.APPLY_REPORT, body))

    async def report_link(self, number: str) -> str | None:
        body = self._as_operator({"ReportId": number})
        return protocol.read_report_link(await self._send(protocol.REPORT, body))

    async def infos(self, flow_ids: Sequence[str]) -> Sequence[FlowInfo]:
        body = self._as_operator({"FlowIds": list(flow_ids)})
        return protocol.read_infos(await self._send(protocol.FLOW_INFO, body))

    async def charges(self, since: datetime, until: datetime) -> AsyncIterator[Charge]:
        """The bill, day by day; a charge that comes meanwhile may push another one onto two pages."""
        for first, last in protocol.bill_windows(since, until):
            async for rows in read_whole(partial(self._bill, first, last), _place, only_grows=True):
                for _, row in rows:
                    yield row

    async def _bill(self, first: date, last: date, number: int) -> Page[tuple[int, Charge]]:
        """A charge has no id, so it is known by its place: nothing is ever taken off a bill. [U]"""
        body = protocol.bill_query(first, last, page=number - 1)
        rows, total = protocol.read_bill(await self._send(protocol.BILL, body))
        start = (number - 1) * protocol.PAGE_SIZE
        return Page(list(enumerate(rows, start)), total, last=start + protocol.PAGE_SIZE >= total)

    async def file_url(self, flow_id: str, *, seconds: int) -> str:
        body = {"BusinessType": "FLOW", "BusinessIds": [flow_id], "FileType": "PDF", "UrlTtl": seconds}
        return protocol.read_file_url(await self._send(protocol.FILE_URLS, self._as_operator(body)))

    async def download(self, url: str) -> bytes | None:
        request = protocol.build_download(self._account, url)
        return protocol.read_download(await self._sender.send(request))

    async def cancel(self, flow_id: str, *, reason: str) -> None:
        await self._command(protocol.CANCEL, {"FlowId": flow_id, "CancelMessage": reason})

    async def extend(self, flow_id: str, *, until: datetime) -> None:
        await self._command(protocol.EXTEND, {"FlowId": flow_id, "Deadline": protocol.seconds(until)})

    async def remind(self, flow_id: str) -> None:
        body = self._as_operator({"FlowIds": [flow_id]})
        protocol.read_reminder(await self._send(protocol.REMIND, body))

    async def sign_url(self, flow: FlowInfo, *, mobile: str) -> str:
        approver = protocol.approver_query(flow, mobile)
        body = self._as_operator({"FlowId": flow.FlowId, "FlowApproverInfos": [approver]})
        return protocol.read_sign_url(await self._send(protocol.SIGN_URL, body))

    async def _command(self, operation: Operation, body: Mapping[str, object]) -> None:
        protocol.read_done(operation, await self._send(operation, self._as_operator(body)))

    def _as_operator(self, body: Mapping[str, object]) -> dict[str, object]:
        return {"Operator": {"UserId": self._account.operator_id}, **body}

    async def _send(self, operation: Operation, body: Mapping[str, object]) -> Reply:
        request = protocol.build(self._account, operation, body, now=self._clock.now())
        return await self._sender.send(request)
