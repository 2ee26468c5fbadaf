"""What stands behind `as:`. A factory takes the arguments written in the file and returns the conversion.

A conversion gets a value that is not None and not an empty text. It returns None for a blank text, never a
float, and raises ConversionError for what it cannot read.
"""

import decimal
import inspect
import json
import operator
import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import UnionType
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import phonenumbers
from stdnum.cn import uscc
from stdnum.exceptions import ValidationError

from expressions.operations import CONTEXT
from expressions.values import MAX_DIGITS, decimal_of, parse_date, parse_moment, parse_number, text_of
from mappings.problems import ConversionError
from mappings.regions import Region
from mappings.regions import region_of_address as find_by_address
from mappings.regions import region_of_phone as find_by_phone

Convert = Callable[[object], object]
Factory = Callable[..., Convert]

_DIRECTIVES = frozenset("YymdHIMSfpzZjaAbBuVG%")
_MAX_WIDTH = 1000
_RMB_LIMIT = Decimal(10) ** 16
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FEN = Decimal("0.01")
_MOST_FEN = 10**30
_TRUE = frozenset({"true", "yes", "y", "t", "1", "on", "是", "真", "对", "有"})
_FALSE = frozenset({"false", "no", "n", "f", "0", "off", "否", "假", "错", "无"})
_ROUNDINGS = {name.removeprefix("ROUND_").lower(): name for name in dir(decimal) if name.startswith("ROUND_")}

CONVERTERS: dict[str, Factory] = {}
# What generated code does itself, by the text of the converter, instead of a call for every value.
SHORTCUTS: Mapping[str, str] = {
    "text": "v if type(v) is str else str(v) if type(v) is int and -LONGEST < v < LONGEST",
    "upper": "v.upper() if type(v) is str",
    "lower": "v.lower() if type(v) is str",
    "strip": "(v.strip() or None) if type(v) is str",
    "integer": "v if type(v) is int",
    "boolean": "v if type(v) is bool",
    "decimal": f"v if type(v) is Decimal and v.is_finite() and {-MAX_DIGITS} <= v.adjusted() <= {MAX_DIGITS}",
    "date": "v if type(v) is date",
    "epoch_seconds": "at_second(v, UTC) if type(v) is int and 0 <= v < 253402300800",  # the year 10,000
    "yuan": "exact_multiply(v, FEN) if type(v) is int and -10**30 < v < 10**30",
    "format_date": "v.isoformat() if type(v) is date",
}


def converter(factory: Factory) -> Factory:
    CONVERTERS[factory.__name__.removesuffix("_")] = factory
    return factory


def build(name: str, arguments: list[object], options: Mapping[str, object]) -> Convert:
    """The conversion, or ValueError when the arguments do not fit."""
    signature = inspect.signature(CONVERTERS[name])
    try:
        bound = signature.bind(*arguments, **options).arguments
    except TypeError as error:
        raise ValueError(str(error)) from error
    for key, value in bound.items():
        kind = signature.parameters[key].annotation
        assert isinstance(kind, type | UnionType)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise ValueError(f"'{key}' is of the wrong type")
    return CONVERTERS[name](**bound)


def written(name: str) -> str:
    """How a converter is written in a file: `decimal(places, rounding)`."""
    parameters = inspect.signature(CONVERTERS[name]).parameters
    return f"{name}({', '.join(parameters)})" if parameters else name


def _unreadable(what: str, what_zh: str) -> ConversionError:
    return ConversionError(f"is not {what}", f"不是{what_zh}")


def _text(value: object) -> str:
    text = text_of(value)
    if text is None:
        raise _unreadable("a text", "文本")
    return text


def _halfwidth(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def _number(value: object) -> Decimal | None:
    number = parse_number(value) if isinstance(value, str) else decimal_of(value)
    if number is None and not (isinstance(value, str) and not value.strip()):
        raise _unreadable("a number", "数字")
    return number


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"unknown time zone '{name}', write it like Asia/Shanghai") from error


@converter
def text() -> Convert:
    return _text


def _shaped(shape: Callable[[str], str]) -> Convert:
    return lambda value: shape(_text(value)) or None


@converter
def upper() -> Convert:
    return _shaped(str.upper)


