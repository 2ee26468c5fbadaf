import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from connector_kit import new_client
from connectors.douyin_leads.protocol import feiyu_signature
from crm_store import Store, Wake
from domain.ports import HookAnswer, HookRequest, Inbound
from hub.registry import OpenConnections, installed, split_secrets
from hub.settings import SystemClock
from hub.web.hooks import BODY_LIMIT, Hooks
from hub.web.ingest import Ingest, Overloaded
from tests.factories import connect

TOKEN, KEY = "made-up-push-token", "made-up-push-key"
VALUES = {
    "app_id": "1",
    "secret": "made-up-app-secret",
    "refresh_token": "made-up-refresh",
    "advertiser_ids": "1700000000000001",
    "push_token": TOKEN,
    "push_secretkey": KEY,
}
PATH = "/hooks/ads"


def _lead(number: int = 1) -> bytes:
    return json.dumps({"id": str(7300000000000000000 + number), "telphone": "13800000001"}).encode()


def _signed(body: bytes, *, at: float | None = None, key: str = KEY) -> dict[str, str]:
    timestamp = str(int(at or time.time()))
    signature = feiyu_signature(key.encode(), f"{PATH} {timestamp}".encode())
    return {"access-token": TOKEN, "timestamp": timestamp, "signature": signature.decode()}


