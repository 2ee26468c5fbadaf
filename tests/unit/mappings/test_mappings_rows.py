from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappings import CompiledMapping, DictTable, MappingProblem, both_ways, compile_mapping

RECORD: dict[str, object] = {
    "number": "AR-1",
    "due": date(2026, 1, 31),
    "rate": 0.06,
    "zero": 0,
    "no": False,
    "empty": "",
    "blank": "  ",
    "none": None,
    "long": "合同" * 5,
    "tags": ["甲", "乙"],
    "customer": {"id": "C-1", "name": "测试公司", "address": {"city": "杭州"}},
    "lines": [
        {"sku": "S-1", "price": "12.345", "serials": [{"no": "1"}, {"no": "2"}]},
        {"sku": "S-2", "price": None, "serials": []},
    ],
    "payer": {"name": "示例公司"},
    "signed_at": datetime(2026, 1, 4, 16, 30, tzinfo=UTC),
}
TABLES = both_ways({"customers": {"C-1": "CUST1"}, "materials": {"S-1": "M1", "S-2": "M2"}})


def mapping_of(fields: str) -> CompiledMapping:
    rows = "\n".join(f"  {line}" for line in fields.strip().splitlines())
    return compile_mapping(f"mapping: test.thing\nfrom: a\nto: b\nfields:\n{rows}\n", file="test.yaml")


@pytest.mark.parametrize(
    ("row", "data"),
    [
        ("A: number", {"A": "AR-1"}),
        ("A: {from: customer.address.city}", {"A": "杭州"}),
        ("A: customer.none.deeper", {}),
        ("A: rate", {"A": Decimal("0.06")}),
        ("A: zero", {"A": 0}),
        ("A: no", {"A": False}),
        ("A: empty", {}),
        ("A: none", {}),
        ("A: {from: empty, default: ''}", {"A": ""}),
        ("A: {from: none, default: 无}", {"A": "无"}),
        ("A: {from: zero, default: 9}", {"A": 0}),
        ("A: {from: number, default: 9}", {"A": "AR-1"}),
        ("A: {value: CNY}", {"A": "CNY"}),
        ("A: {value: 1.50}", {"A": Decimal("1.50")}),
        ("A: {value: {FNumber: PRE001}}", {"A": {"FNumber": "PRE001"}}),
        ("A: {value: [1, 2]}", {"A": [1, 2]}),
        ("A: {expr: 'rate * 100', as: decimal(2)}", {"A": Decimal("6.00")}),
        ("A: {expr: 'empty or customer.name'}", {"A": "测试公司"}),
        ("A: {from: customer.id, lookup: customers}", {"A": "CUST1"}),
        ("A: {value: CUST1, lookup: customers.inverse}", {"A": "C-1"}),
        ("A: {from: number, lookup: customers, on_miss: pass}", {"A": "AR-1"}),
        ("A: {from: number, lookup: customers, on_miss: default, default: X}", {"A": "X"}),
        ("A: {from: none, lookup: customers}", {}),
        ("A: {from: zero, table: {0: off, 1: on}}", {"A": "off"}),
        ("A: {from: no, table: {true: 1, false: 2}}", {"A": 2}),
        ("A: {from: long, max: 10}", {"A": "合同" * 5}),
        ("A: {from: long, max: 3, truncate: true}", {"A": "合同合"}),
        ("A: {from: number, when: 'rate > 0.05'}", {"A": "AR-1"}),
        ("A: {from: number, when: 'rate > 0.06', required: true}", {}),
        ("A: {from: number, when: true}", {"A": "AR-1"}),
        ("A: {from: blank, as: [strip, upper], default: Z}", {"A": "Z"}),
        ("A: {from: tags, as: 'join(\"、\")'}", {"A": "甲、乙"}),
        ("A: {from: 'lines[*].sku', as: join}", {"A": "S-1,S-2"}),
        ("A: {from: 'lines[*].serials[*].no'}", {"A": ["1", "2"]}),
        ("A: 'lines[1].sku'", {"A": "S-2"}),
        ("A.B.C: number", {"A": {"B": {"C": "AR-1"}}}),
        ("A.B: number\nX: zero\nA.C: none\nA.D: zero", {"A": {"B": "AR-1", "D": 0}, "X": 0}),
        ("A.B: none\nA.C: none", {}),
        ("A: {each: tags, fields: {Name: this}}", {"A": [{"Name": "甲"}, {"Name": "乙"}]}),
        ("A: {each: payer, fields: {Name: name}}", {"A": [{"Name": "示例公司"}]}),
        ("A: {each: none, fields: {Name: name}}", {}),
        ("A: {each: 'lines', where: price, fields: {Sku: sku}}", {"A": [{"Sku": "S-1"}]}),
        ("A: {each: lines, when: none, required: true, fields: {Sku: sku}}", {}),
        (
            "A: {each: lines, fields: {Sku: {from: sku, lookup: materials}, No: parent.number, "
            "City: {expr: 'parent.customer.address.city'}}}",
            {"A": [{"Sku": "M1", "No": "AR-1", "City": "杭州"}, {"Sku": "M2", "No": "AR-1", "City": "杭州"}]},
        ),
        (
            "A: {each: lines, fields: {S: {each: serials, fields: {N: no, Sku: parent.sku, "
            "Of: parent.parent.number}}}}",
            {
                "A": [
                    {"S": [{"N": "1", "Sku": "S-1", "Of": "AR-1"}, {"N": "2", "Sku": "S-1", "Of": "AR-1"}]},
                    {"S": []},
                ]
            },
        ),
    ],
)
def test_row(row: str, data: dict[str, object]) -> None:
    mapping = mapping_of(row)
    mapped = mapping.apply(RECORD, tables=TABLES)
    assert mapped.problems == []
    assert mapped.data == data
    assert mapping.apply_or_raise(RECORD, tables=TABLES) == data


