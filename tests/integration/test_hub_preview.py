"""The bytes that would be sent, the stand-in's word on them; nobody is called and nothing is written."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
from fastapi import FastAPI
from lxml import etree
from sqlalchemy import select
from typer.testing import CliRunner

from crm_store import Store
from crm_store.tables import metadata
from domain.faults import Misconfigured
from domain.records import Company, Trigger
from flows import cash
from hub import preview as module
from hub.bootstrap import Hub, open_hub
from hub.cli import app
from hub.preview import ADDRESS, NoPreview, Preview, StandIn, preview
from hub.settings import Settings
from hub.web import mapping_tools as mapping_tools_api
from sandboxes.kingdee import SANDBOX
from tests.factories import KEY, TODAY, contract, line, message, part, receivable

KINGDEE = {
    "base_url": "https://erp.example.invalid/k3cloud/",
    "acct_id": "20260101",
    "user_name": "demo",
    "bank_account": "6222-OUR-OWN",
    "organization": "200",
    "unit": "Tai",
}
U8 = {
    "base_url": "http://u8.example.invalid",
    "from_account": "us",
    "to_account": "us",
    "app_key": "key",
    "sender": "777",
    "department": "0909",
    "salesman": "P0909",
    "operator": "贯通接口",
    "receivable_account": "112201",
}
ESIGN = {"base_url": "https://esign.example.invalid", "app_id": "7438000000"}
NUMBER = "HT-2026-0001-1"


@pytest.fixture(autouse=True)
def _nobody_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a preview has called somebody")

    monkeypatch.setattr(aiohttp.ClientSession, "_request", refuse)
    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", refuse)


@pytest.fixture
async def hub(
    store: Store, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Hub]:
    """With a contract whose receivable is due, and all the connections of it."""
    monkeypatch.setenv("GUANTONG_KEY", KEY.decode())
    async with store.transaction() as uow:
        made = await contract(uow, plan=(part(1, "1000"), part(2, "500", Trigger.DATE, TODAY)))
        await receivable(uow, made)
        for name, connector, settings, secrets in (
            ("kingdee-main", "kingdee", KINGDEE, {"password": "made-up-secret"}),
            ("u8-main", "yonyou_u8", U8, {"app_secret": "made-up-secret"}),
            ("u8-eai", "yonyou_u8", U8 | {"door": "eai"}, {}),
            ("u8-broken", "yonyou_u8", {"door": "eai"}, {}),
            ("esign-main", "esign", ESIGN, {"app_secret": "made-up-secret"}),
        ):
            await uow.connections.save(name, connector=connector, settings=settings, secrets=secrets)
        await uow.codes.write("kingdee_material", {"S1": "MAT-7001"}, by="张三")
    async with open_hub(Settings(database_url=database_url, data=tmp_path), pool_size=2) as opened:
        yield opened


async def all_rows(store: Store) -> dict[str, list[Any]]:
    async with store.transaction() as uow:
        return {
            table.name: sorted(map(repr, (await uow.connection.execute(select(table))).all()))
            for table in metadata.sorted_tables
        }


async def untouched(hub: Hub, store: Store, record: str, **more: Any) -> Preview:
    before = await all_rows(store)
    found = await preview(hub, record, **more)
    assert await all_rows(store) == before
    return found


def body_of(found: Preview, operation: str) -> str:
    (call,) = (each for each in found.calls if operation in each.operation and each.writes)
    return call.body


async def test_a_receivable_in_kingdees_json(hub: Hub, store: Store) -> None:
    found = await untouched(hub, store, NUMBER)
    assert found.accepted, found.verdict
    assert found.verdict
    assert found.address == KINGDEE["base_url"]
    (mapping,) = found.mappings
    assert mapping.startswith("kingdee.receivable@")
    model = json.loads(body_of(found, "Save"))["data"]["Model"]
    assert model["FBillNo"] == NUMBER
    assert model["FSETTLEORGID"] == {"FNumber": "200"}
    assert model["FEntityDetail"][0]["FMATERIALID"] == {"FNumber": "MAT-7001"}
    assert "made-up-secret" not in repr(found)


async def test_a_receivable_in_u8s_json(hub: Hub, store: Store) -> None:
    found = await untouched(hub, store, NUMBER, connection="u8-main")
    assert found.accepted, found.verdict
    record = json.loads(body_of(found, "oughtreceive.add"))["oughtreceive"]
    assert (record["code"], record["natamount"], record["deptcode"]) == (NUMBER, 1000, "0909")
    assert record["operator"] == "贯通接口"


async def test_a_receivable_in_u8s_xml(hub: Hub, store: Store) -> None:
    found = await untouched(hub, store, NUMBER, connection="u8-eai")
    assert found.accepted, found.verdict
    (call,) = (each for each in found.calls if each.writes)
    assert call.method == "POST"
    root = etree.fromstring(call.body.encode())
    assert root.findtext(".//code") == NUMBER
    assert root.findtext(".//subjectcode") == "112201"


async def _receipt(store: Store) -> str:
    async with store.transaction() as uow:
        found = line("600", booked_on=TODAY)
        line_id = await uow.bank.add_line(found, await message(uow, "bank-main"))
        assert line_id is not None
        number = cash.receipt_number(found)
        receipt = await uow.bank.add_receipt(
            number, line_id=line_id, amount_minor=60_000, currency="CNY", match={}
        )
        row = await uow.receivables.by_number(NUMBER)
        assert row is not None
        await cash._allocate(uow, receipt, {row["id"]: 60_000}, decided_by="rule")
    return number


@pytest.mark.parametrize("connection", ["kingdee-main", "u8-main", "u8-eai"])
async def test_a_receipt_after_what_it_pays(hub: Hub, store: Store, connection: str) -> None:
    number = await _receipt(store)
    found = await untouched(hub, store, number, connection=connection)
    assert (found.record, found.step) == (number, number)
    assert found.accepted, found.verdict
    written = "".join(each.body for each in found.calls if each.writes)
    assert number in written
    assert "600" in written


async def test_a_contract_at_the_signing_service(hub: Hub, store: Store) -> None:
    found = await untouched(hub, store, "HT-2026-0001")
    assert found.accepted, found.verdict
    sent = json.loads(body_of(found, "create"))
    assert sent["signFlowConfig"]["signFlowTitle"].startswith("HT-2026-0001 ")
    assert sent["signFlowConfig"]["notifyUrl"].endswith("/hooks/esign-main")
    assert any(each.body.endswith("bytes>") for each in found.calls)


@pytest.mark.parametrize(
    ("connector", "settings", "secrets"),
    [
        ("fadada", {"app_id": "80000001", "open_corp_id": "ours"}, {"app_secret": "made-up-secret"}),
        (
            "tencent_ess",
            {"secret_id": "made-up-id", "operator_id": "ours"},
            {"secret_key": "made-up-secret", "callback_key": "k" * 32, "callback_token": "made-up-token"},
        ),
    ],
)
async def test_the_same_contract_at_another_service(
    hub: Hub, store: Store, connector: str, settings: dict[str, str], secrets: dict[str, str]
) -> None:
    address = {"base_url": "https://sign.example.invalid"}
    async with store.transaction() as uow:
        await uow.connections.save("sign", connector=connector, settings=settings | address, secrets=secrets)
    found = await untouched(hub, store, "HT-2026-0001", connection="sign")
    assert found.accepted, found.verdict
    assert "HT-2026-0001" in [each for each in found.calls if each.writes][-1].body


async def test_a_customer(hub: Hub, store: Store) -> None:
    async with store.transaction() as uow:
        (company,) = await uow.customers.listed()
    found = await untouched(hub, store, company["code"])
    assert found.accepted, found.verdict
    assert json.loads(body_of(found, "Save"))["data"]["Model"]["FName"] == "示例机械有限公司"


async def test_a_customer_that_belongs_to_no_erp_yet(hub: Hub, store: Store) -> None:
    async with store.transaction() as uow:
        await uow.customers.company_for(Company(code="C-NEW", name="测试新客户有限公司"))
    with pytest.raises(NoPreview, match="请加 --connection"):
        await preview(hub, "C-NEW")
    assert (await untouched(hub, store, "C-NEW", connection="u8-main")).accepted


async def test_the_stand_in_says_no_in_the_vendors_words(hub: Hub, store: Store) -> None:
    async with store.transaction() as uow:
        await uow.codes.remove("kingdee_material", "S1", by="张三")
    found = await untouched(hub, store, NUMBER)
    assert not found.accepted
    assert found.step == NUMBER
    assert "S1" in found.verdict
    assert any(found_in in found.verdict for found_in in ("物料", "FMATERIALID"))
    assert json.loads(body_of(found, "Save"))["data"]["Model"]["FBillNo"] == NUMBER


async def test_a_draft_in_the_place_of_the_live_mapping(hub: Hub, store: Store, tmp_path: Path) -> None:
    draft = tmp_path / "draft.yaml"
    draft.write_text(
        "mapping: kingdee.customer\nfrom: neutral.company\nto: kingdee.BD_Customer\n"
        "fields:\n  FNumber: code\n  FName: {expr: 'concat(name, \"（草稿）\")'}\n",
        encoding="utf-8",
    )
    async with store.transaction() as uow:
        (company,) = await uow.customers.listed()
    found = await untouched(hub, store, company["code"], draft=str(draft))
    assert found.mappings == ("kingdee.customer@draft.yaml",)
    assert json.loads(body_of(found, "Save"))["data"]["Model"]["FName"] == "示例机械有限公司（草稿）"
    assert not found.accepted


async def test_the_vendor_cannot_be_reached(hub: Hub, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even when the address of the vendor is left in the settings, and whatever an adapter asks for."""
    monkeypatch.setattr(module, "ADDRESS", KINGDEE["base_url"])
    found = await untouched(hub, store, NUMBER)
    assert not found.accepted
    assert "预演只到替身为止，不访问 erp.example.invalid" in found.verdict
    sandbox = SANDBOX()
    async with httpx.AsyncClient(transport=StandIn(sandbox)) as client:
        assert (await client.get(f"{ADDRESS}/_sandbox/")).status_code == 200
        for address in (
            "https://erp.example.invalid",
            "http://127.0.0.1:1",
            "http://stand-in.invalid.example",
        ):
            with pytest.raises(Misconfigured, match="预演只到替身"):
                await client.get(address)


