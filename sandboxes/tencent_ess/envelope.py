"""The vendor's envelope, its refusals, and how it reads JSON."""

import re
import uuid
from typing import Any

import orjson
from starlette.responses import Response

Json = dict[str, Any]

MOBILE = re.compile(r"1[3-9]\d{9}")
NAME = re.compile(r"[\u3400-\u9fff\uff00-\uffef\u3000-\u303f\u2010-\u2027A-Za-z0-9 ()\[\]\-_,;.&+]{1,200}")
"""FlowName: Chinese letters and punctuation, Latin letters, digits, and a few signs."""


class Refused(Exception):
    """The vendor's 'no': HTTP 200 with an Error inside."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def answer(data: Json) -> Response:
    """The content type must be exactly this: with a charset the vendor's Python client misses errors."""
    body = orjson.dumps({"Response": data | {"RequestId": str(uuid.uuid4())}})
    return Response(body, media_type="application/json")


def refusal(error: Refused) -> Response:
    return answer({"Error": {"Code": error.code, "Message": str(error)}})


def read_object(raw: bytes) -> Json:
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Refused("InvalidRequest", "The request body is not valid JSON.") from error
    if not isinstance(value, dict):
        raise Refused("InvalidRequest", "The request body is not a JSON object.")
    return value


def text(body: Json, name: str, *, code: str | None = None) -> str:
    """A required text."""
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise Refused(code or "MissingParameter", f"缺少参数：{name}")
    return value


def texts(body: Json, name: str, *, most: int, code: str) -> list[str]:
    value = body.get(name) or []
    if not isinstance(value, list) or not 1 <= len(value) <= most:
        raise Refused(code, f"{name}的数量应为1到{most}")
    return [str(item) for item in value]


def part(body: Json, name: str) -> Json:
    value = body.get(name)
    return value if isinstance(value, dict) else {}


def parts(body: Json, name: str) -> list[Json]:
    value = body.get(name) or []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise Refused("InvalidParameter", f"{name}格式不正确")
    return value


def integer(value: object, *, default: int, code: str = "InvalidParameter") -> int:
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int):
        raise Refused(code, "应为整数")
    return value