@pytest.mark.parametrize(
    ("row", "kind", "action", "english"),
    [
        ("A: {from: none, required: true}", "missing", "fail", "A: is missing (from none)"),
        ("A: {from: empty, required: true}", "missing", "fail", "A: is missing (from empty)"),
        ("A: {from: blank, as: strip, required: true}", "missing", "fail", "A: is missing (from blank)"),
        ("A: {from: number, as: date}", "invalid", "fail", "A: is not a date (from number)"),
        ("A: {from: lines, as: text}", "invalid", "fail", "A: is not a text (from lines)"),
        (
            "A: {from: number, lookup: customers}",
            "no_code",
            "park",
            "A: has no row in code table 'customers' (from number)",
        ),
        (
            "A: {from: number, lookup: customers, on_miss: fail}",
            "no_code",
            "fail",
            "A: has no row in code table 'customers' (from number)",
        ),
        ("A: {from: number, lookup: x}", "no_code", "park", "A: code table 'x' is not there (from number)"),
        (
            "A: {from: number, table: {a: b}}",
            "no_code",
            "park",
            "A: has no row in code table 'table' (from number)",
        ),
        (
            "A: {from: lines, lookup: customers}",
            "invalid",
            "fail",
            "A: is no key for a code table (from lines)",
        ),
        ("A: {from: long, max: 9}", "too_long", "fail", "A: is longer than 9 characters (from long)"),
        ("A: {value: 1000, max: 3}", "too_long", "fail", "A: is longer than 3 characters (from value 1000)"),
        (
            "A: {expr: 'number * 2'}",
            "expression",
            "fail",
            "A: cannot multiply text and number (column 8 of number * 2)",
        ),
        (
            "A: {from: number, when: 'number > 2'}",
            "expression",
            "fail",
            "A: cannot compare text and number (column 8 of number > 2)",
        ),
        (
            "A: {each: number, fields: {B: b}}",
            "expression",
            "fail",
            "A: expected a list, found text (from number)",
        ),
        ("A: {each: none, required: true, fields: {B: b}}", "missing", "fail", "A: is missing (from none)"),
        (
            "A: {each: lines, where: none, required: true, fields: {B: b}}",
            "missing",
            "fail",
            "A: is missing (from lines)",
        ),
        (
            "A: {each: lines, fields: {B.C: {from: price, required: true}}}",
            "missing",
            "fail",
            "A[1].B.C: is missing (from lines[1].price)",
        ),
        (
            "A: {each: lines, fields: {S: {each: serials, fields: {N: {from: no, table: {1: x}}}}}}",
            "no_code",
            "park",
            "A[0].S[1].N: has no row in code table 'table' (from lines[0].serials[1].no)",
        ),
    ],
)
def test_problem(row: str, kind: str, action: str, english: str) -> None:
    mapping = mapping_of(f"{row}\nZ: number")
    mapped = mapping.apply(RECORD, tables=TABLES)
    assert [(found.kind, found.action, found.message_en) for found in mapped.problems] == [
        (kind, action, english)
    ]
    assert mapped.problems[0].message_zh.startswith(mapped.problems[0].target + "：")
    assert mapped.data["Z"] == "AR-1", "the other rows are still tried"
    with pytest.raises(MappingProblem) as caught:
        mapping.apply_or_raise(RECORD, tables=TABLES)
    assert caught.value.action == action


