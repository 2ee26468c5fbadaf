"""Lists that a vendor gives in numbered pages, read whole while they move."""

from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from domain.faults import Malformed, Transient

PASSES = 5
"""How often a list that moves is read."""
MOST_PAGES = 10_000

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """`total`: rows of the whole list, as this page has it. `last`: the vendor says that none follows."""

    rows: Sequence[Row]
    total: int
    last: bool


ReadPage = Callable[[int], Awaitable[Page[Row]]]
"""Page number, from 1 → the page."""


async def read_whole(
    read: ReadPage[Row], key: Callable[[Row], Hashable], *, only_grows: bool = False
) -> AsyncIterator[Sequence[Row]]:
    """The rows of each page that have not come before. Every row that stays in the list comes once.

    Rows that come push others to a later page, where they come twice. Rows that go pull others to a page
    that was read already: if those that come make up for them, only a second pass that is like the first
    shows that nothing slipped past. `only_grows` spares that pass where nothing is ever taken away.

    Raises Transient when the list never holds still, Malformed when it does not end.
    """
    given: set[Hashable] = set()
    last_keys: Sequence[Hashable] = ()
    for _ in range(PASSES):
        walk = _Walk()
        async for page in _pages(read):
            keyed = {key(row): row for row in page.rows}
            walk.add(list(keyed), page.total)
            fresh = [row for each, row in keyed.items() if each not in given]
            given |= keyed.keys()
            if fresh:
                yield fresh
        if walk.whole and (only_grows or len(walk.totals) == 1 or walk.keys == last_keys):
            return
        last_keys = walk.keys
    seen, total = len(set(last_keys)), walk.totals[-1]
    raise Transient(f"列表在读取时不断变化，没有读全 (the list keeps moving): {seen} / {total}")


async def _pages(read: ReadPage[Row]) -> AsyncIterator[Page[Row]]:
    for number in range(1, MOST_PAGES + 1):
        page = await read(number)
        yield page
        if page.last or not page.rows:
            return
    raise Malformed(f"列表超过 {MOST_PAGES} 页 (the list does not end)")


@dataclass(slots=True)
class _Walk:
    """One pass over all pages."""

    keys: list[Hashable] = field(default_factory=list)
    totals: list[int] = field(default_factory=list)

    def add(self, keys: Sequence[Hashable], total: int) -> None:
        self.keys += keys
        self.totals.append(total)

    @property
    def whole(self) -> bool:
        """The number of rows never fell, and as many different ones came."""
        return self.totals == sorted(self.totals) and len(set(self.keys)) >= self.totals[-1]
