"""The vendor's envelope, its refusals, and how loosely it reads JSON."""

from typing import Any

import orjson
from starlette.responses import Response

Json = dict[str, Any]

BAD_PARAMETER = 1435002
BAD_FILE_PARAMETER = 1430002
BAD_FLOW = 1435011


class Refused(Exception):
    """A business 'no': HTTP 200 with the vendor's code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class NotLetIn(Exception):
    """The gateway's 'no': HTTP 401."""


class StoreRefused(Exception):
    """The object store's 'no': XML with HTTP `status`."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


def bad(text: str) -> Refused:
    return Refused(BAD_PARAMETER, f"参数错误: {text}")


def answer(data: Json | None, *, code: int = 0, message: str = "成功", status: int = 200) -> Response:
    body = orjson.dumps({"code": code, "message": message, "data": data})
    return Response(body, status_code=status, media_type="application/json;charset=UTF-8")


def store_error(error: StoreRefused) -> Response:
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{error.code}</Code><Message>{error}</Message></Error>"
    )
    return Response(body, status_code=error.status, media_type="application/xml")


def read_object(raw: bytes) -> Json:
    """Calls without parameters come with nothing, `{}` or even `""`."""
    if not raw:
        return {}
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise bad("请求体不是合法的JSON") from error
    if not isinstance(value, dict) and value not in ("", None):
        raise bad("请求体不是JSON对象")
    return value or {}


def integer(value: object, name: str) -> int:
    """Numbers also come as numeric strings."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise bad(f"{name}格式不正确")
    try:
        return int(value)
    except ValueError as error:
        raise bad(f"{name}格式不正确") from error


def number(value: object, name: str) -> float:
    try:
        return float(str(value))
    except ValueError as error:
        raise bad(f"{name}格式不正确") from error


def optional_integer(value: object, name: str) -> int | None:
    return None if value in (None, "") else integer(value, name)


def flag(value: object, *, default: bool) -> bool:
    """Booleans also come as "true" and "false"."""
    return default if value in (None, "") else str(value).lower() == "true"


def part(body: Json, name: str) -> Json:
    """A nested object; many clients send null or "" where they mean nothing."""
    value = body.get(name) or {}
    if not isinstance(value, dict):
        raise bad(f"{name}格式不正确")
    return value


def parts(body: Json, name: str) -> list[Json]:
    value = body.get(name) or []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise bad(f"{name}格式不正确")
    return value


def texts(body: Json, name: str) -> list[str]:
    value = body.get(name) or []
    if not isinstance(value, list):
        raise bad(f"{name}格式不正确")
    return [str(item) for item in value]


def integers(body: Json, name: str) -> list[int]:
    return [integer(item, name) for item in texts(body, name)]
