"""腾讯电子签's protocol as functions of values: sign, build requests, read replies. No I/O."""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import orjson
from pydantic import BaseModel, ValidationError

from connector_kit import Operation, Reply, Request
from connectors.tencent_ess.errors import fault_from
from connectors.tencent_ess.wire import (
    Answer,
    ApproverInfo,
    Bill,
    Charge,
    Created,
    FileUrls,
    FlowBriefs,
    FlowInfo,
    FlowInfos,
    Reminders,
    Report,
    ReportApplied,
    SignUrls,
    Uploaded,
)
from domain.faults import Fault, Malformed, Rejected, UnknownOutcome
from domain.records import SigningFlow
from domain.states import SigningState

# An uploaded file is seen by nobody and gone in an hour: repeating is harmless.
UPLOAD = Operation("UploadFiles", "read")
CREATE_FLOW = Operation("CreateFlowByFiles", "blind_write")
# A flow of a template is nobody's business until it is started: what comes before leaves an unseen draft.
CREATE_DRAFT = Operation("CreateFlow", "blind_write")
CREATE_DOCUMENT = Operation("CreateDocument", "keyed_write")
START = Operation("StartFlow", "keyed_write")
BRIEFS = Operation("DescribeFlowBriefs", "read")
FLOW_INFO = Operation("DescribeFlowInfo", "read")
BILL = Operation("DescribeBillUsageDetail", "read")
FILE_URLS = Operation("DescribeFileUrls", "read")
SIGN_URL = Operation("CreateFlowSignUrl", "read")
DOWNLOAD = Operation("download", "read")
REMIND = Operation("CreateFlowReminds", "blind_write")
APPLY_REPORT = Operation("CreateFlowEvidenceReport", "blind_write")
REPORT = Operation("DescribeFlowEvidenceReport", "read")
# Each names the flow and the state it shall get: the flow itself tells whether it happened.
CANCEL = Operation("CancelFlow", "keyed_write")
EXTEND = Operation("ModifyFlowDeadline", "keyed_write")

SERVICE, VERSION = "ess", "2020-11-11"
ALGORITHM = "TC3-HMAC-SHA256"
JSON_TYPE = "application/json"
PAGE_SIZE = 100
CHINA = ZoneInfo("Asia/Shanghai")
STORE_REFUSED = 403
LONGEST_NAME, LONGEST_REASON = 200, 200
FORBIDDEN_IN_NAME = re.compile(r"[^\u3400-\u9fff\uff00-\uffef\u3000-\u303fA-Za-z0-9 ()\[\]\-_,;.&+]")
EMOJI = re.compile(r"[\U00010000-\U0010ffff\u2600-\u27bf]")
NOT_A_LETTER = re.compile(r"[\W_]")

STATES = {
    0: SigningState.DRAFT,
    1: SigningState.SIGNING,
    2: SigningState.PARTLY_SIGNED,
    3: SigningState.DECLINED,
    4: SigningState.SIGNED,
    5: SigningState.EXPIRED,
    6: SigningState.REVOKED,
    7: SigningState.DRAFT,
    8: SigningState.SIGNING,
    9: SigningState.SIGNING,
    10: SigningState.DECLINED,
    16: SigningState.REVOKED,
    21: SigningState.SIGNED,
}
"""FlowStatus. 8 and 9 wait for filling in, 16 is invalid, 21 was signed and then released by agreement."""
NOTES = {16: "已失效 (invalid)", 21: "已解除 (released by agreement)"}
SIGNER_STATES = {
    0: "not sent",
    1: "not begun",
    2: "to sign",
    3: "signed",
    4: "declined",
    5: "expired",
    6: "cancelled",
    7: "not pre-sent",
    8: "to fill in",
    9: "terminated",
    10: "filled in",
    15: "released",
    19: "handed to another",
}
SIGNED_BY_SIGNER = {3, 15}
REPORT_WAITS, REPORT_READY = "EvidenceStatusExecuting", "EvidenceStatusSuccess"
REPORT_FAILED = "EvidenceStatusFailed"
APPROVER_TYPES = {"ORGANIZATION": 0, "PERSON": 1, "ENTERPRISESERVER": 3}

