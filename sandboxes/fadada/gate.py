"""The gateway: is this form signed by the application it names?"""

import hashlib
import hmac
from collections.abc import Mapping

from sandboxes.fadada.envelope import BAD_CALLER, BAD_SIGN, MISSING_HEADER, Refused

TOLERANCE_MS = 5 * 60 * 1000
SIGNED = (
    "X-FASC-AccessToken",
    "X-FASC-Api-SubVersion",
    "X-FASC-App-Id",
    "X-FASC-Event",
    "X-FASC-Grant-Type",
    "X-FASC-Nonce",
    "X-FASC-Sign-Type",
    "X-FASC-Timestamp",
)
NEEDED = (
    "X-FASC-App-Id",
    "X-FASC-Sign-Type",
    "X-FASC-Timestamp",
    "X-FASC-Nonce",
    "X-FASC-Api-SubVersion",
    "X-FASC-Sign",
)
GRANT, TOKEN = "X-FASC-Grant-Type", "X-FASC-AccessToken"
"""The one that the call for a token needs, and the one of all others."""


def check(
    headers: Mapping[str, str], content: str, *, also: str, app_id: str, secret: str, now_ms: int
) -> None:
    """`headers` finds names in any case. `also`: GRANT or TOKEN. Raises Refused."""
    missing = [name for name in (*NEEDED, also) if not headers.get(name)]
    if missing:
        raise Refused(MISSING_HEADER, f"请求头缺失：{missing[0]}")
    stamp = headers["X-FASC-Timestamp"]
    if headers["X-FASC-App-Id"] != app_id:
        raise Refused(BAD_CALLER, "appId不正确")
    if not stamp.isdecimal() or abs(now_ms - int(stamp)) > TOLERANCE_MS:
        raise Refused(BAD_CALLER, "请求已过期")
    if headers["X-FASC-Sign-Type"] != "HMAC-SHA256" or len(headers["X-FASC-Nonce"]) > 32:
        raise Refused(BAD_SIGN, "签名错误")
    given = {name: headers.get(name, "") for name in SIGNED if name != "X-FASC-Event"}
    if not hmac.compare_digest(sign(secret, given, content).encode(), headers["X-FASC-Sign"].encode()):
        raise Refused(BAD_SIGN, "签名错误")


def sign(secret: str, headers: Mapping[str, str], content: str) -> str:
    """Over the headers and the form's content in the order of their names; empty ones are left out."""
    named = {**headers, "bizContent": content}
    text = "&".join(f"{name}={value}" for name, value in sorted(named.items()) if value)
    digest = hashlib.sha256(text.encode()).hexdigest()
    key = hmac.new(secret.encode(), headers["X-FASC-Timestamp"].encode(), hashlib.sha256).digest()
    return hmac.new(key, digest.encode(), hashlib.sha256).hexdigest()
