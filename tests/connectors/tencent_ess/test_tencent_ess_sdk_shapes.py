"""The vendor's own client, unchanged: each way to send and sign a request, and what comes after signing."""

import io
import zipfile
from urllib.error import HTTPError

import orjson
import pytest
from tencentcloud.common.profile.client_profile import ClientProfile  # type: ignore[import-untyped]
from tencentcloud.common.profile.http_profile import HttpProfile  # type: ignore[import-untyped]
from tencentcloud.ess.v20201111 import models  # type: ignore[import-untyped]
from tencentcloud.ess.v20201111.ess_client import EssClient  # type: ignore[import-untyped]

from sandboxes.common import Running
from sandboxes.tencent_ess.app import RECIPIENTS, TEMPLATE
from tests.connectors.signing_desk import PDF, Receiver
from tests.connectors.tencent_ess.test_tencent_ess_sdk import (
    client_of,
    fetch,
    look,
    operator,
    person,
    refused,
    send,
)


@pytest.fixture
def client(served: Running, monkeypatch: pytest.MonkeyPatch) -> EssClient:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    served.control("reset", {})
    return client_of(served)


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("signed", "unsigned"), [(None, False), (None, True), ("HmacSHA1", False), ("HmacSHA256", False)]
)
@pytest.mark.usefixtures("client")
def test_however_it_is_sent_and_signed(
    served: Running, method: str, signed: str | None, unsigned: bool
) -> None:
    """Queries and forms hold lists and numbers as text."""
    profile = ClientProfile(signMethod=signed, httpProfile=HttpProfile(reqMethod=method))
    profile.unsignedPayload = unsigned
    client = client_of(served, profile)
    flow_id = send(client, served, Unordered=True).FlowId
    shown = look(client, served, flow_id)
    assert (shown.FlowName, shown.FlowStatus) == ("示例服务合同（2026）HT-2026-0042", 1)
    assert [one.ApproveStatus for one in shown.FlowApproverInfos] == [2, 2]
    stranger = client_of(served, profile, secret_key="another")
    assert refused(lambda: look(stranger, served, flow_id)) == "AuthFailure.SignatureFailure"
    stranger = client_of(served, profile, secret_id="AKIDanother")
    assert refused(lambda: look(stranger, served, flow_id)) == "AuthFailure.SecretIdNotFound"
    served.control("clock", {"advance": 301})
    assert refused(lambda: look(client, served, flow_id)) == "AuthFailure.SignatureExpire"


def test_a_value_of_another_type_is_refused(client: EssClient, served: Running) -> None:
    wrong = person("测试甲", "13800000001")
    wrong.SignComponents[0].ComponentType = ["SIGN_SIGNATURE"]
    for changes in ({"Approvers": [wrong]}, {"Deadline": "1800000000"}, {"Unordered": "true"}):
        assert refused(lambda given=changes: send(client, served, **given)) == "InvalidParameter"  # type: ignore[misc]


def test_what_is_nested_too_deep_is_refused(client: EssClient, served: Running) -> None:
    deep: dict[str, object] = {}
    for _ in range(500):
        deep = {"a": deep}
    asked = {"Operator": {"UserId": served.sandbox.credentials()["operator_id"]}, "FlowIds": ["yDnone"]}
    assert refused(lambda: client.call_json("DescribeFlowBriefs", asked | deep)) == "InvalidParameter"
    assert client.call_json("DescribeFlowBriefs", asked)["Response"]["FlowBriefs"] == []


def test_a_preview_makes_no_flow(client: EssClient, served: Running) -> None:
    shown = send(client, served, NeedPreview=True)
    assert (shown.FlowId, fetch(shown.PreviewUrl)) == ("", PDF)
    assert not served.sandbox.books.table("flows")
    served.control("clock", {"advance": 301})
    with pytest.raises(HTTPError):
        fetch(shown.PreviewUrl)


def test_signed_files_come_as_a_zip_too(client: EssClient, served: Running) -> None:
    flow_id = send(client, served).FlowId
    served.control("act/sign_all", {"flow_id": flow_id})
    served.control("clock", {"advance": 2})
    request = models.DescribeFileUrlsRequest()
    request.Operator, request.BusinessType, request.BusinessIds = operator(served), "FLOW", [flow_id]
    request.FileType = "ZIP"
    with zipfile.ZipFile(io.BytesIO(fetch(client.DescribeFileUrls(request).FileUrls[0].Url))) as archive:
        assert archive.namelist() == ["示例合同.pdf"]
        assert archive.read("示例合同.pdf").startswith(PDF)
    request.FileType = "EXE"
    assert refused(lambda: client.DescribeFileUrls(request)) == "InvalidParameter.FileType"


