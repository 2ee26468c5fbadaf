"""Documents that must come to exist once, and the way in which the hub's worker brings one there."""

import re
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from connector_kit.certify.model import Failed, Skipped
from connector_kit.certify.stand import Open, Stand
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
from domain.ports import CustomerArchive, ErpLedger, LeadFeedback, ReceivableImport, Signer
from domain.records import (
    Allocation,
    Company,
    DocumentState,
    ErpDocument,
    Receipt,
    Receivable,
    ReceivableLine,
    SigningParty,
    SigningRequest,
)

CHINA = ZoneInfo("Asia/Shanghai")
ATTEMPTS = 8
AMOUNTS = ("0.01", "10600.00", "9999999.99")
PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
)
COMES_AGAIN = (Transient, Throttled, SessionExpired, UnknownOutcome, Malformed)
"""After these the delivery is carried out once more; after Malformed only when a person asks for it."""
NO_ANSWER: tuple[type[Fault], ...] = (Transient, UnknownOutcome)


@dataclass(frozen=True, slots=True)
class Trouble:
    """One kind of fault, and what may leave the connector because of it."""

    name: str
    rule: dict[str, Any]
    allowed: tuple[type[Fault], ...]


TROUBLES = (
    Trouble("delay", {"kind": "delay", "seconds": 0.05}, NO_ANSWER),
    Trouble("timeout_before", {"kind": "timeout_before"}, NO_ANSWER),
    Trouble("timeout_after", {"kind": "timeout_after"}, NO_ANSWER),
    Trouble("too_many_requests", {"kind": "status_before", "status": 429}, (Throttled, *NO_ANSWER)),
    Trouble("error_500_before", {"kind": "status_before", "status": 503}, NO_ANSWER),
    Trouble("error_500_after", {"kind": "status_after", "status": 500}, NO_ANSWER),
    Trouble("drop_before", {"kind": "drop_before"}, NO_ANSWER),
    Trouble("drop_after", {"kind": "drop_after"}, NO_ANSWER),
    Trouble("malformed", {"kind": "malformed"}, (Malformed, *NO_ANSWER)),
    Trouble("vendor_error", {"kind": "vendor_error"}, (Throttled, *NO_ANSWER)),
    Trouble("session_lost", {"kind": "expire_session"}, ()),
    Trouble("clock_skew", {"kind": "clock_skew", "seconds": 60}, ()),
)
QUICK = tuple(trouble for trouble in TROUBLES if "timeout" not in trouble.name)
OF_LISTS = (
    Trouble("half_page", {"kind": "half_page"}, NO_ANSWER),
    Trouble("rows_came", {"kind": "page_shift", "rows": 1}, NO_ANSWER),
    Trouble("rows_went", {"kind": "page_shift", "rows": -1}, NO_ANSWER),
)
"""What happens to the pages of a list."""


@dataclass(frozen=True, slots=True)
class Posting:
    """`find` and `create` return the vendor's state of it; `advance` brings it to its end."""

    kind: str
    number: str
    find: Callable[[Open], Awaitable[Any]]
    create: Callable[[Open], Awaitable[Any]]
    advance: Callable[[Open, Any], Awaitable[Any]]


async def carry_out(posting: Posting, opened: Open, *, sent_before: bool) -> Any:
    """One attempt, as the worker makes it: look up before any second one."""
    found = await posting.find(opened) if sent_before else None
    if found is None:
        found = await posting.create(opened)
    return await posting.advance(opened, found)


async def deliver(
    posting: Posting, opened: Open, *, sent_before: bool = False, allowed: Sequence[type[Fault]] = COMES_AGAIN
) -> Any:
    """Until it is done. Raises Failed for a fault that the trouble does not explain."""
    last: Fault | None = None
    for attempt in range(ATTEMPTS):
        try:
            return await carry_out(posting, opened, sent_before=sent_before or attempt > 0)
        except Fault as fault:
            if not isinstance(fault, tuple(allowed)):
                raise Failed(f"{posting.kind} met {fault.kind}: {fault}") from fault
            last = fault
    raise Failed(f"{posting.kind} was not done after {ATTEMPTS} attempts; last {last}")


async def refused_in_words(call: Awaitable[object], what: str) -> None:
    try:
        await call
    except (Rejected, Misconfigured) as fault:
        if len(str(fault)) < 8:
            raise Failed(f"the refusal says only “{fault}”") from fault
        return
    raise Failed(f"{what} was accepted")


