"""The sandbox's archives, sales documents and vouchers, as strangers' clients meet them at both doors."""

from collections.abc import Iterator
from typing import Any

import pytest

from sandboxes.common import Running
from tests.connectors.yonyou_u8.test_yonyou_u8_books import Client as Cloud
from tests.connectors.yonyou_u8.test_yonyou_u8_eai_door import Client as Server
from tests.connectors.yonyou_u8.test_yonyou_u8_eai_door import attributes, bad, field, query

ORDER = {
    "date": "2026-03-18",
    "custcode": "K00017",
    "entry": [{"inventorycode": "HW-01", "quantity": 2, "taxunitprice": 113, "taxrate": 13}],
}
VOUCHER = {
    "voucher_type": "记",
    "date": "2026-03-18",
    "voucher_making_system": "CDM",
    "debit": {"entry": [{"account_code": "1122", "abstract": "确认应收", "natural_debit_currency": 106.0}]},
    "credit": {
        "entry": [{"account_code": "600101", "abstract": "确认应收", "natural_credit_currency": 106.0}]
    },
}
VOUCHER["debit"]["entry"][0]["auxiliary"] = {"cust_id": "K00017"}  # type: ignore[index]


@pytest.fixture
def cloud(served: Running) -> Iterator[Cloud]:
    served.control("reset", {})
    client = Cloud(served)
    yield client
    client.http.close()


@pytest.fixture
def server(served: Running) -> Iterator[Server]:
    served.control("reset", {})
    client = Server(served)
    yield client
    client.http.close()


def message(roottag: str, *records: str, proc: str = "add", **attributes: str) -> str:
    more = "".join(f' {name}="{value}"' for name, value in attributes.items())
    root = f'<ufinterface sender="021" receiver="u8" roottag="{roottag}" proc="{proc}"{more}>'
    return f"{root}{''.join(records)}</ufinterface>"


def elements(values: dict[str, str]) -> str:
    return "".join(f"<{name}>{value}</{name}>" for name, value in values.items())


def inventory(code: str = "HW-02", **more: str) -> str:
    """As a public client for V12 sends it."""
    least = {
        "code": code,
        "name": "测试交换机",
        "sort_code": "01",
        "unitgroup_code": "01",
        "main_measure": "01",
        "sale_flag": "1",
        "purchase_flag": "1",
        "selfmake_flag": "0",
        "prod_consu_flag": "0",
        "cPlanMethod": "R",
        "cSRPolicy": "PE",
        "iSupplyType": "0",
    }
    return f"<inventory><header>{elements(least | more)}</header><body>\n</body></inventory>"


def order(code: str = "SO-1", *, line: str = "", **head: str) -> str:
    """With elements that releases after the template appended, and a time of day."""
    given = {
        "id": "",
        "typecode": "01",
        "date": "2026-03-18 13:30:11",
        "code": code,
        "custcode": "K00017",
        "deptcode": "0301",
        "maker": "demo",
        "ccusperson": "",
        **head,
    }
    entry = (
        "<entry><inventorycode>HW-01</inventorycode><quantity>2</quantity><taxunitprice>113</taxunitprice>"
    )
    body = f"{entry}<taxrate>13</taxrate><bgift>0</bgift><free1/>{line}</entry>"
    return f"<saleorder><header>{elements(given)}</header><body>{body}</body></saleorder>"


def voucher(*, debit: str = "106.00", customer: str = "K00017", account: str = "600101", **head: str) -> str:
    given = {"voucher_type": "记", "date": "2026-03-18", "voucher_making_system": "GL", **head}
    kept = f'<auxiliary_accounting><item name="cust_id">{customer}</item></auxiliary_accounting>'
    lines = (
        {"entry_id": "1", "account_code": "1122", "abstract": "确认应收", "natural_debit_currency": debit},
        {
            "entry_id": "2",
            "account_code": account,
            "abstract": "确认应收",
            "natural_debit_currency": "0",
            "natural_credit_currency": "106.00",
        },
    )
    entries = "".join(
        f"<entry>{elements(line)}{more}<detail><cash_flow_statement/></detail></entry>"
        for line, more in zip(lines, (kept, ""), strict=True)
    )
    body = f"<voucher_body>{entries}</voucher_body>"
    return f'<voucher id=""><voucher_head>{elements(given)}</voucher_head>{body}</voucher>'


