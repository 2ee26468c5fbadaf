import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.types import ASGIApp

from crm_store import Store
from domain.records import Lead, Trigger
from flows.lead_intake import take_lead
from hub.embedded import Servers
from hub.settings import Settings
from hub.web.app import add_routes, create_app
from tests.factories import CREDIT_CODE, KEY, NOW, FakePorts, FakeReader, connect, context_of, message

TOKEN = "made-up-api-token"
OPEN_TO_ALL = {"/health", "/metrics"}


def _routes() -> list[tuple[str, str]]:
    api = FastAPI()
    add_routes(api, TOKEN)
    routes = [route for route in api.routes if isinstance(route, APIRoute)]
    return sorted((method, route.path) for route in routes for method in route.methods or ())


@pytest.mark.parametrize(("method", "path"), _routes())
async def test_no_route_can_forget_the_token(method: str, path: str) -> None:
    api = FastAPI()
    add_routes(api, TOKEN)
    async with _client(api) as client:
        for header in ("", "Bearer wrong", "Bearer ", "Basic x", "Bearer 令牌"):
            headers = {b"Authorization": header.encode()} if header else {}
            answer = await client.request(method, re.sub(r"{\w+}", "1", path), headers=headers)
            assert (answer.status_code == 401) == (path not in OPEN_TO_ALL), header


async def test_without_a_database_people_are_told_to_try_again() -> None:
    api = FastAPI()
    add_routes(api, TOKEN)
    nowhere = Store("postgresql+asyncpg://nobody@127.0.0.1:1/none", key=KEY, wake=lambda wake: None)
    api.state.hub = SimpleNamespace(store=nowhere)
    async with _client(api) as client:
        answer = await client.get("/health")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "try again" in answer.json()["error"]


def _client(app: ASGIApp) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://hub.example.com")


class Api:
    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        client.headers["Authorization"] = f"Bearer {TOKEN}"

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        answer = await self._client.request(method, path, json=body)
        return answer.status_code, answer.json()


@asynccontextmanager
async def _alive(app: ASGIApp) -> AsyncIterator[None]:
    """What a server tells an application before its first request and after its last."""
    told: asyncio.Queue[Any] = asyncio.Queue()
    said: asyncio.Queue[Any] = asyncio.Queue()

    async def run() -> None:
        await app({"type": "lifespan", "state": {}}, told.get, said.put)

    running = asyncio.create_task(run())
    await told.put({"type": "lifespan.startup"})
    assert (await said.get())["type"] == "lifespan.startup.complete"
    yield
    await told.put({"type": "lifespan.shutdown"})
    await running


@pytest.fixture
async def lead(store: Store) -> None:
    """A lead that became an opportunity."""
    reader = FakeReader(lambda body: Lead(vendor_id="L1", created_at=NOW, phone="+8613800000001"))
    async with store.transaction() as uow:
        await connect(uow, "ads", "esign-main", "kingdee-main", "u8-main")
        taken = await uow.inbox.take(await message(uow, "ads"))
        assert taken is not None
        await take_lead(uow, taken, context_of(store, FakePorts(ads=reader)))


@pytest.fixture
async def api(
    lead: None, database_url: str, servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Api]:
    monkeypatch.setenv("GUANTONG_API_TOKEN", TOKEN)
    monkeypatch.setenv("GUANTONG_KEY", KEY.decode())
    settings = Settings(database_url=database_url, redis_url=servers.redis_url, data=tmp_path)
    app = create_app(settings)
    async with _alive(app), _client(app) as client:
        yield Api(client)


def _contract(**changes: Any) -> dict[str, Any]:
    body = {
        "number": "HT-2026-0001",
        "title": "示例合同",
        "lead_connection": "ads",
        "lead_id": "L1",
        "company": {"name": "示例机械有限公司", "region": "上海"},
        "signatory": "张三",
        "signatory_phone": "13800000001",
        "lines": [
            {
                "sku": "S",
                "title": "设备",
                "quantity": "2",
                "unit_price": "500",
                "tax_rate": "0.13",
                "amount": "1000",
            }
        ],
        "plan": [{"title": "全款", "amount": "1000", "trigger": "signed"}],
    }
    return body | changes


def _row(**changes: Any) -> list[dict[str, Any]]:
    return [_contract()["lines"][0] | changes]


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "plan does not add up": ({"plan": [{"title": "x", "amount": "999", "trigger": "signed"}]}, "不一致"),
    "nothing to pay": ({"plan": [{"title": "x", "amount": "0", "trigger": "signed"}]}, "大于零"),
    "a date without its trigger": (
        {"plan": [{"title": "x", "amount": "1000", "trigger": "signed", "on_date": "2026-06-01"}]},
        "on_date",
    ),
    "a trigger without its date": (
        {"plan": [{"title": "x", "amount": "1000", "trigger": Trigger.DATE}]},
        "on_date",
    ),
    "bad phone": ({"signatory_phone": "12345"}, "手机号"),
    "bad credit code": ({"company": {"name": "示例", "credit_code": CREDIT_CODE[:-1] + "0"}}, "信用代码"),
    "unknown lead": ({"lead_id": "nobody"}, "商机"),
    "unknown field": ({"colour": "red"}, "colour"),
    "fraction of a fen": ({"lines": _row(amount="1000.001")}, "minor unit"),
    "amount is not price times quantity": ({"lines": _row(amount="900")}, "单价"),
    "negative": ({"lines": _row(amount="-0.01", unit_price="0")}, "amount"),
    "absurd": ({"lines": _row(quantity="1e9", unit_price="1e12", amount="1e21")}, "range"),
    "not a number": ({"lines": _row(amount="NaN")}, "amount"),
    "no lines": ({"lines": []}, "lines"),
    "currency": ({"currency": "人民币"}, "ISO 4217"),
    "number": ({"number": "../../etc"}, "number"),
}


