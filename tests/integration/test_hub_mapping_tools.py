"""`guantong mappings record | explain | test | list` over a real store: the commands run their own loop."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from crm_store import Store
from crm_store.mapping_versions import MappingText
from hub.cli import app
from hub.embedded import Servers
from hub.publishing import publish, read_mapping
from mappings import library
from tests.factories import KEY, contract, message, receivable

LEADS = {"sources": [], "push_token": "made-up", "push_secretkey": "made-up"}
KINGDEE = {
    "base_url": "https://erp.example.invalid/k3cloud/",
    "acct_id": "20260101",
    "user_name": "demo",
    "password": "made-up-secret",
    "bank_account": "6222-DEMO-01",
}
PUSH = {
    "id": "7312345678901234567",
    "adv_name": "宁波大海机械有限公司",
    "name": " 王小明 ",
    "telphone": "139 1234 5678",
    "weixin": "wxm1988",
    "email": "wang@corp.cn",
    "create_time": "1777600800",
    "app_name": "今日头条",
    "province_name": "浙江",
    "clue_source": 1,
    "remark": "请找王小明，电话 13912345678",
    "remark_dict": {"公司名称": "宁波大海机械有限公司", "预算": "10-20万"},
}
PERSONAL = ("王小明", "1234", "5678", "wxm1988", "wang@", "大海", "7312345678901234567")

runner = CliRunner()


@pytest.fixture(autouse=True)
def _environment(
    database_url: str, servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("REDIS_URL", servers.redis_url)
    monkeypatch.setenv("GUANTONG_KEY", KEY.decode())
    monkeypatch.setenv("GUANTONG_DATA", str(tmp_path))


async def run(*words: str) -> Result:
    return await asyncio.to_thread(runner.invoke, app, ["mappings", *words])


async def told(*words: str) -> Any:
    result = await run(*words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout.splitlines()[-1])


async def pushed(store: Store, body: object = PUSH, *, mapping: str | None = None) -> str:
    """A lead message of a connection; its number."""
    async with store.transaction() as uow:
        await uow.connections.save("douyin-main", connector="douyin_leads", settings=LEADS, secrets={})
        number = await message(uow, "douyin-main", json.dumps(body).encode(), kind="lead.push")
        await uow.inbox.settle(number, "handled", mapping=mapping)
    return str(number)


def shelf(tmp_path: Path) -> Path:
    """A copy of the shipped file with its samples."""
    source = library.files()["douyin_leads.push"]
    shutil.copytree(source.parent / "samples", tmp_path / "draft/samples")
    return Path(shutil.copy(source, tmp_path / "draft/push.yaml"))


async def test_a_recorded_message_becomes_a_sample_that_passes(store: Store, tmp_path: Path) -> None:
    file, number = shelf(tmp_path), await pushed(store)
    before = (await told("test", str(file)))[0]["samples"]
    assert (await run("record", number, "--out", str(file))).exit_code == 0
    after = (await told("test", str(file)))[0]
    assert (after["samples"], after["failures"]) == (before + 1, [])
    sample = file.read_text(encoding="utf-8").split("name: recorded from message")[1]
    assert not [each for each in PERSONAL if each in sample]
    assert "phone: '+8613800000001'" in sample
    assert "channel: toutiao" in sample
    assert "region: 浙江" in sample


async def test_a_recorded_message_is_printed_for_pasting(store: Store, tmp_path: Path) -> None:
    number = await pushed(store)
    printed = (await run("record", number)).stdout
    assert printed.startswith(f"- name: recorded from message {number}\n  in:\n")
    assert not [each for each in PERSONAL if each in printed]
    assert (await run("record", number, "--out", str(tmp_path / "sample.yaml"))).exit_code == 0
    assert (tmp_path / "sample.yaml").read_text(encoding="utf-8") == printed


async def test_a_sample_is_not_added_where_it_could_break_the_file(store: Store, tmp_path: Path) -> None:
    number = await pushed(store)
    file = tmp_path / "odd.yaml"
    text = "mapping: a.b\nfrom: a\nto: b\nsamples: []\nfields: {A: b}\n"
    file.write_text(text, encoding="utf-8")
    result = await run("record", number, "--out", str(file))
    assert result.exit_code == 1
    assert "only where 'samples:' is a list at the end" in str(result.exception)
    assert file.read_text(encoding="utf-8") == text


async def test_every_field_of_a_message_is_explained(store: Store) -> None:
    number = await pushed(store)
    found = await told("explain", number)
    fields = {each["target"]: each for each in found["fields"]}
    assert found["mapping"] == "douyin_leads.push"
    assert fields["phone"]["result"] == "+8613912345678"
    assert [step["label"] for step in fields["phone"]["steps"]] == ["from telphone", "as strip", "as phone"]
    assert [step["label"] for step in fields["channel"]["steps"]][-1] == "lookup table 今日头条"
    assert "还没有用过映射" in found["remark"]
    shown = await run("explain", number, "--field", "channel")
    assert "toutiao" in shown.stdout
    assert "telphone" not in shown.stdout


async def test_the_version_that_was_used_explains_it(store: Store, tmp_path: Path) -> None:
    file = shelf(tmp_path)
    file.write_text(
        file.read_text(encoding="utf-8").split("samples:")[0].replace("as: [strip, phone]", "as: strip"),
        encoding="utf-8",
    )
    number = await pushed(store, mapping="douyin_leads.push@v1")
    async with store.transaction() as uow:
        first, _, _ = await publish(uow, read_mapping(file), file="push.yaml", connection=None, by="张三")
    assert (await told("explain", number))["remark"] is None
    async with store.transaction() as uow:
        await uow.mapping_versions.switch("douyin_leads.push", None, connection=None, by="张三", note="")
    found = await told("explain", number)
    assert (first.label, found["version"]) == ("v1", "v1")
    assert "当时用的是 douyin_leads.push@v1" in found["remark"]
    assert next(each["result"] for each in found["fields"] if each["target"] == "phone") == "139 1234 5678"


async def test_what_is_included_by_another_version_now_is_told(store: Store) -> None:
    text = "mapping: douyin_leads.push\nfrom: a\nto: b\ninclude: douyin_leads.feiyu\n"
    number = await pushed(store, mapping="douyin_leads.push@v1-0a1b2c")
    async with store.transaction() as uow:
        await publish(uow, MappingText(text, {}), file="push.yaml", connection=None, by="张三")
    found = await told("explain", number)
    assert found["version"].startswith("v1-")
    assert "它引用的映射也换了版本" in found["remark"]


async def test_a_version_that_is_gone_is_told(store: Store) -> None:
    number = await pushed(store, mapping="douyin_leads.push@0123456789ab")
    found = await told("explain", number)
    assert "0123456789ab 已不在" in found["remark"]


async def test_a_delivery_is_explained(store: Store) -> None:
    async with store.transaction() as uow:
        made = await contract(uow)
        await receivable(uow, made)
        await uow.connections.save("kingdee-main", connector="kingdee", settings=KINGDEE, secrets={})
    found = await told("explain", "--delivery", "kingdee-main/receivable/HT-2026-0001-1")
    fields = {each["target"]: each for each in found["fields"]}
    assert found["mapping"] == "kingdee.receivable"
    assert fields["FBillNo"]["result"] == "HT-2026-0001-1"
    assert fields["FCURRENCYID.FNumber"]["steps"][-1] == {
        "label": "lookup kingdee_currency CNY",
        "value": "PRE001",
    }
    assert fields["FEntityDetail[0].FEntryTaxRate"]["result"] == "13.00"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["explain", "999999"], "没有收件 999999"),
        (["explain", "--delivery", "nothing"], "没有投递 nothing"),
        (["record"], "只给一个"),
        (["record", "1", "--delivery", "x"], "只给一个"),
        (["test", "douyin_leads.psh"], "did you mean 'douyin_leads.push'?"),
    ],
)
async def test_what_is_not_there_is_told(store: Store, words: list[str], said: str) -> None:
    result = await run(*words)
    assert result.exit_code in (1, 2)
    assert said in f"{result.output} {result.exception}"


async def test_a_message_that_comes_to_no_mapping(store: Store, tmp_path: Path) -> None:
    number = await pushed(store, [])
    result = await run("explain", number)
    assert result.exit_code == 1
    assert "不是 JSON 对象" in result.output
    async with store.transaction() as uow:
        settings = {"folder": str(tmp_path), "accounts": ["6222000000000001"]}
        await uow.connections.save("bank", connector="bank_statement", settings=settings, secrets={})
        statement = await message(uow, "bank", b"<Document/>", kind="statement.camt053")
    assert "这类消息不经过映射文件" in (await run("explain", str(statement))).output


async def test_samples_that_fail_and_samples_that_see_little(tmp_path: Path) -> None:
    file = tmp_path / "draft.yaml"
    head = "mapping: a.b\nfrom: a\nto: b\nfields:\n  A: {from: b, as: strip}\nsamples:\n"
    file.write_text(f"{head}  - {{in: {{b: x}}, out: {{A: y}}}}\n", encoding="utf-8")
    result = await run("test", str(file))
    assert result.exit_code == 1
    assert "A: expected 'y', found 'x'" in result.stdout
    file.write_text(f"{head}  - {{in: {{b: x}}, out: {{A: x}}}}\n", encoding="utf-8")
    assert (await run("test", str(file))).exit_code == 0
    result = await run("test", str(file), "--mutate", "--json")
    assert result.exit_code == 1
    mutation = json.loads(result.stdout)[0]["mutation"]
    assert mutation == {
        "percent": 50,
        "mutants": 2,
        "unnoticed": [{"target": "A", "change": "without as: strip"}],
    }
    shown = await run("test", str(file), "--mutate", "--floor", "50")
    assert shown.exit_code == 0
    assert "without as: strip" in shown.stdout


async def test_the_list() -> None:
    listed = await told("list")
    assert {each["mapping"] for each in listed} >= {"kingdee.receivable", "yonyou_u8.eai_receipt"}
    assert (await run("list")).exit_code == 0


async def test_an_override_is_run_over_what_it_overrides(tmp_path: Path) -> None:
    file = tmp_path / "ours.yaml"
    file.write_text(
        "override: kingdee.customer\nfields:\n  FTEL: {from: phone, as: digits}\n"
        "samples:\n  - {in: {phone: 138 0000 0001}, out: {FCUSTID: 0, FTEL: '13800000001'},"
        " problems: [missing FNumber, missing FName, missing FCreateOrgId.FNumber,"
        " missing FUseOrgId.FNumber, missing FTRADINGCURRID.FNumber]}\n",
        encoding="utf-8",
    )
    (found,) = await told("test", str(file), "--mutate")
    assert (found["mapping"], found["failures"]) == ("kingdee.customer", [])
    assert found["mutation"]["unnoticed"] == []


async def test_what_is_wrong_is_told_before_any_record_comes(tmp_path: Path) -> None:
    assert not [each for each in await told("check") if each["severity"] == "error"]
    file = tmp_path / "draft.yaml"
    text = library.files()["kingdee.customer"].read_text(encoding="utf-8")
    file.write_text(text.split("samples:")[0].replace("from: phone", "from: fone"), encoding="utf-8")
    result = await run("check", str(file))
    assert "draft.yaml:" in result.stdout
    assert "phone" in result.stdout
