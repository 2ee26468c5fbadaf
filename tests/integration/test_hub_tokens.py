import asyncio
import os
import signal
import sys
from datetime import UTC, datetime, timedelta

import pytest

from connector_kit import Redactor, Token
from crm_store import Store
from hub.tokens import StoreTokens
from tests.factories import KEY, connect

HOLD_FOR_EVER = """
import asyncio, sys
from connector_kit import Redactor
from crm_store import Store
from hub.tokens import StoreTokens

async def hang(last):
    print("fetching", flush=True)
    await asyncio.sleep(600)

async def main(url, key):
    store = Store(url, key=key.encode(), wake=lambda wake: None)
    await StoreTokens(store, "erp", Redactor()).get("session", hang)

asyncio.run(main(*sys.argv[1:]))
"""


class Login:
    def __init__(self) -> None:
        self.times = 0

    async def __call__(self, last: Token | None) -> Token:
        self.times += 1
        await asyncio.sleep(0)
        return Token(f"token-number-{self.times}", datetime.now(UTC) + timedelta(hours=1))


@pytest.fixture(autouse=True)
async def _connected(store: Store) -> None:
    async with store.transaction() as uow:
        await connect(uow, "erp")


def _tokens(store: Store) -> StoreTokens:
    return StoreTokens(store, "erp", Redactor())


async def test_a_hundred_in_two_processes_log_in_once(database_url: str) -> None:
    """With fewer database connections than waiting callers: they must not hold one each."""
    stores = [Store(database_url, key=KEY, wake=lambda wake: None, pool_size=2) for _ in range(2)]
    login = Login()
    caches = [_tokens(store) for store in stores]
    found = await asyncio.gather(*(caches[n % 2].get("session", login) for n in range(100)))
    assert ({token.value for token in found}, login.times) == ({"token-number-1"}, 1)
    again = await asyncio.gather(
        *(caches[n % 2].get("session", login, refused="token-number-1") for n in range(100))
    )
    assert ({token.value for token in again}, login.times) == ({"token-number-2"}, 2)
    for store in stores:
        await store.close()


async def test_a_login_may_use_the_database_while_all_wait_for_it(database_url: str) -> None:
    store = Store(database_url, key=KEY, wake=lambda wake: None, pool_size=2)

    async def fetch(last: Token | None) -> Token:
        async with store.transaction() as uow:  # the evidence of the exchange is kept like this
            await uow.schedule.all()
        return Token("token-number-1", datetime.now(UTC) + timedelta(hours=1))

    tokens = _tokens(store)
    async with asyncio.timeout(10):
        await asyncio.gather(*(tokens.get("session", fetch) for _ in range(20)))
    await store.close()


async def test_a_failed_login_leaves_nothing_behind(store: Store) -> None:
    async def broken(last: Token | None) -> Token:
        raise RuntimeError("wrong password")

    tokens = _tokens(store)
    with pytest.raises(RuntimeError):
        await tokens.get("session", broken)
    assert (await tokens.get("session", Login())).value == "token-number-1"


async def test_a_token_learnt_is_masked_from_then_on(store: Store) -> None:
    redactor = Redactor()
    await StoreTokens(store, "erp", redactor).get("session", Login())
    assert "token-number-1" not in redactor.text("sent token-number-1")


async def test_who_is_killed_while_logging_in_holds_nobody_up(store: Store, database_url: str) -> None:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLD_FOR_EVER, database_url, KEY.decode(), stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    assert (await child.stdout.readline()).strip() == b"fetching"
    waiting = asyncio.create_task(_tokens(store).get("session", Login()))
    done, _ = await asyncio.wait([waiting], timeout=0.2)
    assert not done, "the other one is still at it"
    os.kill(child.pid, signal.SIGKILL)
    async with asyncio.timeout(10):
        assert (await waiting).value == "token-number-1"
    await child.wait()
