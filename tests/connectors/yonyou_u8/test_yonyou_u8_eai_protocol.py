"""The XML door, bytes in, values out: no socket."""

from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from pydantic import ValidationError

import mappings
from connector_kit import Reply
from connectors.yonyou_u8 import eai_protocol as protocol
from connectors.yonyou_u8 import elements
from connectors.yonyou_u8.protocol import Finished
from connectors.yonyou_u8.settings import U8Settings
from domain.faults import Fault, Malformed, Misconfigured, Rejected, Transient, UnknownOutcome

SAMPLES = Path(__file__).parent / "samples"
U8 = U8Settings(door="eai", base_url="http://u8.example/", sender="021", department="0301", salesman="P0007")

RECEIVABLE: dict[str, Any] = {
    "code": "AR2503000042",
    "id": "1",
    "vouchertype": "R0",
    "date": date(2025, 3, 18),
    "cust_vendor_code": "K00017",
    "deptcode": "0301",
    "personcode": "P0007",
    "digest": "HUB-880042 合同HT-2025-0031 第1期",
    "subjectcode": "1122",
    "currency_name": "人民币",
    "currency_rate": Decimal(1),
    "bdebitcredit": 1,
    "natamount": Decimal("10600.00"),
    "amount": Decimal("10600.00"),
    "operator": "财务接口",
    "flag": "AR",
    "define1": 880042,
    "define10": "HT-2025-0031",
    "startflag": 0,
    "entry": [
        {
            "headid": "1",
            "cust_vendor_code": "K00017",
            "deptcode": "0301",
            "personcode": "P0007",
            "digest": digest,
            "subjectcode": subject,
            "currency_name": "人民币",
            "currency_rate": 1,
            "bdebitcredit": 0,
            "natamount": Decimal(amount),
            "amount": Decimal(amount),
        }
        for digest, subject, amount in [
            ("服务费", "600101", "10000.00"),
            ("销项税 6%", "22210106", "600.00"),
        ]
    ],
}
RECEIPT: dict[str, Any] = {
    "vouchtype": "48",
    "vouchcode": "SK2503000019",
    "vouchdate": date(2025, 3, 27),
    "period": "3",
    "customercode": "K00017",
    "departmentcode": "0301",
    "personcode": "P0007",
    "balancecode": "3",
    "digest": "HUB-550019 银行流水 2503270000811",
    "oppositebankcode": "33050000000000000001",
    "foreigncurrency": "人民币",
    "currencyrate": 1,
    "amount": Decimal("5300.00"),
    "originalamount": Decimal("5300.00"),
    "operator": "财务接口",
    "balanceitemcode": "100201",
    "flag": "AR",
    "oppositebankname": "示例银行宁波支行",
    "bankname": "示例银行本部",
    "bankaccount": "33060000000000000002",
    "define1": "550019",
    "startflag": 0,
    "sourceflag": "A",
    "entry": [
        {
            "mainid": "1",
            "type": kind,
            "customercode": "K00017",
            "originalamount": Decimal(amount),
            "amount": Decimal(amount),
            "itemcode": account,
            "departmentcode": "0301",
            "personcode": "P0007",
            "iamt_s": 0,
            "iramt_s": 0,
        }
        for kind, amount, account in [(0, "4300.00", "1122"), (1, "1000.00", "2203")]
    ],
}


def message(mapping: str, flat: dict[str, Any]) -> dict[str, object]:
    """The values below the elements of a shipped mapping, in its order."""
    rows = mappings.load(f"yonyou_u8.{mapping}").rows
    lines = next(row.rows for row in rows if row.rows is not None)
    header = {row.keys[-1]: flat.get(row.keys[-1], "") for row in rows if row.rows is None}
    entry = [{row.keys[-1]: line.get(row.keys[-1], "") for row in lines} for line in flat["entry"]]
    return {rows[0].keys[0]: {"header": header, "body": {"entry": entry}}}


def tree(element: etree._Element) -> list[tuple[str, str]]:
    return [(str(each.tag), (each.text or "").strip()) for each in element.iter()]


