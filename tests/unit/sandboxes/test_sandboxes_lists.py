"""The faults that strike behind the door: pages of lists, and the clock."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest

from sandboxes.common import Clock, FaultPlan, FaultRule
from sandboxes.common.faults import UNDER_WAY, Struck
from sandboxes.common.lists import Cut, cut

ROWS = list("abcdefgh")
Result = TypeVar("Result")


def under(plan: FaultPlan, work: Callable[[], Result], *, skew: float = 0.0) -> Result:
    """As the middleware does it: the strike is known to the request's own task, and to no other."""

    async def request() -> Result:
        UNDER_WAY.set(Struck(plan, {"method": "GET", "path": "/list"}, skew))
        return work()

    return asyncio.run(request())


def plan(**rule: Any) -> FaultPlan:
    return FaultPlan(rules=[FaultRule(**rule)])


@pytest.mark.parametrize(
    ("rule", "start", "rows", "total"),
    [
        ({"kind": "half_page"}, 0, "ab", 8),
        ({"kind": "half_page"}, 6, "g", 8),
        ({"kind": "half_page"}, 7, "h", 8),
        ({"kind": "page_shift"}, 3, "cde", 9),
        ({"kind": "page_shift", "rows": 2}, 3, "bcd", 10),
        ({"kind": "page_shift", "rows": -1}, 3, "efg", 7),
        ({"kind": "page_shift"}, 0, "abc", 8),
        ({"kind": "page_shift", "rows": -1}, 9, "", 7),
        ({"kind": "half_page", "path": "/other"}, 0, "abc", 8),
        ({"kind": "drop_after"}, 0, "abc", 8),
    ],
)
def test_a_page(rule: Mapping[str, Any], start: int, rows: Sequence[str], total: int) -> None:
    assert under(plan(**rule), lambda: cut(ROWS, start, 3)) == Cut(list(rows), total)


def test_a_rule_strikes_only_where_there_is_something_to_spoil() -> None:
    faults = plan(kind="half_page", times=1)
    for _ in range(3):
        assert under(faults, lambda: cut(["a"], 0, 3)) == Cut(["a"], 1)
    assert under(faults, lambda: cut(ROWS, 0, 3)).rows == ["a", "b"]
    assert under(faults, lambda: cut(ROWS, 0, 3)).rows == ["a", "b", "c"]
    assert faults.as_json()["rules"][0]["used"] == 1


@pytest.mark.parametrize("seconds", [-3600.0, 0.0, 3600.0])
def test_a_clock_is_wrong_for_one_request(seconds: float) -> None:
    clock = Clock()
    ahead = under(FaultPlan(), clock.now, skew=seconds) - datetime.now(UTC)
    assert abs(ahead.total_seconds() - seconds) < 60
    assert abs((clock.now() - datetime.now(UTC)).total_seconds()) < 60
