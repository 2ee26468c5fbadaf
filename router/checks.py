"""What can be wrong with a plan as a whole. Positions let the reader of a file point at the line."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from configuration import did_you_mean
from router.model import Rule, Salesperson


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with a plan: in `people` or `rules` the entry at `position`, under `key`."""

    part: str
    position: int
    key: str
    message: str
    remedy: str


class PlanError(ValueError):
    """The plan would not do what it says."""

    def __init__(self, flaws: Sequence[Flaw]) -> None:
        self.flaws = tuple(flaws)
        super().__init__("; ".join(f"{flaw.message} ({flaw.remedy})" for flaw in flaws))


def in_order(rules: Sequence[Rule]) -> list[Rule]:
    return sorted(rules, key=lambda rule: rule.order or 0)


def find_flaws(
    rules: Sequence[Rule], people: Sequence[Salesperson], fallback_team: str | None
) -> Iterator[Flaw]:
    teams = {person.team for person in people}
    yield from _flaws_of_people(people)
    yield from _flaws_of_names(rules)
    yield from _flaws_of_targets(rules, teams, {person.id for person in people})
    yield from list(_flaws_of_order(rules)) or _unreachable(rules)
    if fallback_team is not None and fallback_team not in teams:
        yield Flaw("", 0, "fallback_team", *_unknown("team", fallback_team, teams))


def _flaws_of_people(people: Sequence[Salesperson]) -> Iterator[Flaw]:
    seen: set[str] = set()
    for position, person in enumerate(people):
        if person.id in seen:
            yield Flaw("people", position, "id", f"person '{person.id}' is there twice", "keep one")
        if person.weight <= 0:
            advice = "write 1 or more; 'active: false' takes somebody out"
            yield Flaw("people", position, "weight", f"weight of '{person.id}' must be positive", advice)
        if person.capacity < 0:
            yield Flaw("people", position, "capacity", "capacity cannot be negative", "write 0 or more")
        seen.add(person.id)


def _flaws_of_names(rules: Sequence[Rule]) -> Iterator[Flaw]:
    seen: set[str] = set()
    for position, rule in enumerate(rules):
        if rule.name in seen:
            yield Flaw("rules", position, "name", f"two rules are named '{rule.name}'", "rename one")
        seen.add(rule.name)


def _flaws_of_targets(rules: Sequence[Rule], teams: set[str], ids: set[str]) -> Iterator[Flaw]:
    for position, rule in enumerate(rules):
        if rule.team and rule.people:
            message = f"rule '{rule.name}' names a team and people"
            yield Flaw("rules", position, "people", message, "keep one of the two")
        elif not rule.team and not rule.people:
            yield Flaw(
                "rules", position, "name", f"rule '{rule.name}' names nobody", "add 'team' or 'people'"
            )
        if rule.team and rule.team not in teams:
            yield Flaw("rules", position, "team", *_unknown("team", rule.team, teams))
        for person in rule.people:
            if person not in ids:
                yield Flaw("rules", position, "people", *_unknown("person", person, ids))
        if len(set(rule.people)) < len(rule.people):
            message = f"rule '{rule.name}' names somebody twice"
            yield Flaw("rules", position, "people", message, "use 'weight' for a larger share")


def _flaws_of_order(rules: Sequence[Rule]) -> Iterator[Flaw]:
    seen: dict[int, str] = {}
    numbered = any(rule.order is not None for rule in rules)
    for position, rule in enumerate(rules):
        if numbered and rule.order is None:
            advice = "number all rules, or none to take them as written"
            yield Flaw("rules", position, "name", f"rule '{rule.name}' has no order, others have", advice)
        if rule.order is not None and rule.order in seen:
            message = f"rules '{seen[rule.order]}' and '{rule.name}' have the same order"
            yield Flaw("rules", position, "order", message, "give each its own")
        if rule.order is not None:
            seen.setdefault(rule.order, rule.name)


def _unreachable(rules: Sequence[Rule]) -> Iterator[Flaw]:
    ordered = in_order(rules)
    for turn, rule in enumerate(ordered):
        for earlier in ordered[:turn]:
            if earlier.covers(rule) and earlier.condition in (None, rule.condition):
                message = f"rule '{rule.name}' is never reached: '{earlier.name}' takes all its leads before"
                position = next(i for i, each in enumerate(rules) if each is rule)
                yield Flaw("rules", position, "name", message, "move it up, or narrow the other one")
                break


def _unknown(what: str, name: str, known: set[str]) -> tuple[str, str]:
    advice = did_you_mean(name, sorted(known)) or f"known: {', '.join(sorted(known)) or 'none'}"
    return f"unknown {what} '{name}'", advice
