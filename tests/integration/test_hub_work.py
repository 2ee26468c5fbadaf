from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from crm_store import Row, Store
from domain import faults
from domain.faults import Unmappable
from domain.records import Lead
from flows.context import Context
from hub.bootstrap import Hub
from hub.settings import Settings
from hub.work import MESSAGE_ATTEMPTS, Workbench
from tests.factories import (
    NOW,
    SECRET,
    FakeFeed,
    FakeLedger,
    FakePorts,
    FakeReader,
    FakeSigner,
    connect,
    context_of,
    contract,
    line,
    message,
)


def _read(body: bytes) -> Lead:
    if not body.startswith(b"+86"):
        raise Unmappable(["电话无效 (invalid phone)"])
    return Lead(vendor_id=body.decode(), created_at=NOW, phone=body.decode(), name="张三")


class House:
    """A workbench among fake vendors."""

    def __init__(self, store: Store) -> None:
        self.store, self.ledger, self.feed = store, FakeLedger(), FakeFeed()
        ports = FakePorts(
            ads=FakeReader(_read),
            esign_main=FakeSigner(),
            kingdee_main=self.ledger,
            u8_main=FakeLedger(),
            bank_main=self.feed,
        )
        self.context: Context = context_of(store, ports)
        settings = Settings(backoff_base=0.001, backoff_cap=0.001, delivery_attempts=3)
        self.bench = Workbench(Hub(settings, store, ports, self.context))  # type: ignore[arg-type]

    async def said(self, connection: str, body: bytes) -> int:
        async with self.store.transaction() as uow:
            return await message(uow, connection, body)

    async def handle(self, *ids: int) -> list[Row]:
        await self._make_due("inbox")
        await self.bench.handle_messages(ids)
        async with self.store.transaction() as uow:
            rows = [await uow.inbox.get(each) for each in ids]
        return [row for row in rows if row is not None]

    async def customer(self) -> int:
        """A delivery that creates a customer in the ERP."""
        async with self.store.transaction() as uow:
            owner = await contract(uow)
            return await uow.deliveries.add(
                "kingdee-main/customer/C1",
                connection="kingdee-main",
                operation="erp.customer",
                subject=owner.company_id,
                ordering_key="c",
            )

    async def deliver(self, *ids: int) -> list[Row]:
        await self._make_due("deliveries")
        await self.bench.run_deliveries(ids)
        async with self.store.transaction() as uow:
            listed = {row["id"]: row for row in await uow.deliveries.listed()}
        return [listed[each] for each in ids]

    async def tasks(self, kind: str) -> Sequence[Row]:
        async with self.store.transaction() as uow:
            return await uow.open_items.tasks(kind)

    async def _make_due(self, table: str) -> None:
        async with self.store.transaction() as uow:
            await uow.connection.execute(text(f"UPDATE {table} SET due_at = now()"))


@pytest.fixture
async def house(store: Store) -> House:
    async with store.transaction() as uow:
        await connect(uow, "ads", "esign-main", "kingdee-main", "u8-main", "bank-main")
    return House(store)


async def test_a_lead_gets_an_owner_and_a_bad_one_beside_it_is_parked_until_it_is_mended(
    house: House,
) -> None:
    good, bad = await house.said("ads", b"+8613800000001"), await house.said("ads", b"no number")
    first, second = await house.handle(good, bad)
    assert (first["state"], first["mapping"]) == ("handled", "test@1")
    assert (second["state"], second["reason"]) == ("parked", "电话无效 (invalid phone)")
    async with house.store.transaction() as uow:
        await uow.inbox.replace_body(bad, b"+8613800000002")
        await uow.inbox.replay(message_id=bad)
    (mended,) = await house.handle(bad)
    assert mended["state"] == "handled"
    async with house.store.transaction() as uow:
        assert await uow.leads.counts() == {"assigned": 2}


async def test_the_same_message_handed_out_ten_times_is_one_lead(house: House) -> None:
    number = await house.said("ads", b"+8613800000001")
    await house.handle(*[number] * 10)
    async with house.store.transaction() as uow:
        assert await uow.leads.counts() == {"assigned": 1}


async def test_a_callback_before_its_flow_waits_and_is_parked_when_that_is_vain(house: House) -> None:
    number = await house.said("esign-main", b"flow-of-tomorrow")
    (row,) = await house.handle(number)
    assert (row["state"], row["attempts"]) == ("new", 1)
    assert row["due_at"] > row["received_at"]
    async with house.store.transaction() as uow:
        owner = await contract(uow, flow_id=None)
        await uow.contracts.note_flow(owner.flow, flow_id="flow-of-tomorrow")
    (row,) = await house.handle(number)
    assert row["state"] == "handled"

    lost = await house.said("esign-main", b"flow-of-nobody")
    async with house.store.transaction() as uow:
        await uow.connection.execute(text("UPDATE inbox SET attempts = :n"), {"n": MESSAGE_ATTEMPTS})
    (row,) = await house.handle(lost)
    assert row["state"] == "parked"
    assert "flow-of-nobody" in row["reason"]


async def test_a_bug_in_one_message_does_not_stop_the_others(house: House) -> None:
    broken = await house.said("bank-main", b"a body that the feed does not know")
    good = await house.said("ads", b"+8613800000001")
    first, second = await house.handle(broken, good)
    assert (first["state"], second["state"]) == ("new", "handled")
    assert first["reason"].startswith("KeyError")


