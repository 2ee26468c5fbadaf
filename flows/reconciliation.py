"""What do the CRM, the signing service, the ERP and the bank say of one thing? Each difference has a name."""

from collections.abc import AsyncIterator, Mapping
from datetime import date, timedelta

from crm_store import Row, UnitOfWork
from crm_store.open_items import Disagreement
from domain.faults import Fault
from domain.money import Money
from domain.ports import ErpLedger, Signer
from domain.records import ErpDocument
from domain.states import SIGNING_NEWS, ContractState, move_contract
from flows.cash import receipt_key
from flows.context import Context
from flows.receivables import receivable_key

LOOK_BACK = timedelta(days=400)

MISSING_IN_ERP = "missing_in_erp"
UNKNOWN_HERE = "unknown_here"
AMOUNT_DIFFERS = "amount_differs"
LINE_WITHOUT_RECEIPT = "bank_line_without_receipt"
SIGNING_DIFFERS = "signing_differs"
NOT_COMPARED = "not_compared"

NAMES = {
    MISSING_IN_ERP: "合同已签，ERP 没有单据",
    UNKNOWN_HERE: "ERP 有单据，本系统不认识",
    AMOUNT_DIFFERS: "金额不一致",
    LINE_WITHOUT_RECEIPT: "银行流水没有收款单",
    SIGNING_DIFFERS: "签署状态不一致",
    NOT_COMPARED: "对方系统没有回答，未能对账",
}


async def reconcile(context: Context) -> list[Disagreement]:
    """Compares everything now, keeps the differences, and closes those that are gone.

    A draft in the ERP is no difference: both sides have the document, and where a person must verify it, an
    open task says so (flows/verification.py). A connection that cannot read states shows nothing but drafts.
    """
    comparisons = [
        *(
            (name, _compare_erp(context, name, ledger))
            for name, ledger in context.ports.all(ErpLedger).items()
        ),
        *((name, _compare_signing(context, name, one)) for name, one in context.ports.all(Signer).items()),
    ]
    found: list[Disagreement] = []
    for connection, comparison in comparisons:
        try:
            found += await comparison
        except Fault as fault:  # one system that is down must not hide what the others say
            found.append(_not_compared(connection, fault))
    complete = all(item.kind != NOT_COMPARED for item in found)
    async with context.store.transaction() as uow:
        found += [_line_without_receipt(row) for row in await uow.bank.lines_without_receipt()]
        await uow.open_items.found(found, complete=complete)
    return found


async def repair(uow: UnitOfWork, disagreement: Row) -> bool:
    """Does what `repair` says where a machine may; False: a person has to decide."""
    if disagreement["kind"] != MISSING_IN_ERP:
        return False
    return bool(await uow.deliveries.redo(disagreement["ours"]["delivery"]))


async def _compare_erp(context: Context, connection: str, ledger: ErpLedger) -> list[Disagreement]:
    since = (context.clock.now() - LOOK_BACK).date()
    # Ours first: a document that we post while the ERP is being read must not look unknown to us.
    async with context.store.transaction() as uow:
        before = await _settled(uow, connection, since)
    theirs = await _by_number(ledger.list_receivables(since)) | await _by_number(ledger.list_receipts(since))
    async with context.store.transaction() as uow:
        ours = await _known(uow, connection)
    found = [_missing(connection, row, key) for row, key in before if row["number"] not in theirs]
    for number, document in theirs.items():
        if number not in ours:
            found.append(_unknown(connection, document))
        elif document.amount is not None and document.amount != _amount(ours[number]):
            found.append(_differs(connection, ours[number], document))
    return found


async def _by_number(documents: AsyncIterator[ErpDocument]) -> dict[str, ErpDocument]:
    return {document.number: document async for document in documents}


async def _settled(uow: UnitOfWork, connection: str, since: date) -> list[tuple[Row, str]]:
    """Documents that must stand in the ERP, because their delivery is done; with the delivery's key."""
    keyed = [
        *(
            (row, receivable_key(connection, row["number"]))
            for row in await uow.receivables.of_connection(connection)
        ),
        *((row, receipt_key(connection, row["number"])) for row in await uow.bank.of_connection(connection)),
    ]
    settled = []
    for row, key in keyed:
        delivery = await uow.deliveries.by_key(key)
        if row["document_date"] >= since and delivery is not None and delivery["state"] == "done":
            settled.append((row, key))
    return settled


async def _known(uow: UnitOfWork, connection: str) -> dict[str, Row]:
    rows = [
        *await uow.receivables.of_connection(connection),
        *await uow.bank.of_connection(connection),
    ]
    return {row["number"]: row for row in rows}


def _amount(row: Row) -> Money:
    return Money.from_minor(row["amount_minor"], row["currency"])


def _missing(connection: str, row: Row, key: str) -> Disagreement:
    return Disagreement(
        kind=MISSING_IN_ERP,
        subject=f"{connection}/{row['number']}",
        owner="finance",
        ours={"number": row["number"], "amount": str(_amount(row)), "delivery": key},
        theirs={},
        repair="重新生成：先按单号查找，没有再创建 (redo)",
    )


def _unknown(connection: str, document: ErpDocument) -> Disagreement:
    return Disagreement(
        kind=UNKNOWN_HERE,
        subject=f"{connection}/{document.number}",
        owner="finance",
        ours={},
        theirs=_evidence(document),
        repair="由财务认领或在 ERP 作废 (claim it, or void it in the ERP)",
    )


def _differs(connection: str, row: Row, document: ErpDocument) -> Disagreement:
    return Disagreement(
        kind=AMOUNT_DIFFERS,
        subject=f"{connection}/{document.number}",
        owner="finance",
        ours={"number": row["number"], "amount": str(_amount(row))},
        theirs=_evidence(document),
        repair="由财务决定以哪边为准 (finance decides which is right)",
    )


def _evidence(document: ErpDocument) -> Mapping[str, object]:
    return {"number": document.number, "id": document.vendor_id, "amount": str(document.amount)}


def _line_without_receipt(row: Row) -> Disagreement:
    return Disagreement(
        kind=LINE_WITHOUT_RECEIPT,
        subject=f"{row['account']}/{row['line_key']}",
        owner="finance",
        ours={"bank_line": row["id"], "amount": str(_amount(row))},
        theirs={},
        repair="重新处理对账单 (replay the statement)",
    )


def _not_compared(connection: str, fault: Fault) -> Disagreement:
    return Disagreement(
        kind=NOT_COMPARED,
        subject=connection,
        owner="it",
        ours={},
        theirs={"fault": fault.kind, "message": str(fault)},
        repair="恢复连接后再对账 (reconcile again once it answers)",
    )


async def _compare_signing(context: Context, connection: str, signer: Signer) -> list[Disagreement]:
    """A flow that has ended at the service while we still wait for it."""
    async with context.store.transaction() as uow:
        flows = await uow.contracts.flows_under_way(connection)
        contracts = {flow["id"]: await uow.contracts.get(flow["contract_id"]) for flow in flows}
    found = []
    for flow in flows:
        now = await signer.flow(flow["flow_id"])
        event = SIGNING_NEWS[now.state]
        state = ContractState(contracts[flow["id"]]["state"])
        if event is not None and move_contract(state, event).changed:
            found.append(
                Disagreement(
                    kind=SIGNING_DIFFERS,
                    subject=contracts[flow["id"]]["number"],
                    owner="sales",
                    ours={"state": state},
                    theirs={"state": now.state, "flow": now.flow_id},
                    repair="下次轮询会取回 (the next poll fetches it)",
                )
            )
    return found
