"""The ports of a signing service: a request becomes a flow, a flow becomes neutral news."""

from datetime import datetime, timedelta

from connector_kit import Tools
from connectors.esign.client import EsignClient
from connectors.esign.errors import ALREADY_REVOKED
from connectors.esign.hooks import EsignHooks
from connectors.esign.protocol import Account, findable, names_contract, safe_name, whole_milliseconds
from connectors.esign.settings import EsignSettings
from domain.faults import Misconfigured, Rejected, Transient
from domain.records import SignedFile, SigningFlow, SigningRequest, plain
from domain.states import SigningState

MAPPING = "esign.create_by_file"
TEMPLATE_FIELDS = "esign.template_fields"
CLOCK_SKEW = timedelta(minutes=15)
"""The vendor's clock may differ from ours by as much as it tolerates in a signature."""
LIST_WINDOW = timedelta(days=365)
LINK_ATTEMPTS = 2
NATIONAL_PREFIX = "+86"


class EsignAdapter(EsignHooks):
    """Implements Signer, SigningEvidence, Hook and SigningHook."""

    def __init__(self, settings: EsignSettings, tools: Tools) -> None:
        secret = settings.app_secret.get_secret_value()
        super().__init__(app_id=settings.app_id, secret=secret)
        account = Account(
            settings.base_url.rstrip("/"),
            settings.app_id,
            secret,
            timeout=settings.timeout_seconds,
            file_timeout=settings.file_timeout_seconds,
        )
        self.wants_evidence = settings.evidence_report
        self._settings = settings
        self._clock = tools.clock
        self._mappings = tools.mappings
        self._client = EsignClient(account, sender=tools.sender, clock=tools.clock)

    async def find_flow(self, request: SigningRequest) -> SigningFlow | None:
        """By the key inside; the list shows only times and titles, so its candidates are opened."""
        since = request.requested_at - CLOCK_SKEW
        until = min(self._clock.now() + CLOCK_SKEW, since + LIST_WINDOW)
        async for found in self._client.started(since, until):
            if names_contract(found.title, request.contract_number):
                flow = await self._client.detail(found.flow_id)
                if flow.key == request.key:
                    return flow
        return None

    async def create_flow(self, request: SigningRequest, content: bytes) -> SigningFlow:
        """The detail is not fetched: a failed look must not hide that the flow exists."""
        name = safe_name(request.file_name)
        file_id = await self._document(request, name, content)
        pages = await self._client.pages_when_ready(file_id, patience=self._settings.file_wait_seconds)
        if pages is None:
            raise Transient("文件还在处理，稍后再试 (the file is not ready yet)")
        body = self._body(request, file_id, name=name, pages=pages)
        flow_id = await self._client.create_flow(body)
        return SigningFlow(
            flow_id=flow_id, key=request.key, state=SigningState.SIGNING, parties=len(request.parties)
        )

    async def flow(self, flow_id: str) -> SigningFlow:
        return await self._client.detail(flow_id)

    async def signed_file(self, flow_id: str) -> SignedFile:
        """A link that ran out is asked for once more."""
        for _ in range(LINK_ATTEMPTS):
            name, url = await self._client.download_link(flow_id, seconds=self._settings.link_seconds)
            content = await self._client.download(url)
            if content is not None:
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
            content = await self._client.download_report(url)
            if content is not None:
                return SignedFile.of(f"出证报告 {number}.zip", content)
        raise Transient("下载链接失效 (the link to the report ran out)")

    async def extend(self, flow_id: str, until: datetime) -> None:
        """Twice is no news, although the vendor allows it once."""
        try:
            await self._client.delay(flow_id, until=until)
        except Rejected:
            if (await self._client.detail(flow_id)).expires_at != whole_milliseconds(until):
                raise

    async def revoke(self, flow_id: str, reason: str) -> None:
        """Twice is no news."""
        try:
            await self._client.revoke(flow_id, reason=reason[:50])
        except Rejected as refusal:
            if refusal.code != ALREADY_REVOKED:
                raise

    async def urge(self, flow_id: str) -> None:
        await self._client.urge(flow_id, notice_types=self._settings.notice_types)

    async def sign_url(self, flow_id: str, phone: str) -> str:
        """The account in the form that was used at creation."""
        return await self._client.sign_url(flow_id, account=phone.removeprefix(NATIONAL_PREFIX))

    async def _document(self, request: SigningRequest, name: str, content: bytes) -> str:
        """Our own PDF, or the connection's template filled in."""
        if template_id := self._settings.doc_template_id:
            values = self._mappings.translate(TEMPLATE_FIELDS, plain(request)).record
            return await self._client.fill_template(template_id, name, values)
        place = await self._client.announce_file(name, content)
        await self._client.upload(place.fileUploadUrl, content)
        return place.fileId

    def _body(self, request: SigningRequest, file_id: str, *, name: str, pages: int) -> dict[str, object]:
        file = {
            "id": file_id,
            "name": name,
            "seal_page": self._settings.seal_page or pages,
            "seal_x": self._settings.seal_x,
            "seal_y": self._settings.seal_y,
        }
        record = {
            **plain(request),
            "flow_title": safe_name(f"{request.contract_number} {request.title}"),
            "notice_types": self._settings.notice_types,
            "files": [file],
        }
        body = self._mappings.translate(MAPPING, record).record
        if not findable(body, key=request.key, contract_number=request.contract_number):
            raise Misconfigured(f"映射 {MAPPING} 的标题须含合同号，customBizNum 须为 key:order")
        return body


def open_connection(settings: EsignSettings, tools: Tools) -> EsignAdapter:
    return EsignAdapter(settings, tools)
