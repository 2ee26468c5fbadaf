from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings import CONVERTERS, ConversionError, compile_mapping

NOT_FINITE = [
    float("nan"),
    float("inf"),
    *map(Decimal, ("NaN", "sNaN", "Infinity", "-Infinity")),
]
REQUIRED = {"pad": 5, "replace": "a", "substring": 0, "prefix": "a", "suffix": "a", "item": 0}
JANUARY = datetime(2026, 1, 5, 4, 0, tzinfo=UTC)


def convert(written: str, value: object) -> object:
    row = f"T: {{from: x, as: {written!r}}}" if '"' in written else f'T: {{from: x, as: "{written}"}}'
    mapping = compile_mapping(f"mapping: a\nfrom: a\nto: b\nfields:\n  {row}\n", file="x.yaml")
    mapped = mapping.apply({"x": value})
    if mapped.problems:
        raise ConversionError(mapped.problems[0].message_en, mapped.problems[0].message_zh)
    return mapped.data.get("T")


@pytest.mark.parametrize(
    ("written", "value", "expected"),
    [
        ("text", 5, "5"),
        ("text", 1.50, "1.5"),
        ("text", Decimal("1E+2"), "100"),
        ("text", True, "true"),
        ("text", date(2026, 1, 5), "2026-01-05"),
        ("text", 6222000000000000001, "6222000000000000001"),
        ("integer", "1,234", 1234),
        ("integer", Decimal("3.0"), 3),
        ("integer", " ", None),
        ("decimal", "１２.5", Decimal("12.5")),
        ("decimal(2)", "2.345", Decimal("2.35")),
        ("decimal(2)", 2.345, Decimal("2.35")),
        ("decimal(2, half_even)", "2.345", Decimal("2.34")),
        ('decimal(2, rounding="down")', "-2.349", Decimal("-2.34")),
        ("decimal(0)", "1299.5", Decimal("1300")),
        ("decimal(6)", 7, Decimal("7.000000")),
        ("fen", "12.99", 1299),
        ("fen", Decimal("0.10"), 10),
        ("fen", 0.1, 10),
        ("yuan", 1299, Decimal("12.99")),
        ("yuan", "5", Decimal("0.05")),
        ("boolean", "是", True),
        ("boolean", "NO", False),
        ("boolean", 1, True),
        ("boolean", False, False),
        ("boolean(合格, 不合格)", "不合格", False),
        ("date", "2026-01-05", date(2026, 1, 5)),
        ("date", "2026/1/5 23:59", date(2026, 1, 5)),
        ("date", "20260105", date(2026, 1, 5)),
        ("date", "2026年1月5日", date(2026, 1, 5)),
        ("date", datetime(2026, 1, 4, 16, 30, tzinfo=UTC), date(2026, 1, 5)),
        ("date", "2026-01-04T16:30:00Z", date(2026, 1, 5)),
        ('date("%d.%m.%Y")', "05.01.2026", date(2026, 1, 5)),
        ('date(zone="UTC")', datetime(2026, 1, 4, 16, 30, tzinfo=UTC), date(2026, 1, 4)),
        ("datetime", "2026-01-05 12:00:00", JANUARY),
        ("datetime", "2026/1/5 12:00", JANUARY),
        ("datetime", "2026-01-05T12:00:00+08:00", JANUARY),
        ("datetime", "2026-01-05T04:00:00Z", JANUARY),
        ("datetime", "2026-01-05", datetime(2026, 1, 4, 16, 0, tzinfo=UTC)),
        ("datetime", date(2026, 1, 5), datetime(2026, 1, 4, 16, 0, tzinfo=UTC)),
        ('datetime("%Y%m%d%H%M%S")', "20260105120000", JANUARY),
        ('datetime(zone="UTC")', "2026-01-05 04:00", JANUARY),
        ("epoch_seconds", 1767585600, JANUARY),
        ("epoch_seconds", "1767585600", JANUARY),
        ("epoch_millis", 1767585600123, JANUARY + timedelta(milliseconds=123)),
        ("to_epoch_seconds", JANUARY, 1767585600),
        ("to_epoch_millis", "2026-01-05 12:00", 1767585600000),
        ("format_date", JANUARY, "2026-01-05"),
        ('format_date("%Y/%m/%d %H:%M")', JANUARY, "2026/01/05 12:00"),
        ('format_date("%Y%m%d")', "2026-01-05", "20260105"),
        ('format_date("%Y年%m月")', date(2026, 1, 5), "2026年01月"),
        ("phone", "138 0000 0001", "+8613800000001"),
        ("phone", "+8613800000001", "+8613800000001"),
        ("phone", 13800000001, "+8613800000001"),
        ("phone", "0571-88880000", "+8657188880000"),
        ("phone(HK)", "2123 4567", "+85221234567"),
        ("credit_code", "91110000600037341l", "91110000600037341L"),
        ("upper", "ab", "AB"),
        ("lower", "AB", "ab"),
        ("strip", "  a ", "a"),
        ("strip", "   ", None),
        ("join", ["a", 1, None], "a,1"),
        ('join("、")', ["甲", "乙"], "甲、乙"),
        ("join", "a", "a"),
        ("split", "a, b,,c", ["a", "b", "c"]),
        ('split("；")', "甲；乙", ["甲", "乙"]),
        ("digits", "编号 １２-3", "123"),
        ("halfwidth", "（ＡＢ）１２", "(AB)12"),
        ("squeeze", "  a \t b\u3000c ", "a b c"),
        ("pad(6)", 42, "000042"),
        ("pad(4, fill=x, side=right)", "ab", "abxx"),
        ("pad(2)", "abc", "abc"),
        ('replace("-")', "AR-1-2", "AR12"),
        ('replace("有限公司", "")', "示例有限公司", "示例"),
        ("replace(a)", "aaa", None),
        ("substring(1, 3)", "abcd", "bc"),
        ("substring(-2)", "abcd", "cd"),
        ("substring(9)", "abcd", None),
        ("prefix(C)", 17, "C17"),
        ('suffix("号")', 17, "17号"),
        ("item(0)", [0.5, 2], Decimal("0.5")),
        ("item(-1)", ["a", "b"], "b"),
        ("item(2)", ["a", "b"], None),
        ("rmb_upper", "0", "零元整"),
        ("rmb_upper", Decimal("-0.00"), "零元整"),
        ("rmb_upper", "0.05", "伍分"),
        ("rmb_upper", 0.1, "壹角"),
        ("rmb_upper", "1,200.50", "壹仟贰佰元伍角"),
        ("rmb_upper", Decimal("1E+4"), "壹万元整"),
        ("rmb_upper", 10001, "壹万零壹元整"),
        ("rmb_upper", "110.05", "壹佰壹拾元零伍分"),
        ("rmb_upper", "-5.2", "负伍元贰角"),
        (
            "rmb_upper",
            "9007199254740993.01",
            "玖仟零柒万壹仟玖佰玖拾贰亿伍仟肆佰柒拾肆万零玖佰玖拾叁元零壹分",
        ),
        ("rmb_upper", " ", None),
        ("region_of_address", "浙江省宁波市示例路1号", "浙江省"),
        ("region_of_address(city)", "浙江省宁波市示例路1号", "宁波市"),
        ("region_of_address(city)", "浙江 杭州 西湖区", "杭州市"),
        ("region_of_address", "余杭区示例路", "浙江省"),
        ("region_of_address(city)", "吉林市昌邑区", "吉林市"),
        ("region_of_address", "广西南宁", "广西壮族自治区"),
        ("region_of_address(city)", "北京朝阳区", "北京市"),
        ("region_of_address(city)", "湖北省仙桃市", "仙桃市"),
        ("region_of_address(city)", "广东省", None),
        ("region_of_address", "朝阳区示例路", None),
        ("region_of_address", "示例路1号", None),
        ("region_of_phone", "+8613800000001", "北京市"),
        ("region_of_phone(city)", "0571-88880000", "杭州市"),
        ("region_of_phone", "4008001234", None),
        ("region_of_phone", "+85221234567", "香港特别行政区"),
        ("region_of_phone", "+16502530000", None),
        ("json", '{"a": [1, 2.50]}', {"a": [1, Decimal("2.50")]}),
        ("json", {"a": 0.1}, {"a": Decimal("0.1")}),
    ],
)
def test_conversion(written: str, value: object, expected: object) -> None:
    found = convert(written, value)
    assert found == expected
    assert str(found) == str(expected)


