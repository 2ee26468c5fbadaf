"""The sandbox as a stranger's client meets it: plain HTTP, worked examples."""

import copy
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from sandboxes.common import PLAIN, Running, running
from sandboxes.yonyou_u8 import SANDBOX

HEX = re.compile(r"[0-9a-f]{32}")
RECEIVABLE: dict[str, Any] = {
    "code": "",
    "date": "2026-03-18",
    "bdebitcredit": 1,
    "cust_vendor_code": "K00017",
    "deptcode": "0301",
    "personcode": "P0007",
    "subjectcode": "1122",
    "currency_name": "人民币",
    "currency_rate": 1,
    "amount": 10600.00,
    "natamount": 10600.00,
    "digest": "HUB-880042 合同HT-2025-0031 第1期",
    "operator": "财务接口",
    "define1": "880042",
    "define10": "HT-2025-0031",
    "entry": [
        {"cust_vendor_code": "K00017", "digest": "服务费", "subjectcode": "600101", "amount": 10000.00},
        {"cust_vendor_code": "K00017", "digest": "销项税 6%", "subjectcode": "22210106", "natamount": 600.00},
    ],
}
RECEIPT: dict[str, Any] = {
    "vouchcode": "",
    "vouchdate": "2026-03-27",
    "vouchtype": "48",
    "period": "3",
    "customercode": "K00017",
    "balancecode": "3",
    "balanceitemcode": "100201",
    "digest": "HUB-550019 银行流水 2503270000811",
    "amount": 5300.00,
    "originalamount": 5300.00,
    "operator": "财务接口",
    "flag": "AR",
    "entry": [
        {"type": 0, "customercode": "K00017", "amount": 4300.00, "itemcode": "1122", "iamt_s": 0},
        {"type": 1, "customercode": "K00017", "amount": 1000.00, "itemcode": "2203", "iamt_s": 0},
    ],
}
CUSTOMER = {"code": "C1", "name": "示例电子（苏州）有限公司", "abbrname": "示例电子", "sort_code": "01"}


class Client:
    """Somebody else's client."""

    def __init__(self, sandbox: Running) -> None:
        self.sandbox = sandbox
        self.http = httpx.Client(base_url=sandbox.url, trust_env=False, verify=PLAIN)
        self.credentials = sandbox.sandbox.credentials()
        self.caller = {k: v for k, v in self.credentials.items() if k != "app_secret"}
        self.caller["token"] = self.token()

    def token(self) -> str:
        query = {k: v for k, v in self.credentials.items() if k != "to_account"}
        return str(self.http.get("/system/token", params=query).json()["token"]["id"])

    def get(self, path: str, **query: str) -> Any:
        return self.http.get(f"/api/{path}", params=self.caller | query).json()

    def post(self, path: str, record: object, **query: str) -> Any:
        resource = path.split("/")[0]
        return self.http.post(f"/api/{path}", params=self.caller | query, json={resource: record}).json()

    def add(self, resource: str, record: object, biz_id: str, **query: str) -> Any:
        return self.post(f"{resource}/add", record, **({"sync": "1", "biz_id": biz_id} | query))

    def act(self, name: str, **body: object) -> Any:
        return self.sandbox.control(f"act/{name}", body)

    def refused_act(self, name: str, **body: object) -> str:
        answer = self.http.post(f"/_sandbox/act/{name}", json=body)
        assert answer.status_code == 400
        return str(answer.json()["error"])


@pytest.fixture
def client(served: Running) -> Iterator[Client]:
    served.control("reset", {})
    client = Client(served)
    yield client
    client.http.close()


def changed(record: dict[str, Any], **changes: Any) -> dict[str, Any]:
    made = copy.deepcopy(record)
    for path, value in changes.items():
        *outer, name = path.split("__")
        target = made["entry"][int(outer[0][1:])] if outer else made
        target[name] = value
    return made


def test_a_token_lives_two_hours_beside_its_successor(client: Client) -> None:
    first, second = client.caller["token"], client.token()
    assert HEX.fullmatch(first)
    assert first != second
    assert client.get("customer/get", id="K00017")["errcode"] == "0"
    client.sandbox.control("clock", {"advance": 7201})
    assert client.get("customer/get", id="K00017")["errcode"] == "10002"