class Door:
    def __init__(self, store: Store, hooks: Hooks, ingest: Ingest) -> None:
        self.store, self.ingest, self.hooks = store, ingest, hooks
        self._client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=hooks), base_url="http://hub.example.com"
        )

    async def push(
        self, body: bytes, headers: dict[str, str] | None = None, path: str = PATH
    ) -> httpx.Response:
        return await self._client.post(
            path, content=body, headers=_signed(body) if headers is None else headers
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def counts(self) -> tuple[dict[str, int], dict[str, int]]:
        async with self.store.transaction() as uow:
            return await uow.inbox.counts(), await uow.inbox.refused_counts()


class OddHook:
    """Takes everything; the body is the dedupe key."""

    def open(self, request: HookRequest) -> Sequence[Inbound]:
        return [
            Inbound("odd", each.decode("utf-8", "surrogatepass"), each, {}) for each in request.body.split()
        ]

    def accepted(self, request: HookRequest) -> HookAnswer:
        return HookAnswer(200, b"ok")


@pytest.fixture
async def door(store: Store, database_url: str, woken: list[Wake]) -> AsyncIterator[Door]:
    plain, secrets = split_secrets(installed()["douyin_leads"], VALUES)
    async with store.transaction() as uow:
        await uow.connections.save("ads", connector="douyin_leads", settings=plain, secrets=secrets)
    client = new_client()
    connections = OpenConnections(store, client, SystemClock())
    await connections.refresh()
    async with store.transaction() as uow:
        await connect(uow, "odd")
    connections._adapters["odd"] = OddHook()
    ingest = Ingest(database_url, woken.append)
    storing = asyncio.create_task(ingest.run())
    door = Door(store, Hooks(connections, ingest, store), ingest)
    yield door
    storing.cancel()
    await ingest.close()
    await door.close()
    await client.aclose()


async def test_a_signed_push_is_stored_once_and_answered_as_the_vendor_wants(
    door: Door, woken: list[Wake]
) -> None:
    answers = await asyncio.gather(*(door.push(_lead()) for _ in range(50)))
    assert {(each.status_code, each.json()["code"]) for each in answers} == {(200, 0)}
    assert await door.counts() == ({"new": 1}, {})
    assert sum(len(wake.inbox) for wake in woken) == 1


REFUSALS = [
    ("forged", 401, _lead(), lambda: _signed(b"", key="wrong")),
    ("forged", 401, _lead(), lambda: _signed(b"") | {"access-token": "wrong"}),
    ("forged", 401, _lead(), dict),
    ("forged", 401, _lead(), lambda: _signed(b"") | {"timestamp": "1"}),
    ("stale", 401, _lead(), lambda: _signed(b"", at=time.time() - 3600)),
    ("malformed", 400, b"{broken", lambda: _signed(b"")),
    ("malformed", 400, b"[1]", lambda: _signed(b"")),
    ("malformed", 400, b'{"id": "\\u0000"}', lambda: _signed(b"")),
    ("malformed", 400, b"\xff\xfe", lambda: _signed(b"")),
    ("malformed", 413, b" " * 1_000_001, lambda: _signed(b"")),
    ("malformed", 413, b" " * (BODY_LIMIT + 1), lambda: _signed(b"")),
]
"""Signed when the test runs: a signature grows stale."""


@pytest.mark.parametrize(
    ("reason", "status", "body", "headers"), REFUSALS, ids=[f"{row[0]}-{n}" for n, row in enumerate(REFUSALS)]
)
async def test_what_is_refused_is_answered_counted_and_kept_out(
    door: Door, reason: str, status: int, body: bytes, headers: Callable[[], dict[str, str]]
) -> None:
    answer = await door.push(body, headers())
    assert answer.status_code == status
    assert await door.counts() == ({}, {reason: 1})
    async with door.store.transaction() as uow:
        (kept,) = await uow.inbox.refused_listed()
    assert not {"signature", "access-token"} & set(kept["headers"])


async def test_an_unknown_hook_is_not_found(door: Door) -> None:
    assert (await door.push(_lead(), path="/hooks/nobody")).status_code == 404
    assert await door.counts() == ({}, {})


async def test_one_that_cannot_be_stored_does_not_fail_the_others_of_its_batch(door: Door) -> None:
    bodies = [f"k{n}".encode() for n in range(20)]
    bad = [b"nul\x00", "\ud800".encode("utf-8", "surrogatepass")]
    answers = await asyncio.gather(*(door.push(each, {}, "/hooks/odd") for each in [*bodies, *bad]))
    assert [each.status_code for each in answers] == [200] * 20 + [400] * 2
    assert await door.counts() == ({"new": 20}, {"malformed": 2})


async def test_without_a_database_nothing_is_acknowledged(door: Door) -> None:
    door.ingest._dsn = "postgresql://nobody@127.0.0.1:1/none"
    answer = await door.push(_lead())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert await door.counts() == ({}, {})


async def test_without_a_database_a_forged_call_is_not_acknowledged_either(door: Door) -> None:
    async def refuse_to_connect() -> None:
        raise OSError("no database")

    door.hooks._keep_refused = lambda *told: refuse_to_connect()  # type: ignore[method-assign]
    answer = await door.push(_lead(), _signed(b"", key="wrong"))
    assert answer.status_code == 503


async def test_the_answer_comes_after_the_commit(door: Door, database_url: str) -> None:
    """While another session holds the table, nobody is answered; afterwards everybody is, and it is there."""
    async with door.store.transaction() as uow:
        await uow.connection.execute(text("LOCK TABLE inbox IN SHARE MODE"))
        push = asyncio.create_task(door.push(_lead()))
        done, _ = await asyncio.wait([push], timeout=0.2)
        assert not done
    assert (await push).status_code == 200
    assert await door.counts() == ({"new": 1}, {})


async def test_more_than_may_wait_are_asked_to_come_again(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.web.ingest.WAITING_LIMIT", 2)
    with pytest.raises(Overloaded):
        await door.ingest.put("odd", [Inbound("odd", f"k{n}", b"", {}) for n in range(3)])
    assert await door.counts() == ({}, {})


async def test_a_caller_that_goes_away_is_neither_stored_nor_called_forged(door: Door) -> None:
    sent: list[Any] = []

    async def gone() -> dict[str, str]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": PATH, "query_string": b"", "headers": []}
    await door.hooks(scope, gone, send)
    assert sent == []
    assert await door.counts() == ({}, {})


async def test_a_connection_that_cannot_be_opened_does_not_take_the_others_down(
    store: Store, door: Door
) -> None:
    async with store.transaction() as uow:
        await uow.connections.save("strange", connector="no_such_connector", settings={}, secrets={})
        await uow.connections.save("esign", connector="esign", settings={"no_such": 1}, secrets={})
    client = new_client()
    connections = OpenConnections(store, client, SystemClock())
    await connections.refresh()
    assert connections.known("ads")
    assert not connections.known("strange")
    assert not connections.known("esign")
    await client.aclose()
