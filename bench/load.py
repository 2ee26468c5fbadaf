"""Sends ready-made HTTP requests over keep-alive connections, as fast as they are answered.

Runs in a process of its own. It parses no more than it must, so that the server is what is measured;
`python -m bench.ingest` checks it against a server that does nothing.
"""

import asyncio
import re
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import cast

import uvloop

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_HEAD_END = b"\r\n\r\n"
_GOOD = b"HTTP/1.1 200 "


@dataclass(frozen=True, slots=True)
class Volley:
    seconds: float
    """From the first request to the last answer; connecting is not counted."""
    refused: int
    latencies: Sequence[float]

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.seconds


def is_complete(answer: bytes | bytearray) -> bool:
    head_end = answer.find(_HEAD_END)
    length = _LENGTH.search(answer, 0, head_end) if head_end >= 0 else None
    return length is not None and len(answer) >= head_end + len(_HEAD_END) + int(length[1])


class _Caller(asyncio.Protocol):
    """One connection: the next request leaves when the last one is answered."""

    def __init__(self, requests: Iterator[bytes], latencies: list[float]) -> None:
        self._requests = requests
        self._latencies = latencies
        self._answer = bytearray()
        self._sent_at = 0.0
        self.refused = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance

    def send_next(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self.done.set_result(None)
            self._transport.close()
            return
        self._sent_at = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._answer += data
        if not is_complete(self._answer):
            return
        self._latencies.append(time.perf_counter() - self._sent_at)
        self.refused += not self._answer.startswith(_GOOD)
        self._answer.clear()
        self.send_next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(ConnectionError(f"the server hung up: {exc}"))


async def _fire(port: int, requests: Sequence[bytes], connections: int) -> Volley:
    waiting, latencies = iter(requests), list[float]()
    loop = asyncio.get_running_loop()
    callers = []
    for _ in range(connections):
        _, caller = await loop.create_connection(lambda: _Caller(waiting, latencies), "127.0.0.1", port)
        callers.append(caller)
    started = time.perf_counter()
    for caller in callers:
        caller.send_next()
    await asyncio.gather(*(caller.done for caller in callers))
    return Volley(time.perf_counter() - started, sum(caller.refused for caller in callers), latencies)


def fire(port: int, requests: Sequence[bytes], connections: int) -> Volley:
    return uvloop.run(_fire(port, requests, connections))


def gunner() -> ProcessPoolExecutor:
    """The process that fires: `gunner().submit(fire, …)`."""
    return ProcessPoolExecutor(1, mp_context=get_context("spawn"))
