"""Mappings that include others, and overrides of one connection on a shipped file."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from configuration import ConfigurationError
from mappings import CompiledMapping, Source, check_samples, compile_mapping

SHELF = {
    "shared.head": """\
mapping: shared.head
from: a
to: b
fields:
  No: number
  Org.Code: {value: '100'}
""",
    "shared.address": """\
mapping: shared.address
from: a
to: b
fields:
  City: {from: address.city, as: strip}
  Street: {expr: 'concat(address.city, " ", address.street)', when: address.street}
  People: {each: people, fields: {Name: name, Of: parent.title}}
""",
    "shared.line": """\
mapping: shared.line
from: a
to: b
fields: {Sku: sku, Order: parent.number}
""",
    "loop.a": "mapping: loop.a\nfrom: a\nto: b\ninclude: loop.b\n",
    "loop.b": "mapping: loop.b\nfrom: a\nto: b\nfields: {A: a}\ninclude: {mapping: loop.a, into: X}\n",
}
HEAD = "mapping: t.whole\nfrom: a\nto: b\n"


def find(name: str) -> Source:
    return Source(SHELF[name], f"{name}.yaml")


def whole(rows: str, *overrides: str) -> CompiledMapping:
    sources = [Source(text, f"o{n}.yaml") for n, text in enumerate(overrides, 1)]
    return compile_mapping(HEAD + rows, file="t.yaml", overrides=sources, find=find)


def wrong(rows: str, *overrides: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        whole(rows, *overrides)
    return str(caught.value)


RECORD: Mapping[str, object] = {
    "number": "SO-1",
    "address": {"city": "北京", "street": "甲路"},
    "customer": {
        "title": "示例公司",
        "address": {"city": " 杭州 ", "street": "乙路"},
        "people": [{"name": "甲"}, {"name": "乙"}],
    },
    "lines": [{"sku": "S-1"}, {"sku": "S-2"}],
}


def test_rows_of_another_mapping_stand_where_they_are_included() -> None:
    mapping = whole("include: shared.head\nfields: {Own: number}\n")
    assert list(mapping.apply(RECORD).data.items()) == [
        ("No", "SO-1"),
        ("Org", {"Code": "100"}),
        ("Own", "SO-1"),
    ]
    after = whole("fields: {Own: number}\ninclude: [shared.head]\n")
    assert list(after.apply(RECORD).data) == ["Own", "No", "Org"]
    assert list(mapping.includes) == ["shared.head"]


def test_included_rows_go_into_a_target_and_read_from_a_record() -> None:
    rows = "fields: {A: number}\ninclude: {mapping: shared.address, into: Customer.Where, from: customer}\n"
    mapping = whole(rows)
    assert mapping.apply(RECORD).data == {
        "A": "SO-1",
        "Customer": {
            "Where": {
                "City": "杭州",
                "Street": " 杭州  乙路",
                "People": [
                    {"Name": "甲", "Of": "示例公司"},
                    {"Name": "乙", "Of": "示例公司"},
                ],
            }
        },
    }
    assert mapping.apply({"number": "SO-1", "customer": "none"}).data == {"A": "SO-1"}
    traces = {trace.target: trace.source for trace in mapping.explain(RECORD)}
    assert traces["Customer.Where.City"] == "customer.address.city"
    assert traces["Customer.Where.People[1].Name"] == "customer.people[1].name"
    assert "customer.address.city" in mapping.paths


def test_rows_are_included_in_a_list() -> None:
    mapping = whole(
        "fields:\n  Entries:\n    each: lines\n    include: shared.line\n    fields: {Own: sku}\n"
    )
    assert mapping.apply(RECORD).data["Entries"] == [
        {"Sku": "S-1", "Order": "SO-1", "Own": "S-1"},
        {"Sku": "S-2", "Order": "SO-1", "Own": "S-2"},
    ]


def test_the_same_rows_twice() -> None:
    rows = "{mapping: shared.address, into: Ours}, {mapping: shared.address, into: Theirs, from: customer}"
    data = whole(f"include: [{rows}]\n").apply(RECORD).data
    assert data["Ours"] == {"City": "北京", "Street": "北京 甲路"}
    assert "杭州" in str(data["Theirs"])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            "include: loop.a",
            "loop.b.yaml:5:20: 'loop.a' includes itself: t.whole → loop.a → loop.b → loop.a — remove",
        ),
        ("include: loop.a", "or the one at t.yaml:4"),
        (
            "include: t.whole",
            "t.yaml:4:10: 't.whole' includes itself: t.whole → t.whole — remove this line, or the",
        ),
        (
            "include: nowhere",
            "t.yaml:4:10: cannot include 'nowhere': 'nowhere' — write the name of a mapping",
        ),
        ("include: {into: A}", "t.yaml:4:10: 'mapping' is missing — add 'mapping: …'"),
        (
            "include: {mapping: shared.head, form: a}",
            "t.yaml:4:33: unknown key 'form' — did you mean 'from'?",
        ),
        (
            "include: {mapping: shared.line, from: 'lines[*]'}",
            "t.yaml:4:39: 'lines[*]' is not one record — write a",
        ),
        ("include: {mapping: shared.line, from: parent.a}", "'parent.a' is not one record"),
        ("include: {mapping: shared.line, from: a..b}", "t.yaml:4:40: 'a..b' is not a path"),
        (
            "fields: {No: number}\ninclude: shared.head",
            "shared.head.yaml:5:3: target 'No' is repeated — it is already in line 4 of t.yaml; keep one",
        ),
        (
            "include: [shared.head, {mapping: shared.address, into: Org.Code}]",
            "'Org.Code' is a value and an object at once — line 6 of shared.head.yaml fills 'Org.Code'",
        ),
    ],
)
def test_wrong_includes(rows: str, message: str) -> None:
    assert message in wrong(rows)


BASE = """\
include: {mapping: shared.address, into: Where}
fields:
  No: number
  Note: {from: note, default: 无}
  Party.Code: code
  Party.Name: name
  Entries:
    each: lines
    fields:
      Sku: sku
      Qty: {from: qty, as: integer}
