"""The webhook of the Douyin open platform: a check of the address, then signed events.

No event that brings a lead is known, so the events are kept and nothing follows from them.
"""

import json
from collections.abc import Mapping
from hashlib import sha1, sha256
from hmac import compare_digest

from pydantic import SecretStr

from connectors.douyin_leads.protocol import decode
from connectors.douyin_leads.refusals import json_object, message_id, refused
from domain.ports import EVENT, HookAnswer, HookRequest, Inbound

SIGNATURE = "x-douyin-signature"
CHECK = "verify_webhook"
ACCEPTED = HookAnswer(200, b'{"code":0,"message":"success"}')


class WebhookDoor:
    def __init__(self, client_secret: SecretStr) -> None:
        self._secret = client_secret.get_secret_value().encode()

    def open(self, request: HookRequest) -> list[Inbound]:
        given = request.headers.get(SIGNATURE)
        if given is None and is_check(request):
            _challenge(request.body)
            return []
        if not compare_digest((given or "").lower().encode(), signature(self._secret, request.body)):
            raise refused("forged", "wrong signature")
        if json_object(request.body).get("event") == CHECK:
            _challenge(request.body)
            return []
        named = request.headers.get("msg-id") or sha256(request.body).hexdigest()
        return [Inbound(f"{EVENT}douyin", f"douyin/{message_id(named)}", request.body, {})]

    def accepted(self, request: HookRequest) -> HookAnswer:
        if not is_check(request):
            return ACCEPTED
        # Not orjson: it refuses long numbers and halves of characters, and whatever came goes back.
        return HookAnswer(
            200, json.dumps({"challenge": _challenge(request.body)}, separators=(",", ":")).encode()
        )


def is_check(request: HookRequest) -> bool:
    """It comes when the address is set up, perhaps before the secret is known: it needs no signature."""
    if CHECK.encode() not in request.body:
        return False
    try:
        body = decode(request.body)
    except ValueError:
        return False
    return isinstance(body, dict) and body.get("event") == CHECK


def signature(client_secret: bytes, body: bytes) -> bytes:
    """A plain hash, not an HMAC."""
    return sha1(client_secret + body, usedforsecurity=False).hexdigest().encode()


def _challenge(body: bytes) -> int | str:
    """A number stays a number. `content` is an object here, and JSON text in other events."""
    content = json_object(body).get("content")
    if isinstance(content, str):
        content = json_object(content.encode())
    challenge = content.get("challenge") if isinstance(content, Mapping) else None
    if isinstance(challenge, bool) or not isinstance(challenge, int | str) or len(str(challenge)) > 64:
        raise refused("malformed", "no challenge")
    return challenge
