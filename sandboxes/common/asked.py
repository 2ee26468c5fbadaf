"""What the control API is asked: bodies as checked values, and what is said of one that will not do."""

import json
import math
import re
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError
from starlette.requests import Request

Wanted = TypeVar("Wanted")

EXACT = ConfigDict(extra="forbid", allow_inf_nan=False)
Chance = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]
LONGEST = 10 * 366 * 86400
Seconds = Annotated[float, Field(ge=-LONGEST, le=LONGEST)]


def _compiles(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"不是正则表达式 (not a regular expression): {error}") from error
    return text


Pattern = Annotated[str, AfterValidator(_compiles)]


def _finite(value: JsonValue) -> JsonValue:
    json.dumps(value, allow_nan=False)
    return value


Finite = Annotated[JsonValue, AfterValidator(_finite)]
"""JSON that can be answered again: 1e999 is read as infinity."""


async def asked(request: Request, kind: type[Wanted]) -> Wanted:
    """The body as a `kind`. Raises ValueError."""
    return TypeAdapter(kind).validate_json(await request.body())


def why_not(error: ValueError | LookupError) -> str:
    """In plain words."""
    if isinstance(error, ValidationError):
        found = [(".".join(map(str, each["loc"])) or "JSON", each["msg"]) for each in error.errors()]
        wrong = "; ".join(f"{place}: {text.removeprefix('Value error, ')}" for place, text in found)
        return f"不能接受 (not accepted): {wrong}"
    if isinstance(error, LookupError):
        return f"没有 {error.args[0] if error.args else '这一项'} (missing or unknown)"
    return str(error) or "不能接受 (not accepted)"


def turned(switches: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A sandbox's own switches, changed. Raises ValueError for another type, and for a number below 0."""
    for name, value in changes.items():
        if name not in switches:
            raise ValueError(f"没有开关 {name}；有 {', '.join(switches)} (no such switch, but these)")
        kinds = (int, float) if isinstance(switches[name], float) else (type(switches[name]),)
        if type(value) not in kinds or not 0 <= value < math.inf:
            raise ValueError(f"{name} 不能是 {value!r}，要像 {switches[name]!r} (not like the usual value)")
    return {**switches, **changes}