RENEWED = {"renewproofno": "y", "import": "n", "newadd": "y"}


@pytest.mark.parametrize(
    ("resource", "record"),
    [
        ("person", {"code": "P0010", "name": "测试丁", "cdept_num": "0301", "rEmployState": 10}),
        ("department", {"code": "0303", "name": "销售三部", "endflag": 1.0}),
        ("inventory", {"code": "HW-02", "name": "测试交换机", "sort_code": "01", "main_measure": "01"}),
    ],
)
def test_archives_are_added_and_edited(cloud: Cloud, resource: str, record: dict[str, Any]) -> None:
    assert cloud.add(resource, record, "b1")["id"] == record["code"]
    assert "编码已经存在，不可重复！" in cloud.add(resource, record, "b2")["errmsg"]
    assert cloud.post(f"{resource}/edit", {**record, "name": "改名"})["errcode"] == "0"
    assert cloud.get(f"{resource}/get", id=record["code"])[resource]["name"] == "改名"
    assert bad("clabel") in cloud.add(resource, {**record, "clabel": 1}, "b3")["errmsg"]


def test_an_archive_points_to_what_exists(cloud: Cloud) -> None:
    nobody = {"code": "P0010", "name": "测试丁", "cdept_num": "99"}
    assert "部门编码[99]不存在！" in cloud.add("person", nobody, "b")["errmsg"]


def test_fields_of_the_template_and_floats_are_taken(cloud: Cloud) -> None:
    """Typed clients know no whole numbers: a row is 1.0, a gift 0.0."""
    line = {**ORDER["entry"][0], "rowno": 1.0, "bgift": 0.0}  # type: ignore[dict-item]
    code = cloud.add("saleorder", {**ORDER, "state": "", "closer": None, "entry": [line]}, "b")["id"]
    order = cloud.get("saleorder/get", id=code)["saleorder"]
    shown = order["entry"][0]
    assert (shown["sum"], shown["money"], shown["rowno"], shown["bgift"]) == (226, 200, "1", "0")
    assert (order["state"], order["businesstype"], order["maker"]) == ("新增", "普通销售", "财务接口")


@pytest.mark.parametrize("value", [1.5, "1e999999999", "NaN", 10**40, [], "x"])
def test_a_number_that_does_not_fit_is_refused(cloud: Cloud, value: object) -> None:
    line = {**ORDER["entry"][0], "rowno": value}  # type: ignore[dict-item]
    assert bad("rowno") in cloud.add("saleorder", {**ORDER, "entry": [line]}, "b")["errmsg"]


def test_a_rate_that_divides_by_zero_is_refused(cloud: Cloud) -> None:
    line = {**ORDER["entry"][0], "taxrate": -100}  # type: ignore[dict-item]
    assert "溢出" in cloud.add("saleorder", {**ORDER, "entry": [line]}, "b")["errmsg"]


def test_an_order_is_closed_and_opened_again(cloud: Cloud) -> None:
    code = cloud.add("saleorder", ORDER, "b")["id"]
    named = {"voucher_code": code}
    assert "未审核" in cloud.post("saleorder/close", named)["errmsg"]
    for verb, state in (("verify", "审核"), ("close", "关闭"), ("open", "审核"), ("unverify", "新增")):
        assert cloud.post(f"saleorder/{verb}", named)["errcode"] == "0"
        assert cloud.get("saleorder/get", id=code)["saleorder"]["state"] == state
    assert cloud.post("consignment/close", named)["errcode"] == "10009"