def returned(*items: str, docid: str = "D1") -> Reply:
    text = f'<ufinterface roottag="return" docid="{docid}" proc="add">{"".join(items)}</ufinterface>'
    return Reply(200, {}, f'<?xml version="1.0" encoding="utf-8"?>\n{text}'.encode())


def body(text: str, *, status: int = 200) -> Reply:
    return Reply(status, {}, text.encode())


@pytest.mark.parametrize(
    ("roottag", "record", "sample", "docid"),
    [
        ("oughtreceive", message("eai_receivable", RECEIVABLE), "eai_oughtreceive_add.xml", "HUBAR880042"),
        ("accept", message("eai_receipt", RECEIPT), "eai_accept_add.xml", "HUBRC550019"),
    ],
)
def test_the_worked_messages(roottag: str, record: dict[str, Any], sample: str, docid: str) -> None:
    request = protocol.build_add(U8, roottag, record, docid=docid)
    assert (request.method, request.url) == ("POST", "http://u8.example/U8EAI/import.asp")
    assert request.operation.kind == "keyed_write"
    made, wanted = etree.fromstring(request.content), etree.fromstring((SAMPLES / sample).read_bytes())
    assert tree(made) == tree(wanted)
    for name in ("roottag", "docid", "receiver", "sender", "proc", "codeexchanged", "version"):
        assert made.get(name) == wanted.get(name)


def test_the_worked_query() -> None:
    where = [protocol.Where("cCusCode", ">=", "K00010"), protocol.Where("cCusCode", "<", "K00021")]
    made = etree.fromstring(protocol.build_query(U8, "customer", where).content)
    wanted = etree.fromstring((SAMPLES / "eai_customer_query.xml").read_bytes())
    shown = [[each.get(name) for name in ("name", "operation", "logic")] for each in made.iter("field")]
    assert shown == [["cCusCode", ">=", "and"], ["cCusCode", "<", ""]]
    assert (made.get("proc"), made[0].tag) == (wanted.get("proc"), wanted[0].tag)


def test_a_customer_shows_only_what_is_given() -> None:
    record = {"customer": {"code": "C1", "name": "<示例> & 公司\x07😀", "abbrname": "示例"}}
    made = etree.fromstring(protocol.build_add(U8, "customer", record, docid="D1").content)
    assert tree(made[0])[1:] == [("code", "C1"), ("name", "<示例> & 公司?"), ("abbrname", "示例")]


@pytest.mark.parametrize("value", ["x' or '1'='1", "合同", "a b", "", "%", "ʼ", "a" * 61, "'", "x;--"])
def test_no_value_can_end_a_literal(value: str) -> None:
    with pytest.raises(Rejected):
        protocol.build_query(U8, "customer", protocol.by_code("customer", value))
    with pytest.raises(Rejected):
        protocol.build_balances(U8, "accept", protocol.by_code("accept", value))
    with pytest.raises(Rejected):
        protocol.build_add(U8, "customer", {"customer": {"code": value}}, docid="D1")


def test_the_statement_is_fixed() -> None:
    request = protocol.build_balances(U8, "oughtreceive", protocol.by_code("oughtreceive", "HT-1"))
    (sql,) = etree.fromstring(request.content)
    columns = "cVouchID,cCheckMan,iRAmount_f,iRAmount"
    test = "cVouchType='R0' and cVouchID='HT-1'"
    assert sql.get("value") == f"select {columns} from Ap_Vouch where {test}"
    assert request.operation.kind == "read"


@pytest.mark.parametrize(
    ("item", "number"),
    [
        ('<item key="AR1" succeed="0" dsc="ok" u8key="AR1"/>', "AR1"),
        ('<item key="AR1" succeed="0" dsc="数据重复上传"/>', ""),
        ('<item key="" succeed="0" dsc=""/>', ""),
        ('<item key="AR1" succeed=" 0 " dsc="凭证导入成功" u8key=" AR1  "/>', "AR1"),
    ],
)
def test_zero_is_success(item: str, number: str) -> None:
    assert protocol.read_add(returned(item), docid="D1") == Finished(number)


