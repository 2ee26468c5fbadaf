"""What people read: one contract's whole chain with its evidence, and the counts of everything."""

from collections.abc import Sequence
from typing import Any

from crm_store import Row, UnitOfWork
from domain.states import SigningAct
from flows import cash, contracts, evidence, receivables, signing, verification

BODY_SHOWN = 4000


async def summarise(uow: UnitOfWork) -> dict[str, Any]:
    return {
        "inbox": await uow.inbox.counts(),
        "refused": await uow.inbox.refused_counts(),
        "deliveries": await uow.deliveries.counts(),
        "leads": await uow.leads.counts(),
        "contracts": await uow.contracts.counts(),
        "receivables": await uow.receivables.counts(),
        "receipts": await uow.bank.counts(),
        "tasks": _count(await uow.open_items.tasks()),
        "disagreements": _count(await uow.open_items.disagreements()),
    }


def _count(rows: Sequence[Row]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for row in rows:
        counts[row["kind"]] = counts.get(row["kind"], 0) + 1
    return counts


def shown_message(row: Row, *, about: str = "") -> dict[str, Any]:
    """An inbox row with its body as text: the beginning, or of a long one the part around `about`."""
    body = bytes(row["body"])
    start = max(0, body.find(about.encode()) - BODY_SHOWN // 2) if about else 0
    return {**row, "body": body[start : start + BODY_SHOWN].decode("utf-8", "replace")}


async def trace_contract(uow: UnitOfWork, number: str) -> dict[str, Any] | None:
    """Every link from the lead to the write-off, each with the raw message or exchange that proves it."""
    contract = await uow.contracts.by_number(number)
    if contract is None:
        return None
    opportunity = await uow.leads.opportunity(contract["opportunity_id"])
    assert opportunity is not None
    return {
        "contract": dict(contract),
        "customer": dict(await uow.customers.company(contract["company_id"])),
        "lead": await _lead(uow, opportunity["lead_id"]),
        "opportunity": dict(opportunity),
        "signing": [await _flow(uow, row) for row in await uow.contracts.flows_of(contract["id"])],
        "receivables": [
            await _receivable(uow, contract, row) for row in await uow.receivables.of_contract(contract["id"])
        ],
        "receipts": [await _receipt(uow, row) for row in await uow.bank.receipts_of_contract(contract["id"])],
        "timeline": [
            dict(row)
            for row in sorted(
                {
                    row["id"]: row
                    for row in [
                        *await uow.timeline.of_contract(contract["id"]),
                        *await uow.timeline.of_customer(person_id=opportunity["person_id"]),
                    ]
                }.values(),
                key=lambda row: (row["at"], row["id"]),
            )
        ],
    }


async def _lead(uow: UnitOfWork, lead_id: int) -> dict[str, Any]:
    lead = await uow.leads.get(lead_id)
    assert lead is not None
    message = await uow.inbox.get(lead["inbox_id"])
    assignment = await uow.leads.assignment(lead_id)
    return {
        **lead,
        "message": shown_message(message) if message else None,
        "assignment": dict(assignment) if assignment else None,
    }


async def _flow(uow: UnitOfWork, flow: Row) -> dict[str, Any]:
    operations = (contracts.SEND, signing.FETCH, signing.ARCHIVE)
    sent = [await _deliveries(uow, operation, flow["id"]) for operation in operations]
    callbacks = [
        await uow.inbox.get(row["inbox_id"])
        for row in await uow.timeline.of_contract(flow["contract_id"])
        if row["kind"] == "signing" and row["inbox_id"]
    ]
    return {
        **flow,
        "deliveries": [each for group in sent for each in group],
        "acts": [await _act(uow, row) for row in await uow.signing_acts.of_flow(flow["id"])],
        "callbacks": [shown_message(message) for message in callbacks if message],
    }


async def _act(uow: UnitOfWork, act: Row) -> dict[str, Any]:
    """What a person asked of the service, or the evidence that was fetched from it."""
    reporting = act["act"] == SigningAct.EVIDENCE
    operations = (evidence.APPLY, evidence.FETCH) if reporting else (f"sign.{act['act']}",)
    sent = [await _deliveries(uow, operation, act["id"]) for operation in operations]
    return {**act, "deliveries": [each for group in sent for each in group]}


async def _receivable(uow: UnitOfWork, contract: Row, row: Row) -> dict[str, Any]:
    return {
        **row,
        "deliveries": [
            *await _deliveries(uow, receivables.CUSTOMER, contract["company_id"]),
            *await _deliveries(uow, receivables.RECEIVABLE, row["id"]),
        ],
        "verification": await _verification(
            uow, receivables.receivable_key(row["connection"], row["number"])
        ),
    }


async def _receipt(uow: UnitOfWork, row: Row) -> dict[str, Any]:
    line = await uow.bank.line(row["bank_line_id"])
    statement = await uow.inbox.get(line["inbox_id"])
    return {
        **row,
        "bank_line": dict(line),
        "statement": shown_message(statement, about=str(line["facts"]["bank_reference"]))
        if statement
        else None,
        "allocations": [dict(each) for each in await uow.bank.allocations_of(row["id"])],
        "deliveries": await _deliveries(uow, cash.RECEIPT, row["id"]),
        "verification": await _verification(uow, cash.receipt_key(row["connection"], row["number"])),
        "write_off": [dict(each) for each in await uow.deliveries.exchanges(cash.read_back(row["number"]))],
    }


async def _verification(uow: UnitOfWork, delivery_key: str) -> list[dict[str, Any]]:
    """What was read back where a person verifies; empty where the posting did."""
    return [dict(each) for each in await uow.deliveries.exchanges(verification.read_back(delivery_key))]


async def _deliveries(uow: UnitOfWork, operation: str, subject: int) -> list[dict[str, Any]]:
    return [
        {
            **row,
            "exchanges": [dict(each) for each in await uow.deliveries.exchanges(f"delivery/{row['id']}")],
        }
        for row in await uow.deliveries.of(operation, subject)
    ]
