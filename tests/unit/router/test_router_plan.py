import itertools
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configuration import ConfigurationError
from domain.records import Lead
from expressions import compile_expression
from router import LeadFacts, PlanError, RoutingPlan, Rule
from tests.unit.router.plans import PLAN, person

TEMPLATE = """\
people:
  - {id: a, name: 销售甲, team: east, capacity: 5}
  - {id: b, name: 销售乙, team: west, capacity: 5}
rules:
"""


@pytest.mark.parametrize(
    ("rules", "line", "message"),
    [
        ("  - {name: r, team: eest}", 5, "unknown team 'eest' — did you mean 'east'?"),
        ("  - {name: r}", 5, "rule 'r' names nobody — add 'team' or 'people'"),
        ("  - {name: r, people: []}", 5, "rule 'r' names nobody"),
        ("  - {name: r, people: [a, zz]}", 5, "unknown person 'zz'"),
        ("  - {name: r, people: [a, a]}", 5, "names somebody twice"),
        ("  - {name: r, team: east, people: [a]}", 5, "names a team and people"),
        (
            "  - {name: r, team: east, levels: [A]}\n  - {name: r, team: west}",
            6,
            "two rules are named 'r' — rename one",
        ),
        (
            "  - {name: all, team: east}\n  - {name: late, team: west, levels: [A]}",
            6,
            "rule 'late' is never reached: 'all' takes all its leads before — move it up",
        ),
        (
            "  - {name: wide, team: east, levels: [A, B]}\n  - {name: narrow, team: west, levels: [A]}",
            6,
            "rule 'narrow' is never reached: 'wide'",
        ),
        (
            "  - {name: late, team: west, levels: [A], order: 2}\n  - {name: all, team: east, order: 1}",
            5,
            "rule 'late' is never reached: 'all'",
        ),
        ("  - {name: r, team: east, order: 1}\n  - {name: s, team: west}", 6, "'s' has no order"),
        (
            "  - {name: r, team: east, levels: [A], order: 1}\n  - {name: s, team: west, order: 1}",
            6,
            "rules 'r' and 's' have the same order",
        ),
        ("  - {name: r, team: east, when: citty == 'x'}", 5, "unknown name 'citty' — did you mean 'city'?"),
        ("  - {name: r, team: east, region: x}", 5, "unknown key 'region' — did you mean 'regions'?"),
        ("  - {name: r, team: east, regions: ['']}", 5, "a blank value fits nothing"),
        ("  - {name: r, team: east}\nfallback_team: nobody", 6, "unknown team 'nobody'"),
    ],
)
def test_mistakes_are_told_with_file_line_and_remedy(rules: str, line: int, message: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        RoutingPlan.from_yaml(TEMPLATE + rules, file="routing.yaml")
    assert str(error.value).startswith(f"routing.yaml:{line}:")
    assert message in str(error.value)
    assert all(each.remedy for each in error.value.errors)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("{id: a, name: 甲, team: east, capacity: 5, weight: 0}", "weight of 'a' must be positive"),
        ("{id: a, name: 甲, team: east, capacity: -1}", "capacity cannot be negative"),
        ("{id: a, name: 甲, team: east}", "'capacity' is missing"),
        ("{id: b, name: 甲, team: east, capacity: 1}", "person 'b' is there twice"),
    ],
)
def test_mistakes_about_people(entry: str, message: str) -> None:
    text = f"people:\n  - {{id: b, name: 乙, team: east, capacity: 1}}\n  - {entry}\nrules: []\n"
    with pytest.raises(ConfigurationError, match=message) as error:
        RoutingPlan.from_yaml(text)
    assert error.value.line == 3


def test_all_mistakes_come_at_once() -> None:
    with pytest.raises(ConfigurationError) as error:
        RoutingPlan.from_yaml(
            TEMPLATE + "  - {name: r, levels: [A]}\n  - {name: r, team: no}\nfallback_team: none\n"
        )
    assert [each.line for each in error.value.errors] == [5, 6, 6, 7]


def test_a_plan_built_in_code_is_checked_as_well() -> None:
    with pytest.raises(PlanError, match="unknown team 'x'"):
        RoutingPlan(rules=(Rule(name="r", team="x"),), people=(person("a"),))


def test_there_and_back(tmp_path: Path) -> None:
    plan = RoutingPlan.from_yaml(PLAN)
    (tmp_path / "routing.yaml").write_text(PLAN, encoding="utf-8")
    again = RoutingPlan.from_dict(plan.as_dict())
    assert again.as_dict() == plan.as_dict()
    assert again.version == plan.version == RoutingPlan.from_yaml(tmp_path / "routing.yaml").version


