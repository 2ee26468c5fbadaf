"""Requests to the kit, replies to the protocol: one method per call."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from urllib.parse import urlencode

from connector_kit import Operation, Reply, Sender
from connectors.esign import protocol
from connectors.esign.protocol import Account, Found
from connectors.esign.wire import UploadPlace
from domain.ports import Clock
from domain.records import SigningFlow

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0


class EsignClient:
    def __init__(self, account: Account, *, sender: Sender, clock: Clock) -> None:
        self._account = account
        self._sender = sender
        self._clock = clock

    async def announce_file(self, name: str, content: bytes) -> UploadPlace:
        body = protocol.announcement(name, content)
        return protocol.read_upload_place(
            await self._post(protocol.ANNOUNCE_FILE, "/v3/files/file-upload-url", body)
        )

    async def upload(self, url: str, content: bytes) -> None:
        protocol.read_upload(await self._sender.send(protocol.build_upload(self._account, url, content)))

    async def fill_template(self, template_id: str, name: str, values: Mapping[str, object]) -> str:
        body = protocol.filling(template_id, name, values)
        reply = await self._post(protocol.FILL_TEMPLATE, "/v3/files/create-by-doc-template", body)
        return protocol.read_filled(reply)

    async def pages_when_ready(self, file_id: str, *, patience: float) -> int | None:
        """The number of pages as soon as the file is usable; None when that takes too long."""
        pause, waited = FIRST_PAUSE, 0.0
        while (pages := await self._pages(file_id)) is None and waited + pause <= patience:
            await asyncio.sleep(pause)
            waited, pause = waited + pause, min(2 * pause, LONGEST_PAUSE)
        return pages

    async def create_flow(self, body: Mapping[str, object]) -> str:
        return protocol.read_created(
            await self._post(protocol.CREATE_FLOW, "/v3/sign-flow/create-by-file", body)
        )

    async def detail(self, flow_id: str) -> SigningFlow:
        return protocol.read_detail(
            flow_id, await self._get(protocol.DETAIL, f"/v3/sign-flow/{flow_id}/detail")
        )

    async def started(self, since: datetime, until: datetime) -> AsyncIterator[Found]:
        """Flows by start time. A flow that starts meanwhile may push another one onto two pages."""
        page, seen, total = 1, 0, 1
        while seen < total:
            query = protocol.list_query(since, until, page=page)
            rows, total = protocol.read_page(
                await self._post(protocol.LIST_FLOWS, "/v3/sign-flow/sign-flow-list", query)
            )
            for row in rows:
                yield row
            if not rows:
                return
            page, seen = page + 1, seen + len(rows)

    async def download_link(self, flow_id: str, *, seconds: int) -> tuple[str, str]:
        path = f"/v3/sign-flow/{flow_id}/file-download-url"
        return protocol.read_download_link(
            await self._post(protocol.DOWNLOAD_URL, path, {"urlAvailableDate": seconds})
        )

    async def download(self, url: str) -> bytes | None:
        request = protocol.build_download(self._account, url)
        return protocol.read_download(await self._sender.send(request))

    async def revoke(self, flow_id: str, *, reason: str) -> None:
        await self._command(protocol.REVOKE, f"/v3/sign-flow/{flow_id}/revoke", {"revokeReason": reason})

    async def delay(self, flow_id: str, *, until: datetime) -> None:
        body = {"signFlowExpireTime": protocol.millis(until)}
        await self._command(protocol.DELAY, f"/v3/sign-flow/{flow_id}/delay", body)

    async def urge(self, flow_id: str, *, notice_types: str) -> None:
        await self._command(protocol.URGE, f"/v3/sign-flow/{flow_id}/urge", {"noticeTypes": notice_types})

    async def apply_for_report(self, flow_id: str) -> str:
        body = {"signFlowId": flow_id}
        return protocol.read_applied(
            await self._post(protocol.APPLY_REPORT, "/v3/evidence-report/apply", body)
        )

    async def report_link(self, number: str) -> str | None:
        path = f"/v3/evidence-report/query?{urlencode({'recordNum': number})}"
        return protocol.read_report_link(await self._get(protocol.REPORT, path))

    async def download_report(self, url: str) -> bytes | None:
        request = protocol.build_download(self._account, url)
        return protocol.read_report(await self._sender.send(request))

    async def sign_url(self, flow_id: str, *, account: str) -> str:
        body = {"operator": {"psnAccount": account}}
        return protocol.read_sign_url(
            await self._post(protocol.SIGN_URL, f"/v3/sign-flow/{flow_id}/sign-url", body)
        )

    async def _pages(self, file_id: str) -> int | None:
        return protocol.read_file_pages(await self._get(protocol.FILE_STATUS, f"/v3/files/{file_id}"))

    async def _command(self, operation: Operation, path: str, body: Mapping[str, object]) -> None:
        protocol.read_done(operation, await self._post(operation, path, body))

    async def _get(self, operation: Operation, path: str) -> Reply:
        request = protocol.build(self._account, operation, path, now=self._clock.now())
        return await self._sender.send(request)

    async def _post(self, operation: Operation, path: str, body: Mapping[str, object]) -> Reply:
        request = protocol.build(self._account, operation, path, now=self._clock.now(), body=body)
        return await self._sender.send(request)
