"""The end: vendors' books against ours. Counts about a vendor come from its own books, never from ours."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import orjson
from sqlalchemy import text

from crm_store import Store, UnitOfWork
from hub.demo.plan import Plan
from hub.demo.story import DONE_STATES, contract_number
from hub.world import World

SIGNED_AT: Mapping[str, object] = {"esign": 2, "tencent_ess": 4, "fadada": "task_finished"}
"""What the services' own books say of a flow that all have signed."""
AUDITED, VERIFIED = "C", "审核"


@dataclass(frozen=True, slots=True)
class Reckoning:
    """`lost` and `duplicated` name each thing, so that a failure can be looked into."""

    counts: dict[str, int]
    lost: list[str]
    duplicated: list[str]
    end_state: str


@dataclass(frozen=True, slots=True)
class Books:
    """What the vendors say. Documents by number, those only that count in the ERP's books."""

    leads: set[str]
    acknowledged: list[str]
    signed: set[str]
    flows: list[str]
    receivables: list[tuple[str, Decimal]]
    receipts: list[tuple[str, Decimal]]
    written_off: int
    customers: list[str]
    bank_lines: set[str]


async def reckon(plan: Plan, world: World, store: Store, *, signer: str) -> Reckoning:
    books = await _read_books(world, signer)
    async with store.transaction() as uow:
        ours = await _read_ours(uow)
    lost = _lost(plan, books, ours)
    duplicated = _duplicated(plan, books, ours)
    signed = [contract for contract in plan.contracts if contract.number in books.signed]
    counts = {
        "leads_sent": len(plan.leads) + sum(lead.again for lead in plan.leads),
        "leads_unique": len(books.leads),
        "leads_stored": len(ours["leads"]),
        "leads_assigned": ours["assigned"],
        "forged_refused": ours["forged"],
        "parked": ours["parked"],
        "contracts_signed": len(books.signed),
        "receivables_expected": sum(len(contract.owed) for contract in signed),
        "receivables_in_erp": len(books.receivables),
        "receipts_expected": len(plan.explained),
        "receipts_in_erp": len(books.receipts),
        "written_off": books.written_off,
    }
    return Reckoning(counts, lost, duplicated, _digest(books, ours))


async def _read_books(world: World, signer: str) -> Books:
    flows = list((await world.books(signer, "flows")).values())
    kingdee = await _kingdee(world)
    u8 = await _u8(world)
    pushes = (await world.books("douyin_leads", "pushes")).values()
    bookings = (await world.books("bank", "bookings")).items()
    return Books(
        leads=set(await world.books("douyin_leads", "leads")),
        acknowledged=[
            push["clue_id"] for push in pushes if push["accepted"] and push["label"] in ("new", "again")
        ],
        signed={contract_number(flow) for flow in flows if flow["status"] == SIGNED_AT[signer]},
        flows=[contract_number(flow) for flow in flows],
        receivables=kingdee.receivables + u8.receivables,
        receipts=kingdee.receipts + u8.receipts,
        written_off=kingdee.written_off + u8.written_off,
        customers=kingdee.customers + u8.customers,
        bank_lines={serial for serial, row in bookings if row["direction"] == "CRDT"},
    )


@dataclass(frozen=True, slots=True)
class _Erp:
    receivables: list[tuple[str, Decimal]]
    receipts: list[tuple[str, Decimal]]
    written_off: int
    customers: list[str]


async def _kingdee(world: World) -> _Erp:
    receivables = (await world.books("kingdee", "AR_receivable")).values()
    receipts = (await world.books("kingdee", "AR_RECEIVEBILL")).values()
    customers = (await world.books("kingdee", "BD_Customer")).values()
    return _Erp(
        [_kingdee_row(row, "FALLAMOUNTFOR") for row in receivables if row["FDOCUMENTSTATUS"] == AUDITED],
        [_kingdee_row(row, "FRECAMOUNTFOR") for row in receipts if row["FDOCUMENTSTATUS"] == AUDITED],
        sum(row["FWRITTENOFFSTATUS"] == "C" for row in receipts),
        [f"kingdee {row['FName']}" for row in customers],
    )


def _kingdee_row(row: dict[str, Any], amount: str) -> tuple[str, Decimal]:
    return row["FBillNo"], Decimal(row[amount])


async def _u8(world: World) -> _Erp:
    receivables = (await world.books("yonyou_u8", "oughtreceive")).items()
    receipts = (await world.books("yonyou_u8", "accept")).items()
    customers = (await world.books("yonyou_u8", "customer")).values()
    return _Erp(
        [(code, Decimal(row["amount"])) for code, row in receivables if row["state"] == VERIFIED],
        [(code, Decimal(row["originalamount"])) for code, row in receipts if row["state"] == VERIFIED],
        sum(Decimal(row["written_off"]) == Decimal(row["originalamount"]) for _, row in receipts),
        [f"u8 {row['name']}" for row in customers],
    )


