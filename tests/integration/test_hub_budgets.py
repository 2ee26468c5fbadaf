"""One budget for all workers, as the vendor counts."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import httpx
import pytest
import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from connector_kit import (
    Budget,
    MemoryPlaces,
    MemoryRecorder,
    Operation,
    Redactor,
    Request,
    Sender,
    background_calls,
    new_client,
)
from hub.budgets import RedisPlaces
from hub.embedded import Servers
from sandboxes.common import running
from sandboxes.douyin_leads import SANDBOX

WORKERS, CALLS_EACH, PER_SECOND = 8, 5, 10
TOO_FREQUENT = '"code":40100'


def worker(redis_url: str, vendor_url: str) -> Counter[str]:
    return asyncio.run(call_the_vendor(redis_url, vendor_url))


async def call_the_vendor(redis_url: str, url: str) -> Counter[str]:
    client, answers = redis.Redis.from_url(redis_url), Counter[str]()
    async with client, new_client() as http:
        places = RedisPlaces(client, "shared", MemoryPlaces(PER_SECOND))
        sender = Sender(
            http,
            connection="shared",
            redactor=Redactor(),
            recorder=MemoryRecorder(),
            budget=Budget(places),
        )
        look = Request(Operation("look", "read"), "GET", f"{url}/open_api/2/tools/clue/get/")
        for reply in await asyncio.gather(*(sender.send(look) for _ in range(CALLS_EACH))):
            answers["refused" if TOO_FREQUENT.encode() in reply.body.replace(b" ", b"") else "served"] += 1
    return answers


def test_eight_workers_never_exceed_it_in_any_sliding_second(servers: Servers) -> None:
    """Processes of their own; the sandbox itself refuses the eleventh call of a second."""
    context = get_context("forkserver")
    context.set_forkserver_preload([__name__])
    with running(SANDBOX()) as vendor:
        with httpx.Client(base_url=vendor.url, trust_env=False) as client:
            plain = [client.get("/open_api/2/tools/clue/get/").text for _ in range(PER_SECOND + 1)]
        assert TOO_FREQUENT in plain[-1].replace(" ", "")
        vendor.control("reset", {})
        with ProcessPoolExecutor(WORKERS, mp_context=context) as pool:
            all_of_them = [pool.submit(worker, servers.redis_url, vendor.url) for _ in range(WORKERS)]
            answers = sum((each.result() for each in all_of_them), Counter[str]())
    assert answers == {"served": WORKERS * CALLS_EACH}


@pytest.fixture
async def places(servers: Servers) -> AsyncIterator[RedisPlaces]:
    async with redis.Redis.from_url(servers.redis_url) as client:
        await client.delete("guantong:budget:one", "guantong:budget:one:live")
        yield RedisPlaces(client, "one", MemoryPlaces(4))


async def test_a_backfill_leaves_places_free_and_lets_live_traffic_go_first(places: RedisPlaces) -> None:
    assert [await places.take(str(n), hold=60, background=True) == 0 for n in range(3)] == [True, True, False]
    assert [await places.take(f"l{n}", hold=60, background=False) == 0 for n in range(3)] == [
        True,
        True,
        False,
    ]
    assert await places.take("backfill", hold=60, background=True) > 0


async def test_live_calls_hardly_wait_while_a_backfill_takes_all_it_can(servers: Servers) -> None:
    """Half of the budget is the most that the backfill ever gets, and a waiting live call stops it."""
    taken: list[tuple[float, bool]] = []
    waits: list[float] = []
    begun = asyncio.Event()
    now = asyncio.get_running_loop().time

    async def call(places: RedisPlaces, *, background: bool) -> None:
        started = now()
        async with Budget(places).call(longest=1):
            taken.append((now(), background))
            begun.set()
        if not background:
            waits.append(now() - started)

    async def backfill(places: RedisPlaces) -> None:
        with background_calls():
            while True:
                await call(places, background=True)

    async with redis.Redis.from_url(servers.redis_url) as client, asyncio.timeout(60):
        places = RedisPlaces(client, "priority", MemoryPlaces(PER_SECOND))
        backfills = [asyncio.create_task(backfill(places)) for _ in range(10)]
        await begun.wait()
        for _ in range(4):
            await asyncio.gather(*(call(places, background=False) for _ in range(PER_SECOND // 2)))
        for each in backfills:
            each.cancel()
        await asyncio.gather(*backfills, return_exceptions=True)
    for start, _ in taken:
        within = [background for moment, background in taken if start <= moment < start + 1]
        assert len(within) <= PER_SECOND
        assert sum(within) <= PER_SECOND // 2
    assert any(background for _, background in taken)
    assert max(waits) < 2.5, "two windows, and a busy machine"


async def test_the_place_of_a_worker_that_died_comes_free(places: RedisPlaces) -> None:
    for n in range(4):
        assert await places.take(str(n), hold=0.05, background=False) == 0
    deadline = asyncio.get_running_loop().time() + 5
    while wait := await places.take("next", hold=1, background=False):
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(wait)


async def test_without_redis_each_process_counts_alone() -> None:
    away = redis.Redis.from_url("redis://127.0.0.1:1", retry=Retry(NoBackoff(), 0))
    places = RedisPlaces(away, "away", MemoryPlaces(1))
    with background_calls():
        budget = Budget(places)
        async with budget.call(longest=1):
            assert await places.take("second", hold=1, background=False) > 0
    await away.aclose()
