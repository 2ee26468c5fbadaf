"""The life of a signing flow: what the sender, the signers and the clock do to it."""

import io
import uuid
import zipfile
from collections.abc import Callable
from datetime import datetime

from sandboxes.common import Books, Clock, Row
from sandboxes.common.clock import CHINA
from sandboxes.tencent_ess import checks, templates
from sandboxes.tencent_ess.envelope import Json, Refused, integer, part, parts, text, texts
from sandboxes.tencent_ess.files import Files
from sandboxes.tencent_ess.notices import Notices

NOT_STARTED, WAITING, PART, DECLINED, ALL, EXPIRED, CANCELLED = range(7)
RELEASED = 21
RUNNING = {WAITING, PART}
IN_FLOW, TO_SIGN, SIGNED, REFUSED_TO_SIGN, LATE, WITHDRAWN = 1, 2, 3, 4, 5, 6
SIGNER_RELEASED = 15
OPEN = {0, IN_FLOW, TO_SIGN}
DOCUMENT_SECONDS = 3
COMPOSE_SECONDS = 1
MOST_REMINDERS = 3
WEEK = 7 * 86400
RELEASE_TYPES = {"ORGANIZATION": checks.COMPANY, "ENTERPRISESERVER": checks.COMPANY_AUTO}


def new_id() -> str:
    return f"yD{uuid.uuid4().hex[:30]}"


