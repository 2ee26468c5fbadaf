"""The vendor's envelope, its refusals, and how loosely it reads JSON."""

import re
import uuid
from typing import Any

import orjson
from starlette.responses import Response

Json = dict[str, Any]

OK = "100000"
BAD_CALLER, BAD_TOKEN, MISSING_HEADER = "100001", "100002", "100012"
BAD_SIGN, REPEATED_NONCE, BAD_PARAMETER, BUSY = "100003", "100013", "100011", "100099"
"""Not published: chosen here [U]."""


WHOLE = re.compile(r"[0-9]{1,15}")


class Refused(Exception):
    """The vendor's 'no'; only a bad token comes with another HTTP status than 200."""

    def __init__(self, code: str, message: str, *, status: int = 200) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


def bad(text: str) -> Refused:
    return Refused(BAD_PARAMETER, f"参数错误：{text}")


def answer(data: object) -> Response:
    return _envelope({"code": OK, "msg": "请求成功", "data": data}, 200)


def refusal(error: Refused) -> Response:
    body = {"code": error.code, "msg": str(error), "success": False, "data": None}
    return _envelope(body, error.status)


def _envelope(body: Json, status: int) -> Response:
    headers = {"X-FASC-Request-Id": uuid.uuid4().hex}
    return Response(
        orjson.dumps(body), status_code=status, headers=headers, media_type="application/json;charset=UTF-8"
    )


def read_object(text: str) -> Json:
    """Calls without parameters come with nothing, or with `""`."""
    try:
        value = orjson.loads(text) if text else {}
    except orjson.JSONDecodeError as error:
        raise bad("bizContent不是合法的JSON") from error
    if not isinstance(value, dict) and value != "":
        raise bad("bizContent不是JSON对象")
    return value or {}


def required(body: Json, name: str) -> str:
    """A text; numbers are taken too."""
    value = body.get(name)
    if not isinstance(value, str | int) or value == "":
        raise bad(f"{name}不能为空")
    return str(value)


def flag(value: object, *, default: bool) -> bool:
    """Booleans also come as "true" and "false"."""
    return default if value in (None, "") else str(value).lower() == "true"


def part(body: Json, name: str) -> Json:
    value = body.get(name)
    return value if isinstance(value, dict) else {}


def parts(body: Json, name: str) -> list[Json]:
    value = body.get(name) or []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise bad(f"{name}格式不正确")
    return value


def texts(body: Json, name: str) -> list[str]:
    value = body.get(name) or []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise bad(f"{name}格式不正确")
    return value


def millis(value: object, name: str) -> int | None:
    """Times come as text."""
    if value in (None, ""):
        return None
    return whole(value, f"{name}应为毫秒时间戳")


def whole(value: object, otherwise: str) -> int:
    """Numbers come as numbers and as text."""
    if not WHOLE.fullmatch(str(value)):
        raise bad(otherwise)
    return int(str(value))
