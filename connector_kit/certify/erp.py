"""The books of an ERP: what is posted reads back the same, and a list that moves is read whole."""

import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import partial

from connector_kit.certify.model import Check, Failed, Skipped
from connector_kit.certify.postings import (
    AMOUNTS,
    OF_LISTS,
    QUICK,
    Posting,
    company,
    customer_posting,
    deliver,
    exactly_one,
    in_pages,
    posted_customer,
    posted_receivable,
    receipt,
    receipt_posting,
    receivable,
    receivable_posting,
    refused_in_words,
)
from connector_kit.certify.stand import Open, Stand
from domain.faults import Fault, Misconfigured, Mismatch, Rejected, Transient, Unmappable
from domain.money import Money
from domain.ports import CustomerArchive, ErpLedger
from domain.records import ErpDocument, Receivable

KEPT, CHANGES, MONTHS = 9, 3, 3
FOREIGN = "USD"


def checks() -> list[Check]:
    archive, ledger = "CustomerArchive", "ErpLedger"
    return [
        Check(
            "customer.reads_back",
            archive,
            "bronze",
            "客户建成后查得到",
            "a customer reads back",
            customer_reads_back,
        ),
        Check(
            "receivable.reads_back",
            ledger,
            "bronze",
            "应收单的金额到分不变",
            "amounts to the fen",
            receivable_reads_back,
        ),
        Check(
            "receipt.reads_back",
            ledger,
            "bronze",
            "收款单读回一致",
            "a receipt reads back",
            receipt_reads_back,
        ),
        Check(
            "receipt.writes_off",
            ledger,
            "bronze",
            "核销方式与所称一致",
            "it writes off as it says",
            writes_off,
        ),
        *(
            Check(
                f"{listing.kind}.listed",
                ledger,
                "bronze",
                "清单里各有一次",
                "each is listed once",
                partial(listed, listing),
            )
            for listing in (RECEIVABLES, RECEIPTS)
        ),
        *(
            Check(
                f"{listing.kind}.since",
                ledger,
                "silver",
                "清单从所问的那天起，不早不晚",
                "a list begins with the day that was asked for",
                partial(since_a_day, listing),
            )
            for listing in (RECEIVABLES, RECEIPTS)
        ),
        Check(
            "receivable.due_date",
            ledger,
            "bronze",
            "到期日原样入账",
            "the due date is in the books",
            due_date,
        ),
        Check(
            "receivable.currency",
            ledger,
            "silver",
            "外币读回仍是外币，或拒绝",
            "a foreign currency reads back as it is, or is refused",
            currency,
        ),
        Check(
            "receivable.answered_later",
            ledger,
            "silver",
            "对方先受理、后告知结果：等到结果",
            "the result of what was only acknowledged is waited for",
            answered_later,
        ),
        Check(
            "receivable.other_amount",
            ledger,
            "silver",
            "同号不同金额：不会当作已做",
            "the same number with another amount is a fault",
            other_amount,
        ),
        Check(
            "receivable.unknown_customer",
            ledger,
            "silver",
            "客户不存在：拒绝并说明",
            "an unknown customer is refused in words",
            unknown_customer,
        ),
        Check(
            "receivable.closed_period",
            ledger,
            "silver",
            "期间已结账：拒绝并说明",
            "a closed period is refused in words",
            closed_period,
        ),
        *(
            Check(
                f"{listing.kind}.moving_list",
                ledger,
                "gold",
                "边读边增删，不漏不重",
                "a list that moves is read whole",
                partial(moving_list, listing),
                True,
            )
            for listing in (RECEIVABLES, RECEIPTS)
        ),
        Check(
            "receivable.list_under_faults",
            ledger,
            "gold",
            "读清单时出故障，不漏不重",
            "a list read under faults is whole",
            list_under_faults,
            True,
        ),
    ]


async def customer_reads_back(stand: Stand) -> None:
    record = company(stand)
    posting = customer_posting(record)
    async with stand.open() as opened:
        made = await deliver(posting, opened)
        found = await opened.port(CustomerArchive).find_customer(record.code)
    if found != made or found is None or found.number != record.code:
        raise Failed(f"made {made}, found {found}")
    await exactly_one(stand, posting)


async def receivable_reads_back(stand: Stand) -> None:
    customer = await posted_customer(stand)
    async with stand.open() as opened:
        for amount in AMOUNTS:
            record = receivable(stand, customer, amount)
            await deliver(receivable_posting(record), opened)
            found = await opened.port(ErpLedger).find_receivable(record.number)
            _same(record.amount, customer.code, found)
            if found and found.open not in (None, record.amount):
                raise Failed(f"{found.open} is open of {record.amount}, and nothing was paid")


