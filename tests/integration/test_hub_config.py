"""Files in git and the database agree: export, plan, apply."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from configuration import ConfigurationError
from crm_store import Store
from crm_store.mapping_versions import MappingText
from domain.faults import Misconfigured
from flows.code_tables import write_codes
from hub.configuration_files import read_folder, write_folder
from hub.configuration_plan import Plan, State
from hub.configuration_state import PlanOutdated, apply, planned, stored
from hub.publishing import publish, read_mapping
from hub.settings import DEFAULTS
from mappings import library

PUSH = "douyin_leads.push"
ADS = {"sources": [], "app_id": "0571", "push_names": {"telphone": "手机: 号码"}, "client_key": "yes"}
SECRETS = {"push_token": "canary-token", "push_secretkey": "canary-key"}
OVERRIDE = MappingText(f"override: {PUSH}\nfields: {{message: {{value: 北}}}}\n", {})


class Desk:
    """Somebody with a folder and a hub."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store, self.folder = store, folder

    async def export(self) -> None:
        async with self.store.transaction() as uow:
            write_folder(self.folder, await stored(uow), rules=DEFAULTS)

    async def compare(self) -> tuple[State, Plan]:
        async with self.store.transaction() as uow:
            found = await stored(uow)
        wanted = read_folder(self.folder, found)
        return wanted, planned(wanted, found)

    async def plan(self) -> list[tuple[str, str, str]]:
        return [(each.section, each.name, each.action) for each in (await self.compare())[1].changes]

    async def apply(self) -> None:
        wanted, approved = await self.compare()
        await self.store.run(lambda uow: apply(uow, wanted, approved, by="张三"))
        assert await self.plan() == [], "what was applied is there"

    def change(self, file: str, edit: Callable[[Any], None]) -> None:
        path = self.folder / file
        value = yaml.safe_load(path.read_text(encoding="utf-8"))
        edit(value)
        path.write_text(yaml.safe_dump(value, allow_unicode=True), encoding="utf-8")

    async def connections(self) -> dict[str, Any]:
        async with self.store.transaction() as uow:
            return {each.id: each for each in await uow.connections.all()}


@pytest.fixture
async def desk(store: Store, tmp_path: Path) -> Desk:
    """Two connections, two code tables, a mapping for all and an override for one."""
    async with store.transaction() as uow:
        await uow.connections.save("ads", connector="douyin_leads", settings=ADS, secrets=SECRETS)
        await uow.connections.save_token("ads", "session", {"token": "rotated"})
        await uow.connections.save("other", connector="douyin_leads", settings=ADS, secrets={})
        await uow.codes.define("materials", title="物料", owner="finance")
        await write_codes(uow, "materials", {"SKU-1": "007", "SKU,2": '="x"'}, by="李四")
        await write_codes(uow, "people", {"张三": "E1"}, by="李四")
        shipped = read_mapping(library.files()[PUSH])
        await publish(uow, shipped, file="push.yaml", connection=None, by="李四")
        await publish(uow, OVERRIDE, file="over.yaml", connection="ads", by="李四")
    return Desk(store, tmp_path / "conf")


async def test_what_was_exported_differs_in_nothing_and_holds_no_secret(desk: Desk) -> None:
    await desk.export()
    assert await desk.plan() == []
    files = [path for path in desk.folder.rglob("*") if path.is_file()]
    assert {str(path.relative_to(desk.folder)) for path in files} >= {
        "connections/ads.yaml",
        "code_tables/materials.csv",
        f"mappings/{PUSH}/mapping.yaml",
        f"mappings/{PUSH}@ads/mapping.yaml",
        "routing.yaml",
        "policy.yaml",
    }
    assert not any(b"canary" in path.read_bytes() for path in files)
    await desk.export()
    assert await desk.plan() == []


async def test_a_setting_changes_and_the_secrets_and_tokens_stay(desk: Desk) -> None:
    await desk.export()
    desk.change("connections/ads.yaml", lambda file: file["settings"].update(page_size=50))
    _, found = await desk.compare()
    (change,) = found.changes
    assert [(each.field, each.before, each.after) for each in change.fields] == [("page_size", None, 50)]
    await desk.apply()
    ads = (await desk.connections())["ads"]
    assert ads.settings["page_size"] == 50
    assert {name: ads.secrets[name] for name in SECRETS} == SECRETS
    async with desk.store.transaction() as uow:
        assert await uow.connections.token("ads", "session") == {"token": "rotated"}


