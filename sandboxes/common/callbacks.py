"""Calls from the vendor to its customer, with the vendor's retries; on request repeated or reordered."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass, field

import aiohttp
import httpx
from httpx_aiohttp import HttpxAiohttpClient

from sandboxes.common.books import Books
from sandboxes.common.clock import Clock

SCHEDULE = (0.2, 0.5, 1.0, 2.0, 2.0, 3.0, 3.0, 5.0, 5.0, 10.0, 10.0, 20.0)
"""Seconds between attempts: far shorter than any vendor's, so that a demo ends."""

# The transport passes on as they are: aiohttp's own errors, and those of addresses that are none.
NO_ANSWER = (httpx.HTTPError, httpx.InvalidURL, aiohttp.ClientError, OSError, ValueError)

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


@dataclass
class CallbackFaults:
    """Each is a probability between 0 and 1; `late_seconds` bounds the delay of a late one."""

    repeat: float = 0.0
    reorder: float = 0.0
    late: float = 0.0
    late_seconds: float = 1.0
    seed: int = 0
    _random: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def chance(self) -> float:
        return self._random.random()


class Callbacks:
    """Sends in the background; every attempt is written to the table `callbacks` of the books."""

    def __init__(self, books: Books, clock: Clock) -> None:
        self._books = books
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()
        self._held: list[Outgoing] = []
        self._client: httpx.AsyncClient | None = None
        self._gate = asyncio.Semaphore(CONCURRENCY)
        self.faults = CallbackFaults()

    def send(self, outgoing: Outgoing) -> None:
        """Never waits. A held callback leaves after the next one, so that the two change places."""
        chance = self.faults.chance
        if chance() < self.faults.reorder:
            self._held.append(outgoing)
            self._start(self._release_later())
            return
        self._start(self._deliver(outgoing))
        if chance() < self.faults.repeat:
            self._start(self._deliver(outgoing))
        self._release()

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

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._client:
            await self._client.aclose()

    def _release(self) -> None:
        held, self._held = self._held, []
        for outgoing in held:
            self._start(self._deliver(outgoing))

    async def _release_later(self) -> None:
        await asyncio.sleep(0.5)
        self._release()

    def _start(self, coroutine: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, outgoing: Outgoing) -> None:
        if self.faults.chance() < self.faults.late:
            await asyncio.sleep(self.faults.chance() * self.faults.late_seconds)
        for attempt, pause in enumerate((*outgoing.schedule, None), start=1):
            if await self._attempt(outgoing, attempt) or pause is None:
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