@pytest.mark.parametrize(
    ("written", "value", "message"),
    [
        ("integer", "1.5", "is not a whole number"),
        ("integer", "abc", "is not a number"),
        ("integer", True, "is not a number"),
        ("decimal(2)", float("nan"), "is not a number"),
        ("decimal(2)", "1e5", "is not a number"),
        ("decimal(12)", Decimal(10) ** 40, "is too large a number"),
        ("fen", "0.125", "has fractions of a fen"),
        ("yuan", "1.5", "is not a whole number of fen"),
        ("boolean", "maybe", "is not true or false"),
        ("date", "2026-02-30", "is not a date"),
        ("date", 20260105, "is not a date"),
        ('date("%d.%m.%Y")', "2026-01-05", "is not a date"),
        ("datetime", "25:00", "is not a date and time"),
        ("epoch_millis", 10**30, "is not a moment"),
        ("phone", "138****0001", "is not a phone number"),
        ("phone", "12", "is not a phone number"),
        ("credit_code", "91110000600037341X", "is not a unified social credit code"),
        ("text", {"a": 1}, "is not a text"),
        ("item(0)", "abc", "is not a list"),
        ("pad(5)", ["a"], "is not a text"),
        ("rmb_upper", "0.005", "has fractions of a fen"),
        ("rmb_upper", 10**16, "is too large an amount"),
        ("rmb_upper", "many", "is not a number"),
        ("region_of_phone", "138****0001", "is not a phone number"),
        ("region_of_address", {"city": "x"}, "is not a text"),
        ("json", "{", "is not JSON"),
        ("json", "NaN", "is not JSON"),
    ],
)
def test_refused(written: str, value: object, message: str) -> None:
    with pytest.raises(ConversionError, match=message):
        convert(written, value)


