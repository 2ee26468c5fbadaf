"""Request bodies in, reply bodies out."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.responses import Response

from sandboxes.common import Row
from sandboxes.kingdee.words import RefusedError

_KEYS: dict[int, tuple[str, ...]] = {1: ("data",), 2: ("formid", "data"), 3: ("formid", "opnumber", "data")}


class UnreadableError(ValueError):
    """Not JSON, or no object: the framework in front answers HTTP 500."""


def read_body(body: bytes, content_type: str) -> Row:
    """Real clients wrap the same call in nine ways; keys come back in lower case, `data` as an object."""
    call = _lower(_form(body) if "urlencoded" in content_type.lower() else _object(body))
    if "parameters" in call:
        call |= _positional(call.pop("parameters"))
    if isinstance(call.get("data"), str):
        call["data"] = _parsed(call["data"])
    if "data" not in call and "formid" in call:
        call["data"] = {key: value for key, value in call.items() if key != "formid"}
    if isinstance(data := call.get("data"), dict):
        call["data"] = _lower(data)
        call.setdefault("formid", call["data"].get("formid"))
    return call


def _form(body: bytes) -> Row:
    return dict(parse_qsl(body.decode("utf-8", "replace")))


def _object(body: bytes) -> Row:
    try:
        found = json.loads(body or b"{}", parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        raise UnreadableError(str(error)) from error
    if not isinstance(found, dict):
        raise UnreadableError("Additional text encountered after finished reading JSON content")
    return found


def _positional(parameters: Any) -> Row:
    listed = _parsed(parameters) if isinstance(parameters, str) else parameters
    values = listed if isinstance(listed, list) else []
    return {"positional": values} | dict(zip(_KEYS.get(len(values), ()), values, strict=False))


def _parsed(text: str) -> Any:
    try:
        return json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError):
        return text


def _lower(row: Row) -> Row:
    return {key.lower(): value for key, value in row.items()}


@dataclass(frozen=True, slots=True)
class Done:
    """A document that was changed. `index` is its place among those sent."""

    id: object
    number: str
    index: int = 0
    said: str = ""
    entry_ids: dict[str, list[int]] | None = None


def status(done: Sequence[Done] = (), *, refused: RefusedError | None = None) -> Row:
    """ResponseStatus."""
    errors = [
        {"FieldName": each.field, "Message": each.message, "DIndex": each.index}
        for each in (refused.complaints if refused else ())
    ]
    head: Row = {"ErrorCode": 500} if refused else {}
    return head | {
        "IsSuccess": refused is None,
        "Errors": errors,
        "SuccessEntitys": [_entity(each) for each in done],
        "SuccessMessages": [
            {"FieldName": None, "Message": each.said, "DIndex": each.index} for each in done if each.said
        ],
        "MsgCode": refused.code if refused else 0,
    }


def _entity(done: Done) -> Row:
    entity: Row = {"Id": done.id, "Number": done.number, "DIndex": done.index}
    if done.entry_ids is None:
        return entity
    return entity | {"BillNo": done.number, "EntryIds": done.entry_ids}


def result(response_status: Row, **more: object) -> Row:
    return {"Result": {"ResponseStatus": response_status, **more}}


def answer(body: object) -> Response:
    return Response(orjson.dumps(body, default=_plain), media_type="application/json; charset=utf-8")


def _plain(value: object) -> orjson.Fragment:
    """Amounts leave as JSON numbers, digit for digit."""
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f"))
    raise TypeError(type(value).__name__)
