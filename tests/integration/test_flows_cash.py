from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from crm_store import Row, Store
from domain.money import Money
from domain.records import BankLine
from flows import cash
from flows.cash import WrongAllocation
from tests.factories import (
    TODAY,
    Contracted,
    FakeFeed,
    FakeLedger,
    FakePorts,
    context_of,
    contract,
    document,
    line,
    message,
    part,
    receivable,
    yuan,
)

PAID = "HT-2026-0001 货款"


@pytest.fixture
async def owner(store: Store) -> Contracted:
    async with store.transaction() as uow:
        owner = await contract(uow, plan=[part(1, "1000"), part(2, "500")], state="signed")
        await receivable(uow, owner, 1)
        await receivable(uow, owner, 2, minor=50_000)
        return owner


async def _take(store: Store, lines: Sequence[BankLine]) -> None:
    body = f"statement of {[each.key for each in lines]}".encode()
    context = context_of(store, FakePorts(bank_main=FakeFeed({body: lines})))

    async def work(uow: Any) -> None:
        taken = await uow.inbox.take(await message(uow, "bank-main", body))
        await cash.take_statement(uow, taken, context)

    await store.run(work)


async def _receipts(store: Store, state: str) -> list[Row]:
    async with store.transaction() as uow:
        return await uow.bank.in_state(state)


async def _flags(store: Store) -> list[list[str]]:
    async with store.transaction() as uow:
        return [task["detail"]["flags"] for task in await uow.open_items.tasks(cash.UNEXPLAINED)]


async def test_a_line_that_says_all_is_booked_and_its_posting_waits_for_its_receivable(
    store: Store, owner: Contracted
) -> None:
    await _take(store, [line("1000", text=PAID)])
    (receipt,) = await _receipts(store, "matched")
    assert (receipt["allocated_minor"], receipt["connection"]) == (100_000, "kingdee-main")
    async with store.transaction() as uow:
        assert await uow.deliveries.by_key(cash.receipt_key("kingdee-main", receipt["number"]))


async def test_the_same_line_in_a_second_file_changes_nothing(store: Store, owner: Contracted) -> None:
    await _take(store, [line("1000", key="K", text=PAID)])
    await _take(store, [line("1000", key="K", text=PAID), line("7", key="other", text="?", payer="某人")])
    assert len(await _receipts(store, "matched")) == 1
    assert len(await _receipts(store, "unmatched")) == 1


async def test_a_payment_made_twice_is_for_finance_to_look_at(store: Store, owner: Contracted) -> None:
    await _take(store, [line("1000", text=PAID)])
    await _take(store, [line("1000", text=PAID, booked_on=TODAY + timedelta(days=2))])
    assert (len(await _receipts(store, "matched")), len(await _receipts(store, "unmatched"))) == (1, 1)
    (flags,) = await _flags(store)
    assert "double_payment" in flags


async def test_the_second_of_two_equal_instalments_is_not_taken_for_the_first_paid_twice(
    store: Store,
) -> None:
    async with store.transaction() as uow:
        owner = await contract(uow, "HT-2026-0002", plan=[part(1, "1000"), part(2, "1000")], state="signed")
        await receivable(uow, owner, 1)
        await receivable(uow, owner, 2)
    await _take(store, [line("1000", text="HT-2026-0002 第一期")])
    await _take(store, [line("1000", text="HT-2026-0002 第二期", booked_on=TODAY + timedelta(days=30))])
    assert len(await _receipts(store, "matched")) == 2


async def test_money_for_a_contract_that_is_paid_is_flagged(store: Store, owner: Contracted) -> None:
    await _take(store, [line("1500", text=PAID)])
    await _take(store, [line("1500", text="再付 HT-2026-0001", booked_on=TODAY + timedelta(days=20))])
    (flags,) = await _flags(store)
    assert "closed_contract" in flags


