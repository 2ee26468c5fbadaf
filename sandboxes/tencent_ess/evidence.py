"""Reports on signed flows (出证): applied for, made a little later, and downloaded for five minutes."""

from collections.abc import Callable

from sandboxes.common import Books
from sandboxes.tencent_ess.envelope import Json, Refused, text
from sandboxes.tencent_ess.flows import ALL, RELEASED, Flows, new_id

EXECUTING, SUCCESS, FAILED = "EvidenceStatusExecuting", "EvidenceStatusSuccess", "EvidenceStatusFailed"


class Reports:
    def __init__(self, books: Books, flows: Flows, *, link: Callable[[str], str]) -> None:
        """`link`: path to a link that expires."""
        self._books = books
        self._flows = flows
        self._link = link

    def create(self, body: Json) -> Json:
        """Each application makes a report of its own, a second one for the same flow too."""
        flow = self._flows.find(text(body, "FlowId", code="MissingParameter.FlowId"))
        report_id = new_id()
        self._books.table("reports")[report_id] = {"flow": flow["FlowId"], "status": EXECUTING}
        return {"ReportId": report_id, "Status": EXECUTING, "ReportUrl": ""}

    def describe(self, body: Json) -> Json:
        """The first look finds it in the making, the next ones what became of it."""
        reports, report_id = self._books.table("reports"), text(body, "ReportId")
        if report_id not in reports:
            raise Refused("ResourceNotFound.Report", "出证报告不存在")
        report = reports[report_id]
        done = self._flows.find(report["flow"])["status"] in (ALL, RELEASED)
        reports[report_id] = report | {"status": SUCCESS if done else FAILED}
        url = self._link(f"/cos/report/{report_id}") if report["status"] == SUCCESS else ""
        return {"Status": report["status"], "ReportUrl": url}

    def content(self, report_id: str) -> bytes:
        flow = self._flows.find(self._books.table("reports")[report_id]["flow"])
        signers = [f"%% {row['name'] or row['organisation']} at {row['time']}" for row in flow["approvers"]]
        head = f"%PDF-1.4\n%% report {report_id} of {flow['FlowId']}"
        return "\n".join([head, *signers, "%%EOF", ""]).encode()
