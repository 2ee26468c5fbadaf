"""What tests share: one embedded PostgreSQL and Valkey for the session, a fresh database for each test."""

import asyncio
import gc
import itertools
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import hypothesis
import pytest
from sqlalchemy import make_url

from crm_store import Store, Wake
from crm_store.migrate import migrate
from crm_store.tables import metadata
from hub.embedded import Servers, embedded_servers
from tests.factories import KEY

_numbers = itertools.count(1)

hypothesis.settings.register_profile("guantong", max_examples=50)
hypothesis.settings.load_profile("guantong")

# Thousands of tests and what they import are there to stay: to look through them again and again for garbage
# took a fifth of the time.
gc.set_threshold(50_000, 20, 20)

# Set before the command line is imported: its tables are as wide as the terminal.
os.environ["COLUMNS"] = "200"


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def open_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As root, PostgreSQL runs as another user, who must be able to walk to its folder."""
    base = tmp_path_factory.getbasetemp()
    if os.geteuid() == 0:
        base.chmod(0o755)
        base.parent.chmod(0o755)
    return base


@pytest.fixture(scope="session")
def servers(open_folder: Path) -> Iterator[Servers]:
    with embedded_servers(open_folder / "servers") as running:
        yield running


def address_of(server_url: str, database: str) -> str:
    return make_url(server_url).set(database=database).render_as_string(hide_password=False)


def administer(server_url: str, statement: str) -> None:
    async def execute() -> None:
        connection = await asyncpg.connect(server_url.replace("+asyncpg", ""))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(execute())


@pytest.fixture
def empty_database(servers: Servers) -> Iterator[str]:
    """Without a schema, for one test."""
    name = f"test_{next(_numbers)}"
    administer(servers.database_url, f"CREATE DATABASE {name}")
    yield address_of(servers.database_url, name)
    administer(servers.database_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def shared_database(servers: Servers) -> str:
    """Migrated, emptied before each test that uses it. It need not survive a power cut."""
    for setting in ("fsync", "full_page_writes"):
        administer(servers.database_url, f"ALTER SYSTEM SET {setting} = off")
    administer(servers.database_url, "SELECT pg_reload_conf()")
    administer(servers.database_url, "CREATE DATABASE shared_by_tests")
    url = address_of(servers.database_url, "shared_by_tests")
    migrate(url)
    return url


@pytest.fixture
def database_url(shared_database: str) -> str:
    """Rows are deleted rather than tables truncated or databases copied: they are few, and files are slow."""
    deletes = (f"DELETE FROM {table.name}" for table in metadata.sorted_tables)
    administer(
        shared_database,
        ";".join(["SET lock_timeout = '5s'", "SET session_replication_role = replica", *deletes]),
    )
    return shared_database


@pytest.fixture
def woken() -> list[Wake]:
    """What the store would have told the workers."""
    return []


@pytest.fixture
async def store(database_url: str, woken: list[Wake]) -> AsyncIterator[Store]:
    store = Store(database_url, key=KEY, wake=woken.append, pool_size=20)
    yield store
    await store.close()