class Flows:
    def __init__(self, books: Books, clock: Clock, files: Files, notices: Notices) -> None:
        self._books = books
        self._clock = clock
        self._files = files
        self._notices = notices

    # -- reading ------------------------------------------------------------------------------------------

    def find(self, flow_id: str) -> Row:
        flow = self._books.table("flows").get(flow_id)
        if flow is None:
            raise Refused("ResourceNotFound.Flow", "合同流程不存在")
        return self._expire_if_due(flow)

    def all(self) -> list[Row]:
        return [self._expire_if_due(flow) for flow in list(self._books.table("flows").values())]

    def known(self, flow_ids: list[str]) -> list[Row]:
        """Unknown ids are left out."""
        return [self.find(flow_id) for flow_id in flow_ids if flow_id in self._books.table("flows")]

    # -- the sender's calls -------------------------------------------------------------------------------

    def create_by_files(self, body: Json) -> Row:
        flow = self.checked(body)
        self._start(flow)
        return flow

    def checked(self, body: Json) -> Row:
        """As it would be sent; nothing has happened yet."""
        accepted = checks.head(body, now=self.seconds(), deadline_name="Deadline")
        code = "InvalidParameter.FlowFileIds"
        (file_id,) = texts(body, "FileIds", most=1, code=code)
        approvers = checks.approvers(body, own_name=self._own_name(), with_components=True)
        file = self._files.pdf(file_id)
        return self._new(body, accepted, approvers) | {
            "DocumentId": new_id(),
            "fileId": file_id,
            "fileName": file["FileName"],
        }

    def create(self, body: Json) -> Row:
        """Step 1 of a flow from a template."""
        accepted = checks.head(body, now=self.seconds(), deadline_name="DeadLine")
        approvers = checks.approvers(body, own_name=self._own_name(), with_components=False)
        flow = self._new(body, accepted, approvers)
        self._save(flow)
        return flow

    def create_document(self, body: Json) -> Row:
        """Step 2: the template gives the document and says who may sign where."""
        flow = self.find(text(body, "FlowId", code="MissingParameter.FlowId"))
        template = self._books.table("templates").get(text(body, "TemplateId"))
        if template is None:
            raise Refused("ResourceNotFound.Template", "模板不存在")
        if flow["DocumentId"]:
            raise Refused("FailedOperation.FlowHasDocument", "流程已关联文档")
        names = texts(body, "FileNames", most=1, code="MissingParameter.FileNames")
        if {row["recipientId"] for row in flow["approvers"]} != set(template["recipients"]):
            raise Refused("OperationDenied.ApproverNoMatchTemplate", "参与人与模板中的不匹配")
        fields = templates.filled(template, body)
        flow |= {"DocumentId": new_id(), "fileName": f"{names[0]}.pdf", "composed": self.seconds()}
        flow["formFields"] = fields
        self._save(flow)
        return flow

    def start(self, flow_id: str) -> None:
        """Step 3."""
        flow = self.find(flow_id)
        if flow["status"] != NOT_STARTED:
            raise Refused("OperationDenied.FlowHasStarted", "流程已发起")
        if not flow["DocumentId"]:
            raise Refused("FailedOperation.FlowHasNoDocument", "流程未关联文档")
        if self.seconds() < flow["composed"] + DOCUMENT_SECONDS:
            raise Refused("OperationDenied.DocumentNoAvailable", "文档合成中，请稍后重试")
        self._start(flow)

    def cancel(self, body: Json) -> Json:
        flow = self.find(text(body, "FlowId", code="MissingParameter.FlowId"))
        reason = text(body, "CancelMessage", code="MissingParameter.CancelReason")
        if len(reason) > 200:
            raise Refused("InvalidParameter.CancelReason", "撤销理由最多200个字符")
        if flow["status"] not in (NOT_STARTED, *RUNNING):
            raise Refused("OperationDenied.FlowCancelForbid", "流程状态不允许撤销")
        people_signed = any(r["status"] == SIGNED and r["type"] not in checks.AUTO for r in flow["approvers"])
        if flow["status"] != NOT_STARTED and not people_signed:
            self._charge(flow, count=-1)
        self._end(flow, CANCELLED, operate="cancel", left=WITHDRAWN, message=reason)
        return {}

    def release(self, body: Json) -> Json:
        """A second flow undoes a signed one as soon as everybody has signed it too."""
        original = self.find(text(body, "NeedRelievedFlowId", code="MissingParameter.FlowId"))
        reason = text(part(body, "ReliveInfo"), "Reason")
        if len(reason) > 200:
            raise Refused("InvalidParameter", "解除理由最多200个字符")
        under_way = any(
            self.running(flow) and flow.get("undoes") == original["FlowId"] for flow in self.all()
        )
        if original["status"] != ALL or under_way:
            raise Refused("OperationDenied.FlowStatusForbid", "流程状态不允许发起解除协议")
        named = {
            "FlowName": body.get("FlowName") or f"解除协议 {original['title']}"[:200],
            "Deadline": body.get("Deadline") or self.seconds() + WEEK,
        }
        accepted = checks.head(body | named, now=self.seconds(), deadline_name="Deadline")
        flow = self._new(body, accepted, _released_by(original, parts(body, "ReleasedApprovers"))) | {
            "DocumentId": new_id(),
            "fileName": f"{accepted['title']}.pdf",
            "formFields": {"undoes": original["FlowId"], "reason": reason},
            "undoes": original["FlowId"],
        }
        self._start(flow)
        return {"FlowId": flow["FlowId"]}

    def extend(self, body: Json) -> Json:
        flow = self.find(text(body, "FlowId", code="MissingParameter.FlowId"))
        code = "InvalidParameter.FlowDeadLine"
        deadline = integer(body.get("Deadline"), default=0, code=code)
        if flow["status"] not in RUNNING:
            raise Refused("OperationDenied.FlowStatusForbid", "流程状态不允许延期")
        if deadline <= max(flow["deadline"], self.seconds()):
            raise Refused(code, "新的签署截止时间须晚于原截止时间和当前时间")
        self._save(flow | {"deadline": deadline})
        return {}

    def remind(self, flow_id: str) -> Json:
        """A refusal is no error here."""
        flow = self.find(flow_id)
        waiting = [row for row in flow["approvers"] if row["status"] == TO_SIGN and row["notify"] != "NONE"]
        able = [row for row in waiting if row["reminded"] < MOST_REMINDERS]
        for row in able:
            row["reminded"] += 1
        self._save(flow)
        text = "" if able else "催办次数已达上限" if waiting else "没有可催办的签署人"
        return {"FlowId": flow_id, "CanRemind": bool(able), "RemindMessage": text}

    def file_link(self, flow_id: str, *, packed: bool, seconds: int) -> str:
        """A signed document is composed a little after the last signature."""
        flow = self.find(flow_id)
        if not flow["DocumentId"]:
            raise Refused("FailedOperation.FlowHasNoDocument", "流程未关联文档")
        if flow["status"] == ALL and self.seconds() < flow["updated"] + COMPOSE_SECONDS:
            raise Refused("OperationDenied.DocumentNoAvailable", "文档合成中，请稍后重试")
        return self._files.link(f"/cos/{'zip' if packed else 'flow'}/{flow_id}", seconds=seconds)

    def content(self, flow_id: str) -> bytes:
        """The uploaded bytes, and after their end a made-up update with a line per signature."""
        flow = self.find(flow_id)
        filled_in = templates.paper(flow.get("formFields", {}))
        original = self._files.content(flow["fileId"]) if flow["fileId"] else filled_in
        signed = [row for row in flow["approvers"] if row["status"] == SIGNED]
        lines = [f"%% signature {n} of {flow_id} at {row['time']}" for n, row in enumerate(signed, start=1)]
        return original + "\n".join(["", *lines, "%%EOF", ""]).encode()

    def packed(self, flow_id: str) -> bytes:
        flow, packed = self.find(flow_id), io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr(flow["fileName"], self.content(flow_id))
        return packed.getvalue()

    # -- people and the clock -----------------------------------------------------------------------------

    def running(self, flow: Row) -> bool:
        return flow["status"] in RUNNING

    def turn(self, flow: Row) -> list[Row]:
        return [row for row in flow["approvers"] if row["status"] == TO_SIGN]

    def sign(self, flow: Row, approver: Row) -> None:
        self._sign(flow, approver)
        self._go_on(flow)

    def decline(self, flow: Row, approver: Row, *, reason: str) -> None:
        """One decline ends the flow."""
        approver |= {"status": REFUSED_TO_SIGN, "message": reason, "time": self.seconds()}
        self._end(flow, DECLINED, operate="reject", message=reason, approver=approver)

    def expire(self, flow: Row) -> None:
        flow["deadline"] = min(flow["deadline"], self.seconds())
        self._end(flow, EXPIRED, operate="deadline", left=LATE)

    def withdraw(self, flow: Row, *, reason: str) -> None:
        self.cancel({"FlowId": flow["FlowId"], "CancelMessage": reason})

    def seconds(self) -> int:
        return self._clock.millis() // 1000

    # -- inside -------------------------------------------------------------------------------------------

    def _new(self, body: Json, accepted: Row, approvers: list[Row]) -> Row:
        now = self.seconds()
        for order, row in enumerate(approvers, start=1):
            row |= {
                "order": order,
                "signId": new_id(),
                "recipientId": row["recipientId"] or new_id(),
            }
        return accepted | {
            "FlowId": new_id(),
            "status": NOT_STARTED,
            "message": "",
            "creator": body["Operator"]["UserId"],
            "created": now,
            "updated": now,
            "composed": now,
            "DocumentId": "",
            "fileId": "",
            "fileName": "",
            "approvers": approvers,
        }

    def _start(self, flow: Row) -> None:
        self._charge(flow, count=1)
        flow["status"] = WAITING
        for row in flow["approvers"]:
            row["status"] = IN_FLOW
        self._tell(flow, operate="start")
        self._go_on(flow)

    def _go_on(self, flow: Row) -> None:
        """Gives the turn on; sealing by machine happens at once, before the create call has answered."""
        while waiting := _whose_turn(flow):
            for row in waiting:
                row["status"] = TO_SIGN
            machines = [row for row in waiting if row["type"] in checks.AUTO]
            for row in machines:
                self._sign(flow, row)
            if not machines:
                break
        if waiting:
            self._save(flow)
        else:
            self._end(flow, ALL, operate="finish")

    def _sign(self, flow: Row, approver: Row) -> None:
        approver |= {"status": SIGNED, "time": self.seconds()}
        if any(row["status"] in OPEN for row in flow["approvers"]):
            flow |= {"status": PART, "updated": self.seconds()}
            self._tell(flow, operate="sign", approver=approver)

    def _expire_if_due(self, flow: Row) -> Row:
        if flow["status"] in RUNNING and flow["deadline"] <= self.seconds():
            self._end(flow, EXPIRED, operate="deadline", left=LATE)
        return flow

    def _end(
        self,
        flow: Row,
        status: int,
        *,
        operate: str,
        left: int | None = None,
        message: str = "",
        approver: Row | None = None,
    ) -> None:
        """`left`: what becomes of those who have not signed."""
        for row in flow["approvers"]:
            if left is not None and row["status"] in OPEN:
                row["status"] = left
        flow |= {"status": status, "message": message, "updated": self.seconds()}
        self._save(flow)
        self._tell(flow, operate=operate, approver=approver)
        if status == ALL and (undone := flow.get("undoes")):
            self._release(self.find(undone), reason=flow["formFields"]["reason"])

    def _release(self, flow: Row, *, reason: str) -> None:
        for row in flow["approvers"]:
            row["status"] = SIGNER_RELEASED
        # Which word the callback has for this is not published [U].
        self._end(flow, RELEASED, operate="finish", message=reason)

    def _charge(self, flow: Row, *, count: int) -> None:
        """The bill names each flow that was started; some cancelled ones come back."""
        account = self._books.table("account")
        left = int(account["own"]["contractsLeft"]) - count
        if left < 0:
            raise Refused("OperationDenied.NoQuota", "合同份额不足")
        account["own"] = account["own"] | {"contractsLeft": left}
        number = str(self._books.next_number("usage"))
        self._books.table("usage")[number] = {"flow": flow["FlowId"], "count": count, "at": self.seconds()}

    def _tell(self, flow: Row, *, operate: str, approver: Row | None = None) -> None:
        self._notices.flow_changed(flow, operate=operate, approver=approver, message_id=new_id())

    def _own_name(self) -> str:
        return str(self._books.table("account")["own"]["OrganizationName"])

    def _save(self, flow: Row) -> None:
        self._books.table("flows")[flow["FlowId"]] = flow


