import asyncio
from itertools import product

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from crm_store import Store, UnitOfWork
from domain.records import Trigger
from domain.states import receivable_state
from tests.factories import Contracted, contract, line, message, part, receivable


async def _receipt(uow: UnitOfWork, amount: str, *, currency: str = "CNY") -> int:
    arrived = line(amount, currency=currency)
    line_id = await uow.bank.add_line(arrived, await message(uow, "bank-main"))
    assert line_id is not None
    return await uow.bank.add_receipt(
        f"SK-{line_id}", line_id=line_id, amount_minor=arrived.amount.minor, currency=currency, match={}
    )


@pytest.fixture
async def owner(store: Store) -> Contracted:
    async with store.transaction() as uow:
        return await contract(uow, plan=[part(1, "1000"), part(2, "500")])


async def test_two_that_race_for_one_receivable_cannot_both_have_it(store: Store, owner: Contracted) -> None:
    async with store.transaction() as uow:
        target = await receivable(uow, owner)
        receipts = [await _receipt(uow, "600") for _ in range(2)]

    async def take(receipt: int) -> None:
        async with store.transaction() as uow:
            await uow.bank.allocate(receipt, target, 60_000, decided_by="rule")

    ends = await asyncio.gather(*(take(each) for each in receipts), return_exceptions=True)
    assert [type(end) for end in ends if end] == [IntegrityError]
    async with store.transaction() as uow:
        assert (await uow.receivables.get(target))["paid_minor"] == 60_000
        sums = sorted([(await uow.bank.receipt(each))["allocated_minor"] for each in receipts])
    assert sums == [0, 60_000]


async def test_twenty_small_allocations_at_once_lose_nothing(store: Store, owner: Contracted) -> None:
    async with store.transaction() as uow:
        target = await receivable(uow, owner)
        receipts = [await _receipt(uow, "50") for _ in range(20)]

    async def take(receipt: int) -> None:
        async with store.transaction() as uow:
            await uow.bank.allocate(receipt, target, 5_000, decided_by="rule")

    await asyncio.gather(*(take(each) for each in receipts))
    async with store.transaction() as uow:
        row = await uow.receivables.get(target)
    assert (row["paid_minor"], row["state"]) == (100_000, "paid")


async def test_a_receipt_cannot_be_spent_twice(store: Store, owner: Contracted) -> None:
    async with store.transaction() as uow:
        first, second = await receivable(uow, owner, 1), await receivable(uow, owner, 2, minor=50_000)
        receipt = await _receipt(uow, "1000")
        await uow.bank.allocate(receipt, first, 100_000, decided_by="rule")
    with pytest.raises(IntegrityError):
        async with store.transaction() as uow:
            await uow.bank.allocate(receipt, second, 1, decided_by="rule")


@pytest.mark.parametrize("minor", [0, -1, 100_001])
async def test_no_allocation_is_nothing_negative_or_too_much(
    store: Store, owner: Contracted, minor: int
) -> None:
    async with store.transaction() as uow:
        target, receipt = await receivable(uow, owner), await _receipt(uow, "5000")
    with pytest.raises(IntegrityError):
        async with store.transaction() as uow:
            await uow.bank.allocate(receipt, target, minor, decided_by="rule")


async def test_an_allocation_cannot_change_the_currency(store: Store, owner: Contracted) -> None:
    async with store.transaction() as uow:
        target, receipt = await receivable(uow, owner), await _receipt(uow, "1000", currency="USD")
    with pytest.raises(IntegrityError, match="currency"):
        async with store.transaction() as uow:
            await uow.bank.allocate(receipt, target, 100_000, decided_by="rule")


async def test_the_state_follows_the_sums_up_and_down(store: Store, owner: Contracted) -> None:
    async with store.transaction() as uow:
        target = await receivable(uow, owner)
        parts = [await _receipt(uow, amount) for amount in ("300", "700")]
    seen = []
    for receipt, minor in zip(parts, (30_000, 70_000), strict=True):
        async with store.transaction() as uow:
            await uow.bank.allocate(receipt, target, minor, decided_by="rule")
            seen.append((await uow.receivables.get(target))["state"])
    for receipt in parts:
        async with store.transaction() as uow:
            await uow.connection.execute(
                text("DELETE FROM allocations WHERE receipt_id = :receipt"), {"receipt": receipt}
            )
            seen.append((await uow.receivables.get(target))["state"])
    assert seen == ["partly_paid", "paid", "partly_paid", "posted"]


async def test_the_database_derives_the_state_that_the_domain_says(store: Store, owner: Contracted) -> None:
    async with store.transaction() as uow:
        target = await receivable(uow, owner)
        for paid, posted, reversed_ in product((0, 1, 99_999, 100_000), (True, False), (True, False)):
            await uow.connection.execute(
                text("UPDATE receivables SET vendor_id = :v, state = 'posting', paid_minor = 5"),
                {"v": "V" if posted else None},
            )
            if reversed_:
                await uow.connection.execute(text("UPDATE receivables SET state = 'reversed'"))
            await uow.connection.execute(text("UPDATE receivables SET paid_minor = :paid"), {"paid": paid})
            assert (await uow.receivables.get(target))["state"] == receivable_state(
                posted=posted, reversed_=reversed_, amount=100_000, paid=paid
            ), (paid, posted, reversed_)


async def test_an_instalment_has_one_receivable_whoever_asks(store: Store, owner: Contracted) -> None:
    async def open_it() -> int | None:
        async with store.transaction() as uow:
            row = await uow.contracts.get(owner.contract_id)
            return await uow.receivables.open_once(
                "HT-2026-0001-1",
                contract_id=owner.contract_id,
                instalment=1,
                connection=row["erp"],
                amount_minor=100,
                currency="CNY",
                document_date=row["created_at"].date(),
                due_date=row["created_at"].date(),
            )

    opened = await asyncio.gather(*(open_it() for _ in range(10)))
    assert len([each for each in opened if each]) == 1


async def test_a_line_is_known_by_its_account_and_key_whichever_file_brings_it(
    store: Store, owner: Contracted
) -> None:
    async with store.transaction() as uow:
        inbox = await message(uow, "bank-main")
        assert await uow.bank.add_line(line(key="K1"), inbox)
        assert await uow.bank.add_line(line(key="K1", amount="7"), inbox) is None
        assert await uow.bank.add_line(line(key="K1", account="6222000000000002"), inbox)


async def test_dated_instalments_come_due_only_for_signed_contracts(store: Store) -> None:
    async with store.transaction() as uow:
        day = line().booked_on
        plan = [part(1, "10", Trigger.DATE, day)]
        signed = await contract(uow, "HT-1", plan=plan, state="signed")
        await contract(uow, "HT-2", plan=plan, state="sent")
        assert await uow.contracts.with_dated_instalments_due(day) == [signed.contract_id]
        assert await uow.contracts.with_dated_instalments_due(day.replace(day=1)) == []
        await receivable(uow, signed, minor=1000)
        assert await uow.contracts.with_dated_instalments_due(day) == []
