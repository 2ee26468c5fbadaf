import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from typer.testing import CliRunner

from configuration import ConfigurationError
from crm_store import Store, UnitOfWork
from domain.faults import MissingCode, Unmappable
from flows import code_tables
from hub.cli import app
from hub.embedded import Servers
from tests.factories import KEY, connect, message

T = TypeVar("T")
TABLE = "kingdee_material"
runner = CliRunner()


@pytest.fixture(autouse=True)
def _environment(
    database_url: str, servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "DATABASE_URL": database_url,
        "REDIS_URL": servers.redis_url,
        "GUANTONG_KEY": KEY.decode(),
        "GUANTONG_DATA": str(tmp_path),
    }.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def in_store(database_url: str) -> Callable[[Callable[[UnitOfWork], Awaitable[T]]], T]:
    def run(work: Callable[[UnitOfWork], Awaitable[T]]) -> T:
        async def once() -> T:
            store = Store(database_url, key=KEY, wake=lambda wake: None)
            try:
                return await store.run(work)
            finally:
                await store.close()

        return asyncio.run(once())

    return run


def say(*words: str) -> str:
    result = runner.invoke(app, ["codes", *words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def ask(*words: str) -> Any:
    return json.loads(say(*words, "--json").splitlines()[-1])


async def _parked(uow: UnitOfWork) -> int:
    await connect(uow, "ads")
    number = await message(uow, "ads")
    lacks = Unmappable(["缺 SKU-B"], lacks=[MissingCode(TABLE, "SKU-B")])
    assert await code_tables.hold_message(uow, number, lacks)
    return number


def test_a_file_is_looked_at_written_exported_and_written_again(tmp_path: Path) -> None:
    file = tmp_path / "codes.csv"
    file.write_bytes("商品,物料\nSKU-A,MAT-1\nSKU-B,MAT-2\n".encode("gbk"))
    assert ask("import", TABLE, str(file), "--dry-run")["added"] == 2
    assert ask("list") == []
    assert "新增 2" in say("import", TABLE, str(file))
    out = tmp_path / "out.xlsx"
    say("export", TABLE, str(out))
    assert ask("import", TABLE, str(out))["unchanged"] == 2
    assert say("export", TABLE).split() == ["key,value", "SKU-A,MAT-1", "SKU-B,MAT-2"]
    say("define", TABLE, "--title", "金蝶物料", "--owner", "finance")
    (row,) = ask("list")
    assert (row["title"], row["owner"], row["rows"]) == ("金蝶物料", "finance", 2)


def test_one_wrong_line_and_nothing_is_written(tmp_path: Path) -> None:
    file = tmp_path / "codes.csv"
    file.write_text("a,b\nA,1\nB,\n", encoding="utf-8")
    result = runner.invoke(app, ["codes", "import", TABLE, str(file)])
    assert isinstance(result.exception, ConfigurationError)
    assert f"{file}:3:2" in str(result.exception)
    assert ask("list") == []


def test_a_row_and_its_way_back() -> None:
    say("set", TABLE, "SKU-A", "MAT-1", "--by", "王会计")
    say("set", TABLE, "SKU-A", "MAT-9", "--by", "李会计")
    assert [each["by"] for each in ask("history", TABLE, "SKU-A")] == ["李会计", "王会计"]
    assert "MAT-9 → MAT-1" in say("restore", TABLE, "SKU-A")
    say("remove", TABLE, "SKU-A")
    assert runner.invoke(app, ["codes", "remove", TABLE, "SKU-A"]).exit_code == 1
    assert runner.invoke(app, ["codes", "restore", TABLE, "NONE"]).exit_code == 1
    assert len(ask("history", TABLE)) == 4
    assert "MAT-9" in say("history", TABLE)


def test_a_miss_is_shown_with_what_looks_like_it_and_deciding_releases(
    in_store: Callable[[Callable[[UnitOfWork], Awaitable[Any]]], Any],
) -> None:
    say("set", TABLE, "SKU-BB", "MAT-2")
    number = in_store(_parked)
    (miss,) = ask("misses")
    assert (miss["key"], miss["messages"], miss["similar"]) == ("SKU-B", 1, {"SKU-BB": "MAT-2"})
    assert f"inbox/{number}" in say("misses", TABLE)
    assert ask("decide", TABLE, "SKU-B", "MAT-2")["released"] == {"messages": 1, "deliveries": 0}
    assert ask("misses") == []


@pytest.mark.parametrize(
    "words",
    [
        ["define", TABLE, "--owner", "boss"],
        ["fill", TABLE, "--from", "erp", "--kind", "bank"],
        ["set", TABLE, "A", " "],
    ],
)
def test_a_wrong_choice_is_refused(words: list[str]) -> None:
    assert runner.invoke(app, ["codes", *words]).exit_code == 2


async def _drifted(uow: UnitOfWork) -> int:
    await connect(uow, "ads")
    about = {"connection": "ads", "kind": "feiyu.push", "path": "telphone", "change": "renamed"}
    number = await message(uow, "ads")
    row = await uow.drift.find(
        about | {"detail": "phone", "task": "drift/ads/1", "inbox_id": number}, ["douyin_leads.push"]
    )
    return int(row["id"])


def test_drift_is_shown_and_accepted_once(
    in_store: Callable[[Callable[[UnitOfWork], Awaitable[Any]]], Any],
) -> None:
    assert "没有发现变化" in runner.invoke(app, ["drift"]).output
    number = str(in_store(_drifted))
    shown = runner.invoke(app, ["drift"]).output
    assert "telphone 改名为 phone" in shown
    assert "douyin_leads.push" in shown
    done = runner.invoke(app, ["drift", "accept", number, "--json"]).output.splitlines()[-1]
    assert json.loads(done) == {"accepted": [int(number)], "released": 0}
    assert runner.invoke(app, ["drift", "accept", number]).exit_code == 1
    assert runner.invoke(app, ["drift", "accept", "999"]).exit_code == 1
    assert json.loads(runner.invoke(app, ["drift", "--json"]).output.splitlines()[-1]) == []
    assert "已接受" in runner.invoke(app, ["drift", "--all"]).output
