"""How a call is refused, and what all doors ask of a body."""

from typing import Any, Literal

import orjson

from connectors.douyin_leads.protocol import decode
from domain.ports import HookAnswer, HookRefused

_STATUS = {"forged": 401, "stale": 401, "malformed": 400}


def refused(
    reason: Literal["forged", "stale", "malformed"], detail: str, *, status: int | None = None
) -> HookRefused:
    """Not HTTP 200: a rule that looks only at the status must not count it as delivered; what the platforms
    see as 4xx they do not send again. Feiyu reads `code`, SPI reads `BaseResp`."""
    status = status or _STATUS[reason]
    text = f"{reason}: {detail}"
    body = {"code": -1, "message": text, "BaseResp": {"StatusCode": status, "StatusMessage": text}}
    return HookRefused(reason, detail, HookAnswer(status, orjson.dumps(body)))


def json_object(body: bytes) -> dict[str, Any]:
    """Raises HookRefused."""
    try:
        found = decode(body)
    except ValueError as error:
        raise refused("malformed", "not JSON") from error
    if not isinstance(found, dict):
        raise refused("malformed", "not a JSON object")
    return found


def message_id(value: object) -> str:
    """An id that may stand in a key. Raises HookRefused."""
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not (0 < len(text) <= 128 and text.isascii() and text.isprintable() and " " not in text):
        raise refused("malformed", "no message id")
    return text
