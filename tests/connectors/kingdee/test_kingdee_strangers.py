"""What other clients of the product rely on, and what it answers to those who get it wrong."""

import json
from base64 import b64decode, b64encode
from collections.abc import Iterator
from typing import Any

import pytest

from sandboxes.common import Running
from tests.connectors.kingdee.test_kingdee_site import STUBS, Site, refusal, sample

CUSTOMER = {
    "FNumber": "C-1",
    "FName": "示例甲",
    "FCreateOrgId": {"FNumber": "100"},
    "FTRADINGCURRID": {"FNumber": "PRE001"},
}


@pytest.fixture
def site(served: Running) -> Iterator[Site]:
    served.control("reset", {})
    site = Site(served)
    yield site
    site.http.close()


# --- logins -----------------------------------------------------------------------------------------------


def test_an_answered_login_has_every_key(site: Site) -> None:
    refused = site.post("AuthService.ValidateUser", {"parameters": ["6500aa11bb22cc", "hub", "wrong", 2052]})
    assert refused.keys() == site.login.keys()
    assert refused["IsSuccessByAPI"] is True, "also when it is refused"
    assert {"DatabaseType", "UseLanguages", "UTimeZone", "UserToken", "GDCID"} <= site.login["Context"].keys()


@pytest.mark.parametrize(
    ("passport", "kind"), [("Z3VhbnRvbmctZGVtby1wYXNzcG9ydA==", 1), ("QUJD", -1), (None, -1)]
)
def test_a_login_by_passport(site: Site, passport: str | None, kind: int) -> None:
    reply = site.post("AuthService.LoginBySimplePassport", {"parameters": [passport, 2052]})
    assert reply["LoginResultType"] == kind
    assert (reply["KDSVCSessionId"] is not None) == (kind == 1)


def test_the_cookies_of_a_login_joined_as_they_came(site: Site) -> None:
    """As a published Node client does: attributes and all."""
    session = site.http.headers.pop("kdservice-sessionid")
    cookie = f"kdservice-sessionid={session}; Path=/;ASP.NET_SessionId=abc; HttpOnly; Path=/"
    data = {"FormId": "BD_Customer", "FieldKeys": "FNumber"}
    body = {"FormId": "BD_Customer", "data": data}
    rows = site.post("DynamicFormService.ExecuteBillQuery", body, headers={"Cookie": cookie})
    assert rows == [["CUST9001"]]


# --- requests that are wrong ------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["", None])
def test_a_form_id_that_is_empty_is_not_an_unknown_one(site: Site, form: str | None) -> None:
    assert refusal(site.form("Save", form or "", {"Model": {}})["Result"])[0] == 5
    unknown = refusal(site.form("Save", "IV_SALESINVOICE", {"Model": {}})["Result"])
    assert (unknown[0], unknown[2]) == (4, "业务对象不存在")


@pytest.mark.parametrize("service", ["WorkflowAudit", "GetSysReportData", "FlexSave", "Disassembly"])
def test_a_service_that_no_form_has_is_refused_as_others_are(site: Site, service: str) -> None:
    asked = {"FormId": "AR_receivable", "Ids": [100001]}
    reply = site.post(f"DynamicFormService.{service}", {"formid": "AR_receivable", "data": asked})
    assert refusal(reply["Result"])[0] == 12


def test_a_refused_query_is_wrapped_twice_where_rows_are_arrays_only(site: Site) -> None:
    data = {"data": {"FormId": "BD_Customer", "FieldKeys": "FID"}}
    assert refusal(site.post("DynamicFormService.ExecuteBillQuery", data)[0][0]["Result"])[0] == 9
    assert refusal(site.post("DynamicFormService.BillQuery", data)["Result"])[0] == 9


