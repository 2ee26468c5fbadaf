"""What generated code does itself instead of calling a converter is what the converter does."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mappings import compile_mapping
from mappings.converters import SHORTCUTS, Convert, build
from mappings.problems import ConversionError

ROUNDED = {"decimal(0)": 0, "decimal(2)": 2, "decimal(12)": 12}
VALUES = st.one_of(
    st.text(max_size=5),
    st.sampled_from([" ", "1,200", "是", "2026-01-05", "１２"]),
    st.integers(),
    st.sampled_from([10**59, 10**60, -(10**30), 253402300799, 253402300800, -1]),
    st.decimals(),
    st.decimals(min_value=-(10**25), max_value=10**25, allow_nan=False, places=3),
    st.sampled_from([Decimal("1E+60"), Decimal("1E+61"), Decimal("1E-61"), Decimal("9.5E+19")]),
    st.floats(),
    st.booleans(),
    st.dates(date(1000, 1, 1)),  # strftime writes earlier years with fewer digits
    st.datetimes(datetime(1000, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 (the zone is beside it)
    st.lists(st.integers(), max_size=2),
)


@pytest.mark.parametrize("text", [*SHORTCUTS, *ROUNDED])
def test_a_shortcut_is_what_its_converter_does(text: str) -> None:
    mapping = compile_mapping(
        f"mapping: m.x\nfrom: a\nto: b\nfields:\n  T: {{from: a, as: {text}}}\n", file="m"
    )
    name = text.partition("(")[0]
    convert = build(name, [ROUNDED[text]] if text in ROUNDED else [], {})

    @settings(max_examples=60, deadline=None)
    @given(VALUES)
    @example(date(2026, 1, 5))
    @example(datetime(2026, 1, 5, tzinfo=UTC))
    def same(value: object) -> None:
        found = mapping.apply({"a": value})
        wrong = [problem.kind for problem in found.problems]
        assert (repr(found.data), wrong) == _expected(convert, value)

    same()


def _expected(convert: Convert, value: object) -> tuple[str, list[str]]:
    try:
        result = None if value == "" else convert(value)
    except ConversionError as error:
        return "{}", [error.kind]
    return repr({} if result is None else {"T": result}), []
