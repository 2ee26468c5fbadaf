"""Lists, cut into pages as the fault plan lets them be."""

from collections.abc import Sequence
from typing import Generic, NamedTuple, TypeVar

from sandboxes.common.faults import UNDER_WAY, FaultRule, Kind

Row = TypeVar("Row")


class Cut(NamedTuple, Generic[Row]):
    rows: Sequence[Row]
    total: int
    """Rows of the whole list, as it stood for this page."""


def cut(rows: Sequence[Row], start: int, size: int) -> Cut[Row]:
    """`size` rows from `start`."""
    shown = rows[start : start + size]
    match rule := _struck(halves=len(shown) > 1, shifts=start > 0):
        case FaultRule(kind="half_page"):
            return Cut(shown[: -(-len(shown) // 2)], len(rows))
        case FaultRule(kind="page_shift"):
            moved = max(0, start - rule.rows)
            return Cut(rows[moved : moved + size], max(0, len(rows) + rule.rows))
    return Cut(shown, len(rows))


def _struck(*, halves: bool, shifts: bool) -> FaultRule | None:
    """A single row cannot be halved, and nothing stands before a first page."""
    struck = UNDER_WAY.get()
    able: dict[Kind, bool] = {"half_page": halves, "page_shift": shifts}
    kinds = {kind for kind, possible in able.items() if possible}
    return struck.choose(kinds) if struck and kinds else None
