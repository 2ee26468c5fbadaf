"""The plan: checked as a whole, indexed for the first hit."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

import configuration
from expressions import EvaluationError, Expression, place_of
from router.checks import PlanError, find_flaws, in_order
from router.model import LeadFacts, Rule, Salesperson
from router.reading import read_plan


@dataclass(frozen=True, slots=True)
class Route:
    """Where a lead belongs, before anybody's seat is looked at. `notes` tells of rules passed over."""

    rule: str | None
    pool: str
    people: tuple[Salesperson, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class RoutingPlan:
    rules: tuple[Rule, ...]
    people: tuple[Salesperson, ...]
    fallback_team: str | None = None

    def __post_init__(self) -> None:
        if flaws := list(find_flaws(self.rules, self.people, self.fallback_team)):
            raise PlanError(flaws)

    @classmethod
    def from_yaml(cls, source: Path | str, *, file: str = "routing.yaml") -> "RoutingPlan":
        """A path or the text itself. Raises ConfigurationError with file and line."""
        root = (
            configuration.load(source) if isinstance(source, Path) else configuration.parse(source, file=file)
        )
        return cls(*read_plan(root))

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> "RoutingPlan":
        """The same keys as in YAML; the inverse of as_dict()."""
        return cls.from_yaml(json.dumps(data, ensure_ascii=False, indent=1), file="routing plan")

    def as_dict(self) -> dict[str, object]:
        return {
            "people": [_entry(person) for person in self.people],
            "rules": [_entry(rule) for rule in self.rules],
            "fallback_team": self.fallback_team,
        }

    @cached_property
    def version(self) -> str:
        """Same content, same version."""
        text = json.dumps(self.as_dict(), ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def route(self, lead: LeadFacts) -> Route:
        """The first rule that hits, else the fallback team, else nobody."""
        notes: list[str] = []
        for rule in self._index.candidates(lead):
            if rule.when is None or _holds(rule.name, rule.when, lead, notes):
                return Route(rule.name, rule.rotation, self._members(rule), tuple(notes))
        if self.fallback_team is None:
            return Route(None, "", (), tuple(notes))
        return Route(None, f"team:{self.fallback_team}", self._teams[self.fallback_team], tuple(notes))

    def _members(self, rule: Rule) -> tuple[Salesperson, ...]:
        return self._teams[rule.team] if rule.team else tuple(self._by_id[person] for person in rule.people)

    @cached_property
    def _by_id(self) -> dict[str, Salesperson]:
        return {person.id: person for person in self.people}

    @cached_property
    def _teams(self) -> dict[str, tuple[Salesperson, ...]]:
        teams: dict[str, list[Salesperson]] = {}
        for person in sorted(self.people, key=lambda each: each.id):
            teams.setdefault(person.team, []).append(person)
        return {team: tuple(members) for team, members in teams.items()}

    @cached_property
    def _index(self) -> "_ColumnIndex":
        return _ColumnIndex(in_order(self.rules))


class _ColumnIndex:
    """Per column and value the rules that accept it, as bits of an integer: three lookups and ANDs leave the
    rules whose columns fit, lowest bit first. A value that no rule names fits the rules that take any.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules
        self._any = [0, 0, 0]
        self._named: list[dict[str, int]] = [{}, {}, {}]
        for column in range(3):
            for position, rule in enumerate(rules):
                if not rule.columns[column]:
                    self._any[column] |= 1 << position
        for column in range(3):
            for position, rule in enumerate(rules):
                for value in rule.columns[column]:
                    named = self._named[column]
                    named[value] = named.get(value, self._any[column]) | 1 << position

    def candidates(self, lead: LeadFacts) -> Iterator[Rule]:
        fitting = -1
        for column, value in enumerate((lead.region, lead.product_line, lead.level)):
            fitting &= self._named[column].get(value or "", self._any[column])
        while fitting:
            lowest = fitting & -fitting
            yield self._rules[lowest.bit_length() - 1]
            fitting ^= lowest


def _holds(name: str, when: Expression, lead: LeadFacts, notes: list[str]) -> bool:
    """A condition that fails on odd data does not hold up the lead; it is noted in the decision."""
    try:
        return when.test(lead.as_dict())
    except EvaluationError as error:
        place = place_of(error)
        where = f"（第 {place.column} 列：{place.expression}）" if place else ""
        notes.append(f"规则「{name}」无法判断，已跳过：{error.message_zh}{where}")
        return False


def _entry(item: Salesperson | Rule) -> dict[str, object]:
    """As a person would write it: what has its default is left out."""
    entry: dict[str, object] = {}
    for each in fields(item):
        value = getattr(item, each.name)
        if value == each.default:
            continue
        if isinstance(value, Expression):
            value = value.source
        entry[each.name] = sorted(value) if isinstance(value, frozenset) else value
    return entry