@converter
def lower() -> Convert:
    return _shaped(str.lower)


@converter
def strip() -> Convert:
    return _shaped(str.strip)


@converter
def digits() -> Convert:
    """Digits only, full-width ones included."""
    return _shaped(lambda value: "".join(c for c in _halfwidth(value) if c in "0123456789"))


@converter
def halfwidth() -> Convert:
    return _shaped(_halfwidth)


@converter
def squeeze() -> Convert:
    """One blank for each run of white space, none around."""
    return _shaped(lambda value: " ".join(value.split()))


@converter
def pad(width: int, fill: str | int = "0", side: str = "left") -> Convert:
    if not 1 <= width <= _MAX_WIDTH:
        raise ValueError(f"'width' is 1 to {_MAX_WIDTH}")
    if len(str(fill)) != 1:
        raise ValueError("'fill' is one character")
    if side not in ("left", "right"):
        raise ValueError("'side' is left or right")
    padded = str.rjust if side == "left" else str.ljust
    return _shaped(lambda value: padded(value, width, str(fill)))


@converter
def replace(old: str, new: str = "") -> Convert:
    if not old:
        raise ValueError("'old' is empty")
    return _shaped(lambda value: value.replace(old, new))


@converter
def substring(start: int, end: int | None = None) -> Convert:
    """Characters from `start`, counted from 0, up to but without `end`; negative ones count from the end."""
    return _shaped(lambda value: value[start:end])


@converter
def prefix(text: str) -> Convert:
    return _shaped(lambda value: f"{text}{value}")


@converter
def suffix(text: str) -> Convert:
    return _shaped(lambda value: f"{value}{text}")


@converter
def join(separator: str = ",") -> Convert:
    def convert(value: object) -> object:
        parts = value if isinstance(value, list | tuple) else [value]
        return separator.join(_text(part) for part in parts if part is not None) or None

    return convert


@converter
def split(separator: str = ",") -> Convert:
    if not separator:
        raise ValueError("'separator' is empty")

    def convert(value: object) -> object:
        parts = value if isinstance(value, list | tuple) else _text(value).split(separator)
        return [part for part in (_text(part).strip() for part in parts) if part]

    return convert


@converter
def item(position: int) -> Convert:
    """Of a list, counted from 0; -1 is the last."""

    def convert(value: object) -> object:
        if not isinstance(value, list | tuple):
            raise _unreadable("a list", "列表")
        return clean(value[position]) if -len(value) <= position < len(value) else None

    return convert


@converter
def integer() -> Convert:
    def convert(value: object) -> object:
        if type(value) is int:
            return value
        number = _number(value)
        if number is not None and number != number.to_integral_value():
            raise _unreadable("a whole number", "整数")
        return None if number is None else int(number)

    return convert


@converter
def decimal_(places: int | None = None, rounding: str = "half_up") -> Convert:
    if places is not None and not 0 <= places <= 12:
        raise ValueError("'places' is 0 to 12")
    if rounding not in _ROUNDINGS:
        raise ValueError(f"'rounding' is one of {', '.join(sorted(_ROUNDINGS))}")
    step = Decimal(1).scaleb(-(places or 0))
    mode = _ROUNDINGS[rounding]
    if places is None:
        return _number

    def convert(value: object) -> object:
        number = value if type(value) is Decimal else _number(value)
        if number is None:
            return None
        if not number.is_finite():
            raise _unreadable("a number", "数字")
        try:
            return number.quantize(step, mode, CONTEXT)
        except decimal.InvalidOperation as error:
            raise ConversionError("is too large a number", "数字过大") from error

    return convert


@converter
def fen() -> Convert:
    """Yuan to whole fen. A fraction of a fen is refused, not rounded away."""

    def convert(value: object) -> object:
        number = _number(value)
        return None if number is None else _whole_fen(number)

    return convert


def _whole_fen(yuan: Decimal) -> int:
    amount = CONTEXT.multiply(yuan, Decimal(100))
    if amount != amount.to_integral_value():
        raise ConversionError("has fractions of a fen", "金额精确到分以下")
    return int(amount)


