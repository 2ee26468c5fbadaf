"""One refresh for all processes, and a refresher that dies holds nobody up."""

import asyncio
import os
import signal
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from connector_kit import Redactor, Token
from crm_store import Store
from hub.tokens import StoreTokens
from tests.factories import KEY

PROJECT = Path(__file__).parents[2]
HANGING = """
import asyncio, sys
from connector_kit import Redactor
from crm_store import Store
from hub.tokens import StoreTokens

async def hang(known):
    print("fetching", flush=True)
    await asyncio.sleep(60)

async def main():
    store = Store(sys.argv[1], key=sys.argv[2].encode(), wake=lambda wake: None, pool_size=2)
    await StoreTokens(store, "shared", Redactor()).get("access", hang)

asyncio.run(main())
"""


async def connected(store: Store) -> None:
    async with store.transaction() as uow:
        await uow.connections.save("shared", connector="test", settings={}, secrets={})


async def test_a_hundred_calls_of_many_processes_refresh_once(store: Store) -> None:
    """Each StoreTokens stands for a process: they share nothing but the database."""
    await connected(store)
    fetched: list[str] = []

    async def fetch(known: Token | None) -> Token:
        fetched.append("one")
        await asyncio.sleep(0.05)
        return Token(f"token-{len(fetched)}", datetime.now(UTC) + timedelta(hours=2))

    processes = [StoreTokens(store, "shared", Redactor()) for _ in range(10)]
    first = await asyncio.gather(*(each.get("access", fetch) for each in processes for _ in range(10)))
    assert (len(fetched), {token.value for token in first}) == (1, {"token-1"})
    again = await asyncio.gather(
        *(each.get("access", fetch, refused="token-1") for each in processes for _ in range(10))
    )
    assert (len(fetched), {token.value for token in again}) == (2, {"token-2"})


async def test_a_killed_refresher_holds_nobody_up(store: Store, database_url: str) -> None:
    await connected(store)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        HANGING,
        database_url,
        KEY.decode(),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"fetching\n"

    async def fetch(known: Token | None) -> Token:
        return Token("token-1", datetime.now(UTC) + timedelta(hours=2))

    waiting = asyncio.create_task(StoreTokens(store, "shared", Redactor()).get("access", fetch))
    await asyncio.sleep(0)
    process.send_signal(signal.SIGKILL)
    killed = time.monotonic()
    async with asyncio.timeout(30):
        assert (await waiting).value == "token-1"
    assert time.monotonic() - killed < 5
    await process.wait()
