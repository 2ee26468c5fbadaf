"""What a vendor's messages have looked like so far, and what the next one has changed. Pure.

The rules, each made so that ordinary messages never look like a change:

- The first `LEARNED` messages of a kind teach, and raise nothing; so do the paths and samples of its mapping.
- A field never seen before is `new`.
- A field that was in each of at least `LEARNED` messages is `missing` when it is absent from `GONE` in a row;
  one that comes back sooner was optional. It counts only where the object around it is there.
- It is missing at once when the very message that lacks it brings a new field in the same object; with
  exactly one gone and one new, of the same type, it is `renamed`.
- A value of a type that a field has not had in `SETTLED` messages is `retyped`. Null is absent, and known.
- An `option` is unknown when neither the mapping's own `table:` nor a message so far has had it.
- Keys that are no identifiers (答案, ids) are data, not fields; so is everything below a value that a mapping
  takes whole.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Any, Literal

from expressions import Path, parse_path
from expressions.values import text_of
from mappings.mapping import CompiledMapping
from mappings.rows import Constant, Row
from mappings.samples import read_samples

LEARNED = 50
GONE = 5
SETTLED = 10
MOST_FIELDS = 400
MOST_KEYS = 60
MOST_OPTIONS = 60
MOST_ITEMS = 20
DEEPEST = 6

Kind = Literal["new", "missing", "renamed", "retyped", "option"]
Type = Literal["text", "number", "boolean", "list", "table", "null"]

_TYPES: Mapping[type, Type] = {
    str: "text",
    int: "number",
    float: "number",
    Decimal: "number",
    bool: "boolean",
    list: "list",
    dict: "table",
    type(None): "null",
}
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ROOT = ""
_NULL: tuple[Type, object] = ("null", None)


@dataclass(frozen=True, slots=True)
class Change:
    """`detail`: the new name, type or option. `holds`: the mapping reads what has changed."""

    kind: Kind
    path: str
    detail: str = ""
    holds: bool = False

    @property
    def text(self) -> str:
        match self.kind:
            case "new":
                return f"新字段 {self.path} (new field)"
            case "missing":
                return f"字段 {self.path} 不见了 (missing)"
            case "renamed":
                return f"字段 {self.path} 改名为 {self.detail} (renamed)"
            case "retyped":
                return f"字段 {self.path} 的类型变为 {self.detail} (retyped)"
            case "option":
                return f"字段 {self.path} 有不认识的选项“{self.detail}” (unknown option)"


# --- what a mapping reads ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reads:
    """The paths that a mapping reads; those that it takes whole; the options that its own tables know."""

    paths: frozenset[str]
    whole: frozenset[str]
    options: Mapping[str, frozenset[str]]

    def touch(self, path: str) -> bool:
        """The path itself, something below it, or something around it that is taken whole."""
        return any(_within(path, read) or _within(read, path) for read in self.paths)


def _within(inner: str, outer: str) -> bool:
    return inner == outer or inner.startswith((f"{outer}.", f"{outer}["))


@lru_cache(maxsize=256)
def reads_of(mapping: CompiledMapping) -> Reads:
    options: dict[str, frozenset[str]] = {}
    paths: set[str] = set()
    for row, inside in _placed(mapping.rows, ()):
        found = {_absolute(text, inside) for text in _written(row)}
        paths |= found
        if row.table is not None and isinstance(row.source, Path):
            options[next(iter(found))] = frozenset(row.table)
    paths.discard(_ROOT)
    around = {other for other in paths if any(_within(path, other) and path != other for path in paths)}
    return Reads(frozenset(paths), frozenset(paths - around), options)


def _placed(rows: Iterable[Row], inside: tuple[str, ...]) -> Iterator[tuple[Row, tuple[str, ...]]]:
    """Every row with the lists around it, outermost first."""
    for row in rows:
        here = (*inside[:-1], ".".join([*inside[-1:], *row.base])) if row.base else inside
        yield row, here
        if row.rows is not None:
            yield from _placed(row.rows, (*here, f"{_absolute(str(row.source), here)}[*]"))


def _written(row: Row) -> set[str]:
    texts: set[str] = set()
    if not isinstance(row.source, Constant):
        texts |= {str(row.source)} if isinstance(row.source, Path) else set(row.source.paths)
    if row.when is not None:
        texts |= row.when.paths
    if row.where is not None:
        texts |= {f"{row.source}[*].{text}" for text in row.where.paths}
    return texts


def _absolute(text: str, inside: tuple[str, ...]) -> str:
    """From the beginning of the record, up to the first key that is data."""
    steps = list(parse_path(text).steps)
    lists = list(inside)
    while steps and steps[0] in ("parent", "this"):
        if steps.pop(0) == "parent" and lists:
            lists.pop()
    path = lists[-1] if lists else _ROOT
    for step in steps:
        if isinstance(step, str):
            if not _IDENTIFIER.fullmatch(step):
                break
            path = f"{path}.{step}" if path else step
        else:
            path += "[*]"
    return path


# --- what a message holds ---------------------------------------------------------------------------------


def observed(record: Mapping[str, object], whole: frozenset[str]) -> dict[str, tuple[Type, object]]:
    """Type and value at every path; of a list, those of its first items together."""
    found: dict[str, tuple[Type, object]] = {_ROOT: ("table", None)}
    _observe(record, _ROOT, whole, found, 0)
    return found


def _observe(
    table: Mapping[Any, object],
    path: str,
    whole: frozenset[str],
    found: dict[str, tuple[Type, object]],
    depth: int,
) -> None:
    if len(table) > MOST_KEYS or len(found) > MOST_FIELDS:
        return
    for key, value in table.items():
        if not _is_field(key):
            continue
        here = f"{path}.{key}" if path else key
        kind = _TYPES.get(type(value), "text")
        found[here] = (kind, value)
        if kind in ("table", "list") and here not in whole and depth < DEEPEST:
            _enter(value, here, whole, found, depth + 1)


def _enter(
    value: Any, path: str, whole: frozenset[str], found: dict[str, tuple[Type, object]], depth: int
) -> None:
    if isinstance(value, dict):
        _observe(value, path, whole, found, depth)
        return
    for item in value[:MOST_ITEMS]:
        if isinstance(item, dict):
            found[f"{path}[*]"] = ("table", None)
            _observe(item, f"{path}[*]", whole, found, depth)


@lru_cache(maxsize=4096)
def _is_field(key: object) -> bool:
    return isinstance(key, str) and _IDENTIFIER.fullmatch(key) is not None


# --- what the messages of one kind have looked like -------------------------------------------------------


@dataclass(slots=True)
class Field:
    """`gone`: how the field vanished, while nobody has accepted it. `run`: absences in a row, seen here."""

    types: set[Type] = field(default_factory=set)
    seen: int = 0
    absent: int = 0
    options: set[str] = field(default_factory=set)
    gone: tuple[Kind, str] | None = None
    run: int = 0
    told: tuple[int, int] = (0, 0)
    """`seen` and `absent` as far as they are in the store."""

    @property
    def steady(self) -> bool:
        return self.absent == 0 and self.seen >= LEARNED


class Shape:
    """Learns with every message; `absorb` and `adopt` join what several processes have learned."""

    def __init__(self, messages: int = 0, fields: dict[str, Field] | None = None) -> None:
        self.messages = messages
        self.fields = {} if fields is None else fields
        self._told = messages

    @classmethod
    def from_json(cls, learned: Mapping[str, Any]) -> "Shape":
        fields = {
            path: Field(
                set(each["types"]),
                each["seen"],
                each["absent"],
                set(each["options"]),
                tuple(each["gone"]) if each["gone"] else None,
                told=(each["seen"], each["absent"]),
            )
            for path, each in learned.get("fields", {}).items()
        }
        return cls(learned.get("messages", 0), fields)

    def as_json(self) -> dict[str, Any]:
        return {
            "messages": self.messages,
            "fields": {
                path: {
                    "types": sorted(each.types),
                    "seen": each.seen,
                    "absent": each.absent,
                    "options": sorted(each.options),
                    "gone": each.gone,
                }
                for path, each in self.fields.items()
            },
        }

    @property
    def untold(self) -> bool:
        """There is enough to tell the store: after 1, 2, 4, … and then every `LEARNED` messages."""
        return self.messages - self._told >= min(max(self._told, 1), LEARNED)

    def expect(self, mapping: CompiledMapping) -> None:
        """The mapping's paths and samples are known before the first message."""
        reads = reads_of(mapping)
        for path in reads.paths:
            self.fields.setdefault(path, Field())
        if mapping.folder is not None:
            for sample in read_samples(mapping):
                for path, (kind, _) in observed(sample.record, reads.whole).items():
                    self.fields.setdefault(path, Field()).types |= {kind} - {"null"}

    def look(self, record: Mapping[str, object], reads: Reads) -> list[Change]:
        """Takes the message in; what it has changed."""
        found = observed(record, reads.whole)
        learning = self.messages < LEARNED
        self.messages += 1
        new: list[str] = []
        hidden: list[str] = []
        changes: list[Change] = []
        for path, (kind, value) in found.items():
            known = self.fields.get(path)
            if known is None:
                (hidden if kind == "null" else new).append(path)
            if known is None or kind == "null":
                continue
            known.seen += 1
            if known.run:
                known.absent, known.run = known.absent + known.run, 0
            if kind not in known.types:
                changes += self._retyped(path, known, kind, reads, learning=learning)
            if path in reads.options:
                changes += _option(path, known, value, reads.options[path], learning=learning)
        gone = [path for path in self.fields if found.get(path, _NULL)[0] == "null"]
        absent = [path for path in gone if _is_expected(path, found)]
        changes += self._absent(absent, new, found, reads)
        renamed = {change.detail for change in changes if change.kind == "renamed"}
        for path in hidden:
            self._add(path, Field())
        for path in new:
            self._add(path, Field({found[path][0]}, seen=1))
            if not learning and path not in renamed:
                changes.append(Change("new", path))
        return changes

    def waits_for(self, record: Mapping[str, object], reads: Reads) -> list[Change]:
        """What a message seen before has to wait for, still or again. It teaches nothing a second time."""
        found = observed(record, reads.whole)
        changes = []
        for path, known in self.fields.items():
            kind = found.get(path, _NULL)[0]
            if not reads.touch(path):
                continue
            if kind == "null":
                if known.gone is not None and _is_expected(path, found):
                    changes.append(Change(*_named(known.gone, path), holds=True))
            elif known.types and kind not in known.types:
                changes.append(Change("retyped", path, kind, holds=True))
        return changes

    def _add(self, path: str, seen: Field) -> None:
        if len(self.fields) < MOST_FIELDS:
            self.fields[path] = seen

    @staticmethod
    def _retyped(path: str, known: Field, kind: Type, reads: Reads, *, learning: bool) -> list[Change]:
        """A type that the mapping has to cope with is learned only when somebody accepts it."""
        early = learning or not known.types or known.seen <= SETTLED
        change = Change("retyped", path, kind, holds=not early and reads.touch(path))
        if not change.holds:
            known.types.add(kind)
        return [] if early else [change]

    def _absent(
        self, absent: list[str], new: list[str], found: Mapping[str, tuple[Type, object]], reads: Reads
    ) -> list[Change]:
        first, changes = [], []
        for path in sorted(absent):
            known = self.fields[path]
            if known.gone is not None:
                # A mapping that does not read it any more is not held up.
                changes += [Change(*_named(known.gone, path), holds=True)] if reads.touch(path) else []
            elif not known.steady:
                known.absent += 1
            else:
                known.run += 1
                first.append(path)
        for path in first:
            beside = [each for each in new if _parent(each) == _parent(path)]
            if beside or self.fields[path].run >= GONE:
                changes.append(self._vanish(path, self._how(path, first, beside, found), reads))
        return changes

    def _how(
        self, path: str, absent: list[str], beside: list[str], found: Mapping[str, tuple[Type, object]]
    ) -> tuple[Kind, str]:
        """One gone and one new, of one type in one object, is a new name; else it would be a guess."""
        gone = [each for each in absent if _parent(each) == _parent(path)]
        if len(beside) == 1 and gone == [path] and found[beside[0]][0] in self.fields[path].types:
            return "renamed", beside[0]
        return "missing", ""

    def _vanish(self, path: str, gone: tuple[Kind, str], reads: Reads) -> Change:
        known = self.fields[path]
        change = Change(*_named(gone, path), holds=reads.touch(path))
        if change.holds:
            known.gone, known.run = gone, 0
        else:
            known.absent, known.run = known.absent + known.run, 0
        return change

    def absorb(self, other: "Shape", *, vanished: Iterable[Change] = ()) -> None:
        """Takes in what `other` has learned since it last told; of fields that are gone, only those named."""
        self.messages += other.messages - other._told
        for path, each in other.fields.items():
            mine = self.fields.setdefault(path, Field())
            mine.types |= each.types
            mine.options |= each.options
            mine.seen += each.seen - each.told[0]
            mine.absent += each.absent - each.told[1]
        for change in vanished:
            self.fields.setdefault(change.path, Field()).gone = (change.kind, change.detail)

    def adopt(self, stored: "Shape") -> None:
        """From now on this is known to be in the store."""
        for path, each in stored.fields.items():
            each.told = (each.seen, each.absent)
            each.run = self.fields[path].run if path in self.fields else 0
        self.messages = self._told = stored.messages
        self.fields = stored.fields

    def accept(self, change: Change) -> None:
        """The changed message is right from now on."""
        known = self.fields.setdefault(change.path, Field())
        if change.kind == "retyped":
            known.types.add(change.detail)  # type: ignore[arg-type]
        elif change.kind in ("missing", "renamed"):
            known.gone, known.absent = None, known.absent + 1


def _named(gone: tuple[Kind, str], path: str) -> tuple[Kind, str, str]:
    return gone[0], path, gone[1]


def _is_expected(path: str, found: Mapping[str, tuple[Type, object]]) -> bool:
    """The object that it belongs to is there; a list may always be empty."""
    return not path.endswith("[*]") and found.get(_parent(path), _NULL)[0] == "table"


def _parent(path: str) -> str:
    return path[:-3] if path.endswith("[*]") else path.rpartition(".")[0]


def _option(
    path: str, known: Field, value: object, listed: frozenset[str], *, learning: bool
) -> list[Change]:
    text = (text_of(value) or "").strip()
    if not text or text in listed or text in known.options or len(known.options) >= MOST_OPTIONS:
        return []
    known.options.add(text)
    return [] if learning else [Change("option", path, text)]
