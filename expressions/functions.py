"""The registered functions. None in a text or date function gives None, unless said otherwise."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from expressions import operations
from expressions.errors import EvaluationError, out_of_range
from expressions.operations import CONTEXT, bounded
from expressions.values import date_of, decimal_of, kind_of, parse_number, text_of

MANY = 50
MAX_WHOLE = 10_000_000


@dataclass(frozen=True, slots=True)
class Function:
    name: str
    call: Callable[..., object]
    minimum: int
    maximum: int
    signature: str
    # The second argument is evaluated for each item of the list that is the first.
    over_list: bool = False


def _wrong(function: str, expected: str, expected_zh: str, value: object) -> EvaluationError:
    kind, kind_zh = kind_of(value)
    return EvaluationError(
        f"{function}() needs {expected}, found {kind}", f"{function}() 需要{expected_zh}，实际为{kind_zh}"
    )


def _text(function: str, value: object) -> str:
    text = text_of(value)
    if text is None:
        raise _wrong(function, "a text", "文本", value)
    return text


def _number(function: str, value: object) -> Decimal:
    number = decimal_of(value)
    if number is None:
        raise _wrong(function, "a number", "数字", value)
    return number


def _whole(function: str, value: object) -> int:
    number = _number(function, value)
    if number != number.to_integral_value() or abs(number) > MAX_WHOLE:
        raise EvaluationError(f"{function}() needs a small whole number", f"{function}() 需要较小的整数")
    return int(number)


def _date(function: str, value: object) -> date:
    found = date_of(value)
    if found is None:
        raise _wrong(function, "a date such as 2026-01-05", "日期，如 2026-01-05", value)
    return found


def upper(value: object) -> object:
    return None if value is None else _text("upper", value).upper()


def lower(value: object) -> object:
    return None if value is None else _text("lower", value).lower()


def strip(value: object) -> object:
    return None if value is None else _text("strip", value).strip()


def length(value: object) -> int:
    if value is None:
        return 0
    if isinstance(value, list | tuple | Mapping):
        return len(value)
    return len(_text("len", value))


def concat(*values: object) -> str:
    """Texts one after another; None counts as an empty text."""
    try:
        joined = "".join(values)  # type: ignore[arg-type]
    except TypeError:  # not only texts
        joined = "".join(_text("concat", value) for value in values if value is not None)
    return bounded(joined)


def replace(value: object, old: object, new: object) -> object:
    if value is None:
        return None
    text, before, after = _text("replace", value), _text("replace", old), _text("replace", new)
    if not before:
        raise EvaluationError("replace() needs a text to look for", "replace() 的查找内容为空")
    # The length is known beforehand, so that a huge text is never built.
    if len(text) + text.count(before) * (len(after) - len(before)) > operations.MAX_TEXT:
        bounded(" " * (operations.MAX_TEXT + 1))
    return text.replace(before, after)


def substring(value: object, start: object, size: object = None) -> object:
    if value is None:
        return None
    text, begin = _text("substring", value), _whole("substring", start)
    begin = max(begin + len(text), 0) if begin < 0 else begin
    return text[begin:] if size is None else text[begin : begin + max(_whole("substring", size), 0)]


def starts_with(value: object, prefix: object) -> bool:
    return value is not None and _text("starts_with", value).startswith(_text("starts_with", prefix))


def ends_with(value: object, suffix: object) -> bool:
    return value is not None and _text("ends_with", value).endswith(_text("ends_with", suffix))


def contains(value: object, part: object) -> bool:
    return operations.contains(value, part)


def coalesce(*values: object) -> object:
    return next((value for value in values if value is not None and value != ""), None)


def round_half_up(value: object, places: object = 0) -> object:
    if value is None:
        return None
    digits = _whole("round", places)
    if not 0 <= digits <= 12:
        raise EvaluationError("round() allows 0 to 12 places", "round() 只允许 0 到 12 位小数")
    try:
        return _number("round", value).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP, CONTEXT)
    except ArithmeticError as error:
        raise out_of_range() from error


def absolute(value: object) -> object:
    return None if value is None else _number("abs", value).copy_abs()


def least(*values: object) -> object:
    return _extreme(values, operations.less)


def greatest(*values: object) -> object:
    return _extreme(values, operations.greater)


def _extreme(values: tuple[object, ...], beats: Callable[[object, object], bool]) -> object:
    """Of several values, or of the values of one list."""
    best: object = None
    for value in operations.items(values[0]) if len(values) == 1 else values:
        if best is None or beats(value, best):
            best = value
    return best


def text(value: object) -> object:
    return None if value is None else _text("text", value)


def number(value: object) -> object:
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if not isinstance(value, str):
        return _number("number", value)
    if (found := parse_number(value)) is None:
        raise EvaluationError("number() cannot read this text", "number() 读不出数字")
    return found


def to_date(value: object) -> object:
    return None if value is None or value == "" else _date("date", value)


def year(value: object) -> object:
    return None if value is None else _date("year", value).year


def month(value: object) -> object:
    return None if value is None else _date("month", value).month


def day(value: object) -> object:
    return None if value is None else _date("day", value).day


def days_between(first: object, second: object) -> object:
    if first is None or second is None:
        return None
    return (_date("days_between", second) - _date("days_between", first)).days


def add_days(value: object, days: object) -> object:
    if value is None or days is None:
        return None
    start = value if isinstance(value, datetime) else _date("add_days", value)
    try:
        return start + timedelta(days=_whole("add_days", days))
    except OverflowError as error:
        raise EvaluationError("date is out of range", "日期超出范围") from error


FUNCTIONS: Mapping[str, Function] = {
    function.name: function
    for function in (
        Function("upper", upper, 1, 1, "upper(text)"),
        Function("lower", lower, 1, 1, "lower(text)"),
        Function("strip", strip, 1, 1, "strip(text)"),
        Function("len", length, 1, 1, "len(text or list)"),
        Function("concat", concat, 1, MANY, "concat(value, …)"),
        Function("replace", replace, 3, 3, "replace(text, old, new)"),
        Function("substring", substring, 2, 3, "substring(text, start, length)"),
        Function("starts_with", starts_with, 2, 2, "starts_with(text, prefix)"),
        Function("ends_with", ends_with, 2, 2, "ends_with(text, suffix)"),
        Function("contains", contains, 2, 2, "contains(text or list, part)"),
        Function("coalesce", coalesce, 1, MANY, "coalesce(value, …)"),
        Function("text", text, 1, 1, "text(value)"),
        Function("number", number, 1, 1, "number(text)"),
        Function("round", round_half_up, 1, 2, "round(number, places)"),
        Function("abs", absolute, 1, 1, "abs(number)"),
        Function("min", least, 1, MANY, "min(value, …)"),
        Function("max", greatest, 1, MANY, "max(value, …)"),
        Function("date", to_date, 1, 1, "date(text)"),
        Function("year", year, 1, 1, "year(date)"),
        Function("month", month, 1, 1, "month(date)"),
        Function("day", day, 1, 1, "day(date)"),
        Function("days_between", days_between, 2, 2, "days_between(first, second)"),
        Function("add_days", add_days, 2, 2, "add_days(date, days)"),
        Function("count", operations.count_of, 1, 2, "count(list, condition on item)", over_list=True),
        Function("sum", operations.sum_of, 1, 2, "sum(list, value of item)", over_list=True),
        Function("any", operations.any_of, 1, 2, "any(list, condition on item)", over_list=True),
        Function("all", operations.all_of, 1, 2, "all(list, condition on item)", over_list=True),
    )
}
