"""Rescission (解约): a second flow, signed by the same parties, takes documents of a completed one back."""

import base64
import uuid

from sandboxes.common import Books, Clock, Row
from sandboxes.esign import checks
from sandboxes.esign.envelope import Json, Refused, bad, flag, part, texts
from sandboxes.esign.flows import COMPLETED, WAITING, Flows
from sandboxes.esign.store import CONVERTED_PAGE, UPLOADED

REASONS = {"1", "2", "3", "4", "5"}
MOST_FILES = 10
UNDER_WAY = 1
NOTHING_LEFT = 1439107


class Rescissions:
    def __init__(self, books: Books, clock: Clock, flows: Flows) -> None:
        self._books = books
        self._clock = clock
        self._flows = flows

    def initiate(self, flow_id: str, body: Json) -> Json:
        flow = self._flows.find(flow_id)
        if flow["status"] != COMPLETED:
            raise Refused(1439100, "流程未完成，不能解约")
        if str(body.get("rescindReason") or "") not in REASONS:
            raise bad("rescindReason只能为1到5")
        self._check_initiator(part(body, "rescissionInitiator"))
        files = _files(flow, body)
        if self._flows.rescission(flow) == UNDER_WAY:
            raise Refused(NOTHING_LEFT, "没有可解约的文件")
        config = part(body, "signFlowConfig")
        rescinds = {"flow": flow_id, "files": files}
        agreement = self._flows.begin(self._agreement(flow, config), rescinds=rescinds)
        flow = self._flows.find(flow_id)
        self._flows.save(flow | {"rescissions": [*flow["rescissions"], agreement]})
        return {"signFlowId": agreement}

    def _check_initiator(self, initiator: Json) -> None:
        """Nobody but the own company has authorized this application."""
        company = part(initiator, "orgInitiator").get("orgId")
        strange = company not in (None, "", self._books.table("account")["own"]["orgId"])
        if strange or part(initiator, "psnInitiator").get("psnId"):
            raise Refused(1439106, "解约发起人不是流程参与人")

    def _agreement(self, flow: Row, config: Json) -> Row:
        """Signed by the same people in the same order, wherever they like."""
        title = str(config.get("signFlowTitle") or f"解约协议-{flow['title']}")
        file_id = self._page(title)
        return flow | {
            "title": title,
            "autoStart": True,
            "autoFinish": True,
            "notifyUrl": str(config.get("notifyUrl") or "") or None,
            "config": config,
            "docs": [{"fileId": file_id, "fileName": f"{title}.pdf", "pages": 1}],
            "attachments": [],
            "copiers": [],
            "signers": [_signer(signer, file_id) for signer in flow["signers"]],
            "deadline": checks.deadline(config.get("signFlowExpireTime"), now_ms=self._clock.millis()),
        }

    def _page(self, title: str) -> str:
        file_id = uuid.uuid4().hex
        self._books.table("files")[file_id] = {
            "fileId": file_id,
            "fileName": f"{title}.pdf",
            "status": UPLOADED,
            "next": [],
            "pages": 1,
            "pdf": True,
        }
        self._books.table("contents")[file_id] = {"base64": base64.b64encode(CONVERTED_PAGE).decode()}
        return file_id


def _files(flow: Row, body: Json) -> list[str]:
    """Those named, or all that still stand; a contract of one party is nobody's to take back."""
    standing = [doc["fileId"] for doc in flow["docs"] if doc["fileId"] not in flow["rescinded"]]
    named = texts(body, "rescindFileList") or standing
    if len(named) > MOST_FILES:
        raise bad(f"rescindFileList数量不能超过{MOST_FILES}")
    allowed = flag(part(flow["config"], "contractConfig").get("allowToRescind"), default=True)
    if not named or not set(named) <= set(standing) or len(flow["signers"]) < 2 or not allowed:
        raise Refused(NOTHING_LEFT, "没有可解约的文件")
    return named


def _signer(signer: Row, file_id: str) -> Row:
    area = signer["signFields"][0] | {
        "signFieldId": uuid.uuid4().hex,
        "fileId": file_id,
        "customBizNum": None,
        "signFieldType": 0,
        "normalSignFieldConfig": {"freeMode": not signer["auto"], "autoSign": signer["auto"]},
        "signFieldStatus": "0",
    }
    return signer | {"signFields": [area], "signStatus": WAITING, "operateTime": None}