def test_a_transaction_id_is_json_under_html(client: Client) -> None:
    answer = client.http.get(f"{client.sandbox.url}//system/tradeid", params=client.caller)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    trade = answer.json()["trade"]["id"]
    assert HEX.fullmatch(trade)
    added = client.post("customer/add", CUSTOMER, sync="1", tradeid=trade)
    assert (added["errcode"], added["id"]) == ("0", "C1")
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", added["tradeid"])
    assert client.post("customer/add", CUSTOMER, sync="1", tradeid=trade) == added


@pytest.mark.parametrize("query", [{}, {"tradeid": "0" * 32}, {"tradeid": "0" * 32, "biz_id": "b"}])
def test_an_add_needs_exactly_one_known_id(client: Client, query: dict[str, str]) -> None:
    assert client.post("customer/add", CUSTOMER, sync="1", **query)["errcode"] == "10007"


def test_a_repeated_id_answers_the_same_and_writes_once(client: Client) -> None:
    first = client.add("oughtreceive", RECEIVABLE, "b1")
    assert first["id"] == "AR2603000001"
    assert client.add("oughtreceive", RECEIVABLE, "b1") == first
    assert client.add("oughtreceive", RECEIVABLE, "b2")["id"] == "AR2603000002"
    assert len(client.sandbox.control("books/oughtreceive")) == 2


def test_a_refused_id_is_carried_out_again(client: Client) -> None:
    wrong = changed(RECEIVABLE, cust_vendor_code="K99999")
    assert client.add("oughtreceive", wrong, "b1")["errcode"] == "20005"
    assert client.add("oughtreceive", RECEIVABLE, "b1")["errcode"] == "0"


def test_the_same_id_at_once_is_one_document(client: Client) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.add("oughtreceive", RECEIVABLE, "b1"), range(16)))
    assert len({answer["id"] for answer in answers}) == 1
    assert len(client.sandbox.control("books/oughtreceive")) == 1


def test_an_asynchronous_add_is_polled_at_the_callers_host(client: Client) -> None:
    client.act("set_knobs", async_seconds=60)
    acknowledged = client.add("oughtreceive", RECEIVABLE, "b1", sync="0")
    assert list(acknowledged) == ["url"]
    assert acknowledged["url"].startswith(client.sandbox.url + "/result?requestid=")
    running_answer = {"errcode": "30025", "errmsg": "操作正在执行"}
    assert client.http.get(acknowledged["url"]).json() == running_answer
    assert client.add("oughtreceive", RECEIVABLE, "b1", sync="0") == running_answer
    assert client.get("oughtreceivelist/batch_get")["errcode"] == "20002"
    client.sandbox.control("clock", {"advance": 61})
    finished = client.http.get(acknowledged["url"]).json()
    assert finished["id"] == "AR2603000001"
    assert client.add("oughtreceive", RECEIVABLE, "b1", sync="0") == acknowledged
    assert client.add("oughtreceive", RECEIVABLE, "b1") == finished


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"clabel": "x"}, "数据库没有提供的字段(clabel)! 或者提供该字段的值格式不正确!"),
        ({"e0__clabel": "x"}, "数据库没有提供的字段(clabel)! 或者提供该字段的值格式不正确!"),
        ({"digest": "长" * 61}, "数据库没有提供的字段(digest)! 或者提供该字段的值格式不正确!"),
        ({"date": "18/03/2026"}, "数据库没有提供的字段(date)! 或者提供该字段的值格式不正确!"),
        ({"amount": "many"}, "数据库没有提供的字段(amount)! 或者提供该字段的值格式不正确!"),
        ({"amount": None}, "在对应所需名称或序数的集合中,未找到项目"),
        ({"entry": []}, "在对应所需名称或序数的集合中,未找到项目"),
        ({"entry": ["x"]}, "在对应所需名称或序数的集合中,未找到项目"),
        ({"e1__cust_vendor_code": ""}, "在对应所需名称或序数的集合中,未找到项目"),
        ({"cust_vendor_code": "K99999"}, "客户编码[K99999]不存在！"),
        ({"deptcode": "03"}, "部门[03]不是末级部门！"),
        ({"personcode": "P0009"}, "该业务员不合法,请重新输入。"),
        ({"personcode": "P9999"}, "该业务员不合法,请重新输入。"),
        ({"currency_name": "CNY"}, "币种[CNY]不存在！"),
        ({"operator": "无此人"}, "操作员[无此人]不存在！"),
        ({"subjectcode": "600101"}, "科目[600101]不是应收系统受控科目！"),
        ({"e0__subjectcode": "1122"}, "科目[1122]是应收系统受控科目！"),
        ({"e0__amount": 9999.99}, "借贷不平，不能保存。"),
        ({"e0__bdebitcredit": 1}, "借贷不平，不能保存。"),
        ({"date": "1999-01-01"}, "单据日期[1999-01-01]不在会计期间内！"),
    ],
)
def test_what_u8_refuses(client: Client, changes: dict[str, Any], text: str) -> None:
    answer = client.add("oughtreceive", changed(RECEIVABLE, **changes), "b1")
    assert answer == {"errcode": "20005", "errmsg": f"U8 服务调用失败：key='';{text};"}
    assert client.sandbox.control("books/oughtreceive") == {}