async def receipt_reads_back(stand: Stand) -> None:
    pays = await posted_receivable(stand)
    async with stand.open() as opened:
        for amount in ("0.01", "4300.00"):
            record = receipt(stand, pays, amount)
            await deliver(receipt_posting(record), opened)
            found = await opened.port(ErpLedger).find_receipt(record.number)
            _same(record.amount, pays.customer_code, found)


def _same(amount: Money, customer: str, found: ErpDocument | None) -> None:
    if found is None or (found.amount, found.customer_code) != (amount, customer):
        raise Failed(f"posted {amount} of {customer}, found {found}")


async def due_date(stand: Stand) -> None:
    if not stand.bench.due_dates:
        raise Skipped("the vendor's document has no due date")
    plain = receivable(stand, await posted_customer(stand))
    record = replace(plain, due_date=plain.document_date + timedelta(days=37))
    async with stand.open() as opened:
        await deliver(receivable_posting(record), opened)
    (row,) = await stand.rows("receivable", record.number)
    if record.due_date.isoformat() not in row:
        raise Failed(f"due on {record.due_date}, and the books say {row}")


async def currency(stand: Stand) -> None:
    plain = receivable(stand, await posted_customer(stand))
    money = replace(plain.amount, currency=FOREIGN)
    record = replace(plain, amount=money, lines=[replace(plain.lines[0], amount=money)])
    posting = receivable_posting(record)
    async with stand.open() as opened:
        try:
            await deliver(posting, opened)
        except (Failed, Unmappable) as refusal:
            if await stand.count(posting.kind, posting.number):
                raise Failed(f"refused, and it is there: {refusal}") from refusal
            return
        _same(money, record.customer_code, await opened.port(ErpLedger).find_receivable(record.number))


async def answered_later(stand: Stand) -> None:
    if not stand.bench.answered_later:
        raise Skipped("the vendor answers at once")
    posting = receivable_posting(receivable(stand, await posted_customer(stand)))
    async with stand.open(stand.bench.answered_later) as opened:
        await deliver(posting, opened, allowed=())
    await exactly_one(stand, posting)


async def writes_off(stand: Stand) -> None:
    pays = await posted_receivable(stand)
    async with stand.open() as opened:
        ledger = opened.port(ErpLedger)
        await deliver(receipt_posting(receipt(stand, pays, "4300.00")), opened)
        found = await ledger.find_receivable(pays.number)
    paid = Decimal("4300.00") if ledger.writes_off == "on_audit" else Decimal()
    if found is None or found.open is None or found.open.amount != pays.amount.amount - paid:
        raise Failed(f"writes_off is {ledger.writes_off}, and after a receipt of 4300.00 there is {found}")


async def other_amount(stand: Stand) -> None:
    record = await posted_receivable(stand)
    line = replace(record.lines[0], unit_price=Decimal("77.00"), amount=Money(Decimal("77.00")))
    other = replace(record, amount=Money(Decimal("77.00")), lines=[line])
    async with stand.open() as opened:
        try:
            await opened.port(ErpLedger).create_receivable(other)
        except (Mismatch, Rejected):
            await exactly_one(stand, receivable_posting(record))
            return
    raise Failed("the other amount was taken for the same document")


async def unknown_customer(stand: Stand) -> None:
    record = receivable(stand, company(stand))
    async with stand.open() as opened:
        call = opened.port(ErpLedger).create_receivable(record)
        await refused_in_words(call, "a receivable of an unknown customer")


async def closed_period(stand: Stand) -> None:
    if stand.bench.close_period is None:
        raise Skipped("the bench does not say how a period is closed")
    record = receivable(stand, await posted_customer(stand))
    await stand.act(stand.bench.close_period(record.document_date.strftime("%Y-%m")))
    async with stand.open() as opened:
        delivered = deliver(receivable_posting(record), opened, allowed=())
        try:
            await delivered
        except Failed as refusal:
            if not isinstance(refusal.__cause__, Rejected | Misconfigured):
                raise
            return
    raise Failed("a document in a closed period was posted")


# --- lists ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Listing:
    """One list of the port, and what may stand in it. Dates go over three months: some lists go by months."""

    kind: str
    read: Callable[[Open, date], AsyncIterator[ErpDocument]]
    new: Callable[[Stand, Receivable, date], Posting]

    def since(self, pays: Receivable) -> date:
        return pays.document_date - timedelta(days=MONTHS * 31)

    def random(self, stand: Stand, pays: Receivable, chance: random.Random) -> Posting:
        return self.new(stand, pays, pays.document_date - timedelta(days=31 * chance.randrange(MONTHS)))


def _new_receivable(stand: Stand, like: Receivable, day: date) -> Posting:
    contract = stand.number("HT-2025")
    return receivable_posting(
        replace(like, number=f"{contract}-1", contract_number=contract, document_date=day)
    )


def _new_receipt(stand: Stand, pays: Receivable, day: date) -> Posting:
    return receipt_posting(replace(receipt(stand, pays, "0.01"), received_on=day))


