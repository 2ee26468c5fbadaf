"""The rows of a mapping as they are written: its own, those it includes, and what overrides change."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from configuration import ConfigurationError, Node, Problems, did_you_mean, parse
from configuration.nodes import Entry
from expressions import ExpressionError, parse_path

KEYS = frozenset(
    {"mapping", "from", "to", "version", "format", "root", "namespaces", "include", "fields", "samples"}
)
OVERRIDE_KEYS = frozenset({"override", "version", "include", "fields", "remove", "samples"})
_INCLUDE_KEYS = frozenset({"mapping", "into", "from"})
_PART_KEYS = frozenset({"include", "fields", "remove"})
MAX_INCLUDES, MAX_ROWS = 20, 5_000
_TARGET = "write it like FCUSTOMERID.FNumber"


@dataclass(frozen=True, slots=True)
class Source:
    """The text of a mapping file, what messages call it, and where its sample files lie."""

    text: str
    file: str
    folder: Path | None = None
    version: str | None = None
    """The label of a published one; otherwise the file's own, or a digest of it."""
    overrides: tuple["Source", ...] = ()
    """What lies over it wherever it is included."""


Find = Callable[[str], Source]
"""A mapping by its name; raises LookupError."""


@dataclass(frozen=True, slots=True)
class Line:
    """One row as written. It reads from the record `base` leads to; `rows` are those of a list."""

    keys: tuple[str, ...]
    fields: Node
    entry: Entry
    base: tuple[str, ...] = ()
    rows: tuple["Line", ...] | None = None

    @property
    def target(self) -> str:
        return ".".join(self.keys)

    @property
    def node(self) -> Node:
        return self.entry.value

    @property
    def is_list(self) -> bool:
        return self.node.kind == "mapping" and self.node.get("each") is not None

    def error(self, message: str, *, remedy: str) -> ConfigurationError:
        return self.fields.key_error(self.entry.key, message, remedy=remedy)

    def seen_from(self, other: "Line") -> str:
        """Where this line is, as a message about the other line says it."""
        line = f"line {self.entry.line}"
        return line if self.fields.file == other.fields.file else f"{line} of {self.fields.file}"


@dataclass(frozen=True, slots=True)
class _Here:
    """The mappings that include each other, outermost first; the list or target that is being filled, as
    `Entries[*].`; where to note the targets that an override changes."""

    chain: tuple[tuple[str, Node], ...]
    touched: set[str]
    place: str = ""

    def at(self, place: str) -> "_Here":
        return replace(self, place=f"{self.place}{place}")