@pytest.mark.parametrize("succeed", ["1", "101", "false", "", "00", "-1", "true"])
def test_everything_else_is_not(succeed: str) -> None:
    with pytest.raises(Rejected, match="借贷不平") as raised:
        protocol.read_add(
            returned(f'<item key="A" succeed="{succeed}" dsc=" 借贷不平，不能保存。 "/>'), docid="D1"
        )
    assert raised.value.code == f"succeed={succeed}"


def test_one_bad_item_spoils_the_document() -> None:
    items = ['<item key="1" succeed="0" dsc="ok"/>', '<item key="2" succeed="1" dsc="项目非法"/>']
    with pytest.raises(Rejected, match="项目非法"):
        protocol.read_add(returned(*items), docid="D1")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("注册号不正确!", Misconfigured),
        ("暂不提供此项功能", Misconfigured),
        ("加密点数已饱和，请稍候", Transient),
        ("其他人正在修改", Transient),
        ("客户编码已经存在，不可重复！", Rejected),
        ("该业务员不合法,请重新输入。", Rejected),
        ("从未见过的话", Rejected),
        ("", Rejected),
    ],
)
def test_sentences_become_faults(text: str, fault: type[Fault]) -> None:
    with pytest.raises(fault) as raised:
        protocol.read_add(returned(f'<item key="" succeed="1" dsc="{text}"/>'), docid="D1")
    assert type(raised.value) is fault


PAGE = "<html>An error occurred on the server when processing the URL.</html>"
NOT_AN_ANSWER = [
    PAGE,
    "ASP 0251 : 80004005 Response Buffer Limit Exceeded",
    "",
    "<ufinterface/>",
    '<ufinterface><item succeed="0"/',
    '<ufinterface docid="D2"><item key="A" succeed="0"/></ufinterface>',
    '<!DOCTYPE x [<!ENTITY a "1">]><ufinterface><item succeed="&a;"/></ufinterface>',
]


@pytest.mark.parametrize("text", NOT_AN_ANSWER)
def test_what_is_not_a_clear_yes_is_unknown(text: str) -> None:
    with pytest.raises(UnknownOutcome):
        protocol.read_add(body(text), docid="D1")


@pytest.mark.parametrize(
    ("reply", "fault"),
    [
        (body(PAGE), Transient),
        (body("ASP 0251 : 80004005"), Transient),
        (body('<ufinterface roottag="customer"><customer>'), Malformed),
        (body("<ufinterface><oughtreceive><code>A</code></oughtreceive></ufinterface>"), Malformed),
        (body("<h1>404</h1>", status=404), Misconfigured),
        (body("<html/>"), Transient),
        (body('<ufinterface roottag="return"/>'), Malformed),
        (body('<ufinterface roottag="accept"/>'), Malformed),
        (returned('<item key="" succeed="1" dsc="注册号不正确!"/>'), Misconfigured),
    ],
)
def test_a_broken_reply_to_a_read(reply: Reply, fault: type[Fault]) -> None:
    with pytest.raises(fault) as raised:
        protocol.read_rows(reply, "oughtreceive")
    assert type(raised.value) is fault


@pytest.mark.parametrize("root", ["ufinterface", "finterface"])
def test_rows_are_heads_without_what_is_empty(root: str) -> None:
    head = "<code>AR1 </code><vouchertype>R0</vouchertype><amount>1.50</amount><digest/>"
    payable = "<code>AP1</code><vouchertype>P0</vouchertype>"
    documents = [f"<oughtreceive><header>{each}</header><body/></oughtreceive>" for each in (head, payable)]
    reply = body(f"<{root}>{''.join(documents)}</{root}>")
    assert protocol.read_rows(reply, "oughtreceive") == [
        {"code": "AR1", "vouchertype": "R0", "amount": "1.50"}
    ]
    assert protocol.read_rows(body(f"<{root}/>"), "oughtreceive") == []


def test_an_export_at_the_limit_may_be_cut() -> None:
    rows = "<customer><code>C</code></customer>" * protocol.ITEMS_LIMIT
    with pytest.raises(Malformed, match="截断"):
        protocol.read_rows(body(f"<ufinterface>{rows}</ufinterface>"), "customer")


