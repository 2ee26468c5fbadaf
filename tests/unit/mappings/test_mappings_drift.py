import json
import random
from collections.abc import Mapping
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappings import compile_mapping
from mappings.drift import GONE, LEARNED, SETTLED, Change, Reads, Shape, observed, reads_of

MAPPING = compile_mapping(
    """
mapping: test.lead
from: vendor.lead
to: neutral.lead
fields:
  vendor_id: {from: id, required: true}
  name: name
  channel: {from: app, table: {抖音: douyin, 今日头条: toutiao}, on_miss: default, default: douyin}
  city: {from: place.city}
  answers: {from: answers, as: json}
  company: {expr: 'answers["公司"] or company'}
  lines:
    each: items
    where: kind == "good"
    fields:
      sku: sku
      total: {expr: price.amount * quantity}
      owner: {from: parent.owner.code}
""",
    file="test.yaml",
)
READS = reads_of(MAPPING)
RECORD: dict[str, object] = {
    "id": "1",
    "name": "张三",
    "app": "抖音",
    "place": {"city": "杭州", "code": "0571"},
    "answers": {"预算": "10万"},
    "company": None,
    "note": "",
    "items": [{"sku": "A", "kind": "good", "price": {"amount": Decimal(1)}, "quantity": 2}],
    "owner": {"code": "P1"},
}


def learned(record: Mapping[str, object] = RECORD, times: int = LEARNED) -> Shape:
    shape = Shape()
    shape.expect(MAPPING)
    for _ in range(times):
        assert shape.look(record, READS) == []
    return shape


def without(*names: str, **more: object) -> dict[str, object]:
    return {name: value for name, value in RECORD.items() if name not in names} | more


def test_what_a_mapping_reads_stands_as_paths_from_the_beginning() -> None:
    assert READS.paths >= {
        "id",
        "place.city",
        "answers",
        "items",
        "items[*].kind",
        "items[*].sku",
        "items[*].price.amount",
        "items[*].quantity",
        "owner.code",
    }
    assert "answers" in READS.whole
    assert READS.whole.isdisjoint({"items", "items[*].price", "place"})
    assert READS.options == {"app": {"抖音", "今日头条"}}


@pytest.mark.parametrize(
    ("path", "touched"),
    [("id", True), ("place", True), ("place.code", False), ("answers.budget", True), ("note", False)],
)
def test_a_path_touches_what_is_below_it_and_what_is_taken_whole(path: str, touched: bool) -> None:
    assert READS.touch(path) is touched


def test_data_under_free_keys_and_below_a_whole_value_is_no_field() -> None:
    record = {**RECORD, "by_id": {"7300": 1, "预算": 2}, "big": {f"k{n}": 1 for n in range(99)}}
    found = observed(record, READS.whole)
    assert "by_id" in found
    assert not [path for path in found if path.startswith(("answers.", "by_id.", "big."))]
    assert found["items[*].price.amount"] == ("number", Decimal(1))


@pytest.mark.parametrize(
    ("record", "changes"),
    [
        (without(phone="1"), [Change("new", "phone")]),
        (without("name", full_name="张三"), [Change("renamed", "name", "full_name", holds=True)]),
        (without("note", remark=""), [Change("renamed", "note", "remark")]),
        (
            without("name", full_name=1),
            [Change("missing", "name", holds=True), Change("new", "full_name")],
        ),
        (
            without("name", "note", a="", b=""),
            [
                Change("missing", "name", holds=True),
                Change("missing", "note"),
                Change("new", "a"),
                Change("new", "b"),
            ],
        ),
        (without(id=1), [Change("retyped", "id", "number", holds=True)]),
        (without(id=None), []),
        (without(note=1), [Change("retyped", "note", "number")]),
        (without(place="杭州"), [Change("retyped", "place", "text", holds=True)]),
        (without(place=None), []),
        (without(items=[]), []),
        (without(app="快手"), [Change("option", "app", "快手")]),
        (without(app="今日头条"), []),
        (without(app=""), []),
        (without(answers={"车型": "X"}), []),
        (without(items=[{"sku": "A", "kind": "good", "price": {"amount": "1"}, "quantity": 2}]),
         [Change("retyped", "items[*].price.amount", "text", holds=True)]),
    ],
)  # fmt: skip
def test_the_first_message_that_changes_something_is_noticed(
    record: dict[str, object], changes: list[Change]
) -> None:
    assert learned().look(record, READS) == changes


def test_what_holds_is_seen_again_until_it_is_accepted_and_the_rest_is_learned() -> None:
    shape = learned()
    for record in (without("name", full_name="张三"), without(id=1), without(note=1), without(phone="1")):
        first, second = shape.look(record, READS), shape.look(record, READS)
        assert second == [change for change in first if change.holds]
        assert shape.look(RECORD, READS) == []
        for change in first:
            shape.accept(change)
        assert shape.look(record, READS) == []


