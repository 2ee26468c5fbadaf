"""Documents that a person verifies (审核) in the ERP: asked for by a task, closed by reading back.

Only a verified document counts in an ERP's books. Where the vendor has a call for it, the posting makes it;
through U8's XML door there is none, and what was posted stays a draft there until finance has verified it.
Customers are archives: where the call is missing, nothing waits for it.
"""

from connector_kit import exchange_subject
from crm_store import Row, UnitOfWork
from crm_store.deliveries import Delivery
from domain.ports import ErpLedger
from domain.records import DocumentState, ErpDocument, Receipt, Receivable
from flows.context import Context
from flows.read_back import look_at_each

VERIFY = "verify"
NAMES = {"receivable": "应收单", "receipt": "收款单"}


async def ask_to_verify(
    uow: UnitOfWork, delivery: Delivery, record: Receivable | Receipt, document: ErpDocument
) -> None:
    """For what is not DONE after all calls. A document that was made anew is asked for anew."""
    if document.state is DocumentState.DONE:
        return
    kind, contracts = _about(record)
    await uow.open_items.open_task(
        read_back(delivery.key),
        kind=VERIFY,
        owner="finance",
        title=f"请在 {delivery.connection} 审核{NAMES[kind]} {record.number}（{record.amount}）",
        detail={
            "connection": delivery.connection,
            "document": kind,
            "number": record.number,
            "vendor_id": document.vendor_id,
            "customer": record.customer_name,
            "amount": str(record.amount.amount),
            "currency": record.amount.currency,
            "contracts": contracts,
        },
        reopen=True,
    )


def _about(record: Receivable | Receipt) -> tuple[str, list[str]]:
    """Which of NAMES it is, and the contracts that it belongs to."""
    if isinstance(record, Receivable):
        return "receivable", [record.contract_number]
    return "receipt", sorted({part.contract_number for part in record.allocations})


def read_back(delivery_key: str) -> str:
    """The task's key, and the subject under which the evidence of a verification is kept."""
    return f"{VERIFY}/{delivery_key}"


async def check_verifications(context: Context, connection: str) -> int:
    """Reads back the state of what finance was asked to verify. Returns how many tasks that has closed.

    One that is gone stays asked for: reconciliation names the loss, and its repair makes another draft.
    """
    async with context.store.transaction() as uow:
        tasks = [
            task for task in await uow.open_items.tasks(VERIFY) if task["detail"]["connection"] == connection
        ]
    ledger = context.ports.get(connection, ErpLedger)
    find = {"receivable": ledger.find_receivable, "receipt": ledger.find_receipt}

    async def look(task: Row) -> bool:
        with exchange_subject(task["key"]):
            document = await find[task["detail"]["document"]](task["detail"]["number"])
        if document is None or document.state is not DocumentState.DONE:
            return False
        async with context.store.transaction() as uow:
            return await _close(uow, task)

    return await look_at_each(tasks, look)


async def _close(uow: UnitOfWork, task: Row) -> bool:
    """False: a person has closed it in between."""
    if not await uow.open_items.close_task(task["key"], "财务"):
        return False
    detail = task["detail"]
    for number in detail["contracts"]:
        contract = await uow.contracts.by_number(number)
        assert contract is not None
        await uow.timeline.note(
            f"{task['key']}/{number}",
            kind="erp",
            text=f"{NAMES[detail['document']]} {detail['number']} 已在 {detail['connection']} 审核（财务）",
            origin=detail["connection"],
            company_id=contract["company_id"],
            contract_id=contract["id"],
        )
    return True
