"""Starts the hub's own processes on the embedded servers, in a folder that is thrown away."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import httpx

from hub.demo.run import free_ports
from hub.keys import api_token
from hub.servers import servers
from hub.settings import Settings
from hub.supervise import Part, Supervisor
from hub.up import environment, parts, wait_until_up

SANDBOX = "douyin_leads"
CONNECTION = "douyin-main"
NEEDED = ("app_id", "secret", "refresh_token", "advertiser_ids", "push_token", "push_secretkey")


def libpq_url(database_url: str) -> str:
    """For those who do not know SQLAlchemy's names of drivers."""
    return database_url.replace("postgresql+asyncpg://", "postgresql://", 1)


async def database_facts(database: asyncpg.Connection) -> str:
    """What a figure about commits depends on."""
    version, fsync, commit = [
        await database.fetchval(f"SHOW {name}") for name in ("server_version", "fsync", "synchronous_commit")
    ]
    return f"PostgreSQL {version}, fsync {fsync}, synchronous_commit {commit}"


@contextmanager
def staged(*, without: Sequence[str] = ()) -> Iterator[Settings]:
    """The parts that `guantong up` starts, except `without`, and one configured connection."""
    with tempfile.TemporaryDirectory(prefix="guantong-bench-") as folder:
        port, sandbox_port = free_ports(2)
        settings = Settings(data=Path(folder), port=port, database_url="", redis_url="")
        with servers(settings) as ready:
            tree = [part for part in parts(ready, {SANDBOX: sandbox_port}) if part.name not in without]
            with running(ready, tree):
                wait_until_up(f"http://127.0.0.1:{port}/health")
                _connect(ready, sandbox_port)
                yield ready


def running(settings: Settings, tree: Sequence[Part]) -> Supervisor:
    return Supervisor(tree, environment=environment(settings), logs=settings.data / "logs")


def _connect(settings: Settings, sandbox_port: int) -> None:
    """As IT would: the credentials that the sandbox prints, saved through the API."""
    sandbox = f"http://127.0.0.1:{sandbox_port}"
    about = f"{sandbox}/_sandbox/"
    wait_until_up(about)
    with httpx.Client(trust_env=False, timeout=20) as client:
        credentials = client.get(about).raise_for_status().json()["credentials"]
        values = {"base_url": sandbox} | {name: credentials[name] for name in NEEDED}
        client.put(
            f"http://127.0.0.1:{settings.port}/api/connections/{CONNECTION}",
            json={"connector": SANDBOX, "values": values},
            headers={"Authorization": f"Bearer {api_token(settings.data)}"},
        ).raise_for_status()