async def test_a_secret_comes_from_the_environment_once_and_the_reference_stays(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.export()
    desk.change("connections/ads.yaml", lambda file: file["secrets"].update(push_token={"env": "MADE_UP"}))
    assert await desk.plan() == [], "the variable is not set: the stored secret is kept"
    monkeypatch.setenv("MADE_UP", "canary-other")
    _, found = await desk.compare()
    assert "canary" not in json.dumps(found.as_json(), default=str)
    await desk.apply()
    ads = (await desk.connections())["ads"]
    assert (ads.secrets["push_token"], ads.secrets["push_secretkey"]) == ("canary-other", "canary-key")
    async with desk.store.transaction() as uow:
        assert await uow.connections.token("ads", "session") is None, "got with the old credentials"
    await desk.export()
    assert "env: MADE_UP" in (desk.folder / "connections/ads.yaml").read_text(encoding="utf-8")


async def test_a_new_connection_without_its_secret_is_said_and_waits(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.export()
    (desk.folder / "connections/new.yaml").write_text(
        "connector: douyin_leads\nsettings: {sources: []}\nsecrets: {push_token: {env: MADE_UP},"
        " push_secretkey: {env: MADE_UP}}\n",
        encoding="utf-8",
    )
    _, found = await desk.compare()
    (change,) = found.changes
    assert "push_secretkey、push_token" in change.notes[0]
    await desk.apply()
    new = (await desk.connections())["new"]
    assert (new.state, new.reason[:4]) == ("paused", "缺少密钥")
    monkeypatch.setenv("MADE_UP", "made-up")
    await desk.apply()
    assert (await desk.connections())["new"].state == "active"


async def test_a_connection_is_retired_and_can_come_back(desk: Desk) -> None:
    await desk.export()
    file = desk.folder / "connections/ads.yaml"
    text = file.read_text(encoding="utf-8")
    file.unlink()
    assert await desk.plan() == [("connections", "ads", "delete")]
    await desk.apply()
    assert list(await desk.connections()) == ["other"]
    file.write_text(text, encoding="utf-8")
    (change,) = (await desk.compare())[1].changes
    assert "缺少密钥" in change.notes[0], "its secrets were forgotten"
    await desk.apply()


async def test_rows_of_code_tables_come_change_and_go_with_their_history(desk: Desk) -> None:
    await desk.export()
    file = desk.folder / "code_tables/materials.csv"
    file.write_text("key,value\nSKU-1,008\nSKU-3,3\n", encoding="utf-8")
    (desk.folder / "code_tables/people.csv").unlink()
    desk.change("code_tables/tables.yaml", lambda heads: heads["materials"].update(owner="it"))
    assert await desk.plan() == [("code_tables", "materials", "change"), ("code_tables", "people", "delete")]
    await desk.apply()
    async with desk.store.transaction() as uow:
        assert await uow.codes.all() == {"materials": {"SKU-1": "008", "SKU-3": "3"}}
        assert await uow.codes.owner("materials") == "it"
        history = await uow.codes.history("materials", "SKU-1")
    assert (history[0].before, history[0].after, history[0].by) == ("007", "008", "张三")


async def test_mappings_are_published_and_taken_back(desk: Desk) -> None:
    await desk.export()
    file = desk.folder / f"mappings/{PUSH}@ads/mapping.yaml"
    file.write_text(OVERRIDE.text.replace("北", "南"), encoding="utf-8")
    assert await desk.plan() == [("mappings", f"{PUSH}@ads", "change")]
    await desk.apply()
    file.unlink()
    assert await desk.plan() == [("mappings", f"{PUSH}@ads", "delete")]
    await desk.apply()
    async with desk.store.transaction() as uow:
        assert [each.label for each in await uow.mapping_versions.live()] == ["v1"]
        switches = await uow.mapping_versions.switches(PUSH, limit=2)
    assert [(each.label, each.by) for each in switches] == [("shipped", "张三"), ("ads.v2", "张三")]


async def test_mappings_are_checked_together_as_when_they_are_published(desk: Desk) -> None:
    await desk.export()
    general, own = (desk.folder / f"mappings/{name}/mapping.yaml" for name in (PUSH, f"{PUSH}@ads"))
    own.write_text(OVERRIDE.text.replace("message", "massage"), encoding="utf-8")
    with pytest.raises(
        ConfigurationError, match=rf"^mappings/{PUSH}@ads/mapping.yaml:2:10: 'massage' is not a"
    ):
        await desk.apply()
    own.write_text(f"override: {PUSH}\nremove: [credit_code]\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="nothing to remove"):
        await desk.apply()
    row = "fields:\n  credit_code: {from: code, when: code, required: true, default: x}\n"
    general.write_text(general.read_text(encoding="utf-8").replace("fields:\n", row), encoding="utf-8")
    wanted, approved = await desk.compare()
    warnings = await desk.store.run(lambda uow: apply(uow, wanted, approved, by="张三"))
    assert [(each.file, each.line, each.severity) for each in warnings] == [
        (f"mappings/{PUSH}/mapping.yaml", 6, "warning")
    ]
    assert await desk.plan() == []


async def test_all_or_nothing(desk: Desk) -> None:
    """The last step fails in the database: what came before it is gone again."""
    await desk.export()
    desk.change("connections/ads.yaml", lambda file: file["settings"].update(page_size=50))
    (desk.folder / "code_tables/people.csv").write_text("key,value\n张三,E2\n", encoding="utf-8")
    folder = desk.folder / f"mappings/{PUSH}@nobody"
    folder.mkdir()
    (folder / "mapping.yaml").write_text(OVERRIDE.text, encoding="utf-8")
    wanted, approved = await desk.compare()
    assert len(approved.changes) == 3
    with pytest.raises(Misconfigured, match="nobody"):
        await desk.store.run(lambda uow: apply(uow, wanted, approved, by="张三"))
    assert (await desk.connections())["ads"].settings.get("page_size") is None
    async with desk.store.transaction() as uow:
        assert (await uow.codes.rows("people")) == {"张三": "E1"}


async def test_a_plan_that_is_not_true_any_more_is_not_applied(desk: Desk) -> None:
    await desk.export()
    desk.change("connections/ads.yaml", lambda file: file["settings"].update(page_size=50))
    wanted, approved = await desk.compare()
    async with desk.store.transaction() as uow:
        await write_codes(uow, "people", {"李四": "E2"}, by="李四")
    with pytest.raises(PlanOutdated):
        await desk.store.run(lambda uow: apply(uow, wanted, approved, by="张三"))
    assert (await desk.connections())["ads"].settings.get("page_size") is None