async def _read_ours(uow: UnitOfWork) -> dict[str, Any]:
    async def rows(statement: str) -> list[Any]:
        return [tuple(row) for row in await uow.connection.execute(text(statement))]

    return {
        "leads": Counter(vendor_id for (vendor_id,) in await rows("SELECT vendor_id FROM leads")),
        "assigned": (await rows("SELECT count(*) FROM leads WHERE owner IS NOT NULL"))[0][0],
        "pushes": {
            key.split("/")[1]
            for (key,) in await rows("SELECT dedupe_key FROM inbox WHERE kind = 'lead.push'")
        },
        "forged": (await rows("SELECT count(*) FROM refused WHERE reason = 'forged'"))[0][0],
        "parked": (await rows("SELECT count(*) FROM inbox WHERE state = 'parked'"))[0][0],
        "contracts": dict(await rows("SELECT number, state FROM contracts")),
        "receivables": await rows(
            "SELECT number, amount_minor, paid_minor, written_off_minor, state FROM receivables ORDER BY 1"
        ),
        "receipts": await rows(
            "SELECT number, amount_minor, allocated_minor, state FROM receipts ORDER BY number"
        ),
        "lines": Counter(
            reference
            for (reference,) in await rows(
                "SELECT facts->>'bank_reference' FROM bank_lines"
                " JOIN receipts ON receipts.bank_line_id = bank_lines.id"
            )
        ),
    }


def _lost(plan: Plan, books: Books, ours: dict[str, Any]) -> list[str]:
    done = {number for number, state in ours["contracts"].items() if state in DONE_STATES}
    owed = {
        number: amount
        for contract in plan.contracts
        if contract.number in books.signed
        for number, amount in contract.owed.items()
    }
    found = dict(books.receivables)
    paid = Counter(payment.amount for payment in plan.explained)
    return [
        *(f"lead {clue} never stored" for clue in sorted(books.leads - set(ours["leads"]))),
        *(f"push of {clue} acknowledged, not in the inbox" for clue in sorted(_unkept(books, ours))),
        *(f"bank line {serial} without receipt" for serial in sorted(books.bank_lines - set(ours["lines"]))),
        *(f"contract {number} approved, never sent" for number in sorted(_never_sent(books, ours))),
        *(f"contract {number} signed at the vendor only" for number in sorted(books.signed - done)),
        *(
            f"receivable {number} of {amount} not in the ERP"
            for number, amount in owed.items()
            if found.get(number) != amount
        ),
        *(
            f"receipt of {amount} not in the ERP"
            for amount in (paid - Counter(amount for _, amount in books.receipts)).elements()
        ),
    ]


def _never_sent(books: Books, ours: dict[str, Any]) -> set[str]:
    approved = {number for number, state in ours["contracts"].items() if state == "approved"}
    return approved - set(books.flows)


def _unkept(books: Books, ours: dict[str, Any]) -> set[str]:
    kept: set[str] = ours["pushes"]
    return set(books.acknowledged) - kept


def _duplicated(plan: Plan, books: Books, ours: dict[str, Any]) -> list[str]:
    paid = Counter(payment.amount for payment in plan.explained)
    return [
        *(f"signing flow of {number}" for number in _twice(books.flows)),
        *(f"receivable {number}" for number in _beyond(books.receivables, set(plan.owed))),
        *(
            f"receipt of {amount}"
            for amount in (Counter(amount for _, amount in books.receipts) - paid).elements()
        ),
        *(f"customer {name}" for name in _twice(books.customers)),
        *(f"lead {clue}" for clue, count in ours["leads"].items() if count > 1),
        *(f"receipt for bank line {reference}" for reference, count in ours["lines"].items() if count > 1),
    ]


def _twice(names: list[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]


def _beyond(documents: list[tuple[str, Decimal]], wanted: set[str]) -> list[str]:
    """Documents that no plan owes, and second ones of a number."""
    return [*_twice([number for number, _ in documents]), *(n for n, _ in documents if n not in wanted)]


def _digest(books: Books, ours: dict[str, Any]) -> str:
    """The end state, without what order and time decide (owners, ids): equal with and without chaos."""
    state = {
        "contracts": sorted(ours["contracts"].items()),
        "receivables": [list(row) for row in ours["receivables"]],
        "receipts": [list(row[1:]) for row in sorted(ours["receipts"], key=lambda row: row[1:])],
        "erp_receivables": sorted((number, str(amount)) for number, amount in books.receivables),
        "erp_receipts": sorted(str(amount) for _, amount in books.receipts),
        "leads": len(ours["leads"]),
    }
    return hashlib.sha256(orjson.dumps(state, default=str)).hexdigest()[:16]