@dataclass(slots=True)
class Lines:
    """Reads files into lines. `included` and `below` tell afterwards what was found on the way.

    `below`: targets that overrides of what is included have changed.
    """

    find: Find
    problems: Problems = field(default_factory=Problems)
    included: dict[str, Source] = field(default_factory=dict)
    below: set[str] = field(default_factory=set)
    _documents: dict[str, tuple[Node, ...]] = field(default_factory=dict)
    _count: int = 0

    def read(self, document: Node) -> tuple[Line, ...]:
        name = document.required("mapping")
        return tuple(self._within(document, _Here(((name.text(), name),), set())))

    def override(self, lines: Sequence[Line], document: Node) -> tuple[tuple[Line, ...], set[str]]:
        """The lines as the override leaves them, and the targets that it changes."""
        name = document.required("override")
        here = _Here(((name.text(), name),), set())
        return self._layered(lines, document, here), here.touched

    def check(self, lines: Sequence[Line]) -> None:
        """Each target is filled once."""
        whole: dict[tuple[str, ...], Line] = {}
        above: dict[tuple[str, ...], Line] = {}
        for line in lines:
            with self.problems.collecting():
                _refuse_clash(line, whole, above)
            whole[line.keys] = line
            for size in range(1, len(line.keys)):
                above.setdefault(line.keys[:size], line)
            self.check(line.rows or ())

    def _within(self, table: Node, here: _Here) -> Iterator[Line]:
        """What stands first, `include` or `fields`, comes first."""
        for entry in table.entries:
            with self.problems.collecting():
                if entry.key == "include":
                    nodes = entry.value.items if entry.value.kind == "sequence" else (entry.value,)
                    for node in nodes:
                        yield from self._include(node, here)
                elif entry.key == "fields":
                    yield from self._own(entry.value, here)

    def _own(self, fields: Node, here: _Here) -> Iterator[Line]:
        if not fields.mapping():
            self.problems.add(fields.error("no fields", remedy="add a line 'target: source'"))
        for entry in fields.entries:
            with self.problems.collecting():
                line = Line(_keys(fields, entry.key), fields, entry)
                self._count += 1
                inside = here.at(f"{line.target}[*].")
                yield replace(line, rows=tuple(self._within(line.node, inside))) if line.is_list else line

    def _include(self, node: Node, here: _Here) -> Iterator[Line]:
        node, into, base = _read_include(node)
        name = node.text()
        for known, place in here.chain:
            if known == name:
                way = " → ".join([*(each for each, _ in here.chain), name])
                raise node.error(
                    f"'{name}' includes itself: {way}",
                    remedy=f"remove this line, or the one at {place.file}:{place.line}",
                )
        if len(here.chain) > MAX_INCLUDES:
            raise node.error(f"more than {MAX_INCLUDES} mappings inside each other", remedy="include fewer")
        if self._count > MAX_ROWS:
            raise node.error(f"more than {MAX_ROWS:,} rows with all that is included", remedy="include fewer")
        document, *overrides = self._layers(name, node)
        inside = _Here((*here.chain, (name, node)), self.below, here.place).at(
            "".join(f"{key}." for key in into)
        )
        lines = tuple(self._within(document, inside))
        for each in overrides:
            lines = self._layered(lines, each, inside)
        for line in lines:
            yield replace(line, keys=(*into, *line.keys), base=(*base, *line.base))

    def _layers(self, name: str, node: Node) -> tuple[Node, ...]:
        """An included mapping and what lies over it."""
        if name in self._documents:
            return self._documents[name]
        try:
            source = self.included[name] = self.find(name)
        except LookupError as error:
            raise node.error(
                f"cannot include '{name}': {error}", remedy="write the name of a mapping"
            ) from error
        document = parse(source.text, file=source.file)
        document.only(KEYS)
        overrides = (read_override(each, name) for each in source.overrides)
        return self._documents.setdefault(name, (document, *overrides))

    def _layered(self, lines: Sequence[Line], table: Node, here: _Here) -> tuple[Line, ...]:
        found = list(lines)
        removed = table.get("remove")
        for node in removed.sequence() if removed else ():
            with self.problems.collecting():
                found = self._without(found, node, _path(node), here)
        for line in self._within(table, here):
            with self.problems.collecting():
                self._put(found, line, here)
        return tuple(found)

    def _put(self, found: list[Line], line: Line, here: _Here) -> None:
        """In the place of the row with this target, or at the end."""
        old = next((n for n, each in enumerate(found) if each.keys == line.keys), None)
        if _is_part(line):
            if old is None or found[old].rows is None:
                lists = [each.target for each in found if each.rows is not None]
                raise line.error(
                    f"'{line.target}' is no list of the mapping",
                    remedy=did_you_mean(line.target, lists) or "add 'each: …', or name a list of the mapping",
                )
            line.node.only(_PART_KEYS)
            inner = self._layered(found[old].rows or (), line.node, here.at(f"{line.target}[*]."))
            found[old] = replace(found[old], rows=inner)
            return
        here.touched.add(f"{here.place}{line.target}")
        found[len(found) if old is None else old : len(found) if old is None else old + 1] = [line]

    def _without(self, lines: list[Line], node: Node, keys: tuple[str, ...], here: _Here) -> list[Line]:
        for position, line in enumerate(lines):
            size = len(line.keys)
            if line.rows is not None and size < len(keys) and line.keys == keys[:size]:
                inner = self._without(list(line.rows), node, keys[size:], here.at(f"{line.target}[*]."))
                return [*lines[:position], replace(line, rows=tuple(inner)), *lines[position + 1 :]]
        kept = [line for line in lines if line.keys[: len(keys)] != keys]
        if len(kept) == len(lines):
            written = ".".join(keys)
            advice = did_you_mean(written, [line.target for line in lines])
            raise node.error(
                f"nothing to remove: no target '{here.place}{written}'", remedy=advice or "remove this line"
            )
        here.touched.update(f"{here.place}{line.target}" for line in lines if line not in kept)
        return kept


