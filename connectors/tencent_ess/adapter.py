"""The ports of a signing service: a request becomes a flow, a flow becomes neutral news."""

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from connector_kit import Tools
from connectors.tencent_ess.client import TencentEssClient
from connectors.tencent_ess.errors import CANCEL_FORBIDDEN
from connectors.tencent_ess.hooks import TencentEssHooks
from connectors.tencent_ess.protocol import (
    PAGE_SIZE,
    Account,
    file_name,
    findable,
    names_contract,
    safe_name,
    safe_reason,
    to_flow,
    user_data,
)
from connectors.tencent_ess.settings import TencentEssSettings
from connectors.tencent_ess.wire import FlowInfo
from domain.faults import Misconfigured, Rejected, Transient
from domain.ports import HookAnswer, HookRequest, Inbound, SigningHint
from domain.records import SignedFile, SigningFlow, SigningRequest, plain
from domain.states import SigningState

MAPPING = "tencent_ess.create_flow_by_files"
CLOCK_SKEW = timedelta(minutes=5)
"""The vendor's clock may differ from ours by as much as it tolerates in a signature."""
LINK_ATTEMPTS = 2
NATIONAL_PREFIX = "+86"


class TencentEssAdapter:
    """Implements Signer, Hook and SigningHook."""

    def __init__(self, settings: TencentEssSettings, tools: Tools) -> None:
        account = Account(
            base_url=settings.base_url.rstrip("/"),
            upload_url=settings.upload_url,
            secret_id=settings.secret_id,
            secret_key=settings.secret_key.get_secret_value(),
            operator_id=settings.operator_id,
            timeout=settings.timeout_seconds,
            file_timeout=settings.file_timeout_seconds,
        )
        self._settings = settings
        self._clock = tools.clock
        self._mappings = tools.mappings
        self._client = TencentEssClient(account, sender=tools.sender, clock=tools.clock)
        key = settings.callback_key
        self._hooks = TencentEssHooks(
            token=settings.callback_token.get_secret_value(), key=key.get_secret_value() if key else None
        )

    async def find_flow(self, request: SigningRequest) -> SigningFlow | None:
        """The vendor has no list of flows, but its bill names each that was started since."""
        found = await self._candidates(request)
        for start in range(0, len(found), PAGE_SIZE):
            for info in await self._client.infos(found[start : start + PAGE_SIZE]):
                if info.FlowDescription == request.key:
                    return to_flow(info)
        waiting = request.requested_at + timedelta(seconds=self._settings.bill_delay_seconds)
        if self._clock.now() < waiting:
            raise Transient("合同消耗明细可能还没有更新，稍后再查 (the bill may lag)")
        return None

    async def create_flow(self, request: SigningRequest, content: bytes) -> SigningFlow:
        """The detail is not fetched: a failed look must not hide that the flow exists."""
        file_id = await self._client.upload(file_name(request.file_name), content)
        flow_id = await self._client.create_flow(self._body(request, file_id))
        return SigningFlow(
            flow_id=flow_id, key=request.key, state=SigningState.SIGNING, parties=len(request.parties)
        )

    async def flow(self, flow_id: str) -> SigningFlow:
        return to_flow(await self._info(flow_id))

    async def signed_file(self, flow_id: str) -> SignedFile:
        """Not before the document is composed; a link that ran out is asked for once more."""
        info = await self._info(flow_id)
        flow = to_flow(info)
        if flow.state is not SigningState.SIGNED:
            raise Rejected("合同还未签署完成，不能下载 (not signed yet)", str(info.FlowStatus))
        if flow.finished_at:
            await asyncio.sleep(self._left_to_compose(flow.finished_at))
        for _ in range(LINK_ATTEMPTS):
            url = await self._client.file_url(flow_id, seconds=self._settings.link_seconds)
            content = await self._client.download(url)
            if content is not None:
                name = f"{info.FlowName or flow_id}.pdf"
                return SignedFile(name=name, content=content, sha256=hashlib.sha256(content).hexdigest())
        raise Transient("下载链接失效 (the link to the signed file ran out)")

    async def extend(self, flow_id: str, until: datetime) -> None:
        await self._client.extend(flow_id, until=until)

    async def revoke(self, flow_id: str, reason: str) -> None:
        """Twice is no news; one refusal stands for every end of a flow."""
        try:
            await self._client.cancel(flow_id, reason=safe_reason(reason))
        except Rejected as refusal:
            if refusal.code != CANCEL_FORBIDDEN or (await self.flow(flow_id)).state != SigningState.REVOKED:
                raise

    async def urge(self, flow_id: str) -> None:
        await self._client.remind(flow_id)

    async def sign_url(self, flow_id: str, phone: str) -> str:
        info = await self._info(flow_id)
        return await self._client.sign_url(info, mobile=phone.removeprefix(NATIONAL_PREFIX))

    def open(self, request: HookRequest) -> Sequence[Inbound]:
        return self._hooks.open(request)

    def accepted(self, request: HookRequest) -> HookAnswer:
        return self._hooks.accepted(request)

    def read_hint(self, kind: str, body: bytes) -> SigningHint | None:
        return self._hooks.read_hint(kind, body)

    async def _candidates(self, request: SigningRequest) -> list[str]:
        since = request.requested_at - CLOCK_SKEW
        until = self._clock.now() + CLOCK_SKEW
        found = [
            charge.FlowId
            async for charge in self._client.charges(since, until)
            if charge.CostTime >= since.timestamp()
            and names_contract(charge.FlowName, request.contract_number)
        ]
        return list(dict.fromkeys(found))

    async def _info(self, flow_id: str) -> FlowInfo:
        for info in await self._client.infos([flow_id]):
            if info.FlowId == flow_id:
                return info
        raise Rejected(f"合同 {flow_id} 不存在 (no such flow)", "ResourceNotFound.Flow")

    def _left_to_compose(self, finished_at: datetime) -> float:
        passed = (self._clock.now() - finished_at).total_seconds()
        return min(max(self._settings.compose_seconds - passed, 0.0), self._settings.compose_seconds)

    def _body(self, request: SigningRequest, file_id: str) -> dict[str, object]:
        seal = self._settings
        record = plain(request)
        assert isinstance(record, dict)
        record |= {
            "parties": sorted(record["parties"], key=lambda party: int(party["order"])),
            "flow_title": safe_name(f"{request.contract_number} {request.title}"),
            "operator": seal.operator_id,
            "user_data": user_data(request.key),
            "file_ids": [file_id],
            "notify_type": seal.notify_type,
            "seals": [{"page": seal.seal_page, "x": seal.seal_x, "y": seal.seal_y, "size": seal.seal_size}],
        }
        body = self._mappings.translate(MAPPING, record).record
        if not findable(body, key=request.key, contract_number=request.contract_number):
            raise Misconfigured(f"映射 {MAPPING} 的合同名称须含合同号，FlowDescription 须为业务编号")
        return body


def open_connection(settings: TencentEssSettings, tools: Tools) -> TencentEssAdapter:
    return TencentEssAdapter(settings, tools)
