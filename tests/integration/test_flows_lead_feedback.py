"""A lead's source is told that it was contacted and won, where the connection wants that."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import pytest

from crm_store import Store
from crm_store.inbox import Message
from domain.faults import Malformed, Unmappable
from domain.ports import LeadOutcome
from domain.records import Lead
from domain.states import SigningState
from flows import lead_feedback, signing
from flows.contracts import Refused
from flows.lead_intake import take_lead
from hub.work import OPERATIONS, _dispatch
from tests.factories import NOW, FakePorts, FakeReader, FakeSigner, connect, context_of, contract, message

LEAD = Lead(vendor_id="L1", created_at=NOW, name="张三", phone="+8613800000001")


@dataclass
class FakeSource:
    feeds_back: bool = True
    told: list[tuple[str, str, datetime]] = field(default_factory=list)

    async def report(
        self, vendor_id: str, outcome: LeadOutcome, at: datetime, reason: str | None = None
    ) -> None:
        self.told.append((vendor_id, outcome, at))


async def _arrived(store: Store, **changes: Any) -> None:
    """The lead L1 at the connection ads, with an owner."""
    lead = replace(LEAD, **changes)
    context = context_of(store, FakePorts(ads=FakeReader(lambda body: lead)))
    async with store.transaction() as uow:
        await connect(uow, "ads")
        taken = await uow.inbox.take(await message(uow, "ads"))
        assert taken is not None
        await take_lead(uow, taken, context)


async def _contacted(store: Store, source: object) -> bool:
    context = context_of(store, FakePorts(ads=source))
    return await store.run(lambda uow: lead_feedback.contacted(uow, "ads", "L1", context))


async def _deliveries(store: Store) -> list[tuple[str, str]]:
    async with store.transaction() as uow:
        listed = await uow.deliveries.listed()
    return [(row["key"], row["state"]) for row in listed if row["operation"] == lead_feedback.FEEDBACK]


async def _carry_out(store: Store, source: FakeSource, key: str) -> None:
    context = context_of(store, FakePorts(ads=source))
    async with store.transaction() as uow:
        row = await uow.deliveries.by_key(key)
        assert row is not None
        delivery = await uow.deliveries.claim(row["id"])
    assert delivery is not None
    outcome = await OPERATIONS[lead_feedback.FEEDBACK](context, delivery)
    async with store.transaction() as uow:
        await outcome.apply(uow)
        await uow.deliveries.finish(delivery, vendor_id=outcome.vendor_id)


async def test_a_contact_is_reported_once(store: Store) -> None:
    await _arrived(store)
    source = FakeSource()
    assert [await _contacted(store, source) for _ in range(3)] == [True, False, False]
    key = "ads/feedback/L1/contacted"
    assert await _deliveries(store) == [(key, "pending")]
    await _carry_out(store, source, key)
    assert [(vendor_id, outcome) for vendor_id, outcome, _ in source.told] == [("L1", "contacted")]
    assert await _deliveries(store) == [(key, "done")]
    async with store.transaction() as uow:
        lead = await uow.leads.find("ads", "L1")
        assert lead is not None
        noted = await uow.timeline.of_customer(person_id=lead["person_id"])
    assert {"contact", "feedback"} <= {row["kind"] for row in noted}


@pytest.mark.parametrize("source", [FakeSource(feeds_back=False), FakeSigner()])
async def test_a_source_that_does_not_want_it_is_not_told(store: Store, source: object) -> None:
    await _arrived(store)
    assert not await _contacted(store, source)
    assert await _deliveries(store) == []


async def test_what_cannot_have_been_contacted_is_refused(store: Store) -> None:
    with pytest.raises(Refused, match="没有线索"):
        await _contacted(store, FakeSource())
    await _arrived(store)
    async with store.transaction() as uow:
        await uow.connection.exec_driver_sql("UPDATE leads SET state = 'waiting', owner = NULL")
    with pytest.raises(Refused, match="还没有分配"):
        await _contacted(store, FakeSource())


async def test_a_signed_contract_is_reported_as_won_after_the_contact(store: Store) -> None:
    async with store.transaction() as uow:
        owner = await contract(uow)
        lead = (await uow.leads.listed())[0]
        signer, source = FakeSigner(), FakeSource()
        signer.put(f"{owner.number}/flow-1", f"{owner.number}#1", SigningState.SIGNED)
        context = context_of(store, FakePorts(ads=source, esign_main=signer))
        assert await lead_feedback.contacted(uow, "ads", lead["vendor_id"], context)
        number = await uow.deliveries.add(
            "fetch",
            connection="esign-main",
            operation=signing.FETCH,
            subject=owner.flow,
            ordering_key="fetch",
        )
        fetch = await uow.deliveries.claim(number)
    assert fetch is not None
    await store.run((await signing.fetch_flow(context, fetch)).apply)
    lane = f"ads/feedback/{lead['vendor_id']}"
    assert await _deliveries(store) == [(f"{lane}/won", "pending"), (f"{lane}/contacted", "pending")]
    async with store.transaction() as uow:
        won = await uow.deliveries.by_key(f"{lane}/won")
        assert won is not None
        assert await uow.deliveries.claim(won["id"]) is None  # not before the contact
    for outcome in ("contacted", "won"):
        await _carry_out(store, source, f"{lane}/{outcome}")
    assert [outcome for _, outcome, _ in source.told] == ["contacted", "won"]


async def test_a_contact_after_the_contract_does_not_undo_what_the_source_knows(store: Store) -> None:
    async with store.transaction() as uow:
        await contract(uow)
        lead = (await uow.leads.listed())[0]
        opportunity = await uow.leads.opportunity_of(lead["id"])
        assert opportunity is not None
        await uow.leads.end(opportunity["id"], "won")
        context = context_of(store, FakePorts(ads=FakeSource()))
        assert await lead_feedback.won(uow, opportunity["id"], context)
        assert not await lead_feedback.won(uow, opportunity["id"], context)
        assert not await lead_feedback.contacted(uow, "ads", lead["vendor_id"], context)


async def test_a_key_that_names_no_report_stops(store: Store) -> None:
    await _arrived(store)
    async with store.transaction() as uow:
        await uow.deliveries.add(
            "ads/feedback/L1/other",
            connection="ads",
            operation=lead_feedback.FEEDBACK,
            subject=1,
            ordering_key="ads/feedback/L1",
        )
    with pytest.raises(Malformed):
        await _carry_out(store, FakeSource(), "ads/feedback/L1/other")


# --- what the doors that bring no leads bring


async def test_events_are_kept_and_nothing_follows(store: Store) -> None:
    def never(body: bytes) -> Lead:
        raise AssertionError("an event is not read as a lead")

    context = context_of(store, FakePorts(ads=FakeReader(never)))
    async with store.transaction() as uow:
        await connect(uow, "ads")
        number = await message(uow, "ads", b"{}", "event.spi")
        taken: Message | None = await uow.inbox.take(number)
        assert taken is not None
        await _dispatch(uow, taken, context)
        row = await uow.inbox.get(number)
    assert row is not None
    assert row["state"] == "ignored"


async def test_news_without_a_number_belongs_to_the_known_lead(store: Store) -> None:
    """A refund hides the number: what is known stays. Without a known lead nobody could be reached."""
    with pytest.raises(Unmappable):
        await _arrived(store, phone=None)
    await _arrived(store, phone=None, wechat="demo_wx")
    await _arrived(store, city="杭州")
    await _arrived(store, phone=None)
    async with store.transaction() as uow:
        (lead,) = await uow.leads.listed()
        people = (await uow.connection.exec_driver_sql("SELECT phone, wechat FROM people")).all()
    assert (lead["facts"]["phone"], lead["facts"]["city"]) == ("+8613800000001", "杭州")
    assert [tuple(row) for row in people] == [("+8613800000001", "demo_wx")]


async def _lost(store: Store, source: object, *, vendor_id: str = "L1", invalid: bool = False) -> bool:
    context = context_of(store, FakePorts(ads=source))
    return await store.run(
        lambda uow: lead_feedback.lost(
            uow, "ads", vendor_id, by="示例甲", reason="预算取消", invalid=invalid, context=context
        )
    )


async def test_a_lost_lead_makes_room_for_another(store: Store) -> None:
    await _arrived(store)
    assert [await _lost(store, FakeSource()) for _ in range(3)] == [True, False, False]
    async with store.transaction() as uow:
        assert await uow.leads.open_by_owner() == {}
        lead = await uow.leads.find("ads", "L1")
        assert lead is not None
        opportunity = await uow.leads.opportunity_of(lead["id"])
        noted = await uow.timeline.of_customer(person_id=lead["person_id"])
    assert lead["state"] == "closed"
    assert opportunity is not None
    assert opportunity["stage"] == "lost"
    assert [row["text"] for row in noted if "未成交" in row["text"]] == ["示例甲：线索未成交（预算取消）"]
    assert await _deliveries(store) == []


async def test_the_source_is_told_of_an_invalid_lead_once(store: Store) -> None:
    await _arrived(store)
    source = FakeSource()
    assert [await _lost(store, source, invalid=True) for _ in range(2)] == [True, False]
    await _carry_out(store, source, "ads/feedback/L1/invalid")
    assert [(vendor_id, outcome) for vendor_id, outcome, _ in source.told] == [("L1", "invalid")]


async def test_what_cannot_be_lost_is_refused(store: Store) -> None:
    with pytest.raises(Refused, match="没有线索"):
        await _lost(store, FakeSource())
    await _arrived(store)
    async with store.transaction() as uow:
        await uow.connection.exec_driver_sql("DELETE FROM opportunities")
    with pytest.raises(Refused, match="还没有分配"):
        await _lost(store, FakeSource())


@pytest.mark.parametrize(
    ("state", "refused"), [("draft", True), ("sent", True), ("signed", True), ("declined", False)]
)
async def test_a_lead_with_a_contract_under_way_is_not_lost(store: Store, state: str, refused: bool) -> None:
    async with store.transaction() as uow:
        await contract(uow, state=state)
        lead = (await uow.leads.listed())[0]
    if refused:
        with pytest.raises(Refused, match="还在办"):
            await _lost(store, FakeSource(), vendor_id=lead["vendor_id"])
    else:
        assert await _lost(store, FakeSource(), vendor_id=lead["vendor_id"])
