"""Application signature: two keyed digests in the headers, and the login that carries its own.

`X-Kd-Signature` (application and user, by the application's secret) is always checked. `X-Api-Signature`
(path and time) and the age of the time stamp are checked by the vendor's gateway; private sites let wrong
ones pass, so here it is a switch.
"""

import hashlib
import hmac
import re
from base64 import b64decode, b64encode
from binascii import Error as NotBase64Error
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote

from starlette.requests import Request

from sandboxes.common import Row
from sandboxes.kingdee.seed import ACCOUNT_SET, APPS

LIFETIME = timedelta(minutes=15)
# The SDKs keep it as ROT13 in four pieces.
XOR_KEY = b"0054f397" + b"c6234378" + b"b09ca7d3" + b"e5debce7"


class SignatureError(Exception):
    """The signature does not stand. The product calls that a lost session."""


class UnknownAccountError(Exception):
    """The account set does not exist: no HTTP 200."""


@dataclass(frozen=True, slots=True)
class GatewayError(Exception):
    code: int
    description: str

    def body(self) -> Row:
        return {"errcode": self.code, "description": f"{self.description}[GW]"}


def user_of(request: Request) -> str:
    """Whom a signed request speaks for."""
    head = request.headers
    app_id, app_data = head.get("x-kd-appkey", ""), _decoded(head.get("x-kd-appdata", ""))
    secret = APPS.get(app_id, {}).get("secret", "")
    expected = _hmac(app_id + app_data, secret)
    if not secret or not hmac.compare_digest(expected, head.get("x-kd-signature", "")):
        raise SignatureError
    account, user, *_ = [*app_data.split(","), "", ""]
    if account != ACCOUNT_SET:
        raise UnknownAccountError(account)
    if user not in APPS[app_id]["users"]:
        raise SignatureError
    return user


def check_gateway(request: Request, now: datetime) -> None:
    head = request.headers
    client, _, hidden = head.get("x-kd-appkey", "").partition("_")
    stamp, nonce = head.get("x-api-timestamp", ""), head.get("x-api-nonce", "")
    if not head.get("x-api-clientid"):
        raise GatewayError(4002, "Unauthorized, APP_ID is empty")
    if not nonce or not recent(stamp, now):
        raise GatewayError(4006, "Unauthorized, timestamp expired")
    path = quote(request.scope["raw_path"].decode(), safe="%").replace("/", "%2F")
    text = f"POST\n{path}\n\nx-api-nonce:{nonce}\nx-api-timestamp:{stamp}\n"
    expected = _hmac(text, client_key(hidden))
    if client != head["x-api-clientid"] or not hmac.compare_digest(expected, head.get("x-api-signature", "")):
        raise GatewayError(4003, "Unauthorized, signature mismatch")


def client_key(hidden: str) -> str:
    if len(hidden) != 32:
        return ""
    raw = int.from_bytes(b64decode(hidden), "big") ^ int.from_bytes(XOR_KEY[:24], "big")
    return b64encode(raw.to_bytes(24, "big")).decode("ascii")


def login_signature(*parts: str) -> str:
    """LoginBySign: the parts in byte order, without separators."""
    return hashlib.sha256(b"".join(sorted(part.encode() for part in parts))).hexdigest()


def recent(stamp: str, now: datetime) -> bool:
    """Seconds; one client sends milliseconds."""
    if not re.fullmatch(r"\d{10}(\d{3})?", stamp):
        return False
    return abs(now.timestamp() - int(stamp[:10])) <= LIFETIME.total_seconds()


def _hmac(message: str, key: str) -> str:
    return b64encode(hmac.digest(key.encode(), message.encode(), "sha256").hex().encode()).decode("ascii")


def _decoded(text: str) -> str:
    try:
        return b64decode(text, validate=True).decode()
    except (NotBase64Error, UnicodeDecodeError):
        return ""
