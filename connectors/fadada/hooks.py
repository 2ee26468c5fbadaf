"""Callbacks: a signed form, one message each, and no more than a hint."""

import hashlib
import hmac
from collections.abc import Sequence
from typing import Literal
from urllib.parse import parse_qs

import orjson
from pydantic import ValidationError

from connectors.fadada.protocol import sign
from connectors.fadada.wire import Callback
from domain.ports import HookAnswer, HookRefused, HookRequest, Inbound, SigningHint

NEWS = frozenset(
    {
        "sign-task-start",
        "sign-task-signed",
        "sign-task-sign-rejected",
        "sign-task-fill-rejected",
        "sign-task-finished",
        "sign-task-canceled",
        "sign-task-expire",
        "sign-task-extension",
        "sign-task-abolish",
    }
)
"""Events that say something about a task's signatures. All others are kept and ignored, new ones too."""
OTHER = "other"
ACCEPTED = HookAnswer(200, b'{"msg":"success"}')
SIGNED_HEADERS = (
    "X-FASC-App-Id",
    "X-FASC-Event",
    "X-FASC-Nonce",
    "X-FASC-Sign-Type",
    "X-FASC-Timestamp",
)
SIGNATURE, EVENT = "x-fasc-sign", "x-fasc-event"


class FadadaHooks:
    def __init__(self, *, app_id: str, secret: str) -> None:
        self._app_id = app_id
        self._secret = secret

    def open(self, request: HookRequest) -> Sequence[Inbound]:
        """No window on the timestamp: a repeat comes hours later, perhaps with its first one [U]."""
        content = _content(request.body)
        self._verify(request, content)
        event = request.headers.get(EVENT, "")
        callback = _read(content.encode())
        kind = event if event in NEWS else OTHER
        kept = {name.lower() for name in SIGNED_HEADERS} | {SIGNATURE}
        headers = {name: value for name, value in request.headers.items() if name in kept}
        return [Inbound(kind, _dedupe_key(event, callback, content), content.encode(), headers)]

    def accepted(self, request: HookRequest) -> HookAnswer:
        return ACCEPTED

    def read_hint(self, kind: str, body: bytes) -> SigningHint | None:
        """The event stands in a header, and so only in the kind."""
        task_id = _read(body).task_id
        return SigningHint(task_id, kind) if kind in NEWS and task_id else None

    def _verify(self, request: HookRequest, content: str) -> None:
        headers = {name: request.headers.get(name.lower(), "") for name in SIGNED_HEADERS}
        if headers["X-FASC-App-Id"] != self._app_id:
            raise _refused("forged", "unknown application", status=401)
        expected = sign(self._secret, headers, content)
        if not hmac.compare_digest(expected.encode(), request.headers.get(SIGNATURE, "").encode()):
            raise _refused("forged", "signature differs", status=401)


def _content(body: bytes) -> str:
    try:
        form = parse_qs(body.decode(), keep_blank_values=True, strict_parsing=bool(body), errors="strict")
    except ValueError as error:
        raise _refused("malformed", "not a form", status=400) from error
    return form.get("bizContent", [""])[0]


def _read(content: bytes) -> Callback:
    try:
        return Callback.model_validate_json(content)
    except ValidationError as error:
        raise _refused("malformed", "not a callback", status=400) from error


def _dedupe_key(event: str, callback: Callback, content: str) -> str:
    """The vendor gives no event id. A repeat has the same time inside, whatever its headers say."""
    if event not in NEWS or not callback.task_id:
        return f"{event}|{hashlib.sha256(content.encode()).hexdigest()}"
    parts = (callback.task_id, callback.eventTime, callback.actorId)
    return "|".join([event, *("" if part is None else str(part) for part in parts)])


def _refused(reason: Literal["forged", "malformed"], detail: str, *, status: int) -> HookRefused:
    return HookRefused(reason, detail, HookAnswer(status, orjson.dumps({"msg": detail})))
