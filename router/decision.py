"""One lead, one answer, and why. State comes in and goes out; nothing is kept here."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

from pydantic import TypeAdapter

from router.model import LeadFacts, Salesperson
from router.plan import Route, RoutingPlan
from router.rotation import ONE_LEAD, Turn, take_turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """A person in a pool, as stored. `open_leads` counts over all pools; `current_weight` is the level in the
    pool's rotation, in units of ONE_LEAD, and None before the first lead; `assigned` only informs."""

    open_leads: int = 0
    current_weight: int | None = None
    assigned: int = 0
    away: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateVerdict:
    person: str
    eligible: bool
    reason_zh: str
    reason_en: str
    parts: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """`new_weights` are the levels to store for the pool; empty when nobody can take the lead now."""

    owner: str | None
    rule: str | None
    pool: str
    candidates: tuple[CandidateVerdict, ...]
    new_weights: Mapping[str, int]
    reason_zh: str
    reason_en: str
    notes: tuple[str, ...]
    plan_version: str
    lead: LeadFacts
    seats: Mapping[str, Seat]

    def as_json(self) -> dict[str, object]:
        """Everything that led to the answer, for the assignment's record and for replay()."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Input:
    lead: LeadFacts
    seats: dict[str, Seat]
    pool: str


_STORED = TypeAdapter(_Input)


def evaluate(plan: RoutingPlan, lead: LeadFacts, seats: Mapping[str, Seat]) -> Decision:
    """`seats` of the pool that `plan.route(lead)` names, by person; who has none sits down anew."""
    route = plan.route(lead)
    taken = {person.id: seats.get(person.id, Seat()) for person in route.people}
    obstacles = {person.id: _obstacle(person, taken[person.id], lead) for person in route.people}
    weights = {person.id: person.weight for person in route.people if obstacles[person.id] is None}
    levels = {id_: seat.current_weight for id_, seat in taken.items() if seat.current_weight is not None}
    turn = take_turn(weights, levels) if weights else None
    reason_zh, reason_en = _reason(route, turn)
    return Decision(
        owner=turn.owner if turn else None,
        rule=route.rule,
        pool=route.pool,
        candidates=tuple(_verdict(each, taken[each.id], obstacles[each.id], turn) for each in route.people),
        new_weights=turn.levels if turn else {},
        reason_zh=reason_zh,
        reason_en=reason_en,
        notes=route.notes,
        plan_version=plan.version,
        lead=lead,
        seats=taken,
    )


def replay(plan: RoutingPlan, stored: Mapping[str, object]) -> Decision:
    """Decide again from a stored decision's own input: the same plan gives the same owner, another plan
    shows what it would have done. Where that leads to another pool, its rotation starts fresh."""
    given = _STORED.validate_python(stored)
    seats: Mapping[str, Seat] = given.seats
    if plan.route(given.lead).pool != given.pool:
        seats = {person: replace(seat, current_weight=None) for person, seat in seats.items()}
    return evaluate(plan, given.lead, seats)


def _obstacle(person: Salesperson, seat: Seat, lead: LeadFacts) -> tuple[str, str] | None:
    if not person.active:
        return "已停用", "not active"
    if seat.away:
        return "不在岗", "away"
    if seat.open_leads >= person.capacity:
        return (
            f"已满：在手 {seat.open_leads}，上限 {person.capacity}",
            f"full: {seat.open_leads} of {person.capacity}",
        )
    return _outside(person, lead)


def _outside(person: Salesperson, lead: LeadFacts) -> tuple[str, str] | None:
    names = (("区域", "region"), ("产品线", "product line"), ("级别", "level"))
    values = (lead.region, lead.product_line, lead.level)
    for (zh, en), value, taken in zip(names, values, person.columns, strict=True):
        if taken and value not in taken:
            return f"不负责{zh}：{value or '未知'}", f"does not take {en} {value or 'unknown'}"
    return None


def _verdict(
    person: Salesperson, seat: Seat, obstacle: tuple[str, str] | None, turn: Turn | None
) -> CandidateVerdict:
    load = {"open_leads": seat.open_leads, "capacity": person.capacity, "assigned": seat.assigned}
    if obstacle is not None:
        zh, en = obstacle
        return CandidateVerdict(person=person.id, eligible=False, reason_zh=zh, reason_en=en, parts=load)
    assert turn is not None  # who has no obstacle takes part in the turn
    zh, en = _place(turn, person.id)
    due = {"weight": person.weight, "due": turn.due[person.id], "turns_left": turn.turns_left[person.id]}
    return CandidateVerdict(person=person.id, eligible=True, reason_zh=zh, reason_en=en, parts=load | due)


def _place(turn: Turn, person: str) -> tuple[str, str]:
    due = f"{turn.due[person] / ONE_LEAD:.2f}"
    if person == turn.owner:
        return f"轮到：应得未得 {due} 条", f"next in turn: {due} leads due"
    return f"可接，未轮到：应得未得 {due} 条", f"free, not next: {due} leads due"


def _reason(route: Route, turn: Turn | None) -> tuple[str, str]:
    if not route.pool:
        return (
            "没有规则命中，也没有兜底团队：线索等待",
            "no rule fits and there is no fallback team: it waits",
        )
    zh = f"规则「{route.rule}」" if route.rule else "无规则命中，兜底团队"
    en = f"rule {route.rule}" if route.rule else "no rule fits, fallback team"
    if turn is None:
        return (
            f"{zh}：{len(route.people)} 人都不能接，线索等待",
            f"{en}: none of {len(route.people)} can take it, it waits",
        )
    place = f"{len(turn.levels)}/{len(route.people)}"
    return (
        f"{zh}：{place} 人可接，按权重轮转分给 {turn.owner}",
        f"{en}: {place} can take it, weighted rotation gives it to {turn.owner}",
    )
