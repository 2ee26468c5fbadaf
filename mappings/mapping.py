import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import expressions
from configuration import Node, Problems, parse
from mappings.compiler import compile_rows
from mappings.lines import KEYS, Find, Lines, Source, read_override
from mappings.markup import read_markup
from mappings.problems import MappingProblem, Problem
from mappings.rows import Constant, Row, all_rows, read_rows
from mappings.shipped import source as shipped
from mappings.tables import NO_TABLES, CodeTable

NO_SOURCES: Mapping[str, Source] = MappingProxyType({})
_SAMPLE_KEYS = {"name", "in", "out", "tables", "problems"}


class Mapped(NamedTuple):
    data: dict[str, object]
    problems: list[Problem]


# What Mapped(…) does, without its call of Python code: it is on the way of every record.
_mapped: Callable[[tuple[dict[str, object], list[Problem]]], Mapped] = partial(tuple.__new__, Mapped)


@dataclass(frozen=True, slots=True)
class TraceStep:
    label: str
    value: object


@dataclass(slots=True)
class FieldTrace:
    """How one target got its value: the steps in their order; no result where the target was left out."""

    target: str
    source: str
    steps: list[TraceStep] = field(default_factory=list)
    result: object = None
    problem: Problem | None = None

    def step(self, label: str, value: object) -> None:
        self.steps.append(TraceStep(label, value))

    def done(self, value: object) -> None:
        self.result = value

    def fail(self, problem: Problem) -> None:
        self.problem = problem


class _Traces:
    def __init__(self) -> None:
        self.found: list[FieldTrace] = []

    def open(self, row: Row, indexes: Sequence[int]) -> FieldTrace:
        target, source = row.target, row.shown_source
        for index in indexes:
            target, source = (text.replace("[*]", f"[{index}]", 1) for text in (target, source))
        self.found.append(FieldTrace(target, source))
        return self.found[-1]


class CompiledMapping:
    """One mapping file, with what it includes and what overrides it, checked and compiled. Never changes."""

    def __init__(
        self,
        document: Node,
        rows: tuple[Row, ...],
        *,
        version: str,
        folder: Path | None,
        overrides: Sequence[Node] = (),
        includes: Mapping[str, Source] = NO_SOURCES,
        touched: Sequence[Set[str]] = (),
        below: Set[str] = frozenset(),
    ) -> None:
        """`touched`: the targets that each override changes; `below`: those that overrides of what is
        included have changed."""
        self.name = document.required("mapping").text()
        self.version = version
        self.source = document.required("from").text()
        self.target = document.required("to").text()
        self.file = document.file
        self.folder = folder
        self.document = document
        self.root = document.string("root")
        self.overrides = tuple(overrides)
        self.includes = includes
        self.touched = frozenset[str]().union(*touched)
        self.untested = tuple(_untested(touched, below))
        self.rows = rows
        self.samples = tuple(
            (sample, layer)
            for layer, each in enumerate((document, *overrides))
            for sample in _read_samples(each)
        )
        self.tables = frozenset(row.lookup for row in all_rows(self.rows) if row.lookup is not None)
        self._apply, self.code = compile_rows(self.rows, name=f"mapping {self.name}")

    def __repr__(self) -> str:
        return f"CompiledMapping({self.name!r}, version={self.version!r})"

    def apply(self, record: Mapping[str, object], *, tables: Mapping[str, CodeTable] = NO_TABLES) -> Mapped:
        problems: list[Problem] = []
        return _mapped((self._apply(record, tables, problems), problems))

    def apply_or_raise(
        self, record: Mapping[str, object], *, tables: Mapping[str, CodeTable] = NO_TABLES
    ) -> dict[str, object]:
        mapped = self.apply(record, tables=tables)
        if mapped.problems:
            raise MappingProblem(self.name, mapped.problems)
        return mapped.data

    def explain(
        self, record: Mapping[str, object], *, tables: Mapping[str, CodeTable] = NO_TABLES
    ) -> list[FieldTrace]:
        traces = _Traces()
        self._explain(record, tables, [], traces)
        return traces.found

    @cached_property
    def _explain(self) -> Callable[..., dict[str, object]]:
        return compile_rows(self.rows, name=f"explain {self.name}", trace=True)[0]

    @cached_property
    def paths(self) -> frozenset[str]:
        """What the mapping reads, as written in its rows."""
        return frozenset(
            path
            for row in all_rows(self.rows)
            if not isinstance(row.source, Constant)
            for path in _paths(row)
        )


