"""Publishing, rolling back, comparing and applying through the command line and over HTTP."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from typer.testing import CliRunner

from configuration import ConfigurationError
from crm_store import Store
from hub.bootstrap import Hub
from hub.cli import app
from hub.registry import OpenConnections
from hub.settings import Settings
from hub.web import mappings as mappings_api
from tests.factories import KEY, FixedClock, context_of, message

PUSH = "douyin_leads.push"
FULL = f"mapping: {PUSH}\nfrom: a\nto: b\nfields: {{vendor_id: id, message: {{value: one}}}}\n"

runner = CliRunner()
Run = Callable[..., Awaitable[tuple[int, str]]]


@pytest.fixture
async def run(store: Store, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The commands run their own loop: in a thread."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("GUANTONG_KEY", KEY.decode())
    monkeypatch.setenv("GUANTONG_DATA", str(tmp_path))
    async with store.transaction() as uow:
        await uow.connections.save("ads", connector="douyin_leads", settings={"sources": []}, secrets={})

    async def command(*words: object, answer: str = "") -> tuple[int, str]:
        result = await asyncio.to_thread(runner.invoke, app, [str(word) for word in words], input=answer)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.stdout

    return command


class Draft:
    def __init__(self, path: Path) -> None:
        self.path = path

    def says(self, old: str, new: str) -> None:
        self.path.write_text(FULL.replace(old, new), encoding="utf-8")

    def __str__(self) -> str:
        return str(self.path)


@pytest.fixture
def draft(tmp_path: Path) -> Draft:
    made = Draft(tmp_path / "draft.yaml")
    made.says("", "")
    return made


async def test_publish_look_and_roll_back(run: Run, draft: Draft) -> None:
    code, said = await run("mappings", "publish", draft, "--by", "张三", "--note", "试", "--json")
    assert (code, json.loads(said)["version"], json.loads(said)["new"]) == (0, "v1", True)
    assert "没有变化" in (await run("mappings", "publish", draft))[1]
    draft.says("one", "two")
    assert f"{PUSH}@ads.v1" in (await run("mappings", "publish", draft, "--connection", "ads"))[1]
    found = json.loads((await run("mappings", "versions", "--json"))[1])
    assert [(each["version"], each["live"], each["note"]) for each in found["versions"]] == [
        ("v1", True, "试"),
        ("ads.v1", True, ""),
    ]
    assert "切换记录" in (await run("mappings", "versions", PUSH))[1]
    assert "v1 → shipped" in (await run("mappings", "rollback", PUSH))[1]
    code, said = await run("mappings", "rollback", PUSH, "--to", "v1", "--json")
    assert json.loads(said) == {"name": PUSH, "connection": None, "before": "shipped", "after": "v1"}


async def test_nothing_published_is_said(run: Run) -> None:
    assert "随程序" in (await run("mappings", "versions"))[1]


async def test_a_wrong_file_is_not_published(run: Run, draft: Draft) -> None:
    draft.says("{value: one}", "{from: a, as: nonsense}")
    with pytest.raises(ConfigurationError, match=r"draft.yaml:4:.*nonsense"):
        await run("mappings", "publish", draft)


async def test_what_makes_no_sense_is_refused_and_what_is_dubious_is_told(run: Run, draft: Draft) -> None:
    draft.says("{value: one}", "{from: id, lookup: nowhere}")
    with pytest.raises(ConfigurationError, match=r"draft.yaml:4:53: message: no code table 'nowhere'"):
        await run("mappings", "publish", draft)
    draft.says("{value: one}", "{value: one, default: two}")
    code, said = await run("mappings", "publish", draft)
    assert (code, "warning: message: 'default' never acts" in said, "已发布" in said) == (0, True, True)
    code, said = await run("mappings", "publish", draft, "--json")
    assert [each["severity"] for each in json.loads(said)["warnings"]] == ["warning"]


async def test_a_draft_is_compared_with_what_is_live_over_stored_messages(
    run: Run, draft: Draft, store: Store
) -> None:
    async with store.transaction() as uow:
        for number in range(3):
            body = json.dumps({"id": str(number), "remark": "one" if number else "two"}).encode()
            stored = await message(uow, "ads", body, "lead.push")
            await uow.inbox.settle(stored, "handled", mapping=f"{PUSH}@v1")
    await run("mappings", "publish", draft)
    draft.says("{value: one}", "remark")
    code, said = await run("mappings", "diff", "live", draft, "--last", "2", "--json")
    found = json.loads(said)
    assert (code, found["records"], found["changed_records"]) == (0, 2, 0)
    found = json.loads((await run("mappings", "diff", "live", draft, "--json"))[1])
    assert (found["before"], found["after"]) == (f"{PUSH}@v1", f"{PUSH}@draft.yaml")
    (change,) = found["fields"]
    assert (change["name"], change["records"]) == ("message", 1)
    assert [(each["before"], each["after"]) for each in change["examples"]] == [("one", "two")]
    assert "message" in (await run("mappings", "diff", "live", draft))[1]


async def test_the_configuration_goes_out_and_comes_back(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "conf"
    code, said = await run("config", "export", folder, "--json")
    assert code == 0
    assert str(folder / "connections/ads.yaml") in json.loads(said)["files"]
    assert "一致" in (await run("config", "plan", folder))[1]
    assert (await run("config", "apply", folder))[0] == 0
    (folder / "connections/ads.yaml").write_text(
        "connector: douyin_leads\nsettings: {sources: [], page_size: 5}\n"
    )
    (folder / "routing.yaml").write_bytes((folder / "routing.yaml").read_bytes() + b"# other\n")
    code, said = await run("config", "plan", folder)
    assert "修改 连接 ads" in said
    assert "page_size" in said
    assert "GUANTONG_CONFIG" in said
    digest = json.loads((await run("config", "plan", folder, "--json"))[1])["digest"]
    with pytest.raises(Exception, match="批准过的 other"):
        await run("config", "apply", folder, "--expect", "other")
    code, said = await run("config", "apply", folder, "--expect", digest, "--json")
    assert (code, json.loads(said)["applied"]) == (0, True)


async def test_destructive_steps_ask(run: Run, tmp_path: Path, store: Store) -> None:
    folder = tmp_path / "conf"
    await run("config", "export", folder)
    (folder / "connections/ads.yaml").unlink()
    code, said = await run("config", "apply", folder, answer="n\n")
    assert (code, "删除 连接 ads" in said) == (1, True)
    code, said = await run("config", "apply", folder, "--json")
    assert (code, json.loads(said)["applied"]) == (1, False), "a program is not asked: it says --yes"
    async with store.transaction() as uow:
        assert len(await uow.connections.all()) == 1
    assert (await run("config", "apply", folder, answer="y\n"))[0] == 0
    async with store.transaction() as uow:
        assert await uow.connections.all() == []


# --- HTTP -------------------------------------------------------------------------------------------------


async def test_versions_over_http(store: Store) -> None:
    async with store.transaction() as uow:
        await uow.connections.save("ads", connector="douyin_leads", settings={}, secrets={})
    api = FastAPI()
    mappings_api.add_routes(api, [])
    async with httpx.AsyncClient() as vendors:
        connections = OpenConnections(store, vendors, FixedClock())
        context = context_of(store, connections)  # type: ignore[arg-type]
        api.state.hub = Hub(Settings(), store, connections, context)
        transport = httpx.ASGITransport(app=api, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://hub.example.com") as client:

            async def ask(method: str, path: str, body: Any = None) -> tuple[int, Any]:
                answer = await client.request(method, f"/api/mappings/{path}", json=body)
                return answer.status_code, answer.json()

            put = {"text": FULL, "by": "张三", "connection": "ads", "note": "试"}
            status, told = await ask("POST", "publish", put)
            assert (status, told["version"], told["new"]) == (200, "ads.v1", True)
            status, told = await ask(
                "POST", "publish", put | {"text": FULL.replace("{value: one}", "{from: a, as: nonsense}")}
            )
            assert (status, told["places"][0]["line"]) == (422, 4), told
            nowhere = put | {"text": FULL.replace("{value: one}", "{from: id, lookup: nowhere}")}
            status, told = await ask("POST", "publish", nowhere)
            assert (status, told["places"][0]["remedy"]) == (422, "add it, or write 'table: …'"), told
            idle = put | {"text": FULL.replace("{value: one}", "{value: one, default: two}")}
            status, told = await ask("POST", "publish", idle)
            assert (status, told["warnings"][0]["line"]) == (200, 4), told
            status, told = await ask("POST", f"{PUSH}/rollback", {"by": "张三", "connection": "ads"})
            status, told = await ask("GET", f"versions?name={PUSH}")
            assert [(each["version"], each["live"]) for each in told["versions"]] == [
                ("ads.v2", False),
                ("ads.v1", True),
            ]
            status, told = await ask("POST", f"{PUSH}/rollback", {"by": "张三", "connection": "ads"})
            assert told == {"name": PUSH, "before": "ads.v1", "after": "shipped"}
            assert (await ask("POST", f"{PUSH}/rollback", {"connection": "ads"}))[0] == 422, "by whom?"
