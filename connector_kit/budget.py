"""How often a vendor may be called: a window that slides, shared by all who call, live traffic first.

A call takes a place before it leaves and gives it up one window after its answer came. Whatever time the way
to the vendor takes, no sliding window there ever sees more calls than there are places.
"""

import asyncio
import math
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from domain.faults import Throttled

WINDOW = 1.0
"""Seconds."""
BACKGROUND_SHARE = 0.5
"""Of the places; the rest is kept free for live traffic, which also goes first."""
PATIENCE = 20.0
"""Seconds that a call waits for a place before the worker shall come back later."""
LIVE_WAITS = 0.25
"""Seconds for which a live call that found no place keeps background calls back."""

_BACKGROUND: ContextVar[bool] = ContextVar("background_calls", default=False)


@contextmanager
def background_calls() -> Iterator[None]:
    """Calls inside the block are a backfill's: they take what live traffic leaves."""
    token = _BACKGROUND.set(True)
    try:
        yield
    finally:
        _BACKGROUND.reset(token)


def in_background() -> bool:
    return _BACKGROUND.get()


class Places(Protocol):
    """Where the taken places are counted."""

    async def take(self, call: str, *, hold: float, background: bool) -> float:
        """0: the place is taken, for `hold` seconds at most. Otherwise the seconds until one may be free."""
        ...

    async def give_back(self, call: str) -> None:
        """The answer has come: free one window from now."""
        ...


@dataclass(frozen=True, slots=True)
class Budget:
    """The budget of one connection."""

    places: Places
    patience: float = PATIENCE

    @asynccontextmanager
    async def call(self, *, longest: float) -> AsyncIterator[None]:
        """`longest`: seconds that the call may take. Raises Throttled when no place comes free in time."""
        name = uuid.uuid4().hex
        await self._wait(name, longest + WINDOW)
        try:
            yield
        finally:
            await self.places.give_back(name)

    async def _wait(self, name: str, hold: float) -> None:
        end = time.monotonic() + self.patience
        while wait := await self.places.take(name, hold=hold, background=in_background()):
            if time.monotonic() + wait > end:
                raise Throttled("调用额度已用完 (the call budget is used up)", "", timedelta(seconds=wait))
            await asyncio.sleep(wait)


@dataclass(slots=True)
class MemoryPlaces:
    """For one process."""

    limit: int
    window: float = WINDOW
    _taken: dict[str, float] = field(default_factory=dict)
    _live_waits_until: float = 0.0

    async def take(self, call: str, *, hold: float, background: bool) -> float:
        now = time.monotonic()
        self._taken = {name: until for name, until in self._taken.items() if until > now}
        if background and now < self._live_waits_until:
            return LIVE_WAITS
        if len(self._taken) < places_of(self.limit, background=background):
            self._taken[call] = now + hold
            return 0.0
        if not background:
            self._live_waits_until = now + LIVE_WAITS
        return pause(min(self._taken.values()) - now)

    async def give_back(self, call: str) -> None:
        self._taken[call] = time.monotonic() + self.window


def places_of(limit: int, *, background: bool) -> int:
    return max(1, math.floor(limit * BACKGROUND_SHARE)) if background else limit


def pause(until_free: float) -> float:
    """Not longer than a tenth of a second: a place whose answer comes early is free earlier than it said."""
    return min(max(until_free, 0.005), 0.1)
