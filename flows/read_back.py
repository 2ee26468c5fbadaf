"""Looking again at many documents of one vendor."""

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from domain.faults import Malformed, Mismatch, Rejected

T = TypeVar("T")

ABOUT_ONE = (Rejected, Malformed, Mismatch)
"""The next document may be answered well; after any other fault there is no use in asking on."""


async def look_at_each(items: Iterable[T], look: Callable[[T], Awaitable[bool]]) -> int:
    """How many looks said yes. An item that the vendor refuses or garbles keeps no other waiting.

    Raises the first such fault once all have been looked at, any other fault at once.
    """
    yes, first = 0, None
    for item in items:
        try:
            yes += await look(item)
        except ABOUT_ONE as fault:
            first = first or fault
    if first is not None:
        raise first
    return yes
