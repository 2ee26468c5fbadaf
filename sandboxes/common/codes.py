"""The refusals that a vendor's papers list, so that each can be provoked."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """A code with its sentence. `where`: the paths that answer it (a regular expression)."""

    code: str
    message: str
    status: int = 200
    where: str = ""


def codes(rows: Iterable[tuple[str, str]], *, status: int = 200, where: str = "") -> tuple[Code, ...]:
    return tuple(Code(code, message, status, where) for code, message in rows)


def chosen(known: Sequence[Code], code: str, *, message: str = "", path: str | None = None) -> Code:
    """The listed code, or one of one's own making, which needs its sentence.

    A code may carry several sentences and stand at several doors: the first that fits counts.
    """
    same = [each for each in known if each.code == code]
    if path is not None:
        same = [each for each in same if re.search(each.where, path)] or same
    fitting = [each for each in same if message in ("", each.message)]
    if fitting:
        return fitting[0]
    if not message:
        raise ValueError(f"代码 {code} 不在表里：请同时给出 message (an unlisted code needs its message)")
    return Code(code, message, same[0].status if same else 200)
