"""e签宝's protocol as functions of values: sign, build requests, read replies, verify callbacks. No I/O."""

import base64
import hashlib
import hmac
import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import orjson
from pydantic import BaseModel, ValidationError

from connector_kit import Operation, Reply, Request
from connectors.esign.errors import OK, fault_from
from connectors.esign.wire import (
    Created,
    Detail,
    Downloads,
    Envelope,
    FileStatus,
    FilledTemplate,
    FlowPage,
    Report,
    ReportApplied,
    SignUrl,
    UploadPlace,
)
from domain.faults import Fault, Malformed, Rejected, Transient, UnknownOutcome
from domain.records import SigningFlow
from domain.states import SigningState

# A file that was announced, uploaded or filled in twice leaves nothing behind that anybody sees: repeating is
# harmless.
ANNOUNCE_FILE = Operation("file-upload-url", "read")
UPLOAD_FILE = Operation("upload", "read")
FILL_TEMPLATE = Operation("create-by-doc-template", "read")
FILE_STATUS = Operation("file-status", "read")
CREATE_FLOW = Operation("create-by-file", "blind_write")
DETAIL = Operation("detail", "read")
LIST_FLOWS = Operation("sign-flow-list", "read")
SIGN_URL = Operation("sign-url", "read")
DOWNLOAD_URL = Operation("file-download-url", "read")
DOWNLOAD = Operation("download", "read")
URGE = Operation("urge", "blind_write")
APPLY_REPORT = Operation("evidence-report-apply", "blind_write")
REPORT = Operation("evidence-report-query", "read")
# Each names the flow and the state it shall get: the flow itself tells whether it happened.
REVOKE = Operation("revoke", "keyed_write")
DELAY = Operation("delay", "keyed_write")

PAGE_SIZE = 100
ACCEPT = "*/*"
JSON_TYPE = "application/json; charset=UTF-8"
PDF_TYPE = "application/pdf"
FILE_READY = frozenset({2, 5})
FILE_BROKEN = frozenset({3, 9, 12})
STORE_REFUSED = 403
LONGEST_NAME = 100
FORBIDDEN_CHARACTERS = re.compile(r'[/\\:*"<>|?？\U00010000-\U0010ffff\u2600-\u27bf]')
NOT_A_LETTER = re.compile(r"[\W_]")

STATES = {
    0: SigningState.DRAFT,
    1: SigningState.SIGNING,
    2: SigningState.SIGNED,
    3: SigningState.REVOKED,
    5: SigningState.EXPIRED,
    7: SigningState.DECLINED,
}
"""signFlowStatus. PARTLY_SIGNED is derived: the vendor has no word for it."""
SIGNER_STATES = {0: "waiting", 1: "signing", 2: "signed", 3: "waiting for approval", 4: "declined"}
SIGNED_BY_SIGNER = 2
RESCINDED = 3
RESCISSIONS = frozenset({None, 0, 1, 2, RESCINDED})
REPORT_WAITS, REPORT_READY, REPORT_FAILED = "ACCEPTED", "ISSUE_SUCCESS", "ISSUE_FAILED"

Shape = TypeVar("Shape", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Account:
    """Who asks, and where."""

    base_url: str
    app_id: str
    secret: str = field(repr=False)
    timeout: float = 15.0
    file_timeout: float = 60.0


@dataclass(frozen=True, slots=True)
class Found:
    """A flow of the list, before its detail is known."""

    flow_id: str
    title: str


# -- signature -----------------------------------------------------------------------------------------


def content_md5(body: bytes) -> str:
    """Of the 16 raw bytes, not of the hex text."""
    return base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()


def string_to_sign(
    method: str,
    path: str,
    *,
    accept: str = ACCEPT,
    md5: str = "",
    content_type: str = "",
    date: str = "",
    extra: Mapping[str, str] | None = None,
) -> str:
    """An empty standard field keeps its line; without extra headers there is no line for them."""
    extras = [f"{name}:{value}" for name, value in sorted((extra or {}).items())]
    return "\n".join([method, accept, md5, content_type, date, *extras, path])


def sign(secret: str, text: str) -> str:
    return base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()).decode()


def callback_signature(secret: str, *, timestamp: str, query: str, body: bytes) -> str:
    """Lower-case hex, unlike a request's. Of the query only the values count, in the order of their keys."""
    pairs = sorted(parse_qsl(query, keep_blank_values=True), key=lambda pair: pair[0])
    values = "".join(value for _, value in pairs)
    return hmac.new(secret.encode(), (timestamp + values).encode() + body, hashlib.sha256).hexdigest()


# -- requests ------------------------------------------------------------------------------------------


