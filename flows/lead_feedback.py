"""What became of a lead, told to its source where the connection wants that (线索回传)."""

from typing import get_args

from crm_store import Row, UnitOfWork
from crm_store.deliveries import Delivery
from domain.faults import Malformed
from domain.ports import LeadFeedback, LeadOutcome
from flows.context import Context, Outcome
from flows.contracts import Refused

FEEDBACK = "lead.feedback"
OUTCOMES: dict[str, LeadOutcome] = {outcome: outcome for outcome in get_args(LeadOutcome)}
TEXTS: dict[LeadOutcome, str] = {
    "contacted": "已联系",
    "qualified": "意向明确",
    "won": "已成交",
    "invalid": "无效",
}


async def contacted(uow: UnitOfWork, connection: str, vendor_id: str, context: Context) -> bool:
    """A salesperson has spoken to the person. False: nobody has to be told, or it is told; after the contract
    was signed it would undo what the source knows. Raises Refused."""
    lead = await uow.leads.find(connection, vendor_id)
    if lead is None:
        raise Refused(f"没有线索 {connection}/{vendor_id} (no such lead)")
    if lead["state"] == "waiting":
        raise Refused("线索还没有分配，无人可以联系 (the lead has no owner yet)")
    await uow.timeline.note(
        f"lead/{lead['id']}/contacted",
        kind="contact",
        text=f"{lead['owner']} 已联系客户",
        origin="crm",
        person_id=lead["person_id"],
    )
    return bool(lead["state"] == "assigned") and await _tell(uow, lead, "contacted", context)


async def lost(
    uow: UnitOfWork,
    connection: str,
    vendor_id: str,
    *,
    by: str,
    reason: str,
    invalid: bool,
    context: Context,
) -> bool:
    """Nothing comes of it, and its owner has room for another. False: that was said before. Raises Refused.

    `invalid`: there never was a customer behind it (a wrong number, a joke), and its source is told.
    """
    lead = await uow.leads.find(connection, vendor_id)
    if lead is None:
        raise Refused(f"没有线索 {connection}/{vendor_id} (no such lead)")
    opportunity = await uow.leads.opportunity_of(lead["id"])
    if opportunity is None:
        raise Refused("线索还没有分配，无从关闭 (the lead has no owner yet)")
    if opportunity["stage"] == "lost":
        return False
    contract = await uow.contracts.under_way(opportunity["id"])
    if contract is not None:
        raise Refused(f"合同 {contract} 还在办，不能关闭线索 (a contract is under way or signed)")
    await uow.leads.end(opportunity["id"], "lost")
    await uow.timeline.note(
        f"lead/{lead['id']}/lost",
        kind="lead",
        text=f"{by}：线索{'无效' if invalid else '未成交'}（{reason}）",
        origin="crm",
        person_id=lead["person_id"],
    )
    if invalid:
        await _tell(uow, lead, "invalid", context)
    return True


async def won(uow: UnitOfWork, opportunity_id: int, context: Context) -> bool:
    """Its contract is signed."""
    opportunity = await uow.leads.opportunity(opportunity_id)
    lead = await uow.leads.get(opportunity["lead_id"]) if opportunity else None
    return lead is not None and await _tell(uow, lead, "won", context)


async def _tell(uow: UnitOfWork, lead: Row, outcome: LeadOutcome, context: Context) -> bool:
    source = context.ports.all(LeadFeedback).get(lead["connection"])
    if source is None or not source.feeds_back:
        return False
    lane = f"{lead['connection']}/feedback/{lead['vendor_id']}"
    key = f"{lane}/{outcome}"
    if await uow.deliveries.by_key(key):
        return False
    await uow.deliveries.add(
        key,
        connection=lead["connection"],
        operation=FEEDBACK,
        subject=lead["id"],
        ordering_key=lane,
    )
    return True


async def report(context: Context, delivery: Delivery) -> Outcome:
    """Again after any doubt: it sets the lead at its source to a state, and the same state is no news."""
    async with context.store.transaction() as uow:
        lead = await uow.leads.get(delivery.subject)
    outcome = OUTCOMES.get(delivery.key.rsplit("/", 1)[-1])
    if lead is None or outcome is None:
        raise Malformed(f"{delivery.key} 不是线索回传 (names no report)")
    source = context.ports.get(delivery.connection, LeadFeedback)
    await source.report(lead["vendor_id"], outcome, delivery.created_at)

    async def apply(uow: UnitOfWork) -> None:
        await uow.timeline.note(
            delivery.key,
            kind="feedback",
            text=f"已向 {delivery.connection} 回传：{TEXTS[outcome]}",
            origin=delivery.connection,
            person_id=lead["person_id"],
            delivery_id=delivery.id,
        )

    return Outcome(lead["vendor_id"], apply)
