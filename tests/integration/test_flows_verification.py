"""What finance is asked to verify, and how that ends: through both doors of U8, whatever comes between."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from sqlalchemy import text

from crm_store import Row, Store, UnitOfWork
from crm_store.timeline import Timeline
from domain import faults
from domain.records import DocumentState, ErpDocument, Receivable, Trigger
from flows import cash, receivables, reconciliation, verification
from flows.context import Context
from flows.verification import VERIFY, check_verifications
from hub.bootstrap import Hub, open_hub
from hub.jobs import run_jobs
from hub.reports import trace_contract
from hub.screens import show_trace
from hub.settings import Settings
from hub.work import Workbench
from sandboxes.common import Running, running
from sandboxes.yonyou_u8 import SANDBOX
from tests.factories import (
    KEY,
    FakeFeed,
    FakeLedger,
    FakePorts,
    context_of,
    contract,
    document,
    line,
    message,
    yuan,
)

CONTRACT, RECEIVABLE = "HT-2026-0001", "HT-2026-0001-1"
TASK = f"{VERIFY}/u8-main/receivable/{RECEIVABLE}"
DEADLINE = 60


class Killed(Exception):
    """Stands for the end of a process."""


@dataclass
class Desk:
    """A hub at work on one signed contract, and the accountant's list of tasks."""

    store: Store
    hub: Hub

    async def owe(self) -> None:
        async with self.store.transaction() as uow:
            owner = await contract(uow, CONTRACT, state="signed", erp="u8-main")
            row = await uow.contracts.get(owner.contract_id)
            await receivables.open_receivables(uow, row, Trigger.SIGNED, self.hub.context)

    async def pay(self) -> str:
        """A statement with the whole amount. Returns the receipt's number."""
        lines = [line("1000", text=f"{CONTRACT} 货款")]
        context = context_of(self.store, FakePorts(bank_main=FakeFeed({b"S": lines})))
        async with self.store.transaction() as uow:
            taken = await uow.inbox.take(await message(uow, "bank-main", b"S"))
            assert taken is not None
            await cash.take_statement(uow, taken, context)
        (receipt,) = await self.receipts("matched")
        return str(receipt["number"])

    async def receipts(self, state: str) -> list[Row]:
        async with self.store.transaction() as uow:
            return await uow.bank.in_state(state)

    async def deliver(self) -> list[str]:
        """Everything that is due, each once and in its order. Returns the states afterwards."""
        async with self.store.transaction() as uow:
            due = sorted(row["id"] for row in await uow.deliveries.listed())
        bench = Workbench(self.hub)
        for each in due:
            await bench.run_deliveries([each])
        async with self.store.transaction() as uow:
            return [row["state"] for row in sorted(await uow.deliveries.listed(), key=lambda row: row["id"])]

    async def tasks(self, kind: str = VERIFY) -> list[Row]:
        async with self.store.transaction() as uow:
            return await uow.open_items.tasks(kind)

    async def repair(self) -> None:
        """Finance repairs the one difference that reconciliation finds."""
        (found,) = await reconciliation.reconcile(self.hub.context)
        assert (found.kind, found.subject) == (reconciliation.MISSING_IN_ERP, f"u8-main/{RECEIVABLE}")
        async with self.store.transaction() as uow:
            (row,) = await uow.open_items.disagreements()
            assert await reconciliation.repair(uow, row)
        assert await self.deliver() == ["done", "done"]

    async def read_back(self) -> int:
        return await check_verifications(self.hub.context, "u8-main")

    async def told(self) -> list[str]:
        """What the timeline says of verifications."""
        async with self.store.transaction() as uow:
            found = await uow.contracts.by_number(CONTRACT)
            assert found is not None
            return [
                row["text"] for row in await uow.timeline.of_contract(found["id"]) if "审核" in row["text"]
            ]


# --- U8 itself --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def served() -> Iterator[Running]:
    with running(SANDBOX()) as sandbox:
        yield sandbox


@pytest.fixture
def choices(request: pytest.FixtureRequest) -> dict[str, Any]:
    return dict(getattr(request, "param", {"door": "eai", "read_by_sql": True}))


@pytest.fixture
async def u8(
    store: Store,
    database_url: str,
    served: Running,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    choices: dict[str, Any],
) -> AsyncIterator[Desk]:
    monkeypatch.setenv("GUANTONG_KEY", KEY.decode())
    served.control("reset", {})
    given = {**served.sandbox.credentials(), "base_url": served.url, **choices}
    secrets = {"app_secret": given.pop("app_secret")}
    settings = Settings(database_url=database_url, data=tmp_path, write_offs_every=0.1)
    async with open_hub(settings, pool_size=4) as hub:
        desk = Desk(store, hub)
        await desk.owe()
        async with store.transaction() as uow:
            await uow.connections.save("u8-main", connector="yonyou_u8", settings=given, secrets=secrets)
        await hub.connections.refresh(stale_after=0)
        yield desk