def read_override(source: Source, name: str) -> Node:
    """A file that says it overrides the mapping `name`. Raises ConfigurationError."""
    document = parse(source.text, file=source.file)
    document.only(OVERRIDE_KEYS)
    meant = document.required("override")
    if meant.text() != name:
        advice = did_you_mean(meant.text(), [name]) or f"write 'override: {name}'"
        raise meant.error(f"this file overrides '{meant.text()}', not '{name}'", remedy=advice)
    return document


def _read_include(node: Node) -> tuple[Node, tuple[str, ...], tuple[str, ...]]:
    """The name, the target its rows go into, and the record they read from."""
    if node.kind != "mapping":
        return node, (), ()
    node.only(_INCLUDE_KEYS)
    into, base = node.get("into"), node.get("from")
    return node.required("mapping"), _path(into) if into else (), _record(base) if base else ()


def _record(node: Node) -> tuple[str, ...]:
    try:
        steps = parse_path(node.text()).steps
    except ExpressionError as error:
        raise node.error(error.message, remedy=error.remedy, offset=error.column - 1) from error
    names = tuple(step for step in steps if isinstance(step, str))
    if len(names) < len(steps) or names[0] in ("this", "parent"):
        raise node.error(
            f"'{node.text()}' is not one record",
            remedy="write a path of names, or 'include:' inside an each: for lists",
        )
    return names


def _is_part(line: Line) -> bool:
    """Rows for a list of the mapping below, not a list of their own."""
    return line.node.kind == "mapping" and not line.is_list and any(map(line.node.get, _PART_KEYS))


def _path(node: Node) -> tuple[str, ...]:
    keys = _split(node.text())
    if not all(keys):
        raise node.error(f"'{node.text()}' is not a target", remedy=_TARGET)
    return tuple(key.removesuffix("[*]") for key in keys)


def _split(target: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in target.split("."))


def _keys(fields: Node, target: str) -> tuple[str, ...]:
    keys = _split(target)
    if not all(keys):
        raise fields.key_error(target, f"'{target}' is not a target", remedy=_TARGET)
    if "[" in target or "]" in target:
        raise fields.key_error(
            target, f"'{target}' has a bracket", remedy="write a list with each: and fields:"
        )
    return keys


def _refuse_clash(
    line: Line, whole: Mapping[tuple[str, ...], Line], above: Mapping[tuple[str, ...], Line]
) -> None:
    """`whole`: the targets that are filled; `above`: the objects around them."""
    if (same := whole.get(line.keys)) is not None:
        raise line.error(
            f"target '{line.entry.key}' is repeated",
            remedy=f"it is already in {same.seen_from(line)}; keep one",
        )
    for size in range(1, len(line.keys) + 1):
        keys = line.keys[:size]
        other = whole.get(keys) or (above.get(keys) if size == len(line.keys) else None)
        if other is not None:
            raise _value_and_object(line, other, ".".join(keys))


def _value_and_object(line: Line, other: Line, target: str) -> ConfigurationError:
    below = max(line.keys, other.keys, key=len)[target.count(".") + 1]
    if below.startswith("@"):
        return line.error(
            f"'{target}' has attributes and a text", remedy=f"write the text as '{target}.#text'"
        )
    return line.error(
        f"'{target}' is a value and an object at once",
        remedy=f"{other.seen_from(line)} fills '{other.target}'; keep one of them",
    )
