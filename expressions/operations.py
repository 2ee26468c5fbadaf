"""What generated code calls for everything that Python's own operators would do wrongly on plain data.

Python adds floats, holds 0.1 and Decimal("0.1") for different, raises on None, and reads the thread's decimal
context.
"""

import decimal
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from expressions.errors import EvaluationError, out_of_range
from expressions.values import date_of, decimal_of, kind_of

MAX_TEXT = 100_000
CONTEXT = decimal.Context(
    prec=34,
    rounding=decimal.ROUND_HALF_UP,
    Emin=-999,
    Emax=999,
    traps=[decimal.InvalidOperation, decimal.DivisionByZero, decimal.Overflow],
)

NUMBERS = frozenset({int, Decimal})

Number = Callable[[Decimal, Decimal], Decimal]


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


def items(value: object) -> Iterable[object]:
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


def bounded(text: str) -> str:
    if len(text) > MAX_TEXT:
        raise EvaluationError(f"text is longer than {MAX_TEXT:,} characters", f"文本超过 {MAX_TEXT} 字")
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
    return subtract(Decimal(0), value)


def equal(left: object, right: object) -> bool:
    return _comparable(left) == _comparable(right)


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
        return isinstance(value, str) and value in container
    if isinstance(container, list | tuple):
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
        return left, right
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
    result: object = Decimal(0)
    for value in values:
        if value is not None:
            result = _add_numbers(result, value)
    return result


def sum_of(value: object, term: Callable[[object], object] | None = None) -> object:
    return total(items(value) if term is None else map(term, items(value)))


def count_of(value: object, test: Callable[[object], object] | None = None) -> int:
    return sum(1 for item in items(value) if test is None or test(item))


def any_of(value: object, test: Callable[[object], object] | None = None) -> bool:
    return any(items(value) if test is None else map(test, items(value)))


def all_of(value: object, test: Callable[[object], object] | None = None) -> bool:
    return all(items(value) if test is None else map(test, items(value)))


# The plain operations: for generated code that has seen both types.
exact_add, exact_subtract, exact_multiply = CONTEXT.add, CONTEXT.subtract, CONTEXT.multiply

# What generated code may call by name, beside the registered functions.
HELPERS = (
    *("step", "index", "pluck", "add", "subtract", "multiply", "divide", "negate", "contains"),
    *("exact_add", "exact_subtract", "exact_multiply"),
    *("equal", "unequal", "less", "less_or_equal", "greater", "greater_or_equal"),
)