def _paths(row: Row) -> frozenset[str]:
    found = row.source.paths if isinstance(row.source, expressions.Expression) else {row.shown_source}
    for condition in (row.when, row.where):
        found = found | (condition.paths if condition else frozenset())
    return frozenset(found)


def compile_mapping(
    text: str,
    *,
    file: str,
    folder: Path | None = None,
    version: str | None = None,
    overrides: Sequence[Source] = (),
    find: Find = shipped,
) -> CompiledMapping:
    """Each override changes what is below it. `find` gives the mappings that are included.

    `version`: the label of a published one; otherwise the file's own, or a digest of it.
    """
    base = Source(text, file, folder, version)
    document, *above = _documents(base, overrides)
    lines = Lines(find)
    rows, touched = _rows(lines, document, above)
    versions = [_version(base, document) + _including(lines.included), *map(_version, overrides, above)]
    return CompiledMapping(
        document,
        rows,
        version="+".join(versions),
        folder=folder,
        overrides=above,
        includes=lines.included,
        touched=touched,
        below=lines.below,
    )


def _untested(touched: Sequence[Set[str]], below: Set[str]) -> Iterator[frozenset[str]]:
    """Of each layer, the targets that its samples do not speak for: what a layer above it has changed, or an
    override of what is included, unless it has settled that itself."""
    for layer in range(len(touched) + 1):
        settled = frozenset[str]().union(*touched[:layer])
        yield frozenset(below - settled).union(*touched[layer:])


def _rows(
    lines: Lines, document: Node, overrides: Iterable[Node]
) -> tuple[tuple[Row, ...], Sequence[Set[str]]]:
    rows: tuple[Row, ...] = ()
    touched: list[Set[str]] = []
    with lines.problems.collecting():
        written = lines.read(document)
        for each in overrides:
            written, changed = lines.override(written, each)
            touched.append(changed)
        lines.check(written)
        rows = read_rows(written, problems=lines.problems)
        if (markup := read_markup(document)) is not None:
            markup.check(written, lines.problems)
            rows = markup.rows(rows)
    lines.problems.raise_if_any()
    return rows, touched


def _documents(base: Source, overrides: Iterable[Source]) -> Iterator[Node]:
    document = parse(base.text, file=base.file)
    if document.get("override") is not None:
        raise document.key_error(
            "override", "this file changes another mapping", remedy="give it as an override of that mapping"
        )
    document.only(KEYS)
    for key in ("mapping", "from", "to", *(() if document.get("include") else ("fields",))):
        document.required(key)
    yield document
    name = document.required("mapping").text()
    for each in overrides:
        yield read_override(each, name)


def _version(source: Source, document: Node) -> str:
    own = document.get("version")
    written = _digest(source.text) if own is None else str(own.value())
    return source.version or written


def _including(included: Mapping[str, Source]) -> str:
    """The version of a file says nothing about those that it includes."""
    versions = [
        f"{name}@{'+'.join(each.version or _digest(each.text) for each in (source, *source.overrides))}"
        for name, source in sorted(included.items())
    ]
    return f"-{_digest(' '.join(versions))[:6]}" if versions else ""


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _read_samples(document: Node) -> tuple[Node, ...]:
    node = document.get("samples")
    samples = tuple(node.sequence()) if node else ()
    problems = Problems()
    for sample in samples:
        with problems.collecting():
            sample.only(_SAMPLE_KEYS)
            sample.required("in")
            sample.required("out")
    problems.raise_if_any()
    return samples
