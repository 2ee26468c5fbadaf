"""The vendor's own client, unchanged: a template's fields, and the report on a signed flow."""

import pytest
from tencentcloud.ess.v20201111 import models  # type: ignore[import-untyped]
from tencentcloud.ess.v20201111.ess_client import EssClient  # type: ignore[import-untyped]

from sandboxes.common import Running
from sandboxes.common.form import FORM
from sandboxes.tencent_ess.templates import WITH_FIELDS
from tests.connectors.tencent_ess.test_tencent_ess_sdk import client_of, draft, fetch, operator, refused


@pytest.fixture
def client(served: Running, monkeypatch: pytest.MonkeyPatch) -> EssClient:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    served.control("reset", {})
    return client_of(served)


def document(site: Running, flow_id: str, *names: str) -> models.CreateDocumentRequest:
    request = models.CreateDocumentRequest()
    request.Operator, request.FlowId = operator(site), flow_id
    request.TemplateId, request.FileNames, request.FormFields = WITH_FIELDS, ["示例"], []
    for name in names:
        field = models.FormField()
        field.ComponentName, field.ComponentValue = name, f"值 {name}"
        request.FormFields.append(field)
    return request


def test_fields_are_checked_and_then_stand_in_the_document(client: EssClient, served: Running) -> None:
    flow_id = draft(client, served)
    for wrong, code in (
        (document(served, flow_id, "buyer"), "MissingParameter.FormField"),
        (document(served, flow_id, *FORM, "colour"), "InvalidParameter.FormField"),
    ):
        assert refused(lambda request=wrong: client.CreateDocument(request)) == code  # type: ignore[misc]
    assert client.CreateDocument(document(served, flow_id, *FORM)).DocumentId
    served.control("clock", {"advance": 4})
    start = models.StartFlowRequest()
    start.Operator, start.FlowId = operator(served), flow_id
    assert client.StartFlow(start).Status == "START"

    ask = models.CreateFlowEvidenceReportRequest()
    ask.Operator, ask.FlowId = operator(served), flow_id
    early = client.CreateFlowEvidenceReport(ask)
    served.control("act/sign_all", {"flow_id": flow_id})
    late = client.CreateFlowEvidenceReport(ask)
    assert early.ReportId != late.ReportId
    look = models.DescribeFlowEvidenceReportRequest()
    look.Operator, look.ReportId = operator(served), late.ReportId
    states = [client.DescribeFlowEvidenceReport(look) for _ in range(2)]
    assert [one.Status for one in states] == ["EvidenceStatusExecuting", "EvidenceStatusSuccess"]
    assert fetch(states[1].ReportUrl).startswith(b"%PDF")
    look.ReportId = "yDunknown"
    assert refused(lambda: client.DescribeFlowEvidenceReport(look)) == "ResourceNotFound.Report"
