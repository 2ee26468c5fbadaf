"""法大大's protocol as functions of values: sign, build requests, read replies. No I/O."""

import hashlib
import hmac
import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from urllib.parse import urlencode

import orjson
from pydantic import BaseModel, ValidationError

from connector_kit import Operation, Reply, Request, Token
from connectors.fadada.errors import OK, TOKEN_REFUSED, fault_from
from connectors.fadada.wire import (
    AccessToken,
    ActorUrl,
    Created,
    Detail,
    DownloadUrl,
    Envelope,
    FileId,
    Processed,
    TaskLine,
    TaskPage,
    UploadPlace,
)
from domain.faults import Fault, Malformed, Transient, UnknownOutcome
from domain.records import SigningFlow
from domain.states import SigningState

Shape = TypeVar("Shape", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Call:
    """`changes`: something stays behind. A repetition needs a new nonce, so the kit sends each one once."""

    path: str
    changes: bool = False
    blind: bool = False

    @property
    def operation(self) -> Operation:
        return Operation(self.path.strip("/"), "blind_write" if self.blind else "keyed_write")


TOKEN = Call("/service/get-access-token")
# A file that was uploaded or filled in is seen by nobody: repeating is harmless.
UPLOAD_PLACE = Call("/file/get-upload-url")
PROCESS = Call("/file/process")
FILL_TEMPLATE = Call("/doc-template/fill-values")
CREATE = Call("/sign-task/create", changes=True, blind=True)
DETAIL = Call("/sign-task/app/get-detail")
LIST = Call("/sign-task/owner/get-list")
ACTOR_URL = Call("/sign-task/actor/get-url")
DOWNLOAD_URL = Call("/sign-task/owner/get-download-url")
REPORT_URL = Call("/sign-task/evidence-report/get-download-url")
URGE = Call("/sign-task/urge", changes=True, blind=True)
# Each names the task and the state it shall get: the task itself tells whether it happened.
CANCEL = Call("/sign-task/cancel", changes=True)
EXTEND = Call("/sign-task/extension", changes=True)
UPLOAD = Operation("upload", "read")
DOWNLOAD = Operation("download", "read")

SIGN_TYPE, SUB_VERSION = "HMAC-SHA256", "5.1"
FORM_TYPE = "application/x-www-form-urlencoded"
STORE_REFUSED = 403
PAGE_SIZE = 100
LONGEST_SUBJECT = 100
DOC_ID = "1"

STATES = {
    "task_created": SigningState.DRAFT,
    "finish_creation": SigningState.DRAFT,
    "fill_progress": SigningState.SIGNING,
    "fill_completed": SigningState.SIGNING,
    "sign_progress": SigningState.SIGNING,
    "sign_completed": SigningState.PARTLY_SIGNED,
    "task_finished": SigningState.SIGNED,
    "task_terminated": SigningState.REVOKED,
    "expired": SigningState.EXPIRED,
    "abolishing": SigningState.SIGNED,
    "revoked": SigningState.SIGNED,
}
"""signTaskStatus. `revoked` was signed and then abolished by agreement; a withdrawal is `task_terminated`,
and so is a refusal, which only the actors tell. `sign_completed`: all have signed, it is not closed yet."""
NOTES = {"abolishing": "作废中 (being abolished)", "revoked": "已作废 (abolished by agreement)"}
SIGN_STATES = {None, "", "wait_sign", "signed", "sign_rejected"}
FILL_STATES = {None, "", "wait_fill", "filled", "fill_rejected"}
REJECTIONS = {"sign_rejected", "fill_rejected"}


@dataclass(frozen=True, slots=True)
class Account:
    """Who asks, and where."""

    base_url: str
    app_id: str
    secret: str = field(repr=False)
    corp_id: str
    timeout: float = 15.0
    file_timeout: float = 60.0

    @property
    def owner(self) -> dict[str, str]:
        return {"idType": "corp", "openId": self.corp_id}


# -- signature -----------------------------------------------------------------------------------------


def sign(secret: str, headers: Mapping[str, str], content: str) -> str:
    """Over the X-FASC headers and the form's content in the order of their names; empty ones are left out."""
    named = {**headers, "bizContent": content}
    text = "&".join(f"{name}={value}" for name, value in sorted(named.items()) if value)
    digest = hashlib.sha256(text.encode()).hexdigest()
    key = hmac.new(secret.encode(), headers["X-FASC-Timestamp"].encode(), hashlib.sha256).digest()
    return hmac.new(key, digest.encode(), hashlib.sha256).hexdigest()


# -- requests ------------------------------------------------------------------------------------------


def build(
    account: Account, call: Call, body: Mapping[str, object], *, token: str | None, nonce: str, now: datetime
) -> Request:
    """Without a token it is the call for one, which has no content."""
    content = orjson.dumps(body).decode() if token else ""
    headers = {
        "X-FASC-App-Id": account.app_id,
        "X-FASC-Sign-Type": SIGN_TYPE,
        "X-FASC-Timestamp": str(millis(now)),
        "X-FASC-Nonce": nonce,
        "X-FASC-Api-SubVersion": SUB_VERSION,
    }
    headers |= {"X-FASC-AccessToken": token} if token else {"X-FASC-Grant-Type": "client_credential"}
    signature = sign(account.secret, headers, content)
    form = urlencode({"bizContent": content}).encode() if content else b""
    return Request(
        call.operation,
        "POST",
        account.base_url + call.path,
        {**headers, "X-FASC-Sign": signature, "Content-Type": FORM_TYPE},
        form,
        account.timeout,
    )


def build_upload(account: Account, url: str, content: bytes) -> Request:
    headers = {"Content-Type": "application/octet-stream"}
    return Request(UPLOAD, "PUT", url, headers, content, account.file_timeout)


def build_download(account: Account, url: str) -> Request:
    return Request(DOWNLOAD, "GET", url, {"Accept": "*/*"}, timeout=account.file_timeout)


def process_body(place: UploadPlace, name: str) -> dict[str, object]:
    file = {"fileType": "doc", "fddFileUrl": place.fddFileUrl, "fileName": name}
    return {"fddFileUrlList": [file]}


def filling(account: Account, template_id: str, name: str, values: Mapping[str, object]) -> dict[str, object]:
    """`values` by the id of the template's field."""
    return {
        "openCorpId": account.corp_id,
        "docTemplateId": template_id,
        "fileName": name,
        "docFieldValues": [{"fieldId": key, "fieldValue": str(value)} for key, value in values.items()],
    }


def list_query(account: Account, subject: str, *, page: int) -> dict[str, object]:
    return {
        "ownerId": account.owner,
        "ownerRole": "initiator",
        "listFilter": {"signTaskSubject": subject},
        "listPageNo": page,
        "listPageSize": PAGE_SIZE,
    }


def download_query(account: Account, task_id: str) -> dict[str, object]:
    """The one document by itself, not the bundle."""
    return {
        "ownerId": account.owner,
        "signTaskId": task_id,
        "fileType": "doc",
        "id": int(DOC_ID),
        "compression": False,
        "downloadMode": "download",
    }


def subject_of(contract_number: str, title: str) -> str:
    return f"{contract_number} {title}"[:LONGEST_SUBJECT]


def actor_id(order: int, phone: str | None) -> str:
    """Holds the number, because the detail does not show it."""
    return f"{order}_{phone}" if phone else str(order)


def findable(body: Mapping[str, object], *, key: str, subject: str) -> bool:
    """Whether a task that is made of this body can be found again."""
    return body.get("transReferenceId") == key and body.get("signTaskSubject") == subject


# -- replies -------------------------------------------------------------------------------------------


def read_token(reply: Reply, *, now: datetime) -> Token:
    found = read(TOKEN, reply, AccessToken)
    return Token(found.accessToken, now + timedelta(seconds=found.expiresIn))


def read_upload(reply: Reply) -> None:
    if reply.status == STORE_REFUSED:
        raise Transient("上传地址失效，稍后重新上传 (upload link refused)", "403")
    if reply.status >= 300:
        raise Malformed("上传的回答无法识别 (unreadable)", str(reply.status), reply.body[:2000])


def read_processed(reply: Reply) -> FileId:
    return read(PROCESS, reply, Processed).fileIdList[0]


def read_created(reply: Reply) -> str:
    return read(CREATE, reply, Created).signTaskId


def read_page(reply: Reply) -> tuple[Sequence[TaskLine], int]:
    """Rows of this page, and how many pages there are."""
    page = read(LIST, reply, TaskPage)
    return page.signTasks or [], page.listPageCount


def read_download(reply: Reply) -> bytes | None:
    """None: the link ran out. A bundle is opened when it holds one PDF."""
    if reply.status == STORE_REFUSED:
        return None
    content = _unpacked(reply.body) if reply.body.startswith(b"PK") else reply.body
    if not (content.startswith(b"%PDF") and content.rstrip(b"\x00 \r\n\t").endswith(b"%%EOF")):
        raise Malformed("下载的文件不是完整的PDF (not a complete PDF)", str(reply.status), reply.body[:2000])
    return content


def read_report(reply: Reply) -> bytes | None:
    """None: the link ran out. The report is a zip."""
    if reply.status == STORE_REFUSED:
        return None
    if not zipfile.is_zipfile(io.BytesIO(reply.body)):
        raise Malformed("保全报告不是完整的压缩包 (not a whole zip)", str(reply.status), reply.body[:2000])
    return reply.body


def _unpacked(content: bytes) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            (name,) = (one for one in archive.namelist() if one.lower().endswith(".pdf"))
            return archive.read(name)
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise Malformed("下载的压缩包无法识别 (not a bundle of one PDF)", body=content[:2000]) from error


def to_flow(detail: Detail) -> SigningFlow:
    actors = detail.actors or []
    signers = [one for one in actors if one.signStatus]
    known = all(one.signStatus in SIGN_STATES and one.fillStatus in FILL_STATES for one in actors)
    state = STATES.get(detail.signTaskStatus)
    if state is None or not known:
        body = detail.model_dump_json().encode()
        raise Malformed("签署状态未知 (unknown status)", detail.signTaskStatus, body)
    signed = sum(one.signStatus == "signed" for one in signers)
    refusals = [one for one in actors if {one.signStatus, one.fillStatus} & REJECTIONS]
    if state is SigningState.SIGNING and signed:
        state = SigningState.PARTLY_SIGNED
    if state is SigningState.REVOKED and refusals:
        state = SigningState.DECLINED
    return SigningFlow(
        flow_id=detail.signTaskId,
        key=detail.transReferenceId or "",
        state=state,
        reason=_reason(detail, state, refusals[0].actorNote if refusals else None),
        finished_at=_moment(detail.finishTime),
        expires_at=_moment(detail.deadlineTime),
        signed_parties=signed,
        parties=len(signers),
    )


def _moment(milliseconds: int | None) -> datetime | None:
    return datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds else None


def _reason(detail: Detail, state: SigningState, refusal: str | None) -> str | None:
    if note := NOTES.get(detail.signTaskStatus):
        return note
    ended = state in (SigningState.DECLINED, SigningState.REVOKED)
    return refusal or detail.terminationNote or detail.revokeReason if ended else None


def find_actor(detail: Detail, phone: str) -> str | None:
    """The id that we gave to whoever has this number."""
    ids = [one.actorInfo.actorId for one in detail.actors or []]
    return next((one for one in ids if one.partition("_")[2] == phone), None)


def read(call: Call, reply: Reply, shape: type[Shape]) -> Shape:
    data = read_data(call, reply)
    try:
        return shape.model_validate(data)
    except ValidationError as error:
        raise _unreadable(call, reply) from error


def read_data(call: Call, reply: Reply) -> object:
    """HTTP 200 may mean no; a refused token comes with HTTP 401."""
    try:
        envelope = Envelope.model_validate_json(reply.body)
    except ValidationError as error:
        if reply.status == 401:
            raise fault_from(TOKEN_REFUSED, "", write=False) from error
        raise _unreadable(call, reply) from error
    if envelope.code != OK:
        raise fault_from(envelope.code, envelope.msg or "", write=call.changes)
    return envelope.data


def read_actor_url(reply: Reply) -> str:
    return read(ACTOR_URL, reply, ActorUrl).actorSignTaskUrl


def read_download_url(call: Call, reply: Reply) -> str:
    return read(call, reply, DownloadUrl).downloadUrl


def _unreadable(call: Call, reply: Reply) -> Fault:
    """Behind an unreadable 'yes' to a write, the write may well have happened: it is looked up first."""
    if not call.changes or reply.status >= 400:
        return Malformed(f"{call.path}的回答无法识别 (unreadable)", str(reply.status), reply.body)
    return UnknownOutcome(f"{call.path}的回答无法识别，结果不明 (unreadable)", str(reply.status))


def millis(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def whole_milliseconds(moment: datetime) -> datetime | None:
    """As the vendor keeps it."""
    return _moment(millis(moment))
