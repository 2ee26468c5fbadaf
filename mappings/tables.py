"""Code tables: our key to the vendor's code, and back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol


class CodeTable(Protocol):
    def lookup(self, key: str) -> str | None: ...


NO_TABLES: Mapping[str, CodeTable] = MappingProxyType({})


class DictTable:
    def __init__(self, rows: Mapping[str, str]) -> None:
        self._rows = dict(rows)
        self.lookup: Callable[[str], str | None] = self._rows.get

    def inverse(self) -> "DictTable":
        """Codes to keys. Of several keys with one code, the first stays."""
        turned: dict[str, str] = {}
        for key, code in self._rows.items():
            turned.setdefault(code, key)
        return DictTable(turned)


def both_ways(tables: Mapping[str, Mapping[str, str]]) -> dict[str, CodeTable]:
    """Each table under its name and, turned round, under `NAME.inverse`."""
    found: dict[str, CodeTable] = {}
    for name, rows in tables.items():
        table = DictTable(rows)
        found |= {name: table, f"{name}.inverse": table.inverse()}
    return found


@dataclass(frozen=True, slots=True)
class _Layered:
    above: CodeTable
    below: CodeTable

    def lookup(self, key: str) -> str | None:
        found = self.above.lookup(key)
        return self.below.lookup(key) if found is None else found


def layered(above: Mapping[str, CodeTable], below: Mapping[str, CodeTable]) -> dict[str, CodeTable]:
    """Where both have a table, its rows above come first, and hide none of those below with other keys."""
    found = {**below, **above}
    for name in above.keys() & below.keys():
        found[name] = _Layered(above[name], below[name])
    return found
