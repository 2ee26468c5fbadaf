import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from crm_store import Store, UnitOfWork, Wake
from crm_store.deliveries import Delivery, LeaseLost
from tests.factories import connect


@pytest.fixture(autouse=True)
async def _connected(store: Store) -> None:
    async with store.transaction() as uow:
        await connect(uow, "erp", "bank")


async def _add(uow: UnitOfWork, key: str, *, lane: str | None = None, needs: tuple[int, ...] = ()) -> int:
    return await uow.deliveries.add(
        key, connection="erp", operation="erp.receivable", subject=1, ordering_key=lane or key, needs=needs
    )


async def _claim(store: Store, number: int) -> Delivery | None:
    async with store.transaction() as uow:
        return await uow.deliveries.claim(number)


async def _must_claim(store: Store, number: int) -> Delivery:
    claimed = await _claim(store, number)
    assert claimed is not None
    return claimed


async def _let_the_lease_run_out(store: Store) -> None:
    async with store.transaction() as uow:
        await uow.connection.execute(text("UPDATE deliveries SET lease_until = now() - interval '1 s'"))


async def _make_due(store: Store) -> None:
    async with store.transaction() as uow:
        await uow.connection.execute(text("UPDATE deliveries SET due_at = now()"))


async def _state(store: Store, key: str) -> str:
    async with store.transaction() as uow:
        row = await uow.deliveries.by_key(key)
    assert row is not None
    return str(row["state"])


async def test_the_same_effect_asked_for_by_thirty_is_one_row(store: Store, woken: list[Wake]) -> None:
    async def ask() -> int:
        async with store.transaction() as uow:
            return await _add(uow, "erp/receivable/HT-1")

    ids = await asyncio.gather(*(ask() for _ in range(30)))
    assert len(set(ids)) == 1
    assert [wake.deliveries for wake in woken] == [(ids[0],)]


async def test_the_key_is_unique_in_the_database_too(store: Store) -> None:
    async with store.transaction() as uow:
        await _add(uow, "k")
    with pytest.raises(IntegrityError):
        async with store.transaction() as uow:
            await uow.connection.execute(
                text(
                    "INSERT INTO deliveries (key, connection, operation, subject, ordering_key)"
                    " VALUES ('k', 'erp', 'x', 1, 'x')"
                )
            )


async def test_one_of_twenty_workers_gets_it(store: Store) -> None:
    async with store.transaction() as uow:
        number = await _add(uow, "k")
    claims = await asyncio.gather(*(_claim(store, number) for _ in range(20)))
    (claimed,) = [each for each in claims if each]
    assert (claimed.attempts, claimed.lease, claimed.sent_before) == (1, 1, False)


async def test_a_lane_goes_strictly_in_order_and_a_dead_letter_holds_it(store: Store) -> None:
    async with store.transaction() as uow:
        first, second, third = [await _add(uow, f"k{n}", lane="flow/1") for n in range(3)]
        beside = await _add(uow, "beside", lane="flow/2")
    assert await _claim(store, second) is None
    assert await _claim(store, beside)
    head = await _must_claim(store, first)
    assert await _claim(store, second) is None, "the first is only being sent"
    async with store.transaction() as uow:
        await uow.deliveries.fail(head, fault="Rejected", reason="no")
    assert await _claim(store, second) is None, "a person has to look at the first"
    async with store.transaction() as uow:
        assert await uow.deliveries.cancel(first, "not wanted")
    await _must_claim(store, second)
    assert await _claim(store, third) is None


async def test_added_at_once_in_one_lane_they_are_claimed_in_the_order_of_their_commits(store: Store) -> None:
    """Ids grow with the commits of a lane: no later one can be claimed before an earlier one is seen."""
    committed: list[int] = []

    async def add(number: int) -> None:
        async with store.transaction() as uow:
            found = await _add(uow, f"k{number}", lane="one")
            await asyncio.sleep(0)
        committed.append(found)

    await asyncio.gather(*(add(number) for number in range(15)))
    claimable = [number for number in committed if await _claim(store, number)]
    assert claimable == [min(committed)]


async def test_what_it_needs_must_be_done_first_and_wakes_it(store: Store, woken: list[Wake]) -> None:
    async with store.transaction() as uow:
        customer = await _add(uow, "customer")
        receivable = await _add(uow, "receivable", needs=(customer,))
    assert await _claim(store, receivable) is None
    claimed = await _must_claim(store, customer)
    async with store.transaction() as uow:
        await uow.deliveries.finish(claimed, vendor_id="C1")
    assert woken[-1].deliveries == (receivable,)
    await _must_claim(store, receivable)


async def test_a_paused_connection_holds_its_work_and_only_its_own(store: Store) -> None:
    async with store.transaction() as uow:
        number = await _add(uow, "k")
        assert await uow.connections.pause("erp", "wrong password")
        assert not await uow.connections.pause("erp", "again"), "it was paused already"
        other = await uow.deliveries.add("o", connection="bank", operation="x", subject=1, ordering_key="o")
    assert await _claim(store, number) is None
    assert await _claim(store, other)
    async with store.transaction() as uow:
        assert await uow.connections.resume("erp")
    assert await _claim(store, number)


