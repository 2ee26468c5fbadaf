"""A receivable whose material has no code: held, decided, and then exactly one document in the ERP."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from crm_store import Row
from crm_store.mapping_versions import MappingText
from domain.faults import Misconfigured
from domain.records import Trigger
from flows import code_suggestions, code_tables
from flows.receivables import open_receivables
from hub.bootstrap import Hub, open_hub
from hub.settings import Settings
from hub.web.app import create_app
from hub.work import Workbench
from mappings import library
from sandboxes.common import Running, running
from sandboxes.kingdee import SANDBOX
from tests.factories import KEY, contract
from tests.integration.test_hub_api import TOKEN, Api, _alive, _client

MATERIALS = "kingdee_material"
NUMBER = "HT-2026-0001"


@pytest.fixture(scope="module")
def kingdee() -> Iterator[Running]:
    with running(SANDBOX()) as serving:
        yield serving


class House:
    """A hub with one ERP, whose mapping must have a code for each material."""

    def __init__(self, hub: Hub, kingdee: Running) -> None:
        self.hub, self._kingdee = hub, kingdee
        self.bench = Workbench(hub)

    async def work(self) -> None:
        """As worker and sweep do, until nothing is left to do."""
        while True:
            async with self.hub.store.transaction() as uow:
                if not await uow.deliveries.unfinished():
                    return
                await uow.connection.execute(text("UPDATE deliveries SET due_at = now()"))
                ids = [row["id"] for row in await uow.deliveries.listed()]
            await self.bench.run_deliveries(ids)

    async def delivery(self) -> Row:
        async with self.hub.store.transaction() as uow:
            found = await uow.deliveries.by_key(f"kingdee-main/receivable/{NUMBER}-1")
        assert found is not None
        return found

    async def tasks(self, kind: str) -> list[Row]:
        async with self.hub.store.transaction() as uow:
            return await uow.open_items.tasks(kind)

    def documents(self) -> list[Any]:
        found: list[Any] = self._kingdee.control("act/list_bills", {"form": "AR_receivable"})["bills"]
        return found


@pytest.fixture
async def house(
    database_url: str, kingdee: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[House]:
    kingdee.control("reset", {})
    monkeypatch.setenv("GUANTONG_KEY", KEY.decode())
    settings = Settings(database_url=database_url, data=tmp_path, backoff_base=0.001, backoff_cap=0.001)
    async with open_hub(settings) as hub:
        await _prepare(hub, kingdee)
        house = House(hub, kingdee)
        await house.work()
        yield house


async def _prepare(hub: Hub, kingdee: Running) -> None:
    strict = library.files()["kingdee.receivable"].read_text(encoding="utf-8")
    assert "on_miss: pass" in strict
    given = {**kingdee.sandbox.credentials(), "base_url": kingdee.url}
    async with hub.store.transaction() as uow:
        owner = await contract(uow, NUMBER, company="示例客户有限公司")
        secrets: dict[str, str] = {
            name: str(given.pop(name)) for name in ("password", "app_secret") if name in given
        }
        await uow.connections.save("kingdee-main", connector="kingdee", settings=given, secrets=secrets)
        await uow.mapping_versions.publish(
            "kingdee.receivable",
            MappingText(strict.replace("on_miss: pass", "on_miss: park"), {}),
            connection=None,
            by="test",
            note="",
        )
        await uow.codes.define(MATERIALS, owner="finance")
        row = await uow.contracts.get(owner.contract_id)
        await open_receivables(uow, row, Trigger.SIGNED, hub.context)
    await hub.connections.refresh(stale_after=0)


async def test_a_receivable_without_a_code_is_held_and_one_decision_brings_one_document(house: House) -> None:
    held = await house.delivery()
    assert (held["state"], held["fault"]) == ("held", "MissingCode")
    assert "对照表“kingdee_material”中没有对应项" in held["reason"]
    assert house.documents() == []
    (task,) = await house.tasks(code_tables.MISSING_CODE)
    assert (task["owner"], task["detail"]["key"]) == ("finance", "S1")
    assert await house.tasks("dead_letter") == []

    async with house.hub.store.transaction() as uow:
        decided = await code_tables.write_codes(uow, MATERIALS, {"S1": "MAT-0001"}, by="王会计")
        again = await code_tables.write_codes(uow, MATERIALS, {"S1": "MAT-0001"}, by="王会计")
    assert (decided.deliveries, again.deliveries) == (1, 0)
    await house.work()
    assert (await house.delivery())["state"] == "done"
    assert [each["number"] for each in house.documents()] == [f"{NUMBER}-1"]
    assert await house.tasks(code_tables.MISSING_CODE) == []


async def test_a_worker_with_an_old_table_finds_the_new_row_and_holds_nothing_twice(house: House) -> None:
    async with house.hub.store.transaction() as uow:
        await code_tables.write_codes(uow, MATERIALS, {"S1": "MAT-0001"}, by="王会计")
    stale = house.hub.connections.refresh

    async def look_only_when_told(*, stale_after: float = 9) -> None:
        if stale_after == 0:
            await stale(stale_after=0)

    house.hub.connections.refresh = look_only_when_told  # type: ignore[method-assign]
    await house.work()
    assert (await house.delivery())["state"] == "done"
    assert len(house.documents()) == 1


async def test_a_held_delivery_may_be_replayed_in_vain_and_cancelled(house: House) -> None:
    for _ in range(2):
        async with house.hub.store.transaction() as uow:
            await uow.deliveries.replay(connection="kingdee-main")
        await house.work()
        assert (await house.delivery())["state"] == "held"
    assert len(await house.tasks(code_tables.MISSING_CODE)) == 1
    async with house.hub.store.transaction() as uow:
        assert await uow.deliveries.cancel((await house.delivery())["id"], "not wanted")
        decided = await code_tables.write_codes(uow, MATERIALS, {"S1": "MAT-0001"}, by="王会计")
    assert decided.deliveries == 0
    assert house.documents() == []


async def test_the_archive_suggests_what_has_the_same_name_and_nothing_else(house: House) -> None:
    async with house.hub.store.transaction() as uow:
        await uow.misses.note(MATERIALS, "示例配件", connection="kingdee-main", subject="x")
    (found,) = await code_suggestions.from_archive(house.hub.context, MATERIALS, "kingdee-main")
    assert (found.key, found.certain, found.entries[0].code) == ("示例配件", True, "MAT-0002")
    for table, connection in (("region", "kingdee-main"), (MATERIALS, "nobody")):
        with pytest.raises(Misconfigured):
            await code_suggestions.from_archive(house.hub.context, table, connection)


async def test_deciding_over_http_with_what_is_missing_and_what_changed(
    house: House, servers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GUANTONG_API_TOKEN", TOKEN)
    app = create_app(house.hub.settings.model_copy(update={"redis_url": servers.redis_url}))
    async with _alive(app), _client(app) as client:
        api = Api(client)
        status, (miss,) = await api.ask("GET", "/api/code-misses")
        assert (status, miss["table"], miss["key"], miss["deliveries"]) == (200, MATERIALS, "S1", 1)
        decision = {"key": "S1", "value": "MAT-0001", "by": "王会计"}
        status, decided = await api.ask("POST", f"/api/code-tables/{MATERIALS}/decide", decision)
        assert (status, decided["released"]) == (200, {"messages": 0, "deliveries": 1})
        assert (await api.ask("GET", f"/api/code-tables/{MATERIALS}"))[1] == {"S1": "MAT-0001"}
        assert (await api.ask("PUT", f"/api/code-tables/{MATERIALS}", {"S1": "MAT-0002"}))[1]["changed"] == 1
        _, changes = await api.ask("GET", f"/api/code-tables/{MATERIALS}/history?key=S1")
        assert [(each["after"], each["by"]) for each in changes] == [
            ("MAT-0002", "api"),
            ("MAT-0001", "王会计"),
        ]
        back = {"key": "S1", "change": changes[0]["id"], "by": "王会计"}
        assert (await api.ask("POST", f"/api/code-tables/{MATERIALS}/restore", back))[0] == 200
        assert (await api.ask("PATCH", f"/api/code-tables/{MATERIALS}", {"title": "物料"}))[0] == 200
        _, (table,) = await api.ask("GET", "/api/code-tables")
        assert (table["title"], table["owner"], table["rows"]) == ("物料", "finance", 1)
        gone = {"key": "none", "by": "王会计"}
        assert (await api.ask("POST", f"/api/code-tables/{MATERIALS}/restore", gone))[0] == 404
