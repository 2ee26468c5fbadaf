"""The vendor's own SDK, unchanged, as the judge of the sandbox."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from k3cloud_webapi_sdk.main import K3CloudApiSdk  # type: ignore[import-untyped]

from sandboxes.common import Running, running
from sandboxes.kingdee import SANDBOX

SAMPLES = Path(__file__).parent / "samples"
RECEIVABLE, RECEIPT = "AR_receivable", "AR_RECEIVEBILL"


def sample(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SAMPLES / name).read_text(encoding="utf-8"))
    return found


class Sdk:
    """The SDK with its answers parsed."""

    def __init__(self, served: Running, **changed: str) -> None:
        given = served.sandbox.credentials() | changed
        url = f"{served.url}/k3cloud/"
        self.client = K3CloudApiSdk(url)
        self.client.InitConfig(
            given["acct_id"], given["user_name"], given["app_id"], given["app_secret"], url
        )

    def __getattr__(self, method: str) -> Any:
        return lambda *given: json.loads(getattr(self.client, method)(*given))

    def done(self, method: str, form: str, data: dict[str, Any]) -> Any:
        result = getattr(self, method)(form, data)["Result"]
        assert result["ResponseStatus"]["IsSuccess"], result
        return result

    def query(self, form: str, keys: str, where: str) -> Any:
        return self.ExecuteBillQuery({"FormId": form, "FieldKeys": keys, "FilterString": where, "Limit": 100})

    def posted(self, form: str, model: dict[str, Any]) -> int:
        """Saved, submitted, audited."""
        result = self.done("Save", form, {"Model": model, "IsVerifyBaseDataField": True})
        for method in ("Submit", "Audit"):
            self.done(method, form, {"Numbers": [result["Number"]]})
        key: int = result["Id"]
        return key


@pytest.fixture(scope="module")
def served() -> Iterator[Running]:
    loopback = pytest.MonkeyPatch()
    loopback.setitem(os.environ, "NO_PROXY", "*")
    with running(SANDBOX()) as serving:
        yield serving
    loopback.undo()


@pytest.fixture(params=[False, True], ids=["private", "gateway"])
def sdk(served: Running, request: pytest.FixtureRequest) -> Sdk:
    served.control("reset", {})
    served.control("act/check_gateway", {"on": request.param})
    return Sdk(served)


@pytest.fixture
def private(served: Running) -> Sdk:
    served.control("reset", {})
    return Sdk(served)


def test_a_receivable_and_a_receipt_that_writes_it_off(served: Running, sdk: Sdk) -> None:
    assert [each["Id"] for each in sdk.GetDataCenters()] == [served.sandbox.credentials()["acct_id"]]
    receivable = sdk.posted(RECEIVABLE, sample("receivable_model.json"))
    plan = sdk.query(RECEIVABLE, "FEntityPlan_FEntryID,FPAYAMOUNTFOR", f"FID={receivable}")
    assert [amount for _, amount in plan] == [8052.0, 5368.0]

    model = sample("receipt_model.json")
    (source,) = model["FRECEIVEBILLSRCENTRY"]
    source |= {"FSRCBILLID": plan[0][0], "FSRCROWID": receivable}
    source["FRECEIVEBILLSRCENTRY_Link"][0] |= {
        "FRECEIVEBILLSRCENTRY_Link_FSBillId": receivable,
        "FRECEIVEBILLSRCENTRY_Link_FSId": plan[0][0],
    }
    receipt = sdk.posted(RECEIPT, model)

    keys = "FWRITTENOFFSTATUS,FEntityPlan_FEntryID,FPAYAMOUNTFOR,FWRITTENOFFAMOUNTFOR_P"
    assert sdk.query(RECEIVABLE, keys, f"FID={receivable}") == [
        ["B", plan[0][0], 8052.0, 8052.0],
        ["B", plan[1][0], 5368.0, 0.0],
    ]
    assert sdk.query(RECEIPT, "FDOCUMENTSTATUS,FRECAMOUNTFOR,FWRITTENOFFSTATUS", f"FID={receipt}") == [
        ["C", 8052.0, "C"]
    ]
    shown = sdk.done("View", RECEIVABLE, {"Number": "YS-HUB-000317"})["Result"]
    assert (shown["Id"], shown["DocumentStatus"]) == (receivable, "C")
    assert len(served.control("books/sessions")) == 1, "the SDK carries the session that it was given"


def test_a_pushed_receipt_completed_by_a_second_save(private: Sdk) -> None:
    receivable = private.posted(RECEIVABLE, sample("receivable_model.json"))
    plan = private.query(RECEIVABLE, "FEntityPlan_FEntryID", f"FID={receivable}")
    pushed = private.done(
        "Push",
        RECEIVABLE,
        {
            "Ids": "",
            "Numbers": [],
            "EntryIds": str(plan[0][0]),
            "RuleId": "AR_recableToRecBill",
            "TargetFormId": RECEIPT,
            "IsEnableDefaultRule": "false",
        },
    )
    assert pushed["ConvertResponseStatus"]["IsSuccess"]
    (made,) = pushed["ResponseStatus"]["SuccessEntitys"]
    (entry,) = made["EntryIds"]["FRECEIVEBILLENTRY"]
    changed = ["FTHIRDBILLNO", "FRECEIVEBILLENTRY", "FSETTLETYPEID", "FACCOUNTID", "FSETTLENO", "FPOSTDATE"]
    model = {
        "FID": made["Id"],
        "FTHIRDBILLNO": "HUB-PAY-000088",
        "FRECEIVEBILLENTRY": [
            {
                "FEntryID": entry,
                "FSETTLETYPEID": {"FNumber": "JSFS04_SYS"},
                "FACCOUNTID": {"FNumber": "6222-DEMO-01"},
                "FSETTLENO": "BANKREF-7788",
                "FPOSTDATE": "2026-04-16",
            }
        ],
    }
    private.done("Save", RECEIPT, {"NeedUpDateFields": changed, "IsDeleteEntry": "false", "Model": model})
    for method in ("Submit", "Audit"):
        private.done(method, RECEIPT, {"Ids": str(made["Id"])})
    where = f"FBillNo='{made['Number']}'"
    keys = "FRECAMOUNTFOR,FWRITTENOFFSTATUS,FACCOUNTID.FNumber,FTHIRDBILLNO"
    assert private.query(RECEIPT, keys, where) == [[8052.0, "C", "6222-DEMO-01", "HUB-PAY-000088"]]
    rest = private.done("Push", RECEIVABLE, {"Ids": str(receivable), "RuleId": "AR_recableToRecBill"})
    number = rest["ResponseStatus"]["SuccessEntitys"][0]["Number"]
    assert private.query(RECEIPT, "FRECAMOUNTFOR", f"FBillNo='{number}'") == [[5368.0]]
    again = private.Push(RECEIVABLE, {"Ids": str(receivable), "RuleId": "AR_recableToRecBill"})["Result"]
    assert "没有符合转换条件" in again["ResponseStatus"]["Errors"][0]["Message"]


def test_a_batch_that_is_saved_in_part_also_asynchronously(private: Sdk) -> None:
    model = sample("receivable_model.json")
    models = [model | {"FBillNo": f"YS-{number}"} for number in (1, 2, 1)]
    for method, saved in (("BatchSave", [0, 1]), ("BatchSaveQuery", [])):
        status = getattr(private, method)(RECEIVABLE, {"Model": models})["Result"]["ResponseStatus"]
        assert [each["DIndex"] for each in status["SuccessEntitys"]] == saved
        assert {each["DIndex"] for each in status["Errors"]} == {0, 1, 2} - set(saved)
        assert (status["IsSuccess"], status["MsgCode"]) == (False, 11)


def test_drafts_and_recalls(private: Sdk) -> None:
    draft = private.done("Draft", RECEIVABLE, {"Model": {"FAR_Remark": "暂存"}})
    assert draft["Number"] == ""
    model = sample("receivable_model.json") | {"FID": draft["Id"]}
    private.done("Save", RECEIVABLE, {"Model": model})
    ids = {"Ids": str(draft["Id"])}
    for method, state in (
        ("Submit", "B"),
        ("CancelAssign", "D"),
        ("Submit", "B"),
        ("Audit", "C"),
        ("UnAudit", "D"),
    ):
        private.done(method, RECEIVABLE, ids)
        assert private.query(RECEIVABLE, "FDOCUMENTSTATUS", f"FID={draft['Id']}") == [[state]]
    private.done("Delete", RECEIVABLE, ids)
    assert private.query(RECEIVABLE, "FBillNo", "") == []


def test_metadata_names_every_field(private: Sdk) -> None:
    info = private.QueryBusinessInfo({"FormId": RECEIVABLE})["Result"]["NeedReturnData"]
    entries = {each["Key"]: {field["Key"] for field in each["Fields"]} for each in info["Entrys"]}
    assert info["Id"] == RECEIVABLE
    sub_heads = {"FsubHeadFinc", "FsubHeadSuppiler"}
    assert {"FBillHead", *sub_heads, "FEntityDetail", "FEntityPlan"} == set(entries)
    assert "FPAYAMOUNTFOR" in entries["FEntityPlan"]


@pytest.mark.parametrize("changed", [{"app_secret": "wrong"}, {"user_name": "clerk"}])
def test_wrong_credentials_are_a_lost_session(served: Running, private: Sdk, changed: dict[str, str]) -> None:
    stranger = Sdk(served, **changed)
    status = stranger.Save(RECEIVABLE, {"Model": {}})["Result"]["ResponseStatus"]
    assert (status["MsgCode"], status["Errors"][0]["Message"]) == (1, "会话信息已丢失，请重新登录")
    assert stranger.query(RECEIVABLE, "FID", "")[0][0]["Result"]["ResponseStatus"]["MsgCode"] == 1


def test_the_sdk_raises_for_another_account_set_and_an_unknown_service(served: Running, private: Sdk) -> None:
    with pytest.raises(RuntimeError, match="数据中心"):
        Sdk(served, acct_id="elsewhere").View(RECEIVABLE, {"Number": "X"})
    with pytest.raises(RuntimeError, match="未能找到服务"):
        private.SendMsg({})