def test_a_number_is_used_once(client: Client) -> None:
    numbered = changed(RECEIVABLE, code="AR-1")
    assert client.add("oughtreceive", numbered, "b1")["id"] == "AR-1"
    answer = client.add("oughtreceive", numbered, "b2")
    assert answer["errmsg"] == "U8 服务调用失败：key='AR-1';单据编号[AR-1]已存在，不可重复！;"


@pytest.mark.parametrize("flag", [True, 1, "1", "true"])
def test_flags_come_in_many_spellings(client: Client, flag: object) -> None:
    assert client.add("oughtreceive", changed(RECEIVABLE, bdebitcredit=flag), "b1")["errcode"] == "0"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"e1__amount": 1000.01}, "借贷不平，不能保存。"),
        ({"vouchtype": "50"}, "数据库没有提供的字段(vouchtype)! 或者提供该字段的值格式不正确!"),
        ({"balancecode": "9"}, "结算方式编码[9]不存在！"),
        ({"balanceitemcode": "1122"}, "科目[1122]是应收系统受控科目！"),
        ({"e0__itemcode": "600101"}, "科目[600101]不是应收系统受控科目！"),
        ({"digest": ""}, "在对应所需名称或序数的集合中,未找到项目"),
        ({"e0__iamt_s": None}, "在对应所需名称或序数的集合中,未找到项目"),
    ],
)
def test_what_u8_refuses_of_a_receipt(client: Client, changes: dict[str, Any], text: str) -> None:
    assert client.add("accept", changed(RECEIPT, **changes), "b1")["errmsg"].endswith(f"{text};")


def test_a_receipt_of_period_zero_vanishes(client: Client) -> None:
    answer = client.add("accept", changed(RECEIPT, period="0"), "b1")
    assert (answer["errcode"], answer["id"]) == ("0", "")
    assert client.sandbox.control("books/accept") == {}


def test_verify_and_unverify_keep_their_order(client: Client) -> None:
    code = client.add("oughtreceive", RECEIVABLE, "b1")["id"]
    named = {"voucher_code": code}
    assert "未审核" in client.post("oughtreceive/unverify", named)["errmsg"]
    assert client.post("oughtreceive/verify", named) == {"errcode": "0", "errmsg": ""}
    assert "不能重复审核" in client.post("oughtreceive/verify", named)["errmsg"]
    assert client.post("oughtreceive/unverify", named)["errcode"] == "0"
    assert "不存在" in client.post("oughtreceive/verify", {"voucher_code": "AR-0"})["errmsg"]
    by = named | {"user_id": "nobody"}
    assert "操作员" in client.post("oughtreceive/verify", by)["errmsg"]
    assert "登录" in client.post("oughtreceive/verify", named | {"person_code": "P0007"})["errmsg"]
    assert client.post("user/login", {"user_id": "finance01", "password": "made-up"})["errcode"] == "0"
    assert client.post("oughtreceive/verify", named | {"person_code": "P0007"})["errcode"] == "0"


