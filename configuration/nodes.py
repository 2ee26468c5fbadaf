"""A value of a file, with its place and strict ways to read it."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, TypeAlias

from configuration.errors import ConfigurationError, Problems, did_you_mean

Plain: TypeAlias = "str | int | Decimal | bool | list[Plain] | dict[str, Plain] | None"
Kind = Literal["mapping", "sequence", "text", "number", "boolean", "null"]


@dataclass(frozen=True, slots=True)
class Entry:
    key: str
    line: int
    column: int
    value: "Node"


@dataclass(frozen=True, slots=True)
class Node:
    file: str
    line: int
    column: int
    kind: Kind
    scalar: str | int | Decimal | bool | None = None
    entries: tuple[Entry, ...] = ()
    items: tuple["Node", ...] = ()
    quoted: bool = False
    written: str = ""

    def error(self, message: str, *, remedy: str | None = None, offset: int = 0) -> ConfigurationError:
        """An error at this value, `offset` characters into its text."""
        column = self.column + offset + (1 if self.quoted and offset else 0)
        return ConfigurationError(message, file=self.file, line=self.line, column=column, remedy=remedy)

    def key_error(self, key: str, message: str, *, remedy: str | None = None) -> ConfigurationError:
        """An error at a key of this mapping, or at the mapping when it has no such key."""
        for entry in self.entries:
            if entry.key == key:
                return ConfigurationError(
                    message, file=self.file, line=entry.line, column=entry.column, remedy=remedy
                )
        return self.error(message, remedy=remedy)

    def mapping(self) -> dict[str, "Node"]:
        self._expect("mapping", "a table of 'key: value' lines")
        return {entry.key: entry.value for entry in self.entries}

    def sequence(self) -> list["Node"]:
        self._expect("sequence", "a list")
        return list(self.items)

    def text(self) -> str:
        self._expect("text", "a text")
        return str(self.scalar)

    def get(self, key: str) -> "Node | None":
        self._expect("mapping", "a table of 'key: value' lines")
        found = next((entry.value for entry in self.entries if entry.key == key), None)
        return None if found is None or found.kind == "null" else found

    def required(self, key: str) -> "Node":
        found = self.get(key)
        if found is None:
            raise self.key_error(key, f"'{key}' is missing", remedy=f"add '{key}: …'")
        return found

    def only(self, allowed: Iterable[str]) -> None:
        known = sorted(allowed)
        self._expect("mapping", "a table of 'key: value' lines")
        problems = Problems()
        for entry in self.entries:
            if entry.key not in known:
                advice = did_you_mean(entry.key, known) or f"allowed: {', '.join(known)}"
                problems.add(self.key_error(entry.key, f"unknown key '{entry.key}'", remedy=advice))
        problems.raise_if_any()

    def string(self, key: str, *, default: str = "") -> str:
        found = self.get(key)
        return default if found is None else found.text()

    def integer(self, key: str, *, default: int = 0) -> int:
        found = self.get(key)
        if found is None:
            return default
        if found.kind != "number" or not isinstance(found.scalar, int):
            raise found.error(f"expected a whole number, found {found.describe()}", remedy="write it like 12")
        return found.scalar

    def decimal(self, key: str, *, default: Decimal = Decimal(0)) -> Decimal:
        found = self.get(key)
        if found is None:
            return default
        if found.kind != "number" or not isinstance(found.scalar, int | Decimal):
            raise found.error(f"expected a number, found {found.describe()}", remedy="write it like 1.5")
        return Decimal(found.scalar)

    def boolean(self, key: str, *, default: bool = False) -> bool:
        found = self.get(key)
        if found is None:
            return default
        if not isinstance(found.scalar, bool):
            raise found.error(
                f"expected true or false, found {found.describe()}", remedy="write true or false"
            )
        return found.scalar

    def value(self) -> Plain:
        if self.kind == "mapping":
            return {entry.key: entry.value.value() for entry in self.entries}
        if self.kind == "sequence":
            return [item.value() for item in self.items]
        return self.scalar

    def describe(self) -> str:
        if self.kind == "text":
            return f"the text '{self.written[:40]}'"
        if self.kind in {"number", "boolean"}:
            return f"the {self.kind} {self.written}"
        return {"mapping": "a table", "sequence": "a list", "null": "nothing"}[self.kind]

    def _expect(self, kind: Kind, wording: str) -> None:
        if self.kind == kind:
            return
        remedy = "put it in quotes" if kind == "text" and self.kind in {"number", "boolean"} else None
        raise self.error(f"expected {wording}, found {self.describe()}", remedy=remedy)
