"""The life of a signing flow: what the sender, the signers and the clock do to it."""

import hashlib
import uuid
from typing import Any

from sandboxes.common import Books, Clock, Row
from sandboxes.esign import checks
from sandboxes.esign.envelope import (
    BAD_FLOW,
    Json,
    Refused,
    bad,
    integer,
    optional_integer,
    part,
)
from sandboxes.esign.notices import Notices
from sandboxes.esign.store import Store

DRAFT, SIGNING, COMPLETED, REVOKED, EXPIRED, DECLINED = 0, 1, 2, 3, 5, 7
WAITING, AT_WORK, SIGNED, REFUSED_TO_SIGN = 0, 1, 2, 4
HALF_HOUR_MS = 30 * 60 * 1000
TEN_MINUTES_MS = 10 * 60 * 1000


class Flows:
    def __init__(self, books: Books, clock: Clock, store: Store, notices: Notices) -> None:
        self._books = books
        self._clock = clock
        self._store = store
        self._notices = notices

    # -- reading ------------------------------------------------------------------------------------------

    def find(self, flow_id: str) -> Row:
        flow = self._books.table("flows").get(flow_id)
        if flow is None:
            raise Refused(BAD_FLOW, f"流程不存在:{flow_id}")
        return self._expire_if_due(flow)

    def all(self) -> list[Row]:
        return [self._expire_if_due(flow) for flow in list(self._books.table("flows").values())]

    def rescission(self, flow: Row) -> int:
        """0 none, 1 an agreement is being signed, 2 some documents are taken back, 3 all are."""
        if flow["rescinded"] and len(flow["rescinded"]) == len(flow["docs"]):
            return 3
        if any(self.find(flow_id)["status"] == SIGNING for flow_id in flow["rescissions"]):
            return 1
        return 2 if flow["rescinded"] else 0

    # -- the sender's calls -------------------------------------------------------------------------------

    def create(self, body: Json) -> str:
        accepted = checks.accept(
            body,
            now_ms=self._clock.millis(),
            store=self._store,
            known_names=self.known_names(),
            own_id=self._books.table("account")["own"]["orgId"],
        )
        return self.begin(accepted)

    def begin(self, accepted: Row, *, rescinds: Row | None = None) -> str:
        """A new flow. `rescinds`: the flow and its files that it shall take back."""
        flow = accepted | {
            "signFlowId": uuid.uuid4().hex,
            "status": DRAFT,
            "created": self._clock.millis(),
            "started": None,
            "finished": None,
            "description": "",
            "revokeReason": None,
            "delayed": False,
            "urged": None,
            "rescinds": rescinds,
            "rescinded": [],
            "rescissions": [],
        }
        if flow["autoStart"]:
            self._start(flow, quota_code=1435404)
        else:
            self.save(flow)
        return str(flow["signFlowId"])

    def start(self, flow_id: str) -> None:
        flow = self.find(flow_id)
        if flow["status"] != DRAFT:
            raise Refused(BAD_FLOW, "流程非草稿状态, 不能开启")
        if flow["deadline"] <= self._clock.millis():
            raise Refused(1437169, "流程已过期")
        if not (flow["docs"] and flow["signers"]):
            raise Refused(BAD_FLOW, "文档和签署人信息不能为空")
        self._start(flow, quota_code=1435405)

    def finish(self, flow_id: str) -> None:
        flow = self.find(flow_id)
        signed = [signer["signStatus"] == SIGNED for signer in flow["signers"]]
        if flow["status"] == DRAFT:
            raise Refused(1437112, "流程未开启")
        if flow["status"] != SIGNING:
            raise Refused(1437136, "流程已完结")
        if not any(signed):
            raise Refused(1437170, "流程没有已签署的签署区, 不能完结")
        if not all(signed):
            raise Refused(1437113, "流程存在未签署的签署人, 不能完结")
        self._end(flow, COMPLETED)

    def revoke(self, flow_id: str, *, reason: str) -> None:
        if len(reason) > 50:
            raise bad("revokeReason长度不能超过50")
        flow = self.find(flow_id)
        if flow["status"] == REVOKED:
            raise Refused(1437168, "流程已撤销")
        if flow["status"] != SIGNING:
            raise Refused(1437203, "非签署中的流程不允许撤销")
        flow["revokeReason"] = reason
        self._end(flow, REVOKED, description=reason)

    def delay(self, flow_id: str, *, until: object) -> None:
        flow, now = self.find(flow_id), self._clock.millis()
        given = integer(until, "signFlowExpireTime")
        if flow["status"] not in (SIGNING, EXPIRED):
            raise Refused(1437201, "非签署中的流程不能延期")
        if flow["delayed"]:
            raise Refused(BAD_FLOW, "流程只能延期一次")
        if given < flow["deadline"] or given <= now:
            raise bad("延期时间不能早于原签署截止时间")
        if given > now + checks.LONGEST_MS:
            raise bad("签署截止时间不能超过90天")
        self.save(flow | {"deadline": given, "delayed": True, "status": SIGNING, "finished": None})

    def urge(self, flow_id: str, *, operator: Json) -> None:
        flow, now = self.find(flow_id), self._clock.millis()
        if flow["status"] != SIGNING:
            raise Refused(1437126, "流程未发起或已完结, 不能执行催签操作")
        if now - flow["started"] < HALF_HOUR_MS:
            raise Refused(1437137, "流程发起30分钟内不能催签")
        if flow["urged"] is not None and now - flow["urged"] < TEN_MINUTES_MS:
            raise Refused(1437138, "距上次催签不足10分钟")
        if not any(
            signer["signStatus"] == AT_WORK and is_person(signer, operator) for signer in flow["signers"]
        ):
            raise Refused(1439002, "当前流程无可催签的签署区")
        self.save(flow | {"urged": now})

    def sign_url(self, flow_id: str, body: Json) -> Json:
        flow, operator, company = self.find(flow_id), part(body, "operator"), part(body, "organization")
        kind = optional_integer(body.get("urlType"), "urlType") or 2
        if kind not in (1, 2):
            raise bad("urlType只能为1或2")
        if bool(operator.get("psnAccount")) == bool(operator.get("psnId")):
            raise bad("operator中psnId与psnAccount必须二选一")
        if flow["status"] == DRAFT:
            raise Refused(1437103, "流程未开启")
        if not any(is_person(s, operator) and is_company(s["company"], company) for s in flow["signers"]):
            raise Refused(1437114, "当前用户不是流程参与人, 无权查看流程")
        token = hashlib.sha256(f"{flow_id}{sorted(operator.items())}{kind}".encode()).hexdigest()
        return {
            "url": f"https://h5.esign.cn/flow/{flow_id}?type={kind}&token={token}",
            "shortUrl": f"https://t.esign.cn/{token[:10]}",
        }

    def downloads(self, flow_id: str, *, valid_seconds: object) -> Json:
        seconds = _validity(valid_seconds)
        flow = self.find(flow_id)
        if flow["status"] != COMPLETED:
            raise Refused(1437518, "流程非签署完成状态，不允许下载文档")

        def files(items: list[Json], folder: str) -> list[Json]:
            return [
                {
                    "fileId": item["fileId"],
                    "fileName": item.get("fileName"),
                    "downloadUrl": self._store.link(f"{folder}/{item['fileId']}", seconds=seconds),
                }
                for item in items
            ]

        return {
            "files": files(flow["docs"], f"/oss/signed/{flow_id}"),
            "attachments": files(flow["attachments"], "/oss/file"),
            "certificateDownloadUrl": None,
            "aesSecret": None,
        }

    def preview(self, flow_id: str, file_id: str, *, valid_seconds: object) -> Json:
        """One document as it was sent: the watermark is left out."""
        seconds = _validity(valid_seconds)
        if not file_id:
            raise bad("docFileId不能为空")
        doc = next((doc for doc in self.find(flow_id)["docs"] if doc["fileId"] == file_id), None)
        if doc is None:
            raise Refused(1437511, f"文档不存在：{file_id}")
        link = self._store.link(f"/oss/file/{file_id}", seconds=seconds)
        return {"fileId": file_id, "fileName": doc["fileName"], "fileDownloadUrl": link}

    def signed_content(self, flow_id: str, file_id: str) -> bytes:
        """The uploaded bytes, and after their end a made-up update with a line per signature."""
        lines = [
            f"%% signature {number} of {flow_id} at {signer['operateTime']}"
            for number, signer in enumerate(self.find(flow_id)["signers"], start=1)
        ]
        return self._store.content(file_id) + "\n".join(["", *lines, "%%EOF", ""]).encode()

    # -- what people do at the vendor's own pages ---------------------------------------------------------

    def running(self, flow: Row) -> bool:
        return bool(flow["status"] == SIGNING)

    def turn(self, flow: Row) -> list[Row]:
        return [signer for signer in flow["signers"] if signer["signStatus"] == AT_WORK]

    def sign(self, flow: Row, signer: Row) -> None:
        self._sign(flow, signer)
        self.go_on(flow)

    def decline(self, flow: Row, signer: Row, *, reason: str) -> None:
        signer |= {"signStatus": REFUSED_TO_SIGN, "operateTime": self._clock.millis()}
        self._notices.signer_done(flow, signer, description=reason)
        self._end(flow, DECLINED, description=reason)

    def expire(self, flow: Row) -> None:
        flow["deadline"] = min(flow["deadline"], self._clock.millis())
        self._end(flow, EXPIRED)

    def withdraw(self, flow: Row, *, reason: str) -> None:
        self.revoke(flow["signFlowId"], reason=reason)

    # -- inside, and for the amendments -------------------------------------------------------------------

    def known_names(self) -> dict[str, str]:
        return {account: row["psnName"] for account, row in self._books.table("people").items()}

    def _start(self, flow: Row, *, quota_code: int) -> None:
        account = self._books.table("account")
        left = int(account["own"]["contractsLeft"])
        if left < 1:
            raise Refused(quota_code, "合同份额不足")
        account["own"] = account["own"] | {"contractsLeft": left - 1}
        flow |= {"status": SIGNING, "started": self._clock.millis()}
        self.go_on(flow)

    def go_on(self, flow: Row) -> None:
        """Gives the turn on; sealing by machine happens at once."""
        while waiting := _next_in_order(flow):
            for signer in waiting:
                signer["signStatus"] = AT_WORK
            machines = [signer for signer in waiting if signer["auto"]]
            for signer in machines:
                self._sign(flow, signer)
            if not machines:
                break
        if not waiting and flow["autoFinish"]:
            self._end(flow, COMPLETED)
        else:
            self.save(flow)

    def _sign(self, flow: Row, signer: Row) -> None:
        signer |= {"signStatus": SIGNED, "operateTime": self._clock.millis()}
        for area in signer["signFields"]:
            area["signFieldStatus"] = "4"
        self._register(signer["person"])
        self._notices.signer_done(flow, signer, description="签署完成")

    def _register(self, person: Json) -> None:
        """Whoever signs has proved who they are; from then on their name is known."""
        account = person.get("psnAccount")
        if account:
            psn_id = hashlib.sha256(str(account).encode()).hexdigest()[:32]
            name = person.get("psnName") or self.known_names().get(account)
            self._books.table("people")[str(account)] = {"psnId": psn_id, "psnName": name}

    def _expire_if_due(self, flow: Row) -> Row:
        if flow["status"] == SIGNING and flow["deadline"] <= self._clock.millis():
            self._end(flow, EXPIRED)
        return flow

    def _end(self, flow: Row, status: int, *, description: str = "") -> None:
        flow |= {"status": status, "finished": self._clock.millis(), "description": description}
        self.save(flow)
        self._notices.flow_done(flow)
        if flow["rescinds"] and status == COMPLETED:
            self._rescind(flow)

    def _rescind(self, agreement: Row) -> None:
        """The contract itself stays completed."""
        contract, files = self.find(agreement["rescinds"]["flow"]), agreement["rescinds"]["files"]
        self.save(contract | {"rescinded": [*contract["rescinded"], *files]})
        self._notices.rescinded(contract, agreement["signFlowId"], files)

    def save(self, flow: Row) -> None:
        self._books.table("flows")[flow["signFlowId"]] = flow


def is_person(signer: Row, operator: Json) -> bool:
    """The same form of account as at creation; nobody named means anybody."""
    person: dict[str, Any] = signer["person"]
    return all(
        person.get(name) == str(operator[name]) for name in ("psnAccount", "psnId") if operator.get(name)
    )


def is_company(company: Json, wanted: Json) -> bool:
    return all(company.get(name) == wanted[name] for name in ("orgId", "orgName") if wanted.get(name))


def _validity(seconds: object) -> int:
    given = optional_integer(seconds, "urlAvailableDate")
    if given is None:
        return 3600
    if not 1 <= given <= 3600:
        raise bad("urlAvailableDate取值范围1-3600")
    return given


def _next_in_order(flow: Row) -> list[Row]:
    open_ones = [signer for signer in flow["signers"] if signer["signStatus"] in (WAITING, AT_WORK)]
    order = min((signer["signOrder"] for signer in open_ones), default=0)
    return [signer for signer in open_ones if signer["signOrder"] == order]