Shape = TypeVar("Shape", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Account:
    """Who asks, and where."""

    base_url: str
    upload_url: str
    secret_id: str
    secret_key: str = field(repr=False)
    operator_id: str
    timeout: float = 15.0
    file_timeout: float = 60.0


# -- signature -----------------------------------------------------------------------------------------


def authorization(account: Account, body: bytes, *, host: str, now: datetime) -> str:
    """Over content type, host and body; the action is not signed."""
    canonical = (
        f"POST\n/\n\ncontent-type:{JSON_TYPE}\nhost:{host}\n\ncontent-type;host\n"
        f"{hashlib.sha256(body).hexdigest()}"
    )
    day = f"{now.astimezone(UTC):%Y-%m-%d}"
    scope = f"{day}/{SERVICE}/tc3_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"{ALGORITHM}\n{seconds(now)}\n{scope}\n{digest}"
    key = f"TC3{account.secret_key}".encode()
    for part in (day, SERVICE, "tc3_request", text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    credential = f"Credential={account.secret_id}/{scope}"
    return f"{ALGORITHM} {credential}, SignedHeaders=content-type;host, Signature={key.hex()}"


# -- requests ------------------------------------------------------------------------------------------


def build(account: Account, operation: Operation, body: Mapping[str, object], *, now: datetime) -> Request:
    upload = operation is UPLOAD
    url = account.upload_url if upload else account.base_url
    host = _host(url)
    content = orjson.dumps(body)
    headers = {
        "Authorization": authorization(account, content, host=host, now=now),
        "Content-Type": JSON_TYPE,
        "Host": host,
        "X-TC-Action": operation.name,
        "X-TC-Timestamp": str(seconds(now)),
        "X-TC-Version": VERSION,
    }
    timeout = account.file_timeout if upload else account.timeout
    return Request(operation, "POST", f"{url}/", headers, content, timeout)


def _host(url: str) -> str:
    """As the Host header has it: without the scheme's own port."""
    parts = urlsplit(url)
    default = {"http": 80, "https": 443}.get(parts.scheme)
    return parts.hostname or "" if parts.port in (None, default) else parts.netloc


def build_download(account: Account, url: str) -> Request:
    return Request(DOWNLOAD, "GET", url, {"Accept": "*/*"}, timeout=account.file_timeout)


def upload_body(account: Account, name: str, content: bytes) -> dict[str, object]:
    return {
        "BusinessType": "DOCUMENT",
        "Caller": {"OperatorId": account.operator_id},
        "FileInfos": [{"FileBody": base64.b64encode(content).decode(), "FileName": name}],
    }


def document_body(
    flow_id: str, template_id: str, name: str, values: Mapping[str, object]
) -> dict[str, object]:
    """`values` by the name of the template's component."""
    fields = [{"ComponentName": key, "ComponentValue": str(value)} for key, value in values.items()]
    return {"FlowId": flow_id, "TemplateId": template_id, "FileNames": [name], "FormFields": fields}


def bill_windows(since: datetime, until: datetime) -> Iterator[tuple[date, date]]:
    """Days in China; a query may not leave its month."""
    first, last = since.astimezone(CHINA).date(), until.astimezone(CHINA).date()
    while first <= last:
        month_end = (first.replace(day=1) + timedelta(days=32)).replace(day=1) - timedelta(days=1)
        yield first, min(month_end, last)
        first = month_end + timedelta(days=1)


def bill_query(first: date, last: date, *, page: int) -> dict[str, object]:
    return {
        "StartTime": f"{first:%Y%m%d}",
        "EndTime": f"{last:%Y%m%d}",
        "Offset": page,
        "Limit": PAGE_SIZE,
    }


def approver_query(flow: FlowInfo, mobile: str) -> dict[str, object]:
    """The signer with this number, in the form that the call for a link wants."""
    for one in flow.FlowApproverInfos or []:
        if one.Mobile == mobile:
            fields = {
                "ApproverType": _approver_type(one),
                "ApproverName": one.ApproveName,
                "ApproverMobile": one.Mobile,
                "OrganizationName": one.OrganizationName,
                "RecipientId": one.RecipientId,
            }
            return {name: value for name, value in fields.items() if value not in (None, "")}
    raise Rejected("此人不是该合同的签署人：手机号须与发起时一致 (not a signer)")


def _approver_type(one: ApproverInfo) -> int:
    kind = APPROVER_TYPES.get(one.ApproveType or "")
    if kind is None:
        raise Malformed("签署方类型未知 (unknown kind of signer)", one.ApproveType or "")
    return kind


def safe_name(text: str, *, longest: int = LONGEST_NAME) -> str:
    """As the names of contracts must be."""
    return FORBIDDEN_IN_NAME.sub("-", text)[:longest]


def file_name(text: str) -> str:
    """The end is kept: it is the extension."""
    stem, dot, extension = safe_name(text, longest=len(text)).rpartition(".")
    return stem[: LONGEST_NAME - len(extension) - 1] + dot + extension


def safe_reason(text: str) -> str:
    return EMOJI.sub("", text)[:LONGEST_REASON]


def user_data(key: str) -> str:
    """Comes back in every callback."""
    return base64.b64encode(key.encode()).decode()


def names_contract(title: str, number: str) -> bool:
    """Signs may have been replaced: only letters and digits count."""
    wanted = NOT_A_LETTER.sub("", safe_name(number))
    return bool(wanted) and wanted in NOT_A_LETTER.sub("", title)


def findable(body: Mapping[str, object], *, key: str, contract_number: str) -> bool:
    """Whether a flow that is made of this body can be found again."""
    return body.get("FlowDescription") == key and names_contract(
        str(body.get("FlowName", "")), contract_number
    )


# -- replies -------------------------------------------------------------------------------------------


def read_uploaded(reply: Reply) -> str:
    return read(UPLOAD, reply, Uploaded).FileIds[0]


def read_created(reply: Reply, *, operation: Operation = CREATE_FLOW) -> str:
    return read(operation, reply, Created).FlowId


def read_done(operation: Operation, reply: Reply) -> None:
    read(operation, reply, Answer)


def read_infos(reply: Reply) -> Sequence[FlowInfo]:
    return read(FLOW_INFO, reply, FlowInfos).FlowDetailInfos or []


def read_deadline(reply: Reply) -> int | None:
    found = read(BRIEFS, reply, FlowBriefs).FlowBriefs
    return found[0].Deadline if found else None


def read_applied(reply: Reply) -> str:
    return read(APPLY_REPORT, reply, ReportApplied).ReportId


def read_report_link(reply: Reply) -> str | None:
    """None while it is being made."""
    report = read(REPORT, reply, Report)
    if report.Status == REPORT_WAITS:
        return None
    if report.Status == REPORT_FAILED:
        raise Rejected("出证失败 (no report)", report.Status)
    if report.Status != REPORT_READY or not report.ReportUrl:
        raise Malformed("出证状态未知 (unknown status of a report)", report.Status, reply.body)
    return report.ReportUrl


def read_bill(reply: Reply) -> tuple[Sequence[Charge], int]:
    """Rows of this page, and how many there are in all."""
    bill = read(BILL, reply, Bill)
    return bill.Details or [], bill.Total


def read_file_url(reply: Reply) -> str:
    return read(FILE_URLS, reply, FileUrls).FileUrls[0].Url


def read_sign_url(reply: Reply) -> str:
    return read(SIGN_URL, reply, SignUrls).FlowApproverUrlInfos[0].SignUrl


def read_reminder(reply: Reply) -> None:
    """A refusal is no Error here."""
    record = read(REMIND, reply, Reminders).RemindFlowRecords[0]
    if not record.CanRemind:
        raise Rejected(f"不能催办：{record.RemindMessage or ''}")


def read_download(reply: Reply) -> bytes | None:
    """None: the link ran out. A signed PDF has grown at its end, so its mark must be the last thing."""
    if reply.status == STORE_REFUSED:
        return None
    if not (reply.body.startswith(b"%PDF") and reply.body.rstrip(b"\x00 \r\n\t").endswith(b"%%EOF")):
        raise Malformed("下载的文件不是完整的PDF (not a complete PDF)", str(reply.status), reply.body[:2000])
    return reply.body


def to_flow(info: FlowInfo) -> SigningFlow:
    signers = info.FlowApproverInfos or []
    state = STATES.get(info.FlowStatus)
    if state is None or any(one.ApproveStatus not in SIGNER_STATES for one in signers):
        raise Malformed(
            "签署状态未知 (unknown status)", str(info.FlowStatus), info.model_dump_json().encode()
        )
    return SigningFlow(
        flow_id=info.FlowId,
        key=info.FlowDescription or "",
        state=state,
        reason=NOTES.get(info.FlowStatus) or info.FlowMessage or None,
        finished_at=_finished(signers) if state is SigningState.SIGNED else None,
        signed_parties=sum(one.ApproveStatus in SIGNED_BY_SIGNER for one in signers),
        parties=len(signers),
    )


def _finished(signers: Sequence[ApproverInfo]) -> datetime | None:
    last = max((one.ApproveTime or 0 for one in signers), default=0)
    return datetime.fromtimestamp(last, UTC) if last else None


def read(operation: Operation, reply: Reply, shape: type[Shape]) -> Shape:
    """HTTP 200 may mean no. Behind an unreadable 'yes' to a write, the write may well have happened."""
    try:
        response = orjson.loads(reply.body)["Response"]
        error = Answer.model_validate(response).Error
        if error is None:
            return shape.model_validate(response)
    except (orjson.JSONDecodeError, TypeError, KeyError, ValidationError) as problem:
        raise _unreadable(operation, reply) from problem
    raise fault_from(error.Code, error.Message, write=operation.kind != "read")


def _unreadable(operation: Operation, reply: Reply) -> Fault:
    if operation.kind == "read" or reply.status >= 400:
        return Malformed(f"{operation.name}的回答无法识别 (unreadable)", str(reply.status), reply.body)
    return UnknownOutcome(f"{operation.name}的回答无法识别，结果不明 (unreadable)", str(reply.status))


def seconds(moment: datetime) -> int:
    return int(moment.timestamp())
