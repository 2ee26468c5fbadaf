"""Code tables: our key to the vendor's code, and back."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol


class CodeTable(Protocol):
    def lookup(self, key: str) -> str | None: ...


NO_TABLES: Mapping[str, CodeTable] = MappingProxyType({})


class DictTable:
    def __init__(self, rows: Mapping[str, str]) -> None:
        self._rows = dict(rows)

    def lookup(self, key: str) -> str | None:
        return self._rows.get(key)

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