def posted(client: Client) -> tuple[str, str]:
    receivable = client.add("oughtreceive", RECEIVABLE, "b1")["id"]
    receipt = client.add("accept", RECEIPT, "b1")["id"]
    client.post("oughtreceive/verify", {"voucher_code": receivable})
    client.post("accept/verify", {"voucher_code": receipt, "voucher_type": "48"})
    return receivable, receipt


def test_a_write_off_moves_both_balances(client: Client) -> None:
    receivable, receipt = posted(client)
    pair = {"receivable": receivable, "receipt": receipt}
    assert "余额不足" in client.refused_act("write_off", **pair, amount="5300.01")
    assert "大于零" in client.refused_act("write_off", **pair, amount="-1")
    client.act("write_off", **pair, amount="5300.00")
    shown = client.get("oughtreceive/get", id=receivable)["oughtreceive"]
    assert (shown["amount"], shown["iramount_f"], shown["state"]) == (10600.0, 5300.0, "审核")
    (row,) = client.get("acceptlist/batch_get")["acceptlist"]
    assert (row["originalamount"], row["iramount_f"]) == ("5300.0000", "0.0000")
    assert "余额不足" in client.refused_act("write_off", **pair, amount="0.01")
    assert "已核销" in client.post("oughtreceive/unverify", {"voucher_code": receivable})["errmsg"]
    assert "已核销" in client.refused_act("delete_voucher", kind="accept", code=receipt, unverify=True)
    assert client.act("undo_write_off", **pair) == {"amount": "5300.00"}
    assert client.get("oughtreceive/get", id=receivable)["oughtreceive"]["iramount_f"] == 10600.0
    assert "没有可以取消" in client.refused_act("undo_write_off", **pair)


def test_only_verified_documents_of_one_customer_are_written_off(client: Client) -> None:
    receivable, _ = posted(client)
    other = changed(RECEIPT, customercode="K00018", e0__customercode="K00018", e1__customercode="K00018")
    strange = client.add("accept", other, "b2")["id"]
    pair = {"receivable": receivable, "receipt": strange, "amount": "1"}
    assert "已审核" in client.refused_act("write_off", **pair)
    client.post("accept/verify", {"voucher_code": strange})
    assert "客户不同" in client.refused_act("write_off", **pair)
    assert "不存在" in client.refused_act("write_off", **(pair | {"receipt": "SK-0"}))


def test_a_document_is_deleted_by_hand(client: Client) -> None:
    receivable, _ = posted(client)
    named = {"kind": "oughtreceive", "code": receivable}
    assert "已审核" in client.refused_act("delete_voucher", **named)
    client.act("delete_voucher", **named, unverify=True)
    assert client.get("oughtreceive/get", id=receivable) == {
        "errcode": "20002",
        "errmsg": "未检索到匹配的应收单。",
    }
    assert "kind must be" in client.refused_act("delete_voucher", kind="voucher", code="1")


def test_a_closed_period_takes_nothing(client: Client) -> None:
    code = client.add("oughtreceive", RECEIVABLE, "b1")["id"]
    client.act("close_period", month="2026-03")
    refused = [
        client.add("oughtreceive", RECEIVABLE, "b2"),
        client.add("accept", RECEIPT, "b3"),
        client.post("oughtreceive/verify", {"voucher_code": code}),
    ]
    assert all("已结账" in answer["errmsg"] for answer in refused)
    assert "不存在" in client.refused_act("close_period", month="1999-01")


def test_a_deactivated_customer_gets_no_documents(client: Client) -> None:
    client.act("deactivate_customer", code="K00017")
    assert "已停用" in client.add("oughtreceive", RECEIVABLE, "b1")["errmsg"]