async def test_an_expired_lease_is_taken_over_and_the_dead_may_not_speak_again(store: Store) -> None:
    async with store.transaction() as uow:
        number = await _add(uow, "k")
    dead = await _must_claim(store, number)
    assert await _claim(store, number) is None
    await _let_the_lease_run_out(store)
    heir = await _must_claim(store, number)
    assert (heir.lease, heir.sent_before) == (2, True)
    with pytest.raises(LeaseLost):
        async with store.transaction() as uow:
            await uow.deliveries.finish(dead, vendor_id="twice")
    with pytest.raises(LeaseLost):
        async with store.transaction() as uow:
            await uow.deliveries.put_back(dead, "retry", wait=timedelta(), fault="Transient", reason="x")
    with pytest.raises(LeaseLost):
        async with store.transaction() as uow:
            await uow.deliveries.fail(dead, fault="Rejected", reason="x")
    async with store.transaction() as uow:
        await uow.deliveries.finish(heir, vendor_id="V1")
        row = await uow.deliveries.by_key("k")
    assert row is not None
    assert (row["state"], row["vendor_id"]) == ("done", "V1")


async def test_a_heartbeat_keeps_only_what_is_still_ours(store: Store) -> None:
    async with store.transaction() as uow:
        number = await _add(uow, "k")
    mine = await _must_claim(store, number)
    await _let_the_lease_run_out(store)
    async with store.transaction() as uow:
        await uow.deliveries.renew({mine.id: mine.lease})
    assert await _claim(store, number) is None, "renewed in time"
    await _let_the_lease_run_out(store)
    await _must_claim(store, number)
    await _let_the_lease_run_out(store)
    async with store.transaction() as uow:
        await uow.deliveries.renew({mine.id: mine.lease})
    assert await _claim(store, number), "the old holder cannot renew what it lost"


@pytest.mark.parametrize("state", ["retry", "unknown"])
async def test_put_back_waits_and_counts_as_sent(store: Store, state: str) -> None:
    async with store.transaction() as uow:
        number = await _add(uow, "k")
    claimed = await _must_claim(store, number)
    async with store.transaction() as uow:
        await uow.deliveries.put_back(claimed, state, wait=timedelta(hours=1), fault="F", reason="r")
        assert await uow.deliveries.announce_due() == []
    assert await _claim(store, number) is None
    await _make_due(store)
    assert (await _must_claim(store, number)).sent_before


async def test_replay_takes_dead_letters_and_they_are_looked_up_first(store: Store) -> None:
    async with store.transaction() as uow:
        failed, done, waiting = [await _add(uow, key) for key in ("failed", "done", "waiting")]
    for number, end in ((failed, "fail"), (done, "finish")):
        claimed = await _must_claim(store, number)
        async with store.transaction() as uow:
            if end == "fail":
                await uow.deliveries.fail(claimed, fault="Rejected", reason="no")
            else:
                await uow.deliveries.finish(claimed)
    async with store.transaction() as uow:
        assert await uow.deliveries.replay(connection="bank") == []
        assert await uow.deliveries.replay(key="nothing") == []
        assert await uow.deliveries.replay(connection="erp") == [failed]
        assert await uow.deliveries.replay(connection="erp") == []
    assert (await _must_claim(store, failed)).sent_before
    assert await _claim(store, done) is None
    assert await _claim(store, waiting)


async def test_redo_rearms_what_is_done_and_nothing_in_flight(store: Store) -> None:
    async with store.transaction() as uow:
        number = await _add(uow, "k")
        assert await uow.deliveries.redo("k") == []
    claimed = await _must_claim(store, number)
    async with store.transaction() as uow:
        assert await uow.deliveries.redo("k") == []
        await uow.deliveries.finish(claimed, vendor_id="V")
    async with store.transaction() as uow:
        assert await uow.deliveries.redo("k") == [number]
    assert (await _must_claim(store, number)).sent_before


async def test_only_a_dead_letter_can_be_cancelled(store: Store) -> None:
    async with store.transaction() as uow:
        number = await _add(uow, "k")
        assert not await uow.deliveries.cancel(number, "x")
    assert await _state(store, "k") == "pending"


async def test_the_sweep_finds_what_is_due_and_nothing_else(store: Store) -> None:
    async with store.transaction() as uow:
        due = await _add(uow, "due")
        fresh = await _add(uow, "fresh")
        abandoned = await _add(uow, "abandoned")
        in_hand = await _add(uow, "in hand")
        head = await _add(uow, "head", lane="lane")
        await _add(uow, "behind", lane="lane")
        await _add(uow, "needy", needs=(due,))
        await uow.deliveries.add("held", connection="bank", operation="x", subject=1, ordering_key="h")
        await uow.connections.pause("bank", "x")
    await _must_claim(store, abandoned)
    await _let_the_lease_run_out(store)
    await _must_claim(store, in_hand)
    async with store.transaction() as uow:
        await uow.connection.execute(
            text("UPDATE deliveries SET announced_at = now() - interval '9 s' WHERE id <> :fresh"),
            {"fresh": fresh},
        )
    async with store.transaction() as uow:
        assert sorted(await uow.deliveries.announce_due()) == sorted([due, abandoned, head])
    async with store.transaction() as uow:
        assert await uow.deliveries.announce_due() == [], "announced a moment ago"


async def test_the_row_and_its_business_change_are_one_transaction(store: Store, woken: list[Wake]) -> None:
    async def work() -> None:
        async with store.transaction() as uow:
            await _add(uow, "k")
            raise RuntimeError("the business change failed")

    with pytest.raises(RuntimeError):
        await work()
    async with store.transaction() as uow:
        assert await uow.deliveries.by_key("k") is None
    assert woken == []
