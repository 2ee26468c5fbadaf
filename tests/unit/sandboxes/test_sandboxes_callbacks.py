"""Callbacks to a receiver that misbehaves: each failed attempt is written down and made again."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from sandboxes.common import Books, Callbacks, Clock, FaultPlan, Outgoing
from sandboxes.common.callbacks import CallbackFaults, Fate
from sandboxes.common.faults import UNDER_WAY, Struck
from sandboxes.run import load

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
SCHEDULE = (0.01, 0.01, 0.01)
COUNT = 12
ALL = [str(number) for number in range(COUNT)]


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


async def run(faults: CallbackFaults) -> list[str]:
    """The labels of twelve in the order in which they leave, each sent when those before have had their
    answer, but for the late ones."""
    left: list[str] = []

    def headers(label: str) -> dict[str, str]:
        left.append(label)
        return {}

    books, due, held = Books(), 0, 0
    callbacks = Callbacks(books, Clock())
    callbacks.faults = replace(faults)
    async with receiver([]) as url:
        for number, fate in enumerate(fates(faults, COUNT)):
            label = str(number)
            callbacks.send(Outgoing(url=url, body=b"{}", headers=partial(headers, label), label=label))
            held += sum(not wait for wait in fate.waits)
            if not fate.held:
                due, held = due + held, 0
            while len(books.table("callbacks")) < due:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        await callbacks.drain()
        await callbacks.close()
    books.close()
    return left


def fates(faults: CallbackFaults, count: int) -> list[Fate]:
    twin = replace(faults)
    return [twin.draw() for _ in range(count)]


async def test_without_faults_they_leave_in_order() -> None:
    assert await run(CallbackFaults()) == ALL


async def test_each_is_repeated() -> None:
    assert await run(CallbackFaults(repeat=1)) == [label for label in ALL for _ in range(2)]


async def test_a_held_one_leaves_behind_the_next() -> None:
    faults = CallbackFaults(reorder=0.4, seed=3)
    held = [fate.held for fate in fates(faults, COUNT)]
    expected: list[str] = []
    waiting: list[str] = []
    for number, holds in enumerate(held):
        if holds:
            waiting.append(str(number))
        else:
            expected += [str(number), *waiting]
            waiting = []
    assert any(held[:-1])
    assert await run(faults) == expected + waiting


async def test_a_late_one_is_overtaken() -> None:
    order = await run(CallbackFaults(late=0.5, late_seconds=0.5, seed=2))
    assert order != ALL
    assert sorted(order, key=int) == ALL


@pytest.mark.parametrize("seed", range(3))
async def test_the_same_seed_is_the_same_run(seed: int) -> None:
    faults = CallbackFaults(repeat=0.3, reorder=0.3, seed=seed)
    first, second = await asyncio.gather(*(run(faults) for _ in range(2)))
    assert first == second


async def test_attempts_draw_nothing() -> None:
    """However many attempts one needs, the next meets the same fate."""
    books, faults = Books(), CallbackFaults(late=1, late_seconds=0.01, seed=1)
    callbacks = Callbacks(books, Clock())
    callbacks.faults = replace(faults)
    callbacks.send(Outgoing("http://127.0.0.1:1/", b"{}", dict, "news", schedule=SCHEDULE))
    await callbacks.drain()
    await callbacks.close()
    books.close()
    assert callbacks.faults.draw() == fates(faults, 2)[1]


def test_another_seed_is_another_run() -> None:
    runs = {str(fates(CallbackFaults(repeat=0.5, reorder=0.5, seed=seed), 20)) for seed in range(20)}
    assert len(runs) == 20


@pytest.mark.parametrize(
    ("faults", "attempted"),
    [
        (CallbackFaults(), True),
        (CallbackFaults(repeat=1), True),
        (CallbackFaults(reorder=1), False),
        (CallbackFaults(late=1, late_seconds=60), False),
    ],
)
async def test_nothing_under_way_arrives_after_a_reset(faults: CallbackFaults, attempted: bool) -> None:
    sandbox = load("bank")()
    sandbox.callbacks.faults = faults
    outgoing = Outgoing("http://127.0.0.1:1/", b"{}", dict, "old", schedule=[0.1] * 20)
    others = asyncio.all_tasks()
    sandbox.callbacks.send(outgoing)
    while attempted and "callbacks" not in sandbox.books.names():  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    under_way = asyncio.all_tasks() - others
    sandbox.reset()
    assert sandbox.callbacks.pending == 0
    ended, _ = await asyncio.wait(under_way, timeout=10)
    assert under_way == ended
    assert all(task.cancelled() for task in ended)
    assert "callbacks" not in sandbox.books.names()
    sandbox.callbacks.send(replace(outgoing, label="new", schedule=()))
    await sandbox.callbacks.drain()
    assert [row["label"] for row in sandbox.books.table("callbacks").values()] == ["new"]
    await sandbox.callbacks.close()
    sandbox.books.close()


async def test_a_wrong_clock_is_that_of_the_request_alone() -> None:
    books = Books()
    callbacks = Callbacks(books, Clock())
    UNDER_WAY.set(Struck(FaultPlan(), {}, skew=-9e6))
    callbacks.send(Outgoing("http://127.0.0.1:1/", b"{}", dict, "news", schedule=()))
    await callbacks.drain()
    await callbacks.close()
    (row,) = books.table("callbacks").values()
    assert abs((datetime.fromisoformat(row["at"]) - datetime.now(UTC)).total_seconds()) < 60
    books.close()