def test_a_return_brings_goods_back(cloud: Cloud) -> None:
    def stock() -> str:
        return str(cloud.get("currentstock/batch_get")["currentstock"][0]["qty"])

    line = {"inventory_code": "HW-01", "warehouse_code": "01", "quantity": -2, "taxprice": 113, "taxrate": 13}
    record = {"custcode": "K00017", "deptcode": "0301", "date": "2026-03-18", "entry": [line]}
    code = cloud.add("returnorder", record, "b1")["id"]
    assert bad("quantity") in cloud.add("consignment", record, "b2")["errmsg"]
    assert cloud.post("returnorder/verify", {"voucher_code": code})["errcode"] == "0"
    assert (stock(), cloud.get("returnorderlist/batch_get")["returnorderlist"][0]["sum"]) == (
        "122.0000",
        "-226.0000",
    )
    assert cloud.post("returnorder/audit", {"voucher_code": code})["errcode"] == "10009"


def test_without_a_workflow_nobody_approves(cloud: Cloud) -> None:
    named = {"voucher_code": cloud.add("saleorder", ORDER, "b")["id"], "agree": 1}
    assert "工作流" in cloud.post("saleorder/audit", named)["errmsg"]
    assert cloud.get("saleorder/tasks")["errcode"] == "20002"
    assert cloud.get("oughtreceive/tasks")["errcode"] == "10009"


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"cusname": "示例"}, True),
        ({"cusname": "别人"}, False),
        ({"personname": "测试"}, False),
        ({"state": "Opening"}, True),
        ({"dpredatebt_begin": "2026-01-01"}, False),
        ({"maker": "财务接口"}, True),
    ],
)
def test_orders_are_filtered(cloud: Cloud, filters: dict[str, str], found: bool) -> None:
    cloud.add("saleorder", ORDER, "b")
    assert (cloud.get("saleorderlist/batch_get", **filters)["errcode"] == "0") is found


def test_a_receipt_is_not_verified_as_a_payment(cloud: Cloud) -> None:
    receipt = {
        "vouchtype": "48",
        "customercode": "K00017",
        "amount": 100,
        "digest": "银行流水",
        "entry": [{"type": 0, "customercode": "K00017", "amount": 100, "iamt_s": 0}],
    }
    named = {"voucher_code": cloud.add("accept", receipt, "b1")["id"]}
    assert "不存在" in cloud.post("accept/verify", {**named, "voucher_type": "49"})["errmsg"]
    assert cloud.post("accept/verify", {**named, "voucher_type": 48})["errcode"] == "0"
    assert bad("flag") in cloud.add("accept", {**receipt, "flag": "AP"}, "b2")["errmsg"]


def test_vouchers_by_sides_and_in_one_list(cloud: Cloud) -> None:
    assert cloud.add("voucher", {**VOUCHER, "fiscal_year": None, "reserve2": "HUB-1"}, "b1")["id"] == "1"
    sides = [line for side in ("credit", "debit") for line in VOUCHER[side]["entry"]]  # type: ignore[index]
    whole = {k: v for k, v in VOUCHER.items() if k not in ("debit", "credit")}
    assert cloud.add("voucher_ex", {**whole, "entry": sides}, "b2")["id"] == "2"
    rows = cloud.get("voucherdetails/batch_get")["voucherdetails"]
    assert [(row["ino_id"], row["code"]) for row in rows] == [
        ("1", "1122"),
        ("1", "600101"),
        ("2", "600101"),
        ("2", "1122"),
    ]
    assert (rows[0]["md"], rows[0]["mc"], rows[0]["ccus_id"]) == ("106.0000", "0.0000", "K00017")
    assert cloud.get("voucher/cancel", id="HUB-1")["errcode"] == "0"
    filters = {"coutno_id": "HUB-1", "bill_code_from": "6", "bill_code_to": "7"}
    [voided] = cloud.get("voucherlist/batch_get", **filters)["voucherlist"]["entry"]
    assert voided["iflag"] == "1"


