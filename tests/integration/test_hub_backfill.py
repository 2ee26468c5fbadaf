"""A range of the past beside live work: from its own position, whoever dies, and nothing doubled."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.exc import OperationalError
from typer.testing import CliRunner

from connector_kit.budget import in_background
from crm_store import Store
from crm_store.tables import backfills
from domain.faults import Misconfigured, Transient
from domain.ports import Inbound
from hub import backfill
from hub.bootstrap import Hub
from hub.cli import app
from hub.embedded import Servers
from hub.registry import OpenConnections, installed, split_secrets
from hub.settings import Settings
from hub.web import backfill as backfill_api
from sandboxes.common import Running, running
from sandboxes.douyin_leads import SANDBOX
from tests.factories import KEY, NOW, FakePorts, FixedClock, connect, context_of

PROJECT = Path(__file__).parents[2]
FIRST, LAST = date(2026, 5, 1), date(2026, 5, 3)
START = datetime(2026, 4, 30, 16, tzinfo=UTC)
HOUR = timedelta(hours=1)


@dataclass
class Source:
    """Implements LeadSource: one lead each hour, a page each two. `hurdles`: what the next pages raise."""

    hurdles: list[BaseException] = field(default_factory=list)
    windows: list[tuple[datetime, datetime]] = field(default_factory=list)
    before_page: Callable[[], Awaitable[None]] | None = None

    async def pull_leads(self, since: datetime, until: datetime) -> AsyncIterator[Sequence[Inbound]]:
        assert in_background()
        self.windows.append((since, until))
        for first in range(0, 72, 2):
            page = [lead(hour) for hour in (first, first + 1) if since <= START + hour * HOUR <= until]
            if self.before_page:
                await self.before_page()
            if page and self.hurdles:
                raise self.hurdles.pop(0)
            if page:
                yield page


class Ports(FakePorts):
    def __init__(self, source: Source, *, active: bool = True) -> None:
        super().__init__(ads=source)
        self._active = active

    def active(self, connection: str) -> bool:
        return self._active


def lead(hour: int) -> Inbound:
    return Inbound("lead.pull", f"lead/{hour}", b"{}", {})


def hub_of(store: Store, source: Source, *, active: bool = True) -> Hub:
    ports = Ports(source, active=active)
    context = context_of(store, ports, FixedClock(NOW))
    return Hub(Settings(), store, cast(OpenConnections, ports), context)


async def started(hub: Hub) -> int:
    async with hub.store.transaction() as uow:
        await connect(uow, "ads")
    return await backfill.start(hub, "ads", "leads", FIRST, LAST)


async def row_of(hub: Hub, number: int) -> Any:
    async with hub.store.transaction() as uow:
        return await uow.backfills.get(number)


async def stored(hub: Hub) -> list[str]:
    async with hub.store.transaction() as uow:
        return sorted(row["dedupe_key"] for row in await uow.inbox.listed(limit=1000))


async def make_due(hub: Hub) -> None:
    async with hub.store.transaction() as uow:
        await uow.connection.execute(backfills.update().values(due_at=START, lease_until=None))


ALL = sorted(f"lead/{hour}" for hour in range(72))


async def test_a_range_comes_in_whole_beside_what_was_there(store: Store) -> None:
    source = Source()
    hub = hub_of(store, source)
    number = await started(hub)
    async with store.transaction() as uow:
        await uow.inbox.add_once("ads", [lead(5), lead(6)])
        await uow.connections.move_cursor("ads", "leads", NOW)
    await backfill.carry_on(hub)
    row = await row_of(hub, number)
    assert (row["state"], row["reached"], row["added"]) == ("done", row["until"], 70)
    assert await stored(hub) == ALL
    assert source.windows[0][0] <= START
    assert source.windows[-1][1] == START + 3 * timedelta(days=1)
    assert all(
        earlier[1] >= later[0] for earlier, later in zip(source.windows, source.windows[1:], strict=False)
    )
    async with store.transaction() as uow:
        assert await uow.connections.cursor("ads", "leads") == NOW
    await backfill.carry_on(hub)
    assert (await row_of(hub, number))["seen"] == row["seen"], "it is over"


async def test_after_any_death_another_goes_on_from_the_position(store: Store) -> None:
    source = Source()
    hub = hub_of(store, source)
    number = await started(hub)
    positions = []
    for _ in range(5):
        source.hurdles = []
        source.windows = []
        turns = iter(range(1000))

        async def die_later(turns: Any = turns) -> None:
            if next(turns) > 80:
                raise asyncio.CancelledError

        source.before_page = die_later
        with pytest.raises(asyncio.CancelledError):
            await backfill.carry_on(hub)
        positions.append((await row_of(hub, number))["reached"])
        assert not await stored_twice(hub)
        await backfill.carry_on(hub)
        assert (await row_of(hub, number))["reached"] == positions[-1], "the dead one's lease still holds"
        await make_due(hub)
    assert positions == sorted(set(positions)), "each got further"
    source.before_page = None
    source.windows = []
    await backfill.carry_on(hub)
    assert source.windows[0][0] == positions[-1] - backfill.OVERLAP
    assert (await row_of(hub, number))["state"] == "done"
    assert await stored(hub) == ALL


async def stored_twice(hub: Hub) -> bool:
    keys = await stored(hub)
    return len(keys) != len(set(keys))


async def test_it_is_paused_resumed_and_cancelled(store: Store) -> None:
    source = Source()
    hub = hub_of(store, source)
    number = await started(hub)

    async def pause_at_once() -> None:
        async with store.transaction() as uow:
            await backfill.steer(uow, number, "pause")

    source.before_page = pause_at_once
    await backfill.carry_on(hub)
    row = await row_of(hub, number)
    assert (row["state"], row["seen"]) == ("paused", 0)
    source.before_page = None
    await backfill.carry_on(hub)
    assert (await row_of(hub, number))["state"] == "paused"
    async with store.transaction() as uow:
        assert await backfill.steer(uow, number, "resume")
        assert not await backfill.steer(uow, number, "resume")
    await backfill.carry_on(hub)
    assert (await row_of(hub, number))["state"] == "done"
    async with store.transaction() as uow:
        assert not await backfill.steer(uow, number, "cancel")
        other = await uow.backfills.start("ads", "leads", START, NOW)
        assert await backfill.steer(uow, other, "cancel")
    await backfill.carry_on(hub)
    assert (await row_of(hub, other))["state"] == "cancelled"


async def test_a_slow_vendor_costs_no_lease_and_a_pause_does_not_wait_for_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfill, "LEASE", timedelta(seconds=0.1))
    source, asked = Source(), asyncio.Event()
    hub = hub_of(store, source)
    number = await started(hub)

    async def hang() -> None:
        asked.set()
        await asyncio.sleep(60)

    source.before_page = hang
    at_work = asyncio.create_task(backfill.carry_on(hub))
    await asked.wait()
    before = (await row_of(hub, number))["lease_until"]
    async with asyncio.timeout(10):
        for _ in range(400):
            if (await row_of(hub, number))["lease_until"] > before:
                break
            await asyncio.sleep(0.02)
        async with store.transaction() as uow:
            await backfill.steer(uow, number, "pause")
        await at_work


async def test_faults_are_waited_out_and_at_last_told(store: Store) -> None:
    source = Source(hurdles=[Transient("gone")])
    hub = hub_of(store, source)
    number = await started(hub)
    await backfill.carry_on(hub)
    row = await row_of(hub, number)
    assert (row["state"], row["reason"]) == ("running", "gone")
    assert row["due_at"] > row["created_at"]
    source.hurdles = [Transient("gone")] * backfill.ATTEMPTS
    for _ in range(backfill.ATTEMPTS):
        await make_due(hub)
        await backfill.carry_on(hub)
    assert (await row_of(hub, number))["state"] == "failed"
    async with store.transaction() as uow:
        (task,) = await uow.open_items.tasks(backfill.TASK)
        assert (task["owner"], task["detail"]["backfill"]) == ("it", number)
        assert await backfill.steer(uow, number, "resume")
        assert not [row for row in await uow.open_items.tasks(backfill.TASK) if row["state"] == "open"]
    source.hurdles = [Misconfigured("wrong secret")]
    await backfill.carry_on(hub)
    row = await row_of(hub, number)
    assert (row["state"], row["reason"]) == ("failed", "wrong secret")


async def test_an_outage_of_our_own_is_no_failure_of_it(store: Store) -> None:
    source = Source(hurdles=[OperationalError("gone", None, Exception())])
    hub = hub_of(store, source)
    number = await started(hub)
    await backfill.carry_on(hub)
    assert (await row_of(hub, number))["state"] == "running"
    await make_due(hub)
    await backfill.carry_on(hub)
    assert (await row_of(hub, number))["state"] == "done"


async def test_what_cannot_be_read_back_is_refused(store: Store) -> None:
    hub = hub_of(store, Source(), active=False)
    number = await started(hub)
    for connection, kind, first, last in (
        ("nobody", "leads", FIRST, LAST),
        ("ads", "payments", FIRST, LAST),
        ("ads", "leads", LAST, FIRST),
        ("ads", "leads", date(2027, 1, 1), date(2027, 1, 2)),
    ):
        with pytest.raises(Misconfigured):
            await backfill.start(hub, connection, kind, first, last)
    await backfill.carry_on(hub)
    assert (await row_of(hub, number))["lease"] == 0, "a paused connection is not called"


# --- real processes ---------------------------------------------------------------------------------------

DAYS, EACH_DAY = 6, 4


@pytest.fixture
def vendor() -> Any:
    with running(SANDBOX()) as served:
        yield served


@pytest.fixture
async def connected(store: Store, vendor: Running, servers: Servers, tmp_path: Path) -> dict[str, str]:
    connector = installed()["douyin_leads"]
    vendor.control("act/set_limits", {"qps": 0})
    given = vendor.control("")["credentials"] | {"base_url": vendor.url}
    fields = connector.settings.model_fields
    plain, secrets = split_secrets(connector, {k: v for k, v in given.items() if k in fields})
    async with store.transaction() as uow:
        await uow.connections.save("douyin-main", connector="douyin_leads", settings=plain, secrets=secrets)
        url = uow.connection.engine.url.render_as_string(hide_password=False)
    return {
        **os.environ,
        "DATABASE_URL": url,
        "REDIS_URL": servers.redis_url,
        "GUANTONG_KEY": KEY.decode(),
        "GUANTONG_DATA": str(tmp_path),
        "GUANTONG_PULL_EVERY": "86400",
        "PYTHONPATH": str(PROJECT),
    }


def submit_old_leads(vendor: Running, first: date) -> set[str]:
    moments = [
        f"{first + timedelta(days=day)} {hour * 5:02}:30:00"
        for day in range(DAYS)
        for hour in range(EACH_DAY)
    ]
    leads = [
        {"name": f"测试{n}", "telephone": f"138{n:08}", "create_time_detail": moment}
        for n, moment in enumerate(moments)
    ]
    return {str(each) for each in vendor.control("act/submit_leads", {"leads": leads})["clue_ids"]}


@pytest.mark.timeout(120)
def test_a_killed_worker_goes_on_from_its_position(
    vendor: Running, connected: dict[str, str], monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    """The command line, two workers one after another, the vendor: all real."""
    for name, value in connected.items():
        monkeypatch.setenv(name, value)
    first = datetime.now(UTC).date() - timedelta(days=30)
    ids = submit_old_leads(vendor, first)
    vendor.control("faults", {"rules": [{"kind": "delay", "path": "clue/get", "seconds": 0.1}]})
    last = first + timedelta(days=DAYS - 1)
    made = CliRunner().invoke(
        app, ["backfill", "douyin-main", "--from", str(first), "--to", str(last), "--json"]
    )
    assert made.exit_code == 0, made.output
    with worker(connected):
        halfway = until(lambda row: row["reached"] > row["since"])
        assert halfway["state"] == "running"
    with worker(connected):
        done = until(lambda row: row["state"] != "running")
    assert (done["state"], done["added"]) == ("done", len(ids))
    keys = asyncio.run(pulled_keys(database_url))
    assert len(keys) == len(set(keys)) == len(ids)
    assert {key.split("/")[1] for key in keys} == ids
    listed = CliRunner().invoke(app, ["backfill", "list"])
    assert "100%" in listed.output
    number = str(done["id"])
    assert "done" in CliRunner().invoke(app, ["backfill", "follow", number]).output
    assert CliRunner().invoke(app, ["backfill", "cancel", number]).exit_code == 1
    assert CliRunner().invoke(app, ["backfill", "pause", "0"]).exit_code == 1


class worker:
    """Killed when the block ends, as by the kernel."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment

    def __enter__(self) -> None:
        self._process = subprocess.Popen([sys.executable, "-m", "hub", "worker"], env=self._environment)

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()


