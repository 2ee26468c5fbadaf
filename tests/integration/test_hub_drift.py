"""A lead source changes its messages: noticed at once, only what it touches waits, accepting lets it go."""

import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from crm_store import Row
from domain.ports import Inbound
from flows import drift
from flows.drift import NoSuchFinding
from hub.bootstrap import Hub, open_hub
from hub.settings import Settings
from hub.web.app import create_app
from hub.work import Workbench
from mappings.drift import LEARNED
from tests.factories import KEY
from tests.integration.test_hub_api import TOKEN, Api, _alive, _client

LEAD: Mapping[str, object] = {
    "id": "1",
    "adv_id": "1700000000000001",
    "adv_name": "示例广告主",
    "name": "测试客户",
    "telphone": "13800000001",
    "province_name": "浙江",
    "city_name": "杭州",
    "create_time": "1777600800",
    "app_name": "抖音",
    "clue_source": 1,
    "remark": "想了解报价",
    "store_id": 0,
    "weixin": "demo_wx",
}
ACCESS = {"app_id": "1", "secret": "x", "refresh_token": "x", "advertiser_ids": "1", "push_secretkey": "x"}


class Source:
    """One lead source and a workbench."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.bench = Workbench(hub)
        self._sent = 0

    async def send(self, *leave_out: str, times: int = 1, **changed: object) -> Row:
        """Leads with an id of their own; returns the last one's row in the inbox."""
        assert times > 0
        for _ in range(times):
            self._sent += 1
            lead = {name: value for name, value in LEAD.items() if name not in leave_out} | changed
            body = json.dumps(lead | {"id": str(self._sent)}).encode()
            async with self.hub.store.transaction() as uow:
                (number,) = await uow.inbox.add_once("ads", [Inbound("lead.push", str(self._sent), body, {})])
            await self.bench.handle_messages([number])
        return await self.row(number)

    async def row(self, number: int) -> Row:
        async with self.hub.store.transaction() as uow:
            found = await uow.inbox.get(number)
        assert found is not None
        return found

    async def again(self, number: int) -> str:
        """What a process remembers may be old: then it learns of the acceptance, and tries once more."""
        for _ in range(2):
            async with self.hub.store.transaction() as uow:
                await uow.connection.execute(text("UPDATE inbox SET due_at = now()"))
            await self.bench.handle_messages([number])
        return str((await self.row(number))["state"])

    async def found(self, *, every: bool = False) -> list[Row]:
        async with self.hub.store.transaction() as uow:
            return await uow.drift.listed(open_only=not every)

    async def tasks(self) -> list[Row]:
        async with self.hub.store.transaction() as uow:
            return await uow.open_items.tasks(drift.DRIFT)

    async def accept(self, finding: int) -> int:
        async with self.hub.store.transaction() as uow:
            return await drift.accept(uow, finding, by="王工")


@pytest.fixture
async def source(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Source]:
    monkeypatch.setenv("GUANTONG_KEY", KEY.decode())
    async with open_hub(Settings(database_url=database_url, data=tmp_path)) as hub:
        async with hub.store.transaction() as uow:
            await uow.connections.save("ads", connector="douyin_leads", settings=ACCESS, secrets={})
        await hub.connections.refresh(stale_after=0)
        source = Source(hub)
        assert (await source.send(times=LEARNED))["state"] == "handled"
        assert await source.found() == []
        yield source


async def test_a_new_field_and_an_unknown_option_are_noticed_and_nothing_waits(source: Source) -> None:
    row = await source.send(intent="高", app_name="快手")
    assert row["state"] == "handled"
    new, option = sorted(await source.found(), key=lambda each: str(each["change"]))
    assert (new["change"], new["path"], new["mappings"], new["held"]) == ("new", "intent", [], 0)
    assert (option["path"], option["detail"]) == ("app_name", "快手")
    assert option["mappings"] == ["douyin_leads.push"]
    assert new["inbox_id"] == row["id"]
    (task,) = await source.tasks()
    assert (task["owner"], task["detail"]["mappings"]) == ("it", ["douyin_leads.push"])
    assert "新字段 intent" in task["title"]
    await source.send(intent="低", app_name="快手")
    assert len(await source.found()) == 2, "it is learned"
    for each in (new, option):
        assert await source.accept(each["id"]) == 0
    assert await source.tasks() == []


