"""What a connection is given: mappings by name, with the code tables of the hub."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from domain.faults import Unmappable
from domain.ports import Translated
from mappings import library
from mappings.mapping import CompiledMapping
from mappings.problems import MappingProblem
from mappings.tables import NO_TABLES, CodeTable, both_ways

NO_ROWS: Mapping[str, Mapping[str, str]] = MappingProxyType({})


class Translator:
    """Implements domain.ports.Translator over the shipped files, or over what `load` finds."""

    def __init__(
        self,
        tables: Mapping[str, CodeTable] = NO_TABLES,
        *,
        load: Callable[[str], CompiledMapping] = library.load,
    ) -> None:
        self._tables = tables
        self._load = load

    def translate(
        self,
        mapping: str,
        record: Mapping[str, object],
        *,
        tables: Mapping[str, Mapping[str, str]] = NO_ROWS,
    ) -> Translated[dict[str, object]]:
        compiled = self._load(mapping)
        known = {**both_ways(tables), **self._tables} if tables else self._tables
        try:
            data = compiled.apply_or_raise(record, tables=known)
        except MappingProblem as error:
            raise Unmappable([problem.message_zh for problem in error.problems]) from error
        return Translated(data, f"{compiled.name}@{compiled.version}")
