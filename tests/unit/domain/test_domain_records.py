from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from domain.faults import Rejected, Throttled, Unmappable
from domain.money import Money
from domain.records import DocumentState, Lead, Receivable, ReceivableLine, plain

MONEY = Money(Decimal("12.30"))


def test_plain_reaches_into_everything_and_loses_nothing() -> None:
    record = Receivable(
        number="HT-1-1",
        contract_number="HT-1",
        contract_title="示例",
        instalment=1,
        customer_code="C1",
        customer_name="示例公司",
        amount=MONEY,
        document_date=date(2026, 5, 8),
        due_date=date(2026, 6, 8),
        lines=[
            ReceivableLine(
                sku="S",
                title="t",
                quantity=Decimal("1.5"),
                unit_price=Decimal("8.20"),
                tax_rate=Decimal("0.13"),
                amount=MONEY,
            )
        ],
    )
    told = plain(record)
    assert isinstance(told, dict)
    assert told["amount"] == {"amount": Decimal("12.30"), "currency": "CNY"}
    assert told["lines"][0]["quantity"] == Decimal("1.5")
    assert told["lines"][0]["amount"] == told["amount"]
    assert told["document_date"] == date(2026, 5, 8)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (DocumentState.DONE, "done"),
        ({1: MONEY}, {"1": {"amount": MONEY.amount, "currency": "CNY"}}),
        ((DocumentState.DRAFT, None), ["draft", None]),
        ("text", "text"),
        (b"bytes", b"bytes"),
        (Money, Money),
    ],
)
def test_plain_values(value: object, told: object) -> None:
    assert plain(value) == told


def test_a_lead_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        Lead(vendor_id="1", created_at=datetime(2026, 5, 8))  # noqa: DTZ001
    assert Lead(vendor_id="1", created_at=datetime(2026, 5, 8, tzinfo=UTC)).test is False


def test_faults_say_what_they_mean() -> None:
    assert str(Rejected("不能保存", "500", ("FDATE",))) == "[500] 不能保存"
    assert str(Rejected("不能保存")) == "不能保存"
    assert Throttled("慢").kind == "Throttled"
    assert str(Unmappable(["a", "b"])) == "a；b"