def test_there_is_one_account_set(cloud: Cloud) -> None:
    def asked(path: str, **query: str) -> str:
        answer = cloud.http.get(f"/system/datasource/{path}", params=cloud.caller | query)
        return str(answer.json()["errcode"])

    assert (asked("get", id="1"), asked("get", id="9")) == ("0", "10011")
    assert asked("batch_get", sequence_begin="2", sequence_end="3") == "10011"
    assert asked("get", id="1", to_account="nobody") == "10004"


def test_goods_come_change_and_go_by_xml(server: Server) -> None:
    made = {"key": "HW-02", "succeed": "0", "dsc": "ok", "u8key": "HW-02"}
    again = {"key": "HW-02", "succeed": "101", "dsc": "存货编码已经存在，不可重复！"}
    batch = message("inventory", inventory(), inventory(), inventory("HW-03"))
    assert server.items(batch) == [made, again, {**made, "key": "HW-03", "u8key": "HW-03"}]
    assert server.items(message("inventory", inventory(specs="B2"), proc="edit")) == [made]
    answer = server.post(query("inventory", field("cInvCode", "=", "HW-02")))
    head = answer.find("inventory/header")
    assert head is not None
    assert head.findtext("specs") == "B2"
    assert [each.tag for each in head][:5] == ["code", "name", "InvAddCode", "specs", "sort_code"]
    assert [each.tag for each in head][-1] == "iAvailabilityDate"
    gone = "<inventory><header><code>{}</code></header><body/></inventory>"
    assert server.items(message("inventory", gone.format("HW-02"), proc="delete"))[0]["succeed"] == "0"
    [used] = server.items(message("inventory", gone.format("HW-01"), proc="delete"))
    assert used["dsc"] == "存货[HW-01]已经使用！不可删除！"


@pytest.mark.parametrize(
    ("roottag", "record"),
    [
        ("person", "<person><code>P10</code><name>测试丁</name><dept_code>0301</dept_code></person>"),
        (
            "v_aa_hr_hi_person",
            '<v_aa_hr_hi_person tablename="hr_hi_person"><code>P10</code><name>测试丁</name><rsex>1</rsex>'
            "<cdept_num>0301</cdept_num></v_aa_hr_hi_person>",
        ),
        ("department", "<department><code>P10</code><endflag>1</endflag><name>测试丁</name></department>"),
    ],
)
def test_flat_archives_by_xml(server: Server, roottag: str, record: str) -> None:
    assert server.items(message(roottag, record))[0]["succeed"] == "0"
    column = "cDepCode" if roottag == "department" else "cPersonCode"
    [found] = server.post(query(roottag, field(column, "=", "P10"))).iterchildren(roottag)
    assert found.findtext("name") == "测试丁"


@pytest.mark.parametrize(
    ("roottag", "name", "value"),
    [
        ("customerclass", "code", "01"),
        ("balancetype", "name", "现金"),
        ("dsign", "type", "记"),
        ("storequantity", "now", "120.0000"),
    ],
)
def test_small_archives_are_exported_only(server: Server, roottag: str, name: str, value: str) -> None:
    answer = server.post(message(roottag, proc="query"))
    assert answer[0].findtext(name) == value
    assert server.items(message(roottag, f"<{roottag}/>"))[0]["dsc"] == "暂不提供此项功能"


def test_a_query_shows_what_changed_since(server: Server) -> None:
    first = server.post(message("customer", proc="query"))
    stamp = str(first.get("timestamp"))
    assert len(first) == 2
    assert stamp.startswith("0x")
    assert len(server.post(message("customer", proc="query", timestamp=stamp))) == 0
    renamed = {"code": "K00018", "name": "改名", "abbrname": "改名", "sort_code": "01"}
    server.post(message("customer", f"<customer>{elements(renamed)}</customer>", proc="diffedit"))
    [changed] = server.post(message("customer", proc="query", timestamp=stamp))
    assert changed.findtext("name") == "改名"