async def test_what_u8_keeps_as_drafts_is_verified_document_by_document_and_then_written_off(
    u8: Desk, served: Running
) -> None:
    assert await u8.deliver() == ["done", "done"]
    number = await u8.pay()
    assert await u8.deliver() == ["done", "done", "done"]
    owed, paid = await u8.tasks()
    assert owed["key"] == TASK
    assert (owed["owner"], owed["title"]) == (
        "finance",
        f"请在 u8-main 审核应收单 {RECEIVABLE}（1,000.00 CNY）",
    )
    assert owed["detail"] == {
        "connection": "u8-main",
        "document": "receivable",
        "number": RECEIVABLE,
        "vendor_id": RECEIVABLE,
        "customer": "示例机械有限公司",
        "amount": "1000.00",
        "currency": "CNY",
        "contracts": [CONTRACT],
    }
    assert paid["title"] == f"请在 u8-main 审核收款单 {number}（1,000.00 CNY）"
    (write_off,) = await u8.tasks(cash.WRITE_OFF)
    assert write_off["title"] == f"请在 u8-main 审核后核销收款单 {number}（1,000.00 CNY）"
    assert await u8.read_back() == 0

    served.control("act/verify_voucher", {"kind": "oughtreceive", "code": RECEIVABLE})
    assert await u8.read_back() == 1
    assert [task["key"] for task in await u8.tasks()] == [paid["key"]]
    served.control("act/verify_voucher", {"kind": "accept", "code": number})
    assert await u8.read_back() == 1
    assert await u8.read_back() == 0
    assert await u8.told() == [
        f"应收单 {RECEIVABLE} 已在 u8-main 审核（财务）",
        f"收款单 {number} 已在 u8-main 审核（财务）",
    ]

    served.control("act/write_off", {"receipt": number, "receivable": RECEIVABLE, "amount": "1000.00"})
    assert await cash.check_write_offs(u8.hub.context, "u8-main") == 1
    assert await u8.tasks(cash.WRITE_OFF) == []


async def test_the_trace_shows_the_answer_that_told_of_the_verification(u8: Desk, served: Running) -> None:
    await u8.deliver()
    served.control("act/verify_voucher", {"kind": "oughtreceive", "code": RECEIVABLE})
    await u8.read_back()
    async with u8.store.transaction() as uow:
        found = await trace_contract(uow, CONTRACT)
    assert found is not None
    (receivable,) = found["receivables"]
    assert "测试会计" in receivable["verification"][-1]["reply_body"]
    shown = StringIO()
    show_trace(found, Console(file=shown, width=200))
    assert "审核读回" in shown.getvalue()


