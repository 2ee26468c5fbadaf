"""Field lists as data, and the check of an incoming object against one.

A list is written as in the vendor's tables: `code:s30 date:d amount*:n`. Kinds: s text (with its length),
n number, i whole number, d date, b flag. A star marks a required field.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, time
from decimal import Decimal, InvalidOperation
from typing import Any

from sandboxes.yonyou_u8.words import MISSING_FIELD, Refusal, bad_field


@dataclass(frozen=True, slots=True)
class Field:
    kind: str
    length: int
    required: bool


Fields = Mapping[str, Field]
_SPEC = re.compile(r"(\w+)(\*?):([snidb])(\d*)")
_RANGE = re.compile(r"(\w*?[A-Za-z_])(\d+)-(\d+)")
_LARGEST = 12
"""Powers of ten: beyond it U8's columns for money are full."""


def fields(*specs: str) -> Fields:
    found = _SPEC.findall(" ".join(specs))
    return {name: Field(kind, int(length or 255), bool(star)) for name, star, kind, length in found}


def _span(stem: str, first: int, last: int, kind: str) -> str:
    return " ".join(f"{stem}{number}:{kind}" for number in range(first, last + 1))


HEAD_DEFINES = (
    f"{_span('define', 1, 3, 's20')} define4:d define5:i define6:d define7:n define8:s4 define9:s8 "
    f"define10:s60 {_span('define', 11, 14, 's120')} define15:i define16:n"
)
BODY_DEFINES = (
    f"{_span('define', 22, 25, 's60')} {_span('define', 26, 27, 'n')} {_span('define', 28, 33, 's120')} "
    f"{_span('define', 34, 35, 'i')} {_span('define', 36, 37, 'd')}"
)
MASTER_DEFINES = (
    f"{_span('self_define', 1, 3, 's20')} {_span('self_define', 4, 6, 's60')} "
    f"{_span('self_define', 7, 10, 's120')} {_span('self_define', 11, 12, 'i')} "
    f"{_span('self_define', 13, 14, 'n')} {_span('self_define', 15, 16, 'd')}"
)


def ordered(order: str, *, known: Fields, required: str = "") -> Fields:
    """The elements of a template in their order; `define1-16` is sixteen of them. Unknown kinds are texts."""
    wanted, names = set(required.split()), _RANGE.sub(lambda found: _names(*found.groups()), order).split()
    return {name: replace(known.get(name, Field("s", 255, False)), required=name in wanted) for name in names}


def _names(stem: str, first: str, last: str) -> str:
    return " ".join(f"{stem}{number}" for number in range(int(first), int(last) + 1))


def refuse_unknown(value: object, known: Fields, *, also: Iterable[str] = ()) -> None:
    if not isinstance(value, Mapping):
        raise Refusal(MISSING_FIELD)
    allowed = {*known, *also}
    for name in value:
        if name not in allowed:
            raise Refusal(bad_field(name))


def refuse_missing(value: Mapping[str, Any], known: Fields) -> None:
    for name, field in known.items():
        if field.required and value.get(name) in (None, ""):
            raise Refusal(MISSING_FIELD)


def as_text(value: Mapping[str, Any], known: Fields) -> dict[str, str]:
    """Every given field in the form the books keep: text; empty ones are dropped."""
    given = {name: value[name] for name in known if value.get(name) not in (None, "")}
    return {name: _text(name, known[name], item) for name, item in given.items()}


def _text(name: str, field: Field, value: object) -> str:
    try:
        text = _READERS[field.kind](value)
    except (ValueError, InvalidOperation) as error:
        raise Refusal(bad_field(name)) from error
    if field.kind == "s" and len(text) > field.length:
        raise Refusal(bad_field(name))
    return text


def _string(value: object) -> str:
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return str(value)
    raise ValueError("not a text")


def _number(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise ValueError("not a number")
    number = Decimal(value)
    if not number.is_finite() or abs(number.adjusted()) > _LARGEST:
        raise ValueError("not a number that fits")
    return format(number, "f")


def _whole(value: object) -> str:
    """Clients that know floats only send 1.0."""
    number = Decimal(_number(value))
    if number != number.to_integral_value():
        raise ValueError("not whole")
    return str(int(number))


def _date(value: object) -> str:
    """With or without a time of day, which the books do not keep."""
    day, _, hour = _string(value).partition(" ")
    if hour:
        time.fromisoformat(hour)
    return date.fromisoformat(day).isoformat()


def _flag(value: object) -> str:
    """Declared boolean; clients send true, 1, 1.0, "1" and "true" alike."""
    text = str(value).lower()
    if text not in ("true", "false"):
        text = {"1": "true", "0": "false"}.get(_whole(value), "")
    if not text:
        raise ValueError("not a flag")
    return "1" if text == "true" else "0"


_READERS = {"s": _string, "n": _number, "i": _whole, "d": _date, "b": _flag}