samples:
  - in: {number: SO-1, address: {city: 杭州}, name: 甲, lines: [{sku: S-1, qty: 1}, {sku: S-2, qty: x}]}
    out:
      Where: {City: 杭州}
      No: SO-1
      Note: 无
      Party: {Name: 甲}
      Entries: [{Sku: S-1, Qty: 1}, {Sku: S-2}]
    problems: ["invalid Entries[1].Qty"]
"""
OVERRIDE = """\
override: t.whole
remove: [Where.City, Party.Code, "Entries[*].Qty"]
fields:
  Note: {from: remark, max: 10}
  Entries:
    fields:
      Sku: {from: sku, as: lower}
      Batch: parent.number
  Added: {value: 1}
samples:
  - in: {number: SO-1, remark: 急, lines: [{sku: S-1}]}
    out: {No: SO-1, Note: 急, Entries: [{Sku: s-1, Batch: SO-1}], Added: 1}
"""


def test_an_override_replaces_adds_and_removes() -> None:
    mapping = whole(BASE, OVERRIDE)
    record = {
        "number": "SO-1",
        "address": {"city": "杭州"},
        "remark": "急",
        "code": "C",
        "lines": [{"sku": "S-1"}],
    }
    assert list(mapping.apply(record).data.items()) == [
        ("No", "SO-1"),
        ("Note", "急"),
        ("Entries", [{"Sku": "s-1", "Batch": "SO-1"}]),
        ("Added", 1),
    ]
    assert mapping.name == "t.whole"
    assert mapping.touched == {
        "Where.City", "Party.Code", "Entries[*].Qty", "Note", "Entries[*].Sku", "Entries[*].Batch", "Added",
    }  # fmt: skip


def test_the_samples_below_still_run_except_for_what_the_override_says_otherwise() -> None:
    assert check_samples(whole(BASE)) == []
    assert check_samples(whole(BASE, OVERRIDE)) == []
    broken = check_samples(whole(BASE, OVERRIDE.replace("out: {No: SO-1", "out: {No: SO-2")))
    assert [failure.differences for failure in broken] == [("No: expected 'SO-2', found 'SO-1'",)]
    below = check_samples(whole(BASE.replace("      No: SO-1", "      No: SO-2"), OVERRIDE))
    assert [failure.differences for failure in below] == [("No: expected 'SO-2', found 'SO-1'",)]


def test_a_second_override_lies_on_the_first() -> None:
    data = (
        whole(BASE, OVERRIDE, "override: t.whole\nremove: [Added]\nfields: {Note: {value: x}}").apply({}).data
    )
    assert data == {"Note": "x"}


def test_the_version_names_every_layer() -> None:
    plain, other = whole(BASE).version, whole(BASE + "\n").version
    assert plain != other
    over = whole(BASE, OVERRIDE).version
    assert over.startswith(f"{plain}+")
    assert over != whole(BASE, OVERRIDE + "\n").version
    assert (
        whole(
            "version: 3\nfields: {A: a}", "override: t.whole\nversion: 7\nremove: [A]\nfields: {B: b}"
        ).version
        == "3+7"
    )
    labelled = compile_mapping(
        HEAD + "fields: {A: a}\n",
        file="t.yaml",
        version="v3",
        overrides=[Source("override: t.whole\nfields: {A: b}", "o", version="main.v2")],
    )
    assert labelled.version == "v3+main.v2"


def test_the_version_changes_with_what_is_included(monkeypatch: pytest.MonkeyPatch) -> None:
    before = whole("version: 3\ninclude: shared.head\n").version
    monkeypatch.setitem(SHELF, "shared.head", SHELF["shared.head"].replace("'100'", "'200'"))
    after = whole("version: 3\ninclude: shared.head\n").version
    assert before.startswith("3-")
    assert after.startswith("3-")
    assert before != after


ADDRESS_OVER = """\
override: shared.address
remove: [Street, People.Of]
fields:
  City: {value: 宁波}
  People: {fields: {Old: {value: true}}}