def test_how_long_a_sign_link_may_live(client: EssClient, served: Running) -> None:
    created = send(client, served)
    request = models.CreateFlowSignUrlRequest()
    request.Operator, request.FlowId, request.ExpiredOn = operator(served), created.FlowId, 1799
    approver = models.FlowCreateApprover()
    approver.RecipientId = created.Approvers[0].RecipientId
    request.FlowApproverInfos = [approver]
    assert refused(lambda: client.CreateFlowSignUrl(request)) == "InvalidParameter"
    request.ExpiredOn = 1800
    assert client.CreateFlowSignUrl(request).FlowApproverUrlInfos


def releasing(
    served: Running, flow_id: str, reason: str | None = "价格有误"
) -> models.CreateReleaseFlowRequest:
    request = models.CreateReleaseFlowRequest()
    request.Operator, request.NeedRelievedFlowId = operator(served), flow_id
    request.ReliveInfo = models.RelieveInfo()
    request.ReliveInfo.Reason = reason
    return request


async def test_a_signed_flow_is_released_by_a_second_one(
    client: EssClient, served: Running, receiver: Receiver
) -> None:
    flow_id = send(client, served).FlowId
    request = releasing(served, flow_id)
    assert refused(lambda: client.CreateReleaseFlow(request)) == "OperationDenied.FlowStatusForbid"
    served.control("act/sign_all", {"flow_id": flow_id})
    assert refused(lambda: client.CreateReleaseFlow(releasing(served, flow_id, None))) == "MissingParameter"
    second = client.CreateReleaseFlow(request).FlowId
    assert refused(lambda: client.CreateReleaseFlow(request)) == "OperationDenied.FlowStatusForbid"
    assert (look(client, served, flow_id).FlowStatus, look(client, served, second).FlowStatus) == (4, 1)
    served.control("act/sign", {"flow_id": second})
    served.control("act/subscribe", {"url": receiver.url, "encrypted": False})
    served.control("act/sign", {"flow_id": second})
    told = [orjson.loads(one.body)["MsgData"] for one in await receiver.next(2)]
    assert {(one["FlowId"], one["FlowCallbackStatus"]) for one in told} == {(second, 4), (flow_id, 21)}
    released = look(client, served, flow_id)
    assert (released.FlowStatus, released.FlowMessage) == (21, "价格有误")
    assert [one.ApproveStatus for one in released.FlowApproverInfos] == [15, 15]


def test_a_declined_release_leaves_the_flow_signed(client: EssClient, served: Running) -> None:
    flow_id = send(client, served).FlowId
    served.control("act/sign_all", {"flow_id": flow_id})
    second = client.CreateReleaseFlow(releasing(served, flow_id)).FlowId
    served.control("act/decline", {"flow_id": second})
    assert look(client, served, flow_id).FlowStatus == 4
    assert client.CreateReleaseFlow(releasing(served, flow_id)).FlowId


def test_people_of_a_release_cannot_be_replaced(client: EssClient, served: Running) -> None:
    created = send(client, served)
    served.control("act/sign_all", {"flow_id": created.FlowId})
    request = releasing(served, created.FlowId)
    other = models.ReleasedApprover()
    other.Name, other.Mobile = "测试丙", "13800000003"
    request.ReleasedApprovers = [other]
    for recipient, code in (
        ("yDnone", "ResourceNotFound.FlowApprover"),
        (created.Approvers[0].RecipientId, "InvalidParameter.FlowApprovers"),
    ):
        other.RelievedApproverRecipientId = recipient
        assert refused(lambda: client.CreateReleaseFlow(request)) == code


def test_a_template_tells_its_recipients(client: EssClient, served: Running) -> None:
    request = models.DescribeFlowTemplatesRequest()
    request.Operator = operator(served)
    assert client.DescribeFlowTemplates(request).TotalCount == 2
    wanted = models.Filter()
    wanted.Key, wanted.Values = "template-id", [TEMPLATE]
    request.Filters = [wanted]
    (found,) = client.DescribeFlowTemplates(request).Templates
    assert (found.TemplateId, [one.RecipientId for one in found.Recipients]) == (TEMPLATE, [*RECIPIENTS])