def test_what_fails_in_an_expression_tells_the_expression_the_column_and_the_types() -> None:
    mapping = mapping_of(
        "A: {from: number, when: 'upper(number) == \"X\" or amount > 1'}\n"
        "B: {expr: '1 + number * 2'}\n"
        "L: {each: lines, where: 'qty - 1 > 0', fields: {P: {expr: 'round(price, 2) - 1'}}}\n"
        "M: {each: rows, fields: {P: {expr: 'round(price, 2) * parent.amount'}}}"
    )
    record = {
        **{"number": "甲", "amount": "乙", "lines": [{"qty": "x"}]},
        "rows": [{"price": Decimal(1)}, {"price": "1"}],
    }
    assert [each.message_zh for each in mapping.apply(record).problems] == [
        "A：文本与数字之间不能做比较 (cannot compare text and number)"
        '（表达式第 32 列：upper(number) == "X" or amount > 1）',
        "B：文本与数字之间不能做乘法 (cannot multiply text and number)（表达式第 12 列：1 + number * 2）",
        "L：文本与数字之间不能做减法 (cannot subtract text and number)（表达式第 5 列：qty - 1 > 0）",
        "M[0].P：数字与文本之间不能做乘法 (cannot multiply number and text)"
        "（表达式第 17 列：round(price, 2) * parent.amount）",
        "M[1].P：round() 需要数字，实际为文本 (round() needs a number, found text)"
        "（表达式第 1 列：round(price, 2) * parent.amount）",
    ]


def test_a_path_that_fails_and_a_number_that_overflows_in_a_converter_are_in_no_expression() -> None:
    mapping = mapping_of(
        "L: {each: number, fields: {A: a}}\nM: 'number[*].a'\nN: {expr: 'huge * huge', as: text}"
    )
    problems = mapping.apply({"number": "x", "huge": Decimal("1E+600")}).problems
    assert [each.message_en for each in problems] == [
        "L: expected a list, found text (from number)",
        "M: expected a list, found text (from number[*].a)",
        "N: number is out of range (column 6 of huge * huge)",
    ]


def test_problems_hold_the_value_and_messages_do_not() -> None:
    mapping = mapping_of("Phone: {from: phone, as: phone}\nB: {expr: 'upper(x) * 1'}")
    problems = mapping.apply({"phone": "138****0001", "x": "secret"}).problems
    assert [problem.value for problem in problems] == ["138****0001", None]
    assert not any("138" in problem.message_en + problem.message_zh for problem in problems)


def test_explain_tells_every_step_and_agrees_with_apply() -> None:
    mapping = mapping_of(
        "A: {from: customer.id, as: [strip, upper], lookup: customers}\n"
        "B: {from: none, default: 7}\n"
        "C: {from: number, when: none}\n"
        "D: {each: lines, fields: {P: {from: price, as: decimal(1)}}}\n"
        "E: {from: number, as: integer}"
    )
    traces = {trace.target: trace for trace in mapping.explain(RECORD, tables=TABLES)}
    assert list(traces) == ["A", "B", "C", "D", "D[0].P", "D[1].P", "E"]
    assert [(step.label, step.value) for step in traces["A"].steps] == [
        ("from customer.id", "C-1"),
        ("as strip", "C-1"),
        ("as upper", "C-1"),
        ("lookup customers C-1", "CUST1"),
    ]
    assert [(step.label, step.value) for step in traces["B"].steps] == [("from none", None), ("default", 7)]
    assert [(step.label, step.value) for step in traces["C"].steps] == [("when none", False)]
    assert traces["D[0].P"].source == "lines[0].price"
    assert traces["D[0].P"].result == Decimal("12.3")
    assert traces["E"].problem == mapping.apply(RECORD, tables=TABLES).problems[0]
    assert {target: trace.result for target, trace in traces.items() if target in "ABCDE"} == {
        "A": "CUST1",
        "B": 7,
        "C": None,
        "D": [{"P": Decimal("12.3")}, {}],
        "E": None,
    }


