import random
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import faults
from domain.faults import Fault
from hub.settlement import Backoff, settle

ATTEMPTS = 16
BACKOFF = Backoff(base=2, cap=3600, attempts=ATTEMPTS)
EVERY = [each for each in vars(faults).values() if isinstance(each, type) and issubclass(each, Fault)]

TABLE = {
    "Transient": ("retry", "failed", False),
    "SessionExpired": ("retry", "failed", False),
    "UnknownOutcome": ("unknown", "failed", False),
    "Throttled": ("retry", "retry", False),
    "Misconfigured": ("retry", "retry", True),
    "Rejected": ("failed", "failed", False),
    "Malformed": ("failed", "failed", False),
    "Mismatch": ("failed", "failed", False),
    "Fault": ("failed", "failed", False),
}
"""The state before the last attempt, after it, and whether the connection is paused."""


@pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("attempt", [1, 2, ATTEMPTS - 1, ATTEMPTS, ATTEMPTS + 1])
def test_every_fault_at_every_attempt(kind: type[Fault], attempt: int) -> None:
    early, late, pauses = TABLE[kind.__name__]
    settlement = settle(kind("x"), attempt, BACKOFF, random.Random(1))
    assert settlement.state == (early if attempt < ATTEMPTS else late)
    assert settlement.pauses_connection == pauses
    assert settlement.wait >= timedelta()


def test_throttled_waits_as_told() -> None:
    fault = faults.Throttled("x", wait=timedelta(seconds=77))
    assert settle(fault, 1, BACKOFF, random.Random()).wait == timedelta(seconds=77)


@given(st.integers(1, 10_000), st.integers())
def test_the_wait_stays_within_its_ceiling(attempt: int, seed: int) -> None:
    wait = BACKOFF.wait(attempt, random.Random(seed)).total_seconds()
    assert 0 <= wait <= min(3600, 2 * 2 ** min(attempt - 1, 20))
