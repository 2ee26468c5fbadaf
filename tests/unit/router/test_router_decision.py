import json
import re
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router import Decision, LeadFacts, RoutingPlan, Rule, Seat, evaluate, replay
from tests.unit.router.plans import PLAN, person

TEAM = RoutingPlan(rules=(Rule(name="all", team="east"),), people=tuple(person(each) for each in "abc"))
ANY = LeadFacts()


def settle(seats: dict[str, Seat], decision: Decision) -> None:
    """What a store does with a decision, in one transaction."""
    for id_, weight in decision.new_weights.items():
        seats[id_] = replace(seats.get(id_, Seat()), current_weight=weight)
    if decision.owner is not None:
        seat = seats[decision.owner]
        seats[decision.owner] = replace(seat, open_leads=seat.open_leads + 1, assigned=seat.assigned + 1)


def reasons(decision: Decision) -> dict[str, str]:
    return {verdict.person: verdict.reason_zh for verdict in decision.candidates}


def test_every_candidate_is_listed_with_the_reason() -> None:
    plan = RoutingPlan.from_yaml(PLAN)
    lead = LeadFacts(region="上海", product_line="云", level="A")
    decision = evaluate(plan, lead, {"a": Seat(open_leads=1)})
    assert (decision.owner, decision.rule, decision.pool) == ("a", "华东大客户", "华东大客户")
    assert reasons(decision) == {"a": "轮到：应得未得 1.00 条", "c": "不负责级别：A", "d": "已停用"}
    assert decision.reason_zh == "规则「华东大客户」：1/3 人可接，按权重轮转分给 a"
    assert decision.candidates[0].parts["open_leads"] == 1


@pytest.mark.parametrize(
    ("seats", "wanted"),
    [
        ({"a": Seat(open_leads=10)}, "已满：在手 10，上限 10"),
        ({"a": Seat(open_leads=11)}, "已满：在手 11，上限 10"),
        ({"a": Seat(away=True)}, "不在岗"),
        ({}, "轮到：应得未得 0.33 条"),
        ({"a": Seat(open_leads=9)}, "轮到：应得未得 0.33 条"),
    ],
)
def test_seats_decide_who_is_free(seats: dict[str, Seat], wanted: str) -> None:
    decision = evaluate(TEAM, ANY, seats)
    assert reasons(decision)["a"] == wanted
    assert decision.owner == ("a" if wanted.startswith("轮到") else "b")


def test_a_full_pool_lets_the_lead_wait_and_changes_nothing() -> None:
    decision = evaluate(TEAM, ANY, {each: Seat(open_leads=10) for each in "abc"})
    assert (decision.owner, decision.rule, decision.new_weights) == (None, "all", {})
    assert decision.reason_zh == "规则「all」：3 人都不能接，线索等待"
    assert all(verdict.reason_en.startswith("full") for verdict in decision.candidates)


def test_no_rule_and_no_fallback() -> None:
    plan = RoutingPlan(rules=(Rule(name="A", team="east", levels=frozenset("A")),), people=(person("a"),))
    decision = evaluate(plan, ANY, {})
    assert (decision.owner, decision.rule, decision.pool, decision.candidates) == (None, None, "", ())
    assert "没有规则命中" in decision.reason_zh


def test_a_full_rule_does_not_spill_into_the_next_one() -> None:
    rules = (Rule(name="A", people=("a",), levels=frozenset("A")), Rule(name="rest", people=("b",)))
    plan = RoutingPlan(rules=rules, people=(person("a", capacity=0), person("b")))
    assert evaluate(plan, LeadFacts(level="A"), {}).owner is None
    assert evaluate(plan, ANY, {}).owner == "b"


def test_rules_of_one_pool_share_the_rotation() -> None:
    rules = (
        Rule(name="A", team="east", levels=frozenset("A"), pool="east"),
        Rule(name="rest", team="east", pool="east"),
    )
    plan = RoutingPlan(rules=rules, people=TEAM.people)
    seats: dict[str, Seat] = {}
    owners = []
    for level in ("A", "B", "A", "B", "A", "B"):
        decision = evaluate(plan, LeadFacts(level=level), seats)
        settle(seats, decision)
        owners.append(decision.owner)
    assert owners == list("abcabc")


