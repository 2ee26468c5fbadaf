"""What the client stack adds to a call: `Sender` with its parts beside bare httpx, the same request.

The request is a page of leads from the sandbox of the lead source, which runs in a process of its own.
"""

import asyncio
import statistics
import tempfile
import time
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import httpx
import redis.asyncio as redis
import typer
from rich.console import Console

from bench.measure import Goal, Series, interleaved, machine, report
from bench.stage import CONNECTION, SANDBOX, running
from connector_kit import (
    Breaker,
    Budget,
    Exchange,
    MemoryPlaces,
    Redactor,
    Reply,
    Request,
    Sender,
    new_client,
)
from connectors.douyin_leads import CONNECTOR, protocol
from connectors.douyin_leads.settings import Settings as Douyin
from crm_store import Store
from hub.budgets import RedisPlaces
from hub.demo.run import free_ports
from hub.evidence import StoreRecorder
from hub.keys import sealing_key
from hub.servers import servers
from hub.settings import Settings
from hub.supervise import Part
from hub.up import wait_until_up

TOGETHER = 16
MANY = 1_000_000
"""Calls a second: the budget is counted, and never holds a call back."""
LEADS = 20
MEASURED = 40
"""Calls whose memory is looked at, one after another."""

Call = Callable[[], Awaitable[int]]


class Nowhere:
    """Implements Recorder: exchanges are redacted and described, and thrown away."""

    async def record(self, exchange: Exchange) -> None: ...


@dataclass(frozen=True, slots=True)
class Stage:
    settings: Settings
    request: Request

    @asynccontextmanager
    async def calls(self) -> AsyncIterator[Mapping[str, Call]]:
        async with AsyncExitStack() as stack:
            plain = await stack.enter_async_context(httpx.AsyncClient(trust_env=False))
            quick = await stack.enter_async_context(new_client())
            client = redis.Redis.from_url(self.settings.redis_url)
            await stack.enter_async_context(client)
            store = Store(
                self.settings.database_url, key=sealing_key(self.settings.data), wake=lambda wake: None
            )
            stack.push_async_callback(store.close)
            async with store.transaction() as uow:
                await uow.connections.save(CONNECTION, connector=SANDBOX, settings={}, secrets={})
            secret = Redactor({"made-up-secret-1", "made-up-secret-2", "made-up-secret-3"})

            def sender(**parts: object) -> Sender:
                given = {"connection": CONNECTION, "redactor": secret, "recorder": Nowhere(), **parts}
                return Sender(quick, **given)  # type: ignore[arg-type]

            places = MemoryPlaces(MANY)
            alone = sender(budget=Budget(places), breaker=Breaker())
            shared = Budget(RedisPlaces(client, CONNECTION, places))
            budgeted = sender(budget=shared, breaker=Breaker())
            whole = sender(budget=shared, breaker=Breaker(), recorder=StoreRecorder(store))
            yield {
                "httpx": lambda: self._bare(plain),
                "httpx over aiohttp": lambda: self._bare(quick),
                "stack in one process": lambda: self._sent(alone),
                "stack, budget in Redis": lambda: self._sent(budgeted),
                "stack as in the hub": lambda: self._sent(whole),
            }

    async def _bare(self, client: httpx.AsyncClient) -> int:
        answer = await client.request(
            self.request.method, self.request.url, headers=dict(self.request.headers)
        )
        return len(answer.content)

    async def _sent(self, sender: Sender) -> int:
        return len((await sender.send(self.request)).body)


async def one_by_one(call: Call, count: int) -> float:
    """Milliseconds per call."""
    started = time.perf_counter()
    for _ in range(count):
        await call()
    return (time.perf_counter() - started) * 1000 / count


