"""`guantong contract …`: what is asked of the hub, and what people and programs are told."""

import asyncio
import json
from datetime import date
from typing import Any

import pytest
from typer.testing import CliRunner

from flows.contracts import Refused
from hub.commands import contract as contract_commands


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Takes the hub's place: HT-1 is asked for the first time, HT-2 was asked before, others may not be."""
    calls: list[dict[str, Any]] = []

    async def ask(hub: None, number: str, act: str, **more: Any) -> dict[str, Any]:
        calls.append({"number": number, "act": act, **more})
        if number not in ("HT-1", "HT-2"):
            raise Refused("合同状态为 signed (a signed contract cannot)")
        return {"number": number, "act": act, "asked": number == "HT-1"}

    monkeypatch.setattr(contract_commands, "ask", ask)
    monkeypatch.setattr(contract_commands, "with_hub", lambda work: asyncio.run(work(None)))
    return calls


def run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(contract_commands.app, list(words))
    return result.exit_code, result.output


@pytest.mark.parametrize(
    ("words", "more"),
    [
        (["urge", "HT-1"], {}),
        (["extend", "HT-1", "--until", "2026-12-31"], {"until": date(2026, 12, 31)}),
        (["revoke", "HT-1", "--reason", "条款有误"], {"reason": "条款有误"}),
        (["evidence", "HT-1"], {}),
    ],
)
def test_it_asks_the_hub(asked: list[dict[str, Any]], words: list[str], more: dict[str, Any]) -> None:
    code, said = run(*words, "--by", "张三", "--json")
    assert (code, json.loads(said)) == (0, {"number": "HT-1", "act": words[0], "asked": True})
    assert asked == [{"number": "HT-1", "act": words[0], "by": "张三", "until": None, "reason": None} | more]


def test_in_plain_words(asked: list[dict[str, Any]]) -> None:
    assert "已排队" in run("urge", "HT-1")[1]
    assert "不再重复" in run("urge", "HT-2")[1]
    assert asked[0]["by"], "the user of the system, when nobody is named"
    assert run("urge", "HT-9")[0] == 1


@pytest.mark.parametrize(
    "words",
    [["revoke", "HT-1"], ["revoke", "HT-1", "--reason", "长" * 51], ["extend", "HT-1", "--until", "明天"]],
)
def test_what_cannot_be_meant_is_not_asked(asked: list[dict[str, Any]], words: list[str]) -> None:
    assert run(*words)[0] == 2
    assert asked == []
