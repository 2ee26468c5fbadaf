"""Tokens and sessions: fetched once for all who need them, kept until they run out."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

EARLY = timedelta(seconds=60)
"""A token this close to its end counts as run out; of a short life the last quarter."""


@dataclass(frozen=True, slots=True)
class Token:
    """`refresh` is for vendors whose refresh token changes with every use."""

    value: str
    expires_at: datetime
    refresh: str | None = None
    fetched_at: datetime = field(default_factory=lambda: datetime.now(UTC), compare=False)

    def fresh(self, now: datetime) -> bool:
        return now + min(EARLY, (self.expires_at - self.fetched_at) / 4) < self.expires_at


Fetch = Callable[[Token | None], Awaitable[Token]]
"""Gets a new token; is given the last one known (for its refresh part) or None."""


class Tokens(Protocol):
    """The token cache of one connection. At most one `fetch` runs at a time for a name."""

    async def get(self, name: str, fetch: Fetch, *, refused: str | None = None) -> Token:
        """The cached token; a new one when it has run out, or when the vendor refused the value `refused`."""
        ...


class MemoryTokens:
    """Single flight within one process. For tests and short-lived commands."""

    def __init__(self) -> None:
        self._tokens: dict[str, Token] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def get(self, name: str, fetch: Fetch, *, refused: str | None = None) -> Token:
        async with self._locks.setdefault(name, asyncio.Lock()):
            known = self._tokens.get(name)
            if known and known.value != refused and known.fresh(datetime.now(UTC)):
                return known
            self._tokens[name] = await fetch(known)
            return self._tokens[name]

    def all(self) -> Sequence[Token]:
        return list(self._tokens.values())
