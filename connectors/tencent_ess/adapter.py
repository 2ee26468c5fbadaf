"""The ports of a signing service: a request becomes a flow, a flow becomes neutral news."""

import asyncio
from datetime import datetime, timedelta

from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_fixed

from connector_kit import Tools
from connectors.tencent_ess.client import TencentEssClient
from connectors.tencent_ess.errors import CANCEL_FORBIDDEN, HAS_STARTED, NOT_COMPOSED
from connectors.tencent_ess.hooks import TencentEssHooks
from connectors.tencent_ess.protocol import (
    PAGE_SIZE,
    Account,
    document_body,
    file_name,
    findable,
    names_contract,
    safe_name,
    safe_reason,
    seconds,
    to_flow,
    user_data,
)
from connectors.tencent_ess.settings import TencentEssSettings
from connectors.tencent_ess.wire import FlowInfo
from domain.faults import Misconfigured, Rejected, Transient
from domain.records import SignedFile, SigningFlow, SigningRequest, plain
from domain.states import SigningState

MAPPING = "tencent_ess.create_flow_by_files"
DRAFT_MAPPING = "tencent_ess.create_flow"
TEMPLATE_FIELDS = "tencent_ess.template_fields"
CLOCK_SKEW = timedelta(minutes=5)
"""The vendor's clock may differ from ours by as much as it tolerates in a signature."""
LINK_ATTEMPTS = 2
START_ATTEMPTS = 4
NATIONAL_PREFIX = "+86"


class TencentEssAdapter(TencentEssHooks):
    """Implements Signer, SigningEvidence, Hook and SigningHook."""

    def __init__(self, settings: TencentEssSettings, tools: Tools) -> None:
        key = settings.callback_key
        super().__init__(
            token=settings.callback_token.get_secret_value(), key=key.get_secret_value() if key else None
        )
        account = Account(
            base_url=settings.base_url.rstrip("/"),
            upload_url=settings.upload_url,
            secret_id=settings.secret_id,
            secret_key=settings.secret_key.get_secret_value(),
            operator_id=settings.operator_id,
            timeout=settings.timeout_seconds,
            file_timeout=settings.file_timeout_seconds,
        )
        self.wants_evidence = settings.evidence_report
        self._settings = settings
        self._clock = tools.clock
        self._mappings = tools.mappings
        self._client = TencentEssClient(account, sender=tools.sender, clock=tools.clock)

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
        if template_id := self._settings.template_id:
            flow_id = await self._create_from_template(request, template_id)
        else:
            file_id = await self._client.upload(file_name(request.file_name), content)
            flow_id = await self._client.create_flow(self._body(request, MAPPING, file_ids=[file_id]))
        return SigningFlow(
            flow_id=flow_id, key=request.key, state=SigningState.SIGNING, parties=len(request.parties)
        )

    async def _create_from_template(self, request: SigningRequest, template_id: str) -> str:
        """Starting is what counts. A draft left behind is seen by nobody, and another one is made."""
        values = self._mappings.translate(TEMPLATE_FIELDS, plain(request)).record
        flow_id = await self._client.create_draft(self._body(request, DRAFT_MAPPING))
        name = safe_name(f"{request.contract_number} {request.title}")
        await self._client.create_document(document_body(flow_id, template_id, name, values))
        await self._start(flow_id)
        return flow_id

    async def _start(self, flow_id: str) -> None:
        """Not before its document is composed. Twice is no news."""
        await asyncio.sleep(self._settings.document_seconds)
        try:
            await AsyncRetrying(
                stop=stop_after_attempt(START_ATTEMPTS),
                wait=wait_fixed(1),
                retry=retry_if_exception(lambda fault: getattr(fault, "code", None) == NOT_COMPOSED),
                reraise=True,
            )(self._client.start, flow_id)
        except Rejected as refusal:
            if refusal.code != HAS_STARTED:
                raise

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
                return SignedFile.of(name, content)
        raise Transient("下载链接失效 (the link to the signed file ran out)")

    async def apply_for_evidence(self, flow_id: str) -> str:
        return await self._client.apply_for_report(flow_id)

    async def evidence(self, flow_id: str, number: str) -> SignedFile | None:
        """A link that ran out is asked for once more."""
        for _ in range(LINK_ATTEMPTS):
            url = await self._client.report_link(number)
            if url is None:
                return None
            content = await self._client.download(url)
            if content is not None:
                return SignedFile.of(f"签署报告 {number}.pdf", content)
        raise Transient("下载链接失效 (the link to the report ran out)")

    async def extend(self, flow_id: str, until: datetime) -> None:
        """Twice is no news."""
        try:
            await self._client.extend(flow_id, until=until)
        except Rejected:
            if await self._client.deadline(flow_id) != seconds(until):
                raise

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

    def _body(self, request: SigningRequest, mapping: str, **more: object) -> dict[str, object]:
        seal = self._settings
        record = plain(request) | {
            "parties": self._parties(request),
            "flow_title": safe_name(f"{request.contract_number} {request.title}"),
            "operator": seal.operator_id,
            "user_data": user_data(request.key),
            "notify_type": seal.notify_type,
            "seals": [{"page": seal.seal_page, "x": seal.seal_x, "y": seal.seal_y, "size": seal.seal_size}],
        }
        body = self._mappings.translate(mapping, record | more).record
        if not findable(body, key=request.key, contract_number=request.contract_number):
            raise Misconfigured(f"映射 {mapping} 的合同名称须含合同号，FlowDescription 须为业务编号")
        return body

    def _parties(self, request: SigningRequest) -> list[dict[str, object]]:
        """In the order of signing; of a template also who they are in it."""
        parties = [plain(party) for party in sorted(request.parties, key=lambda party: party.order)]
        if not self._settings.template_id:
            return parties
        recipients = self._settings.template_recipients
        if len(recipients) != len(parties):
            raise Misconfigured(
                f"连接的 template_recipients 有 {len(recipients)} 个，而合同有 {len(parties)} 个签署方："
                "须按签署顺序一一对应 (one for each party)"
            )
        return [party | {"recipient": one} for party, one in zip(parties, recipients, strict=True)]


def open_connection(settings: TencentEssSettings, tools: Tools) -> TencentEssAdapter:
    return TencentEssAdapter(settings, tools)