@pytest.mark.parametrize(
    ("service", "body"),
    [
        (
            "ExecuteBillQuery",
            {"data": {"FormId": "BD_Customer", "FieldKeys": "FNumber", "FilterString": [5]}},
        ),
        ("ExecuteBillQuery", {"data": {"FormId": "BD_Customer", "FieldKeys": "FNumber", "Limit": "many"}}),
        ("QueryAsyncResult", {"queryInfo": 5}),
        ("Save", {"formid": "BD_Customer", "data": {"Model": CUSTOMER, "NeedReturnFields": 5}}),
        ("SwitchOrg", {"data": 5}),
    ],
)
def test_a_value_of_the_wrong_shape_is_told_in_a_text(site: Site, service: str, body: Any) -> None:
    reply = site.http.post(f"{STUBS}DynamicFormService.{service}.common.kdsvc", json=body)
    assert reply.status_code == 200
    assert reply.text.startswith("response_error:")


@pytest.mark.parametrize("nested", ["[" * 100_000, '{"data":' * 100_000])
def test_a_body_that_nests_too_deep_cannot_be_read(site: Site, nested: str) -> None:
    reply = site.http.post(f"{STUBS}DynamicFormService.Save.common.kdsvc", content=nested)
    assert reply.status_code == 500
    assert "Internal Server Error" not in reply.text


@pytest.mark.parametrize(
    ("field", "value"), [("FNumber", [1]), ("FName", {"Key": 2052}), ("FPriority", "x"), ("FTEL", [])]
)
def test_a_field_refuses_what_is_no_value(site: Site, field: str, value: object) -> None:
    found = refusal(site.save("BD_Customer", CUSTOMER | {field: value}))
    assert (found[0], found[1]) == (11, field)


def test_an_amount_of_a_million_digits(site: Site) -> None:
    model = sample("receivable_model.json")
    model["FEntityDetail"][0]["FTaxPrice"] = "1e999999"
    assert refusal(site.save("AR_receivable", model))[1] == "FTaxPrice"


# --- queries and metadata ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("compare", "value", "found"),
    [("17", "UST9", [["CUST9001"]]), ("39", "2000-01-01", [["CUST9001"]]), ("39", "2999-01-01", [])],
)
def test_compare_codes(site: Site, compare: str, value: str, found: list[Any]) -> None:
    field = "FNumber" if compare == "17" else "FCREATEDATE"
    where: Any = [{"FieldName": field, "Compare": compare, "Value": value}]
    assert site.query("BD_Customer", "FNumber", where) == found


@pytest.mark.parametrize(
    ("form", "keys"),
    [
        ("STK_Inventory", "FMaterialId.FName,FStockLocId,FLot.FNumber,FBaseUnitId.FName,FBaseAVBQty"),
        ("BD_Customer", "FGroup.FName,FCOUNTRY,FPROVINCIAL,FCustTypeId,FTaxType,FTaxRate,FInvoiceType"),
        ("BD_MATERIAL", "FMaterialGroup.FName,FStoreUnitID.FName,FSaleUnitId,FSalePriceUnitId"),
        ("BD_Empinfo", "FID,FStaffNumber,FName"),
        ("AR_receivable", "FSALEGROUPID,FStockQty,FSalUnitId.FName,FPriceBaseDen,FSRCROWID"),
        ("AR_RECEIVEBILL", "FSALEGROUPID,FDepartment,FWBSETTLENO,FNOTVERIFICATEAMOUNT,FCashAccount"),
    ],
)
def test_fields_that_clients_ask_for(site: Site, form: str, keys: str) -> None:
    names = keys.split(",")
    assert all(len(row) == len(names) for row in site.query(form, keys))


def test_the_tables_of_a_form_stand_beside_its_head(site: Site) -> None:
    """A published client checks a Model by this, and takes a table with a parent for one below a table."""
    info = site.post("DynamicFormService.QueryBusinessInfo", {"data": {"FormId": "AR_receivable"}})
    entries = {each["Key"]: each for each in info["Result"]["NeedReturnData"]["Entrys"]}
    assert set(sample("receivable_model.json")) <= {
        *entries,
        *(each["Key"] for each in entries["FBillHead"]["Fields"]),
        "FID",
    }
    assert {each["ParentKey"] for each in entries.values()} == {None}
    field = entries["FsubHeadFinc"]["Fields"][0]
    assert field.keys() >= {"Key", "Name", "MustInput", "FieldType", "ElementType", "Extends"}