def test_version_is_written_or_the_digest_of_the_text() -> None:
    text = "mapping: a.b\nfrom: a\nto: b\nfields: {A: b}\n"
    first, second = (compile_mapping(each, file="x.yaml") for each in (text, text + "# note\n"))
    assert first.version != second.version
    assert len(first.version) == 12
    assert compile_mapping("version: 3\n" + text, file="x.yaml").version == "3"
    assert (first.name, first.source, first.target, first.tables) == ("a.b", "a", "b", frozenset())


def test_what_a_mapping_reads() -> None:
    mapping = mapping_of(
        "A: {expr: 'x.y + z', when: w}\nB: {each: lines, where: item_ok, fields: {C: {from: d, lookup: t}}}"
    )
    assert mapping.paths >= {"x.y", "z", "w", "lines", "lines[*].d"}
    assert mapping.tables == {"t"}


def test_results_share_nothing_with_each_other_or_the_record() -> None:
    mapping = mapping_of("A: {value: {list: []}}\nB: customer")
    first, second = mapping.apply(RECORD).data, mapping.apply(RECORD).data
    assert first == second
    assert first["A"] is not second["A"]
    assert first["B"] is not RECORD["customer"]


def test_tables_both_ways() -> None:
    table = DictTable({"a": "1", "b": "1", "c": "2"})
    assert [table.lookup(key) for key in "acx"] == ["1", "2", None]
    assert [table.inverse().lookup(code) for code in "123"] == ["a", "c", None]


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.decimals()
    | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)


def has_float(value: object) -> bool:
    if isinstance(value, dict):
        return any(has_float(each) for each in value.values())
    if isinstance(value, list):
        return any(has_float(each) for each in value)
    return isinstance(value, float)


EVERYTHING = mapping_of(
    """
A: a
B: {expr: 'a or b or 1.5'}
C: {expr: 'coalesce(a, b)'}
D: {from: a, as: decimal(2)}
E: {expr: 'a + b'}
F: {expr: 'max(a, b)', default: 0.5}
G: {from: 'c[*].a'}
H: {from: a, as: json}
I: {from: a, table: {x: 1.5}, on_miss: pass}
J: {each: c, fields: {A: a, T: this, P: parent.b, E: {expr: '-a'}}}
K: {expr: 'sum(c, item.a)', as: text}
L: {from: b, as: split, max: 3}
M: {from: b, as: [text, datetime]}
"""
)


@settings(max_examples=300, deadline=None)
@given(st.fixed_dictionaries({}, optional={"a": plain, "b": plain, "c": plain}))
def test_no_float_leaves_and_explain_always_agrees(record: dict[str, object]) -> None:
    mapped = EVERYTHING.apply(record)
    assert not has_float(mapped.data)
    traces = EVERYTHING.explain(record)
    told = [trace.problem for trace in traces if trace.problem]
    # By their text: a NaN in a problem's value is not equal to itself.
    assert repr(told) == repr(list(mapped.problems)) or len(mapped.problems) > 1
    results = {trace.target: trace.result for trace in traces if "[" not in trace.target}
    assert repr({key: value for key, value in results.items() if value is not None}) == repr(mapped.data)


def test_every_combination_of_options_compiles_and_explains_what_it_does() -> None:
    options = [
        ["from: customer.id", "from: none", "value: C-1", "expr: 'upper(number)'", "expr: number or 1"],
        ["", "as: text", "as: [strip, lower, upper]"],
        ["", "lookup: customers", "table: {C-1: 1.5}, on_miss: pass", "lookup: customers, on_miss: fail"],
        ["", "default: 7"],
        ["", "required: true"],
        ["", "max: 4", "max: 4, truncate: true"],
        ["", "when: number", "when: none"],
    ]
    rows = [f"T{n}: {{{', '.join(filter(None, row))}}}" for n, row in enumerate(product(*options))]
    mapping = mapping_of("\n".join(rows))
    mapped = mapping.apply(RECORD, tables=TABLES)
    traces = mapping.explain(RECORD, tables=TABLES)
    assert [trace.problem for trace in traces if trace.problem] == mapped.problems
    assert {trace.target: trace.result for trace in traces if trace.result is not None} == mapped.data