@converter
def rmb_upper() -> Convert:
    """金额大写. A fraction of a fen is refused: write decimal(2) before it where rounding is meant."""
    from cn2an import an2cn  # type: ignore[import-untyped]  # 0.2 s that most programs do not need

    def convert(value: object) -> object:
        number = _number(value)
        if number is None:
            return None
        if abs(number) >= _RMB_LIMIT:
            raise ConversionError("is too large an amount to be written out", "金额过大，无法转为大写")
        # Through whole fen, so that the text has two places and a zero has no sign.
        return str(an2cn(format(CONTEXT.scaleb(Decimal(_whole_fen(number)), -2), "f"), "rmb"))

    return convert


@converter
def yuan() -> Convert:
    """Whole fen to yuan with two places."""

    def convert(value: object) -> object:
        number = value if type(value) is int else _number(value)
        if number is None:
            return None
        if isinstance(number, Decimal) and number != number.to_integral_value():
            raise ConversionError("is not a whole number of fen", "不是以分为单位的整数")
        if not -_MOST_FEN < number < _MOST_FEN:
            raise ConversionError("is too large a number", "数字过大")
        return CONTEXT.multiply(int(number), FEN)

    return convert


@converter
def boolean(true: str | None = None, false: str | None = None) -> Convert:
    """The usual words, or a vendor's own pair."""
    yes = _TRUE if true is None else frozenset({true.lower()})
    no = _FALSE if false is None else frozenset({false.lower()})

    def convert(value: object) -> object:
        if isinstance(value, bool):
            return value
        word = _text(value).strip().lower()
        if not word:
            return None
        if word in yes or word in no:
            return word in yes
        raise _unreadable("true or false", "是或否")

    return convert


def _checked(pattern: str | None) -> str | None:
    """yyyy-MM-dd would be taken as words."""
    used = set(re.findall(r"%(.|$)", pattern, re.DOTALL)) if pattern is not None else {"Y"}
    if not used or not used <= _DIRECTIVES:
        raise ValueError("'format' is written like %Y-%m-%d %H:%M:%S")
    return pattern


@converter
def date_(format: str | None = None, zone: str = "Asia/Shanghai") -> Convert:  # noqa: A002 (as it is written in files)
    _checked(format)
    place = _zone(zone)

    def convert(value: object) -> object:
        if isinstance(value, datetime):
            return (value.astimezone(place) if value.tzinfo else value).date()
        if isinstance(value, date):
            return value
        if isinstance(value, str) and not value.strip():
            return None
        found = _parsed(value, format) if format else parse_date(value) if isinstance(value, str) else None
        if found is None:
            raise _unreadable("a date", "日期")
        return found.date() if isinstance(found, datetime) else found

    return convert


@converter
def datetime_(format: str | None = None, zone: str = "Asia/Shanghai") -> Convert:  # noqa: A002
    """To an aware moment in UTC; a text without an offset is in `zone`."""
    _checked(format)
    place = _zone(zone)

    def convert(value: object) -> object:
        found = _moment(value, format, place)
        return None if found is None else found.astimezone(UTC)

    return convert


def _moment(value: object, pattern: str | None, zone: ZoneInfo) -> datetime | None:
    if isinstance(value, str) and not value.strip():
        return None
    found: datetime | None = None
    if isinstance(value, datetime):
        found = value
    elif isinstance(value, date):
        found = datetime(value.year, value.month, value.day, tzinfo=zone)
    elif isinstance(value, str):
        found = _parsed(value, pattern) if pattern else parse_moment(value, zone)
    if found is None:
        raise _unreadable("a date and time", "日期时间")
    return found if found.tzinfo else found.replace(tzinfo=zone)


def _parsed(value: object, pattern: str) -> datetime | None:
    try:
        return datetime.strptime(_text(value).strip(), pattern)  # noqa: DTZ007 (the caller adds the zone)
    except ValueError:
        return None


@converter
def format_date(format: str = "%Y-%m-%d", zone: str = "Asia/Shanghai") -> Convert:  # noqa: A002
    _checked(format)
    place = _zone(zone)

    def convert(value: object) -> object:
        if isinstance(value, date) and not isinstance(value, datetime):
            return value.strftime(format)
        moment = _moment(value, None, place)
        return None if moment is None else moment.astimezone(place).strftime(format)

    return convert


