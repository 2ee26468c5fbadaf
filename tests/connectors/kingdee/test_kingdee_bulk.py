"""BatchSave, Draft, Push, metadata: bytes in, values out, and the client against the sandbox."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from connector_kit import Reply
from connectors.kingdee import CONNECTOR, bulk, protocol
from connectors.kingdee.client import WebApi
from connectors.kingdee.errors import NumberUsed
from connectors.kingdee.protocol import Saved, Step
from connectors.kingdee.settings import KingdeeSettings
from domain.faults import Fault, Malformed, Misconfigured, Rejected, SessionExpired, Transient, UnknownOutcome
from sandboxes.common import Running
from tests.connectors.connection import open_connection

SAMPLES = Path(__file__).parent / "samples"
RECEIVABLE, RECEIPT, RULE = "AR_receivable", "AR_RECEIVEBILL", "AR_recableToRecBill"
SETTINGS = KingdeeSettings.model_validate(
    {
        "base_url": "http://erp.example.com",
        "acct_id": "6500aa11bb22cc",
        "user_name": "demo",
        "password": "made-up-password",
        "bank_account": "6222-DEMO-01",
    }
)


def answer(
    *saved: tuple[int, str], refused: tuple[tuple[int, str], ...] = (), code: int = 0, **more: Any
) -> Reply:
    status = {
        "IsSuccess": not refused,
        "MsgCode": code,
        "SuccessEntitys": [{"Id": 100000 + at, "Number": number, "DIndex": at} for at, number in saved],
        "Errors": [{"FieldName": "FX", "Message": text, "DIndex": at} for at, text in refused],
    }
    return Reply(200, {}, json.dumps({"Result": {"ResponseStatus": status} | more}).encode())


USED = "违反字段唯一性要求：编码唯一。[N]在当前系统中已经被使用。"


@pytest.mark.parametrize(
    ("reply", "outcomes"),
    [
        (answer((0, "A"), (1, "B"), (2, "C")), [Saved, Saved, Saved]),
        (answer((0, "A"), (2, "C"), refused=((1, USED),), code=11), [Saved, NumberUsed, Saved]),
        (
            answer((2, "C"), refused=((0, "字段[客户]是必录字段"), (1, USED)), code=11),
            [Rejected, NumberUsed, Saved],
        ),
        (answer((0, "A"), refused=((1, USED),), code=11), [Saved, NumberUsed, UnknownOutcome]),
        (answer(refused=((0, USED), (1, USED), (2, USED)), code=11), [NumberUsed] * 3),
    ],
)
def test_the_outcomes_of_a_batch(reply: Reply, outcomes: list[type]) -> None:
    assert [type(each) for each in bulk.read_batch_save(reply, 3)] == outcomes


@pytest.mark.parametrize(
    ("reply", "fault"),
    [
        (answer(refused=((0, "会话信息已丢失，请重新登录"),), code=1), SessionExpired),
        (answer(refused=((0, "您没有应收单的新增权限"),), code=2), Misconfigured),
        (answer(refused=((0, "冲突，请稍候再使用。"),), code=13), Transient),
        (Reply(200, {}, b"response_error:Object reference"), UnknownOutcome),
    ],
)
def test_a_batch_that_failed_as_a_whole(reply: Reply, fault: type[Fault]) -> None:
    with pytest.raises(fault):
        bulk.read_batch_save(reply, 2)


CONVERTED = {"IsSuccess": True, "Errors": []}
NOT_CONVERTED = {"IsSuccess": False, "MsgCode": 11, "Errors": [{"FieldName": None, "Message": "没有数据"}]}


@pytest.mark.parametrize(
    "converted", [CONVERTED, None, [], [{"IsSuccess": True, "Message": ""}, {"IsSuccess": True}]]
)
def test_a_push_that_went_well(converted: object) -> None:
    reply = answer((0, "SKD1"), ConvertResponseStatus=converted)
    assert bulk.read_push(reply) == [Saved("100000", "SKD1")]


@pytest.mark.parametrize(
    ("reply", "fault"),
    [
        (answer((0, "SKD1"), ConvertResponseStatus=NOT_CONVERTED), Rejected),
        (answer((0, "SKD1"), ConvertResponseStatus=[{"IsSuccess": False, "Message": "没有"}]), Rejected),
        (answer(refused=((0, "没有符合条件的数据"),), code=11), Rejected),
        (answer(), UnknownOutcome),
    ],
)
def test_a_push_that_did_not(reply: Reply, fault: type[Fault]) -> None:
    with pytest.raises(fault):
        bulk.read_push(reply)


def test_on_the_wire() -> None:
    push = bulk.build_push(SETTINGS, "s", RECEIVABLE, RECEIPT, rule=RULE, entry_ids=["300001", "300002"])
    assert push.operation.kind == "blind_write"
    data = json.loads(push.content)["data"]
    assert (data["Ids"], data["Numbers"], data["EntryIds"]) == ("", [], "300001,300002")
    batch = bulk.build_batch_save(SETTINGS, "s", RECEIVABLE, [{"FBillNo": "A"}, {"FBillNo": "B"}])
    assert [each["FBillNo"] for each in json.loads(batch.content)["data"]["Model"]] == ["A", "B"]
    assert bulk.build_draft(SETTINGS, "s", RECEIVABLE, {}).operation.kind == "blind_write"
    centers = bulk.build_data_centers(SETTINGS)
    assert centers.url.endswith("ServicesStub.Account.AccountService.GetDataCenterList.common.kdsvc")
    assert (centers.content, "kdservice-sessionid" in centers.headers) == (b"{}", False)
    recall = protocol.build_step(SETTINGS, "s", Step.RECALL, RECEIVABLE, "1")
    assert recall.url.endswith("DynamicFormService.CancelAssign.common.kdsvc")


def test_no_list_of_data_centers() -> None:
    with pytest.raises(Malformed):
        bulk.read_data_centers(Reply(200, {}, b"{}"))


# --- against the sandbox ------------------------------------------------------------------------------


@pytest.fixture
async def api(served: Running) -> AsyncIterator[WebApi]:
    served.control("reset", {})
    async with open_connection(CONNECTOR, served) as opened:
        yield WebApi(opened.adapter.settings, opened.adapter.tools)


def model(number: str, **changed: object) -> dict[str, object]:
    found: dict[str, object] = json.loads((SAMPLES / "receivable_model.json").read_text(encoding="utf-8"))
    return found | {"FBillNo": number} | changed


async def test_a_batch_is_saved_in_part(api: WebApi, served: Running) -> None:
    unknown = {"FCUSTOMERID": {"FNumber": "NOBODY"}}
    first = await api.batch_save(RECEIVABLE, [model("A"), model("B", **unknown), model("A"), model("C")])
    assert [type(each) for each in first] == [Saved, Rejected, NumberUsed, Saved]
    again = await api.batch_save(RECEIVABLE, [model("B")])
    assert [type(each) for each in again] == [Saved]
    numbers = [row["FBillNo"] for row in served.control("books/AR_receivable").values()]
    assert numbers == ["A", "C", "B"]


@pytest.mark.parametrize("kind", ["expire_session", "drop_after"])
async def test_a_batch_under_faults(api: WebApi, served: Running, kind: str) -> None:
    served.control("faults", {"rules": [{"kind": kind, "path": "BatchSave", "times": 1}]})
    models = [model("A"), model("B")]
    try:
        outcomes = await api.batch_save(RECEIVABLE, models)
    except UnknownOutcome:
        outcomes = await api.batch_save(RECEIVABLE, models)
    assert {type(each) for each in outcomes} <= {Saved, NumberUsed}
    assert len(served.control("books/AR_receivable")) == 2


async def test_drafts_recalls_and_pushes(api: WebApi) -> None:
    draft = await api.draft(RECEIVABLE, {"FAR_Remark": "暂存"})
    assert draft.number == ""
    saved = await api.save(RECEIVABLE, model("A", FID=int(draft.vendor_id)))
    assert saved == Saved(draft.vendor_id, "A")
    with pytest.raises(Rejected, match="未审核"):
        await api.push(RECEIVABLE, RECEIPT, rule=RULE, ids=[saved.vendor_id])
    for step in (Step.SUBMIT, Step.RECALL, Step.SUBMIT, Step.AUDIT):
        await api.step(step, RECEIVABLE, saved.vendor_id)
    (receipt,) = await api.push(RECEIVABLE, RECEIPT, rule=RULE, ids=[saved.vendor_id])
    assert receipt.number.startswith("SKD")
    with pytest.raises(Rejected, match="没有符合转换条件"):
        await api.push(RECEIVABLE, RECEIPT, rule=RULE, ids=[saved.vendor_id])
    with pytest.raises(Misconfigured):
        await api.push(RECEIVABLE, RECEIPT, rule="NO-SUCH-RULE", ids=[saved.vendor_id])


async def test_a_document_seen_whole(api: WebApi, served: Running) -> None:
    saved = await api.save(RECEIVABLE, model("A"))
    served.control("faults", {"rules": [{"kind": "expire_session", "path": "View", "times": 1}]})
    seen = await api.view(RECEIVABLE, saved.vendor_id)
    assert (seen["BillNo"], seen["CUSTOMERID"]["Number"]) == ("A", "CUST9001")
    with pytest.raises(Rejected, match="不存在"):
        await api.view(RECEIVABLE, "999")


@pytest.mark.parametrize("inner", [{"Id": 1}, '{"Id": 1}'])
def test_a_view_as_object_or_text(inner: object) -> None:
    assert bulk.read_view(answer(Result=inner)) == {"Id": 1}


@pytest.mark.parametrize("inner", [{}, "{}"])
def test_an_empty_view_is_a_lost_session(inner: object) -> None:
    with pytest.raises(SessionExpired):
        bulk.read_view(answer(Result=inner))


@pytest.mark.parametrize("inner", [None, 5, "[", "[]"])
def test_a_view_that_is_none(inner: object) -> None:
    with pytest.raises(Malformed):
        bulk.read_view(answer(Result=inner))


async def test_what_the_site_tells_of_itself(api: WebApi, served: Running) -> None:
    (center,) = await api.data_centers()
    assert center.Id == served.sandbox.credentials()["acct_id"]
    assert served.control("books/sessions") == {}, "no login was needed"
    info = await api.form_info("ar_receivable")
    head, *tables = info.Entrys
    assert [each.Key for each in tables[2:]] == ["FEntityDetail", "FEntityPlan"], "after two sub-heads"
    (customer,) = [each for each in head.Fields if each.Key == "FCUSTOMERID"]
    assert (customer.MustInput, customer.LookUpObjectFormId) == (1, "BD_Customer")
    with pytest.raises(Misconfigured, match="业务对象不存在"):
        await api.form_info("IV_SALESINVOICE")
