import pytest

from crm_store import Store
from crm_store.code_tables import NoSuchCode
from domain.faults import MissingCode, Unmappable
from flows import code_tables
from tests.factories import connect, message

TABLE = "kingdee_material"


def _lacks(*keys: str, table: str = TABLE) -> Unmappable:
    return Unmappable([f"缺 {key}" for key in keys], lacks=[MissingCode(table, key) for key in keys])


async def _parked(store: Store, *keys: str, table: str = TABLE) -> int:
    """A message that waits for these codes."""
    async with store.transaction() as uow:
        await connect(uow, "ads")
        number = await message(uow, "ads")
    async with store.transaction() as uow:
        assert await code_tables.hold_message(uow, number, _lacks(*keys, table=table))
    return number


async def _write(store: Store, rows: dict[str, str], *, table: str = TABLE) -> code_tables.Decided:
    async with store.transaction() as uow:
        return await code_tables.write_codes(uow, table, rows, by="王会计")


async def _state(store: Store, number: int) -> str:
    async with store.transaction() as uow:
        row = await uow.inbox.get(number)
        assert row is not None
        return str(row["state"])


async def test_writing_tells_what_it_added_and_changed_and_keeps_who_did_it(store: Store) -> None:
    first = await _write(store, {"A": "1", "B": "2"})
    again = await _write(store, {"B": "3", "C": "4", "A": "1"})
    assert (dict(first.difference.added), first.difference.unchanged) == ({"A": "1", "B": "2"}, 0)
    assert dict(again.difference.added) == {"C": "4"}
    assert dict(again.difference.changed) == {"B": ("2", "3")}
    assert again.difference.unchanged == 1
    async with store.transaction() as uow:
        history = await uow.codes.history(TABLE, "B")
        assert [(each.before, each.after, each.by) for each in history] == [
            ("2", "3", "王会计"),
            (None, "2", "王会计"),
        ]
        assert len(await uow.codes.history(TABLE)) == 4
        assert await uow.codes.all() == {TABLE: {"A": "1", "B": "3", "C": "4"}}


async def test_a_row_gets_an_earlier_value_back(store: Store) -> None:
    for value in ("1", "2", "3"):
        await _write(store, {"A": value})
    async with store.transaction() as uow:
        await code_tables.put_back(uow, TABLE, "A", by="王会计")
        assert await uow.codes.rows(TABLE) == {"A": "2"}
        first = (await uow.codes.history(TABLE, "A"))[-1]
        await code_tables.put_back(uow, TABLE, "A", change=first.id, by="王会计")
        assert await uow.codes.rows(TABLE) == {}, "before the first change there was no row"
        await code_tables.put_back(uow, TABLE, "A", by="王会计")
        assert await uow.codes.rows(TABLE) == {"A": "2"}, "removing is a change as well"
        with pytest.raises(NoSuchCode):
            await code_tables.put_back(uow, TABLE, "B", by="王会计")


async def test_the_revision_grows_only_with_changes(store: Store) -> None:
    async with store.transaction() as uow:
        before = await uow.codes.revision()
    await _write(store, {"A": "1"})
    async with store.transaction() as uow:
        written = await uow.codes.revision()
    await _write(store, {"A": "1"})
    async with store.transaction() as uow:
        assert before < written == await uow.codes.revision()


async def test_fifty_thousand_rows_are_written_in_batches_with_history(store: Store) -> None:
    rows = {f"K{number}": str(number) for number in range(50_000)}
    steps: list[int] = []
    async with store.transaction() as uow:
        await code_tables.write_codes(uow, TABLE, rows, by="导入", progress=steps.append)
        assert len(await uow.codes.rows(TABLE)) == 50_000
        difference = await uow.codes.compare(TABLE, rows | {"K7": "other"})
    assert sum(steps) == 50_000
    assert len(steps) == 10
    assert (len(difference.changed), difference.unchanged) == (1, 49_999)


async def test_a_table_has_a_title_and_an_owner_and_is_listed_with_its_misses(store: Store) -> None:
    await _write(store, {"A": "1"})
    async with store.transaction() as uow:
        await uow.codes.define(TABLE, title="物料", owner="finance")
        await uow.codes.define(TABLE, title="金蝶物料")
    await _parked(store, "B")
    await _parked(store, "X", table="region.inverse")
    async with store.transaction() as uow:
        listed: list[object] = [tuple(row.values()) for row in await uow.codes.listed()]
    assert listed == [(TABLE, "金蝶物料", "finance", 1, 1), ("region", "region", "it", 0, 1)]


async def test_a_miss_is_one_task_for_the_owner_whoever_meets_it(store: Store) -> None:
    async with store.transaction() as uow:
        await uow.codes.define(TABLE, owner="finance")
    first, second = await _parked(store, "B", "B"), await _parked(store, "B")
    async with store.transaction() as uow:
        (miss,) = await uow.misses.listed()
        (task,) = await uow.open_items.tasks(code_tables.MISSING_CODE)
    assert (miss["subject"], miss["messages"], miss["waiting"]) == (f"inbox/{first}", 2, 2)
    assert (task["owner"], task["detail"]["key"]) == ("finance", "B")
    assert miss["last_at"] > miss["first_at"]
    decided = await _write(store, {"B": "MAT-2"})
    assert (decided.messages, decided.deliveries) == (2, 0)
    assert [await _state(store, number) for number in (first, second)] == ["new", "new"]
    async with store.transaction() as uow:
        assert await uow.misses.listed() == []
        assert await uow.open_items.tasks(code_tables.MISSING_CODE) == []


async def test_one_decision_of_two_releases_it_and_the_other_holds_it_again(store: Store) -> None:
    number = await _parked(store, "A", "B")
    assert (await _write(store, {"A": "1"})).messages == 1
    assert await _state(store, number) == "new"
    async with store.transaction() as uow:
        assert await code_tables.hold_message(uow, number, _lacks("B"))
    assert (await _write(store, {"B": "2"})).messages == 1


async def test_an_import_releases_as_a_decision_does_and_touches_nothing_else(store: Store) -> None:
    waiting, other = await _parked(store, "A"), await _parked(store, "Z")
    decided = await _write(store, {"A": "1", "C": "3"})
    assert decided.messages == 1
    assert (await _state(store, waiting), await _state(store, other)) == ("new", "parked")


async def test_a_code_looked_up_backwards_is_decided_either_way(store: Store) -> None:
    await _parked(store, "PRE007", table="currency.inverse")
    await _parked(store, "PRE008", table="currency.inverse")
    assert (await _write(store, {"USD": "PRE007"}, table="currency")).messages == 1
    assert (await _write(store, {"PRE008": "EUR"}, table="currency.inverse")).messages == 1
    async with store.transaction() as uow:
        assert await uow.codes.rows("currency") == {"EUR": "PRE008", "USD": "PRE007"}


async def test_a_code_that_came_while_it_was_missed_holds_nothing(store: Store) -> None:
    await _write(store, {"A": "1"})
    async with store.transaction() as uow:
        await connect(uow, "ads")
        number = await message(uow, "ads")
        assert not await code_tables.hold_message(uow, number, _lacks("A"))
        assert await uow.misses.listed() == []
    assert await _state(store, number) == "new"


async def test_a_message_replayed_by_hand_and_handled_is_not_released_again(store: Store) -> None:
    number = await _parked(store, "A")
    async with store.transaction() as uow:
        await uow.inbox.replay(message_id=number)
        await uow.inbox.settle(number, "handled")
    assert (await _write(store, {"A": "1"})).messages == 0
    assert await _state(store, number) == "handled"