def _from_epoch(unit: timedelta) -> Convert:
    per_unit = Decimal(unit // timedelta(microseconds=1))

    def convert(value: object) -> object:
        if isinstance(value, datetime):
            return _moment(value, None, ZoneInfo("UTC"))
        number = value if type(value) is int else _number(value)
        if number is None:
            return None
        try:
            if type(number) is int:
                return _EPOCH + number * unit
            # Whole microseconds in integers: a float would lose the last digits.
            return _EPOCH + int(CONTEXT.multiply(number, per_unit)) * timedelta(microseconds=1)
        except (OverflowError, ArithmeticError) as error:
            raise _unreadable("a moment", "时间戳") from error

    return convert


@converter
def epoch_seconds() -> Convert:
    return _from_epoch(timedelta(seconds=1))


@converter
def epoch_millis() -> Convert:
    return _from_epoch(timedelta(milliseconds=1))


def _to_epoch(unit: timedelta, zone: str) -> Convert:
    place = _zone(zone)

    def convert(value: object) -> object:
        moment = _moment(value, None, place)
        return None if moment is None else (moment - _EPOCH) // unit

    return convert


@converter
def to_epoch_seconds(zone: str = "Asia/Shanghai") -> Convert:
    return _to_epoch(timedelta(seconds=1), zone)


@converter
def to_epoch_millis(zone: str = "Asia/Shanghai") -> Convert:
    return _to_epoch(timedelta(milliseconds=1), zone)


@converter
def phone(region: str = "CN") -> Convert:
    """To E.164."""
    if region not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError(f"unknown region '{region}', write it like CN")

    def convert(value: object) -> object:
        number = _phone(value, region)
        return number and phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)

    return convert


def _phone(value: object, region: str) -> phonenumbers.PhoneNumber | None:
    written = _text(value).strip()
    if not written:
        return None
    try:
        number = phonenumbers.parse(written, region)
    except phonenumbers.NumberParseException as error:
        raise _unreadable("a phone number", "电话号码") from error
    if not phonenumbers.is_valid_number(number):
        raise _unreadable("a phone number in use", "有效的电话号码")
    return number


def _part(part: str) -> Callable[[Region], str | None]:
    if part not in Region._fields:
        raise ValueError(f"'part' is {' or '.join(Region._fields)}")
    return operator.attrgetter(part)


@converter
def region_of_address(part: str = "province") -> Convert:
    """浙江省 or 杭州市, as the beginning of the address says; nothing where it does not."""
    chosen = _part(part)
    return lambda value: chosen(find_by_address(_text(value)))


@converter
def region_of_phone(part: str = "province") -> Convert:
    """Where a number of China was issued; nothing for one without a place (400, abroad)."""
    chosen = _part(part)

    def convert(value: object) -> object:
        number = _phone(value, "CN")
        return number and chosen(find_by_phone(number))

    return convert


@converter
def credit_code() -> Convert:
    """Unified social credit code: 18 characters with a check digit."""

    def convert(value: object) -> object:
        code = _halfwidth(_text(value)).strip().upper()
        try:
            return str(uscc.validate(code)) if code else None
        except ValidationError as error:
            raise _unreadable("a unified social credit code", "统一社会信用代码") from error

    return convert


@converter
def json_() -> Convert:
    """A text that holds JSON becomes data."""

    def convert(value: object) -> object:
        if not isinstance(value, str):
            return clean(value)
        if not value.strip():
            return None
        try:
            return json.loads(value, parse_float=Decimal, parse_constant=_refuse)
        except (ValueError, RecursionError) as error:
            raise _unreadable("JSON", "JSON") from error

    return convert


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is no number")


def clean(value: object) -> object:
    """Plain data without floats and with finite numbers, in containers of its own."""
    if type(value) is Decimal and value.is_finite() and abs(value.adjusted()) <= MAX_DIGITS:
        return value
    if isinstance(value, Mapping):
        return {key: clean(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [clean(each) for each in value]
    if isinstance(value, float | Decimal):
        return _number(value)
    if value is None or isinstance(value, str | int | date):
        return value
    raise _unreadable("plain data", "普通数据")