def build(
    account: Account,
    operation: Operation,
    path: str,
    *,
    now: datetime,
    body: Mapping[str, object] | None = None,
) -> Request:
    """GET without a body, POST with one."""
    content = b"" if body is None else orjson.dumps(body, default=str)
    method = "GET" if body is None else "POST"
    md5, content_type = (content_md5(content), JSON_TYPE) if content else ("", "")
    text = string_to_sign(method, path, md5=md5, content_type=content_type)
    headers = {
        "Accept": ACCEPT,
        "X-Tsign-Open-App-Id": account.app_id,
        "X-Tsign-Open-Auth-Mode": "Signature",
        "X-Tsign-Open-Ca-Timestamp": str(millis(now)),
        "X-Tsign-Open-Ca-Signature": sign(account.secret, text),
    }
    if content:
        headers |= {"Content-MD5": md5, "Content-Type": content_type}
    return Request(operation, method, account.base_url + path, headers, content, account.timeout, _speaks)


def announcement(name: str, content: bytes) -> dict[str, object]:
    return {
        "fileName": name,
        "fileSize": len(content),
        "contentMd5": content_md5(content),
        "contentType": PDF_TYPE,
        "convertToPDF": False,
    }


def filling(template_id: str, name: str, values: Mapping[str, object]) -> dict[str, object]:
    """`values` by component key. Fields that the template requires are checked there."""
    components = [{"componentKey": key, "componentValue": str(value)} for key, value in values.items()]
    return {
        "docTemplateId": template_id,
        "fileName": name,
        "components": components,
        "requiredCheck": True,
    }


def build_upload(account: Account, url: str, content: bytes) -> Request:
    """To the object store: both headers exactly as announced, and no signature."""
    headers = {"Content-MD5": content_md5(content), "Content-Type": PDF_TYPE}
    return Request(UPLOAD_FILE, "PUT", url, headers, content, account.file_timeout)


def build_download(account: Account, url: str) -> Request:
    return Request(DOWNLOAD, "GET", url, {"Accept": ACCEPT}, timeout=account.file_timeout)


def list_query(since: datetime, until: datetime, *, page: int) -> dict[str, object]:
    return {
        "pageNum": page,
        "pageSize": PAGE_SIZE,
        "signFlowStartTimeFrom": millis(since),
        "signFlowStartTimeTo": millis(until),
    }


def safe_name(text: str) -> str:
    """As titles and file names must be. The end is kept: it is a file's extension."""
    plain = FORBIDDEN_CHARACTERS.sub("-", text)
    if len(plain) <= LONGEST_NAME:
        return plain
    stem, dot, extension = plain.rpartition(".")
    tail = dot + extension if dot and len(extension) <= 4 else ""
    return (stem if tail else plain)[: LONGEST_NAME - len(tail)] + tail


def names_contract(title: str, contract_number: str) -> bool:
    """Whether a flow's title holds the number, however its punctuation was changed on the way."""
    return NOT_A_LETTER.sub("", safe_name(contract_number)) in NOT_A_LETTER.sub("", title)


def findable(body: Mapping[str, Any], *, key: str, contract_number: str) -> bool:
    """Without title and key in their places, a lost answer would end in a second contract."""
    numbers = [area.get("customBizNum") for signer in body["signers"] for area in signer["signFields"]]
    in_place = all(number and number.rpartition(":")[0] == key for number in numbers)
    return in_place and names_contract(body["signFlowConfig"]["signFlowTitle"], contract_number)


