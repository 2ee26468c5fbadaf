"""The sliding window and the breaker, without a network."""

import asyncio
import time

import pytest

from connector_kit import Breaker, Budget, MemoryPlaces, background_calls
from connector_kit.breaker import FIRST_REST
from domain.faults import Fault, Malformed, SessionExpired, Throttled, Transient


async def test_no_window_sees_more_calls_than_places() -> None:
    budget = Budget(MemoryPlaces(5, window=0.2))
    arrivals: list[float] = []

    async def call() -> None:
        async with budget.call(longest=1):
            await asyncio.sleep(0.001)
            arrivals.append(time.monotonic())

    await asyncio.gather(*(call() for _ in range(17)))
    arrivals.sort()
    assert all(later - first >= 0.2 for first, later in zip(arrivals, arrivals[5:], strict=False))


async def test_a_call_that_finds_no_place_in_time_is_told_to_come_back() -> None:
    budget = Budget(MemoryPlaces(1, window=60), patience=0.02)
    async with budget.call(longest=60):
        with pytest.raises(Throttled):
            async with budget.call(longest=60):
                raise AssertionError("no place was free")


async def test_a_backfill_leaves_places_free_and_lets_live_traffic_go_first() -> None:
    places = MemoryPlaces(4, window=0.05)
    taken = [await places.take(str(n), hold=60, background=True) == 0 for n in range(4)]
    assert taken == [True, True, False, False]
    assert [await places.take(f"live{n}", hold=60, background=False) == 0 for n in range(3)] == [
        True,
        True,
        False,
    ]
    for call in ("0", "1", "live0", "live1"):
        await places.give_back(call)
    await asyncio.sleep(0.06)
    assert await places.take("backfill", hold=60, background=True) > 0  # a live call still waits
    assert await places.take("live2", hold=60, background=False) == 0


async def test_background_is_a_matter_of_the_block() -> None:
    places = MemoryPlaces(2, window=60)
    budget = Budget(places, patience=0.01)
    with background_calls():
        async with budget.call(longest=1):
            with pytest.raises(Throttled):
                async with budget.call(longest=1):
                    raise AssertionError("half of two places is one")
    async with budget.call(longest=1):
        pass


class Watch:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def fail(breaker: Breaker, kind: type[Exception] = Transient) -> None:
    with pytest.raises(kind):
        with breaker.call():
            raise kind("made up")


def test_the_breaker_opens_rests_probes_and_closes() -> None:
    watch = Watch()
    breaker = Breaker(failures=3, now=watch)
    fail(breaker)
    fail(breaker)
    fail(breaker)
    with pytest.raises(Transient, match="resting"):
        with breaker.call():
            raise AssertionError("no call passes")
    watch.seconds += FIRST_REST
    fail(breaker)  # the probe
    watch.seconds += FIRST_REST
    assert str(breaker.state) == "open"  # it rests twice as long now
    watch.seconds += FIRST_REST
    with breaker.call():
        assert str(breaker.state) == "open"  # one probe at a time
    assert str(breaker.state) == "closed"


@pytest.mark.parametrize("answer", [Malformed, Throttled, SessionExpired])
def test_a_probe_that_is_refused_was_answered(answer: type[Fault]) -> None:
    watch = Watch()
    breaker = Breaker(failures=1, now=watch)
    fail(breaker)
    watch.seconds += FIRST_REST
    fail(breaker, answer)
    assert str(breaker.state) == "closed"


def test_failures_count_only_in_a_row() -> None:
    breaker = Breaker(failures=2)
    for _ in range(5):
        fail(breaker)
        fail(breaker, Malformed)
    assert str(breaker.state) == "closed"


def test_an_answer_of_any_kind_is_no_failure() -> None:
    breaker = Breaker(failures=2)
    for _ in range(5):
        fail(breaker, Malformed)
        fail(breaker, Throttled)
    assert str(breaker.state) == "closed"
    fail(breaker)
    with breaker.call():
        pass
    fail(breaker)
    assert str(breaker.state) == "closed"