@pytest.mark.parametrize("name", sorted(CONVERTERS))
def test_every_converter_leaves_absent_values_out_and_refuses_odd_ones_politely(name: str) -> None:
    written = f"{name}({REQUIRED[name]})" if name in REQUIRED else name
    assert convert(written, None) is None
    assert convert(written, "") is None
    for odd in (b"bytes", object(), *NOT_FINITE, 10**4000, [Decimal("NaN")], {"a": Decimal("Infinity")}):
        try:
            result = convert(written, odd)
        except ConversionError as error:
            result = str(error)
        assert not isinstance(result, float)
        assert "nan" not in repr(result).lower()
        assert "infinity" not in repr(result).lower()


@pytest.mark.parametrize(
    "value", [*NOT_FINITE, Decimal("1E+400"), [Decimal("NaN")], {"a": [Decimal("sNaN")]}]
)
@pytest.mark.parametrize(
    "row",
    [
        "x",
        "{expr: x}",
        "{expr: x + 0}",
        "{expr: 'coalesce(y, x)'}",
        "{expr: 'x if x is not None else 1'}",
        "{expr: 'abs(x)'}",
        "{from: x, as: decimal}",
        "{from: x, as: decimal(2)}",
        "{from: x, as: json}",
        "{from: x, lookup: t, on_miss: pass}",
        "{from: x, table: {a: b}}",
        "{from: x, default: 1}",
        "{each: l, fields: {A: parent.x}}",
    ],
)
def test_a_number_that_is_none_never_passes(row: str, value: object) -> None:
    mapping = compile_mapping(f"mapping: a\nfrom: a\nto: b\nfields:\n  T: {row}\n", file="x.yaml")
    mapped = mapping.apply({"x": value, "l": [1]})
    assert len(mapped.problems) == 1
    assert mapped.data in ({}, {"T": [{}]})


DIGITS = {digit: value for value, digit in enumerate("零壹贰叁肆伍陆柒捌玖")}
UNITS = {"拾": 10, "佰": 100, "仟": 1000}


def read_whole(text: str) -> int:
    """Another way round, by the rules of the notation: what a clerk would read."""
    for unit, size in (("亿", 10**8), ("万", 10**4)):
        if unit in text:
            above, below = text.rsplit(unit, 1)
            return read_whole(above) * size + read_whole(below)
    total = digit = 0
    for sign in text:
        if sign in UNITS:
            total, digit = total + digit * UNITS[sign], 0
        else:
            digit = DIGITS[sign]
    return total + digit


def read_rmb(text: str) -> Decimal:
    whole, _, rest = text.removesuffix("整").removeprefix("负").rpartition("元")
    tenths, _, hundredths = rest.rpartition("角")
    fen = DIGITS[hundredths.removesuffix("分")[-1:] or "零"] + 10 * DIGITS[tenths or "零"]
    amount = (read_whole(whole) * 100 + fen) * (-1 if text.startswith("负") else 1)
    return Decimal(amount).scaleb(-2)


@given(st.decimals(-(10**15), 10**15, places=2, allow_nan=False) | st.integers(-(10**16) + 1, 10**16 - 1))
def test_an_amount_written_out_is_the_amount(amount: Decimal | int) -> None:
    assert read_rmb(str(convert("rmb_upper", amount))) == amount


amounts = st.decimals(min_value=0, max_value=10**12, places=2, allow_nan=False)
moments = st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
whole_seconds = moments.map(lambda moment: moment.replace(microsecond=0))
PAIRS: list[tuple[str, str, st.SearchStrategy[object]]] = [
    ("fen", "yuan", amounts),
    ("to_epoch_seconds", "epoch_seconds", whole_seconds),
    ('format_date("%Y-%m-%d %H:%M:%S")', "datetime", whole_seconds),
    ('format_date("%Y%m%d")', "date", st.dates(min_value=date(1000, 1, 1))),
    ("text", "decimal", amounts),
    ("text", "integer", st.integers(-(10**18), 10**18)),
    ("text", "boolean", st.booleans()),
    ("join", "split", st.lists(st.text(alphabet="ab甲", min_size=1, max_size=3), min_size=1, max_size=4)),
]


@pytest.mark.parametrize(("there", "back", "values"), PAIRS, ids=[f"{pair[0]}-{pair[1]}" for pair in PAIRS])
def test_there_and_back(there: str, back: str, values: st.SearchStrategy[object]) -> None:
    mapping = compile_mapping(
        f"mapping: a\nfrom: a\nto: b\nfields:\n  T:\n    from: x\n    as:\n      - {there}\n      - {back}\n",
        file="x.yaml",
    )

    @given(values)
    def identity(value: object) -> None:
        assert mapping.apply({"x": value}).data["T"] == value

    check: Callable[[], None] = identity
    check()
