"""The books of an ERP: what is posted reads back the same, and a list that moves is read whole."""

import random
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from connector_kit.certify.model import Check, Failed, Skipped
from connector_kit.certify.postings import (
    Posting,
    company,
    customer_posting,
    deliver,
    exactly_one,
    posted_customer,
    posted_receivable,
    receipt,
    receipt_posting,
    receivable,
    receivable_posting,
)
from connector_kit.certify.stand import Open, Stand
from domain.faults import Fault, Misconfigured, Mismatch, Rejected, Transient
from domain.money import Money
from domain.ports import CustomerArchive, ErpLedger
from domain.records import ErpDocument, Receivable

AMOUNTS = ("0.01", "10600.00", "9999999.99")
KEPT, CHANGES = 9, 3


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
        Check("receivable.listed", ledger, "bronze", "清单里各有一次", "each is listed once", listed),
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
            "receivable.moving_list",
            ledger,
            "gold",
            "边读边增删，不漏不重",
            "a list that moves is read whole",
            moving_list,
            True,
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
        try:
            await opened.port(ErpLedger).create_receivable(record)
        except (Rejected, Misconfigured) as fault:
            if len(str(fault)) < 8:
                raise Failed(f"the refusal says only “{fault}”") from fault
            return
    raise Failed("a receivable of an unknown customer was accepted")


# --- lists ------------------------------------------------------------------------------------------------


def _list(opened: Open, record: Receivable) -> AsyncIterator[ErpDocument]:
    return opened.port(ErpLedger).list_receivables(record.document_date - timedelta(days=1))


async def listed(stand: Stand) -> None:
    records = await _many(stand, 5)
    async with stand.open(stand.bench.small_pages) as opened:
        seen = [each.number async for each in _list(opened, records[0])]
    if sorted(seen) != sorted(record.number for record in records):
        raise Failed(f"posted {len(records)}, listed {len(seen)}, {len(set(seen))} different")


async def _many(stand: Stand, count: int) -> list[Receivable]:
    customer = await posted_customer(stand)
    records = [receivable(stand, customer) for _ in range(count)]
    async with stand.open() as opened:
        for record in records:
            await deliver(receivable_posting(record), opened)
    return records


async def moving_list(stand: Stand) -> None:
    """Other documents come and go at random moments; those that stay are listed, and none twice."""
    if not stand.bench.small_pages:
        raise Skipped("its pages cannot be made small")
    kept = await _many(stand, KEPT)
    async with stand.open(stand.bench.small_pages) as reader, stand.open() as writer:
        for seed in range(stand.seeds):
            mover = _Mover(stand, writer, kept[0], random.Random(seed))  # noqa: S311
            seen = await _read_moving(reader, kept[0], mover)
            lost = {record.number for record in kept} - set(seen)
            if lost or len(seen) != len(set(seen)):
                raise Failed(f"seed {seed}: lost {sorted(lost)}, {len(seen) - len(set(seen))} came twice")
            await mover.clear()


async def _read_moving(reader: Open, since: Receivable, mover: "_Mover") -> list[str]:
    """A list that says that it could not be read is read again, as a job is."""
    for _ in range(3):
        seen: list[str] = []
        try:
            async for document in _list(reader, since):
                seen.append(document.number)
                await mover.step()
            return seen
        except Transient:
            continue
    raise Failed("the list could not be read at all")


class _Mover:
    def __init__(self, stand: Stand, writer: Open, like: Receivable, chance: random.Random) -> None:
        self._stand = stand
        self._writer = writer
        self._like = like
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
        posting = self._new()
        await deliver(posting, self._writer)
        self._added.append(posting.number)

    def _new(self) -> Posting:
        number = self._stand.number("HT-2025")
        return receivable_posting(replace(self._like, number=f"{number}-1", contract_number=number))

    async def _remove(self, number: str) -> None:
        remove: Callable[[str, str], object] | None = self._stand.bench.remove
        if remove is not None:
            await self._stand.act(self._stand.bench.remove("receivable", number))  # type: ignore[misc]


async def list_under_faults(stand: Stand) -> None:
    records = await _many(stand, 5)
    for kind in ("status_before", "drop_after", "malformed", "vendor_error", "expire_session"):
        async with stand.open(stand.bench.small_pages) as opened:
            await stand.fault(kind)
            seen = await _read_at_last(opened, records[0])
            await stand.calm()
        if sorted(seen) != sorted(record.number for record in records):
            raise Failed(f"{kind}: posted {len(records)}, listed {len(seen)}, {len(set(seen))} different")


async def _read_at_last(opened: Open, since: Receivable) -> list[str]:
    for _ in range(3):
        try:
            return [document.number async for document in _list(opened, since)]
        except Fault:
            continue
    raise Failed("the list could not be read at all")
