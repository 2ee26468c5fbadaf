"""Whatever is written, an expression is refused or reads its data, and nothing else."""

from collections.abc import Iterator, Mapping
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from expressions import EvaluationError, ExpressionError, compile_expression


class Trap:
    """Data whose attributes must never be touched."""

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"reached {name}")


class Watched(Mapping[str, object]):
    def __init__(self) -> None:
        self.read: set[str] = set()
        self._data: dict[str, object] = {
            "a": Decimal("1.5"),
            "b": "text",
            "c": [{"a": 1}, {"a": 0.1}],
            "d": {"e": None, "f": "2026-01-05"},
        }

    def __getitem__(self, key: str) -> object:
        self.read.add(key)
        return self._data[key]

    def __iter__(self) -> Iterator[str]:
        raise AssertionError("the record is never walked")

    def __len__(self) -> int:
        return len(self._data)


PLAIN = (
    "a",
    "b",
    "c",
    "d.e",
    "d.f",
    "c[0].a",
    "x",
    "None",
    "True",
    "1",
    "0.1",
    '"t"',
    "[1,2]",
    "item.a",
    "this",
)
ATTACKS = (
    "a.__class__",
    "__import__",
    "b.upper",
    "d.keys()",
    "().__class__.__base__",
    "open('x')",
    "globals()",
)
leaves = st.sampled_from(PLAIN + ATTACKS)


def compound(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    binary = st.sampled_from(
        ["+", "-", "*", "/", "<", "<=", "==", "!=", "in", "not in", "and", "or", "is", "**", "%", "|", "@"]
    )
    function = st.sampled_from(
        [
            "upper",
            "len",
            "round",
            "max",
            "concat",
            "text",
            "number",
            "date",
            "count",
            "sum",
            "any",
            "eval",
            "getattr",
        ]
    )
    return st.one_of(
        st.tuples(inner, binary, inner).map(lambda parts: f"({' '.join(parts)})"),
        st.tuples(function, st.lists(inner, max_size=3)).map(lambda call: f"{call[0]}({', '.join(call[1])})"),
        st.tuples(inner, inner, inner).map(lambda parts: f"({parts[0]} if {parts[1]} else {parts[2]})"),
        inner.map(lambda part: f"(not {part})"),
        inner.map(lambda part: f"[{part} for q in {part}]"),
        inner.map(lambda part: f"{part}.mro()"),
        inner.map(lambda part: f"(-{part})"),
    )


@settings(max_examples=400, deadline=None)
@given(st.recursive(leaves, compound, max_leaves=8))
def test_a_grammar_of_attacks_reaches_nothing(source: str) -> None:
    data = Watched()
    try:
        expression = compile_expression(source)
        result = expression(data)
    except (ExpressionError, EvaluationError):
        return
    assert "__" not in source
    assert not callable(result)
    assert not isinstance(result, float)
    assert data.read <= expression.names


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40))
def test_any_text_compiles_or_is_refused(source: str) -> None:
    try:
        compiled = compile_expression(source).source
    except ExpressionError as error:
        compiled = source if error.column >= 1 else ""
    assert compiled == source


@settings(max_examples=100)
@given(
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=2),
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=2),
)
def test_sums_of_money_are_exact(first: Decimal, second: Decimal) -> None:
    assert compile_expression("a + b")({"a": first, "b": second}) == first + second
    assert compile_expression("a < b")({"a": first, "b": second}) == (first < second)


def test_objects_in_the_data_are_not_entered() -> None:
    trap = {"a": Trap()}
    for source in ("a.b", "a[0]", "a.b.c", 'a["x"]'):
        assert compile_expression(source)(trap) is None
