"""Calls from the vendor to its customer, with the vendor's retries; on request repeated or reordered."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextvars import Context
from dataclasses import dataclass
from typing import NamedTuple

import aiohttp
import httpx
from httpx_aiohttp import HttpxAiohttpClient
from pydantic.dataclasses import dataclass as checked

from sandboxes.common.asked import EXACT, Chance, Seconds
from sandboxes.common.books import Books
from sandboxes.common.clock import Clock

SCHEDULE = (0.2, 0.5, 1.0, 2.0, 2.0, 3.0, 3.0, 5.0, 5.0, 10.0, 10.0, 20.0)
"""Seconds between attempts: far shorter than any vendor's, so that a demo ends."""

# The transport passes on as they are: aiohttp's own errors, and those of addresses that are none.
NO_ANSWER = (httpx.HTTPError, httpx.InvalidURL, aiohttp.ClientError, OSError, ValueError)

HELD_SECONDS = 0.5
"""A held callback leaves after these if no other comes."""

CONCURRENCY = 16
"""Attempts on the wire at once, over kept-alive connections."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One callback. `headers` is called anew for each attempt: some vendors sign each attempt again."""

    url: str
    body: bytes
    headers: Callable[[], dict[str, str]]
    label: str
    accepted: Callable[[httpx.Response], bool] = lambda response: response.is_success
    schedule: Sequence[float] = SCHEDULE
    timeout: float = 5.0


@checked(config=EXACT)
class CallbackFaults:
    """`late_seconds` bounds the delay of a late one."""

    repeat: Chance = 0.0
    reorder: Chance = 0.0
    late: Chance = 0.0
    late_seconds: Seconds = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def draw(self) -> "Fate":
        """Always as many chances, so that one kind of fault does not shift the others."""
        chance = self._random.random
        held, repeated = chance() < self.reorder, chance() < self.repeat
        waits = [chance() * self.late_seconds * (chance() < self.late) for _ in range(2)]
        return Fate(held, waits if repeated else waits[:1])


class Fate(NamedTuple):
    held: bool
    waits: Sequence[float]
    """Seconds before each copy leaves."""


@dataclass(frozen=True, slots=True, eq=False)
class Leaving:
    """One copy of a callback, and the seconds that it waits."""

    outgoing: Outgoing
    wait: float


class Callbacks:
    """Sends in the background; every attempt is written to the table `callbacks` of the books."""

    def __init__(self, books: Books, clock: Clock) -> None:
        self._books = books
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()
        self._held: list[Leaving] = []
        self._client: httpx.AsyncClient | None = None
        self._gate = asyncio.Semaphore(CONCURRENCY)
        self.faults = CallbackFaults()

    def send(self, outgoing: Outgoing) -> None:
        """Never waits. A held callback leaves after the next one's first attempt, and so they change places.

        All chances are drawn here, in the order of the calls: the same seed is the same run.
        """
        fate = self.faults.draw()
        leaving = [Leaving(outgoing, wait) for wait in fate.waits]
        if fate.held:
            self._held += leaving
            self._start(self._release_later(leaving))
            return
        behind, self._held = self._held, []
        for each in leaving:
            self._start(self._deliver(each, behind))
            behind = []

    def limit(self, concurrency: int) -> None:
        """At most so many attempts on the wire at once, from the next attempt on."""
        self._gate = asyncio.Semaphore(concurrency)

    async def drain(self) -> None:
        """Waits until nothing is on its way."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def pending(self) -> int:
        return len(self._tasks) + len(self._held)

    def forget(self) -> None:
        """Nothing that is under way or held arrives any more."""
        for task in self._tasks:
            task.cancel()
        self._tasks.clear()
        self._held.clear()

    async def close(self) -> None:
        self.forget()
        if self._client:
            await self._client.aclose()

    async def _release_later(self, leaving: Sequence[Leaving]) -> None:
        """Unless the next one has come and taken them along."""
        await asyncio.sleep(HELD_SECONDS)
        for each in leaving:
            if each in self._held:
                self._held.remove(each)
                self._start(self._deliver(each))

    def _start(self, coroutine: Coroutine[None, None, None]) -> None:
        # A fault of the request that sends it, as a wrong clock, is not the callback's.
        task = asyncio.get_running_loop().create_task(coroutine, context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, leaving: Leaving, behind: Sequence[Leaving] = ()) -> None:
        await asyncio.sleep(leaving.wait)
        for attempt, pause in enumerate((*leaving.outgoing.schedule, None), start=1):
            accepted = await self._attempt(leaving.outgoing, attempt)
            for each in behind if attempt == 1 else ():
                self._start(self._deliver(each))
            if accepted or pause is None:
                return
            await asyncio.sleep(pause)

    async def _attempt(self, outgoing: Outgoing, attempt: int) -> bool:
        self._client = self._client or HttpxAiohttpClient(trust_env=False)
        accepted, answer = False, ""
        try:
            async with self._gate:
                response = await self._client.post(
                    outgoing.url,
                    content=_pieces(outgoing.body),
                    headers=outgoing.headers() | {"Content-Length": str(len(outgoing.body))},
                    timeout=outgoing.timeout,
                )
            accepted, answer = outgoing.accepted(response), f"{response.status_code} {response.text[:200]}"
        except NO_ANSWER as error:
            answer = f"{type(error).__name__}: {error}"
        key = str(self._books.next_number("callbacks"))
        self._books.table("callbacks")[key] = {
            "at": self._clock.now().isoformat(),
            "label": outgoing.label,
            "attempt": attempt,
            "accepted": accepted,
            "answer": answer,
        }
        return accepted


def _pieces(body: bytes, *, size: int = 1 << 19) -> bytes | AsyncIterator[bytes]:
    """aiohttp objects to bodies beyond 1 MiB in one piece."""

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), size):
            yield body[start : start + size]

    return body if len(body) <= size else pieces()