@pytest.mark.parametrize(
    ("record", "connection", "said"),
    [
        ("NOTHING", None, "没有 NOTHING"),
        (NUMBER, "nowhere", "没有连接 nowhere"),
        (NUMBER, "bank-main", "没有替身可试"),
        (NUMBER, "u8-broken", "u8-broken 的设置有误"),
    ],
)
async def test_what_cannot_be_previewed(hub: Hub, record: str, connection: str | None, said: str) -> None:
    with pytest.raises(NoPreview, match=said):
        await preview(hub, record, connection=connection)


async def test_the_command(
    hub: Hub, store: Store, database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("GUANTONG_DATA", str(tmp_path))
    run = CliRunner().invoke
    shown = await asyncio.to_thread(run, app, ["mappings", "preview", NUMBER])
    assert shown.exit_code == 0, shown.output
    assert "替身接受" in shown.stdout
    assert f'"FBillNo":"{NUMBER}"' in shown.stdout.replace(" ", "")
    shown = await asyncio.to_thread(run, app, ["mappings", "preview", NUMBER, "--json"])
    assert json.loads(shown.stdout.splitlines()[-1])["accepted"] is True
    shown = await asyncio.to_thread(run, app, ["mappings", "preview", "NOTHING"])
    assert (shown.exit_code, "没有 NOTHING" in shown.output) == (1, True)


async def test_over_http(hub: Hub, store: Store) -> None:
    app = FastAPI()
    mapping_tools_api.add_routes(app, [])
    app.state.hub = hub
    lead = {"id": "1", "create_time": "1777600800", "telphone": "13912345678", "name": "王小明"}
    async with store.transaction() as uow:
        settings = {"sources": [], "push_token": "x", "push_secretkey": "x"}
        await uow.connections.save("ads", connector="douyin_leads", settings=settings, secrets={})
        number = await message(uow, "ads", json.dumps(lead).encode(), kind="lead.push")
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://hub.example.com") as client:
        assert (await client.get(f"/api/preview?record={NUMBER}")).json()["accepted"] is True
        assert (await client.get("/api/preview?record=NOTHING")).status_code == 404
        assert (await client.get("/api/inbox/999999/explain")).json()["error"].startswith("没有收件 999999")
        fields = (await client.get(f"/api/inbox/{number}/explain")).json()["fields"]
        assert {"+8613912345678", "王小明"} <= {each["result"] for each in fields if each["result"]}
        assert "+8613800000001" in (await client.get(f"/api/inbox/{number}/sample")).text
        explained = await client.get(f"/api/explain?delivery=kingdee-main/receivable/{NUMBER}")
        assert explained.json()["mapping"] == "kingdee.receivable"
