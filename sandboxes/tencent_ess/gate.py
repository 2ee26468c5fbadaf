"""TC3-HMAC-SHA256: is this request signed by the key it names?"""

import hashlib
import hmac
import itertools
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from sandboxes.tencent_ess.envelope import Refused

TOLERANCE_SECONDS = 300
AUTHORIZATION = re.compile(
    r"TC3-HMAC-SHA256\s+Credential=(?P<id>[^/]+)/(?P<date>[^/]+)/(?P<service>[^/]+)/tc3_request,"
    r"\s*SignedHeaders=(?P<headers>[^,]+),\s*Signature=(?P<signature>\S+)"
)
REQUIRED = {"content-type", "host"}


def check(headers: Mapping[str, str], body: bytes, *, secret_id: str, secret_key: str, now: datetime) -> None:
    """Raises Refused. The service comes from the credential's scope: some clients name another one."""
    given = AUTHORIZATION.fullmatch(headers.get("authorization", "").strip())
    stamp = headers.get("x-tc-timestamp", "")
    if given is None or not stamp.isdecimal():
        raise Refused("AuthFailure.InvalidAuthorization", "请求头部的 Authorization 不符合腾讯云标准。")
    if abs(now.timestamp() - int(stamp)) > TOLERANCE_SECONDS:
        raise Refused("AuthFailure.SignatureExpire", "签名过期。")
    if given["id"] != secret_id:
        raise Refused("AuthFailure.SecretIdNotFound", "密钥不存在。")
    signed = given["headers"].split(";")
    right_day = given["date"] == f"{datetime.fromtimestamp(int(stamp), UTC):%Y-%m-%d}"
    if not right_day or not set(signed) >= REQUIRED:
        raise Refused("AuthFailure.SignatureFailure", "签名错误。")
    scope = f"{given['date']}/{given['service']}/tc3_request"
    key = derive(secret_key, given["date"], given["service"])
    expected = (signature(key, text, stamp=stamp, scope=scope) for text in _canonical(signed, headers, body))
    if not any(hmac.compare_digest(one, given["signature"]) for one in expected):
        raise Refused("AuthFailure.SignatureFailure", "签名错误。")


def derive(secret_key: str, date: str, service: str) -> bytes:
    key = f"TC3{secret_key}".encode()
    for part in (date, service, "tc3_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def signature(key: bytes, canonical: str, *, stamp: str, scope: str) -> str:
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"TC3-HMAC-SHA256\n{stamp}\n{scope}\n{digest}"
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _canonical(signed: list[str], headers: Mapping[str, str], body: bytes) -> Iterator[str]:
    """Clients differ in the port of the host and in the case of the values; each form is tried."""
    payload = headers.get("x-tc-content-sha256", "")
    digest = hashlib.sha256(b"UNSIGNED-PAYLOAD" if payload == "UNSIGNED-PAYLOAD" else body).hexdigest()
    host = headers.get("host", "")
    for used_host, lower in itertools.product((host, host.partition(":")[0]), (False, True)):
        values = {name: headers.get(name, "").strip() for name in signed} | {"host": used_host}
        lines = "".join(f"{name}:{value.lower() if lower else value}\n" for name, value in values.items())
        yield f"POST\n/\n\n{lines}\n{';'.join(signed)}\n{digest}"