def test_customers_are_added_edited_and_found(client: Client) -> None:
    assert client.add("customer", CUSTOMER, "b1")["id"] == "C1"
    assert "客户编码已经存在，不可重复！" in client.add("customer", CUSTOMER, "b2")["errmsg"]
    assert "未找到项目" in client.add("customer", CUSTOMER | {"abbrname": ""}, "b3")["errmsg"]
    assert (
        "客户分类编码" in client.add("customer", CUSTOMER | {"code": "C2", "sort_code": "99"}, "b4")["errmsg"]
    )
    assert client.post("customer/edit", CUSTOMER | {"memo": "改"})["errcode"] == "0"
    assert client.post("customer/edit", CUSTOMER)["errcode"] == "0"
    shown = client.get("customer/get", id="C1")["customer"]
    assert "memo" not in shown, "an edit replaces the whole record"
    found = client.get("customer/batch_get", name="示例", code_begin="C", code_end="C9")
    assert [row["code"] for row in found["customer"]] == ["C1"]


def test_pages_count_in_texts(client: Client) -> None:
    for number in range(5):
        client.add("oughtreceive", changed(RECEIVABLE, code=f"AR-{number}"), f"b{number}")
    page = client.get("oughtreceivelist/batch_get", page_index="2", rows_per_page="2")
    figures = {name: page[name] for name in ("page_index", "page_count", "row_count", "rows_per_page")}
    assert figures == {"page_index": "2", "page_count": "3", "row_count": "5", "rows_per_page": "2"}
    assert [row["code"] for row in page["oughtreceivelist"]] == ["AR-2", "AR-3"]
    assert all("entry" not in row and "deptname" in row for row in page["oughtreceivelist"])
    assert client.get("oughtreceivelist/batch_get", page_index="4", rows_per_page="2")["errcode"] == "20002"
    for query, count in [
        ({"date_begin": "2026-03-19"}, 0),
        ({"code_begin": "AR-3"}, 2),
        ({"state": "Opening"}, 5),
        ({"state": "Approved"}, 0),
        ({"cusname": "机械", "digest": "HUB"}, 5),
        ({"cust_vendor_code": "K00018"}, 0),
    ]:
        found = client.get("oughtreceivelist/batch_get", **query)
        assert len(found.get("oughtreceivelist", [])) == count, query


@pytest.mark.parametrize(
    "resource",
    [
        "customerclass",
        "department",
        "person",
        "inventory",
        "settlestyle",
        "code",
        "currency",
        "dsign",
        "fitem",
        "warehouse",
        "currentstock",
        "exchangerate",
        "fitemcategory",
        "fitemclass",
        "customeraddress",
        "customercontacts",
        "customer_bank",
    ],
)
def test_small_masters_are_all_text(client: Client, resource: str) -> None:
    rows = client.get(f"{resource}/batch_get")[resource]
    assert rows
    for row in rows:
        assert all(
            isinstance(value, str) and value and not name.startswith("_") for name, value in row.items()
        )


def test_calls_that_are_not_there(client: Client) -> None:
    assert client.get("nothing/get", id="1")["errcode"] == "10009"
    assert client.post("warehouse/add", {}, biz_id="b")["errcode"] == "10009"
    assert client.post("oughtreceive/delete", {})["errcode"] == "10009"
    broken = client.http.post("/api/customer/add", params=client.caller, content=b"{")
    assert (broken.status_code, broken.json()["errcode"]) == (200, "10008")
    assert broken.headers["content-type"] == "application/json;charset=UTF-8"


def test_the_next_calls_fail_on_request(client: Client) -> None:
    client.act("provoke", code="30021", message="此应用未上架", path="customer/get", times=2)
    codes = [client.get("customer/get", id="K00017")["errcode"] for _ in range(3)]
    assert codes == ["30021", "30021", "0"]


def test_the_books_survive_a_restart(tmp_path: Any) -> None:
    path = tmp_path / "u8.sqlite"
    with running(SANDBOX(path=path)) as first:
        client = Client(first)
        code = client.add("oughtreceive", RECEIVABLE, "b1")["id"]
        client.http.close()
    with running(SANDBOX(path=path)) as second:
        client = Client(second)
        assert client.get("oughtreceive/get", id=code)["errcode"] == "0"
        assert client.add("oughtreceive", RECEIVABLE, "b1")["id"] == code
        client.http.close()
