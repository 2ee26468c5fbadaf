"""Ocean Engine's subscription service (SPI): a check of the address, then signed messages.

No topic that carries leads is known, so the messages are kept and nothing follows from them.
"""

import json
import re
from hmac import compare_digest, digest
from urllib.parse import parse_qs

from pydantic import SecretStr

from connectors.douyin_leads.refusals import json_object, message_id, refused
from domain.ports import EVENT, HookAnswer, HookRequest, Inbound

SIGNATURE = "x-open-signature"
OK = {"BaseResp": {"StatusCode": 200, "StatusMessage": "ok"}}
_NUMBER = re.compile(r"-?[0-9]{1,19}", re.ASCII)
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")


class SpiDoor:
    def __init__(self, secret: SecretStr) -> None:
        self._secret = secret.get_secret_value().encode()

    def open(self, request: HookRequest) -> list[Inbound]:
        if is_check(request):
            _challenge(request)
            return []
        given = request.headers.get(SIGNATURE, "").lower().encode()
        if not any(compare_digest(given, each) for each in signatures(self._secret, request.body)):
            raise refused("forged", "wrong signature")
        key = f"spi/{message_id(json_object(request.body).get('message_id'))}"
        return [Inbound(f"{EVENT}spi", key, request.body, {})]

    def accepted(self, request: HookRequest) -> HookAnswer:
        challenge = {"challenge": _challenge(request)} if is_check(request) else {}
        return HookAnswer(200, json.dumps(OK | challenge, separators=(",", ":")).encode())


def is_check(request: HookRequest) -> bool:
    """Signed or not: a check answers with the number that it was given, and keeps nothing."""
    return parse_qs(request.query).get("event") == ["verify_webhook"]


def signatures(secret: bytes, body: bytes) -> list[bytes]:
    """Over the raw bytes; and [U], as a sister platform does, with `\\uXXXX` for all but ASCII."""
    forms = [body]
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = ""
    if not text.isascii():
        forms.append(_NOT_ASCII.sub(_escaped, text).encode())
    return [digest(secret, form, "sha256").hex().encode() for form in forms]


def _escaped(character: re.Match[str]) -> str:
    halves = character[0].encode("utf-16-be").hex()
    return "".join(f"\\u{halves[start : start + 4]}" for start in range(0, len(halves), 4))


def _challenge(request: HookRequest) -> int:
    given = parse_qs(request.query).get("challenge", [""])[0]
    if not _NUMBER.fullmatch(given):
        raise refused("malformed", "the challenge is no number")
    return int(given)
