"""The vendor's own client, unchanged, as the judge of the sandbox: from the upload to the download."""

import base64
import time
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.request import ProxyHandler, build_opener

import pytest
from tencentcloud.common.credential import Credential  # type: ignore[import-untyped]
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException  # type: ignore[import-untyped]
from tencentcloud.common.profile.client_profile import ClientProfile  # type: ignore[import-untyped]
from tencentcloud.common.profile.http_profile import HttpProfile  # type: ignore[import-untyped]
from tencentcloud.ess.v20201111 import models  # type: ignore[import-untyped]
from tencentcloud.ess.v20201111.ess_client import EssClient  # type: ignore[import-untyped]

from sandboxes.common import Running
from sandboxes.tencent_ess.app import RECIPIENTS, TEMPLATE
from tests.connectors.signing_desk import PDF


@pytest.fixture(autouse=True)
def fresh(served: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    served.control("reset", {})


def client_of(served: Running, profile: ClientProfile | None = None, /, **changes: str) -> EssClient:
    """`profile`: how requests are sent and signed, if not by the client's own choice."""
    made = served.sandbox.credentials() | changes
    profile = profile or ClientProfile(httpProfile=HttpProfile())
    profile.httpProfile.scheme, profile.httpProfile.endpoint = "http", served.url.partition("//")[2]
    return EssClient(Credential(made["secret_id"], made["secret_key"]), "", profile)


@pytest.fixture
def client(served: Running) -> EssClient:
    return client_of(served)


def operator(served: Running) -> models.UserInfo:
    user = models.UserInfo()
    user.UserId = served.sandbox.credentials()["operator_id"]
    return user


def upload(client: EssClient, served: Running) -> str:
    request = models.UploadFilesRequest()
    request.BusinessType = "DOCUMENT"
    request.Caller = models.Caller()
    request.Caller.OperatorId = served.sandbox.credentials()["operator_id"]
    file = models.UploadFile()
    file.FileBody, file.FileName = base64.b64encode(PDF).decode(), "示例合同.pdf"
    request.FileInfos = [file]
    answer = client.UploadFiles(request)
    assert (answer.TotalCount, len(answer.FileIds)) == (1, 1)
    assert abs(answer.Deadline - time.time() - 3600) < 5
    return str(answer.FileIds[0])


def person(name: str, mobile: str) -> models.ApproverInfo:
    approver = models.ApproverInfo()
    approver.ApproverType, approver.ApproverName, approver.ApproverMobile = 1, name, mobile
    component = models.Component()
    component.ComponentType, component.GenerateMode = "SIGN_SIGNATURE", "NORMAL"
    component.ComponentPage, component.ComponentPosX, component.ComponentPosY = 1, 100.0, 100.0
    component.ComponentWidth, component.ComponentHeight = 119.0, 60.0
    approver.SignComponents = [component]
    return approver


def send(client: EssClient, served: Running, **changes: object) -> models.CreateFlowByFilesResponse:
    request = models.CreateFlowByFilesRequest()
    request.Operator = operator(served)
    request.FlowName = "示例服务合同（2026）HT-2026-0042"
    request.FileIds = [upload(client, served)]
    request.Approvers = [person("测试甲", "13800000001"), person("测试乙", "13800000002")]
    request.UserData = base64.b64encode(b"HT-2026-0042/1").decode()
    for name, value in changes.items():
        setattr(request, name, value)
    return client.CreateFlowByFiles(request)


def draft(client: EssClient, served: Running) -> str:
    create = models.CreateFlowRequest()
    create.Operator, create.FlowName = operator(served), "示例模板合同"
    create.Approvers = []
    for number, recipient in enumerate(RECIPIENTS, start=1):
        approver = models.FlowCreateApprover()
        approver.ApproverType, approver.ApproverName = 1, f"测试{number}"
        approver.ApproverMobile, approver.RecipientId = f"1380000000{number}", recipient
        create.Approvers.append(approver)
    return str(client.CreateFlow(create).FlowId)


def look(client: EssClient, served: Running, flow_id: str) -> models.FlowDetailInfo:
    request = models.DescribeFlowInfoRequest()
    request.Operator, request.FlowIds = operator(served), [flow_id]
    return client.DescribeFlowInfo(request).FlowDetailInfos[0]


def fetch(url: str) -> bytes:
    with build_opener(ProxyHandler({})).open(url) as answer:
        content: bytes = answer.read()
        return content


def test_from_the_upload_to_the_download(client: EssClient, served: Running) -> None:
    created = send(client, served)
    assert len(created.FlowId) == 32
    assert len(created.Approvers) == 2
    assert created.RequestId

    link = models.CreateFlowSignUrlRequest()
    link.Operator, link.FlowId = operator(served), created.FlowId
    approver = models.FlowCreateApprover()
    approver.ApproverType, approver.ApproverName, approver.ApproverMobile = 1, "测试甲", "13800000001"
    link.FlowApproverInfos = [approver]
    assert client.CreateFlowSignUrl(link).FlowApproverUrlInfos[0].SignUrl.startswith("https://")

    served.control("act/sign", {"flow_id": created.FlowId})
    seen = look(client, served, created.FlowId)
    assert (seen.FlowStatus, [one.ApproveStatus for one in seen.FlowApproverInfos]) == (2, [3, 2])
    served.control("act/sign", {"flow_id": created.FlowId})

    briefs = models.DescribeFlowBriefsRequest()
    briefs.Operator, briefs.FlowIds = operator(served), ["yDnone", created.FlowId]
    (brief,) = client.DescribeFlowBriefs(briefs).FlowBriefs
    assert (brief.FlowId, brief.FlowStatus) == (created.FlowId, 4)

    urls = models.DescribeFileUrlsRequest()
    urls.Operator, urls.BusinessType, urls.BusinessIds = operator(served), "FLOW", [created.FlowId]
    served.control("clock", {"advance": 2})
    answer = client.DescribeFileUrls(urls)
    assert answer.TotalCount == 1
    assert fetch(answer.FileUrls[0].Url).startswith(PDF)


def test_the_bill_names_what_was_sent(client: EssClient, served: Running) -> None:
    created = send(client, served)
    request = models.DescribeBillUsageDetailRequest()
    request.StartTime = request.EndTime = f"{served.sandbox.clock.china():%Y%m%d}"
    answer = client.DescribeBillUsageDetail(request)
    assert (answer.Total, answer.Details[0].FlowId) == (1, created.FlowId)
    assert answer.Details[0].FlowName == "示例服务合同（2026）HT-2026-0042"
    request.StartTime, request.EndTime = "20261130", "20261201"
    with pytest.raises(TencentCloudSDKException) as caught:
        client.DescribeBillUsageDetail(request)
    assert caught.value.get_code() == "InvalidParameterValue.InvalidTime"


def test_from_a_template(client: EssClient, served: Running) -> None:
    flow_id = draft(client, served)
    start = models.StartFlowRequest()
    start.Operator, start.FlowId = operator(served), flow_id
    assert refused(lambda: client.StartFlow(start)) == "FailedOperation.FlowHasNoDocument"
    document = models.CreateDocumentRequest()
    document.Operator, document.FlowId = operator(served), flow_id
    document.TemplateId, document.FileNames = TEMPLATE, ["示例"]
    assert client.CreateDocument(document).DocumentId
    assert refused(lambda: client.CreateDocument(document)) == "FailedOperation.FlowHasDocument"
    assert refused(lambda: client.StartFlow(start)) == "OperationDenied.DocumentNoAvailable"
    served.control("clock", {"advance": 4})
    assert client.StartFlow(start).Status == "START"
    assert refused(lambda: client.StartFlow(start)) == "OperationDenied.FlowHasStarted"
    assert look(client, served, flow_id).FlowStatus == 1


def test_cancelled_reminded_and_extended(client: EssClient, served: Running) -> None:
    flow_id = send(client, served).FlowId
    remind = models.CreateFlowRemindsRequest()
    remind.Operator, remind.FlowIds = operator(served), [flow_id]
    answers = [client.CreateFlowReminds(remind).RemindFlowRecords[0].CanRemind for _ in range(4)]
    assert answers == [True, True, True, False]

    extend = models.ModifyFlowDeadlineRequest()
    extend.Operator, extend.FlowId = operator(served), flow_id
    extend.Deadline = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp())
    client.ModifyFlowDeadline(extend)
    assert refused(lambda: client.ModifyFlowDeadline(extend)) == "InvalidParameter.FlowDeadLine"

    scheme = models.CreateSchemeUrlRequest()
    scheme.Operator, scheme.FlowId, scheme.PathType, scheme.EndPoint = operator(served), flow_id, 1, "HTTP"
    assert refused(lambda: client.CreateSchemeUrl(scheme)) == "FailedOperation.PathTypeError"
    scheme.EndPoint = "APP"
    assert client.CreateSchemeUrl(scheme).SchemeUrl

    cancel = models.CancelFlowRequest()
    cancel.Operator, cancel.FlowId = operator(served), flow_id
    assert refused(lambda: client.CancelFlow(cancel)) == "MissingParameter.CancelReason"
    cancel.CancelMessage = "价格有误"
    client.CancelFlow(cancel)
    assert refused(lambda: client.CancelFlow(cancel)) == "OperationDenied.FlowCancelForbid"
    seen = look(client, served, flow_id)
    assert (seen.FlowStatus, seen.FlowMessage) == (6, "价格有误")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"FlowName": ""}, "InvalidParameter.FlowName"),
        ({"FlowName": "合同/1"}, "InvalidParameter.FlowName"),
        ({"FlowName": "示" * 201}, "InvalidParameter.FlowName"),
        ({"FlowDescription": "x" * 1001}, "InvalidParameter.FlowDescription"),
        ({"FileIds": []}, "InvalidParameter.FlowFileIds"),
        ({"FileIds": ["yDa", "yDb"]}, "InvalidParameter.FlowFileIds"),
        ({"FileIds": ["yDa"]}, "ResourceNotFound.Resource"),
        ({"Approvers": []}, "MissingParameter.FlowApprover"),
        ({"Approvers": [models.ApproverInfo()]}, "InvalidParameter.ApproverType"),
        ({"Deadline": 1}, "InvalidParameter.FlowDeadLine"),
        ({"UserData": "不是base64"}, "InvalidParameter.FlowUserData"),
        ({"Operator": models.UserInfo()}, "MissingParameter.UserId"),
    ],
)
def test_refused(client: EssClient, served: Running, changes: dict[str, object], code: str) -> None:
    assert refused(lambda: send(client, served, **changes)) == code


def test_an_upload_lives_an_hour(client: EssClient, served: Running) -> None:
    file_id = upload(client, served)
    served.sandbox.books.table("files")[file_id] |= {"deadline": 0}
    assert refused(lambda: send(client, served, FileIds=[file_id])) == "ResourceNotFound.Resource"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"secret_key": "another"}, "AuthFailure.SignatureFailure"),
        ({"secret_id": "AKIDanother"}, "AuthFailure.SecretIdNotFound"),
    ],
)
def test_strangers(served: Running, changes: dict[str, str], code: str) -> None:
    stranger = client_of(served, **changes)
    assert refused(lambda: look(stranger, served, "yDnone")) == code


def test_a_wrong_clock(client: EssClient, served: Running) -> None:
    served.control("clock", {"advance": 301})
    assert refused(lambda: look(client, served, "yDnone")) == "AuthFailure.SignatureExpire"


def refused(call: Callable[[], object]) -> str:
    """The vendor's code, as its client raises it."""

    with pytest.raises(TencentCloudSDKException) as caught:
        call()
    assert caught.value.get_request_id()
    return str(caught.value.get_code())
