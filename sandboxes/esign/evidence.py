"""Evidence reports (出证): applied for, made a little later, announced, and downloaded as a zip."""

import io
import zipfile
from collections.abc import Callable

from sandboxes.common import Books, Row
from sandboxes.esign.envelope import Json, Refused
from sandboxes.esign.flows import COMPLETED, Flows

ACCEPTED, READY, FAILED = "ACCEPTED", "ISSUE_SUCCESS", "ISSUE_FAILED"
KINDS = ("TSIGN_REPORT", "BLOCKCHAIN_REPORT", "FINANCIAL_VERIFY_REPORT")
FIRST_NUMBER = 20_260_000_000_001


class Reports:
    def __init__(self, books: Books, flows: Flows, *, link: Callable[[str], str]) -> None:
        """`link`: path to a link that expires."""
        self._books = books
        self._flows = flows
        self._link = link

    def apply(self, body: Json) -> Json:
        """Each application is charged, a second one for the same flow too."""
        flow_id = str(body.get("signFlowId") or "")
        if flow_id not in self._books.table("flows"):
            raise Refused(1480207, "签署流程不存在")
        if str(body.get("reportType") or KINDS[0]) not in KINDS:
            raise Refused(1480203, "reportType不正确")
        account = self._books.table("account")
        left = int(account["own"].get("reportsLeft", 1_000_000))
        if left < 1:
            raise Refused(1480201, "出证份额不足")
        account["own"] = account["own"] | {"reportsLeft": left - 1}
        number = str(self._books.next_number("reports", start=FIRST_NUMBER))
        self._books.table("reports")[number] = {"flow": flow_id, "status": ACCEPTED}
        return {"recordNum": number}

    def query(self, number: str) -> Json:
        """The first look finds it in the making, the next ones what became of it."""
        report = self._report(number)
        shown, status = report["status"], self._outcome(report)
        self._books.table("reports")[number] = report | {"status": status}
        return {
            "recordNum": number,
            "status": shown,
            "downloadUrl": self._link(f"/oss/report/{number}") if shown == READY else None,
            "failReason": "报告生成失败，流程未签署完成" if shown == FAILED else None,
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

    def _outcome(self, report: Row) -> str:
        done = self._flows.find(report["flow"])["status"] == COMPLETED
        return READY if done else FAILED