async def test_the_timer_reads_back(u8: Desk, served: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    await u8.deliver()
    served.control("act/verify_voucher", {"kind": "oughtreceive", "code": RECEIVABLE})
    closed = asyncio.Event()

    async def check(context: Context, connection: str) -> int:
        found = await check_verifications(context, connection)
        if found:
            closed.set()
        return found

    monkeypatch.setattr(verification, "check_verifications", check)
    timer = asyncio.create_task(run_jobs(u8.hub))
    try:
        await asyncio.wait_for(closed.wait(), DEADLINE)
    finally:
        timer.cancel()
    assert await u8.tasks() == []


@pytest.mark.parametrize("choices", [{"door": "openapi"}], indirect=True)
async def test_through_the_openapi_nobody_is_asked_to_verify(u8: Desk, served: Running) -> None:
    await u8.deliver()
    number = await u8.pay()
    await u8.deliver()
    assert await u8.tasks() == []
    assert served.control("books/accept")[number]["state"] == "审核"
    (write_off,) = await u8.tasks(cash.WRITE_OFF)
    assert write_off["title"].startswith("请在 u8-main 核销收款单")


@pytest.mark.parametrize("choices", [{"door": "eai"}], indirect=True)
async def test_where_the_state_cannot_be_read_finance_closes_the_task(u8: Desk, served: Running) -> None:
    await u8.deliver()
    served.control("act/verify_voucher", {"kind": "oughtreceive", "code": RECEIVABLE})
    assert await u8.read_back() == 0
    (task,) = await u8.tasks()
    async with u8.store.transaction() as uow:
        assert await uow.open_items.close_by_hand(task["id"], "王会计")
    assert await u8.read_back() == 0
    assert await u8.told() == []


# --- any ledger -------------------------------------------------------------------------------------------


@pytest.fixture
def ledger() -> FakeLedger:
    return FakeLedger(state=DocumentState.DRAFT)


@pytest.fixture
async def desk(store: Store, ledger: FakeLedger) -> Desk:
    context = context_of(store, FakePorts(u8_main=ledger))
    settings = Settings(backoff_base=0, backoff_cap=0)
    desk = Desk(store, Hub(settings, store, context.ports, context))  # type: ignore[arg-type]
    await desk.owe()
    return desk


def verify(ledger: FakeLedger, number: str = RECEIVABLE) -> None:
    ledger.receivables[number] = document(number, yuan(1000))


async def test_an_answer_that_was_lost_is_one_document_and_one_task(desk: Desk, ledger: FakeLedger) -> None:
    create = ledger.create_receivable

    async def create_and_lose_the_answer(receivable: Receivable) -> ErpDocument:
        await create(receivable)
        raise faults.UnknownOutcome("no answer")

    ledger.create_receivable = create_and_lose_the_answer  # type: ignore[method-assign]
    assert await desk.deliver() == ["done", "unknown"]
    assert await desk.tasks() == []
    assert await desk.deliver() == ["done", "done"]
    assert [task["key"] for task in await desk.tasks()] == [TASK]
    assert ledger.creations.count(RECEIVABLE) == 1


async def test_a_worker_killed_before_it_has_written_down_the_result_leaves_no_task(
    desk: Desk, ledger: FakeLedger
) -> None:
    """The task comes in the transaction that ends the delivery; whoever carries it out next asks."""
    async with desk.store.transaction() as uow:
        row = await uow.deliveries.by_key(f"u8-main/receivable/{RECEIVABLE}")
        assert row is not None
        await uow.connection.execute(text("DELETE FROM delivery_needs"))
        lost = await uow.deliveries.claim(row["id"])
    assert lost is not None
    outcome = await receivables.post_receivable(desk.hub.context, lost)

    async def write_down_half(uow: UnitOfWork) -> None:
        await outcome.apply(uow)
        raise Killed

    with pytest.raises(Killed):
        await desk.store.run(write_down_half)
    assert await desk.tasks() == []
    async with desk.store.transaction() as uow:
        await uow.connection.execute(text("UPDATE deliveries SET lease_until = now() - interval '1 s'"))
    assert await desk.deliver() == ["done", "done"]
    assert [task["key"] for task in await desk.tasks()] == [TASK]
    assert ledger.creations.count(RECEIVABLE) == 1


async def test_a_timer_killed_while_it_closes_the_task_closes_it_the_next_time(
    desk: Desk, ledger: FakeLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.deliver()
    verify(ledger)

    async def die(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(Timeline, "note", die)
        with pytest.raises(Killed):
            await desk.read_back()
    assert [task["key"] for task in await desk.tasks()] == [TASK]
    assert await desk.read_back() == 1
    assert await desk.tasks() == []
    assert len(await desk.told()) == 1


async def test_a_document_that_is_gone_stays_asked_for_until_its_repair_is_verified(
    desk: Desk, ledger: FakeLedger
) -> None:
    await desk.deliver()
    ledger.receivables.clear()
    assert await desk.read_back() == 0
    await desk.repair()
    assert ledger.creations.count(RECEIVABLE) == 2
    assert [task["key"] for task in await desk.tasks()] == [TASK]
    verify(ledger)
    assert await desk.read_back() == 1


async def test_a_verified_document_that_was_made_anew_is_asked_for_again(
    desk: Desk, ledger: FakeLedger
) -> None:
    await desk.deliver()
    verify(ledger)
    assert await desk.read_back() == 1
    ledger.receivables.clear()
    await desk.repair()
    assert [task["key"] for task in await desk.tasks()] == [TASK]
    verify(ledger)
    assert await desk.read_back() == 1


async def test_a_draft_is_no_disagreement(desk: Desk) -> None:
    await desk.deliver()
    assert await reconciliation.reconcile(desk.hub.context) == []


async def test_only_the_tasks_of_the_connection_are_read_back(desk: Desk, ledger: FakeLedger) -> None:
    await desk.deliver()
    verify(ledger)
    ports = FakePorts(kingdee_main=FakeLedger(failing=[AssertionError("asked for somebody else's document")]))
    assert await check_verifications(context_of(desk.store, ports), "kingdee-main") == 0
    assert await desk.read_back() == 1


async def test_a_document_that_is_garbled_keeps_no_other_waiting(desk: Desk, ledger: FakeLedger) -> None:
    await desk.deliver()
    await desk.pay()
    await desk.deliver()
    assert len(await desk.tasks()) == 2
    verify(ledger)
    ledger.receipts = {number: document(number, yuan(1000)) for number in ledger.receipts}
    ledger.failing = [faults.Malformed("not what was asked for")]
    with pytest.raises(faults.Malformed):
        await desk.read_back()
    assert len(await desk.tasks()) == 1
    assert await desk.read_back() == 1


async def test_a_vendor_that_is_away_is_asked_once(desk: Desk, ledger: FakeLedger) -> None:
    await desk.deliver()
    await desk.pay()
    await desk.deliver()
    ledger.failing = [faults.Transient("away"), AssertionError("asked on")]
    with pytest.raises(faults.Transient):
        await desk.read_back()
