"""The ports of a signing service: a request becomes a sign task, a task becomes neutral news."""

from datetime import datetime

from connector_kit import Tools
from connectors.fadada.client import FadadaClient
from connectors.fadada.errors import STATE_FORBIDS
from connectors.fadada.hooks import FadadaHooks
from connectors.fadada.protocol import (
    DOC_ID,
    Account,
    actor_id,
    find_actor,
    findable,
    subject_of,
    to_flow,
    whole_milliseconds,
)
from connectors.fadada.settings import FadadaSettings
from connectors.fadada.wire import FileId
from domain.faults import Misconfigured, Rejected, Transient
from domain.records import SignedFile, SigningFlow, SigningParty, SigningRequest, plain
from domain.states import SigningState

MAPPING = "fadada.create_sign_task"
TEMPLATE_FIELDS = "fadada.template_fields"
REPORT = "report"
"""It needs no application: its number is ours."""
LINK_ATTEMPTS = 2
NATIONAL_PREFIX = "+86"


class FadadaAdapter(FadadaHooks):
    """Implements Signer, SigningEvidence, Hook and SigningHook."""

    def __init__(self, settings: FadadaSettings, tools: Tools) -> None:
        secret = settings.app_secret.get_secret_value()
        super().__init__(app_id=settings.app_id, secret=secret)
        account = Account(
            base_url=settings.base_url.rstrip("/"),
            app_id=settings.app_id,
            secret=secret,
            corp_id=settings.open_corp_id,
            timeout=settings.timeout_seconds,
            file_timeout=settings.file_timeout_seconds,
        )
        self.wants_evidence = settings.evidence_report
        self._settings = settings
        self._account = account
        self._mappings = tools.mappings
        self._client = FadadaClient(account, sender=tools.sender, tokens=tools.tokens, clock=tools.clock)

    async def find_flow(self, request: SigningRequest) -> SigningFlow | None:
        """The list is asked for the subject and compared by our key."""
        async for row in self._client.tasks(subject_of(request.contract_number, request.title)):
            if row.transReferenceId == request.key:
                return await self.flow(row.signTaskId)
        return None

    async def create_flow(self, request: SigningRequest, content: bytes) -> SigningFlow:
        """The detail is not fetched: a failed look must not hide that the task exists."""
        file = await self._document(request, content)
        task_id = await self._client.create(self._body(request, file))
        return SigningFlow(
            flow_id=task_id, key=request.key, state=SigningState.SIGNING, parties=len(request.parties)
        )

    async def flow(self, flow_id: str) -> SigningFlow:
        return to_flow(await self._client.detail(flow_id))

    async def signed_file(self, flow_id: str) -> SignedFile:
        """A link that ran out is asked for once more."""
        detail = await self._client.detail(flow_id)
        for _ in range(LINK_ATTEMPTS):
            content = await self._client.download(await self._client.download_url(flow_id))
            if content is not None:
                name = f"{detail.signTaskSubject or flow_id}.pdf"
                return SignedFile.of(name, content)
        raise Transient("下载链接失效 (the link to the signed file ran out)")

    async def apply_for_evidence(self, flow_id: str) -> str:
        """The vendor has it ready for every finished task."""
        return REPORT

    async def evidence(self, flow_id: str, number: str) -> SignedFile | None:
        """A link that ran out is asked for once more."""
        for _ in range(LINK_ATTEMPTS):
            content = await self._client.download_report(await self._client.report_url(flow_id))
            if content is not None:
                return SignedFile.of(f"保全报告 {flow_id}.zip", content)
        raise Transient("下载链接失效 (the link to the report ran out)")

    async def extend(self, flow_id: str, until: datetime) -> None:
        """Twice is no news."""
        try:
            await self._client.extend(flow_id, until=until)
        except Rejected:
            if (await self.flow(flow_id)).expires_at != whole_milliseconds(until):
                raise

    async def revoke(self, flow_id: str, reason: str) -> None:
        """Twice is no news; one refusal stands for every end of a task."""
        try:
            await self._client.cancel(flow_id, reason=reason[:100])
        except Rejected as refusal:
            if refusal.code != STATE_FORBIDS or (await self.flow(flow_id)).state != SigningState.REVOKED:
                raise

    async def urge(self, flow_id: str) -> None:
        await self._client.urge(flow_id)

    async def sign_url(self, flow_id: str, phone: str) -> str:
        actor = find_actor(await self._client.detail(flow_id), phone.removeprefix(NATIONAL_PREFIX))
        if actor is None:
            raise Rejected("此人不是该任务的参与方：手机号须与发起时一致 (not a signer)", "211066")
        return await self._client.actor_url(flow_id, actor)

    async def _document(self, request: SigningRequest, content: bytes) -> FileId:
        """Our own PDF, or the connection's template filled in."""
        if template_id := self._settings.doc_template_id:
            values = self._mappings.translate(TEMPLATE_FIELDS, plain(request)).record
            return await self._client.fill_template(template_id, request.file_name, values)
        return await self._client.upload(request.file_name, content)

    def _body(self, request: SigningRequest, file: FileId) -> dict[str, object]:
        subject = subject_of(request.contract_number, request.title)
        body = self._mappings.translate(MAPPING, self._record(request, file, subject)).record
        if not findable(body, key=request.key, subject=subject):
            raise Misconfigured(f"映射 {MAPPING} 的主题须为 合同号 标题，transReferenceId 须为业务编号")
        return body

    def _record(self, request: SigningRequest, file: FileId, subject: str) -> dict[str, object]:
        seal = {
            "page": self._settings.seal_page or file.fileTotalPages or 1,
            "x": self._settings.seal_x,
            "y": self._settings.seal_y,
        }
        own = any(party.own for party in request.parties)
        return plain(request) | {
            "parties": [_party(party) for party in request.parties],
            "subject": subject,
            "corp_id": self._account.corp_id,
            "scene": self._settings.free_sign_scene if own else None,
            "notify": self._settings.notify_signers,
            "files": [{"id": file.fileId, "doc_id": DOC_ID, "name": request.file_name}],
            "seals": [seal] if own else [],
        }


def _party(party: SigningParty) -> dict[str, object]:
    phone = (party.phone or "").removeprefix(NATIONAL_PREFIX) or None
    return plain(party) | {"phone": phone, "actor_id": actor_id(party.order, phone)}


def open_connection(settings: FadadaSettings, tools: Tools) -> FadadaAdapter:
    return FadadaAdapter(settings, tools)