"""


def overridden(rows: str, *texts: str, over: str = ADDRESS_OVER) -> CompiledMapping:
    """The rows, with `over` on the mapping that it names wherever that is included."""

    def found(name: str) -> Source:
        above = (Source(over, "over.yaml", version="v1"),) if f"override: {name}\n" in over else ()
        return replace(find(name), overrides=above)

    overrides = [Source(text, f"o{n}.yaml") for n, text in enumerate(texts, 1)]
    return compile_mapping(HEAD + rows, file="t.yaml", overrides=overrides, find=found)


def test_an_included_mapping_comes_with_what_lies_over_it() -> None:
    rows = "include: {mapping: shared.address, into: Where, from: customer}\nfields: {No: number}\n"
    mapping = overridden(rows)
    assert mapping.apply(RECORD).data == {
        "Where": {"City": "宁波", "People": [{"Name": "甲", "Old": True}, {"Name": "乙", "Old": True}]},
        "No": "SO-1",
    }
    plain = whole(rows).version
    assert mapping.version.split("-")[0] == plain.split("-")[0]
    assert mapping.version != plain
    assert overridden(rows, over=ADDRESS_OVER + "# other\n").version == mapping.version, "labelled v1"


def test_an_override_of_an_included_mapping_may_include_but_not_what_includes_it() -> None:
    over = "override: shared.line\ninclude: shared.head\n"
    mapping = overridden("fields: {L: {each: lines, include: shared.line}}\n", over=over)
    assert mapping.apply({"lines": [{"sku": "S", "number": 1}]}).data == {
        "L": [{"Sku": "S", "No": 1, "Org": {"Code": "100"}}]
    }
    with pytest.raises(ConfigurationError, match=r"over.yaml:2:10: 't.whole' includes itself"):
        overridden("include: shared.line\n", over=over.replace("shared.head", "t.whole"))


INCLUDING = """\
include: {mapping: shared.address, into: Where}
fields: {Lines: {each: lines, include: shared.line}}
samples:
  - in: {address: {city: 杭州, street: 甲路}, people: [{name: 甲}], lines: [{sku: S}]}
    out: {Where: {City: 杭州, Street: 杭州 甲路, People: [{Name: 甲}]}, Lines: [{Sku: S}]}
