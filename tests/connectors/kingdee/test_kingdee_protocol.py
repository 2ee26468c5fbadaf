"""Bytes in, values out."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mappings
from connector_kit import Reply, Request, secrets_of
from connectors.kingdee import CONNECTOR, errors, ledger, protocol
from connectors.kingdee.protocol import Query, Saved, Step
from connectors.kingdee.settings import KingdeeSettings
from connectors.kingdee.wire import DocumentRow, ReceivableRow
from domain.faults import (
    Fault,
    Malformed,
    Misconfigured,
    Mismatch,
    Rejected,
    SessionExpired,
    Throttled,
    Transient,
    UnknownOutcome,
)
from domain.money import Money
from domain.records import Allocation, DocumentState, Receipt

SAMPLES = Path(__file__).parent / "samples"
SETTINGS = KingdeeSettings.model_validate(
    {
        "base_url": "http://erp.example.com",
        "acct_id": "6500aa11bb22cc",
        "user_name": "demo",
        "password": "made-up-password",
        "bank_account": "6222-DEMO-01",
    }
)
NOW = datetime(2026, 3, 17, 1, 0, tzinfo=UTC)
QUERY = ledger.receivable_query(ledger.by_number("YS-HUB-000317"), SETTINGS)


def sample(name: str) -> Reply:
    return Reply(200, {}, (SAMPLES / name).read_bytes())


def reply(body: object, *, status: int = 200) -> Reply:
    return Reply(status, {}, body if isinstance(body, bytes) else json.dumps(body).encode())


def refusal(code: int, *sentences: str) -> dict[str, Any]:
    rows = [{"FieldName": "FX", "Message": sentence, "DIndex": 0} for sentence in sentences]
    status = {"ErrorCode": 500, "IsSuccess": False, "Errors": rows, "SuccessEntitys": [], "MsgCode": code}
    return {"Result": {"ResponseStatus": status}}


def body_of(request: Request) -> Any:
    return json.loads(request.content, parse_float=Decimal)


@pytest.mark.parametrize(
    ("given_url", "used"),
    [
        ("http://erp.example.com", "http://erp.example.com/k3cloud/"),
        ("http://erp.example.com/", "http://erp.example.com/k3cloud/"),
        ("http://erp.example.com:8080/K3Cloud", "http://erp.example.com:8080/K3Cloud/"),
        ("https://erp.example.com/erp/k3cloud/", "https://erp.example.com/erp/k3cloud/"),
    ],
)
def test_the_address_of_the_site(given_url: str, used: str) -> None:
    assert SETTINGS.model_validate(dict(SETTINGS) | {"base_url": given_url}).base_url == used


def test_login_on_the_wire() -> None:
    request = protocol.build_login(SETTINGS)
    assert request.url.endswith(
        "/k3cloud/Kingdee.BOS.WebApi.ServicesStub.AuthService.ValidateUser.common.kdsvc"
    )
    assert body_of(request) == {"parameters": ["6500aa11bb22cc", "demo", "made-up-password", 2052]}
    assert "made-up-password" in secrets_of(SETTINGS)


def test_a_login_gives_a_session() -> None:
    token = protocol.read_login(sample("login_accepted.json"), SETTINGS, now=NOW)
    assert token.value == "7f000000-0000-4000-8000-0000000000aa"
    assert token.expires_at - NOW < timedelta(minutes=20)


@pytest.mark.parametrize("kind", [0, -1, -2, -3, -4, -5, -6, -7, -99])
def test_a_login_without_session_is_refused(kind: int) -> None:
    answer = {"Message": "不行", "LoginResultType": kind, "KDSVCSessionId": None, "IsSuccessByAPI": True}
    with pytest.raises(Misconfigured, match="不行"):
        protocol.read_login(reply(answer), SETTINGS, now=NOW)


def test_a_licence_warning_counts_only_with_a_session() -> None:
    with pytest.raises(Misconfigured, match="许可即将到期"):
        protocol.read_login(sample("login_refused_licence.json"), SETTINGS, now=NOW)
    answer = {"LoginResultType": -4, "KDSVCSessionId": "made-up-session"}
    assert protocol.read_login(reply(answer), SETTINGS, now=NOW).value == "made-up-session"


def test_a_save_on_the_wire_keeps_order_and_digits() -> None:
    model = {"FBillNo": "测-1", "FZ": Decimal("8052.10"), "FA": Decimal("1E+2")}
    request = protocol.build_save(SETTINGS, "made-up-session", "AR_receivable", model)
    text = request.content.decode()
    assert '"Model":{"FBillNo":"测-1","FZ":8052.10,"FA":100}' in text
    assert body_of(request)["data"]["IsVerifyBaseDataField"] == "true"
    assert request.headers["kdservice-sessionid"] == "made-up-session"
    assert request.headers["cookie"] == "kdservice-sessionid=made-up-session"
    assert request.operation.kind == "keyed_write"


def test_steps_and_queries_on_the_wire() -> None:
    step = protocol.build_step(SETTINGS, "s", Step.AUDIT, "AR_receivable", "100317")
    assert step.url.endswith("DynamicFormService.Audit.common.kdsvc")
    assert body_of(step) == {"formid": "AR_receivable", "data": {"Ids": "100317"}}
    query = protocol.build_query(SETTINGS, "s", QUERY)
    assert query.operation.kind == "read"
    assert body_of(query)["data"] == {
        "FormId": "AR_receivable",
        "FieldKeys": "FID,FBillNo,FDOCUMENTSTATUS,FCUSTOMERID.FNumber,FCURRENCYID.FNumber,FALLAMOUNTFOR,"
        "FWRITTENOFFSTATUS,FEntityPlan_FEntryID,FPAYAMOUNTFOR,FWRITTENOFFAMOUNTFOR_P",
        "FilterString": "FBillNo='YS-HUB-000317'",
        "OrderString": "FID ASC,FEntityPlan_FEntryID ASC",
        "TopRowCount": 0,
        "StartRow": 0,
        "Limit": 2000,
    }


def test_accepted_writes() -> None:
    assert protocol.read_save(sample("save_accepted.json")) == Saved("100317", "YS-HUB-000317")
    assert protocol.read_done(sample("audit_accepted.json")).SuccessEntitys[0].Id == "100317"


def test_a_used_number() -> None:
    with pytest.raises(errors.NumberUsed) as refused:
        protocol.read_save(sample("save_refused_number_used.json"))
    assert refused.value.fields == ("FBillNo",)


@pytest.mark.parametrize(
    ("code", "sentence", "write_fault", "read_fault"),
    [
        (1, "会话信息已丢失，请重新登录", SessionExpired, SessionExpired),
        (0, "ctx == null", SessionExpired, SessionExpired),
        (2, "您没有应收单的审核权限，请联系系统管理员", Misconfigured, Misconfigured),
        (4, "业务对象不存在", Misconfigured, Misconfigured),
        (6, "数据库异常", UnknownOutcome, Transient),
        (7, "许可错误", Misconfigured, Misconfigured),
        (9, "元数据中标识为FX的字段不存在", Misconfigured, Misconfigured),
        (11, "字段[客户]是必录字段", Rejected, Rejected),
        (11, "单据编号为“N”的应收单，单据已经审核！", errors.AlreadyDone, errors.AlreadyDone),
        (
            11,
            "单据编号为“N”的应收单，只有暂存、创建和重新审核的数据才允许提交！",
            errors.AlreadyDone,
            errors.AlreadyDone,
        ),
        (11, "更新库存时出现可以忽略的异常数据，是否继续？", Rejected, Rejected),
        (13, "单据正在执行业务操作-保存冲突，请稍候再使用。", Transient, Transient),
        (14, "", Throttled, Throttled),
        (15, "", Misconfigured, Misconfigured),
        (11, "从未见过的一句话", Rejected, Rejected),
        (99, "从未见过的代码", Rejected, Rejected),
    ],
)
def test_refusals(code: int, sentence: str, write_fault: type[Fault], read_fault: type[Fault]) -> None:
    with pytest.raises(Fault) as write:
        protocol.read_done(reply(refusal(code, sentence)))
    assert type(write.value) is write_fault
    for wrapped in (refusal(code, sentence), [refusal(code, sentence)], [[refusal(code, sentence)]]):
        with pytest.raises(Fault) as read:
            protocol.read_rows(reply(wrapped), QUERY, ReceivableRow)
        assert type(read.value) is read_fault
        assert sentence in read.value.message


@pytest.mark.parametrize(
    ("answer", "write_fault", "read_fault"),
    [
        (reply(b"response_error:Object reference not set"), UnknownOutcome, Transient),
        (
            reply(b'response_error:{"Message":"\xe4\xbc\x9a\xe8\xaf\x9d\xe8\xb6\x85\xe6\x97\xb6"}'),
            *[SessionExpired] * 2,
        ),
        (reply(b"<html><body>busy</body></html>"), UnknownOutcome, Malformed),
        (reply(b'{"Result":{"Respo'), UnknownOutcome, Malformed),
        (reply(b""), UnknownOutcome, Malformed),
        (reply({"Result": {}}), UnknownOutcome, Malformed),
        (reply(b"", status=401), SessionExpired, SessionExpired),
        (reply(b"not found", status=404), Misconfigured, Misconfigured),
    ],
)
def test_answers_that_say_nothing(answer: Reply, write_fault: type[Fault], read_fault: type[Fault]) -> None:
    with pytest.raises(write_fault):
        protocol.read_save(answer)
    with pytest.raises(read_fault):
        protocol.read_rows(answer, QUERY, ReceivableRow)


def test_saved_but_no_document_is_unknown() -> None:
    with pytest.raises(UnknownOutcome):
        protocol.read_save(reply({"Result": {"ResponseStatus": {"IsSuccess": True}}}))


def test_rows_of_another_width_are_malformed() -> None:
    with pytest.raises(Malformed):
        protocol.read_rows(reply([[1, 2]]), QUERY, ReceivableRow)


def test_the_worked_example_half_paid() -> None:
    rows = protocol.read_rows(sample("query_receivable_partly_paid.json"), QUERY, ReceivableRow)
    document = ledger.receivable_document(rows, SETTINGS)
    assert (document.vendor_id, document.number, document.state) == (
        "100317",
        "YS-HUB-000317",
        DocumentState.DONE,
    )
    assert (document.amount, document.open) == (Money(Decimal("13420.00")), Money(Decimal("5368.00")))


def test_a_lost_session_in_a_query_is_no_data() -> None:
    with pytest.raises(SessionExpired):
        protocol.read_rows(sample("query_session_lost.json"), QUERY, ReceivableRow)


def test_nothing_found() -> None:
    assert protocol.read_rows(reply([]), QUERY, ReceivableRow) == []


@pytest.mark.parametrize(
    ("letter", "state"),
    [("Z", "draft"), ("A", "draft"), ("D", "draft"), ("B", "submitted"), ("C", "done")],
)
def test_states(letter: str, state: str) -> None:
    assert protocol.state_of(letter) == DocumentState(state)


def test_an_unknown_state_is_a_fault() -> None:
    with pytest.raises(Malformed):
        protocol.state_of("E")


def test_an_unknown_currency_is_a_fault() -> None:
    rows = [row.model_copy(update={"currency": "PRE007"}) for row in plan("100.00")]
    with pytest.raises(Misconfigured, match="PRE007"):
        ledger.receivable_document(rows, SETTINGS)


def test_a_plan_that_was_not_read_whole_says_nothing_about_what_is_open() -> None:
    rows = plan("60.00:60.00", "40.00")
    assert ledger.receivable_document(rows, SETTINGS).open == Money(Decimal("40.00"))
    for half in (rows[:1], rows[1:]):
        with pytest.raises(Transient):
            ledger.receivable_document(half, SETTINGS)


@given(st.text(alphabet="a'b\\%_ 单"))
@settings(max_examples=50)
def test_a_literal_ends_where_it_should(value: str) -> None:
    literal = protocol.quoted(value)
    assert literal[0] == literal[-1] == "'"
    assert "'" not in literal[1:-1].replace("''", "")
    assert literal[1:-1].replace("''", "'") == value


def test_a_date_in_a_filter() -> None:
    assert protocol.quoted(date(2026, 3, 1)) == "'2026-03-01'"


@given(st.lists(st.integers(1, 5), max_size=20))
@settings(max_examples=50)
def test_rows_group_into_documents(ids: list[int]) -> None:
    rows = [DocumentRow(id=str(each), number="N", status="A") for each in sorted(ids)]
    groups = protocol.documents(rows)
    assert [row for group in groups for row in group] == rows
    assert len(groups) == len(set(ids))


def plan(*rows: str, number: str = "HT-1-1", status: str = "C") -> list[ReceivableRow]:
    """Plan rows from texts `planned` or `planned:written off`."""
    parts = [[Decimal(part) for part in (*row.split(":"), "0")][:2] for row in rows]
    total = sum((planned for planned, _ in parts), Decimal())
    return [
        ReceivableRow(
            id="100317",
            number=number,
            status=status,
            customer="CUST9001",
            currency="PRE001",
            amount=total,
            write_off="A",
            plan_row=str(300001 + place),
            planned=planned,
            written_off=written_off,
        )
        for place, (planned, written_off) in enumerate(parts)
    ]


def receipt(amount: str, *allocated: str, currency: str = "CNY") -> Receipt:
    money = [Money(Decimal(each), currency) for each in allocated]
    return Receipt(
        number="SK-1",
        customer_code="CUST9001",
        customer_name="示例客户",
        amount=Money(Decimal(amount), currency),
        received_on=date(2026, 4, 16),
        payer_name="示例客户",
        payer_account=None,
        bank_reference="BANKREF-7788",
        text="货款",
        allocations=[
            Allocation(
                receivable_number="HT-1-1", contract_number="HT-1", receivable_amount=each, amount=each
            )
            for each in money
        ],
    )


def taken(record: dict[str, Any]) -> list[tuple[int, Decimal]]:
    return [(source["plan_row_id"], source["amount"]) for source in record["sources"]]


@pytest.mark.parametrize(
    ("rows", "allocated", "expected"),
    [
        (["100"], "100", [(300001, "100")]),
        (["100"], "40", [(300001, "40")]),
        (["100", "50"], "120", [(300001, "100"), (300002, "20")]),
        (["100:100", "50:10"], "40", [(300002, "40")]),
    ],
)
def test_a_receipt_pays_plan_rows_in_order(
    rows: list[str], allocated: str, expected: list[tuple[int, str]]
) -> None:
    record: dict[str, Any] = ledger.receipt_record(
        receipt("200", allocated), {"HT-1-1": plan(*rows)}, SETTINGS
    )
    assert taken(record) == [(key, Decimal(amount)) for key, amount in expected]
    assert sum(line["amount"] for line in record["lines"]) == 200


def test_what_is_not_allocated_is_an_advance() -> None:
    record: dict[str, Any] = ledger.receipt_record(receipt("100"), {}, SETTINGS)
    assert record["lines"] == [{"amount": Decimal("100.00"), "purpose": "SFKYT02_SYS"}]
    assert record["sources"] == []


@pytest.mark.parametrize(
    ("rows", "currency", "fault"),
    [
        ([], "CNY", Rejected),
        (plan("99"), "CNY", Rejected),
        (plan("100:1"), "CNY", Rejected),
        (plan("100", status="A"), "CNY", Rejected),
        (plan("100"), "USD", Mismatch),
    ],
)
def test_a_receivable_that_cannot_be_paid(
    rows: list[ReceivableRow], currency: str, fault: type[Fault]
) -> None:
    with pytest.raises(fault):
        ledger.receipt_record(receipt("100", "100", currency=currency), {"HT-1-1": rows}, SETTINGS)


def test_what_a_mapping_may_read_holds_no_credentials() -> None:
    assert not {"password", "user_name", "acct_id", "base_url"} & set(ledger.choices(SETTINGS))


def test_the_finance_sub_head_stands_before_the_lines() -> None:
    rows = [row.keys[0] for row in mappings.load("kingdee.receivable").rows]
    assert rows.index("FsubHeadFinc") < rows.index("FEntityDetail") < rows.index("FEntityPlan")


def test_the_manifest() -> None:
    assert CONNECTOR.manifest.id == "kingdee"
    assert set(CONNECTOR.manifest.capabilities) == {"Archives", "CustomerArchive", "ErpLedger"}
    assert CONNECTOR.settings is KingdeeSettings


def test_a_query_of_one_customer() -> None:
    query: Query = ledger.customer_query("C'1", SETTINGS)
    assert query.where == "FNumber='C''1' and FUseOrgId.FNumber='100'"
