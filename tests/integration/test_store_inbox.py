import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from crm_store import Store, Wake
from domain.ports import Inbound
from tests.factories import connect, message


def _inbound(key: str, body: bytes = b"{}") -> Inbound:
    return Inbound("lead.push", key, body, {"h": "1"})


@pytest.fixture(autouse=True)
async def _connected(store: Store) -> None:
    async with store.transaction() as uow:
        await connect(uow, "ads", "other")


async def test_fifty_parallel_copies_leave_one_row_and_one_wake(store: Store, woken: list[Wake]) -> None:
    async def deliver() -> list[int]:
        async with store.transaction() as uow:
            return await uow.inbox.add_once("ads", [_inbound("same")])

    ids = [each for found in await asyncio.gather(*(deliver() for _ in range(50))) for each in found]
    async with store.transaction() as uow:
        assert await uow.inbox.counts() == {"new": 1}
    assert len(ids) == 1
    assert [wake.inbox for wake in woken] == [(ids[0],)]


async def test_a_batch_with_repeats_keeps_each_once_and_connections_do_not_share_keys(store: Store) -> None:
    async with store.transaction() as uow:
        first = await uow.inbox.add_once("ads", [_inbound("a"), _inbound("a"), _inbound("b")])
        again = await uow.inbox.add_once("ads", [_inbound("b"), _inbound("c")])
        elsewhere = await uow.inbox.add_once("other", [_inbound("a")])
    assert (len(first), len(again), len(elsewhere)) == (2, 1, 1)


async def test_a_message_is_in_one_pair_of_hands(store: Store) -> None:
    async with store.transaction() as uow:
        number = await message(uow, "ads", b"body")
    async with store.transaction() as mine:
        taken = await mine.inbox.take(number)
        async with store.transaction() as other:
            assert await other.inbox.take(number) is None
    assert taken is not None
    assert taken.body == b"body"


async def test_a_worker_that_dies_gives_its_message_back_at_once(store: Store) -> None:
    async with store.transaction() as uow:
        number = await message(uow, "ads")

    async def die() -> None:
        async with store.transaction() as uow:
            assert await uow.inbox.take(number)
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        await die()
    async with store.transaction() as uow:
        assert await uow.inbox.take(number)


async def test_what_another_worker_has_handled_cannot_be_parked(store: Store) -> None:
    async with store.transaction() as uow:
        number = await message(uow, "ads")
        await uow.inbox.settle(number, "handled", mapping="v2")
        await uow.inbox.settle(number, "parked", reason="an older mapping")
        row = await uow.inbox.get(number)
    assert row is not None
    assert (row["state"], row["mapping"], row["reason"]) == ("handled", "v2", None)


async def test_a_repaired_message_comes_again_and_its_original_does_not(store: Store) -> None:
    async with store.transaction() as uow:
        (number,) = await uow.inbox.add_once("ads", [_inbound("k", b"broken")])
        assert not await uow.inbox.replace_body(number, b"not parked yet")
        await uow.inbox.settle(number, "parked", reason="no phone")
        assert await uow.inbox.replace_body(number, b"mended")
        assert await uow.inbox.add_once("ads", [_inbound("k", b"broken")]) == []
        assert await uow.inbox.replay(message_id=number) == [number]
        taken = await uow.inbox.take(number)
    assert taken is not None
    assert (taken.body, taken.attempts) == (b"mended", 0)


async def test_replay_by_connection_takes_only_its_parked_messages(store: Store) -> None:
    async with store.transaction() as uow:
        parked = [await message(uow, name) for name in ("ads", "ads", "other")]
        await message(uow, "ads")
        for number in parked:
            await uow.inbox.settle(number, "parked", reason="x")
        assert sorted(await uow.inbox.replay(connection="ads")) == parked[:2]
        assert await uow.inbox.counts() == {"new": 3, "parked": 1}


async def test_the_sweep_announces_again_only_what_is_due_and_forgotten(
    store: Store, woken: list[Wake]
) -> None:
    async with store.transaction() as uow:
        fresh, forgotten, postponed, handled = [await message(uow, "ads") for _ in range(4)]
        await uow.inbox.postpone(postponed, timedelta(hours=1), "not yet")
        await uow.inbox.settle(handled, "handled")
        await uow.connection.execute(
            text("UPDATE inbox SET announced_at = now() - interval '10 s' WHERE id <> :fresh"),
            {"fresh": fresh},
        )
    async with store.transaction() as uow:
        assert await uow.inbox.announce_due() == [forgotten]
    async with store.transaction() as uow:
        assert await uow.inbox.announce_due() == []
        assert await uow.inbox.take(postponed) is None
    assert woken[-1].inbox == (forgotten,)