def china_day(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, CHINA):%Y%m%d}"


def find_approver(flow: Row, given: Json) -> Row:
    """By the ids that the create call gave, or by the mobile."""
    keys: dict[str, Callable[[Row], object]] = {
        "SignId": lambda row: row["signId"],
        "RecipientId": lambda row: row["recipientId"],
        "ApproverMobile": lambda row: row["mobile"],
    }
    for name, read in keys.items():
        if given.get(name):
            for row in flow["approvers"]:
                if read(row) == given[name]:
                    found: Row = row
                    return found
    raise Refused("ResourceNotFound.FlowApprover", "未找到签署人")


def _released_by(original: Row, replacements: list[Json]) -> list[Row]:
    """The signers of the signed flow, some of its companies with somebody else."""
    rows = [row | {"status": 0, "message": "", "time": 0, "reminded": 0} for row in original["approvers"]]
    for one in replacements:
        wanted = one.get("RelievedApproverRecipientId") or one.get("RelievedApproverReceiptId")
        row = find_approver({"approvers": rows}, {"RecipientId": wanted})
        if row["type"] == checks.PERSON:
            raise Refused("InvalidParameter.FlowApprovers", "不支持更换个人签署人")
        kind = RELEASE_TYPES.get(str(one.get("ApproverType") or "ORGANIZATION"))
        if kind is None:
            raise Refused("InvalidParameter.ApproverType", "签署方类型不正确")
        mobile = text(one, "Mobile", code="MissingParameter.ApproverMobile") if kind == checks.COMPANY else ""
        row |= {"type": kind, "name": str(one.get("Name") or ""), "mobile": mobile, "userId": ""}
    return [row | {"recipientId": ""} for row in rows]


def _whose_turn(flow: Row) -> list[Row]:
    left = [row for row in flow["approvers"] if row["status"] in OPEN]
    return left if flow["unordered"] else left[:1]