async def test_a_renamed_field_that_the_mapping_reads_holds_its_message_until_it_is_accepted(
    source: Source,
) -> None:
    held = await source.send("telphone", phone_no="13800000001")
    assert held["state"] == "parked"
    assert "telphone 改名为 phone_no" in held["reason"]
    good = await source.send()
    assert good["state"] == "handled", "only what it touches waits"
    other = await source.send("telphone", phone_no="13800000002")
    (finding,) = await source.found()
    assert (finding["change"], finding["count"], finding["held"]) == ("renamed", 2, 2)
    assert len(await source.tasks()) == 1
    assert await source.again(held["id"]) == "parked", "a parked message is not taken"

    assert await source.accept(finding["id"]) == 2
    assert await source.tasks() == []
    for each in (held, other):
        assert await source.again(each["id"]) == "handled", "with another way to reach the person"
    with pytest.raises(NoSuchFinding):
        await source.accept(finding["id"])


async def test_another_type_holds_only_where_the_mapping_reads_it(source: Source) -> None:
    assert (await source.send(store_id="S1"))["state"] == "handled"
    held = await source.send(city_name=["杭州"])
    assert held["state"] == "parked"
    findings = {row["path"]: row for row in await source.found()}
    assert (findings["store_id"]["held"], findings["city_name"]["held"]) == (0, 1)
    assert findings["city_name"]["detail"] == "list"
    assert await source.accept(findings["city_name"]["id"]) == 1
    state = await source.again(held["id"])
    assert state == "parked", "the mapping cannot take a list either: now it is the mapping's own reason"
    assert "city" in (await source.row(held["id"]))["reason"]
    assert len(await source.found()) == 1


async def test_a_field_that_vanishes_is_missed_after_several_messages(source: Source) -> None:
    states = [(await source.send("city_name"))["state"] for _ in range(6)]
    assert states == ["handled"] * 4 + ["parked"] * 2
    (finding,) = await source.found()
    assert (finding["change"], finding["path"], finding["held"]) == ("missing", "city_name", 2)


async def test_one_message_that_is_tried_again_and_again_counts_once(source: Source) -> None:
    row = await source.send("city_name")
    for _ in range(8):
        async with source.hub.store.transaction() as uow:
            await uow.connection.execute(
                text("UPDATE inbox SET state = 'new' WHERE id = :id"), {"id": row["id"]}
            )
        assert await source.again(row["id"]) == "handled"
    assert await source.found() == []


async def test_another_process_that_does_not_know_of_the_acceptance_learns_of_it(
    source: Source, database_url: str, tmp_path: Path
) -> None:
    await source.send("telphone", phone_no="1")
    (finding,) = await source.found()
    async with open_hub(Settings(database_url=database_url, data=tmp_path)) as hub:
        second = Source(hub)
        second._sent = 1000
        held = await second.send("telphone", phone_no="2")
        assert held["state"] == "parked"
        assert await source.accept(finding["id"]) == 2
        assert await second.again(held["id"]) == "handled"
    assert await source.found() == []


async def test_accepting_over_http(source: Source, servers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    await source.send("telphone", phone_no="1")
    monkeypatch.setenv("GUANTONG_API_TOKEN", TOKEN)
    app = create_app(source.hub.settings.model_copy(update={"redis_url": servers.redis_url}))
    async with _alive(app), _client(app) as client:
        api = Api(client)
        _, (finding,) = await api.ask("GET", "/api/drift")
        assert finding["text"] == "字段 telphone 改名为 phone_no (renamed)"
        assert await api.ask("POST", f"/api/drift/{finding['id']}/accept?by=x") == (200, {"released": 1})
        assert (await api.ask("POST", f"/api/drift/{finding['id']}/accept?by=x"))[0] == 404
        assert (await api.ask("POST", "/api/drift/999/accept?by=x"))[0] == 404
        assert (await api.ask("GET", "/api/drift"))[1] == []
        assert len((await api.ask("GET", "/api/drift?every=true"))[1]) == 1