def test_balances_by_number() -> None:
    row = "<cVouchID>AR1   </cVouchID><cCheckMan>测试会计</cCheckMan><iRAmount_f>6300.00</iRAmount_f>"
    bare = "<doc><cVouchID>AR2</cVouchID></doc>"
    reply = body(f"<ufinterface><NewDataSet><doc>{row}</doc>{bare}<doc/></NewDataSet></ufinterface>")
    assert protocol.read_balances(reply, U8) == {
        "AR1": {"state": "审核", "iramount_f": "6300.00"},
        "AR2": {"state": ""},
    }


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    "attack",
    [
        f'<!DOCTYPE l [<!ENTITY l0 "ha">{LAUGHS}]><a>&l9;</a>',
        f'<!DOCTYPE l [<!ENTITY l0 "ha">{LAUGHS}]><a b="&l9;"/>',
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a>&x;</a>',
        '<!DOCTYPE a SYSTEM "http://127.0.0.1:9/x.dtd"><a/>',
        '<!DOCTYPE a [<!ENTITY % p SYSTEM "http://127.0.0.1:9/p">%p;]><a/>',
        "<a>&undefined;</a>",
        "<a>" * 5000 + "</a>" * 5000,
        "<a b='1' b='2'/>",
        '<?xml version="1.0" encoding="utf-16"?><a/>',
        '<?xml version="1.0" encoding="utf-7"?><a/>',
        '<?xml version="1.0" encoding="unknown-1"?><a/>',
        "<a/><b/>",
        "<a>\x00</a>",
        "<a>\x01</a>",
        "",
        b"\xff\xfe<\x00a\x00/\x00>\x00",
        b"<a>\xc4\xe3</a>",
        b'<?xml version="1.0" encoding="gb2312"?><a>' + b"\xff\xff</a>",
        b"<a>" + b" " * elements.LIMIT + b"</a>",
    ],
    ids=range(19),
)
def test_attacks_are_refused(attack: str | bytes) -> None:
    with pytest.raises(elements.NotXml):
        elements.parse(attack.encode() if isinstance(attack, str) else attack)


@pytest.mark.parametrize(
    ("declared", "codec"),
    [
        ("utf-8", "utf-8"),
        ("UTF-8", "utf-8-sig"),
        ("gb2312", "gb18030"),
        ("GBK", "gbk"),
        ("gb18030", "gb18030"),
    ],
)
def test_encodings_of_answers(declared: str, codec: str) -> None:
    text = f'<?xml version="1.0" encoding="{declared}"?>\n<a><!-- x --><b>示例堃</b><?pi x?></a>'
    assert elements.flat(elements.parse(text.encode(codec))) == {"b": "示例堃"}


@settings(max_examples=60)
@given(st.text(max_size=60))
def test_any_text_survives_or_is_replaced(text: str) -> None:
    made = protocol.build_add(U8, "customer", {"customer": {"code": "C1", "name": text}}, docid="D1").content
    root = elements.parse(made)
    assert {str(each.tag) for each in root[0]} <= {"code", "name"}


@settings(max_examples=60)
@given(st.dates(date(2000, 1, 1), date(2030, 12, 31)), st.dates(date(2000, 1, 1), date(2030, 12, 31)))
def test_months_cover_every_day_once(since: date, today: date) -> None:
    windows = list(protocol.months(since, today))
    assert windows[0][0] == since
    assert windows[-1][1] is None
    assert all(end == begin for (_, end), (begin, _) in pairwise(windows))
    assert all(end is not None and begin < end for begin, end in windows[:-1])


@pytest.mark.parametrize(
    ("values", "missing"),
    [
        ({"door": "openapi"}, "app_secret"),
        ({"door": "eai", "base_url": "http://u8.example"}, "sender"),
        ({"door": "eai", "sender": "021"}, "base_url"),
    ],
)
def test_each_door_needs_its_own_settings(values: dict[str, str], missing: str) -> None:
    with pytest.raises(ValidationError, match=missing):
        U8Settings.model_validate(values)