"""


def test_a_sample_speaks_for_no_target_that_an_override_of_what_is_included_changes() -> None:
    (untested,) = overridden(INCLUDING).untested
    assert untested == {"Where.City", "Where.Street", "Where.People[*].Of", "Where.People[*].Old"}
    assert check_samples(overridden(INCLUDING)) == []
    line = "override: shared.line\nfields: {Sku: {value: T}}\n"
    assert check_samples(overridden(INCLUDING, over=line)) == []
    wrong_name = INCLUDING.replace("Name: 甲", "Name: 乙")
    assert len(check_samples(overridden(wrong_name))) == 1, "for all others it does"


def test_a_sample_of_an_override_speaks_for_what_the_override_has_settled() -> None:
    sample = "samples: [{in: {address: {city: 杭州}}, out: {Where: {City: CITY}}}]\n"
    over = f"override: t.whole\nfields: {{Where.City: {{value: 温州}}}}\n{sample}"
    rows = INCLUDING.split("samples")[0]
    assert check_samples(overridden(rows, over.replace("CITY", "温州"))) == []
    assert len(check_samples(overridden(rows, over.replace("CITY", "宁波")))) == 1
    above = "override: t.whole\nfields: {Where.City: {value: 台州}}\n"
    assert check_samples(overridden(rows, over.replace("CITY", "温州"), above)) == []


OVER = "override: t.whole\n"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            "override: t.hole\nfields: {A: a}",
            "o1.yaml:1:11: this file overrides 't.hole', not 't.whole' — did you mean 't.whole'?",
        ),
        (
            "overide: t.whole",
            "o1.yaml:1:1: unknown key 'overide' — did you mean 'override'?",
        ),
        (
            OVER + "remove: [Nte]",
            "o1.yaml:2:10: nothing to remove: no target 'Nte' — did you mean 'Note'?",
        ),
        (
            OVER + "remove: [Entries.Skus]",
            "no target 'Entries[*].Skus' — did you mean 'Sku'?",
        ),
        (
            OVER + "remove: [A..B]",
            "o1.yaml:2:10: 'A..B' is not a target",
        ),
        (
            OVER + "fields:\n  Entreis: {fields: {Sku: a}}",
            "o1.yaml:3:3: 'Entreis' is no list of the mapping — did you mean 'Entries'?",
        ),
        (
            OVER + "fields:\n  Party: {value: x}",
            "o1.yaml:3:3: 'Party' is a value and an object at once — line 8 of t.yaml fills",
        ),
        (
            OVER + "fields:\n  Note: {from: a, as: uper}",
            "o1.yaml:3:23: Note: unknown converter 'uper' — did you mean 'upper'?",
        ),
        (
            OVER + "fields:\n  Entries: {fields: {Qty: {from: a, as: uper}}}",
            "o1.yaml:3:41: Entries[*].Qty: unknown converter 'uper'",
        ),
        (
            OVER + "fields:\n  Entries: {when: a, fields: {Qty: a}}",
            "o1.yaml:3:13: unknown key 'when' — allowed: fields, include, remove",
        ),
        (
            OVER + "fields: {}",
            "o1.yaml:2:9: no fields",
        ),
    ],
)
def test_wrong_overrides(override: str, message: str) -> None:
    assert message in wrong(BASE, override)


def test_mappings_that_double_each_other_have_an_end() -> None:
    def doubling(name: str) -> Source:
        number = int(name.partition(".")[2])
        below = f"x.{number - 1}"
        rows = f"include: [{{mapping: {below}, into: A}}, {{mapping: {below}, into: B}}]\n"
        return Source(f"mapping: {name}\nfrom: a\nto: b\n" + (rows if number else "fields: {C: c}\n"), name)

    with pytest.raises(ConfigurationError, match="more than 5,000 rows with all that is included"):
        compile_mapping(doubling("x.14").text, file="x.yaml", find=doubling)


def test_an_override_alone_is_no_mapping() -> None:
    with pytest.raises(
        ConfigurationError, match="this file changes another mapping — give it as an override"
    ):
        compile_mapping("override: a\nfields: {A: a}", file="x.yaml")
