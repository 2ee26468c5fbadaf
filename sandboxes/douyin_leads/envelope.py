"""The vendor's envelope: always HTTP 200 and JSON; `code` other than 0 is an error with empty data."""

import secrets
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.responses import Response

BAD_PARAMETER = 40001
NO_PERMISSION = 40002
TOO_FREQUENT = 40100
ACCESS_EXPIRED = 40102
REFRESH_EXPIRED = 40103
ACCESS_EMPTY = 40104
ACCESS_WRONG = 40105
REFRESH_WRONG = 40107
BAD_GRANT_TYPE = 40108
AUTH_CODE_USED = 40110
SYSTEM_ERROR = 50000


@dataclass
class Refusal(Exception):
    """What the vendor says instead of doing it."""

    code: int
    message: str


def answer(data: dict[str, Any], *, code: int = 0, message: str = "OK") -> Response:
    body = {"code": code, "message": message, "request_id": secrets.token_hex(16).upper(), "data": data}
    return Response(orjson.dumps(body), media_type="application/json")


def refused(refusal: Refusal) -> Response:
    return answer({}, code=refusal.code, message=refusal.message)
