"""What a connection is given: mappings by name, with the code tables of the hub."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from domain.faults import MissingCode, Unmappable
from domain.ports import Translated
from expressions.values import text_of
from mappings import library
from mappings.mapping import CompiledMapping
from mappings.problems import MappingProblem
from mappings.tables import NO_TABLES, CodeTable, both_ways, layered

NO_ROWS: Mapping[str, Mapping[str, str]] = MappingProxyType({})


Watch = Callable[[CompiledMapping, Mapping[str, object]], None]


def unwatched(mapping: CompiledMapping, record: Mapping[str, object]) -> None:
    """Nobody looks."""


class Translator:
    """Implements domain.ports.Translator over the shipped files, or over what `load` finds."""

    def __init__(
        self,
        tables: Mapping[str, CodeTable] = NO_TABLES,
        *,
        load: Callable[[str], CompiledMapping] = library.load,
        watch: Watch = unwatched,
    ) -> None:
        """`watch` sees every record before it is translated, and may raise Unmappable."""
        self._tables = tables
        self._load = load
        self._watch = watch

    def translate(
        self,
        mapping: str,
        record: Mapping[str, object],
        *,
        tables: Mapping[str, Mapping[str, str]] = NO_ROWS,
    ) -> Translated[dict[str, object]]:
        compiled = self._load(mapping)
        self._watch(compiled, record)
        known = layered(self._tables, both_ways(tables)) if tables else self._tables
        try:
            data = compiled.apply_or_raise(record, tables=known)
        except MappingProblem as error:
            raise Unmappable(
                [problem.message_zh for problem in error.problems],
                lacks=[
                    MissingCode(problem.table, text_of(problem.value) or "")
                    for problem in error.problems
                    if problem.table is not None
                ],
            ) from error
        return Translated(data, f"{compiled.name}@{compiled.version}")