def until(wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        (row,) = look()
        if wanted(row):
            return row
    raise AssertionError(f"not within a minute: {row}")


def look() -> list[dict[str, Any]]:
    async def rows() -> list[dict[str, Any]]:
        store = Store(os.environ["DATABASE_URL"], key=KEY, wake=lambda wake: None, pool_size=1)
        async with store.transaction() as uow:
            found = [dict(row) for row in await uow.backfills.all()]
        await store.close()
        return found

    return asyncio.run(rows())


async def pulled_keys(database_url: str) -> list[str]:
    store = Store(database_url, key=KEY, wake=lambda wake: None, pool_size=1)
    async with store.transaction() as uow:
        rows = await uow.inbox.listed(limit=1000)
    await store.close()
    return [row["dedupe_key"] for row in rows]


async def test_over_http(store: Store) -> None:
    hub = hub_of(store, Source())
    await started(hub)
    api = FastAPI()
    api.state.hub = hub
    backfill_api.add_routes(api, [])
    transport = httpx.ASGITransport(app=api, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://hub.example.com") as client:
        body = {"connection": "ads", "first": str(FIRST), "last": str(LAST)}
        number = (await client.post("/api/backfills", json=body)).json()["id"]
        assert (await client.post("/api/backfills", json=body | {"first": "soon"})).status_code == 422
        assert (await client.post(f"/api/backfills/{number}/pause")).json() == {"changed": True}
        assert (await client.post(f"/api/backfills/{number}/burn")).status_code == 422
        assert (await client.get(f"/api/backfills/{number}")).json()["state"] == "paused"
        assert (await client.get("/api/backfills/0")).status_code == 404
        assert len((await client.get("/api/backfills")).json()) == 2
