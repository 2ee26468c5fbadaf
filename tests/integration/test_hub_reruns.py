"""What stored work gave to its mapping is found again, with nothing sent."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from connector_kit import ConnectionSettings, Connector, Manifest, Operation, Request, Tools
from crm_store import Store
from domain.records import Company
from flows.receivables import CUSTOMER
from hub import registry, reruns
from hub.bootstrap import Hub
from hub.registry import OpenConnections
from hub.reruns import Given, Reruns, recent
from hub.settings import Settings
from tests.factories import FakeLedger, FixedClock, connect, context_of, contract, message

PUSH = "douyin_leads.push"
ERP = "kingdee-main"


class Anything(ConnectionSettings, extra="ignore"):
    """Settings of the made-up connector."""


class Adapter(FakeLedger):
    """Asks its vendor for a number before it maps, as some do."""

    def __init__(self, settings: ConnectionSettings, tools: Tools) -> None:
        super().__init__()
        self._tools = tools

    async def create_customer(self, company: Company) -> Any:
        request = Request(Operation("next number", "read"), "GET", "http://erp.example.com")
        await self._tools.tokens.get("session", lambda known: pytest.fail("logged in"))
        reply = await self._tools.sender.send(request)
        record = {"name": company.name, "number": reply.body.decode()}
        return self._tools.mappings.translate("erp.customer", record, tables={"own": {"a": "b"}})


@pytest.fixture
async def hub(store: Store, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hub]:
    manifest = Manifest(id="test", name_zh="", name_en="", capabilities=(), login="none")
    known = {**registry.installed(), "test": Connector(manifest, Anything, Adapter)}
    monkeypatch.setattr(reruns, "installed", lambda: known)
    monkeypatch.setattr(registry, "installed", lambda: known)
    async with httpx.AsyncClient() as client:
        connections = OpenConnections(store, client, FixedClock())
        yield Hub(Settings(), store, connections, context_of(store, connections))  # type: ignore[arg-type]


async def _found(hub: Hub, name: str, **choice: Any) -> tuple[list[Given], dict[str, int]]:
    async with hub.store.transaction() as uow:
        again = Reruns(hub, await uow.connections.all())
    return await recent(hub, again, name, **{"last": 10, "connection": None, **choice}), again.skipped


async def _pushed(hub: Hub, connection: str, body: bytes, mapping: str = f"{PUSH}@v1") -> int:
    async with hub.store.transaction() as uow:
        await uow.connections.save(connection, connector="douyin_leads", settings={"sources": []}, secrets={})
        number = await message(uow, connection, body, "lead.push")
        await uow.inbox.settle(number, "handled", mapping=mapping)
    return number


async def test_messages_are_read_again_newest_first(hub: Hub) -> None:
    numbers = [await _pushed(hub, "ads", json.dumps({"id": str(n)}).encode()) for n in range(3)]
    await _pushed(hub, "ads", b"{}", mapping="douyin_leads.pull@v1")
    await _pushed(hub, "other", b'{"id": "9"}')
    found, skipped = await _found(hub, PUSH, connection="ads", last=2)
    assert [given.subject for given in found] == [f"收件 {number}" for number in reversed(numbers[1:])]
    assert [given.record["id"] for given in found] == ["2", "1"]
    assert skipped == {}
    assert len((await _found(hub, PUSH))[0]) == 4


async def test_what_cannot_be_read_is_counted_with_its_reason(hub: Hub) -> None:
    await _pushed(hub, "ads", b"not json")
    found, skipped = await _found(hub, PUSH)
    assert found == []
    assert list(skipped.values()) == [1]
    assert "报文不是 JSON" in next(iter(skipped))


async def _delivered(hub: Hub) -> int:
    async with hub.store.transaction() as uow:
        owner = await contract(uow)
        await connect(uow, ERP)
        number = await uow.deliveries.add(
            "erp/customer/C1", connection=ERP, operation=CUSTOMER, subject=owner.company_id, ordering_key="c"
        )
        delivery = await uow.deliveries.claim(number)
        assert delivery is not None
        await uow.deliveries.finish(delivery, mapping="other.thing@v1, erp.customer@v2")
    return number


async def _answered(hub: Hub, delivery: int, operation: str, body: str, outcome: str = "answered") -> None:
    async with hub.store.transaction() as uow:
        await uow.deliveries.keep_exchange(
            {
                "connection": ERP,
                "operation": operation,
                "subject": f"delivery/{delivery}",
                "started_at": datetime.now(UTC),
                "milliseconds": 1,
                "method": "GET",
                "url": "http://erp.example.com",
                "request_headers": {},
                "request_body": "",
                "status": 200,
                "reply_headers": {},
                "reply_body": body,
                "outcome": outcome,
            }
        )


async def test_a_delivery_is_carried_out_again_against_the_answers_of_its_time(hub: Hub) -> None:
    number = await _delivered(hub)
    await _answered(hub, number, "something else", "0")
    await _answered(hub, number, "next number", "", outcome="Transient: no answer")
    await _answered(hub, number, "next number", "N-7")
    (given,), skipped = await _found(hub, "erp.customer")
    assert (given.subject, given.mapping, given.tables) == (
        "erp/customer/C1",
        "erp.customer",
        {"own": {"a": "b"}},
    )
    assert given.record["number"] == "N-7"
    assert given.record["name"]
    assert skipped == {}


async def test_a_delivery_whose_answers_are_gone_is_counted(hub: Hub) -> None:
    await _delivered(hub)
    found, skipped = await _found(hub, "erp.customer")
    assert found == []
    assert [count for reason, count in skipped.items() if "not kept" in reason] == [1]
