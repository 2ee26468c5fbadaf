"""A list that moves between any two pages: what stays in it comes, and comes once."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector_kit.paging import MOST_PAGES, PASSES, Page, read_whole
from domain.faults import Malformed, Transient

SIZE = 3
Move = tuple[str, int]
MOVES = st.lists(
    st.lists(st.tuples(st.sampled_from(["add", "remove"]), st.integers(0, 30)), max_size=4), max_size=8
)


@dataclass
class Vendor:
    """Rows are numbers that never come again; `moves` happen before the pages after the first."""

    rows: list[int]
    moves: list[list[Move]]
    front: bool = False
    """New rows come first, and none goes."""
    removed: set[int] = field(default_factory=set)
    calls: int = 0

    def __post_init__(self) -> None:
        self._next = len(self.rows)

    async def page(self, number: int) -> Page[int]:
        if self.calls and self.moves:
            for move in self.moves.pop(0):
                self._make(*move)
        self.calls += 1
        start = (number - 1) * SIZE
        return Page(self.rows[start : start + SIZE], len(self.rows), start + SIZE >= len(self.rows))

    def _make(self, kind: str, place: int) -> None:
        if self.front or kind == "add":
            self.rows.insert(0 if self.front else place % (len(self.rows) + 1), self._next)
            self._next += 1
        elif self.rows:
            self.removed.add(self.rows.pop(place % len(self.rows)))


async def read(vendor: Vendor) -> list[int]:
    return [row async for rows in read_whole(vendor.page, int, only_grows=vendor.front) for row in rows]


@given(st.integers(0, 12), MOVES)
async def test_whatever_comes_and_goes(count: int, moves: list[list[Move]]) -> None:
    vendor = Vendor(list(range(count)), moves)
    try:
        seen = await read(vendor)
    except Transient:
        return
    assert len(seen) == len(set(seen))
    assert set(range(count)) - vendor.removed <= set(seen)


@given(st.integers(0, 12), MOVES)
async def test_rows_that_come_before_the_others(count: int, moves: list[list[Move]]) -> None:
    vendor = Vendor(list(range(count)), moves, front=True)
    seen = await read(vendor)
    assert len(seen) == len(set(seen))
    assert set(range(count)) <= set(seen)


async def test_one_that_goes_and_one_that_comes_hide_each_other_from_a_single_pass() -> None:
    vendor = Vendor([0, 1, 2, 3, 4, 5], [[("remove", 0), ("add", 5)]])
    assert 3 in await read(vendor)


@pytest.mark.parametrize(
    ("count", "front", "calls"), [(0, False, 1), (3, False, 1), (4, False, 4), (9, True, 3)]
)
async def test_a_second_pass_where_something_may_have_slipped_past(
    count: int, front: bool, calls: int
) -> None:
    vendor = Vendor(list(range(count)), [], front=front)
    assert await read(vendor) == list(range(count))
    assert vendor.calls == calls


def short(page: Page[int]) -> Page[int]:
    return Page(page.rows[:1], page.total, page.last)


def never_last(page: Page[int]) -> Page[int]:
    return Page([7], page.total, False)


@pytest.mark.parametrize(("spoil", "fault"), [(short, Transient), (never_last, Malformed)])
async def test_a_list_that_cannot_be_read_whole_is_a_fault(
    spoil: Callable[[Page[int]], Page[int]], fault: type[Exception]
) -> None:
    vendor = Vendor(list(range(5)), [])

    async def page(number: int) -> Page[int]:
        return spoil(await vendor.page(number))

    with pytest.raises(fault):
        [rows async for rows in read_whole(page, int)]
    assert vendor.calls == (2 * PASSES if fault is Transient else MOST_PAGES)
