"""Callbacks: verified over the raw bytes, one message each, and no more than a hint."""

import hashlib
import hmac
from collections.abc import Sequence
from typing import Literal

import orjson
from pydantic import ValidationError

from connectors.esign.protocol import callback_signature
from connectors.esign.wire import Callback
from domain.ports import HookAnswer, HookRefused, HookRequest, Inbound, SigningHint

ALGORITHM = "hmac-sha256"
NEWS = frozenset(
    {"SIGN_MISSON_COMPLETE", "SIGN_FLOW_COMPLETE", "SIGN_FILE_RESCISSION_INITIATE", "SIGN_FILE_RESCINDED"}
)
"""Actions that say something about a flow's signatures. All others are kept and ignored, new ones too."""
OTHER = "other"
ACCEPTED = HookAnswer(200, b'{"code":"200","msg":"success"}')
SIGNATURE_HEADERS = (
    "x-tsign-open-app-id",
    "x-tsign-open-timestamp",
    "x-tsign-open-signature-algorithm",
    "x-tsign-open-signature",
)


class EsignHooks:
    def __init__(self, *, app_id: str, secret: str) -> None:
        self._app_id = app_id
        self._secret = secret

    def open(self, request: HookRequest) -> Sequence[Inbound]:
        """No window on the timestamp: a repeat comes hours later, perhaps with its first one [U]."""
        self._verify(request)
        try:
            callback = Callback.model_validate_json(request.body)
        except ValidationError as error:
            raise _refused("malformed", "not a callback", status=400) from error
        kind = callback.action if callback.action in NEWS else OTHER
        headers = {name: request.headers[name] for name in SIGNATURE_HEADERS if name in request.headers}
        return [Inbound(kind, _dedupe_key(callback, request.body), request.body, headers)]

    def accepted(self, request: HookRequest) -> HookAnswer:
        return ACCEPTED

    def read_hint(self, kind: str, body: bytes) -> SigningHint | None:
        callback = Callback.model_validate_json(body)
        if callback.action not in NEWS or not callback.signFlowId:
            return None
        return SigningHint(str(callback.signFlowId), callback.action)

    def _verify(self, request: HookRequest) -> None:
        app_id, timestamp, algorithm, given = (request.headers.get(name, "") for name in SIGNATURE_HEADERS)
        if app_id != self._app_id:
            raise _refused("forged", "unknown application", status=401)
        if algorithm.lower() != ALGORITHM:
            raise _refused("forged", "unknown signature algorithm", status=401)
        expected = callback_signature(
            self._secret, timestamp=timestamp, query=request.query, body=request.body
        )
        if not hmac.compare_digest(expected.encode(), given.encode()):
            raise _refused("forged", "signature differs", status=401)


def _dedupe_key(callback: Callback, body: bytes) -> str:
    """The vendor gives no event id. A repeat carries the same body, with the time of the first attempt."""
    if callback.action not in NEWS:
        return f"{callback.action}|{hashlib.sha256(body).hexdigest()}"
    parts = (callback.signFlowId, callback.timestamp, callback.signOrder, callback.customBizNum)
    return "|".join([callback.action, *("" if part is None else str(part) for part in parts)])


def _refused(reason: Literal["forged", "malformed"], detail: str, *, status: int) -> HookRefused:
    answer = HookAnswer(status, orjson.dumps({"code": str(status), "msg": detail}))
    return HookRefused(reason, detail, answer)
