"""What the vendor remembers: named tables of JSON rows, in memory and written through to one SQLite file."""

import json
import sqlite3
from collections.abc import Iterator, MutableMapping
from decimal import Decimal
from pathlib import Path
from typing import Any

Row = dict[str, Any]


def _plain(value: object) -> str:
    """Decimals are kept as text: a vendor's books know no binary fractions."""
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot stand in a sandbox's books")


class Table(MutableMapping[str, Row]):
    """Rows by key. A changed row counts only after it was put back: `table[key] = row`."""

    def __init__(self, connection: sqlite3.Connection, name: str) -> None:
        self._connection = connection
        self._name = name
        found = connection.execute("SELECT key, row FROM books WHERE name = ? ORDER BY rowid", (name,))
        self._rows: dict[str, Row] = {key: json.loads(row) for key, row in found}

    def __getitem__(self, key: str) -> Row:
        return self._rows[key]

    def __setitem__(self, key: str, row: Row) -> None:
        self._connection.execute(
            "INSERT INTO books (name, key, row) VALUES (?, ?, ?) "
            "ON CONFLICT (name, key) DO UPDATE SET row = excluded.row",
            (self._name, key, json.dumps(row, ensure_ascii=False, default=_plain)),
        )
        self._rows[key] = row

    def __delitem__(self, key: str) -> None:
        del self._rows[key]
        self._connection.execute("DELETE FROM books WHERE name = ? AND key = ?", (self._name, key))

    def forget(self) -> None:
        """The rows are gone from the file."""
        self._rows.clear()

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


class Books:
    """All tables of one sandbox. `path` None keeps them in memory only."""

    def __init__(self, path: Path | None = None) -> None:
        self._connection = sqlite3.connect(path or ":memory:", isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode = WAL")
        # A sandbox must survive its process, not a power cut.
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS books (name TEXT, key TEXT, row TEXT, PRIMARY KEY (name, key))"
        )
        self._tables: dict[str, Table] = {}

    def table(self, name: str) -> Table:
        if name not in self._tables:
            self._tables[name] = Table(self._connection, name)
        return self._tables[name]

    def next_number(self, name: str, *, start: int = 1) -> int:
        """The next of a gapless series that starts at `start`."""
        counters = self.table("_counters")
        number = int(counters[name]["last"]) + 1 if name in counters else start
        counters[name] = {"last": number}
        return number

    def names(self) -> list[str]:
        found = self._connection.execute(
            "SELECT DISTINCT name FROM books WHERE name NOT LIKE '\\_%' ESCAPE '\\'"
        )
        return sorted(name for (name,) in found)

    def clear(self) -> None:
        self._connection.execute("DELETE FROM books")
        for table in self._tables.values():
            table.forget()

    def close(self) -> None:
        self._connection.close()
