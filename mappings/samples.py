"""`samples:` of a mapping file: what goes in and what must come out."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import cast

from configuration import Node
from mappings.mapping import CompiledMapping, Mapped
from mappings.problems import Problem
from mappings.tables import CodeTable, both_ways


@dataclass(frozen=True, slots=True)
class SampleFailure:
    mapping: str
    sample: str
    differences: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.mapping}, sample {self.sample}: " + "; ".join(self.differences)


@dataclass(frozen=True, slots=True)
class Sample:
    """What goes in, with which code tables, and what must come out; a problem is written `kind target`.

    `ignored`: targets that an override changes, in a sample that stands below it or includes what it changes.
    """

    name: str
    record: Mapping[str, object]
    out: Mapping[str, object]
    problems: tuple[str, ...]
    tables: Mapping[str, CodeTable]
    ignored: frozenset[str] = frozenset()


def read_samples(mapping: CompiledMapping) -> list[Sample]:
    return [_read(mapping, node, mapping.untested[layer]) for node, layer in mapping.samples]


def check_samples(mapping: CompiledMapping) -> list[SampleFailure]:
    return [
        SampleFailure(mapping.name, sample.name, tuple(found))
        for sample in read_samples(mapping)
        if (found := differences(sample, mapping.apply(sample.record, tables=sample.tables)))
    ]


def _read(mapping: CompiledMapping, node: Node, ignored: frozenset[str]) -> Sample:
    source, tables, problems = node.required("in"), node.get("tables"), node.get("problems")
    rows = cast("Mapping[str, Mapping[str, str]]", tables.value() if tables else {})
    return Sample(
        node.string("name", default=source.text() if source.kind == "text" else f"in line {node.line}"),
        cast("Mapping[str, object]", _data(mapping, source)),
        cast("Mapping[str, object]", _data(mapping, node.required("out"))),
        tuple(sorted(item.text() for item in problems.sequence())) if problems else (),
        both_ways(rows),
        ignored,
    )


def shown(problems: Iterable[Problem]) -> list[str]:
    return sorted(f"{problem.kind} {problem.target}" for problem in problems)


def differences(sample: Sample, mapped: Mapped) -> list[str]:
    out, data = sample.out, cast("Mapping[str, object]", mapped.data)
    for target in sample.ignored:
        out, data = _without(out, target), _without(data, target)
    found = compare("", out, data)
    told, expected = (_about(each, sample) for each in (shown(mapped.problems), sample.problems))
    if told != expected:
        found.append(f"problems: expected {expected}, found {told}")
    return found


def _about(problems: Iterable[str], sample: Sample) -> list[str]:
    return [each for each in problems if re.sub(r"\[\d+\]", "[*]", each.split()[1]) not in sample.ignored]


def _without(data: Mapping[str, object], target: str) -> dict[str, object]:
    """A copy that lacks `Entries[*].Sku`, and the objects that are empty then."""
    key, dot, rest = target.partition(".")
    name = key.removesuffix("[*]")
    value = data.get(name)
    inner: object = None
    if dot and isinstance(value, list):
        inner = [_without(each, rest) if isinstance(each, dict) else each for each in value]
    elif dot and isinstance(value, dict):
        inner = _without(value, rest) or None
    kept = {each: held for each, held in data.items() if each != name}
    return kept if inner is None else {**kept, name: inner}


def _data(mapping: CompiledMapping, node: Node) -> object:
    """Data written in place, or a JSON file beside the mapping."""
    if node.kind != "text":
        return node.value()
    if mapping.folder is None:
        raise node.error("sample files need a folder", remedy="write the data in place")
    try:
        text = (mapping.folder / node.text()).read_text(encoding="utf-8")
        return cast("object", json.loads(text, parse_float=Decimal))
    except (OSError, ValueError) as error:
        raise node.error(
            f"cannot read sample '{node.text()}': {error}", remedy="is it JSON in UTF-8?"
        ) from error


def compare(place: str, expected: object, found: object) -> list[str]:
    """The differences, each with its place; absent and null are the same."""
    if isinstance(expected, dict) and isinstance(found, dict):
        keys = dict.fromkeys([*expected, *found])
        parts = [compare(f"{place}.{key}".lstrip("."), expected.get(key), found.get(key)) for key in keys]
        return [difference for part in parts for difference in part]
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        parts = [compare(f"{place}[{n}]", *pair) for n, pair in enumerate(zip(expected, found, strict=True))]
        return [difference for part in parts for difference in part]
    return [] if _same(expected, found) else [f"{place or 'all'}: expected {expected!r}, found {found!r}"]


def _same(expected: object, found: object) -> bool:
    """Dates are written as ISO texts; 1.50 and "1.50" both stand for the number 1.50."""
    if isinstance(expected, bool) or isinstance(found, bool):
        return expected is found
    if isinstance(found, date) and isinstance(expected, str):
        return found.isoformat() == expected
    if isinstance(found, Decimal) and isinstance(expected, str):
        return str(found) == expected
    return expected == found
