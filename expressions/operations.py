"""What generated code calls for everything that Python's own operators would do wrongly on plain data.

Python adds floats, holds 0.1 and Decimal("0.1") for different, raises on None, and reads the thread's decimal
context.
"""

import decimal
import operator
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar

from expressions.errors import EvaluationError, out_of_range
from expressions.values import date_of, decimal_of, kind_of

MAX_TEXT = 100_000
MAX_ITEMS = 10_000
MAX_NESTED = 30
# What the texts and lists inside one list function may add up to: its time is bounded whatever the data.
MAX_WORK = 20_000_000
WORK_OF_AN_ITEM = 50
ZERO = Decimal(0)
CONTEXT = decimal.Context(
    prec=34,
    rounding=decimal.ROUND_HALF_UP,
    Emin=-999,
    Emax=999,
    traps=[decimal.InvalidOperation, decimal.DivisionByZero, decimal.Overflow],
)

NUMBERS = frozenset({int, Decimal})

Number = Callable[[Decimal, Decimal], Decimal]
Body = Callable[[object], object]
T = TypeVar("T")
Parts = Mapping[str, object] | Sequence[object]


UNLIMITED = float("inf")


class _Work(threading.local):
    left = UNLIMITED


_work = _Work()


def spend(work: int) -> None:
    _work.left -= work
    if _work.left < 0:
        raise EvaluationError("too much data for one expression", "一个表达式处理的数据过多")


def step(value: object, key: str) -> object:
    """One step of a path, where the value is no plain dict."""
    return value.get(key) if isinstance(value, Mapping) else None


def index(value: object, position: int) -> object:
    if not isinstance(value, list | tuple) or not -len(value) <= position < len(value):
        return None
    found: object = value[position]
    return found


def pluck(value: object, steps: Sequence[str | int | None]) -> object:
    """The rest of a path after `[*]`: what each item has there, without gaps."""
    found = list(items(value))
    for position, each in enumerate(steps):
        if each is None:
            nested = [pluck(item, steps[position + 1 :]) for item in found]
            return [value for part in nested if isinstance(part, list) for value in part]
        found = [step(item, each) if isinstance(each, str) else index(item, each) for item in found]
    return [item for item in found if item is not None]


def items(value: object) -> Sequence[object]:
    """A list; nothing is an empty list, and a single record a list of one, as XML-born data has it."""
    if isinstance(value, list | tuple):
        return value
    if value is None:
        return ()
    if isinstance(value, Mapping):
        return (value,)
    raise EvaluationError(
        f"expected a list, found {kind_of(value)[0]}", f"应为列表，实际为{kind_of(value)[1]}"
    )


def too_long() -> EvaluationError:
    return EvaluationError(f"text is longer than {MAX_TEXT:,} characters", f"文本超过 {MAX_TEXT} 字")


def bounded(text: str) -> str:
    if len(text) > MAX_TEXT:
        raise too_long()
    spend(len(text))
    return text


def _clash(verb: str, verb_zh: str, left: object, right: object) -> EvaluationError:
    (left_en, left_zh), (right_en, right_zh) = kind_of(left), kind_of(right)
    return EvaluationError(
        f"cannot {verb} {left_en} and {right_en}", f"{left_zh}与{right_zh}之间不能做{verb_zh}"
    )


def _arithmetic(operation: Number, verb: str, verb_zh: str) -> Callable[[object, object], Decimal | None]:
    def calculate(left: object, right: object) -> Decimal | None:
        if left is None or right is None:
            return None
        try:
            if type(left) is Decimal and type(right) is Decimal:
                return operation(left, right)
            first, second = decimal_of(left), decimal_of(right)
            if first is None or second is None:
                raise _clash(verb, verb_zh, left, right)
            return operation(first, second)
        except ArithmeticError as error:
            raise out_of_range() from error

    return calculate


subtract = _arithmetic(CONTEXT.subtract, "subtract", "减法")
multiply = _arithmetic(CONTEXT.multiply, "multiply", "乘法")
_add_numbers = _arithmetic(CONTEXT.add, "add", "加法")


def _quotient(left: Decimal, right: Decimal) -> Decimal:
    if not right:
        raise EvaluationError("division by zero", "除数为零")
    return CONTEXT.divide(left, right)


divide = _arithmetic(_quotient, "divide", "除法")


def add(left: object, right: object) -> object:
    if isinstance(left, str) and isinstance(right, str):
        return bounded(left + right)
    return _add_numbers(left, right)


def negate(value: object) -> Decimal | None:
    return subtract(ZERO, value)


def equal(left: object, right: object, nested: int = 0) -> bool:
    if isinstance(left, str):
        spend(len(left))
    elif isinstance(left, list | tuple | Mapping) and isinstance(right, list | tuple | Mapping):
        return left is right or _equal_parts(left, right, nested + 1)
    return _comparable(left) == _comparable(right)


