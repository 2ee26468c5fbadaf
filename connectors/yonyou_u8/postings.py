"""Pure: what a receivable and a receipt look like in U8's books, beside what the neutral records say.

The mappings read the result; this computes what is arithmetic: tax, local currency, advance payments.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from connectors.yonyou_u8.settings import U8Settings
from domain.faults import Rejected
from domain.records import Company, Receipt, Receivable, ReceivableLine, plain

CENT = Decimal("0.01")
RECEIVABLE_LINE, ADVANCE_LINE = 0, 1


@dataclass(frozen=True, slots=True)
class Posting:
    """One line of a document. `kind` counts for receipts only: against a receivable, or in advance."""

    title: str
    account: str
    amount: Decimal
    kind: int = RECEIVABLE_LINE


def customer_record(company: Company, settings: U8Settings, *, today: date) -> dict[str, object]:
    return {**plain(company), "book": {**_book(settings), "today": today}}


def receivable_record(receivable: Receivable, settings: U8Settings) -> dict[str, object]:
    postings = [posting for line in receivable.lines for posting in _split_tax(line, settings)]
    book = {**_book(settings), "account": settings.receivable_account}
    return {**plain(receivable), **_amounts(receivable.amount.currency, postings, settings), "book": book}


def receipt_record(receipt: Receipt, settings: U8Settings) -> dict[str, object]:
    postings = list(_allocated(receipt, settings))
    book = {**_book(settings), "account": settings.bank_account, "settlement": settings.settlement_style}
    return {**plain(receipt), **_amounts(receipt.amount.currency, postings, settings), "book": book}


def _book(settings: U8Settings) -> dict[str, object]:
    return {
        "operator": settings.operator,
        "department": settings.department,
        "salesman": settings.salesman,
        "customer_class": settings.customer_class,
    }


def _split_tax(line: ReceivableLine, settings: U8Settings) -> Iterator[Posting]:
    """Prices include tax: the net amount is rounded, and the tax is the rest, so that nothing is lost."""
    amount, account = line.amount.amount, settings.tax_accounts.get(line.tax_rate)
    if account is None:
        yield Posting(line.title, settings.revenue_account, amount)
        return
    net = _cents(amount / (1 + line.tax_rate))
    yield Posting(line.title, settings.revenue_account, net)
    if amount != net:
        yield Posting(
            f"销项税 {format(line.tax_rate * 100, 'f').rstrip('0').rstrip('.')}%", account, amount - net
        )


def _allocated(receipt: Receipt, settings: U8Settings) -> Iterator[Posting]:
    """What pays no receivable is an advance payment (预收)."""
    left = receipt.amount.amount
    for allocation in receipt.allocations:
        left -= allocation.amount.amount
        yield Posting(allocation.receivable_number, settings.receivable_account, allocation.amount.amount)
    if left:
        yield Posting("预收款", settings.advance_account, left, ADVANCE_LINE)


def _amounts(currency: str, postings: Sequence[Posting], settings: U8Settings) -> dict[str, object]:
    """Lines first; the local head is the rounded product, and the largest line takes the difference."""
    rate = _rate(currency, settings)
    total = sum((posting.amount for posting in postings), Decimal())
    locals_ = [_cents(posting.amount * rate) for posting in postings]
    largest = max(range(len(postings)), key=lambda number: abs(postings[number].amount))
    locals_[largest] += _cents(total * rate) - sum(locals_, Decimal())
    entries = [
        {
            "title": posting.title,
            "account": posting.account,
            "kind": posting.kind,
            "amount": posting.amount,
            "local_amount": local,
        }
        for posting, local in zip(postings, locals_, strict=True)
    ]
    return {"total": total, "local_total": sum(locals_, Decimal()), "rate": rate, "entries": entries}


def _rate(currency: str, settings: U8Settings) -> Decimal:
    rate = Decimal(1) if currency == "CNY" else settings.exchange_rates.get(currency)
    if rate is None:
        raise Rejected(f"连接里没有 {currency} 的汇率，外币单据不能过账")
    return rate


def _cents(value: Decimal) -> Decimal:
    return value.quantize(CENT, rounding=ROUND_HALF_UP)
