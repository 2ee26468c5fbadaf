"""What a plan consists of, and what it may ask about a lead."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Self

from domain.records import Lead
from expressions import Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadFacts:
    """What rules may ask about a lead. No name, phone or address: the facts are kept with the decision."""

    region: str | None = None
    product_line: str | None = None
    level: str | None = None
    city: str | None = None
    channel: str | None = None
    campaign: str | None = None
    advertiser: str | None = None
    company: str | None = None
    source: str | None = None
    answers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, lead: Lead, *, source: str | None = None) -> Self:
        same = {name: getattr(lead, name) for name in LEAD_NAMES if hasattr(lead, name)}
        return cls(**same | {"answers": dict(lead.answers or {}), "source": source})

    def as_dict(self) -> dict[str, object]:
        return {name: getattr(self, name) for name in LEAD_NAMES}


LEAD_NAMES = tuple(each.name for each in fields(LeadFacts))


@dataclass(frozen=True, slots=True)
class Scope:
    """Values of the three columns that are meant; an empty set means any."""

    regions: frozenset[str] = frozenset()
    product_lines: frozenset[str] = frozenset()
    levels: frozenset[str] = frozenset()

    @property
    def columns(self) -> tuple[frozenset[str], ...]:
        return (self.regions, self.product_lines, self.levels)

    def covers(self, other: "Scope") -> bool:
        pairs = zip(self.columns, other.columns, strict=True)
        return all(not mine or (theirs and theirs <= mine) for mine, theirs in pairs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Salesperson(Scope):
    """`capacity` is the most open leads; `regions`, `product_lines` and `levels` what the person takes."""

    id: str
    name: str
    team: str
    capacity: int
    weight: int = 1
    active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule(Scope):
    """Gives leads to a team or to named people. Rules that share a `pool` share one rotation."""

    name: str
    when: Expression | None = None
    team: str | None = None
    people: tuple[str, ...] = ()
    order: int | None = None
    pool: str = ""

    @property
    def rotation(self) -> str:
        return self.pool or self.name

    @property
    def condition(self) -> str | None:
        return self.when.source if self.when else None