async def exactly_one(stand: Stand, posting: Posting) -> None:
    count = await stand.count(posting.kind, posting.number)
    if count != 1:
        raise Failed(f"{count} documents {posting.number} at the vendor, not 1")


def in_pages(stand: Stand, opened: Open, kind: str) -> None:
    """Of a connection that has read one list: a list of one page shows nothing about pages."""
    calls = Counter(each.operation for each in opened.recorder.exchanges)
    if max(calls.values(), default=0) < 2 and kind not in stand.bench.unpaged:
        raise Failed("the whole list came in one call: the bench has to make its pages small")


async def steps_of(stand: Stand, posting: Posting, *, api_only: bool = False) -> list[dict[str, Any]]:
    """The different calls that one undisturbed delivery makes, as parts of a fault rule: by their paths, or
    by their turn where a vendor has one path for everything."""
    before = len(await stand.log())
    async with stand.open() as opened:
        await deliver(posting, opened)
    rows = (await stand.log())[before:]
    api_only = api_only or stand.bench.login_works_once
    paths = [row["path"] for row in rows if not api_only or re.search(enveloped_paths(stand), row["path"])]
    patterns = list(dict.fromkeys(map(pattern_of, paths)))
    if len(patterns) > 1:
        return [{"path": pattern} for pattern in patterns]
    return [
        {"path": enveloped_paths(stand) if api_only else ".*", "skip": turn} for turn in range(len(paths))
    ]


def enveloped_paths(stand: Stand) -> str:
    """Those answered in the envelope of an operation, which logins and object stores do not use."""
    others = (*stand.bench.other_doors, *filter(None, [stand.bench.login]))
    return f"^(?!.*({'|'.join(others)}))" if others else ".*"


def pattern_of(path: str) -> str:
    """Segments that name one thing (long, with a digit) differ from run to run."""
    parts = [
        "[^/]+" if len(part) >= 8 and re.search(r"\d", part) else re.escape(part) for part in path.split("/")
    ]
    return f"^{'/'.join(parts)}$"


# --- what is posted ---------------------------------------------------------------------------------------

Make = Callable[[Stand], Awaitable[Callable[[], Posting]]]
"""Prepares the vendor's books, then makes as many different postings as are asked for."""


def company(stand: Stand) -> Company:
    code = stand.number("C9")
    return Company(code=code, name=f"示例认证{code}有限公司", phone="13800000001", address="示例路1号")


def receivable(stand: Stand, customer: Company, amount: str = "10600.00", **changes: Any) -> Receivable:
    contract, money, today = stand.number("HT-2026"), Money(Decimal(amount)), datetime.now(CHINA).date()
    line = ReceivableLine(
        sku="SKU-A",
        title="示例设备",
        quantity=Decimal(1),
        unit_price=money.amount,
        tax_rate=Decimal("0.06"),
        amount=money,
    )
    values: dict[str, Any] = {
        "number": f"{contract}-1",
        "contract_number": contract,
        "contract_title": "示例设备采购",
        "instalment": 1,
        "customer_code": customer.code,
        "customer_name": customer.name,
        "amount": money,
        "document_date": today,
        "due_date": today + timedelta(days=30),
        "lines": [line],
    }
    return Receivable(**(values | changes))


def receipt(stand: Stand, pays: Receivable, amount: str = "100.00") -> Receipt:
    money = Money(Decimal(amount))
    part = Allocation(
        receivable_number=pays.number,
        contract_number=pays.contract_number,
        receivable_amount=pays.amount,
        amount=money,
    )
    return Receipt(
        number=stand.number("SK"),
        customer_code=pays.customer_code,
        customer_name=pays.customer_name,
        amount=money,
        received_on=pays.document_date,
        payer_name=pays.customer_name,
        payer_account="6222000000000001",
        bank_reference=stand.number("BANKREF"),
        text="货款",
        allocations=[part],
    )


def contract(
    stand: Stand, *, key: str | None = None, hook: str = "", more: Sequence[SigningParty] = ()
) -> SigningRequest:
    number, now = stand.number("HT-2026"), datetime.now(UTC)
    return SigningRequest(
        key=key or f"{number}/1",
        contract_number=number,
        title="示例采购合同",
        file_name=f"{number}.pdf",
        parties=[
            SigningParty(order=1, organisation="示例科技有限公司", person=None, phone=None, own=True),
            SigningParty(order=2, organisation="测试客户有限公司", person="测试甲", phone="+8613800000001"),
            *more,
        ],
        callback_url=hook,
        expires_at=now + timedelta(days=30),
        requested_at=now,
    )


