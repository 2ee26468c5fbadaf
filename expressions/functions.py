"""The registered functions. None in a text or date function gives None, unless said otherwise."""

from calendar import monthrange
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, date, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal

from expressions import operations
from expressions.errors import EvaluationError, out_of_range
from expressions.operations import CONTEXT, bounded
from expressions.values import SHANGHAI, date_of, decimal_of, kind_of, moment_of, parse_number, text_of

MANY = 50
MAX_WHOLE = 10_000_000
MAX_PLACES = 12


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
    return bounded(text)


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


def _moment(function: str, value: object) -> datetime:
    found = moment_of(value)
    if found is None:
        raise _wrong(function, "a moment such as 2026-01-05 12:00", "时间，如 2026-01-05 12:00", value)
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
    return bounded("".join([piece(value) for value in values]))


def piece(value: object) -> str:
    """A part of a longer text."""
    return "" if value is None else _text("concat", value)


def replace(value: object, old: object, new: object) -> object:
    if value is None:
        return None
    text, before, after = _text("replace", value), _text("replace", old), _text("replace", new)
    if not before:
        raise EvaluationError("replace() needs a text to look for", "replace() 的查找内容为空")
    # The length is known beforehand, so that a huge text is never built.
    if len(text) + text.count(before) * (len(after) - len(before)) > operations.MAX_TEXT:
        raise operations.too_long()
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


def like(value: object, pattern: object) -> bool:
    """`*` stands for any characters. Parts are found from left to right: no second try is ever needed."""
    if value is None:
        return False
    text, (head, *parts) = _text("like", value), _text("like", pattern).split("*")
    if not parts or not text.startswith(head):
        return text == head
    place = len(head)
    for part in parts[:-1]:
        if (found := text.find(part, place)) < 0:
            return False
        place = found + len(part)
    return text.endswith(parts[-1], place)


def split(value: object, separator: object) -> object:
    """The parts, without blanks around and without blank ones."""
    if value is None:
        return []
    text, mark = _text("split", value), _text("split", separator)
    if not mark:
        raise EvaluationError("split() needs a separator", "split() 的分隔符为空")
    return [part for part in (part.strip() for part in text.split(mark)) if part]


def join(value: object, separator: object = ",") -> object:
    parts = [piece(part) for part in operations.items(value) if part is not None]
    mark = _text("join", separator)
    # The length is known beforehand, so that a huge text is never built.
    if sum(map(len, parts)) + len(parts) * len(mark) > operations.MAX_TEXT:
        raise operations.too_long()
    return mark.join(parts)


def contains(value: object, part: object) -> bool:
    return operations.contains(value, part)


def coalesce(*values: object) -> object:
    return next((value for value in values if value is not None and value != ""), None)


def round_half_up(value: object, places: object = 0) -> object:
    if value is None:
        return None
    digits = _whole("round", places)
    if not 0 <= digits <= MAX_PLACES:
        raise EvaluationError("round() allows 0 to 12 places", "round() 只允许 0 到 12 位小数")
    try:
        return _number("round", value).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP, CONTEXT)
    except ArithmeticError as error:
        raise out_of_range() from error


def absolute(value: object) -> object:
    return None if value is None else _number("abs", value).copy_abs()


def floor(value: object) -> object:
    return None if value is None else _number("floor", value).to_integral_value(ROUND_FLOOR)


def ceil(value: object) -> object:
    return None if value is None else _number("ceil", value).to_integral_value(ROUND_CEILING)


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


def weekday(value: object) -> object:
    """1 is Monday, 7 is Sunday."""
    return None if value is None else _date("weekday", value).isoweekday()


def hour(value: object) -> object:
    return None if value is None else _moment("hour", value).astimezone(SHANGHAI).hour


def minutes_between(first: object, second: object) -> object:
    """Whole minutes; negative if the second is earlier."""
    if first is None or second is None:
        return None
    passed = _moment("minutes_between", second) - _moment("minutes_between", first)
    return passed // timedelta(minutes=1)


def month_end(value: object) -> object:
    if value is None:
        return None
    found = _date("month_end", value)
    return found.replace(day=monthrange(found.year, found.month)[1])


def add_months(value: object, months: object) -> object:
    """The same day of another month, or its last one."""
    if value is None or months is None:
        return None
    start = _date("add_months", value)
    year, month = divmod(start.year * 12 + start.month - 1 + _whole("add_months", months), 12)
    if not MINYEAR <= year <= MAXYEAR:
        raise _out_of_calendar()
    return date(year, month + 1, min(start.day, monthrange(year, month + 1)[1]))


def _out_of_calendar() -> EvaluationError:
    return EvaluationError("date is out of range", "日期超出范围")


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
        raise _out_of_calendar() from error


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
        Function("like", like, 2, 2, "like(text, pattern with *)"),
        Function("split", split, 2, 2, "split(text, separator)"),
        Function("join", join, 1, 2, "join(list, separator)"),
        Function("coalesce", coalesce, 1, MANY, "coalesce(value, …)"),
        Function("text", text, 1, 1, "text(value)"),
        Function("number", number, 1, 1, "number(text)"),
        Function("round", round_half_up, 1, 2, "round(number, places)"),
        Function("floor", floor, 1, 1, "floor(number)"),
        Function("ceil", ceil, 1, 1, "ceil(number)"),
        Function("abs", absolute, 1, 1, "abs(number)"),
        Function("min", least, 1, MANY, "min(value, …)"),
        Function("max", greatest, 1, MANY, "max(value, …)"),
        Function("date", to_date, 1, 1, "date(text)"),
        Function("year", year, 1, 1, "year(date)"),
        Function("month", month, 1, 1, "month(date)"),
        Function("day", day, 1, 1, "day(date)"),
        Function("weekday", weekday, 1, 1, "weekday(date)"),
        Function("hour", hour, 1, 1, "hour(moment)"),
        Function("month_end", month_end, 1, 1, "month_end(date)"),
        Function("days_between", days_between, 2, 2, "days_between(first, second)"),
        Function("minutes_between", minutes_between, 2, 2, "minutes_between(first, second)"),
        Function("add_days", add_days, 2, 2, "add_days(date, days)"),
        Function("add_months", add_months, 2, 2, "add_months(date, months)"),
        Function("count", operations.count_of, 1, 2, "count(list, condition on item)", over_list=True),
        Function("sum", operations.sum_of, 1, 2, "sum(list, value of item)", over_list=True),
        Function("any", operations.any_of, 1, 2, "any(list, condition on item)", over_list=True),
        Function("all", operations.all_of, 1, 2, "all(list, condition on item)", over_list=True),
        Function("each", operations.each_of, 2, 2, "each(list, value of item)", over_list=True),
    )
}
