"""Evidence reports (出证): applied for, made a little later, announced, and downloaded as a zip."""

import hashlib
import io
import zipfile
from collections.abc import Callable

from sandboxes.common import Books, Row
from sandboxes.esign.envelope import Json, Refused, bad
from sandboxes.esign.flows import COMPLETED, Flows
from sandboxes.esign.notices import Notices

ACCEPTED, READY, FAILED = "ACCEPTED", "ISSUE_SUCCESS", "ISSUE_FAILED"
KINDS = ("TSIGN_REPORT", "BLOCKCHAIN_REPORT", "FINANCIAL_VERIFY_REPORT")
FIRST_NUMBER = 20_260_000_000_001


class Reports:
    def __init__(self, books: Books, flows: Flows, notices: Notices, *, link: Callable[[str], str]) -> None:
        """`link`: path to a link that expires."""
        self._books = books
        self._flows = flows
        self._notices = notices
        self._link = link

    def apply(self, body: Json) -> Json:
        """Each application is charged, a second one for the same flow too.

        Whoever wants to be called gets the report at once, everybody else by looking again.
        """
        flow_id = str(body.get("signFlowId") or "")
        if flow_id not in self._books.table("flows"):
            raise Refused(1480207, "签署流程不存在")
        if str(body.get("reportType") or KINDS[0]) not in KINDS:
            raise bad("reportType不正确")
        if (applicant := body.get("applicantId")) and str(applicant) not in self._parties(flow_id):
            raise Refused(1480203, "申请人不是流程参与人")
        account = self._books.table("account")
        left = int(account["own"].get("reportsLeft", 1_000_000))
        if left < 1:
            raise Refused(1480201, "出证份额不足")
        account["own"] = account["own"] | {"reportsLeft": left - 1}
        number = str(self._books.next_number("reports", start=FIRST_NUMBER))
        report = {"flow": flow_id, "status": ACCEPTED}
        if url := body.get("notifyUrl"):
            report["status"] = self._outcome(report)
            self._notices.report_done(str(url), self._shown(number, report["status"]))
        self._books.table("reports")[number] = report
        return {"recordNum": number}

    def query(self, number: str) -> Json:
        """The first look finds it in the making, the next ones what became of it."""
        report = self._report(number)
        shown, status = report["status"], self._outcome(report)
        self._books.table("reports")[number] = report | {"status": status}
        return self._shown(number, shown)

    def on_chain(self, body: Json) -> Json:
        """The hashes of the signed files; a flow that is not complete has not been pushed yet."""
        flow_id = str(body.get("signFlowId") or "")
        if flow_id not in self._books.table("flows"):
            raise Refused(1480011, "存证记录不存在")
        flow = self._flows.find(flow_id)
        if flow["status"] != COMPLETED:
            raise Refused(1480013, "文件尚未上链")
        return {"antchainFiles": [self._pushed(flow, doc["fileId"]) for doc in flow["docs"]]}

    def _pushed(self, flow: Row, file_id: str) -> Json:
        file_hash = hashlib.sha256(self._flows.signed_content(flow["signFlowId"], file_id)).hexdigest()
        return {
            "fileId": file_id,
            "fileHash": file_hash,
            "antTransactionId": hashlib.sha256(f"transaction {file_hash}".encode()).hexdigest()[:32],
            "antTxHash": hashlib.sha256(f"block {file_hash}".encode()).hexdigest(),
            "pushTime": flow["finished"],
        }

    def _shown(self, number: str, status: str) -> Json:
        return {
            "recordNum": number,
            "status": status,
            "downloadUrl": self._link(f"/oss/report/{number}") if status == READY else None,
            "failReason": "报告生成失败，流程未签署完成" if status == FAILED else None,
        }

    def content(self, number: str) -> bytes:
        """The report and the signed files."""
        flow = self._flows.find(self._report(number)["flow"])
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            people = "、".join(
                str(signer["person"].get("psnAccount") or "本企业") for signer in flow["signers"]
            )
            archive.writestr("出证报告.txt", f"{number} {flow['signFlowId']} {people}")
            for doc in flow["docs"]:
                archive.writestr(
                    str(doc["fileName"]), self._flows.signed_content(flow["signFlowId"], doc["fileId"])
                )
        return packed.getvalue()

    def _report(self, number: str) -> Row:
        report = self._books.table("reports").get(number)
        if report is None:
            raise Refused(1480209, "出证记录不存在")
        return report

    def _parties(self, flow_id: str) -> set[str]:
        """Ids of the sender and of the signers."""
        people, own = self._books.table("people"), self._books.table("account")["own"]
        signers = self._flows.find(flow_id)["signers"]
        known = (people.get(signer["person"].get("psnAccount", ""), {}).get("psnId") for signer in signers)
        named = (
            party.get(name)
            for s in signers
            for party, name in ((s["person"], "psnId"), (s["company"], "orgId"))
        )
        return {own["orgId"], *filter(None, known), *filter(None, named)}

    def _outcome(self, report: Row) -> str:
        done = self._flows.find(report["flow"])["status"] == COMPLETED
        return READY if done else FAILED
