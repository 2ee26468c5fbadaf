"""The case table of receipts. Contracts 0042 and 0051 belong to customer 1, 0077 to customer 2."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.matching import WEIGHTS, Flag, Kind, MatchResult, OpenItem, match
from domain.money import Money
from domain.records import BankLine

A, B, OTHER = "HT-2025-0042", "HT-2025-0051", "HT-2025-0077"
PAYER = "示例精密制造（上海）有限公司"
SECOND = "测试物流股份有限公司"
DUE = date(2025, 6, 30)
ACCOUNT = "6222000000000001"


def money(yuan: str, currency: str = "CNY") -> Money:
    return Money(Decimal(yuan), currency)


def item(id_: int, contract: str, due: str, *, paid: str = "0", number: int = 1, days: int = 0) -> OpenItem:
    second = contract == OTHER
    return OpenItem(
        receivable_id=id_,
        contract_number=contract,
        instalment=number,
        customer_id=2 if second else 1,
        customer_name=SECOND if second else PAYER,
        amount_due=money(due),
        open=money(due) - money(paid),
        due_date=DUE + timedelta(days=days),
    )


def line(
    yuan: str,
    text: str = "",
    *,
    payer: str | None = PAYER,
    account: str | None = None,
    days: int = -1,
    direction: Literal["in", "out"] = "in",
    currency: str = "CNY",
) -> BankLine:
    return BankLine(
        key="line",
        account="1100000000000001",
        amount=money(yuan, currency),
        direction=direction,
        booked_on=DUE + timedelta(days=days),
        value_on=None,
        payer_name=payer,
        payer_account=account,
        bank_reference=None,
        text=text,
    )


ITEMS = (
    item(1, A, "50000.00"),
    item(2, A, "20000.00", number=2, days=60),
    item(3, B, "33000.00"),
    item(4, OTHER, "45000.00"),
)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    band: str
    parts: dict[int, str]
    flags: frozenset[Flag] = frozenset()
    score: int | None = None


def wanted(band: str, parts: dict[int, str] | None = None, *flags: Flag, score: int | None = None) -> Wanted:
    return Wanted(band=band, parts=parts or {}, flags=frozenset(flags), score=score)


def check(result: MatchResult, want: Wanted) -> None:
    parts = {id_: Money.from_minor(minor).amount for id_, minor in result.allocations_minor.items()}
    assert result.band == want.band, result
    assert parts == {id_: Decimal(yuan) for id_, yuan in want.parts.items()}
    assert result.flags == want.flags
    assert want.score in (None, result.score)
    assert result.reasons


@pytest.mark.parametrize(
    ("paid", "want"),
    [
        pytest.param(
            line("50000.00", f"付{A}合同首期款"), wanted("auto", {1: "50000.00"}, score=100), id="exact"
        ),
        pytest.param(
            line("50000.00", f"付{A}", days=400), wanted("auto", {1: "50000.00"}, score=95), id="late"
        ),
        pytest.param(line("20000.00", A), wanted("auto", {2: "20000.00"}, score=95), id="second instalment"),
        pytest.param(
            line("70000.00", A, days=30), wanted("auto", {1: "50000.00", 2: "20000.00"}), id="whole contract"
        ),
        pytest.param(
            line("83000.00", f"货款{A}/{B}", days=90),
            wanted("auto", {1: "50000.00", 3: "33000.00"}, score=90),
            id="two numbers, one payment, unique split",
        ),
        pytest.param(
            line("70000.00", f"{A}/{B}"),
            wanted("propose", {1: "50000.00", 2: "20000.00"}),
            id="two numbers, fits one",
        ),
        pytest.param(line("65000.00", f"{A}/{B}"), wanted("propose"), id="two numbers, sum does not fit"),
        pytest.param(
            line("30000.00", A, days=200),
            wanted("auto", {1: "30000.00"}, Flag.PART_PAYMENT, score=90),
            id="part payment",
        ),
        pytest.param(
            line("30000.00", A, account=ACCOUNT),
            wanted("auto", {1: "30000.00"}, Flag.PART_PAYMENT),
            id="part payment from a known account",
        ),
        pytest.param(
            line("30000.00", A, payer="测试个人甲"),
            wanted("propose", {1: "30000.00"}, Flag.PART_PAYMENT, Flag.THIRD_PARTY, score=55),
            id="part payment by somebody else",
        ),
        pytest.param(
            line("60000.00", A),
            wanted("propose", {1: "50000.00", 2: "10000.00"}, Flag.PART_PAYMENT),
            id="more than the earliest, fits nothing",
        ),
        pytest.param(
            line("49975.00", A),
            wanted("propose", {1: "49975.00"}, Flag.FEE_DEDUCTED),
            id="fee without evidence",
        ),
        pytest.param(
            replace(line("49975.00", A), charges=money("25.00")),
            wanted("auto", {1: "49975.00"}, Flag.FEE_DEDUCTED, score=90),
            id="fee that the bank names",
        ),
        pytest.param(
            replace(line("49975.00", A), charges=money("20.00")),
            wanted("propose", {1: "49975.00"}, Flag.FEE_DEDUCTED),
            id="another fee than the difference",
        ),
        pytest.param(
            line("49999.99", A), wanted("propose", {1: "49999.99"}, Flag.FEE_DEDUCTED), id="rounding"
        ),
        pytest.param(
            line("72000.00", A),
            wanted("propose", {1: "50000.00", 2: "20000.00"}, Flag.OVER_PAYMENT),
            id="over-payment",
        ),
        pytest.param(line("12345.00", "货款"), wanted("none"), id="payer known, amount fits nothing"),
        pytest.param(line("50000.00", "货款"), wanted("propose", {1: "50000.00"}, score=50), id="no number"),
        pytest.param(
            line("50000.00", "货款", account=ACCOUNT),
            wanted("propose", {1: "50000.00"}, score=75),
            id="no number, known account",
        ),
        pytest.param(
            line("50000.00", "合同0042", account=ACCOUNT),
            wanted("auto", {1: "50000.00"}, score=95),
            id="tail of the number, known account, exact amount",
        ),
        pytest.param(
            line("50000.00", "合同0042"),
            wanted("propose", {1: "50000.00"}, score=70),
            id="tail of the number",
        ),
        pytest.param(
            line("50000.00", "20250042货款"),
            wanted("propose", {1: "50000.00"}, score=70),
            id="digits of the number",
        ),
        pytest.param(line("50000.00", "货款", payer="测试陌生公司"), wanted("none"), id="unknown payer"),
        pytest.param(line("50000.00", "货款", payer=None), wanted("none"), id="no payer"),
        pytest.param(
            line("50000.00", A, payer="测试个人甲"),
            wanted("propose", {1: "50000.00"}, Flag.THIRD_PARTY, score=80),
            id="paid by a person or a parent",
        ),
        pytest.param(
            line("50000.00", A, payer="示例精密制造(北京)有限责任公司"),
            wanted("auto", {1: "50000.00"}, score=98),
            id="name equal after folding",
        ),
        pytest.param(
            line("45000.00", OTHER), wanted("none", {}, Flag.CONTRADICTION), id="number of another customer"
        ),
        pytest.param(
            line("45000.00", OTHER, payer=SECOND, account=ACCOUNT),
            wanted("propose", {4: "45000.00"}, Flag.CONTRADICTION, score=60),
            id="account of another customer",
        ),
        pytest.param(
            line("95000.00", f"{A}和{OTHER}"),
            wanted("none", {}, Flag.CONTRADICTION),
            id="numbers of two customers",
        ),
        pytest.param(line("50000.00", f"付{A}", currency="USD"), wanted("propose"), id="another currency"),
    ],
)
def test_case(paid: BankLine, want: Wanted) -> None:
    check(match(paid, ITEMS, {ACCOUNT: 1}), want)


@pytest.mark.parametrize(
    ("paid", "kind"),
    [
        (line("12.34", "结息", payer=None), Kind.INTEREST),
        (line("5.00", "手续费", payer=None), Kind.FEE),
        (line("100.00", "资金归集"), Kind.INTERNAL),
        (line("100.00", "往来款", account="1100000000000001"), Kind.INTERNAL),
        (line("100.00", "往来款", account="1100000000000002"), Kind.INTERNAL),
        (line("100.00", "", payer="国家金库测试支库"), Kind.TAX_REFUND),
        (line("50000.00", f"{A} 退汇"), Kind.RETURNED),
        (line("50000.00", f"冲账 {A}"), Kind.REVERSAL),
        (replace(line("50000.00", A), is_reversal=True), Kind.REVERSAL),
        (line("50000.00", f"退款 {A}", direction="out"), Kind.OUTGOING),
        (line("50000.00", "代付工资", direction="out"), Kind.OUTGOING),
        (line("50000.00", f"{A} 含手续费"), Kind.RECEIPT),
        (line("50000.00", "货款"), Kind.RECEIPT),
    ],
)
def test_what_is_no_receipt(paid: BankLine, kind: Kind) -> None:
    result = match(paid, ITEMS, {}, own_accounts={"1100000000000002"})
    assert result.kind is kind
    assert result.not_a_receipt == (kind is not Kind.RECEIPT)
    assert result.not_a_receipt <= (result.band == "none" and not result.allocations)


def test_several_payments_for_one_instalment() -> None:
    first = match(line("20000.00", A), [item(1, A, "50000.00")], {})
    check(first, wanted("auto", {1: "20000.00"}, Flag.PART_PAYMENT))
    rest = match(line("30000.00", A), [item(1, A, "50000.00", paid="20000.00")], {})
    check(rest, wanted("auto", {1: "30000.00"}))


def test_of_equal_instalments_the_earliest_is_paid() -> None:
    monthly = [item(n, A, "10000.00", number=n, days=30 * n) for n in range(12, 0, -1)]
    check(match(line("10000.00", A), monthly, {}), wanted("auto", {1: "10000.00"}))
    check(
        match(line("20000.00", A, days=31), monthly, {}),
        wanted("auto", {1: "10000.00", 2: "10000.00"}, score=90),
    )


def test_an_instalment_and_a_sum_that_both_fit_are_left_to_a_person() -> None:
    items = [item(1, A, "30000.00"), item(2, A, "20000.00", number=2), item(3, A, "50000.00", number=3)]
    result = match(line("50000.00", A), items, {})
    check(result, wanted("propose", {3: "50000.00"}, Flag.TIE))
    assert [each.allocations[0].receivable_id for each in result.alternatives] == [1]


def test_two_splits_are_left_to_a_person() -> None:
    items = [
        item(1, A, "50000.00"),
        item(2, A, "40000.00", number=2),
        item(3, B, "30000.00"),
        item(4, B, "40000.00", number=2),
    ]
    result = match(line("80000.00", f"{A} {B}"), items, {})
    assert result.band == "propose"
    assert Flag.TIE in result.flags


def test_the_same_amount_open_in_two_contracts_of_the_payer() -> None:
    items = [item(1, A, "50000.00"), item(3, B, "50000.00")]
    check(
        match(line("50000.00", "货款", account=ACCOUNT), items, {ACCOUNT: 1}),
        wanted("propose", {1: "50000.00"}, Flag.TIE),
    )
    check(match(line("50000.00", f"{B}货款"), items, {}), wanted("auto", {3: "50000.00"}))


@pytest.mark.parametrize(
    ("items", "paid", "want"),
    [
        (
            [item(1, A, "50000.00", paid="50000.00")],
            line("50000.00", A),
            wanted("propose", {}, Flag.CLOSED_CONTRACT, Flag.DOUBLE_PAYMENT),
        ),
        (
            [item(1, A, "50000.00", paid="50000.00")],
            line("12000.00", A),
            wanted("propose", {}, Flag.CLOSED_CONTRACT),
        ),
        (
            [item(1, A, "20000.00", paid="20000.00"), item(2, A, "30000.00", number=2)],
            line("20000.00", A),
            wanted("propose", {2: "20000.00"}, Flag.PART_PAYMENT, Flag.DOUBLE_PAYMENT),
        ),
        (
            [item(1, A, "20000.00", paid="20000.00"), item(2, A, "20000.00", number=2)],
            line("20000.00", A),
            wanted("auto", {2: "20000.00"}),
        ),
    ],
)
def test_what_is_paid_already(items: list[OpenItem], paid: BankLine, want: Wanted) -> None:
    check(match(paid, items, {}), want)


def test_the_same_line_again_within_days_is_never_automatic() -> None:
    paid = line("20000.00", A)
    before = replace(paid, key="before")
    check(match(paid, ITEMS, {}, recent=[before]), wanted("propose", {2: "20000.00"}, Flag.DOUBLE_PAYMENT))
    month_ago = replace(before, booked_on=paid.booked_on - timedelta(days=30))
    assert match(paid, ITEMS, {}, recent=[paid, month_ago]).band == "auto"


def test_a_confirmed_third_party_counts_like_a_name() -> None:
    paid = line("50000.00", A, payer="示例控股集团有限公司")
    assert match(paid, ITEMS, {}).band == "propose"
    check(
        match(paid, ITEMS, {}, names={"示例控股集团有限公司": 1}), wanted("auto", {1: "50000.00"}, score=98)
    )


def test_the_exact_name_beats_the_folded_one() -> None:
    sister = "示例精密制造(北京)有限公司"
    hers = replace(item(9, "HT-2025-0099", "8000.00"), customer_id=3, customer_name=sister)
    result = match(line("50000.00", A, payer=sister), [*ITEMS, hers], {})
    check(result, wanted("none", {}, Flag.CONTRADICTION, score=40))
    assert result.customer_id == 3


def test_a_known_payer_without_anything_open_is_named() -> None:
    result = match(line("999.00", "预付款", account=ACCOUNT), ITEMS, {ACCOUNT: 7})
    assert (result.band, result.customer_id) == ("none", 7)
    assert result.reasons == ("付款客户已知，金额没有对应的应收",)


def test_reasons_in_words() -> None:
    result = match(line("50000.00", f"付{A}合同首期款"), ITEMS, {ACCOUNT: 1})
    assert result.reasons == ("合同号一致", "户名一致", f"等于 {A} 第 1 期应收", "日期与到期日相近")


def test_finance_may_change_the_points() -> None:
    strict = replace(WEIGHTS, auto=101)
    assert match(line("50000.00", A), ITEMS, {}, weights=strict).band == "propose"


# --- properties -----------------------------------------------------------------------------------------

amounts = st.one_of(st.integers(1, 300), st.sampled_from([100, 200, 5000])).map(lambda n: Decimal(100) * n)


@st.composite
def open_items(draw: st.DrawFn) -> list[OpenItem]:
    items = []
    for number in range(1, draw(st.integers(1, 9)) + 1):
        due = draw(amounts)
        paid = draw(st.sampled_from([Decimal(0), Decimal(0), due, due / 4]))
        contract, days = draw(st.sampled_from([A, B, OTHER])), draw(st.integers(0, 90))
        items.append(item(number, contract, f"{due:.2f}", paid=f"{paid:.2f}", number=number, days=days))
    return items


lines = st.builds(
    line,
    st.one_of(amounts, amounts.map(lambda amount: amount - Decimal("12.50"))).map(lambda each: f"{each:.2f}"),
    st.sampled_from([A, B, OTHER, f"{A}/{B}", f"{A} {B} {OTHER}", "货款", "合同0042", "HT-2025-00", ""]),
    payer=st.sampled_from([PAYER, SECOND, "示例精密制造有限公司", "测试陌生人", None]),
    account=st.sampled_from([None, ACCOUNT, "6222000000000009"]),
    days=st.integers(-60, 60),
)


@settings(max_examples=250, deadline=None)
@given(paid=lines, items=open_items(), data=st.data())
def test_an_allocation_never_exceeds_the_line_or_the_instalment(
    paid: BankLine, items: list[OpenItem], data: st.DataObject
) -> None:
    result = match(paid, items, {ACCOUNT: 1})
    left = {each.receivable_id: each.open.minor for each in items}
    for parts in (result.allocations, *(each.allocations for each in result.alternatives)):
        assert len({part.receivable_id for part in parts}) == len(parts)
        assert sum(part.amount for part in parts) <= paid.amount.minor
        assert all(0 < part.amount <= left[part.receivable_id] for part in parts)
    assert match(paid, data.draw(st.permutations(items)), {ACCOUNT: 1}) == result


@settings(max_examples=250, deadline=None)
@given(paid=lines, items=open_items())
def test_automatic_means_explained_to_the_fen_and_to_one_customer(
    paid: BankLine, items: list[OpenItem]
) -> None:
    result = match(paid, items, {ACCOUNT: 1})
    if result.band != "auto":
        return
    by_id = {each.receivable_id: each for each in items}
    parts = result.allocations_minor
    assert sum(parts.values()) == paid.amount.minor
    assert {by_id[id_].customer_id for id_ in parts} == {result.customer_id}
    assert not result.flags & {Flag.CONTRADICTION, Flag.TIE, Flag.DOUBLE_PAYMENT, Flag.OVER_PAYMENT}
    assert result.score >= WEIGHTS.auto
    whole = all(by_id[id_].open.minor == minor for id_, minor in parts.items())
    assert whole or result.flags == {Flag.PART_PAYMENT}


@settings(max_examples=100, deadline=None)
@given(items=open_items(), data=st.data())
def test_number_payer_and_amount_are_enough(items: list[OpenItem], data: st.DataObject) -> None:
    unpaid = [each for each in items if each.open.minor]
    if not unpaid:
        return
    meant = data.draw(st.sampled_from(unpaid))
    paid = line(f"{meant.open.amount}", meant.contract_number, payer=meant.customer_name)
    result = match(paid, items, {})
    assert result.band == "auto" or Flag.TIE in result.flags
    if result.band == "auto":
        assert sum(result.allocations_minor.values()) == meant.open.minor
        assert result.contract_numbers == (meant.contract_number,)