def test_view_and_save_answer_in_types(site: Site) -> None:
    wanted = ["FALLAMOUNTFOR", "FEntityPlan.FPAYAMOUNTFOR"]
    result = site.save("AR_receivable", sample("receivable_model.json"), NeedReturnFields=wanted)
    (returned,) = result["NeedReturnData"]
    assert returned["FALLAMOUNTFOR"] == 13420.0
    assert [row["FPAYAMOUNTFOR"] for row in returned["FEntityPlan"]] == [8052.0, 5368.0]
    seen = site.form("View", "AR_receivable", {"Id": result["Id"]})["Result"]["Result"]
    assert (seen["ISHookMatch"], seen["MatchMethodID"], seen["ALLAMOUNTFOR"]) == (False, 0, 13420.0)


# --- writes -----------------------------------------------------------------------------------------------


def test_the_same_json_is_refused_on_demand(site: Site) -> None:
    model = sample("receivable_model.json") | {"FBillNo": ""}
    once = {"ValidateRepeatJson": "true"}
    assert site.save("AR_receivable", model, **once)["ResponseStatus"]["IsSuccess"]
    assert refusal(site.save("AR_receivable", model, **once))[0] == 11
    assert site.save("AR_receivable", model)["ResponseStatus"]["IsSuccess"], "only on demand"
    changed = model | {"FAR_Remark": "再来一次"}
    assert refusal(site.save("AR_receivable", changed | {"FDATE": ""}, **once))
    assert site.save("AR_receivable", changed, **once)["ResponseStatus"]["IsSuccess"]


def test_push_takes_rows_as_a_list_and_names_the_bill(site: Site) -> None:
    site.ready("AR_receivable", sample("receivable_model.json"))
    ((plan,), _) = site.query("AR_receivable", "FEntityPlan_FEntryID")
    asked: dict[str, Any] = {"EntryIds": [plan], "IsEnableDefaultRule": "true"}
    assert refusal(site.form("Push", "AR_receivable", asked)["Result"])[0] == 8
    asked["TargetFormId"] = "AR_RECEIVEBILL"
    (made,) = site.form("Push", "AR_receivable", asked)["Result"]["ResponseStatus"]["SuccessEntitys"]
    assert made["BillNo"] == made["Number"]
    assert site.query("AR_RECEIVEBILL", "FRECAMOUNTFOR") == [[8052.0]]


def test_a_draft_is_found_by_who_made_it(site: Site) -> None:
    """How drafts of a broken push are swept up."""
    site.form("Draft", "AR_receivable", {"Model": sample("receivable_model.json")})
    site.ready("AR_receivable", sample("receivable_model.json"))
    user = site.login["Context"]["UserId"]
    keys, mine = "FBillNo,FCreatorId.FName,FApproverId.FName", f"FCREATORID={user}"
    assert site.query("AR_receivable", keys, f"{mine} and FDOCUMENTSTATUS='Z'") == [[" ", "hub", " "]]
    assert site.query("AR_receivable", keys, f"{mine} and FDOCUMENTSTATUS='C'")[0][1:] == ["hub", "hub"]


# --- attachments ------------------------------------------------------------------------------------------


def upload(site: Site, part: bytes, **more: Any) -> Any:
    """`data` as a text, as the client does whose notes are the only ones."""
    bill = {"FormId": "BD_Customer", "InterId": "100001", "BillNO": "CUST9001", "EntryinterId": "-1"}
    file = {"FileName": "合同.txt", "SendByte": b64encode(part).decode(), "IsLast": True}
    sent = {**bill, **file, **more}
    return site.post("DynamicFormService.AttachmentUpLoad", {"data": json.dumps(sent)})["Result"]


