"""Two versions of a mapping beside each other over the same records: what would come out differently."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hub.reruns import Given
from mappings import CodeTable, CompiledMapping, Problem, both_ways
from mappings.tables import layered

EXAMPLES = 3
ABSENT = object()
_INDEX = re.compile(r"\[\d+\]")


@dataclass(slots=True)
class Example:
    """`before` and `after`: None where the field is absent."""

    subject: str
    before: object
    after: object


@dataclass(slots=True)
class Change:
    """One field, or one kind of problem in a field, and how many records show it."""

    name: str
    records: int = 0
    examples: list[Example] = field(default_factory=list)

    def add(self, example: Example) -> None:
        self.records += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append(example)


@dataclass(slots=True)
class MappingDiff:
    before: str
    after: str
    records: int = 0
    changed_records: int = 0
    fields: dict[str, Change] = field(default_factory=dict)
    new_problems: dict[str, Change] = field(default_factory=dict)
    resolved_problems: dict[str, Change] = field(default_factory=dict)
    skipped: Mapping[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {
            "before": self.before,
            "after": self.after,
            "records": self.records,
            "changed_records": self.changed_records,
            "fields": _listed(self.fields),
            "new_problems": _listed(self.new_problems),
            "resolved_problems": _listed(self.resolved_problems),
            "skipped": dict(self.skipped),
        }


def _listed(changes: Mapping[str, Change]) -> list[dict[str, Any]]:
    """The most frequent first."""
    return [
        {
            "name": each.name,
            "records": each.records,
            "examples": [
                {"subject": one.subject, "before": one.before, "after": one.after} for one in each.examples
            ],
        }
        for each in sorted(changes.values(), key=lambda change: (-change.records, change.name))
    ]


def compare(
    before: CompiledMapping,
    after: CompiledMapping,
    records: Iterable[Given],
    *,
    tables: Mapping[str, CodeTable],
) -> MappingDiff:
    """`tables`: the hub's, which come before those of a connection."""
    found = MappingDiff(f"{before.name}@{before.version}", f"{after.name}@{after.version}")
    for given in records:
        known = layered(tables, both_ways(given.tables))
        old, new = (mapping.apply(given.record, tables=known) for mapping in (before, after))
        changed = _fields(found, given.subject, old.data, new.data)
        changed |= _problems(found, given.subject, old.problems, new.problems)
        found.records += 1
        found.changed_records += changed
    return found


def _fields(found: MappingDiff, subject: str, old: object, new: object) -> bool:
    """A field that differs in several lines of one record counts once."""
    before, after = dict(_leaves("", old)), dict(_leaves("", new))
    seen = set()
    for place in dict.fromkeys([*before, *after]):
        pair = before.get(place, ABSENT), after.get(place, ABSENT)
        name = _INDEX.sub("[*]", place)
        if name not in seen and not _same(*pair):
            seen.add(name)
            shown = [None if value is ABSENT else value for value in pair]
            found.fields.setdefault(name, Change(name)).add(Example(subject, *shown))
    return bool(seen)


def _leaves(place: str, value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _leaves(f"{place}.{key}" if place else str(key), inner)
    elif isinstance(value, list) and value:
        for number, inner in enumerate(value):
            yield from _leaves(f"{place}[{number}]", inner)
    else:
        yield place, value


def _same(old: object, new: object) -> bool:
    """As the vendor would see it: 1.5 and 1.50 differ, and so do 1 and "1"."""
    return type(old) is type(new) and (old is new or str(old) == str(new))


def _problems(found: MappingDiff, subject: str, old: list[Problem], new: list[Problem]) -> bool:
    before, after = ({_named(each): each.message_zh for each in problems} for problems in (old, new))
    for name in after.keys() - before.keys():
        found.new_problems.setdefault(name, Change(name)).add(Example(subject, None, after[name]))
    for name in before.keys() - after.keys():
        found.resolved_problems.setdefault(name, Change(name)).add(Example(subject, before[name], None))
    return before.keys() != after.keys()


def _named(problem: Problem) -> str:
    return f"{problem.kind} {_INDEX.sub('[*]', problem.target)}"
