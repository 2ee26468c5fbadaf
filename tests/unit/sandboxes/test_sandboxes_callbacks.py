"""Callbacks to a receiver that misbehaves: each failed attempt is written down and made again."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from sandboxes.common import Books, Callbacks, Clock, Outgoing

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
SCHEDULE = (0.01, 0.01, 0.01)


@asynccontextmanager
async def receiver(answers: Sequence[bytes]) -> AsyncIterator[str]:
    """Sends the answers one after the other, each on a connection that it then closes."""
    left = list(answers)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(left.pop(0) if left else OK)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hooks"
    finally:
        server.close()
        await server.wait_closed()


async def delivered(url: str) -> list[dict[str, Any]]:
    books = Books()
    callbacks = Callbacks(books, Clock())
    outgoing = Outgoing(url=url, body=b"{}", headers=dict, label="news", schedule=SCHEDULE, timeout=2)
    callbacks.send(outgoing)
    await callbacks.drain()
    await callbacks.close()
    attempts = list(books.table("callbacks").values())
    books.close()
    return attempts


@pytest.mark.parametrize(
    "spoilt",
    [
        b"",
        b"no HTTP at all\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-encoding: gzip\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nx-long: " + b"x" * 20_000 + b"\r\n\r\n",
        b"HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n",
    ],
    ids=["nothing", "garbage", "cut off", "bad chunk", "not gzip", "long header", "500"],
)
async def test_a_spoilt_answer_is_followed_by_another_attempt(spoilt: bytes) -> None:
    async with receiver([spoilt, spoilt]) as url:
        attempts = await delivered(url)
    assert [row["accepted"] for row in attempts] == [False, False, True]
    assert all(row["answer"] for row in attempts)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/hooks", "http://", "nothing", "http://127.0.0.1:99999/"])
async def test_nobody_there_is_tried_to_the_end(url: str) -> None:
    attempts = await delivered(url)
    assert [row["accepted"] for row in attempts] == [False] * (len(SCHEDULE) + 1)