people_of_a_team = st.lists(
    st.tuples(st.integers(1, 9), st.integers(0, 12)), min_size=1, max_size=6
)  # weight, capacity


@settings(max_examples=50, deadline=None)
@given(team=people_of_a_team, data=st.data())
def test_nobody_ever_holds_more_than_the_capacity(team: list[tuple[int, int]], data: st.DataObject) -> None:
    people = tuple(person(f"p{n}", weight=w, capacity=c) for n, (w, c) in enumerate(team))
    plan = RoutingPlan(rules=(Rule(name="all", team="east"),), people=people)
    seats: dict[str, Seat] = {}
    for closes in data.draw(st.lists(st.booleans(), max_size=40)):
        decision = evaluate(plan, ANY, seats)
        settle(seats, decision)
        full = all(seats.get(each.id, Seat()).open_leads >= each.capacity for each in people)
        assert (decision.owner is not None) or full
        assert all(seats[each.id].open_leads <= each.capacity for each in people if each.id in seats)
        busy = [id_ for id_, seat in seats.items() if seat.open_leads]
        if closes and busy:
            done = data.draw(st.sampled_from(sorted(busy)))
            seats[done] = replace(seats[done], open_leads=seats[done].open_leads - 1)


@settings(max_examples=30, deadline=None)
@given(weights=st.lists(st.integers(1, 20), min_size=1, max_size=8))
def test_through_stored_seats_everybody_stays_within_one_lead(weights: list[int]) -> None:
    people = tuple(person(f"p{n}", weight=weight, capacity=1000) for n, weight in enumerate(weights))
    plan = RoutingPlan(rules=(Rule(name="all", team="east"),), people=people)
    seats: dict[str, Seat] = {}
    got: Counter[str | None] = Counter()
    for number in range(1, 61):
        decision = evaluate(plan, ANY, seats)
        settle(seats, decision)
        got[decision.owner] += 1
        assert all(abs(got[each.id] * sum(weights) - number * each.weight) <= sum(weights) for each in people)


seat = st.builds(
    Seat,
    open_leads=st.integers(0, 4),
    current_weight=st.one_of(st.none(), st.integers(-(10**15), 10**15)),
    assigned=st.integers(0, 99),
    away=st.booleans(),
)
lead = st.builds(
    LeadFacts,
    region=st.sampled_from([None, "上海", "江苏", "北京", "别处"]),
    product_line=st.sampled_from([None, "云"]),
    level=st.sampled_from([None, "A", "B"]),
    answers=st.dictionaries(st.just("预算"), st.sampled_from(["1", "200000", "面议"])),
)


@settings(max_examples=150, deadline=None)
@given(lead=lead, seats=st.dictionaries(st.sampled_from("abcdhx"), seat))
def test_the_stored_decision_replays_to_the_same_answer(lead: LeadFacts, seats: dict[str, Seat]) -> None:
    decision = evaluate(RoutingPlan.from_yaml(PLAN), lead, seats)
    stored = json.loads(json.dumps(decision.as_json(), ensure_ascii=False))
    again = replay(RoutingPlan.from_yaml(PLAN), stored)
    assert again == decision
    assert again.as_json() == decision.as_json()


def test_replay_on_a_draft_shows_what_it_would_have_done() -> None:
    seats = {each: Seat(open_leads=2, current_weight=5) for each in "ab"}
    stored = evaluate(TEAM, ANY, seats).as_json()
    draft = RoutingPlan(rules=(Rule(name="only b", people=("b",)),), people=TEAM.people)
    decision = replay(draft, stored)
    assert (decision.owner, decision.pool) == ("b", "only b")
    assert decision.seats["b"] == Seat(open_leads=2)


def test_a_stored_decision_with_a_wrong_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=re.compile("open_leads")):
        replay(TEAM, {"lead": {}, "pool": "all", "seats": {"a": {"open_leads": "many"}}})