def test_another_weight_is_another_version() -> None:
    changed = PLAN.replace("weight: 2", "weight: 3")
    assert RoutingPlan.from_yaml(changed).version != RoutingPlan.from_yaml(PLAN).version


@pytest.mark.parametrize(
    ("lead", "rule", "pool"),
    [
        (LeadFacts(region="上海", product_line="云", level="A"), "华东大客户", "华东大客户"),
        (LeadFacts(region="上海", product_line="云", level="B"), "华东", "east"),
        (LeadFacts(region="上海"), "华东", "east"),
        (LeadFacts(region="北京", answers={"预算": "500000"}), "大预算", "大预算"),
        (LeadFacts(region="北京", answers={"预算": "1"}), None, "team:hotline"),
        (LeadFacts(region="不认识的地方"), None, "team:hotline"),
        (LeadFacts(), None, "team:hotline"),
    ],
)
def test_the_first_rule_that_hits_decides(lead: LeadFacts, rule: str | None, pool: str) -> None:
    route = RoutingPlan.from_yaml(PLAN).route(lead)
    assert (route.rule, route.pool) == (rule, pool)


def test_a_condition_that_cannot_be_judged_is_passed_over_and_noted() -> None:
    route = RoutingPlan.from_yaml(PLAN).route(LeadFacts(region="北京", answers={"预算": "面议"}))
    assert route.rule is None
    assert "大预算" in route.notes[0]


def test_orders_decide_and_not_the_place_in_the_file() -> None:
    rules = (
        Rule(name="late", people=("a",), order=20),
        Rule(name="early", people=("b",), levels=frozenset("A"), order=10),
    )
    plan = RoutingPlan(rules=rules, people=(person("a"), person("b")))
    assert plan.route(LeadFacts(level="A")).rule == "early"
    assert plan.route(LeadFacts(level="B")).rule == "late"


def test_facts_of_a_lead_leave_out_what_names_a_person() -> None:
    lead = Lead(
        vendor_id="1",
        created_at=datetime(2026, 1, 5, tzinfo=UTC),
        name="测试人",
        phone="13800000001",
        region="上海",
        answers={"预算": "10"},
    )
    facts = LeadFacts.of(lead, source="douyin-main")
    assert (facts.region, facts.source, facts.answers) == ("上海", "douyin-main", {"预算": "10"})
    assert "测试人" not in str(facts.as_dict())
    assert "13800000001" not in str(facts.as_dict())


REGIONS, LINES, LEVELS = ["r1", "r2", "r3"], ["p1", "p2"], ["A", "B"]
random_rules = st.lists(
    st.tuples(
        st.sets(st.sampled_from(REGIONS), max_size=2),
        st.sets(st.sampled_from(LINES), max_size=1),
        st.sets(st.sampled_from(LEVELS), max_size=1),
        st.sampled_from([None, "city == 'x'", "city != 'x'"]),
    ),
    max_size=8,
)


@settings(max_examples=80, deadline=None)
@given(drafts=random_rules)
def test_the_index_finds_what_a_plain_scan_finds(
    drafts: list[tuple[set[str], set[str], set[str], str | None]],
) -> None:
    rules: list[Rule] = []
    for number, (regions, lines, levels, when) in enumerate(drafts):
        rule = Rule(
            name=f"rule{number}",
            regions=frozenset(regions),
            product_lines=frozenset(lines),
            levels=frozenset(levels),
            when=compile_expression(when) if when else None,
            people=("a",),
        )
        if not any(each.covers(rule) and each.condition in (None, rule.condition) for each in rules):
            rules.append(rule)
    plan = RoutingPlan(rules=tuple(rules), people=(person("a"),))
    values = itertools.product([*REGIONS, "else", None], [*LINES, None], [*LEVELS, "C"], ["x", None])
    for region, line, level, city in values:
        lead = LeadFacts(region=region, product_line=line, level=level, city=city)
        scanned = next((rule.name for rule in rules if _hits(rule, lead)), None)
        assert plan.route(lead).rule == scanned


def _hits(rule: Rule, lead: LeadFacts) -> bool:
    values = (lead.region, lead.product_line, lead.level)
    fits = all(not named or value in named for named, value in zip(rule.columns, values, strict=True))
    return fits and (rule.when is None or rule.when.test(lead.as_dict()))