def millis(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def whole_milliseconds(moment: datetime) -> datetime | None:
    """As the vendor keeps it."""
    return _moment(millis(moment))


# -- replies -------------------------------------------------------------------------------------------


def read_upload_place(reply: Reply) -> UploadPlace:
    return _read(ANNOUNCE_FILE, reply, UploadPlace)


def read_filled(reply: Reply) -> str:
    return _read(FILL_TEMPLATE, reply, FilledTemplate).fileId


def read_upload(reply: Reply) -> None:
    """The store answers `errCode`, and XML for a refusal."""
    if reply.status == STORE_REFUSED:
        raise Transient("上传地址失效，稍后重新上传 (upload link refused)", "403")
    try:
        code = orjson.loads(reply.body)["errCode"]
    except (orjson.JSONDecodeError, TypeError, KeyError) as error:
        raise Malformed("上传的回答无法识别 (unreadable)", body=reply.body) from error
    if code != 0:
        raise fault_from(int(code), "上传失败", write=False)


def read_file_pages(reply: Reply) -> int | None:
    """None: not usable yet. Otherwise the number of pages, at least one."""
    status = _read(FILE_STATUS, reply, FileStatus)
    if status.fileStatus in FILE_BROKEN:
        raise fault_from(1430002, f"文件处理失败 (file status {status.fileStatus})", write=False)
    if status.fileStatus not in FILE_READY:
        return None
    return max(1, status.fileTotalPageCount or 1)


def read_created(reply: Reply) -> str:
    return _read(CREATE_FLOW, reply, Created).signFlowId


def read_done(operation: Operation, reply: Reply) -> None:
    """Calls whose data is null, {} or absent."""
    _data(operation, reply)


def read_sign_url(reply: Reply) -> str:
    answer = _read(SIGN_URL, reply, SignUrl)
    return answer.shortUrl or answer.url


def read_page(reply: Reply) -> tuple[Sequence[Found], int]:
    """Rows of this page, and how many there are in all."""
    page = _read(LIST_FLOWS, reply, FlowPage)
    return [Found(row.signFlowId, row.signFlowTitle) for row in page.signFlowInfos or []], page.total


def read_download_link(reply: Reply) -> tuple[str, str]:
    """Name and link. Our flows hold one document."""
    first = _read(DOWNLOAD_URL, reply, Downloads).files[0]
    return first.fileName or "signed.pdf", first.downloadUrl


def read_download(reply: Reply) -> bytes | None:
    """None: the link ran out. The store gives the MD5 of what it sends [U]; a PDF ends with its mark."""
    if reply.status == STORE_REFUSED:
        return None
    whole = reply.body.startswith(b"%PDF") and b"%%EOF" in reply.body[-1024:]
    if not whole or reply.headers.get("content-md5") not in (None, content_md5(reply.body)):
        raise Malformed("下载的文件不是完整的PDF (not a complete PDF)", str(reply.status), reply.body[:2000])
    return reply.body


def read_applied(reply: Reply) -> str:
    return _read(APPLY_REPORT, reply, ReportApplied).recordNum


def read_report_link(reply: Reply) -> str | None:
    """None while it is being made."""
    report = _read(REPORT, reply, Report)
    if report.status == REPORT_WAITS:
        return None
    if report.status == REPORT_FAILED:
        raise Rejected(f"出证失败 (no report): {report.failReason or ''}", report.status)
    if report.status != REPORT_READY or not report.downloadUrl:
        raise Malformed("出证状态未知 (unknown status of a report)", report.status, reply.body)
    return report.downloadUrl


def read_report(reply: Reply) -> bytes | None:
    """None: the link ran out. The report is a zip."""
    if reply.status == STORE_REFUSED:
        return None
    if not zipfile.is_zipfile(io.BytesIO(reply.body)):
        raise Malformed("出证报告不是完整的压缩包 (not a whole zip)", str(reply.status), reply.body[:2000])
    return reply.body


def read_detail(flow_id: str, reply: Reply) -> SigningFlow:
    detail = _read(DETAIL, reply, Detail)
    signers = detail.signers or []
    state = STATES.get(detail.signFlowStatus)
    known = detail.rescissionStatus in RESCISSIONS and all(s.signStatus in SIGNER_STATES for s in signers)
    if state is None or not known:
        raise Malformed("签署状态未知 (unknown status)", str(detail.signFlowStatus), reply.body)
    signed = sum(signer.signStatus == SIGNED_BY_SIGNER for signer in signers)
    if state is SigningState.SIGNING and signed:
        state = SigningState.PARTLY_SIGNED
    return SigningFlow(
        flow_id=flow_id,
        key=_key(detail),
        state=state,
        reason=_reason(detail, state),
        finished_at=_moment(detail.signFlowFinishTime),
        expires_at=_moment(detail.signFlowConfig.signFlowExpireTime if detail.signFlowConfig else None),
        signed_parties=signed,
        parties=len(signers),
    )


def _moment(milliseconds: int | None) -> datetime | None:
    return datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds else None


def _key(detail: Detail) -> str:
    """The first `key:order` that we wrote into a signature area; a flow of somebody else has none."""
    numbers = [area.customBizNum for s in detail.signers or [] for area in s.signFields or []]
    return next((number.rpartition(":")[0] for number in numbers if number), "")


def _reason(detail: Detail, state: SigningState) -> str | None:
    if state is SigningState.SIGNED and detail.rescissionStatus == RESCINDED:
        return "已解约 (rescinded)"
    if state is SigningState.REVOKED:
        return detail.revokeReason or detail.signFlowDescription
    return detail.signFlowDescription if state is SigningState.DECLINED else None


def _read(operation: Operation, reply: Reply, shape: type[Shape]) -> Shape:
    data = _data(operation, reply)
    try:
        return shape.model_validate(data)
    except ValidationError as error:
        raise _unreadable(operation, reply) from error


def _speaks(reply: Reply) -> bool:
    """The gateway in front answers in the envelope too, under a 5xx of its own."""
    try:
        return Envelope.model_validate_json(reply.body).code != OK
    except ValidationError:
        return False


def _data(operation: Operation, reply: Reply) -> object:
    """HTTP 200 may mean no; the gateway's no comes with HTTP 200 or 401 [U]."""
    try:
        envelope = Envelope.model_validate_json(reply.body)
    except ValidationError as error:
        raise _unreadable(operation, reply) from error
    if envelope.code != OK:
        raise fault_from(envelope.code, envelope.message or "", write=operation.kind != "read")
    return envelope.data


def _unreadable(operation: Operation, reply: Reply) -> Fault:
    """Behind an unreadable 'yes' to a write, the write may well have happened: it is looked up first."""
    if reply.status in (401, 403):
        return fault_from(reply.status, "", write=False)
    if operation.kind == "read" or reply.status >= 400:
        return Malformed(f"{operation.name}的回答无法识别 (unreadable)", str(reply.status), reply.body)
    return UnknownOutcome(f"{operation.name}的回答无法识别，结果不明 (unreadable)", str(reply.status))
