"""Bytes in, values out: no socket."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mappings
from connector_kit import Reply
from connectors.yonyou_u8 import CONNECTOR, errors, postings, protocol
from connectors.yonyou_u8.settings import U8Settings
from connectors.yonyou_u8.wire import ReceiptRow, ReceivableRow
from domain.faults import (
    Fault,
    Malformed,
    Misconfigured,
    Rejected,
    SessionExpired,
    Throttled,
    Transient,
    UnknownOutcome,
)
from domain.money import Money
from domain.records import (
    Allocation,
    Company,
    DocumentState,
    ErpDocument,
    Receipt,
    Receivable,
    ReceivableLine,
)

SAMPLES = Path(__file__).parent / "samples"
MAPPING_SAMPLES = mappings.library.LIBRARY / "yonyou_u8" / "samples"
NOW = datetime(2025, 3, 18, 1, 0, tzinfo=UTC)
U8 = U8Settings(
    base_url="https://u8.example/",
    from_account="dev_demo",
    to_account="test_corp01",
    app_key="opa0f1e2d3c4b5a697",
    app_secret="made up & secret",
    department="0301",
    salesman="P0007",
)


def cny(text: str) -> Money:
    return Money(Decimal(text))


def reply(sample: str, *, status: int = 200) -> Reply:
    return Reply(status, {}, (SAMPLES / sample).read_bytes())


def answer(**body: object) -> Reply:
    return Reply(200, {}, json.dumps(body, ensure_ascii=False).encode())


def line(amount: str, *, rate: str = "0.06", title: str = "服务费") -> ReceivableLine:
    return ReceivableLine(
        sku="SV-01",
        title=title,
        quantity=Decimal(1),
        unit_price=Decimal(amount),
        tax_rate=Decimal(rate),
        amount=cny(amount),
    )


def receivable(*lines: ReceivableLine, currency: str = "CNY") -> Receivable:
    total = sum((each.amount.amount for each in lines), Decimal())
    return Receivable(
        number="HT-2025-0031-1",
        contract_number="HT-2025-0031",
        contract_title="年度服务",
        instalment=1,
        customer_code="K00017",
        customer_name="示例机械（宁波）有限公司",
        amount=Money(total, currency),
        document_date=date(2025, 3, 18),
        due_date=date(2025, 4, 17),
        lines=lines,
    )


def receipt(amount: str, *allocated: str) -> Receipt:
    return Receipt(
        number="SK-550019",
        customer_code="K00017",
        customer_name="示例机械（宁波）有限公司",
        amount=cny(amount),
        received_on=date(2025, 3, 27),
        payer_name="示例机械（宁波）有限公司",
        payer_account="33050000000000000001",
        bank_reference="2503270000811",
        text="货款",
        allocations=[
            Allocation(
                receivable_number=f"HT-2025-0031-{number}",
                contract_number="HT-2025-0031",
                receivable_amount=cny(part),
                amount=cny(part),
            )
            for number, part in enumerate(allocated, start=1)
        ],
    )


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def sample_in(name: str) -> Any:
    return json.loads((MAPPING_SAMPLES / name).read_text(encoding="utf-8"), parse_float=Decimal)


def as_json(record: dict[str, object]) -> Any:
    return json.loads(json.dumps(record, default=str))


def test_a_token_is_asked_for_with_the_secret_encoded() -> None:
    request = protocol.build_token(U8)
    assert request.operation.kind == "read"
    assert urlsplit(request.url).path == "/system/token"
    assert query_of(request.url) == {
        "from_account": "dev_demo",
        "app_key": "opa0f1e2d3c4b5a697",
        "app_secret": "made up & secret",
    }


def test_a_token_is_renewed_five_minutes_early() -> None:
    now = datetime.now(UTC)
    token = protocol.read_token(reply("token_given.json"), now=now)
    assert token.value == "4f6e2a90c1b34d7f8a55e2b0d9c7a611"
    assert token.fresh(now + timedelta(minutes=114, seconds=59))
    assert not token.fresh(now + timedelta(minutes=115))


def test_an_add_carries_the_record_and_our_key() -> None:
    record = {"code": "AR1", "amount": Decimal("10600.00"), "date": date(2025, 3, 18), "digest": "一\x07二𠮷"}
    request = protocol.build_add(U8, "t0ken", "oughtreceive", record, biz_id="u8-main-oughtreceive-AR1-v1")
    assert request.operation.kind == "keyed_write"
    assert request.content.decode() == (
        '{"oughtreceive":{"code":"AR1","amount":10600.00,"date":"2025-03-18","digest":"一二?"}}'
    )
    assert query_of(request.url) == {
        "from_account": "dev_demo",
        "to_account": "test_corp01",
        "app_key": "opa0f1e2d3c4b5a697",
        "token": "t0ken",
        "ds_sequence": "1",
        "biz_id": "u8-main-oughtreceive-AR1-v1",
        "sync": "1",
    }


@pytest.mark.parametrize(
    ("resource", "auditor", "body"),
    [
        ("oughtreceive", None, {"oughtreceive": {"voucher_code": "X1"}}),
        ("oughtreceive", "finance01", {"oughtreceive": {"voucher_code": "X1", "user_id": "finance01"}}),
        ("accept", None, {"accept": {"voucher_code": "X1", "voucher_type": "48"}}),
    ],
)
def test_verify_names_the_document(resource: str, auditor: str | None, body: dict[str, object]) -> None:
    request = protocol.build_verify(U8.model_copy(update={"auditor": auditor}), "t", resource, "X1")
    assert json.loads(request.content) == body


@pytest.mark.parametrize(
    ("given_reply", "read"),
    [
        (reply("add_synchronous.json"), protocol.Finished("AR2503000042")),
        (answer(errcode=0, errmsg="", id=""), protocol.Finished("")),
        (reply("add_acknowledged.json"), protocol.Pending("7b1e0c4d5f6a48c2b3d9e0f1a2b3c4d5")),
        (answer(errcode="0", url="https://x.example/result?requestid=r1"), protocol.Pending("r1")),
    ],
)
def test_the_first_answer_to_an_add(given_reply: Reply, read: object) -> None:
    assert protocol.read_add(given_reply) == read


@pytest.mark.parametrize(
    ("given_reply", "fault"),
    [
        (reply("add_refused_unbalanced.json"), Rejected),
        (answer(url="https://x.example/result"), UnknownOutcome),
        (answer(url="https://x.example/result?requestid=r1", errcode="10001"), UnknownOutcome),
        (answer(id="AR1"), UnknownOutcome),
        (reply("page_of_html.html"), UnknownOutcome),
        (reply("page_of_html.html", status=404), UnknownOutcome),
        (Reply(200, {}, b"[1]"), UnknownOutcome),
        (Reply(200, {}, b'{"errcode":"0","id":"AR2503'), UnknownOutcome),
        (Reply(200, {}, b'{"errcode":{"a":1}}'), UnknownOutcome),
    ],
)
def test_what_is_not_a_clear_yes_to_an_add(given_reply: Reply, fault: type[Fault]) -> None:
    with pytest.raises(fault) as raised:
        protocol.read_add(given_reply)
    assert type(raised.value) is fault


def test_a_polled_answer() -> None:
    assert protocol.read_result(reply("result_running.json")) is None
    assert protocol.read_result(reply("add_synchronous.json")) == protocol.Finished("AR2503000042")
    with pytest.raises(Rejected, match="借贷不平，不能保存"):
        protocol.read_result(reply("add_refused_unbalanced.json"))


def test_a_refusal_names_the_fields_and_drops_the_wrapping() -> None:
    with pytest.raises(Rejected) as raised:
        protocol.read_add(reply("add_refused_unknown_field.json"))
    assert raised.value.fields == ("clabel",)
    assert raised.value.code == "20005"
    assert "U8 服务调用失败" not in raised.value.message


@pytest.mark.parametrize(
    ("code", "text", "on_write", "on_read"),
    [
        ("10001", "平台错误", UnknownOutcome, Transient),
        ("30025", "操作正在执行", UnknownOutcome, Transient),
        ("30021", "此应用未上架，只能由测试账号调用", Misconfigured, Misconfigured),
        ("20005", "U8 服务调用失败：key='A';其他人正在修改;", Transient, Transient),
        ("20005", "U8 服务调用失败：key='';注册号不正确!;", Misconfigured, Misconfigured),
        ("20005", "U8 服务调用失败：key='';该业务员不合法,请重新输入。;", Rejected, Rejected),
        ("20005", "U8 服务调用失败：key='A';单据日期所在会计期间已结账，不能保存！;", Rejected, Rejected),
        ("20005", "U8 服务调用失败：key='A';科目[6001]不是应收系统受控科目！;", Misconfigured, Misconfigured),
        ("20005", "U8 服务调用失败：key='A';客户编码[K9]不存在！;", Rejected, Rejected),
        ("20005", "随便什么", Rejected, Rejected),
        ("98765", "Token已失效", SessionExpired, SessionExpired),
        ("98765", "令牌不存在", SessionExpired, SessionExpired),
        ("98765", "调用过于频繁", Throttled, Throttled),
        ("98765", "企业客户端未连接", Transient, Transient),
        ("98765", "app_key不正确", Misconfigured, Misconfigured),
        ("98765", "从未见过的话", Rejected, Rejected),
        ("98765", "", Rejected, Rejected),
    ],
)
def test_codes_become_faults(code: str, text: str, on_write: type[Fault], on_read: type[Fault]) -> None:
    faults = [errors.fault_from(code, text, write=write) for write in (True, False)]
    assert [type(fault) for fault in faults] == [on_write, on_read]
    assert all(fault.code == code and fault.message for fault in faults)


def test_a_record_is_read_with_its_open_balance() -> None:
    row = protocol.read_record(reply("receivable_got.json"), "oughtreceive", ReceivableRow)
    assert row is not None
    assert protocol.receivable_document(row, U8) == ErpDocument(
        number="AR2503000042",
        vendor_id="AR2503000042",
        state=DocumentState.DONE,
        customer_code="K00017",
        amount=cny("10600.00"),
        open=cny("5300.00"),
    )


def test_nothing_found_is_no_error() -> None:
    assert protocol.read_record(reply("nothing_found.json"), "oughtreceive", ReceivableRow) is None
    page, rows = protocol.read_page(reply("nothing_found.json"), "oughtreceivelist", ReceivableRow)
    assert (page.row_count, list(rows)) == (0, [])


def test_a_page_of_texts_is_read_exactly() -> None:
    page, rows = protocol.read_page(reply("receivables_listed.json"), "oughtreceivelist", ReceivableRow)
    assert (page.page_count, page.row_count) == (3, 42)
    bare, foreign = (protocol.receivable_document(row, U8) for row in rows)
    assert (bare.amount, bare.open, bare.state) == (cny("10600.00"), None, DocumentState.DRAFT)
    assert (foreign.amount, foreign.open) == (Money(Decimal(1000), "USD"), Money(Decimal(400), "USD"))


def test_a_receipts_amount_is_the_document_currencys() -> None:
    _, rows = protocol.read_page(reply("receipts_listed.json"), "acceptlist", ReceiptRow)
    (document,) = (protocol.receipt_document(row, U8) for row in rows)
    assert (document.number, document.amount, document.open) == ("SK2503000019", cny("5300.00"), None)


@pytest.mark.parametrize(
    ("row", "amount"),
    [
        ({"bdebitcredit": 0}, cny("-100.00")),
        ({"bdebitcredit": False}, cny("-100.00")),
        ({"natamount": "712.34"}, cny("712.34")),
        ({"natamount": "712.34", "currency_name": "美元"}, Money(Decimal(100), "USD")),
    ],
)
def test_the_sign_and_currency_of_a_receivable(row: dict[str, object], amount: Money) -> None:
    read = ReceivableRow.model_validate({"code": "A", "cust_vendor_code": "K", "amount": "100.0000", **row})
    assert protocol.receivable_document(read, U8).amount == amount


@pytest.mark.parametrize(
    "row", [{"state": "什么"}, {"currency_name": "火星币"}, {"amount": "1.0050"}, {"iramount": "NaN"}]
)
def test_what_cannot_be_understood_is_never_guessed(row: dict[str, object]) -> None:
    read = ReceivableRow.model_validate({"code": "A", "cust_vendor_code": "K", "amount": "1.0000", **row})
    with pytest.raises(Malformed):
        protocol.receivable_document(read, U8)


@pytest.mark.parametrize(
    ("given_reply", "fault"),
    [
        (Reply(200, {}, b'{"errcode":"0","oughtreceive":{"code'), Malformed),
        (Reply(200, {}, b'{"errcode":"0","oughtreceive":{"amount":"x"}}'), Malformed),
        (Reply(404, {}, b"<html>"), Transient),
    ],
)
def test_a_broken_reply_to_a_read(given_reply: Reply, fault: type[Fault]) -> None:
    with pytest.raises(fault):
        protocol.read_record(given_reply, "oughtreceive", ReceivableRow)


def test_the_mapping_samples_are_what_the_connector_makes() -> None:
    company = Company(
        code="C000001",
        name="示例机械（宁波）有限公司",
        credit_code="91330200MA00000X00",
        phone="+8613800000001",
        region="浙江省",
        city="宁波市",
        address="示例路1号",
    )
    plain_u8 = U8.model_copy(update={"department": None, "salesman": None})
    made = [
        (postings.customer_record(company, plain_u8, today=date(2025, 3, 18)), "company.json"),
        (postings.receivable_record(receivable(line("10600.00")), U8), "receivable_service_fee.json"),
        (postings.receipt_record(receipt("5300.00", "4300.00"), U8), "receipt_with_advance.json"),
    ]
    for record, sample in made:
        assert _loose(as_json(record)) == _loose(as_json(sample_in(sample)))


def _loose(value: Any) -> Any:
    """Numbers by value: 1 in a sample stands for Decimal("1")."""
    if isinstance(value, dict):
        return {name: _loose(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_loose(item) for item in value]
    return str(value)


@pytest.mark.parametrize(
    ("lines", "entries"),
    [
        ([line("10600.00")], [("600101", "10000.00"), ("22210106", "600.00")]),
        ([line("113.01", rate="0.13")], [("600101", "100.01"), ("22210101", "13.00")]),
        ([line("100.00", rate="0.09")], [("600101", "100.00")]),
        ([line("0.01")], [("600101", "0.01")]),
    ],
)
def test_tax_is_split_off_where_an_account_is_known(
    lines: list[ReceivableLine], entries: list[tuple[str, str]]
) -> None:
    made: Any = postings.receivable_record(receivable(*lines), U8)["entries"]
    assert [(entry["account"], str(entry["amount"])) for entry in made] == entries


def test_a_receipt_without_a_receivable_is_an_advance() -> None:
    made: Any = postings.receipt_record(receipt("88.00"), U8)["entries"]
    assert [(entry["kind"], entry["account"], str(entry["amount"])) for entry in made] == [
        (1, "2203", "88.00")
    ]


def test_foreign_currency_needs_a_rate() -> None:
    dollars = receivable(line("1000.00", rate="0"), currency="USD")
    with pytest.raises(Rejected, match="USD"):
        postings.receivable_record(dollars, U8)
    rated = U8.model_copy(update={"exchange_rates": {"USD": Decimal("7.1234")}})
    made = postings.receivable_record(dollars, rated)
    assert (made["total"], made["local_total"]) == (Decimal("1000.00"), Decimal("7123.40"))


cents = st.decimals(min_value="0.01", max_value="9999999.99", places=2)


@settings(max_examples=60)
@given(
    st.lists(st.tuples(cents, st.sampled_from(["0", "0.06", "0.13", "0.09"])), min_size=1, max_size=6),
    st.decimals(min_value="0.05", max_value="9", places=4),
)
def test_lines_always_make_up_the_head(given_lines: list[tuple[Decimal, str]], rate: Decimal) -> None:
    rated = U8.model_copy(update={"exchange_rates": {"USD": rate}})
    lines = [line(str(amount), rate=tax) for amount, tax in given_lines]
    made: Any = postings.receivable_record(receivable(*lines, currency="USD"), rated)
    total = sum((amount for amount, _ in given_lines), Decimal())
    assert made["total"] == sum(entry["amount"] for entry in made["entries"]) == total
    assert made["local_total"] == sum(entry["local_amount"] for entry in made["entries"])
    assert abs(made["local_total"] - total * rate) <= Decimal("0.005")


def test_the_manifest_names_what_the_adapter_can_do() -> None:
    assert CONNECTOR.manifest.id == "yonyou_u8"
    assert set(CONNECTOR.manifest.capabilities) == {"Archives", "CustomerArchive", "ErpLedger"}
