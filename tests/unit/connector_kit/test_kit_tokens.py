import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from connector_kit import MemoryTokens, Token


class Login:
    """Counts how often somebody logs in."""

    def __init__(self, lifetime: timedelta = timedelta(hours=1)) -> None:
        self.times = 0
        self.given: list[Token | None] = []
        self._lifetime = lifetime

    async def __call__(self, last: Token | None) -> Token:
        self.times += 1
        self.given.append(last)
        await asyncio.sleep(0)
        return Token(f"t{self.times}", datetime.now(UTC) + self._lifetime, refresh=f"r{self.times}")


async def test_a_hundred_who_need_a_token_log_in_once() -> None:
    tokens, login = MemoryTokens(), Login()
    found = await asyncio.gather(*(tokens.get("session", login) for _ in range(100)))
    assert ({token.value for token in found}, login.times) == ({"t1"}, 1)


async def test_a_hundred_whose_token_was_refused_log_in_once_more() -> None:
    tokens, login = MemoryTokens(), Login()
    await tokens.get("session", login)
    found = await asyncio.gather(*(tokens.get("session", login, refused="t1") for _ in range(100)))
    assert ({token.value for token in found}, login.times) == ({"t2"}, 2)
    assert login.given[1] is not None
    assert login.given[1].refresh == "r1"


@pytest.mark.parametrize(
    ("life", "age", "fresh"),
    [
        (3600, 0, True),
        (3600, 3541, False),
        (3600, 3539, True),
        (40, 0, True),
        (40, 29, True),
        (40, 31, False),
        (-1, 0, False),
    ],
)
def test_a_token_near_its_end_counts_as_run_out(life: float, age: float, fresh: bool) -> None:
    """A minute of a long life, a quarter of a short one: some vendors give out what is left of another's."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    token = Token("t", start + timedelta(seconds=life), fetched_at=start)
    assert token.fresh(start + timedelta(seconds=age)) is fresh


async def test_a_hundred_who_share_a_short_life_log_in_once() -> None:
    tokens, login = MemoryTokens(), Login(timedelta(seconds=30))
    await asyncio.gather(*(tokens.get("session", login) for _ in range(100)))
    assert login.times == 1


async def test_names_do_not_share_and_a_failed_login_leaves_the_next_free() -> None:
    tokens, login = MemoryTokens(), Login()

    async def broken(last: Token | None) -> Token:
        raise RuntimeError("wrong password")

    with pytest.raises(RuntimeError):
        await tokens.get("a", broken)
    assert (await tokens.get("a", login)).value == "t1"
    assert (await tokens.get("b", login)).value == "t2"