async def _done(
    opened: Open,
    document: ErpDocument,
    advance: Callable[[ErpDocument], Awaitable[ErpDocument]],
    find: Callable[[str], Awaitable[ErpDocument | None]],
) -> ErpDocument:
    """Where the vendor has no call for the last step, a person does it, and the connector reads it back."""
    if document.state is not DocumentState.DONE:
        document = await advance(document)
    if document.state is not DocumentState.DONE and opened.by_hand:
        await opened.by_hand()
        document = await find(document.number) or document
    if document.state is not DocumentState.DONE:
        raise Failed(f"{document.number} came back {document.state}, not done")
    return document


def customer_posting(record: Company) -> Posting:
    return Posting(
        "customer",
        record.code,
        lambda o: o.port(CustomerArchive).find_customer(record.code),
        lambda o: o.port(CustomerArchive).create_customer(record),
        lambda o, document: _done(
            o, document, o.port(CustomerArchive).advance_customer, o.port(CustomerArchive).find_customer
        ),
    )


def receivable_posting(record: Receivable) -> Posting:
    return Posting(
        "receivable",
        record.number,
        lambda o: o.port(ErpLedger).find_receivable(record.number),
        lambda o: o.port(ErpLedger).create_receivable(record),
        lambda o, document: _done(
            o, document, o.port(ErpLedger).advance_receivable, o.port(ErpLedger).find_receivable
        ),
    )


def receipt_posting(record: Receipt) -> Posting:
    return Posting(
        "receipt",
        record.number,
        lambda o: o.port(ErpLedger).find_receipt(record.number),
        lambda o: o.port(ErpLedger).create_receipt(record),
        lambda o, document: _done(
            o, document, o.port(ErpLedger).advance_receipt, o.port(ErpLedger).find_receipt
        ),
    )


async def _as_found(found: Any) -> Any:
    return found


async def _nobody_knows(opened: Open) -> None:
    return None


def import_posting(record: Receivable) -> Posting:
    return Posting(
        "receivable",
        record.number,
        _nobody_knows,
        lambda o: o.port(ReceivableImport).import_receivable(record),
        lambda o, made: _as_found(made),
    )


def flow_posting(request: SigningRequest) -> Posting:
    return Posting(
        "flow",
        request.key,
        lambda o: o.port(Signer).find_flow(request),
        lambda o: o.port(Signer).create_flow(request, PDF),
        lambda o, flow: _as_found(flow),
    )


def known_customer(stand: Stand) -> Company:
    """Of the vendor's base data."""
    return Company(code=stand.bench.customer, name="示例客户有限公司")


async def posted_customer(stand: Stand) -> Company:
    record = company(stand)
    async with stand.open() as opened:
        await deliver(customer_posting(record), opened)
    return record


async def posted_receivable(stand: Stand, amount: str = "10600.00") -> Receivable:
    record = receivable(stand, await posted_customer(stand), amount)
    async with stand.open() as opened:
        await deliver(receivable_posting(record), opened)
    return record


async def customers(stand: Stand) -> Callable[[], Posting]:
    return lambda: customer_posting(company(stand))


async def receivables(stand: Stand) -> Callable[[], Posting]:
    customer = await posted_customer(stand)
    return lambda: receivable_posting(receivable(stand, customer))


async def receipts(stand: Stand) -> Callable[[], Posting]:
    pays = await posted_receivable(stand)
    return lambda: receipt_posting(receipt(stand, pays))


async def submitted(stand: Stand, count: int, *, push: bool = False) -> list[str]:
    """Ids of new leads at the vendor."""
    if stand.bench.submit is None:
        raise Skipped("the bench does not say how a lead comes to be")
    answer = await stand.act(stand.bench.submit(count, push))
    (ids,) = answer.values()
    return [str(each) for each in ids]


def feedback_posting(lead: str) -> Posting:
    """There is no looking up: the same report again must change nothing."""
    return Posting(
        "feedback",
        lead,
        _nobody_knows,
        lambda o: o.port(LeadFeedback).report(lead, "qualified", datetime.now(UTC)),
        lambda o, made: _as_found(made),
    )


async def feedbacks(stand: Stand) -> Callable[[], Posting]:
    leads = iter(await submitted(stand, 60))
    return lambda: feedback_posting(next(leads))


async def flows(stand: Stand) -> Callable[[], Posting]:
    return lambda: flow_posting(contract(stand))
