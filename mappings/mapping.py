import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import expressions
from configuration import Node, Problems, parse
from mappings.compiler import compile_rows
from mappings.problems import MappingProblem, Problem
from mappings.rows import Constant, Row, all_rows, read_rows
from mappings.tables import NO_TABLES, CodeTable

_KEYS = {"mapping", "from", "to", "version", "fields", "samples"}
_SAMPLE_KEYS = {"name", "in", "out", "tables", "problems"}


class Mapped(NamedTuple):
    data: dict[str, object]
    problems: list[Problem]


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
    """One mapping file, checked and compiled. Never changes."""

    def __init__(self, document: Node, *, version: str, folder: Path | None) -> None:
        self.name = document.required("mapping").text()
        self.version = version
        self.source = document.required("from").text()
        self.target = document.required("to").text()
        self.file = document.file
        self.folder = folder
        self.rows = read_rows(document.required("fields"))
        self.samples = _read_samples(document)
        self.tables = frozenset(row.lookup for row in all_rows(self.rows) if row.lookup is not None)
        self._apply, self.code = compile_rows(self.rows, name=f"mapping {self.name}")

    def __repr__(self) -> str:
        return f"CompiledMapping({self.name!r}, version={self.version!r})"

    def apply(self, record: Mapping[str, object], *, tables: Mapping[str, CodeTable] = NO_TABLES) -> Mapped:
        problems: list[Problem] = []
        return Mapped(self._apply(record, tables, problems), problems)

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


def compile_mapping(text: str, *, file: str, folder: Path | None = None) -> CompiledMapping:
    document = parse(text, file=file)
    document.only(_KEYS)
    version = document.get("version")
    written = hashlib.sha256(text.encode()).hexdigest()[:12] if version is None else str(version.value())
    return CompiledMapping(document, version=written, folder=folder)


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
