from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from flows.cash import receipt_number
from flows.receivables import round_half_up, share_lines
from tests.factories import line

AMOUNTS = st.lists(st.integers(0, 10**11), min_size=1, max_size=12).filter(lambda rows: sum(rows) > 0)


def _rows(amounts: list[int]) -> list[Any]:
    return [
        {
            "sku": f"S{n}",
            "title": "t",
            "quantity": Decimal(2),
            "unit_price": Decimal(minor).scaleb(-2) / 2,
            "tax_rate": Decimal("0.13"),
            "amount_minor": minor,
        }
        for n, minor in enumerate(amounts)
    ]


@given(AMOUNTS, st.data())
def test_the_shares_of_an_instalment_add_up_to_the_fen(amounts: list[int], data: st.DataObject) -> None:
    instalment = data.draw(st.integers(1, sum(amounts)))
    shares = share_lines(_rows(amounts), instalment, "CNY")
    assert sum(share.amount.minor for share in shares) == instalment
    assert all(share.amount.minor > 0 for share in shares)
    assert all(share.quantity * share.unit_price == share.amount.amount for share in shares)


@given(AMOUNTS, st.data())
def test_no_share_is_a_fen_away_from_its_part(amounts: list[int], data: st.DataObject) -> None:
    instalment = data.draw(st.integers(1, sum(amounts)))
    shares = {s.sku: s.amount.minor for s in share_lines(_rows(amounts), instalment, "CNY")}
    for number, minor in enumerate(amounts):
        exact = Decimal(instalment) * minor / sum(amounts)
        assert abs(shares.get(f"S{number}", 0) - exact) <= 1


@given(AMOUNTS)
def test_the_whole_contract_keeps_its_quantities(amounts: list[int]) -> None:
    shares = share_lines(_rows(amounts), sum(amounts), "CNY")
    assert [share.amount.minor for share in shares] == [minor for minor in amounts if minor]
    assert all(share.quantity == 2 for share in shares)


@given(st.integers(0, 10**15), st.integers(1, 10**15))
def test_halves_are_rounded_up(numerator: int, denominator: int) -> None:
    assert abs(round_half_up(numerator, denominator) - Decimal(numerator) / denominator) <= Decimal("0.5")
    assert round_half_up(2 * numerator + 1, 2) == numerator + 1


def test_a_line_has_one_receipt_number_and_its_neighbours_have_others() -> None:
    first = line(key="K1", text="货款")
    assert receipt_number(first) == receipt_number(line(key="K1", text="as another file words it"))
    others = [line(key="K2"), line(key="K1", account="6222000000000002")]
    numbers = {receipt_number(each) for each in [first, *others]}
    assert len(numbers) == 3
    assert all(number.startswith("SK260508") and len(number) == 18 for number in numbers)