def download(site: Site, file_id: str, start: int = 0) -> Any:
    data = {"FileId": file_id, "StartIndex": start}
    return site.post("DynamicFormService.AttachmentDownLoad", {"data": json.dumps(data)})["Result"]


def test_a_file_in_chunks_comes_back_whole(site: Site) -> None:
    first = upload(site, b"a" * 4 * 1024 * 1024, IsLast=False)
    assert refusal(download(site, first["FileId"]))[0] == 10, "not all of it is here"
    last = upload(site, b"end", FileId=first["FileId"])
    assert last["FileId"] == first["FileId"]
    assert last["ResponseStatus"]["SuccessEntitys"] == first["ResponseStatus"]["SuccessEntitys"]
    whole, start, at_end = b"", 0, False
    while not at_end:
        part = download(site, first["FileId"], start)
        whole += b64decode(part["FilePart"])
        start, at_end = part["StartIndex"], part["IsLast"]
    assert whole == b"a" * 4 * 1024 * 1024 + b"end"
    assert (part["FileName"], part["FileSize"]) == ("合同.txt", len(whole))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"InterId": "999"}, 10),
        ({"FileId": "nowhere"}, 10),
        ({"SendByte": "!"}, 8),
        ({"FileName": ""}, 8),
        ({"FormId": ""}, 5),
    ],
)
def test_uploads_that_are_refused(site: Site, change: dict[str, Any], code: int) -> None:
    assert refusal(upload(site, b"x", **change))[0] == code


# --- groups and organisations -----------------------------------------------------------------------------


def test_a_group_of_customers(site: Site) -> None:
    group = {"GroupFieldKey": "FGroup", "FParentId": 0, "FNumber": "G01", "FName": "线上客户"}
    made = site.form("GroupSave", "BD_Customer", group)["Result"]
    assert refusal(site.form("GroupSave", "BD_Customer", group)["Result"])[:2] == (11, "FNumber")
    site.save("BD_Customer", CUSTOMER | {"FGroup": {"FNumber": "G01"}})
    assert site.query("BD_Customer", "FGroup,FGroup.FName", "FNumber='C-1'") == [[made["Id"], "线上客户"]]
    asked = {"FormId": "BD_Customer", "GroupFieldKey": "FGroup", "GroupPkIds": str(made["Id"])}
    (found,) = site.post("DynamicFormService.QueryGroupInfo", {"data": asked})["Result"]["NeedReturnData"]
    assert (found["FNumber"], found["FParentId"]) == ("G01", 0)
    for gone in (True, False):
        status = site.post("DynamicFormService.GroupDelete", {"data": asked})["Result"]["ResponseStatus"]
        assert status["IsSuccess"] is gone


@pytest.mark.parametrize("service", ["Allocate", "CancelAllocate"])
def test_base_data_for_another_organisation(site: Site, service: str) -> None:
    ((other,),) = site.query("ORG_Organizations", "FORGID", "FNumber='101'")
    asked = {"PkIds": "100001", "TOrgIds": str(other), "IsAutoSubmitAndAudit": "false"}
    assert site.form(service, "BD_Customer", asked)["Result"]["ResponseStatus"]["IsSuccess"]
    assert refusal(site.form(service, "BD_Customer", asked | {"TOrgIds": "9"})["Result"])[0] == 10
    assert refusal(site.form(service, "BD_Customer", asked | {"PkIds": ""})["Result"])[0] == 8
    site.save("BD_Customer", CUSTOMER)
    assert refusal(site.form(service, "BD_Customer", asked | {"PkIds": "100002"})["Result"])[0] == 11


@pytest.mark.parametrize(("number", "switched"), [("101", True), ("999", False), ("", False)])
def test_another_organisation_for_the_session(site: Site, number: str, switched: bool) -> None:
    reply = site.post("DynamicFormService.SwitchOrg", {"data": {"OrgNumber": number}})
    assert reply["Result"]["ResponseStatus"]["IsSuccess"] is switched
