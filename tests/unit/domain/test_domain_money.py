from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import LIMIT, MINOR_DIGITS, Money, NotMoney

CURRENCIES = st.sampled_from(["CNY", "USD", *MINOR_DIGITS])
MINOR = st.integers(min_value=-(10**12), max_value=10**12)


@given(MINOR, CURRENCIES)
def test_minor_units_and_back(minor: int, currency: str) -> None:
    assert Money.from_minor(minor, currency).minor == minor


@given(MINOR, MINOR, CURRENCIES)
def test_sums_are_exact(a: int, b: int, currency: str) -> None:
    one, other = Money.from_minor(a, currency), Money.from_minor(b, currency)
    assert (one + other).minor == a + b
    assert one + other - other == one
    assert (one < other) == (a < b)


@given(MINOR, CURRENCIES)
def test_one_amount_has_one_spelling(minor: int, currency: str) -> None:
    money = Money.from_minor(minor, currency)
    same = Money(money.amount.normalize(), currency)
    assert (same, str(same), hash(same)) == (money, str(money), hash(money))


@pytest.mark.parametrize("amount", [1.5, 1, "1.50", None, True])
def test_only_a_decimal_is_an_amount(amount: object) -> None:
    with pytest.raises(TypeError):
        Money(amount)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        ("0.001", "CNY"),
        ("0.1", "JPY"),
        ("0.0001", "KWD"),
        ("NaN", "CNY"),
        ("sNaN", "CNY"),
        ("Infinity", "CNY"),
        ("-Infinity", "CNY"),
        (str(LIMIT), "CNY"),
        (str(-LIMIT), "CNY"),
        ("1E+400000", "CNY"),
        ("1E-400000", "CNY"),
        ("1", "cny"),
        ("1", "人民币"),
        ("1", "RMBX"),
        ("1", ""),
        ("1", "ÄÖÜ"),
    ],
)
def test_no_money(amount: str, currency: str) -> None:
    with pytest.raises(NotMoney):
        Money(Decimal(amount), currency)


@pytest.mark.parametrize("amount", ["0", "-0.00", "1E+3", "1.0000000000000000000000000000000000", "-0.01"])
def test_money(amount: str) -> None:
    assert Money(Decimal(amount)).amount == Decimal(amount)


def test_currencies_do_not_mix() -> None:
    with pytest.raises(NotMoney, match="CNY and USD"):
        Money(Decimal(1)) + Money(Decimal(1), "USD")
    assert Money(Decimal(1)) != Money(Decimal(1), "USD")
