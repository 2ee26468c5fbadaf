"""The sandbox's XML door as a stranger's client meets it: raw bytes to import.asp, worked messages."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from lxml import etree

from sandboxes.common import PLAIN, Running

SAMPLES = Path(__file__).parent / "samples"
RECEIVABLE = (SAMPLES / "eai_oughtreceive_add.xml").read_text(encoding="utf-8")
RECEIPT = (SAMPLES / "eai_accept_add.xml").read_text(encoding="utf-8")
CUSTOMER_QUERY = (SAMPLES / "eai_customer_query.xml").read_text(encoding="utf-8")
MISSING = "在对应所需名称或序数的集合中,未找到项目"
CRASH = "An error occurred on the server when processing the URL."


def bad(name: str) -> str:
    return f"数据库没有提供的字段({name})! 或者提供该字段的值格式不正确!"


def customer(code: str = "C1", *, proc: str = "add", docid: str = "", **elements: str) -> str:
    given = {
        "code": code,
        "name": "示例电子（苏州）有限公司",
        "abbrname": "示例电子",
        "sort_code": "01",
        **elements,
    }
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in given.items())
    return (
        f'<ufinterface sender="021" receiver="u8" roottag="customer" proc="{proc}" docid="{docid}">'
        f"<customer>{inner}</customer></ufinterface>"
    )


def query(roottag: str, *fields: str) -> str:
    return (
        f'<ufinterface sender="021" receiver="u8" roottag="{roottag}" docid="Q1" proc="Query">'
        f"<{roottag}>{''.join(fields)}</{roottag}></ufinterface>"
    )


def field(name: str, operation: str, value: str, logic: str = "") -> str:
    return f'<field name="{name}" operation="{operation}" value="{value}" logic="{logic}"/>'


def sql(statement: str) -> str:
    return (
        '<ufinterface sender="021" receiver="u8" roottag="SQLEXE" proc="doc">'
        f'<sql value="{statement}"/></ufinterface>'
    )


def attributes(element: etree._Element) -> dict[str, str]:
    return {str(name): str(value) for name, value in element.attrib.items()}


class Client:
    """Posts text, reads bytes; knows nothing else."""

    def __init__(self, sandbox: Running) -> None:
        self.sandbox = sandbox
        self.http = httpx.Client(base_url=sandbox.url, trust_env=False, verify=PLAIN)

    def raw(self, body: bytes | str, *, path: str = "/u8eai/import.asp") -> httpx.Response:
        return self.http.post(path, content=body)

    def post(self, body: bytes | str) -> etree._Element:
        answer = self.raw(body)
        assert answer.status_code == 200, answer.text
        return etree.fromstring(answer.content)

    def items(self, body: bytes | str) -> list[dict[str, str]]:
        answer = self.post(body)
        assert answer.get("roottag") == "return"
        return [attributes(item) for item in answer.iterchildren("item")]

    def books(self, table: str) -> Any:
        return self.sandbox.control(f"books/{table}")

    def act(self, name: str, **body: object) -> Any:
        return self.sandbox.control(f"act/{name}", body)


@pytest.fixture
def client(served: Running) -> Iterator[Client]:
    served.control("reset", {})
    client = Client(served)
    yield client
    client.http.close()


@pytest.mark.parametrize("path", ["/U8EAI/import.asp", "/u8eai/Import.asp", "/U8EAI/IMPORT.ASP"])
def test_the_path_in_any_case(client: Client, path: str) -> None:
    assert client.http.get(path).text == "正常"
    answer = client.raw(RECEIVABLE, path=path)
    assert answer.headers["content-type"] == "text/xml; charset=utf-8"
    assert b'succeed="0"' in answer.content


def test_the_worked_receivable(client: Client) -> None:
    answer = client.post(RECEIVABLE)
    assert attributes(answer) == {
        "roottag": "return",
        "docid": "HUBAR880042",
        "proc": "add",
        "sender": "u8",
        "receiver": "021",
        "request-roottag": "oughtreceive",
    }
    assert [attributes(item) for item in answer] == [
        {"key": "AR2503000042", "succeed": "0", "dsc": "ok", "u8key": "AR2503000042"}
    ]
    row = client.books("oughtreceive")["AR2503000042"]
    assert (row["amount"], row["define10"], len(row["entry"]), row["state"]) == (
        "10600.00",
        "HT-2025-0031",
        2,
        "新增",
    )


def test_the_worked_receipt(client: Client) -> None:
    assert client.items(RECEIPT) == [
        {"key": "SK2503000019", "succeed": "0", "dsc": "ok", "u8key": "SK2503000019"}
    ]
    row = client.books("accept")["SK2503000019"]
    assert [(line["type"], line["amount"]) for line in row["entry"]] == [("0", "4300.00"), ("1", "1000.00")]


def test_a_repeated_docid_reports_success_and_writes_nothing(client: Client) -> None:
    client.post(RECEIVABLE)
    assert client.items(RECEIVABLE) == [{"key": "AR2503000042", "succeed": "0", "dsc": "数据重复上传"}]
    reformatted = RECEIVABLE.replace(">\n", ">")
    assert client.items(reformatted)[0]["dsc"] == "数据重复上传"
    other = RECEIVABLE.replace('docid="HUBAR880042"', 'docid="HUBAR880043"')
    assert client.items(other) == [
        {"key": "AR2503000042", "succeed": "1", "dsc": "单据编号[AR2503000042]已存在，不可重复！"}
    ]
    changed = RECEIVABLE.replace("AR2503000042", "AR2503000043")
    assert client.items(changed)[0]["u8key"] == "AR2503000043", "another document under the same docid"
    assert len(client.books("oughtreceive")) == 2


def test_a_refused_docid_may_be_used_again(client: Client) -> None:
    unbalanced = RECEIVABLE.replace("<amount>600.00", "<amount>599.99")
    refused = {"key": "AR2503000042", "succeed": "1", "dsc": "借贷不平，不能保存。"}
    assert client.items(unbalanced) == [refused] == client.items(unbalanced)
    assert client.items(RECEIVABLE)[0]["succeed"] == "0"


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ('sender="021"', 'sender="999"', "注册号不正确!"),
        ('proc="add"', 'proc="delete"', "暂不提供此项功能"),
        ('proc="add"', 'proc="edit"', "暂不提供此项功能"),
        ('proc="add"', 'proc="verify"', "暂不提供此项功能"),
        ('roottag="oughtreceive"', 'roottag="voucherx"', "暂不提供此项功能"),
        (
            "<flag>AR</flag>",
            "<flag>AR</flag><clabel/>",
            bad("clabel"),
        ),
        (
            "<digest>服务费</digest>",
            "<Digest>服务费</Digest>",
            bad("Digest"),
        ),
        (
            "<date>2025-03-18</date>",
            "<date>03/18/2025</date>",
            bad("date"),
        ),
        (
            "<vouchertype>R0",
            "<vouchertype>P0",
            bad("vouchertype"),
        ),
        ("<flag>AR</flag>", "<flag/>", MISSING),
        (
            "<currency_rate>1</currency_rate>\n        <bdebit",
            "<currency_rate/><bdebit",
            MISSING,
        ),
        ("<personcode>P0007</personcode>", "<personcode>P0009</personcode>", "该业务员不合法,请重新输入。"),
        ("<cust_vendor_code>K00017", "<cust_vendor_code>K99999", "客户编码[K99999]不存在！"),
        ("<subjectcode>600101", "<subjectcode>1122", "科目[1122]是应收系统受控科目！"),
        ("<operator>财务接口", "<operator>无此人", "操作员[无此人]不存在！"),
        ("<body>", "<lines>", None),
    ],
)
def test_what_u8_refuses(client: Client, old: str, new: str, text: str | None) -> None:
    message = RECEIVABLE.replace(old, new)
    if text is None:
        assert client.raw(message).status_code == 500
    else:
        (item,) = client.items(message)
        assert (item["succeed"] != "0", item["dsc"]) == (True, text)
        assert "u8key" not in item
    assert client.books("oughtreceive") == {}


def test_a_receipt_of_period_zero_vanishes(client: Client) -> None:
    (item,) = client.items(RECEIPT.replace("<period>3", "<period>0"))
    assert (item["succeed"], "u8key" in item) == ("0", False)
    assert client.books("accept") == {}


def test_records_of_one_message_stand_alone(client: Client) -> None:
    second = re.search(r"<oughtreceive>.*</oughtreceive>", RECEIVABLE, re.DOTALL)
    assert second is not None
    wrong = second[0].replace("AR2503000042", "AR-2").replace("K00017", "K99999")
    both = RECEIVABLE.replace("</oughtreceive>\n</ufinterface>", f"</oughtreceive>{wrong}</ufinterface>")
    items = client.items(both)
    assert [(item["key"], item["succeed"]) for item in items] == [("AR2503000042", "0"), ("AR-2", "1")]
    assert list(client.books("oughtreceive")) == ["AR2503000042"]


def test_customers_come_change_and_go(client: Client) -> None:
    assert client.items(customer(tax_reg_code="91320500MA00000X00", Memo="备注"))[0]["u8key"] == "C1"
    assert client.items(customer()) == [
        {"key": "C1", "succeed": "101", "dsc": "客户编码已经存在，不可重复！"}
    ]
    assert client.books("customer")["C1"]["memo"] == "备注"
    assert client.items(customer(proc="edit", phone="13800000001"))[0]["succeed"] == "0"
    row = client.books("customer")["C1"]
    assert ("memo" in row, row["phone"]) == (False, "13800000001"), "an edit replaces the whole record"
    assert "memo" in client.items(customer("C2", memo="小写"))[0]["dsc"], "names are case-sensitive"
    table = "<sa_invoicecustomers><ccuscode>C3</ccuscode><bdefault>1</bdefault></sa_invoicecustomers>"
    assert client.items(customer("C3", sa_invoicecustomersall=table))[0]["succeed"] == "0"
    client.post(RECEIVABLE)
    assert "已经使用！不可删除！" in client.items(customer("K00017", proc="delete"))[0]["dsc"]
    assert client.items(customer("C1", proc="delete"))[0]["succeed"] == "0"
    assert set(client.books("customer")) == {"K00017", "K00018", "C3"}


def test_a_customer_without_a_code_is_success_and_nothing(client: Client) -> None:
    assert client.items(customer("")) == [{"key": "", "succeed": "0", "dsc": ""}]
    assert set(client.books("customer")) == {"K00017", "K00018"}


def test_the_worked_query(client: Client) -> None:
    answer = client.post(CUSTOMER_QUERY)
    assert (answer.get("roottag"), answer.get("request-roottag")) == ("customer", "customer")
    assert [row.findtext("code") for row in answer] == ["K00017", "K00018"]
    assert answer[0].findtext("name") == "示例机械（宁波）有限公司"


def test_an_export_shows_the_whole_template_in_its_order(client: Client) -> None:
    client.post(RECEIVABLE)
    (shown,) = client.post(query("oughtreceive", field("cVouchID", "=", "AR2503000042")))
    sent = etree.fromstring(RECEIVABLE.encode())[0]
    flat = [
        [(element.tag, (element.text or "").strip()) for element in each.iter()] for each in (shown, sent)
    ]
    assert flat[0] == flat[1]
    client.post(RECEIPT)
    (shown,) = client.post(query("accept"))
    sent = etree.fromstring(RECEIPT.encode())[0]
    assert [element.tag for element in shown.iter()] == [element.tag for element in sent.iter()]


@pytest.mark.parametrize(
    ("fields", "codes"),
    [
        ([], ["K00017", "K00018"]),
        ([field("cCusCode", "=", "K00018")], ["K00018"]),
        ([field("CCUSCODE", "&lt;&gt;", "K00018")], ["K00017"]),
        ([field("cCusName", "like", "%食品%")], ["K00018"]),
        ([field("cCusCode", "=", "K00017", "or"), field("cCusCode", "=", "K00018")], ["K00017", "K00018"]),
        (
            [
                field("cCusCode", "&gt;=", "K", " And ( "),
                field("cCusCode", "=", "K00018", "or"),
                field("cCusCode", "=", "X", " ) "),
            ],
            ["K00018"],
        ),
        ([field("cCusCode", "=", "K99999")], []),
    ],
)
def test_queries_choose_by_column(client: Client, fields: list[str], codes: list[str]) -> None:
    assert [row.findtext("code") for row in client.post(query("customer", *fields))] == codes


@pytest.mark.parametrize(
    "fields",
    [
        [field("nonsense", "=", "1")],
        [field("cCusCode", "drop", "1")],
        [field("cCusCode", "=", "1", "and")],
        [field("cCusCode", "=", "1", ")")],
    ],
)
def test_a_query_that_is_no_sql_fails_in_an_item(client: Client, fields: list[str]) -> None:
    assert client.items(query("customer", *fields))[0]["succeed"] == "1"


def test_exports_are_cut_silently(client: Client) -> None:
    client.act("set_knobs", eai_max_items=1)
    assert len(client.post(query("customer"))) == 1


def test_sql_reads_state_and_balance(client: Client) -> None:
    client.post(RECEIVABLE)
    statement = (
        "select cVouchID,cCheckMan,iRAmount_f from Ap_Vouch where cVouchType='R0' and cVouchID='AR2503000042'"
    )
    (row,) = client.post(sql(statement))[0]
    assert row.tag == "doc"
    assert [(each.tag, (each.text or "").strip()) for each in row] == [
        ("cVouchID", "AR2503000042"),
        ("iRAmount_f", "10600.00"),
    ]
    assert (row[0].text or "").endswith(" "), "char columns are padded"
    client.act("verify_voucher", kind="oughtreceive", code="AR2503000042")
    (row,) = client.post(sql(statement))[0]
    assert row.findtext("cCheckMan") == "测试会计"


@pytest.mark.parametrize(
    "statement",
    [
        "delete from Customer",
        "select * from Ap_Vouch",
        "select cVouchID from Ap_Vouch; drop table x",
        "select cVouchID from UA_User",
        "select x from Customer",
        "select cCusCode from Customer where 1=1",
    ],
)
def test_sql_beyond_one_shape_is_refused(client: Client, statement: str) -> None:
    assert client.items(sql(statement))[0]["succeed"] == "1"


@pytest.mark.parametrize(
    ("declared", "codec"),
    [("utf-8", "utf-8"), ("UTF-8", "utf-8-sig"), ("gb2312", "gb18030"), ("GBK", "gbk"), ("utf-16", "utf-16")],
)
def test_encodings(client: Client, declared: str, codec: str) -> None:
    name = "测试堃㙍公司" if codec == "gb18030" else "测试公司"
    message = f'<?xml version="1.0" encoding="{declared}"?>' + customer(name=name)
    assert client.items(message.encode(codec))[0]["succeed"] == "0"
    assert client.books("customer")["C1"]["name"] == name


def test_answers_in_gb2312(client: Client) -> None:
    client.act("set_knobs", eai_gb2312=True)
    answer = client.raw(CUSTOMER_QUERY)
    assert answer.content.startswith(b'<?xml version="1.0" encoding="gb2312"?>')
    assert "示例机械（宁波）有限公司" in answer.content.decode("gb18030")


LAUGHS = '<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("attack", "status"),
    [
        (LAUGHS + customer(name="&b;"), 500),
        ('<!DOCTYPE l [<!ENTITY x SYSTEM "file:///etc/hostname">]>' + customer(name="&x;"), 500),
        ('<!DOCTYPE l SYSTEM "http://127.0.0.1:9/x.dtd">' + customer(), 500),
        ('<?xml version="1.0" encoding="utf-16"?>' + customer(), 500),
        ('<?xml version="1.0" encoding="utf-7"?>' + customer(), 500),
        ('<?xml version="1.0" encoding="no-such"?>' + customer(), 500),
        (("<a>" * 100_000) + ("</a>" * 100_000), 500),
        (customer(name="&undefined;"), 500),
        (customer() * 2, 500),
        (customer().replace("sender=", 'sender="021" sender='), 500),
        (customer()[:-5], 500),
        ("", 500),
        ("code=1&name=2", 500),
        (b"\xff\xfe\x00", 500),
        (customer().encode() + b"\x00", 500),
        (customer(name="测试").encode("gbk"), 500),
        (b"<" + b"x" * (8 * 1024 * 1024), 413),
    ],
    ids=range(17),
)
def test_attacks_end_at_the_page(client: Client, attack: bytes | str, status: int) -> None:
    answer = client.raw(attack)
    assert answer.status_code == status
    assert status == 413 or answer.text.startswith(CRASH)
    assert set(client.books("customer")) == {"K00017", "K00018"}


def test_both_doors_share_one_ledger(client: Client) -> None:
    client.post(RECEIVABLE)
    credentials = client.sandbox.sandbox.credentials()
    asked = {name: credentials[name] for name in ("from_account", "app_key", "app_secret")}
    token = client.http.get("/system/token", params=asked).json()["token"]["id"]
    caller = {name: credentials[name] for name in ("from_account", "to_account", "app_key")} | {
        "token": token
    }
    shown = client.http.get("/api/oughtreceive/get", params=caller | {"id": "AR2503000042"}).json()
    assert shown["oughtreceive"]["cusname"] == "示例机械（宁波）有限公司"
    assert client.act("verify_all") == {"verified": 1}


def test_the_next_messages_fail_on_request(client: Client) -> None:
    client.act("provoke", code="101", message="加密点数已饱和", path="import.asp", times=1)
    assert client.items(RECEIVABLE) == [{"key": "", "succeed": "101", "dsc": "加密点数已饱和"}]
    assert client.items(RECEIVABLE)[0]["succeed"] == "0"
