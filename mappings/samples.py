"""`samples:` of a mapping file: what goes in and what must come out."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import cast

from configuration import Node
from mappings.mapping import CompiledMapping
from mappings.tables import both_ways


@dataclass(frozen=True, slots=True)
class SampleFailure:
    mapping: str
    sample: str
    differences: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.mapping}, sample {self.sample}: " + "; ".join(self.differences)


def check_samples(mapping: CompiledMapping) -> list[SampleFailure]:
    found = ((sample, _differences(mapping, sample)) for sample in mapping.samples)
    return [
        SampleFailure(mapping.name, _name(sample), tuple(differences))
        for sample, differences in found
        if differences
    ]


def _name(sample: Node) -> str:
    source = sample.required("in")
    return sample.string("name", default=source.text() if source.kind == "text" else f"in line {sample.line}")


def _differences(mapping: CompiledMapping, sample: Node) -> list[str]:
    tables = sample.get("tables")
    rows = cast("Mapping[str, Mapping[str, str]]", tables.value() if tables else {})
    mapped = mapping.apply(
        cast("Mapping[str, object]", _data(mapping, sample.required("in"))), tables=both_ways(rows)
    )
    expected = sample.get("problems")
    wanted = [item.text() for item in expected.sequence()] if expected else []
    problems = [f"{problem.kind} {problem.target}" for problem in mapped.problems]
    found = list(_compare("", _data(mapping, sample.required("out")), mapped.data))
    if sorted(problems) != sorted(wanted):
        found.append(f"problems: expected {sorted(wanted)}, found {sorted(problems)}")
    return found


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


def _compare(place: str, expected: object, found: object) -> list[str]:
    if isinstance(expected, dict) and isinstance(found, dict):
        keys = dict.fromkeys([*expected, *found])
        parts = [_compare(f"{place}.{key}".lstrip("."), expected.get(key), found.get(key)) for key in keys]
        return [difference for part in parts for difference in part]
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        parts = [_compare(f"{place}[{n}]", *pair) for n, pair in enumerate(zip(expected, found, strict=True))]
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
