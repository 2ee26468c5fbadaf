from typing import Any

from hub.mapping_diff import MappingDiff, compare
from hub.reruns import Given
from mappings import both_ways, compile_mapping

BEFORE = """\
mapping: a.b
from: x
to: y
version: before
fields:
  Name: name
  Price: {from: price, as: decimal(2)}
  Code: {from: customer, lookup: customers}
  Lines: {each: lines, fields: {Sku: sku, Note: {from: note, default: 无}}}
  Tax.Rate: {value: 1}
"""


def _diff(old: str, new: str, *records: dict[str, Any], tables: dict[str, dict[str, str]]) -> MappingDiff:
    before, after = (
        compile_mapping(BEFORE.replace(old, text).replace("version: before", f"version: {name}"), file=name)
        for name, text in (("before", old), ("after", new))
    )
    given = [Given(f"收件 {n}", "a.b", record, {}) for n, record in enumerate(records, start=1)]
    return compare(before, after, given, tables=both_ways(tables))


def _shown(found: MappingDiff) -> dict[str, tuple[int, object, object]]:
    fields = found.as_json()["fields"]
    return {
        each["name"]: (each["records"], each["examples"][0]["before"], each["examples"][0]["after"])
        for each in fields
    }


def _record(**more: object) -> dict[str, Any]:
    return {"name": "甲", "price": "1.5", "lines": [{"sku": "S-1"}, {"sku": "S-2"}]} | more


def test_equal_versions_change_nothing() -> None:
    found = _diff("Name: name", "Name: name", _record(), _record(), tables={})
    assert (found.records, found.changed_records, found.fields) == (2, 0, {})


def test_each_changed_field_is_told_once_with_how_many_records_and_an_example() -> None:
    found = _diff("Name: name", "Title: name", _record(), _record(), _record(name=""), tables={})
    assert (found.records, found.changed_records) == (3, 2)
    assert _shown(found) == {"Name": (2, "甲", None), "Title": (2, None, "甲")}
    assert [each.subject for each in found.fields["Name"].examples] == ["收件 1", "收件 2"]


def test_a_field_of_several_lines_counts_once_per_record() -> None:
    found = _diff("default: 无", "default: 空", _record(), tables={})
    assert _shown(found) == {"Lines[*].Note": (1, "无", "空")}


def test_it_is_compared_as_the_vendor_would_see_it() -> None:
    assert list(_shown(_diff("decimal(2)", "decimal(3)", _record(), tables={}))) == ["Price"]
    assert list(_shown(_diff("value: 1", 'value: "1"', _record(), tables={}))) == ["Tax.Rate"]
    assert list(_shown(_diff("value: 1", "value: true", _record(), tables={}))) == ["Tax.Rate"]


def test_lines_that_come_or_go_are_seen() -> None:
    found = _diff("each: lines,", "each: lines, where: 'sku == \"S-1\"',", _record(), tables={})
    assert _shown(found) == {"Lines[*].Sku": (1, "S-2", None), "Lines[*].Note": (1, "无", None)}


def test_new_and_resolved_problems_are_told_apart() -> None:
    tables = {"customers": {"C-1": "CUST1"}, "buyers": {"C-2": "CUST2"}}
    found = _diff(
        "lookup: customers", "lookup: buyers", *(_record(customer=f"C-{n}") for n in (1, 2)), tables=tables
    )
    told = found.as_json()
    assert [(each["name"], each["records"]) for each in told["new_problems"]] == [("no_code Code", 1)]
    assert [(each["name"], each["records"]) for each in told["resolved_problems"]] == [("no_code Code", 1)]
    assert "buyers" in told["new_problems"][0]["examples"][0]["after"]
    assert found.changed_records == 2


def test_the_most_frequent_change_comes_first_and_examples_are_few() -> None:
    records = [_record(name="") for _ in range(5)] + [_record()]
    found = _diff(
        "Name: name", "Name: {from: name, default: 无名, max: 1, truncate: true}", *records, tables={}
    )
    assert found.as_json()["fields"][0]["records"] == 5
    assert len(found.as_json()["fields"][0]["examples"]) == 3
