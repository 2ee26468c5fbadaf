"""An expression reads its data and nothing else, whatever is written; and what it says holds."""

from collections.abc import Iterator, Mapping
from decimal import ROUND_HALF_UP, Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from expressions import EvaluationError, ExpressionError, compile_expression, parse_path
from tests.expression_grammar import DATA, Grammar, Trap

MONEY = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=2)
NUMBERS = st.one_of(MONEY, st.integers(-(10**9), 10**9), st.none())
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), MONEY, st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["a", "b", "c"]), inner, max_size=3)
    ),
    max_leaves=8,
)


class Watched(Mapping[str, object]):
    def __init__(self) -> None:
        self.read: set[str] = set()

    def __getitem__(self, key: str) -> object:
        self.read.add(key)
        return DATA[key]

    def __iter__(self) -> Iterator[str]:
        raise AssertionError("the record is never walked")

    def __len__(self) -> int:
        return len(DATA)


def test_nothing_is_read_but_what_an_expression_says_it_reads() -> None:
    grammar = Grammar(seed=3)
    evaluated = 0
    for _ in range(1_000):
        data = Watched()
        try:
            expression = compile_expression(grammar.text())
            expression(data)
        except (ExpressionError, EvaluationError):
            continue
        evaluated += bool(data.read)
        assert data.read <= expression.names
    assert evaluated > 50


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40))
def test_any_text_compiles_or_is_refused(source: str) -> None:
    try:
        compiled = compile_expression(source).source
    except ExpressionError as error:
        compiled = source if error.column >= 1 else ""
    assert compiled == source


@settings(max_examples=150, deadline=None)
@given(JSON, st.lists(st.sampled_from([".a", ".b", "[0]", "[-1]"]), max_size=4).map("".join))
def test_a_path_never_fails(data: object, steps: str) -> None:
    source = f"a{steps}"
    compile_expression(source)({"a": data})
    expression = compile_expression(f"{source} is None")
    assert expression.test({"a": data}) is (compile_expression(source)({"a": data}) is None)
    assert str(parse_path(source)) == source


@settings(max_examples=100, deadline=None)
@given(MONEY, MONEY)
def test_money_is_exact(first: Decimal, second: Decimal) -> None:
    record = {"a": first, "b": second, "places": 2}
    for source, expected in (
        ("a + b", first + second),
        ("a - b", first - second),
        ("a * 0.06", first * Decimal("0.06")),
        ("-a", -first),
        ("a < b", first < second),
        ("a == b", first == second),
        ("max(a, b)", max(first, second)),
        ("round(a * 0.13, 2)", (first * Decimal("0.13")).quantize(Decimal("0.01"), ROUND_HALF_UP)),
    ):
        assert compile_expression(source)(record) == expected
    # The same by the function itself and by the code that stands for it.
    assert compile_expression("round(a / 7, 2) == round(a / 7, places)").test(record)
    if second:
        assert compile_expression("round(a / b * b, 4) == a").test(record)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.fixed_dictionaries({"n": NUMBERS}), max_size=6), NUMBERS)
def test_list_functions_agree_with_each_other(lines: list[dict[str, object]], limit: object) -> None:
    record = {"lines": lines, "limit": limit}
    for source in (
        "count(lines, item.n > limit) + count(lines, not item.n > limit) == count(lines)",
        "any(lines, item.n > limit) == (count(lines, item.n > limit) > 0)",
        "all(lines, item.n > limit) == (not any(lines, not item.n > limit))",
        "sum(lines, item.n) == sum(each(lines, item.n))",
        "len(each(lines, item.n)) == count(lines, item.n is not None)",
        "sum(lines, item.n * 2) == sum(lines, item.n) * 2",
        "len(each(lines, item.n)) == 0 or max(each(lines, item.n)) >= min(each(lines, item.n))",
    ):
        assert compile_expression(source).test(record), source


@settings(max_examples=100, deadline=None)
@given(st.text("ab* 中", max_size=30), st.text("ab中", min_size=1, max_size=2))
def test_texts_agree_with_python(text: str, part: str) -> None:
    record = {"text": text, "part": part}
    for source, expected in (
        ("contains(text, part)", part in text),
        ('like(text, concat("*", part, "*"))', part in text),
        ("starts_with(concat(part, text), part)", True),
        ('replace(text, part, "") == text', part not in text),
        ("len(concat(text, part)) == len(text) + len(part)", True),
        ("substring(concat(part, text), len(part)) == text", True),
        ("join(split(text, part), part)", part.join(s for p in text.split(part) if (s := p.strip()))),
    ):
        assert compile_expression(source)(record) == expected, source


def test_objects_in_the_data_are_not_entered() -> None:
    trap = {"a": Trap()}
    for source in ("a.b", "a[0]", "a.b.c", 'a["x"]'):
        assert compile_expression(source)(trap) is None