def test_an_order_by_xml(server: Server) -> None:
    made = {"key": "SO-1", "succeed": "0", "dsc": "ok", "u8key": "SO-1"}
    assert server.items(message("saleorder", order())) == [made]
    head = server.post(query("saleorder", field("cSOCode", "=", "SO-1"))).find("saleorder/header")
    assert head is not None
    assert head.findtext("date") == "2026-03-18"
    assert server.items(message("saleorder", order(), proc="delete"))[0]["dsc"] == "暂不提供此项功能"


def test_an_order_without_a_number_or_a_rate(server: Server) -> None:
    """The root that some clients misspell works too. An empty rate is zero here."""
    lines = order("").replace("<taxrate>13</taxrate>", "<taxrate/>")
    [item] = server.items(message("saleorder", lines).replace("ufinterface", "finterface"))
    assert item["u8key"] == "SO2603000001"
    assert server.books("saleorder")["SO2603000001"]["entry"][0]["tax"] == "0.00"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"typecode": "99"}, "销售类型[99]不存在！"),
        ({"maker": "nobody"}, "操作员[nobody]不存在！"),
        ({"maker": ""}, "在对应所需名称或序数的集合中,未找到项目"),
        ({"custcode": "K9"}, "客户编码[K9]不存在！"),
        ({"line": "<zzz>1</zzz>"}, bad("zzz")),
    ],
)
def test_orders_that_are_refused_by_xml(server: Server, changes: dict[str, str], text: str) -> None:
    items = server.items(message("saleorder", order("A"), order("B", **changes), order("C")))
    assert [item["succeed"] for item in items] == ["0", "1", "0"]
    assert items[1]["dsc"] == text


def test_a_dispatch_by_xml(server: Server) -> None:
    head = {"code": "FH-1", "saletype": "01", "date": "2026-03-18", "deptcode": "0301", "custcode": "K00017"}
    head |= {"currency_name": "美元", "currency_rate": "7.1", "operation_type": "普通销售"}
    line = {
        "warehouse_code": "01",
        "inventory_code": "HW-01",
        "quantity": "1",
        "price": "100",
        "taxrate": "13",
    }
    record = f"<header>{elements(head)}</header><body><entry>{elements(line)}</entry></body>"
    record = f"<consignment>{record}</consignment>"
    assert server.items(message("consignment", record))[0]["u8key"] == "FH-1"
    entry = server.post(query("consignment", field("cDLCode", "=", "FH-1"))).find("consignment/body/entry")
    assert entry is not None
    assert (entry.findtext("sum"), entry.findtext("natsum")) == ("113.00", "802.30")


def test_a_receipt_without_a_number_gets_one(server: Server) -> None:
    head = {
        "vouchtype": "48",
        "vouchcode": "",
        "vouchdate": "2026-03-18 09:00:00",
        "period": "3",
        "customercode": "K00017",
        "balancecode": "1",
        "foreigncurrency": "人民币",
        "amount": "100",
        "operator": "demo",
        "flag": "AR",
    }
    entry = elements({"type": "0", "customercode": "K00017", "amount": "100", "iamt_s": "0"})
    record = f"<accept><header>{elements(head)}</header><body><entry>{entry}</entry></body></accept>"
    assert server.items(message("accept", record))[0]["u8key"] == "SK2603000001"
    skipped = record.replace("<period>3</period>", "<period>0</period>")
    assert server.items(message("accept", skipped)) == [{"key": "", "succeed": "0", "dsc": "ok"}]


def returned(server: Server, body: str) -> list[dict[str, str]]:
    answer = server.post(body)
    assert answer.get("roottag") == "voucheraddreturn"
    return [attributes(item) for item in answer]