RECEIVABLES = Listing(
    "receivable", lambda opened, since: opened.port(ErpLedger).list_receivables(since), _new_receivable
)
RECEIPTS = Listing("receipt", lambda opened, since: opened.port(ErpLedger).list_receipts(since), _new_receipt)


async def _kept(listing: Listing, stand: Stand, pays: Receivable, count: int) -> list[str]:
    chance = random.Random(count)  # noqa: S311
    postings = [listing.random(stand, pays, chance) for _ in range(count)]
    async with stand.open() as opened:
        for posting in postings:
            await deliver(posting, opened)
    own = [pays.number] if listing.kind == "receivable" else []
    return own + [posting.number for posting in postings]


async def listed(listing: Listing, stand: Stand) -> None:
    pays = await posted_receivable(stand)
    numbers = await _kept(listing, stand, pays, 5)
    async with stand.open(stand.bench.small_pages) as opened:
        seen = [each.number async for each in listing.read(opened, listing.since(pays))]
        in_pages(stand, opened, listing.kind)
    if sorted(seen) != sorted(numbers):
        raise Failed(f"posted {len(numbers)}, listed {len(seen)}, {len(set(seen))} different")


async def since_a_day(listing: Listing, stand: Stand) -> None:
    pays = await posted_receivable(stand)
    day = pays.document_date - timedelta(days=MONTHS * 10)
    postings = [listing.new(stand, pays, day + timedelta(days=days)) for days in (-1, 0, 1)]
    async with stand.open() as opened:
        for posting in postings:
            await deliver(posting, opened)
        seen = {each.number async for each in listing.read(opened, day)}
    early, *others = (posting.number for posting in postings)
    if early in seen or not seen.issuperset(others):
        raise Failed(f"asked since {day}: of one a day earlier, one of that day and one later came {seen}")


async def moving_list(listing: Listing, stand: Stand) -> None:
    """Other documents come and go at random moments; those that stay are listed, and none twice."""
    if stand.bench.remove is None:
        raise Failed("the bench does not say how a document is removed")
    pays = await posted_receivable(stand)
    kept = set(await _kept(listing, stand, pays, KEPT))
    async with stand.open(stand.bench.small_pages) as reader, stand.open() as writer:
        for seed in range(stand.seeds):
            mover = _Mover(stand, writer, listing, pays, random.Random(seed))  # noqa: S311
            seen = await _read_moving(listing, reader, pays, mover)
            if kept - set(seen) or len(seen) != len(set(seen)):
                twice = len(seen) - len(set(seen))
                raise Failed(f"seed {seed}: lost {sorted(kept - set(seen))}, {twice} came twice")
            await mover.clear()


async def _read_moving(listing: Listing, reader: Open, pays: Receivable, mover: "_Mover") -> list[str]:
    """A list that says that it could not be read is read again, as a job is."""
    for _ in range(3):
        seen: list[str] = []
        try:
            async for document in listing.read(reader, listing.since(pays)):
                seen.append(document.number)
                await mover.step()
            return seen
        except Transient:
            continue
    raise Failed("the list could not be read at all")


class _Mover:
    def __init__(
        self, stand: Stand, writer: Open, listing: Listing, pays: Receivable, chance: random.Random
    ) -> None:
        self._stand = stand
        self._writer = writer
        self._listing = listing
        self._pays = pays
        self._chance = chance
        self._left = CHANGES
        self._added: list[str] = []

    async def step(self) -> None:
        if self._left and self._chance.random() < 0.4:
            self._left -= 1
            if self._added and self._chance.random() < 0.5:
                await self._remove(self._added.pop(0))
            else:
                await self._add()

    async def clear(self) -> None:
        for number in self._added:
            await self._remove(number)

    async def _add(self) -> None:
        posting = self._listing.random(self._stand, self._pays, self._chance)
        await deliver(posting, self._writer)
        self._added.append(posting.number)

    async def _remove(self, number: str) -> None:
        assert self._stand.bench.remove is not None
        await self._stand.act(self._stand.bench.remove(self._listing.kind, number))


async def list_under_faults(stand: Stand) -> None:
    pays = await posted_receivable(stand)
    numbers = await _kept(RECEIVABLES, stand, pays, 5)
    for trouble in (*QUICK, *OF_LISTS):
        async with stand.open(stand.bench.small_pages) as opened:
            await stand.faults([{**trouble.rule, "times": 1}])
            seen = await _read_at_last(opened, pays)
            await stand.calm()
        if sorted(seen) != sorted(numbers):
            raise Failed(
                f"{trouble.name}: posted {len(numbers)}, listed {len(seen)}, {len(set(seen))} different"
            )


async def _read_at_last(opened: Open, pays: Receivable) -> list[str]:
    for _ in range(3):
        try:
            return [each.number async for each in RECEIVABLES.read(opened, RECEIVABLES.since(pays))]
        except Fault:
            continue
    raise Failed("the list could not be read at all")
