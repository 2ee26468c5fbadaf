import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from crm_store import Store
from crm_store.mapping_versions import SHIPPED, MappingText, MappingVersion

FIRST, SECOND = MappingText("first", {}), MappingText("second", {"samples/a.json": "{}"})
WHO = {"by": "张三", "note": ""}


async def _publish(store: Store, content: MappingText, connection: str | None = None) -> MappingVersion:
    async with store.transaction() as uow:
        return await uow.mapping_versions.publish("a.b", content, connection=connection, **WHO)


async def test_numbers_grow_for_each_connection_alone_and_the_last_is_live(store: Store) -> None:
    for content in (FIRST, SECOND):
        await _publish(store, content)
    await _publish(store, FIRST, "erp")
    async with store.transaction() as uow:
        live = await uow.mapping_versions.live()
        texts = await uow.mapping_versions.texts(each.id for each in live)
        listed = await uow.mapping_versions.listed("a.b", every=True)
    assert sorted(each.label for each in live) == ["erp.v1", "v2"]
    assert {each.label: texts[each.id] for each in live} == {"erp.v1": FIRST, "v2": SECOND}
    assert sorted(each.label for each in listed) == ["erp.v1", "v1", "v2"]
    assert FIRST.digest != SECOND.digest


async def test_an_earlier_version_and_the_shipped_file_can_be_live_again(store: Store) -> None:
    first = await _publish(store, FIRST)
    await _publish(store, SECOND)
    async with store.transaction() as uow:
        for version in (first, None):
            await uow.mapping_versions.switch("a.b", version, connection=None, by="李四", note="错了")
    async with store.transaction() as uow:
        assert await uow.mapping_versions.live() == []
        switches = await uow.mapping_versions.switches("a.b")
    assert [each.label for each in switches] == [SHIPPED, "v1", "v2", "v1"]
    assert (switches[0].by, switches[0].note) == ("李四", "错了")


@pytest.mark.parametrize("table", ["mapping_versions", "mapping_switches"])
@pytest.mark.parametrize("change", ["UPDATE {} SET name = 'other'", "DELETE FROM {}"])
async def test_the_database_refuses_to_change_what_was_published(
    store: Store, table: str, change: str
) -> None:
    await _publish(store, FIRST)
    with pytest.raises(DBAPIError, match="never change"):
        async with store.transaction() as uow:
            await uow.connection.execute(text(change.format(table)))


async def test_those_who_publish_at_once_get_numbers_of_their_own(store: Store) -> None:
    made = await asyncio.gather(*(_publish(store, FIRST) for _ in range(5)))
    assert sorted(version.number for version in made) == [1, 2, 3, 4, 5]
    async with store.transaction() as uow:
        (live,) = await uow.mapping_versions.live()
    assert live.number == 5, "the last number is the last switch"