async def together(call: Call, count: int) -> float:
    """Milliseconds per call while so many are under way."""

    async def some() -> None:
        for _ in range(count // TOGETHER):
            await call()

    started = time.perf_counter()
    await asyncio.gather(*(some() for _ in range(TOGETHER)))
    return (time.perf_counter() - started) * 1000 / count


async def memory(call: Call) -> float:
    """KB that a call holds at its height."""
    peaks = []
    tracemalloc.start()
    try:
        for _ in range(MEASURED):
            before, _peak = tracemalloc.get_traced_memory()
            tracemalloc.reset_peak()
            await call()
            peaks.append(tracemalloc.get_traced_memory()[1] - before)
    finally:
        tracemalloc.stop()
    return statistics.median(peaks) / 1024


WAYS: Mapping[str, tuple[str, Callable[[Call, int], Awaitable[float]]]] = {
    "one by one": ("ms", one_by_one),
    f"{TOGETHER} at once": ("ms", together),
    "memory": ("KB", lambda call, count: memory(call)),
}


async def _play(stage: Stage, rounds: int, count: int, screen: Console) -> dict[str, dict[str, Series]]:
    found: dict[str, dict[str, Series]] = {}
    async with stage.calls() as calls:
        sizes = {await call() for call in calls.values()}
        if len(sizes) != 1:
            raise RuntimeError(f"they do not ask the same: {sizes} bytes came back")
        for way, (unit, measure) in WAYS.items():
            measures = {
                name: lambda call=call, measure=measure: measure(call, count) for name, call in calls.items()
            }
            values = await interleaved(measures, rounds=rounds, screen=screen)
            found[way] = {name: Series(each, unit) for name, each in values.items()}
    return found


def _request(sandbox: str) -> Request:
    """With a token and leads to list."""
    with httpx.Client(trust_env=False, timeout=20) as client:
        control = f"{sandbox}/_sandbox"
        leads = [{"name": f"测试{n}", "telephone": f"138{n:08}"} for n in range(LEADS)]
        client.post(f"{control}/act/set_limits", json={"qps": 0}).raise_for_status()
        client.post(f"{control}/act/submit_leads", json={"leads": leads}).raise_for_status()
        given = client.get(f"{control}/").json()["credentials"] | {"base_url": sandbox}
        fields = CONNECTOR.settings.model_fields
        douyin = Douyin.model_validate({name: value for name, value in given.items() if name in fields})
        ask = protocol.build_refresh(douyin, given["refresh_token"])
        answer = client.request(ask.method, ask.url, headers=dict(ask.headers), content=ask.content)
    now = datetime.now(UTC)
    token = protocol.read_token(Reply(answer.status_code, {}, answer.content), now=now)
    day = timedelta(days=1)
    return protocol.build_clues(douyin, access_token=token.value, since=now - day, until=now + day, page=1)


@contextmanager
def _stage() -> Iterator[Stage]:
    """Database, Redis and the sandbox; the stack itself runs here."""
    with tempfile.TemporaryDirectory(prefix="guantong-bench-") as folder:
        (port,) = free_ports(1)
        command = ["hub", "sandbox", SANDBOX, "--port", str(port)]
        with servers(Settings(data=Path(folder), database_url="", redis_url="")) as ready:
            with running(ready, [Part(SANDBOX, command)]):
                wait_until_up(f"http://127.0.0.1:{port}/_sandbox/", patience=90)
                yield Stage(ready, _request(f"http://127.0.0.1:{port}"))


def measure(rounds: int, count: int, *, as_json: bool, screen: Console) -> None:
    conditions = machine()
    with _stage() as stage:
        found = asyncio.run(_play(stage, rounds, count, screen))
    for way, series in found.items():
        _report(way, series, conditions, as_json=as_json, screen=screen)


def _report(
    way: str, series: Mapping[str, Series], conditions: str, *, as_json: bool, screen: Console
) -> None:
    bare = series["httpx"]
    ratios = {
        f"{name} ÷ httpx": round(each.over(bare), 2) for name, each in series.items() if each is not bare
    }
    goals = [Goal(f"{way}: stack_to_httpx", series["stack in one process"].over(bare), 1.5, at_most=True)]
    report(
        f"A call, {way}",
        series,
        goals if series["httpx"].unit == "ms" else [],
        notes={**ratios, "machine": conditions},
        as_json=as_json,
        screen=screen,
    )


def main(
    rounds: Annotated[int, typer.Option(min=5)] = 7,
    calls: Annotated[int, typer.Option(min=TOGETHER)] = 320,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    measure(rounds, calls, as_json=as_json, screen=Console())


if __name__ == "__main__":
    typer.run(main)
