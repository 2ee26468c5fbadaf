"""A lead arrives → person → owner → opportunity."""

from collections.abc import Mapping
from typing import Any

from crm_store import UnitOfWork
from crm_store.inbox import Message
from domain.faults import Unmappable
from domain.ports import LeadReader
from domain.records import Lead, plain
from flows.context import Context
from router import LeadFacts, Seat, evaluate

ROUTING = "routing"
WAITING_AT_ONCE = 50
ASKED = ("region", "product_line", "level", "city", "channel", "campaign", "advertiser", "company")


class NobodyBehind(Exception):
    """The source says that this is a test or an ad preview: kept in the inbox, given to nobody."""


async def take_lead(uow: UnitOfWork, message: Message, context: Context) -> str:
    """Returns the mapping version. Raises Unmappable: the message is parked; NobodyBehind: ignored."""
    translated = context.ports.get(message.connection, LeadReader).read_lead(message.kind, message.body)
    lead = translated.record
    if lead.test:
        raise NobodyBehind("来源标明是测试或广告预览 (a test or an ad preview)")
    # Two doors may bring a new lead at once, one with a number and one without: one person all the same.
    await uow.lock(f"lead/{message.connection}/{lead.vendor_id}")
    person_id = await _person(uow, lead, message.connection)
    facts = {key: value for key, value in _facts(lead).items() if value not in (None, "", {})}
    saved = await uow.leads.save(
        connection=message.connection,
        vendor_id=lead.vendor_id,
        inbox_id=message.id,
        person_id=person_id,
        facts=facts,
        submitted_at=lead.created_at,
    )
    if saved.is_new:
        await uow.timeline.note(
            f"lead/{message.connection}/{lead.vendor_id}",
            kind="lead",
            text=f"线索：{lead.channel or message.connection} {lead.campaign or ''}".strip(),
            origin=message.connection,
            person_id=person_id,
            inbox_id=message.id,
            at=lead.created_at,
        )
        await route_lead(uow, saved.id, person_id, facts, message.connection, context)
    return translated.mapping


async def _person(uow: UnitOfWork, lead: Lead, connection: str) -> int:
    """News of a known lead is about its person, with or without a number (a refund hides it)."""
    said = {"name": lead.name, "phone": lead.phone, "email": lead.email, "wechat": lead.wechat}
    known = await uow.leads.find(connection, lead.vendor_id)
    if known is not None:
        await uow.customers.learn(known["person_id"], **said)
        return int(known["person_id"])
    if not (lead.phone or lead.email or lead.wechat):
        raise Unmappable(["没有电话、邮箱或微信，无法联系 (no phone, e-mail or WeChat)"])
    return await uow.customers.person_for(**said)


def _facts(lead: Lead) -> dict[str, object]:
    facts = plain(lead)
    assert isinstance(facts, dict)
    return facts


async def route_lead(
    uow: UnitOfWork, lead_id: int, person_id: int, facts: Mapping[str, Any], source: str, context: Context
) -> bool:
    """Gives the lead to the next in turn, with the reasons; False when nobody can take it now."""
    await uow.lock(ROUTING)
    about = LeadFacts(
        **{name: facts.get(name) for name in ASKED}, answers=facts.get("answers") or {}, source=source
    )
    pool = context.routing.route(about).pool
    open_leads = await uow.leads.open_by_owner()
    stored = await uow.leads.seats(pool)
    seats = {
        person: Seat(
            open_leads=open_leads.get(person, 0),
            current_weight=stored[person]["current_weight"] if person in stored else None,
            assigned=stored[person]["assigned"] if person in stored else 0,
        )
        for person in {*stored, *open_leads}
    }
    decision = evaluate(context.routing, about, seats)
    if decision.owner is None:
        return False
    await uow.leads.assign(
        lead_id,
        owner=decision.owner,
        rule=decision.rule,
        pool=decision.pool,
        weights=decision.new_weights,
        explanation=decision.as_json(),
    )
    title = (
        f"{facts.get('product_line') or facts.get('channel') or '商机'} · {facts.get('name') or person_id}"
    )
    await uow.leads.open_opportunity(lead_id, person_id=person_id, title=title, owner=decision.owner)
    await uow.timeline.note(
        f"lead/{lead_id}/assigned",
        kind="assignment",
        text=f"分配给 {decision.owner}：{decision.reason_zh}",
        origin="router",
        person_id=person_id,
    )
    return True


async def route_waiting(uow: UnitOfWork, context: Context) -> int:
    """Leads that found nobody free, oldest first. Returns how many found an owner."""
    found = 0
    for lead in await uow.leads.waiting(WAITING_AT_ONCE):
        found += await route_lead(
            uow, lead["id"], lead["person_id"], lead["facts"], lead["connection"], context
        )
    return found