def test_the_worked_voucher_by_xml(server: Server) -> None:
    whole = message("voucher", voucher(accounting_period="3"), docid="HUBV0128", **RENEWED)
    made = {"accounting_period": "3", "voucher_type": "记", "voucher_id": "", "entry_id": "", "succeed": "0"}
    own = {"dsc": "凭证已成功保存", "u8accounting_period": "3", "u8voucher_id": "1"}
    assert returned(server, whole) == [made | own]
    [again] = returned(server, whole)
    assert (again["succeed"], again["dsc"], "u8voucher_id" in again) == ("0", "数据重复上传", False)
    assert len(server.books("voucher")) == 1


def test_bad_lines_are_told_one_by_one(server: Server) -> None:
    items = returned(server, message("voucher", voucher(customer="", account="9"), **RENEWED))
    assert [(item["entry_id"], item["dsc"]) for item in items] == [
        ("1", "科目[1122]需要客户核算！"),
        ("2", "科目[9]不存在！"),
        ("", "凭证分录数据有错"),
    ]
    assert {item["succeed"] for item in items} == {"1"}


@pytest.mark.parametrize(
    ("record", "text"),
    [
        ({"debit": "1"}, "借贷不平，不能保存。"),
        ({"voucher_making_system": "CDM"}, bad("voucher_making_system")),
        ({"voucher_type": "无"}, "凭证类别[无]不存在！"),
    ],
)
def test_vouchers_that_are_refused_by_xml(server: Server, record: dict[str, str], text: str) -> None:
    assert [item["dsc"] for item in returned(server, message("voucher", voucher(**record), **RENEWED))] == [
        text
    ]


def test_a_voucher_under_its_own_number(server: Server) -> None:
    """U8 gives the next number that nobody has chosen."""
    own = {**RENEWED, "renewproofno": "false"}
    numbered = voucher(voucher_id="2")
    assert returned(server, message("voucher", numbered, **own))[0]["u8voucher_id"] == "2"
    assert "已存在" in returned(server, message("voucher", numbered, **own))[0]["dsc"]
    assert returned(server, message("voucher", numbered, proc="edit", **own))[0]["succeed"] == "0"
    unknown = message("voucher", voucher(voucher_id="9"), proc="edit", **own)
    assert "不存在" in returned(server, unknown)[0]["dsc"]
    assert returned(server, message("voucher", voucher(), **RENEWED))[0]["u8voucher_id"] == "1"
    assert returned(server, message("voucher", voucher(), **RENEWED))[0]["u8voucher_id"] == "3"


@pytest.mark.parametrize(
    ("proc", "switches", "text"),
    [
        ("edit", RENEWED, bad("renewproofno")),
        ("add", {**RENEWED, "import": "y"}, bad("newadd")),
        ("delete", RENEWED, "暂不提供此项功能"),
        ("query", RENEWED, "暂不提供此项功能"),
    ],
)
def test_switches_that_do_not_go_together(
    server: Server, proc: str, switches: dict[str, str], text: str
) -> None:
    assert server.items(message("voucher", voucher(), proc=proc, **switches))[0]["dsc"] == text


def test_archives_and_closings_are_read_by_sql(server: Server) -> None:
    def rows(statement: str) -> list[dict[str, str | None]]:
        found = server.post(message("SQLEXE", f'<sql value="{statement}"/>', proc="doc")).iter("doc")
        return [{str(cell.tag): cell.text for cell in row} for row in found]

    server.act("close_period", month="2026-03")
    closed = rows("select bflag_AR from GL_mend where iyear=2026 and (iperiod=3 or iperiod='4')")
    assert closed == [{"bflag_AR": "True"}, {"bflag_AR": "False"}]
    assert rows("select cDepName from Department where cDepCode='0301'") == [{"cDepName": "销售一部"}]


def test_a_switch_that_is_missing_has_its_default(server: Server) -> None:
    for switches in ({}, {"import": "y"}, {"newadd": "true"}):
        assert returned(server, message("voucher", voucher(), **switches))[0]["succeed"] == "0"


def test_a_base_address_that_ends_in_a_slash(server: Server) -> None:
    assert server.http.get(f"{server.http.base_url}/U8EAI//import.asp").text == "正常"
