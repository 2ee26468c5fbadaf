"""Bytes in, statements out."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.bank_statement import CONNECTOR
from connectors.bank_statement.adapter import StatementFolder
from connectors.bank_statement.protocol import read_statements
from connectors.bank_statement.settings import Settings
from domain.faults import Unmappable
from domain.money import Money
from domain.ports import StatementFeed
from domain.records import BankLine, Statement
from sandboxes.bank.camt import document
from sandboxes.bank.ledger import ACCOUNTS, MAIN_ACCOUNT, Ledger, signed
from sandboxes.common import Books, Clock

SAMPLES = Path(__file__).parent / "samples"
V08 = (SAMPLES / "day_with_receipt_and_fee_v08.xml").read_bytes()
V02 = (SAMPLES / "day_with_batch_reversal_and_charges_v02.xml").read_bytes()


def configured(**changes: Any) -> Settings:
    return Settings.model_validate({"folder": "/nowhere", "accounts": MAIN_ACCOUNT} | changes)


def read(body: bytes, **changes: Any) -> Statement:
    (statement,) = read_statements(body, configured(**changes))
    return statement


def refused(body: bytes, **changes: Any) -> str:
    with pytest.raises(Unmappable) as caught:
        read_statements(body, configured(**changes))
    return str(caught.value)


def cny(text: str) -> Money:
    return Money(Decimal(text))


def entry(
    amount: str = "1.00", *, way: str = "CRDT", reference: str = "", more: str = "", day: str = "2025-10-09"
) -> str:
    given = f"<AcctSvcrRef>{reference}</AcctSvcrRef>" if reference else ""
    return (
        f'<Ntry><Amt Ccy="CNY">{amount}</Amt><CdtDbtInd>{way}</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>'
        f"<BookgDt><Dt>{day}</Dt></BookgDt>{given}{more}</Ntry>"
    )


def statement_of(
    *entries: str, balances: str = "", account: str = MAIN_ACCOUNT, currency: str = "CNY"
) -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?><Document><BkToCstmrStmt><Stmt><Id>S-1</Id>'
        f"<Acct><Id><Othr><Id>{account}</Id></Othr></Id><Ccy>{currency}</Ccy></Acct>{balances}"
        f"{''.join(entries)}</Stmt></BkToCstmrStmt></Document>"
    ).encode()


def payment(amount: str, *, currency: str = "CNY", more: str = "") -> str:
    return f'<TxDtls><Amt Ccy="{currency}">{amount}</Amt>{more}</TxDtls>'


def test_the_connector_declares_what_it_is() -> None:
    assert CONNECTOR.manifest.capabilities == ("StatementFeed",)
    assert issubclass(StatementFolder, StatementFeed)


def test_a_day_with_a_receipt_and_a_fee() -> None:
    statement = read(V08)
    assert (statement.account, statement.identifier, statement.sequence) == (
        "755900000000001",
        "STMT-20251009",
        "282",
    )
    assert (statement.opening, statement.closing) == (cny("100000.00"), cny("149980.00"))
    receipt, fee = statement.lines
    assert receipt == BankLine(
        key="755900000000001/N00000000000001/2025-10-09/in/50000.00",
        account="755900000000001",
        amount=cny("50000.00"),
        direction="in",
        booked_on=date(2025, 10, 9),
        value_on=date(2025, 10, 9),
        payer_name="测试机械(上海)有限公司",
        payer_account="310000000000009",
        bank_reference="N00000000000001",
        text="付HT-2025-0042合同首期款",
        end_to_end=None,
    )
    assert (fee.direction, fee.amount, fee.text, fee.payer_name) == ("out", cny("20.00"), "手续费", None)


def test_a_day_with_a_batch_a_reversal_and_charges() -> None:
    statement = read(V02)
    first, second, third, short, reversal = statement.lines
    assert [line.amount.amount for line in (first, second, third)] == [30000, 25000, 25000]
    assert (first.payer_name, first.payer_account, first.end_to_end) == (
        "示例贸易有限公司",
        "DE0012345678",
        "E2E-1",
    )
    assert [line.text for line in (first, second, third)] == ["HT-2025-0051", "货款HT-2025-0042", "第二期"]
    assert len({line.key for line in statement.lines}) == 5
    assert (short.amount, short.charges) == (cny("49975.00"), cny("25.00"))
    assert short.booked_on == date(2025, 10, 10), "17:00 UTC is the next day in China"
    assert (reversal.direction, reversal.is_reversal) == ("out", True)
    assert reversal.payer_name == "测试机械(上海)有限公司"


@pytest.mark.parametrize(
    ("payments", "amounts"),
    [
        (
            '<TxDtls><Amt Ccy="CNY">4.00</Amt></TxDtls><TxDtls><Amt Ccy="CNY">6.00</Amt></TxDtls>',
            ["4.00", "6.00"],
        ),
        ('<TxDtls><Amt Ccy="CNY">4.00</Amt></TxDtls><TxDtls><Amt Ccy="CNY">5.99</Amt></TxDtls>', ["10.00"]),
        ('<TxDtls><Amt Ccy="CNY">4.00</Amt></TxDtls><TxDtls/>', ["10.00"]),
        ('<TxDtls><Amt Ccy="CNY">4.00</Amt></TxDtls><TxDtls><Amt Ccy="USD">6.00</Amt></TxDtls>', ["10.00"]),
        ('<TxDtls><Amt Ccy="USD">1.40</Amt></TxDtls>', ["10.00"]),
        ("", ["10.00"]),
    ],
)
def test_payments_that_do_not_add_up_stay_one_line(payments: str, amounts: list[str]) -> None:
    statement = read(statement_of(entry("10.00", more=f"<NtryDtls>{payments}</NtryDtls>")))
    assert [str(line.amount.amount) for line in statement.lines] == amounts


def test_a_batch_may_hold_a_payment_the_other_way() -> None:
    ways = [("12.00", "CRDT"), ("2.00", "DBIT")]
    parts = "".join(payment(amount, more=f"<CdtDbtInd>{way}</CdtDbtInd>") for amount, way in ways)
    first, second = read(statement_of(entry("10.00", more=f"<NtryDtls>{parts}</NtryDtls>"))).lines
    assert (first.direction, first.amount) == ("in", cny("12.00"))
    assert (second.direction, second.amount) == ("out", cny("2.00"))


@pytest.mark.parametrize(
    ("status", "lines"),
    [
        ("<Sts>BOOK</Sts>", 1),
        ("<Sts><Cd>BOOK</Cd></Sts>", 1),
        ("<Sts><Cd>PDNG</Cd></Sts>", 0),
        ("<Sts>INFO</Sts>", 0),
        ("<Sts><Cd>FUTR</Cd></Sts>", 0),
    ],
)
def test_only_booked_entries_are_money(status: str, lines: int) -> None:
    body = statement_of(entry().replace("<Sts><Cd>BOOK</Cd></Sts>", status))
    assert len(read(body).lines) == lines


@pytest.mark.parametrize(
    ("charges", "amount"),
    [
        ('<Chrgs><TtlChrgsAndTaxAmt Ccy="CNY">25.00</TtlChrgsAndTaxAmt></Chrgs>', "25.00"),
        (
            '<Chrgs><TtlChrgsAndTaxAmt Ccy="CNY">25.00</TtlChrgsAndTaxAmt>'
            '<Rcrd><Amt Ccy="CNY">20.00</Amt></Rcrd>'
            '<Rcrd><Amt Ccy="CNY">5.00</Amt><ChrgInclInd>true</ChrgInclInd></Rcrd></Chrgs>',
            "25.00",
        ),
        ('<Chrgs><Rcrd><Amt Ccy="CNY">5</Amt><ChrgInclInd>false</ChrgInclInd></Rcrd></Chrgs>', None),
        ('<Chrgs><Amt Ccy="CNY">5.00</Amt></Chrgs><Chrgs><Amt Ccy="CNY">1.50</Amt></Chrgs>', "6.50"),
        ('<Chrgs><Amt Ccy="USD">5.00</Amt></Chrgs>', None),
        ('<NtryDtls><TxDtls><Chrgs><Amt Ccy="CNY">3.00</Amt></Chrgs></TxDtls></NtryDtls>', "3.00"),
    ],
)
def test_charges_taken_on_the_way(charges: str, amount: str | None) -> None:
    (line,) = read(statement_of(entry(more=charges))).lines
    assert line.charges == (cny(amount) if amount else None)


def test_text_is_found_wherever_it_stands() -> None:
    more = (
        "<NtryDtls><TxDtls><RmtInf><Ustrd>第一</Ustrd><Ustrd>第二</Ustrd><Strd><CdtrRefInf><Ref>HT-2025-0042</Ref>"
        "</CdtrRefInf><AddtlRmtInf>尾款</AddtlRmtInf></Strd></RmtInf><RtrInf><Rsn><Cd>AC01</Cd></Rsn></RtrInf>"
        "<AddtlTxInf>备注</AddtlTxInf></TxDtls></NtryDtls><AddtlNtryInf>备注</AddtlNtryInf>"
    )
    (line,) = read(statement_of(entry(more=more))).lines
    assert line.text == "第一第二 HT-2025-0042 尾款 AC01 备注"


def test_equal_lines_without_a_serial_are_counted_and_keep_their_keys() -> None:
    keys = [line.key for line in read(statement_of(entry(), entry(), entry("2.00"))).lines]
    assert len(set(keys)) == 3
    assert [line.key for line in read(statement_of(entry("2.00"), entry(), entry())).lines] == [
        keys[2],
        *keys[:2],
    ]


def test_a_fee_that_shares_the_serial_of_its_payment_stays_a_line() -> None:
    lines = read(statement_of(entry("9.00", reference="N1"), entry("1.00", way="DBIT", reference="N1"))).lines
    assert len({line.key for line in lines}) == 2
    other_day = read(statement_of(entry("9.00", reference="N1", day="2025-10-10"))).lines
    assert other_day[0].key not in {line.key for line in lines}


def balance(code: str, amount: str, way: str = "CRDT") -> str:
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>"
        f'<Amt Ccy="CNY">{amount}</Amt><CdtDbtInd>{way}</CdtDbtInd></Bal>'
    )


def test_an_overdrawn_account_and_missing_balances() -> None:
    overdrawn = balance("OPBD", "5.00", "DBIT") + balance("CLBD", "3.00", "DBIT")
    assert read(statement_of(entry("2.00"), balances=overdrawn)).opening == cny("-5.00")
    assert read(statement_of(entry("2.00"), balances=balance("CLAV", "9.00"))).closing is None


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            statement_of(entry("2.00"), balances=balance("OPBD", "1.00") + balance("CLBD", "3.01")),
            ["余额不平", "closing balance", "3.01"],
        ),
        (statement_of(account="755900000000009"), ["755900000000009", "账号", "account"]),
        (statement_of(account=""), ["账号"]),
        (statement_of(currency="USD"), ["币种 USD"]),
        (statement_of(entry("1.001")), ["1.001"]),
        (statement_of(entry("-1.00")), ["金额无法读取"]),
        (statement_of(entry("1,000.00")), ["金额无法读取"]),
        (statement_of(entry("１.00")), ["金额无法读取"]),
        (statement_of(entry("99999999999999.00")), ["过大"]),
        (statement_of(entry(way="C")), ["借贷标志"]),
        (statement_of(entry().replace("BOOK", "DONE")), ["记账状态 DONE"]),
        (statement_of(entry(day="2025-13-01")), ["日期无法读取"]),
        (statement_of(entry().replace("BookgDt", "Other")), ["没有记账日期"]),
        (statement_of(entry().replace('Ccy="CNY"', 'Ccy="USD"')), ["金额币种 USD"]),
        (statement_of().replace(b"BkToCstmrStmt", b"BkToCstmrDbtCdtNtfctn"), ["不是 camt.053"]),
        (
            statement_of().replace(b"Stmt>", b"Other>").replace(b"BkToCstmrOther", b"BkToCstmrStmt"),
            ["没有对账单"],
        ),
        (b"<html><body>busy</body></html>", ["不是 camt.053"]),
        (V08[:-40], ["不是完整的 XML", "not well-formed"]),
        (b"", ["不是完整的 XML"]),
        (V08.decode().encode("gbk"), ["声明编码 utf-8", "GBK", "the bytes are not utf-8"]),
        (V08.replace(b'"UTF-8"', b'"GBK"', 1), ["内容却是 UTF-8"]),
        (V08.replace(b'"UTF-8"', b'"ISO-8859-1"', 1), ["不支持的编码"]),
        (V08.decode().encode("utf-16"), ["不是 UTF-8 或 GBK"]),
        (V08.replace(b'"UTF-8"', b'"UTF-7"', 1), ["不支持的编码"]),
    ],
)
def test_what_is_wrong_is_said_in_both_languages(body: bytes, words: list[str]) -> None:
    said = refused(body)
    assert all(word in said for word in words), said
    assert "(" in said


def test_gbk_and_a_byte_order_mark_are_read() -> None:
    in_gbk = V08.decode().replace('"UTF-8"', '"GBK"', 1).encode("gbk")
    assert read(in_gbk).lines == read(V08).lines
    assert read(b"\xef\xbb\xbf" + V08).lines == read(V08).lines


def test_every_problem_is_told_at_once() -> None:
    two = statement_of(account="1").replace(
        b"</Stmt>", b"</Stmt><Stmt><Acct><Id><IBAN>2</IBAN></Id></Acct></Stmt>"
    )
    with pytest.raises(Unmappable) as caught:
        read_statements(two, configured())
    assert len(caught.value.problems) == 2


ATTACKS: dict[str, Callable[[Path], str]] = {
    "doctype": lambda secret: "<!DOCTYPE Document>",
    "entity": lambda secret: '<!DOCTYPE Document [<!ENTITY e "x">]>',
    "bomb": lambda secret: (
        '<!DOCTYPE Document [<!ENTITY a "ha">'
        + "".join(
            f'<!ENTITY {new} "{f"&{old};" * 10}">' for old, new in zip("abcdefgh", "bcdefghi", strict=True)
        )
        + "]>"
    ),
    "file": lambda secret: f'<!DOCTYPE Document [<!ENTITY e SYSTEM "{secret.as_uri()}">]>',
    "network": lambda secret: '<!DOCTYPE Document SYSTEM "http://127.0.0.1:9/x.dtd">',
    "parameter": lambda secret: f'<!DOCTYPE Document [<!ENTITY % e SYSTEM "{secret.as_uri()}"> %e;]>',
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_documents_that_reach_outside_are_refused(attack: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("made-up-secret")
    prolog = ATTACKS[attack](secret)
    body = V08.replace(b"\n<Document", f"\n{prolog}\n<Document".encode(), 1)
    body = body.replace("付HT".encode(), b"&e;&i;", 1)
    said = refused(body)
    assert "DOCTYPE" in said
    assert "made-up-secret" not in said


def test_undeclared_entities_depth_and_size_are_refused() -> None:
    assert "XML" in refused(V08.replace("付HT".encode(), b"&e;", 1))
    assert "XML" in refused(b"<a>" * 100_000)
    assert "过大" in refused(V08, file_limit_bytes=len(V08) - 1)
    include = (
        b'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/hostname" parse="text"/>'
    )
    assert read(V08.replace("付HT".encode(), include, 1)).lines[0].text == ""


printable = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"]),
    max_size=300,
)
amounts = st.integers(1, 10**11).map(lambda fen: Decimal(fen).scaleb(-2))
payments = st.fixed_dictionaries(
    {
        "payer_name": printable.filter(bool).map(lambda text: text[:140]),
        "payer_account": st.from_regex(r"[0-9]{1,20}", fullmatch=True),
        "amount": amounts.map(str),
        "text": printable,
    }
)
acts = st.lists(
    st.one_of(
        payments.map(lambda body: ("pay", body)),
        payments.map(lambda body: ("pay", body | {"status": "PDNG"})),
        st.lists(payments, min_size=1, max_size=3).map(lambda rows: ("pay_batch", {"payments": rows})),
        amounts.map(lambda amount: ("charge", {"amount": str(amount)})),
        st.just(("reverse", {})),
    ),
    max_size=8,
)


@given(acts=acts, version=st.sampled_from(["02", "08"]))
@settings(max_examples=60, deadline=None)
def test_generated_statements_come_back_to_the_fen(
    acts: list[tuple[str, dict[str, Any]]], version: str
) -> None:
    books = Books()
    ledger = Ledger(books, Clock())
    ledger.seed()
    for act, body in acts:
        if act != "reverse":
            getattr(ledger, act)(body)
        elif open_ := [
            serial
            for serial, row in books.table("bookings").items()
            if not row["reversed_by"] and not row["reversal"] and row["status"] == "BOOK"
        ]:
            ledger.reverse(open_[0])
    serials = ledger.unissued(MAIN_ACCOUNT)
    issued = ledger.issue(MAIN_ACCOUNT, serials, statement="s")
    rows = [books.table("bookings")[serial] for serial in serials]
    written_file = document(
        [issued],
        books.table("bookings"),
        version=version,
        message_id="m",
        created_at="2025-10-09T23:00:00+08:00",
    )
    statement = read(written_file)
    assert statement.opening == cny(ACCOUNTS[MAIN_ACCOUNT]["opening"])
    assert statement.closing == cny(books.table("accounts")[MAIN_ACCOUNT]["balance"])
    signs = {"in": 1, "out": -1}
    moved = sum(line.amount.amount * signs[line.direction] for line in statement.lines)
    assert moved == sum(map(signed, rows))
    written = [part for row in rows if row["status"] == "BOOK" for part in row["details"] or [row]]
    assert [str(line.amount.amount) for line in statement.lines] == [part["amount"] for part in written]
    assert [line.text for line in statement.lines] == [part["text"] for part in written]
    assert [line.payer_name or "" for line in statement.lines] == [part["payer_name"] for part in written]
    assert len({line.key for line in statement.lines}) == len(statement.lines)
    books.close()


@given(body=st.binary(max_size=300), at=st.integers(0, len(V08)))
@settings(max_examples=80, deadline=None)
def test_any_damage_is_a_problem_or_a_statement(body: bytes, at: int) -> None:
    for damaged in (body, V08[:at] + body + V08[at:]):
        try:
            read_statements(damaged, configured())
        except Unmappable as problem:
            assert problem.problems  # noqa: PT017
