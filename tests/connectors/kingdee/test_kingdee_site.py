"""The sandbox by itself, spoken to as public clients do."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandboxes.common import PLAIN, Running

STUBS = "Kingdee.BOS.WebApi.ServicesStub."
SAMPLES = Path(__file__).parent / "samples"


def sample(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SAMPLES / name).read_text(encoding="utf-8"))
    return found


class Site:
    """A client with a logged-in session in the header."""

    def __init__(self, served: Running) -> None:
        self.served = served
        self.http = httpx.Client(base_url=f"{served.url}/k3cloud/", trust_env=False, verify=PLAIN)
        credentials = served.sandbox.credentials()
        body = {
            "parameters": [credentials["acct_id"], credentials["user_name"], credentials["password"], 2052]
        }
        self.login = self.post("AuthService.ValidateUser", body)
        self.http.cookies.clear()
        self.http.headers["kdservice-sessionid"] = self.login["KDSVCSessionId"]

    def post(self, service: str, body: Any, **more: Any) -> Any:
        return self.http.post(f"{STUBS}{service}.common.kdsvc", json=body, **more).json()

    def form(self, operation: str, form: str, data: dict[str, Any]) -> Any:
        return self.post(f"DynamicFormService.{operation}", {"formid": form, "data": data})

    def query(self, form: str, keys: str, where: str = "", **more: Any) -> Any:
        data = {"FormId": form, "FieldKeys": keys, "FilterString": where} | more
        return self.post("DynamicFormService.ExecuteBillQuery", {"data": data})

    def save(self, form: str, model: dict[str, Any], **more: Any) -> Any:
        return self.form("Save", form, {"Model": model, "IsVerifyBaseDataField": "true"} | more)["Result"]

    def ready(self, form: str, model: dict[str, Any], **more: Any) -> str:
        """Saved, submitted, audited; the internal id."""
        result = self.save(form, model, IsAutoSubmitAndAudit="true", **more)
        assert result["ResponseStatus"]["IsSuccess"], result
        return str(result["Id"])


@pytest.fixture
def site(served: Running) -> Iterator[Site]:
    served.control("reset", {})
    site = Site(served)
    yield site
    site.http.close()


def receipt_for(site: Site, receivable: str, amount: str, *, number: str = "SK-1") -> dict[str, Any]:
    (plan,) = site.query("AR_receivable", "FEntityPlan_FEntryID,FPAYAMOUNTFOR", f"FID={receivable}")[:1]
    model = sample("receipt_model.json") | {"FBillNo": number}
    model["FRECEIVEBILLENTRY"][0] |= {"FRECAMOUNTFOR_E": float(amount), "FRECTOTALAMOUNTFOR": float(amount)}
    source = model["FRECEIVEBILLSRCENTRY"][0]
    link = source["FRECEIVEBILLSRCENTRY_Link"][0]
    source |= {"FSRCBILLID": plan[0], "FSRCROWID": int(receivable), "FREALRECAMOUNT": float(amount)}
    link |= {"FRECEIVEBILLSRCENTRY_Link_FSBillId": receivable, "FRECEIVEBILLSRCENTRY_Link_FSId": plan[0]}
    return model


def refusal(result: dict[str, Any]) -> tuple[int, str | None, str]:
    status = result["ResponseStatus"]
    assert status["IsSuccess"] is False
    assert status["ErrorCode"] == 500
    return status["MsgCode"], status["Errors"][0]["FieldName"], status["Errors"][0]["Message"]


def test_the_worked_example_of_a_receivable(site: Site) -> None:
    result = site.save(
        "AR_receivable",
        sample("receivable_model.json"),
        NeedReturnFields=["FBillNo", "FEntityDetail.FEntryID", "FEntityPlan.FEntryID"],
    )
    assert result["Number"] == "YS-HUB-000317"
    assert result["NeedReturnData"] == [
        {
            "FBillNo": "YS-HUB-000317",
            "FEntityDetail": [{"FEntryID": 200001}, {"FEntryID": 200002}],
            "FEntityPlan": [{"FEntryID": 300001}, {"FEntryID": 300002}],
        }
    ]
    for operation in ("Submit", "Audit"):
        assert site.form(operation, "AR_receivable", {"Ids": str(result["Id"])})["Result"]["ResponseStatus"][
            "IsSuccess"
        ]
    keys = "FDOCUMENTSTATUS,FALLAMOUNTFOR,FNOTAXAMOUNTFOR,FWRITTENOFFSTATUS"
    assert site.query("AR_receivable", keys, "FBillNo='YS-HUB-000317'") == [["C", 13420.0, 12000.0, "A"]]
    assert site.served.sandbox.books.table("AR_receivable")[str(result["Id"])]["ignored"] == []


def test_the_worked_example_of_a_receipt_that_writes_off(site: Site) -> None:
    receivable = site.ready("AR_receivable", sample("receivable_model.json"))
    receipt = site.ready("AR_RECEIVEBILL", receipt_for(site, receivable, "8052"))
    keys = "FBillNo,FWRITTENOFFSTATUS,FPAYAMOUNTFOR,FWRITTENOFFAMOUNTFOR_P"
    assert site.query("AR_receivable", keys, f"FID={receivable}", OrderString="FEntityPlan_FEntryID") == [
        ["YS-HUB-000317", "B", 8052.0, 8052.0],
        ["YS-HUB-000317", "B", 5368.0, 0.0],
    ]
    assert site.query("AR_RECEIVEBILL", "FRECAMOUNTFOR,FWRITTENOFFSTATUS", f"FID={receipt}") == [
        [8052.0, "C"]
    ]

    code, _, text = refusal(site.form("UnAudit", "AR_receivable", {"Ids": receivable})["Result"])
    assert (code, "下游" in text) == (11, True)
    site.form("UnAudit", "AR_RECEIVEBILL", {"Ids": receipt})
    assert site.query("AR_receivable", "FWRITTENOFFSTATUS,FRELATEHADPAYAMOUNT", f"FID={receivable}") == [
        ["A", 8052.0]
    ]
    site.form("Delete", "AR_RECEIVEBILL", {"Numbers": ["SK-1"]})
    assert site.query("AR_receivable", "FRELATEHADPAYAMOUNT", f"FID={receivable}") == [[0.0]]


def test_a_receipt_cannot_take_more_than_the_plan_row_has(site: Site) -> None:
    receivable = site.ready("AR_receivable", sample("receivable_model.json"))
    site.save("AR_RECEIVEBILL", receipt_for(site, receivable, "8000"))
    code, field, text = refusal(
        site.save("AR_RECEIVEBILL", receipt_for(site, receivable, "53", number="SK-2"))
    )
    assert (code, field) == (11, "FREALRECAMOUNT")
    assert "超过未关联金额[52.0]" in text
    assert site.query("AR_RECEIVEBILL", "FBillNo") == [["SK-1"]]


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"FCUSTOMERID": {"FNumber": "NOBODY"}}, "FCUSTOMERID", "引用的基础资料[NOBODY]不存在"),
        ({"FCUSTOMERID": "CUST9001"}, "FCUSTOMERID", "字段[客户]是必录字段"),
        ({"FDATE": ""}, "FDATE", "字段[业务日期]是必录字段"),
        ({"FDATE": "17.03.2026"}, "FDATE", "格式不正确"),
        ({"FBillNo": "X" * 31}, "FBillNo", "超过最大长度[30]"),
        ({"FEntityDetail": []}, "FEntityDetail", "至少需要一行"),
        ({"FEntityPlan": [{"FENDDATE": "2026-05-16", "FPAYAMOUNTFOR": 1}]}, "FPAYAMOUNTFOR", "不相等"),
    ],
)
def test_what_save_refuses(site: Site, change: dict[str, Any], field: str, words: str) -> None:
    code, named, text = refusal(site.save("AR_receivable", sample("receivable_model.json") | change))
    assert (code, named) == (11, field)
    assert words in text
    assert len(site.served.sandbox.books.table("AR_receivable")) == 0


def test_a_number_is_used_once(site: Site) -> None:
    site.save("AR_receivable", sample("receivable_model.json"))
    assert refusal(site.save("AR_receivable", sample("receivable_model.json"))) == (
        11,
        "FBillNo",
        "违反字段唯一性要求：编码唯一。[YS-HUB-000317]在当前系统中已经被使用。",
    )


def test_without_verification_an_unknown_reference_is_left_empty(site: Site) -> None:
    model = sample("receivable_model.json") | {"FSALEERID": {"FNumber": "NOBODY"}}
    assert refusal(site.save("AR_receivable", model))[1] == "FSALEERID"
    result = site.save("AR_receivable", model, IsVerifyBaseDataField="false")
    assert site.query("AR_receivable", "FSALEERID.FNumber", f"FID={result['Id']}") == [[" "]]


def test_entries_before_the_finance_sub_head_lose_their_tax(site: Site) -> None:
    model = sample("receivable_model.json")
    model["FsubHeadFinc"] = model.pop("FsubHeadFinc")
    site.save("AR_receivable", model)
    assert site.query("AR_receivable", "FTaxAmountFor") == [[0.0]]


def test_the_life_of_a_document(site: Site) -> None:
    model = sample("receivable_model.json")
    number = {"Numbers": ["YS-HUB-000317"]}
    site.save("AR_receivable", model)

    def step(operation: str) -> str:
        result = site.form(operation, "AR_receivable", number)["Result"]
        status = result["ResponseStatus"]
        rows = site.query("AR_receivable", "FDOCUMENTSTATUS")
        return (rows[0][0] if rows else "gone") if status["IsSuccess"] else f"no: {refusal(result)[2][-8:]}"

    steps = ["Audit", "Submit", "Submit", "CancelAssign", "Submit", "Audit", "Audit", "Delete", "UnAudit"]
    assert [step(each) for each in steps] == [
        "no: 数据才允许审核！",
        "B",
        "no: 数据才允许提交！",
        "D",
        "B",
        "C",
        "no: ，单据已经审核！",
        "no: 数据才允许删除！",
        "D",
    ]
    assert step("Delete") == "gone"
    assert refusal(site.form("Delete", "AR_receivable", number)["Result"])[0] == 10


def test_a_draft_has_no_number_and_few_checks(site: Site) -> None:
    result = site.form("Draft", "AR_receivable", {"Model": {"FBillNo": "X-1"}})["Result"]
    assert (result["Number"], result["ResponseStatus"]["IsSuccess"]) == ("", True)
    assert site.query("AR_receivable", "FBillNo,FDOCUMENTSTATUS", "FBillNo=''") == [[" ", "Z"]]
    model = sample("receivable_model.json") | {"FID": result["Id"]}
    assert site.save("AR_receivable", model)["Number"] == "YS-HUB-000317"


def test_an_update_keeps_the_rows_that_it_does_not_send(site: Site) -> None:
    key = site.save("AR_receivable", sample("receivable_model.json"))["Id"]
    remark = {"FID": key, "FAR_Remark": "改", "FDATE": "2027-01-01"}
    site.save("AR_receivable", remark, NeedUpDateFields=["FAR_Remark"])
    assert site.query("AR_receivable", "FAR_Remark,FDATE,FALLAMOUNTFOR") == [
        ["改", "2026-03-17T00:00:00", 13420.0]
    ]
    gone = site.save("AR_receivable", {"FID": key, "FEntityDetail": [{}]})
    assert refusal(gone)[1] == "FEntityDetail"


@pytest.mark.parametrize(
    "body",
    [
        {"formid": "AR_Receivable", "data": {"FormId": "AR_receivable", "FieldKeys": "FBillNo"}},
        {"FormId": "AR_receivable", "Data": '{"fieldkeys":"FBillNo"}'},
        {"parameters": ['{"FormId":"AR_receivable","FieldKeys":"FBillNo"}']},
        {"parameters": '["{\\"FormId\\":\\"AR_receivable\\",\\"FieldKeys\\":\\"FBillNo\\"}"]'},
        {
            "format": 1,
            "rid": "1",
            "v": "1.0",
            "parameters": [{"FormId": "AR_receivable", "FieldKeys": "FBillNo"}],
        },
        {"FormId": "AR_receivable", "FieldKeys": "FBillNo"},
    ],
)
def test_request_shapes(site: Site, body: dict[str, Any]) -> None:
    site.save("AR_receivable", sample("receivable_model.json"))
    assert site.post("dynamicformservice.EXECUTEBILLQUERY", body) == [["YS-HUB-000317"]]


def test_a_form_body_and_a_misspelled_content_type(site: Site) -> None:
    path = f"{STUBS}DynamicFormService.ExecuteBillQuery.common.kdsvc"
    query = '{"FormId":"BD_Customer","FieldKeys":"FName"}'
    assert site.http.post(path, data={"data": query}).json() == [["示例客户有限公司"]]
    body = json.dumps({"data": query})
    headers = {"content-type": "applicatin/json"}
    assert site.http.post(path, content=body, headers=headers).json() == [["示例客户有限公司"]]
    assert site.http.post(path, content="[]").status_code == 500


@pytest.mark.parametrize(
    ("where", "numbers"),
    [
        ("", "ABC"),
        ("FNumber='A'", "A"),
        ("FNumber<>'A'", "BC"),
        ("fnumber in ('A','C')", "AC"),
        ("FName like '%o''%'", "B"),
        ("FNumber='A' or FNumber='B'", "AB"),
        ("(FNumber='A' OR FNumber='B') AND FPriority>=2", "B"),
        ("not FNumber='A' and not (FNumber='B')", "C"),
        ("FPriority between 1 and 2", "AB"),
        ("FPriority not in (1,2)", "C"),
        ("FNumber not in ('A')", "BC"),
        ("FNumber in ('a','A','C') and FPriority>1", "C"),
        ("FShortName is null", "ABC"),
        ("FTRADINGCURRID.FNumber='PRE001' and FPriority<3", "AB"),
        ("FNumber='A' or FPriority=3", "AC"),
        ("FCREATEDATE>='2000-01-01' and FCREATEDATE<'2999-01-01 00:00:00'", "ABC"),
        (
            [{"Left": "", "FieldName": "FNumber", "Compare": "67", "Value": "C", "Right": "", "Logic": "0"}],
            "C",
        ),
    ],
)
def test_filters(site: Site, where: str, numbers: str) -> None:
    for priority, (number, name) in enumerate({"A": "一", "B": "o'二", "C": "三"}.items(), start=1):
        model = {"FNumber": number, "FName": name, "FPriority": priority}
        model |= {"FCreateOrgId": {"FNumber": "100"}, "FTRADINGCURRID": {"FNumber": "PRE001"}}
        site.save("BD_Customer", model)
    rows = site.query("BD_Customer", "FNumber", where, OrderString="FNumber ASC")
    assert "".join(number for (number,) in rows if len(number) == 1) == numbers


@pytest.mark.parametrize(
    ("keys", "where", "code"),
    [
        ("FNoSuch", "", 9),
        ("FID", "", 9),
        ("FNumber", "FNoSuch='1'", 9),
        ("FNumber", "FNumber=", 8),
        ("FNumber", "1=1; drop", 8),
        ("", "", 8),
    ],
)
def test_queries_that_are_refused(site: Site, keys: str, where: str, code: int) -> None:
    assert refusal(site.query("BD_Customer", keys, where)[0][0]["Result"])[0] == code


def test_pages_and_the_absolute_top_row(site: Site) -> None:
    for number in range(5):
        site.save("AR_receivable", sample("receivable_model.json") | {"FBillNo": f"N{number}"})
    page: dict[str, Any] = {"OrderString": "FBillNo DESC", "StartRow": 2, "Limit": 2}
    assert site.query("AR_receivable", "FBillNo", **page) == [["N2"], ["N1"]]
    assert site.query("AR_receivable", "FBillNo", **page, TopRowCount=2) == []
    assert len(site.query("AR_receivable", "FEntityDetail_FSeq,FEntityPlan_FSeq", "FBillNo='N0'")) == 4


def test_sessions(site: Site) -> None:
    lost = (1, None, "会话信息已丢失，请重新登录")
    site.served.control("clock", {"advance": 19 * 60})
    assert site.query("BD_Customer", "FNumber") == [["CUST9001"]]
    site.served.control("clock", {"advance": 21 * 60})
    assert refusal(site.query("BD_Customer", "FNumber")[0][0]["Result"]) == lost
    assert refusal(site.form("View", "BD_Customer", {"Number": "CUST9001"})["Result"]) == lost


def test_a_cookie_alone_carries_the_session(site: Site) -> None:
    session = site.http.headers.pop("kdservice-sessionid")
    cookie = {"Cookie": f"Theme=standard; kdservice-sessionid={session}"}
    data = {"FormId": "BD_Customer", "FieldKeys": "FNumber"}
    assert site.post("DynamicFormService.ExecuteBillQuery", {"data": data}, headers=cookie) == [["CUST9001"]]


@pytest.mark.parametrize(
    ("login", "kind"),
    [
        (["6500aa11bb22cc", "hub", "wrong", 2052], 0),
        (["elsewhere", "hub", "hub-demo-pass", 2052], -1),
        ([], -1),
    ],
)
def test_refused_logins(site: Site, login: list[Any], kind: int) -> None:
    reply = site.post("AuthService.ValidateUser", {"parameters": login})
    assert (reply["LoginResultType"], reply["KDSVCSessionId"]) == (kind, None)


def test_view_uses_property_names(site: Site) -> None:
    site.save("AR_receivable", sample("receivable_model.json"))
    shown = site.form("View", "AR_receivable", {"Number": "YS-HUB-000317"})["Result"]["Result"]
    assert (shown["BillNo"], shown["CUSTOMERID"]["Number"]) == ("YS-HUB-000317", "CUST9001")
    assert len(shown["AP_PAYABLEENTRY"]) == 2


def test_what_people_do_by_hand(site: Site) -> None:
    receivable = site.ready("AR_receivable", sample("receivable_model.json"))
    site.ready("AR_RECEIVEBILL", receipt_for(site, receivable, "8052"))
    control = site.served.control
    assert [bill["written_off"] for bill in control("act/list_bills", {})["bills"]] == ["B", "C"]
    with pytest.raises(httpx.HTTPStatusError, match="400"):
        control("act/delete_bill", {"form": "AR_receivable", "number": "YS-HUB-000317"})
    control("act/delete_bill", {"form": "AR_RECEIVEBILL", "number": "SK-1"})
    control("act/delete_bill", {"form": "AR_receivable", "number": "YS-HUB-000317"})
    assert control("act/list_bills", {})["bills"] == []

    control("act/close_period", {"month": "2026-03"})
    code, field, text = refusal(site.save("AR_receivable", sample("receivable_model.json")))
    assert (code, field) == (11, "FDATE")
    assert "已结账" in text
    control("act/reopen_period", {"month": "2026-03"})
    assert site.save("AR_receivable", sample("receivable_model.json"))["Number"]


ORDER = {
    "FBillTypeID": {"FNUMBER": "XSDD01_SYS"},
    "FBillNo": "XS-1",
    "FDate": "2026-03-17",
    "FSaleOrgId": {"FNumber": "100"},
    "FCustId": {"FNumber": "CUST9001"},
    "FSalerId": {"FNumber": "YG001_GW001_1"},
    "FSaleOrderFinance": {"FSettleCurrId": {"FNumber": "PRE001"}},
    "FSaleOrderEntry": [
        {"FMaterialId": {"FNumber": "MAT-0001"}, "FUnitID": {"FNumber": "Pcs"}, "FQty": 1, "FPrice": 100}
    ],
}
INNER = json.dumps({"Model": ORDER})


@pytest.mark.parametrize(
    "body",
    [
        {"formid": "SAL_SaleOrder", "data": {"Model": ORDER}},
        {"FormId": "sal_saleorder", "Data": INNER},
        {"parameters": ["SAL_SaleOrder", INNER]},
        {"parameters": json.dumps(["SAL_SaleOrder", INNER])},
        {
            "format": "1",
            "useragent": "ApiClient",
            "rid": "7f000000-0000-4000-8000-000000000003",
            "parameters": ["SAL_SaleOrder", INNER],
            "timestamp": "2026-03-17 09:00:00",
            "v": "1.0",
        },
        {"FormId": "SAL_SaleOrder", "Model": ORDER},
    ],
)
def test_request_shapes_of_a_write(site: Site, body: dict[str, Any]) -> None:
    assert site.post("DynamicFormservice.save", body)["Result"]["Number"] == "XS-1"


def test_a_form_body_with_the_form_beside_the_data(site: Site) -> None:
    path = f"{STUBS}DynamicFormService.Save.common.kdsvc"
    reply = site.http.post(path, data={"formid": "SAL_SaleOrder", "data": INNER}).json()
    assert reply["Result"]["ResponseStatus"]["IsSuccess"]


@pytest.mark.parametrize("service", ["ExcuteOperation", "ExecuteOperation"])
def test_any_operation_by_its_name(site: Site, service: str) -> None:
    key = site.save("SAL_SaleOrder", ORDER)["Id"]

    def operate(form: str, operation: str, data: dict[str, Any]) -> Any:
        body = {"parameters": [form, operation, json.dumps(data)]}
        return site.post(f"DynamicFormService.{service}", body)["Result"]

    def cancelled() -> str:
        found: str = site.query("SAL_SaleOrder", "FCancelStatus", f"FID={key}")[0][0]
        return found

    assert operate("SAL_SaleOrder", "Cancel", {"Ids": str(key), "Numbers": []})["ResponseStatus"]["IsSuccess"]
    assert cancelled() == "B"
    assert refusal(operate("SAL_SaleOrder", "Cancel", {"Ids": [], "Numbers": ["XS-1"]}))[0] == 11
    operate("SAL_SaleOrder", "UnCancel", {"Numbers": ["XS-1"]})
    assert cancelled() == "A"
    assert refusal(operate("SAL_SaleOrder", "Explode", {"Numbers": ["XS-1"]}))[0] == 12
    assert refusal(operate("SAL_SaleOrder", "", {"Numbers": ["XS-1"]}))[0] == 3

    operate("BD_Customer", "Forbid", {"Numbers": ["CUST9001"]})
    refused = site.save("SAL_SaleOrder", ORDER | {"FBillNo": "XS-2"})
    assert refusal(refused)[1] == "FCustId"
    operate("BD_Customer", "Enable", {"Numbers": ["CUST9001"]})
    assert site.save("SAL_SaleOrder", ORDER | {"FBillNo": "XS-2"})["Number"] == "XS-2"


def test_a_void_receipt_sets_free_what_it_took(site: Site) -> None:
    receivable = site.ready("AR_receivable", sample("receivable_model.json"))
    site.save("AR_RECEIVEBILL", receipt_for(site, receivable, "8052"))

    def taken() -> Any:
        return site.query("AR_receivable", "FRELATEHADPAYAMOUNT", f"FID={receivable}")[0][0]

    body = {"formid": "AR_RECEIVEBILL", "opNumber": "Cancel", "data": {"Numbers": ["SK-1"]}}
    assert taken() == 8052.0
    site.post("DynamicFormService.ExcuteOperation", body)
    assert taken() == 0.0
    site.post("DynamicFormService.ExcuteOperation", body | {"opNumber": "UnCancel"})
    assert taken() == 8052.0
    site.post("DynamicFormService.ExcuteOperation", body)
    assert "已作废" in refusal(site.form("Submit", "AR_RECEIVEBILL", {"Numbers": ["SK-1"]})["Result"])[2]
    site.form("Delete", "AR_RECEIVEBILL", {"Numbers": ["SK-1"]})
    assert taken() == 0.0
