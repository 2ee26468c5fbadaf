"""From the answer to a lead push to its owner committed, on an idle hub, beside a bare dramatiq actor.

A trigger notifies this process of every row in `assignments`; PostgreSQL sends a notification when the
transaction has committed, and not before (`assignments.created_at` would be the transaction's start).
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Annotated, Any

import asyncpg
import dramatiq
import typer
from dramatiq.broker import Broker
from rich.console import Console

from bench.load import is_complete
from bench.measure import Goal, Series, interleaved, machine, percentile, report
from bench.peers import ACTOR, QUEUE, bare_broker
from bench.pushes import Pushes
from bench.stage import CONNECTION, database_facts, libpq_url, running, staged
from hub.settings import Settings
from hub.supervise import Part

QUIET = (0.25, 0.4)
"""Seconds of rest before each push: the hub is idle again, its pollers as slow as they get."""
PATIENCE = 20.0
CHANNEL = "bench_committed"
WATCH = f"""
CREATE TABLE bench_marks (key text PRIMARY KEY);
CREATE FUNCTION bench_tell_mark() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN PERFORM pg_notify('{CHANNEL}', NEW.key); RETURN NULL; END $$;
CREATE FUNCTION bench_tell_owner() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN
    PERFORM pg_notify('{CHANNEL}', vendor_id) FROM leads WHERE id = NEW.lead_id;
    RETURN NULL;
  END $$;
CREATE TRIGGER bench_tell AFTER INSERT ON bench_marks FOR EACH ROW EXECUTE FUNCTION bench_tell_mark();
CREATE TRIGGER bench_tell AFTER INSERT ON assignments FOR EACH ROW EXECUTE FUNCTION bench_tell_owner();
"""


class Commits:
    """When each key's row was committed, as this process hears it."""

    def __init__(self, database: asyncpg.Connection) -> None:
        self._database = database
        self._heard: dict[str, float] = {}
        self._new = asyncio.Event()

    async def listen(self) -> None:
        await self._database.execute(WATCH)
        await self._database.add_listener(CHANNEL, self._hear)

    async def of(self, key: str) -> float:
        """Raises TimeoutError."""
        async with asyncio.timeout(PATIENCE):
            while key not in self._heard:
                self._new.clear()
                await self._new.wait()
        return self._heard.pop(key)

    def _hear(self, connection: object, pid: int, channel: str, key: object) -> None:
        self._heard[str(key)] = time.perf_counter()
        self._new.set()


class Latency:
    def __init__(self, settings: Settings, commits: Commits, *, pushes: int) -> None:
        self._port = settings.port
        self._commits = commits
        self._amount = pushes
        self._pushes: Iterator[tuple[str, bytes]] = Pushes(CONNECTION).lead_ids()
        self._broker: Broker = bare_broker(settings.redis_url)
        self._chance = random.Random(1)
        self.milliseconds: dict[str, list[float]] = {"hub": [], "dramatiq": []}

    def measures(self) -> dict[str, Callable[[], Awaitable[float]]]:
        return {
            "hub": lambda: self._round("hub", self._push),
            "dramatiq": lambda: self._round("dramatiq", self._send),
        }

    async def _round(self, name: str, act: Callable[[], Awaitable[tuple[str, float]]]) -> float:
        """The median of some, one after the other, in milliseconds."""
        found = []
        for _ in range(self._amount):
            await asyncio.sleep(self._chance.uniform(*QUIET))
            key, since = await act()
            found.append((await self._commits.of(key) - since) * 1000)
        self.milliseconds[name] += found
        return percentile(found, 0.5)

    async def _push(self) -> tuple[str, float]:
        """The lead's id, and when the hub's answer was here."""
        key, request = next(self._pushes)
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(request)
        answer = b""
        while not is_complete(answer):
            answer += await reader.read(4096)
        answered = time.perf_counter()
        writer.close()
        if not answer.startswith(b"HTTP/1.1 200 "):
            raise RuntimeError(f"the push was refused: {answer!r}")
        return key, answered

    async def _send(self) -> tuple[str, float]:
        key = f"mark-{next(self._pushes)[0]}"
        message: dramatiq.Message[Any] = dramatiq.Message(QUEUE, ACTOR, (key,), {}, {})
        await asyncio.to_thread(self._broker.enqueue, message)
        return key, time.perf_counter()


async def _play(
    settings: Settings, rounds: int, pushes: int, screen: Console
) -> tuple[dict[str, Series], dict[str, list[float]], str]:
    database = await asyncpg.connect(libpq_url(settings.database_url))
    commits = Commits(database)
    await commits.listen()
    latency = Latency(settings, commits, pushes=pushes)
    values = await interleaved(latency.measures(), rounds=rounds, screen=screen)
    facts = await database_facts(database)
    await database.close()
    counted = {name: each[pushes:] for name, each in latency.milliseconds.items()}  # without the warm-up
    return {name: Series(each, "ms") for name, each in values.items()}, counted, facts


def measure(rounds: int, pushes: int, *, as_json: bool, screen: Console) -> None:
    conditions = machine()
    with staged() as settings:
        bare = Part(
            "dramatiq",
            ["bench.peers", "dramatiq", settings.redis_url, libpq_url(settings.database_url)],
        )
        with running(settings, [bare]):
            series, every, facts = asyncio.run(_play(settings, rounds, pushes, screen))
    report(
        f"Push answered → owner committed, idle hub, {rounds} × {pushes} pushes, p50 of each round",
        series,
        [
            Goal("p50_ms", percentile(every["hub"], 0.5), 30, at_most=True),
            Goal("p99_ms", percentile(every["hub"], 0.99), 150, at_most=True),
        ],
        notes={
            "dramatiq_p50_ms": round(percentile(every["dramatiq"], 0.5), 1),
            "dramatiq_p99_ms": round(percentile(every["dramatiq"], 0.99), 1),
            "ratio_to_dramatiq_p50": round(series["hub"].over(series["dramatiq"]), 3),
            "hub_worst_ms": round(max(every["hub"]), 1),
            "database": facts,
            "machine": conditions,
        },
        as_json=as_json,
        screen=screen,
    )


def main(
    rounds: Annotated[int, typer.Option(min=5)] = 6,
    pushes: Annotated[int, typer.Option(min=20)] = 25,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    measure(rounds, pushes, as_json=as_json, screen=Console())


if __name__ == "__main__":
    typer.run(main)
