import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from crm_store import Store
from hub.cli import Commands, app, main
from hub.commands import mappings
from hub.demo.run import _enough_people
from hub.embedded import Servers
from hub.settings import DEFAULTS
from router import RoutingPlan
from tests.factories import KEY, contract, message

runner = CliRunner()


@pytest.fixture(autouse=True)
def _environment(
    database_url: str, servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("REDIS_URL", servers.redis_url)
    monkeypatch.setenv("GUANTONG_KEY", KEY.decode())
    monkeypatch.setenv("GUANTONG_DATA", str(tmp_path))


def _doctor() -> tuple[int, str]:
    result = runner.invoke(app, ["doctor", "--json"])
    return result.exit_code, "\n".join(
        f"{row['text']} → {row['remedy']}" for row in json.loads(result.stdout)
    )


def test_the_doctor_tells_what_is_good_and_what_is_unsafe() -> None:
    # These servers were told not to be safe against a power cut, which the doctor must see.
    code, said = _doctor()
    assert code == 1
    assert "数据库设置不安全：fsync=off, full_page_writes=off" in said
    assert "Redis 可用" in said
    assert "还没有配置任何连接" in said
    assert said.count("不") == 1


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none", "检查 DATABASE_URL"),
        ("REDIS_URL", "redis://127.0.0.1:1/0", "检查 REDIS_URL"),
    ],
)
def test_the_doctor_says_which_server_is_wrong(
    variable: str, value: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    code, said = _doctor()
    assert code == 1
    assert words in said


async def _save_connection(store: Store) -> None:
    async with store.transaction() as uow:
        await contract(uow)


def test_the_doctor_names_file_line_and_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "configuration"
    folder.mkdir()
    for each in DEFAULTS.iterdir():
        (folder / each.name).write_text(each.read_text(encoding="utf-8"), encoding="utf-8")
    routing = (folder / "routing.yaml").read_text(encoding="utf-8")
    (folder / "routing.yaml").write_text(
        routing.replace("fallback_team:", "fallback_teem:"), encoding="utf-8"
    )
    monkeypatch.setenv("GUANTONG_CONFIG", str(folder))
    code, said = _doctor()
    number = routing[: routing.index("fallback_team:")].count("\n") + 1
    assert code == 1
    assert f"routing.yaml:{number}" in said
    assert "fallback_teem" in said
    monkeypatch.setattr(sys, "argv", ["guantong", "reconcile"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2


async def test_a_changed_key_is_told_for_what_it_is(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    await _save_connection(store)
    monkeypatch.setenv("GUANTONG_KEY", "x" * 43 + "=")
    code, said = await asyncio.to_thread(_doctor)
    assert code == 1
    assert "密钥不匹配" in said
    assert "检查 DATABASE_URL" not in said


async def test_reading_and_repairing(store: Store) -> None:
    """The commands run their own loop: in a thread."""
    async with store.transaction() as uow:
        number = await message(uow, "bank-main") if await _connected(store) else 0
        await uow.inbox.settle(number, "parked", reason="x")

    def run(*words: str) -> tuple[int, str]:
        result = runner.invoke(app, list(words))
        return result.exit_code, result.stdout

    code, said = await asyncio.to_thread(run, "replay", "inbox", "--json")
    assert (code, json.loads(said)) == (0, {"replayed": 1})
    code, said = await asyncio.to_thread(run, "replay", "deliveries", "--key", "nothing", "--json")
    assert (code, json.loads(said)) == (0, {"replayed": 0})
    assert (await asyncio.to_thread(run, "replay", "everything"))[0] == 2
    assert (await asyncio.to_thread(run, "trace", "HT-NONE"))[0] == 1


async def _connected(store: Store) -> bool:
    async with store.transaction() as uow:
        await uow.connections.save("bank-main", connector="bank_statement", settings={}, secrets={})
    return True


async def test_a_contract_is_traced(store: Store) -> None:
    async with store.transaction() as uow:
        await contract(uow)
        await uow.connection.execute(text("UPDATE connections SET connector = 'not_installed'"))
    result = await asyncio.to_thread(runner.invoke, app, ["trace", "HT-2026-0001", "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["contract"]["number"] == "HT-2026-0001"
    assert (await asyncio.to_thread(runner.invoke, app, ["trace", "HT-2026-0001"])).exit_code == 0


def test_where_all_agree_the_reconciliation_says_so() -> None:
    result = runner.invoke(app, ["reconcile", "--json"])
    assert (result.exit_code, json.loads(result.stdout)) == (0, [])
    assert "没有差异" in runner.invoke(app, ["reconcile"]).stdout


def test_a_replay_of_something_that_is_no_number_is_refused() -> None:
    result = runner.invoke(app, ["replay", "inbox", "--key", "abc"])
    assert result.exit_code == 2


@pytest.mark.parametrize("command", ["api", "worker"])
def test_a_part_alone_needs_its_servers(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REDIS_URL")
    assert runner.invoke(app, [command]).exit_code == 2


def test_a_sandbox_alone_says_where_it_is_and_how_to_log_in() -> None:
    command = [sys.executable, "-m", "hub", "sandbox", "kingdee", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ.copy()) as process:
        assert process.stdout is not None
        about = json.loads(process.stdout.readline())
        process.terminate()
    assert about["name"] == "kingdee"
    assert about["address"].startswith("http://127.0.0.1:")
    assert about["credentials"]
    assert runner.invoke(app, ["sandbox", "nobody"]).exit_code == 2


@pytest.mark.parametrize(
    "words",
    [*((name,) for name in Commands.modules), *(("mappings", name) for name in mappings.Commands.modules)],
)
def test_every_listed_command_is_there(words: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(app, [*words, "--help"])
    assert shown.exit_code == 0, shown.output
    assert f"{' '.join(words)} [OPTIONS]" in shown.output


@pytest.mark.parametrize(("words", "meant"), [(["relpay"], "replay"), (["mappings", "dif"], "diff")])
def test_a_slip_of_the_pen_is_told_what_was_meant(words: list[str], meant: str) -> None:
    told = CliRunner().invoke(app, words)
    assert told.exit_code == 2
    assert f"did you mean '{meant}'" in told.output


@pytest.mark.parametrize(("leads", "times"), [(60, 1), (400, 1), (401, 2), (1100, 3)])
def test_the_team_of_the_demo_has_room_for_all_its_leads(leads: int, times: int, tmp_path: Path) -> None:
    folder = _enough_people(DEFAULTS, leads, tmp_path / "config")
    before, after = (RoutingPlan.from_yaml(each / "routing.yaml").people for each in (DEFAULTS, folder))
    assert [one.capacity * times for one in before] == [one.capacity for one in after]
    assert (folder / "policy.yaml").read_bytes() == (DEFAULTS / "policy.yaml").read_bytes()