async def test_a_message_nobody_can_read_is_parked(house: House) -> None:
    async with house.store.transaction() as uow:
        await connect(uow, "stranger")
    (row,) = await house.handle(await house.said("stranger", b"?"))
    assert row["state"] == "parked"


async def test_a_statement_is_taken(house: House) -> None:
    house.feed.lines[b"S"] = [line("12", payer="某人", text="?")]
    (row,) = await house.handle(await house.said("bank-main", b"S"))
    assert row["state"] == "handled"
    assert len(await house.tasks("unexplained_receipt")) == 1


async def test_after_doubt_the_document_is_looked_up_and_not_made_again(house: House) -> None:
    number = await house.customer()
    create = house.ledger.create_customer

    async def create_and_lose_the_answer(company: Any) -> Any:
        await create(company)
        raise faults.UnknownOutcome("no answer")

    house.ledger.create_customer = create_and_lose_the_answer  # type: ignore[method-assign]
    (row,) = await house.deliver(number)
    assert (row["state"], row["fault"]) == ("unknown", "UnknownOutcome")
    (row,) = await house.deliver(number)
    assert (row["state"], row["fault"]) == ("done", None)
    assert len(house.ledger.creations) == 1


async def test_a_wrong_password_pauses_the_connection_once_and_resuming_goes_on(house: House) -> None:
    number = await house.customer()
    async with house.store.transaction() as uow:
        row = (await uow.deliveries.listed())[0]
        other = await uow.deliveries.add(
            "other",
            connection="kingdee-main",
            operation="erp.customer",
            subject=row["subject"],
            ordering_key="x",
        )
    house.ledger.failing = [faults.Misconfigured("密码错误"), faults.Misconfigured("密码错误")]
    await house.deliver(number, other)
    async with house.store.transaction() as uow:
        states = {each.id: each.state for each in await uow.connections.all()}
    assert states["kingdee-main"] == "paused"
    assert states["u8-main"] == "active"
    assert len(await house.tasks("connection_paused")) == 1
    house.ledger.failing = []
    (row,) = await house.deliver(number)
    assert row["state"] == "retry", "nothing is sent while it is paused"
    async with house.store.transaction() as uow:
        await uow.connections.resume("kingdee-main")
    rows = await house.deliver(number, other)
    assert [each["state"] for each in rows] == ["done", "done"]


async def test_a_dead_letter_asks_somebody_and_a_replay_that_works_withdraws_it(house: House) -> None:
    number = await house.customer()
    house.ledger.failing = [faults.Rejected("客户名称重复")]
    (row,) = await house.deliver(number)
    assert (row["state"], row["reason"]) == ("failed", "客户名称重复")
    (task,) = await house.tasks("dead_letter")
    assert (task["owner"], task["detail"]["fault"]) == ("sales", "Rejected")
    for _ in range(2):
        house.ledger.failing = [faults.Rejected("客户名称重复")]
        async with house.store.transaction() as uow:
            await uow.deliveries.replay(delivery_id=number)
        await house.deliver(number)
    assert len(await house.tasks("dead_letter")) == 3, "each failure is told"
    async with house.store.transaction() as uow:
        await uow.deliveries.replay(connection="kingdee-main")
    (row,) = await house.deliver(number)
    assert row["state"] == "done"
    assert await house.tasks("dead_letter") == []


@pytest.mark.parametrize("fault", [faults.Rejected, faults.Transient, faults.Misconfigured])
async def test_a_secret_that_the_vendor_repeats_is_not_written_down(
    house: House, fault: type[faults.Fault]
) -> None:
    number = await house.customer()
    house.ledger.failing = [fault(f"{SECRET} 不对")]
    (row,) = await house.deliver(number)
    assert row["reason"] == "*** 不对"
    for kind in ("dead_letter", "connection_paused"):
        assert SECRET not in repr(await house.tasks(kind))


async def test_what_fails_every_time_ends_as_a_dead_letter(house: House) -> None:
    number = await house.customer()
    house.ledger.failing = [faults.Transient("down")] * 3
    states = [(await house.deliver(number))[0]["state"] for _ in range(3)]
    assert states == ["retry", "retry", "failed"]


async def test_an_outage_of_our_own_database_is_no_dead_letter(house: House) -> None:
    number = await house.customer()
    house.ledger.failing = [OperationalError("SELECT", {}, Exception("server closed the connection"))]
    (row,) = await house.deliver(number)
    assert (row["state"], row["fault"]) == ("unknown", "UnknownOutcome")
    assert (await house.deliver(number))[0]["state"] == "done"


async def test_a_bug_in_one_delivery_is_kept_and_does_not_stop_the_others(house: House) -> None:
    good = await house.customer()
    async with house.store.transaction() as uow:
        bad = await uow.deliveries.add(
            "bad", connection="kingdee-main", operation="no.such", subject=1, ordering_key="b"
        )
    rows = await house.deliver(bad, good)
    assert [(row["state"], row["fault"]) for row in rows] == [("failed", "Malformed"), ("done", None)]


async def test_a_result_that_cannot_be_written_down_is_tried_again_and_not_for_ever(house: House) -> None:
    number = await house.customer()
    async with house.store.transaction() as uow:
        await uow.connection.execute(text("ALTER TABLE timeline ADD CONSTRAINT broken CHECK (kind <> 'erp')"))
    try:
        states = [(await house.deliver(number))[0]["state"] for _ in range(3)]
    finally:
        async with house.store.transaction() as uow:
            await uow.connection.execute(text("ALTER TABLE timeline DROP CONSTRAINT broken"))
    assert states == ["unknown", "unknown", "failed"]
    assert len(house.ledger.creations) == 1