@pytest.mark.parametrize(
    "about",
    [{"direction": "out"}, {"text": "结息", "payer": None}, {"payer_account": "6222000000000001"}],
    ids=["outgoing", "interest", "from ourselves"],
)
async def test_what_is_no_receipt_becomes_none(
    store: Store, owner: Contracted, about: dict[str, Any]
) -> None:
    await _take(store, [line("1000", **about)])
    async with store.transaction() as uow:
        assert await uow.bank.counts() == {}
        assert await uow.bank.lines_without_receipt() == []


async def test_money_may_come_before_its_receivable(store: Store) -> None:
    async with store.transaction() as uow:
        owner = await contract(uow, state="signed")
    arrived = line("1000", text=PAID, charges=yuan("3.50"))
    await _take(store, [arrived])
    context = context_of(store, FakePorts())
    assert await store.run(lambda uow: cash.match_again(uow, context)) == 0
    async with store.transaction() as uow:
        await receivable(uow, owner)
    assert await store.run(lambda uow: cash.match_again(uow, context)) == 1
    assert len(await _receipts(store, "matched")) == 1
    assert await _flags(store) == [], "the task is closed"


async def test_what_the_bank_kept_is_still_known_when_the_line_is_matched_again(store: Store) -> None:
    """Charges make a short payment certain: dropped on the way to the table, it would wait for a person."""
    async with store.transaction() as uow:
        owner = await contract(uow, state="signed")
    await _take(store, [line("990", text=PAID, charges=yuan("10"))])
    async with store.transaction() as uow:
        await receivable(uow, owner)
    context = context_of(store, FakePorts())
    assert await store.run(lambda uow: cash.match_again(uow, context)) == 1
    (receipt,) = await _receipts(store, "matched")
    assert receipt["match"]["flags"] == ["fee_deducted"]


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({}, "没有这些应收"),
        ({"HT-2026-0009-1": yuan(1600)}, "HT-2026-0009-1"),
        ({"HT-2026-0001-1": yuan(1001), "HT-2026-0001-2": yuan(500)}, "超过应收余额"),
        ({"HT-2026-0001-1": yuan(1000)}, None),
        ({"HT-2026-0001-1": yuan(999), "HT-2026-0001-2": yuan(500)}, "合计"),
        ({"HT-2026-0001-1": yuan(0), "HT-2026-0001-2": yuan(500)}, "大于零"),
        ({"HT-2026-0001-1": yuan(1000), "HT-2026-0001-2": yuan(-1)}, "大于零"),
        ({"HT-2026-0001-1": yuan(1000, "USD")}, "币种"),
        ({"HT-2026-0001-1": yuan(1000), "HT-2026-0003-1": yuan(600)}, "同一客户"),
    ],
)
async def test_what_finance_may_decide(
    store: Store, owner: Contracted, parts: dict[str, Money], words: str | None
) -> None:
    async with store.transaction() as uow:
        other = await contract(uow, "HT-2026-0003", company="另一家公司", plan=[part(1, "600")])
        await receivable(uow, other, minor=60_000)
    await _take(store, [line("1600", text="?", payer="某人")])
    (receipt,) = await _receipts(store, "unmatched")

    async def decide() -> None:
        await store.run(lambda uow: cash.allocate_by_hand(uow, receipt["number"], parts, by="finance"))

    if words is None:
        await decide()
        assert await _flags(store) == []
    else:
        with pytest.raises(WrongAllocation, match=words):
            await decide()
        assert len(await _receipts(store, "unmatched")) == 1


async def test_a_decision_is_made_once(store: Store, owner: Contracted) -> None:
    await _take(store, [line("1000", text="?", payer="某人")])
    (receipt,) = await _receipts(store, "unmatched")
    parts = {"HT-2026-0001-1": yuan(1000)}
    await store.run(lambda uow: cash.allocate_by_hand(uow, receipt["number"], parts, by="finance"))
    with pytest.raises(WrongAllocation, match="已匹配"):
        await store.run(lambda uow: cash.allocate_by_hand(uow, receipt["number"], parts, by="finance"))