def test_a_field_is_gone_only_after_several_messages_in_a_row() -> None:
    shape = learned()
    for _ in range(GONE - 1):
        assert shape.look(without("name"), READS) == []
    assert shape.look(without("name"), READS) == [Change("missing", "name", holds=True)]
    assert shape.look(without("name"), READS) == [Change("missing", "name", holds=True)]


@pytest.mark.parametrize(
    ("record", "waits"),
    [
        (without("name", full_name="张三"), True),
        (without(id=1), True),
        (without(note=1), False),
        (without(phone="1"), False),
        (RECORD, False),
    ],
)
def test_a_message_that_comes_again_waits_as_before_and_teaches_nothing(
    record: dict[str, object], waits: bool
) -> None:
    shape = learned()
    first = shape.look(record, READS)
    before = json.dumps(shape.as_json())
    assert shape.waits_for(record, READS) == [change for change in first if change.holds]
    assert bool(shape.waits_for(record, READS)) is waits
    assert json.dumps(shape.as_json()) == before
    for change in first:
        shape.accept(change)
    assert shape.waits_for(record, READS) == []


def test_null_is_absent() -> None:
    shape = learned()
    assert shape.look(without(extra=None), READS) == []
    assert shape.look(without(extra="1"), READS) == [], "though it is known"
    assert [shape.look(without(name=None), READS) for _ in range(GONE)][-1] == [
        Change("missing", "name", holds=True)
    ]


def test_a_new_version_that_does_not_read_the_old_name_is_not_held_up() -> None:
    shape = learned()
    record = without("name", full_name="张三")
    assert shape.look(record, READS)[0].holds
    other = Reads(READS.paths - {"name"} | {"full_name"}, READS.whole, READS.options)
    assert shape.look(record, other) == []


def test_a_field_that_came_back_was_optional() -> None:
    shape = learned()
    shape.look(without("name"), READS)
    shape.look(RECORD, READS)
    assert all(shape.look(without("name"), READS) == [] for _ in range(GONE * 3))


def test_a_type_is_changed_only_where_it_had_settled() -> None:
    shape = learned()
    shape.look(without(extra="1"), READS)
    for _ in range(SETTLED - 2):
        assert shape.look(without(extra="1"), READS) == []
    assert shape.look(without(extra=1), READS) == []
    assert shape.look(without(extra=[]), READS) == [Change("retyped", "extra", "list")]


FIELDS = ["a", "b", "c", "d", "e", "f"]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.lists(st.sampled_from([0.02, 0.2, 0.5, 0.8]), min_size=6, max_size=6))
def test_optional_fields_that_come_and_go_are_no_drift(seed: int, likely: list[float]) -> None:
    """Every field is known from the first messages; afterwards any of them may be there or not."""
    chance = random.Random(seed)
    shape, reads = Shape(), Reads(frozenset(FIELDS), frozenset(FIELDS), {})
    for number in range(LEARNED + 300):
        record = {
            name: chance.choice(["x", None])
            for name, often in zip(FIELDS, likely, strict=True)
            if number == 0 or chance.random() < often
        }
        assert shape.look(record, reads) == [], number


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.booleans()), max_size=80))
def test_several_processes_that_tell_each_other_count_every_message_once(
    turns: list[tuple[int, bool]],
) -> None:
    stored: dict[str, object] = {}
    processes = [Shape(), Shape(), Shape()]
    for process, tells in turns:
        shape = processes[process]
        shape.look({"a": "1", f"b{process}": 1}, READS)
        if tells:
            joined = Shape.from_json(json.loads(json.dumps(stored)))
            joined.absorb(shape)
            stored = joined.as_json()
            shape.adopt(joined)
    for shape in processes:
        joined = Shape.from_json(json.loads(json.dumps(stored)))
        joined.absorb(shape)
        stored = joined.as_json()
    joined = Shape.from_json(stored)
    assert joined.messages == len(turns)
    assert (joined.fields["a"].seen if turns else 0) == len(turns)
    assert {path for path in joined.fields if path.startswith("b")} == {f"b{process}" for process, _ in turns}


def test_news_are_told_often_at_first_and_seldom_later() -> None:
    shape = Shape()
    told = []
    for number in range(1, 301):
        shape.look(RECORD, READS)
        if shape.untold:
            told.append(number)
            stored = Shape.from_json(shape.as_json())
            shape.adopt(stored)
    assert told == [1, 2, 4, 8, 16, 32, 64, 114, 164, 214, 264]


def test_an_acceptance_elsewhere_is_not_undone_by_what_this_process_remembers() -> None:
    here = learned()
    changes = here.look(without("name", full_name="x"), READS)
    stored = Shape()
    stored.absorb(here, vanished=changes)
    here.adopt(Shape.from_json(stored.as_json()))
    accepted = Shape.from_json(stored.as_json())
    accepted.accept(changes[0])
    again = Shape.from_json(accepted.as_json())
    again.absorb(here)
    here.adopt(again)
    assert here.look(without("name", full_name="x"), READS) == []