def _equal_parts(left: Parts, right: Parts, nested: int) -> bool:
    if isinstance(left, Mapping) is not isinstance(right, Mapping) or len(left) != len(right):
        return False
    if nested > MAX_NESTED:
        raise EvaluationError("data is nested too deep to be compared", "数据嵌套过深，无法比较")
    spend(len(left) * WORK_OF_AN_ITEM)
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return all(key in right and equal(each, right[key], nested) for key, each in left.items())
    return all(equal(*pair, nested) for pair in zip(left, right, strict=True))


def unequal(left: object, right: object) -> bool:
    return not equal(left, right)


def _comparable(value: object) -> object:
    if isinstance(value, float):
        return Decimal(str(value))
    # A signalling NaN raises on every comparison.
    return None if isinstance(value, Decimal) and value.is_snan() else value


def contains(container: object, value: object) -> bool:
    if container is None:
        return False
    if isinstance(container, str):
        return isinstance(value, str) and value in bounded(container)
    if isinstance(container, list | tuple):
        spend(len(container) * WORK_OF_AN_ITEM)
        return any(equal(each, value) for each in container)
    raise _clash("look in", "包含判断", value, container)


def _ordering(compare: Callable[[Any, Any], bool]) -> Callable[[object, object], bool]:
    def ordered(left: object, right: object) -> bool:
        if left is None or right is None:
            return False
        try:
            if type(left) in NUMBERS and type(right) in NUMBERS:
                return compare(left, right)
            return compare(*_alike(left, right))
        except ArithmeticError as error:
            raise out_of_range() from error

    return ordered


def _alike(left: object, right: object) -> tuple[object, object]:
    if (first := decimal_of(left)) is not None and (second := decimal_of(right)) is not None:
        return first, second
    if isinstance(left, str) and isinstance(right, str):
        return bounded(left), bounded(right)
    if isinstance(left, date) and isinstance(right, date):
        return _alike_dates(left, right)
    raise _clash("compare", "比较", left, right)


def _alike_dates(left: date, right: date) -> tuple[object, object]:
    if isinstance(left, datetime) and isinstance(right, datetime):
        if (left.tzinfo is None) == (right.tzinfo is None):
            return left, right
        raise EvaluationError("one moment has a time zone, the other has none", "两个时间只有一个带时区")
    return date_of(left), date_of(right)


less = _ordering(operator.lt)
less_or_equal = _ordering(operator.le)
greater = _ordering(operator.gt)
greater_or_equal = _ordering(operator.ge)


def total(values: Iterable[object]) -> object:
    result: object = ZERO
    for value in values:
        if type(value) is Decimal and type(result) is Decimal:
            result = exact_add(result, value)
        elif value is not None:
            result = _add_numbers(result, value)
    return result


def _walk(use: Callable[[Iterable[object]], T], value: object, body: Body | None) -> T:
    """Uses the items, or what `body` gives for each of them."""
    found = items(value)
    if body is None:
        return use(found)
    if len(found) > MAX_ITEMS:
        raise EvaluationError(f"list is longer than {MAX_ITEMS:,} items", f"列表超过 {MAX_ITEMS} 项")
    _work.left = MAX_WORK
    try:
        return use(map(body, found))
    finally:
        _work.left = UNLIMITED


def sum_of(value: object, term: Body | None = None) -> object:
    return _walk(total, value, term)


def count_of(value: object, test: Body | None = None) -> int:
    return len(items(value)) if test is None else _walk(_true_ones, value, test)


def _true_ones(values: Iterable[object]) -> int:
    return sum(1 for value in values if value)


def any_of(value: object, test: Body | None = None) -> bool:
    return _walk(any, value, test)


def all_of(value: object, test: Body | None = None) -> bool:
    return _walk(all, value, test)


def each_of(value: object, term: Body) -> list[object]:
    """What is there of each item, without gaps."""
    return _walk(_there, value, term)


def _there(values: Iterable[object]) -> list[object]:
    return [_comparable(value) for value in values if value is not None]


# The plain operations: for generated code that has seen both types.
exact_add, exact_subtract, exact_multiply = CONTEXT.add, CONTEXT.subtract, CONTEXT.multiply
exact_divide = CONTEXT.divide

# What generated code may call by name, beside the registered functions.
HELPERS = (
    *("step", "index", "pluck", "add", "subtract", "multiply", "divide", "negate", "contains"),
    *("exact_add", "exact_subtract", "exact_multiply", "exact_divide", "bounded", "CONTEXT", "MAX_TEXT"),
    *("equal", "unequal", "less", "less_or_equal", "greater", "greater_or_equal"),
)