async def _post(store: Store, ledger: FakeLedger, state: str = "matched") -> str:
    (receipt,) = await _receipts(store, state)
    context = context_of(store, FakePorts(kingdee_main=ledger))
    async with store.transaction() as uow:
        row = await uow.deliveries.by_key(cash.receipt_key("kingdee-main", receipt["number"]))
        assert row is not None
        delivery = await uow.deliveries.claim(row["id"])
    assert delivery is not None
    outcome = await cash.post_receipt(context, delivery)

    async def finish(uow: Any) -> None:
        await outcome.apply(uow)
        await uow.deliveries.finish(delivery, vendor_id=outcome.vendor_id)

    await store.run(finish)
    return str(receipt["number"])


async def test_an_over_payments_rest_is_an_advance_and_does_not_hold_up_the_write_off(
    store: Store, owner: Contracted
) -> None:
    await _take(store, [line("1600", text="?", payer="某人")])
    (receipt,) = await _receipts(store, "unmatched")
    parts = {"HT-2026-0001-1": yuan(1000), "HT-2026-0001-2": yuan(500)}
    await store.run(lambda uow: cash.allocate_by_hand(uow, receipt["number"], parts, by="finance"))
    ledger = FakeLedger()
    number = await _post(store, ledger)
    context = context_of(store, FakePorts(kingdee_main=ledger))
    assert await cash.check_write_offs(context, "kingdee-main") == 0
    ledger.receipts[number] = document(number, yuan(1600), left=yuan(100))
    assert await cash.check_write_offs(context, "kingdee-main") == 1
    async with store.transaction() as uow:
        assert await uow.open_items.tasks(cash.WRITE_OFF) == []
        rows = await uow.receivables.of_contract(owner.contract_id)
        assert [row["written_off_minor"] for row in rows] == [100_000, 50_000]
        assert (await uow.contracts.get(owner.contract_id))["state"] == "fulfilled"


async def test_a_write_off_is_asked_for_and_closes_when_it_is_read_back(
    store: Store, owner: Contracted
) -> None:
    await _take(store, [line("1000", text=PAID)])
    ledger = FakeLedger()
    number = await _post(store, ledger)
    async with store.transaction() as uow:
        (task,) = await uow.open_items.tasks(cash.WRITE_OFF)
    assert task["detail"]["parts"] == [{"receivable": "HT-2026-0001-1", "amount": "1000.00"}]
    context = context_of(store, FakePorts(kingdee_main=ledger))
    ledger.receipts[number] = document(number, yuan(1000), left=yuan(0))
    assert await cash.check_write_offs(context, "kingdee-main") == 1
    assert await cash.check_write_offs(context, "kingdee-main") == 0
    (receipt,) = await _receipts(store, "written_off")
    assert receipt["number"] == number


async def test_a_written_off_receipt_that_was_deleted_and_made_anew_is_to_be_written_off_again(
    store: Store, owner: Contracted
) -> None:
    await _take(store, [line("1000", text=PAID)])
    ledger = FakeLedger()
    number = await _post(store, ledger)
    context = context_of(store, FakePorts(kingdee_main=ledger))
    written_off = document(number, yuan(1000), left=yuan(0))
    ledger.receipts[number] = written_off
    assert await cash.check_write_offs(context, "kingdee-main") == 1
    ledger.receipts.clear()
    async with store.transaction() as uow:
        assert await uow.deliveries.redo(cash.receipt_key("kingdee-main", number))
    await _post(store, ledger, "written_off")
    async with store.transaction() as uow:
        assert len(await uow.open_items.tasks(cash.WRITE_OFF)) == 1
        rows = await uow.receivables.of_contract(owner.contract_id)
    assert [row["written_off_minor"] for row in rows] == [0, 0]
    ledger.receipts[number] = written_off
    assert await cash.check_write_offs(context, "kingdee-main") == 1
    async with store.transaction() as uow:
        rows = await uow.receivables.of_contract(owner.contract_id)
    assert [row["written_off_minor"] for row in rows] == [100_000, 0]
