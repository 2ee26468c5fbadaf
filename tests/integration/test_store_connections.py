import asyncio
import base64
from datetime import timedelta

import pytest
from sqlalchemy import text

from crm_store import Store
from crm_store.open_items import Disagreement
from crm_store.sealing import WrongKey
from tests.factories import KEY, NOW, connect

SECRET = "canary-of-the-vault"


async def _save(store: Store) -> None:
    async with store.transaction() as uow:
        await uow.connections.save(
            "erp", connector="kingdee", settings={"user": "api"}, secrets={"password": SECRET}
        )
        await uow.connections.save_token("erp", "session", {"token": SECRET})


async def test_no_secret_stands_in_plain_in_any_table(store: Store) -> None:
    await _save(store)
    async with store.transaction() as uow:
        for table in ("connections", "tokens"):
            rows = (await uow.connection.execute(text(f"SELECT * FROM {table}"))).all()
            for shown in (str(rows), str([[bytes(v) for v in row if isinstance(v, bytes)] for row in rows])):
                assert SECRET not in shown
                assert base64.b64encode(SECRET.encode()).decode() not in shown
        (opened,) = await uow.connections.all()
        assert opened.secrets == {"password": SECRET}
        assert await uow.connections.token("erp", "session") == {"token": SECRET}


async def test_another_key_is_told_in_plain_words(store: Store, database_url: str) -> None:
    await _save(store)
    other = Store(database_url, key=base64.urlsafe_b64encode(b"x" * 32), wake=lambda wake: None)
    try:
        with pytest.raises(WrongKey, match="GUANTONG_KEY"):
            async with other.transaction() as uow:
                await uow.connections.all()
    finally:
        await other.close()


async def test_a_changed_connection_is_active_again_and_forgets_its_tokens(store: Store) -> None:
    await _save(store)
    async with store.transaction() as uow:
        await uow.connections.pause("erp", "wrong password")
    await _save(store)
    async with store.transaction() as uow:
        (opened,) = await uow.connections.all()
        await uow.connections.save("erp", connector="kingdee", settings={}, secrets={})
        assert await uow.connections.token("erp", "session") is None
    assert (opened.state, opened.reason) == ("active", None)


async def test_a_slot_is_claimed_once_by_eight_schedulers(store: Store) -> None:
    async with store.transaction() as uow:
        await uow.schedule.ensure(["sweep"])

    async def claim() -> bool:
        async with store.transaction() as uow:
            return await uow.schedule.claim("sweep", timedelta(minutes=1))

    assert sorted(await asyncio.gather(*(claim() for _ in range(8)))) == [False] * 7 + [True]
    async with store.transaction() as uow:
        await uow.schedule.run_now("sweep")
    assert sum(await asyncio.gather(*(claim() for _ in range(8)))) == 1


async def test_a_cursor_is_kept_per_connection_and_name(store: Store) -> None:
    async with store.transaction() as uow:
        await connect(uow, "ads", "other")
        assert await uow.connections.cursor("ads", "leads") is None
        await uow.connections.move_cursor("ads", "leads", NOW)
        await uow.connections.move_cursor("ads", "leads", NOW + timedelta(hours=1))
        assert await uow.connections.cursor("ads", "leads") == NOW + timedelta(hours=1)
        assert await uow.connections.cursor("other", "leads") is None
        assert await uow.connections.cursor("ads", "forms") is None


def _difference(subject: str) -> Disagreement:
    return Disagreement(
        kind="missing_in_erp", subject=subject, owner="finance", ours={}, theirs={}, repair="redo"
    )


async def test_a_difference_stays_open_while_it_is_found_and_closes_when_it_is_gone(store: Store) -> None:
    async with store.transaction() as uow:
        await uow.open_items.found([_difference("a"), _difference("b")])
        first = {row["subject"]: row["id"] for row in await uow.open_items.disagreements()}
        await uow.open_items.found([_difference("a")])
        (still,) = await uow.open_items.disagreements()
        assert still["id"] == first["a"]
        await uow.open_items.found([])
        assert await uow.open_items.disagreements() == []
        await uow.open_items.found([_difference("a")])
        (again,) = await uow.open_items.disagreements()
        assert again["id"] not in first.values()
        assert len(await uow.open_items.disagreements(open_only=False)) == 3


async def test_a_task_is_opened_once_and_stays_closed(store: Store) -> None:
    async with store.transaction() as uow:
        for _ in range(2):
            await uow.open_items.open_task("k", kind="x", owner="it", title="t", detail={"connection": "a"})
        await uow.open_items.close_about("x", {"connection": "b"}, "test")
        assert len(await uow.open_items.tasks("x")) == 1
        await uow.open_items.close_about("x", {"connection": "a"}, "test")
        await uow.open_items.open_task("k", kind="x", owner="it", title="t", detail={})
        assert await uow.open_items.tasks("x") == []
        assert KEY


async def test_work_that_collided_is_run_again(store: Store) -> None:
    """Two that take the same locks in the opposite order: the database ends one of them."""
    async with store.transaction() as uow:
        await connect(uow, "a", "b")
    met = asyncio.Barrier(2)
    runs = []

    async def work(first: str, second: str) -> None:
        async def pause_both(uow) -> None:  # type: ignore[no-untyped-def]
            runs.append(first)
            await uow.connections.pause(first, "x")
            if len(runs) <= 2:
                await met.wait()
            await uow.connections.pause(second, "x")

        await store.run(pause_both)

    await asyncio.gather(work("a", "b"), work("b", "a"))
    assert len(runs) == 3