async def test_what_is_wrong_with_a_contract_is_told_and_changes_nothing(api: Api) -> None:
    for name, (changes, words) in WRONG.items():
        status, answer = await api.ask("POST", "/api/contracts", _contract(**changes))
        assert (status, words in str(answer)) == (422, True), (name, status, answer)
    assert (await api.ask("GET", "/api/contracts")) == (200, [])


async def test_every_step_may_be_asked_for_twice(api: Api) -> None:
    steps = ["/api/contracts", "/api/contracts/HT-2026-0001/submit", "/api/contracts/HT-2026-0001/approve"]
    told = []
    for step in steps:
        for _ in range(2):
            status, answer = await api.ask("POST", step, _contract())
            assert status == 200, answer
            told.append(answer.get("created", answer.get("changed")))
    assert told == [True, False] * 3
    (shown,) = (await api.ask("GET", "/api/contracts"))[1]
    assert shown["state"] == "approved"
    (due,) = (await api.ask("GET", "/api/deliveries"))[1]
    assert (due["operation"], due["connection"]) == ("sign.send", "esign-main")
    status, trace = await api.ask("GET", "/api/contracts/HT-2026-0001/trace")
    assert (status, trace["lead"]["vendor_id"]) == (200, "L1")


async def test_steps_out_of_order_and_unknown_things_are_refused(api: Api) -> None:
    assert (await api.ask("POST", "/api/contracts/HT-NONE/submit"))[0] == 422
    assert (await api.ask("POST", "/api/contracts", _contract()))[0] == 200
    assert (await api.ask("POST", "/api/contracts/HT-2026-0001/approve"))[0] == 422
    assert (await api.ask("GET", "/api/contracts/HT-NONE/trace"))[0] == 404
    assert (await api.ask("GET", "/api/leads/ads/nobody"))[0] == 404
    assert (await api.ask("POST", "/api/disagreements/1/repair"))[0] == 404
    assert (await api.ask("POST", "/api/receipts/SK1/allocations", {"parts": {"x": "1"}, "by": "f"}))[
        0
    ] == 422
    assert (await api.ask("POST", "/api/inbox/999/replay"))[1] == {"replayed": False}
    assert (await api.ask("POST", "/api/deliveries/999/cancel?reason=x"))[1] == {"cancelled": False}


async def test_connections_are_checked_and_their_secrets_never_shown(api: Api) -> None:
    values = {"app_id": "made-up", "app_secret": "canary-app-secret"}
    assert (await api.ask("PUT", "/api/connections/x", {"connector": "nobody", "values": {}}))[0] == 422
    status, answer = await api.ask(
        "PUT", "/api/connections/x", {"connector": "esign", "values": {"colour": 1}}
    )
    assert (status, "colour" in answer["error"]) == (422, True)
    status, saved = await api.ask("PUT", "/api/connections/x", {"connector": "esign", "values": values})
    assert (status, saved["settings"]["app_id"]) == (200, "made-up")
    listed = (await api.ask("GET", "/api/connections"))[1]
    assert "x" in [each["name"] for each in listed]
    assert "canary-app-secret" not in f"{saved}{listed}"
    assert (await api.ask("POST", "/api/connections/x/resume"))[1] == {"resumed": True}
    assert (await api.ask("GET", "/health"))[1] == {"status": "ok"}
    assert (await api.ask("GET", "/api/summary"))[1]["leads"] == {"assigned": 1}


async def test_a_lead_is_given_up_once_and_not_while_its_contract_is_under_way(api: Api) -> None:
    given_up = {"by": "示例甲", "reason": "预算取消"}
    assert (await api.ask("POST", "/api/contracts", _contract()))[0] == 200
    status, problem = await api.ask("POST", "/api/leads/ads/L1/lost", given_up)
    assert status == 422
    assert "HT-2026-0001" in str(problem)
    assert (await api.ask("POST", "/api/leads/ads/nobody/lost", given_up))[0] == 422
    assert (await api.ask("POST", "/api/leads/ads/L1/lost", {"by": "示例甲"}))[0] == 422


async def test_a_lead_that_nothing_comes_of_is_closed(api: Api) -> None:
    given_up = {"by": "示例甲", "reason": "预算取消", "invalid": True}
    assert await api.ask("POST", "/api/leads/ads/L1/lost", given_up) == (200, {"closed": True})
    assert await api.ask("POST", "/api/leads/ads/L1/lost", given_up) == (200, {"closed": False})
    assert (await api.ask("GET", "/api/summary"))[1]["leads"] == {"closed": 1}
