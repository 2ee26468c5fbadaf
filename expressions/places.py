"""Where in its text an expression failed, found afterwards: code that does not fail pays nothing for it.

Generated code calls each operation by a name that ends in its mark, `multiply_m3`. Python knows for every
frame of a traceback which piece of the generated text it was at, and that piece begins with the name.
"""

import re
from dataclasses import dataclass
from itertools import islice
from types import TracebackType

MARKS, TEXT = "MARKS", "TEXT"
"""Names in the namespace of generated code: the places by their numbers, and the code itself."""
_MARKED = re.compile(r"\w+_m(\d+)\b")
_UNITS = 2  # bytes of an instruction


@dataclass(frozen=True, slots=True)
class Place:
    """`column` counts from 1."""

    expression: str
    column: int


def place_of(error: BaseException) -> Place | None:
    """None: it did not happen in an expression, or Python was told to forget (`-X no_debug_ranges`)."""
    found: Place | None = None
    step = error.__traceback__
    while step is not None:
        if MARKS in step.tb_frame.f_globals:
            found = _marked(step)
        step = step.tb_next
    return _cause(error) if found is None else found


def _cause(error: BaseException) -> Place | None:
    return None if error.__cause__ is None else place_of(error.__cause__)


def _marked(step: TracebackType) -> Place | None:
    code, names = step.tb_frame.f_code, step.tb_frame.f_globals
    line, _, start, end = next(islice(code.co_positions(), step.tb_lasti // _UNITS, None))
    if line is None or start is None:
        return None
    written = names[TEXT].splitlines()[line - 1].encode()[start:end].decode()
    mark = _MARKED.match(written)
    place: Place | None = names[MARKS][int(mark[1])] if mark else None
    return place
