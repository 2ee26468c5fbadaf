"""Is this request signed by the key it names? By TC3, or by the first signature, which older clients use."""

import base64
import hashlib
import hmac
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple
from urllib.parse import parse_qsl

from starlette.requests import Request

from sandboxes.tencent_ess.envelope import Json, Refused, read_object
from sandboxes.tencent_ess.fields import from_text

TOLERANCE_SECONDS = 300
AUTHORIZATION = re.compile(
    r"TC3-HMAC-SHA256\s+Credential=(?P<id>[^/]+)/(?P<date>[^/]+)/(?P<service>[^/]+)/tc3_request,"
    r"\s*SignedHeaders=(?P<headers>[^,]+),\s*Signature=(?P<signature>\S+)"
)
REQUIRED = {"content-type", "host"}
STAMP = re.compile(r"[0-9]{1,12}")
FIRST_DIGESTS = {"HmacSHA1": "sha1", "HmacSHA256": "sha256"}
PUBLIC = {
    *("Action", "Version", "Timestamp", "Nonce", "SecretId", "Signature", "SignatureMethod"),
    *("Region", "Token", "Language", "RequestClient"),
}
"""What stands among the parameters with the first signature, and in headers with TC3."""


class Asked(NamedTuple):
    action: str
    version: str
    body: Callable[[], Json]


def opened(request: Request, raw: bytes, *, secret_id: str, secret_key: str, now: datetime) -> Asked:
    """Raises Refused."""
    headers, query = request.headers, request.scope["query_string"].decode("latin-1")
    if "authorization" not in headers:
        written = query if request.method == "GET" else raw.decode(errors="replace")
        return _opened_first(request, written, secret_id=secret_id, secret_key=secret_key, now=now)
    _check(request.method, headers, query, raw, secret_id=secret_id, secret_key=secret_key, now=now)
    body = partial(_from_query, query) if request.method == "GET" else partial(read_object, raw)
    return Asked(headers.get("x-tc-action", ""), headers.get("x-tc-version", ""), body)


def _from_query(query: str) -> Json:
    return from_text(parse_qsl(query, keep_blank_values=True))


def _opened_first(request: Request, written: str, *, secret_id: str, secret_key: str, now: datetime) -> Asked:
    """Everything is a parameter, and all but the signature are signed, unescaped."""
    given = dict(parse_qsl(written, keep_blank_values=True))
    digest = FIRST_DIGESTS.get(given.get("SignatureMethod", "HmacSHA1"))
    if "Signature" not in given or digest is None:
        raise Refused("AuthFailure.InvalidAuthorization", "请求头部的 Authorization 不符合腾讯云标准。")
    _check_caller(given.get("Timestamp", ""), given.get("SecretId"), secret_id=secret_id, now=now)
    signed = "&".join(f"{name}={given[name]}" for name in sorted(given) if name != "Signature")
    expected = (
        hmac.digest(secret_key.encode(), f"{request.method}{host}/?{signed}".encode(), digest)
        for host in _hosts(request.headers)
    )
    _check_signature((base64.b64encode(one).decode() for one in expected), given["Signature"])
    body = partial(from_text, [(name, value) for name, value in given.items() if name not in PUBLIC])
    return Asked(given.get("Action", ""), given.get("Version", ""), body)


def _check(
    method: str,
    headers: Mapping[str, str],
    query: str,
    raw: bytes,
    *,
    secret_id: str,
    secret_key: str,
    now: datetime,
) -> None:
    """The service comes from the credential's scope: some clients name another one."""
    given = AUTHORIZATION.fullmatch(headers.get("authorization", "").strip())
    stamp = headers.get("x-tc-timestamp", "")
    if given is None:
        raise Refused("AuthFailure.InvalidAuthorization", "请求头部的 Authorization 不符合腾讯云标准。")
    _check_caller(stamp, given["id"], secret_id=secret_id, now=now)
    signed = given["headers"].split(";")
    right_day = given["date"] == f"{datetime.fromtimestamp(int(stamp), UTC):%Y-%m-%d}"
    if not right_day or not set(signed) >= REQUIRED:
        raise Refused("AuthFailure.SignatureFailure", "签名错误。")
    scope = f"{given['date']}/{given['service']}/tc3_request"
    key = derive(secret_key, given["date"], given["service"])
    texts = _canonical(method, query if method == "GET" else "", signed, headers, raw)
    _check_signature((signature(key, text, stamp=stamp, scope=scope) for text in texts), given["signature"])


def _check_caller(stamp: str, given: str | None, *, secret_id: str, now: datetime) -> None:
    if not STAMP.fullmatch(stamp):
        raise Refused("AuthFailure.InvalidAuthorization", "请求头部的 Authorization 不符合腾讯云标准。")
    if abs(now.timestamp() - int(stamp)) > TOLERANCE_SECONDS:
        raise Refused("AuthFailure.SignatureExpire", "签名过期。")
    if given != secret_id:
        raise Refused("AuthFailure.SecretIdNotFound", "密钥不存在。")


def _check_signature(expected: Iterable[str], given: str) -> None:
    if not any(hmac.compare_digest(one.encode(), given.encode()) for one in expected):
        raise Refused("AuthFailure.SignatureFailure", "签名错误。")


def _hosts(headers: Mapping[str, str]) -> tuple[str, str]:
    """Some clients sign the host without its port."""
    host = headers.get("host", "")
    return host, host.partition(":")[0]


def derive(secret_key: str, date: str, service: str) -> bytes:
    key = f"TC3{secret_key}".encode()
    for part in (date, service, "tc3_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def signature(key: bytes, canonical: str, *, stamp: str, scope: str) -> str:
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"TC3-HMAC-SHA256\n{stamp}\n{scope}\n{digest}"
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _canonical(
    method: str, query: str, signed: list[str], headers: Mapping[str, str], raw: bytes
) -> Iterator[str]:
    """Clients differ in the port of the host and in the case of the values; each form is tried."""
    payload = headers.get("x-tc-content-sha256", "")
    digest = hashlib.sha256(b"UNSIGNED-PAYLOAD" if payload == "UNSIGNED-PAYLOAD" else raw).hexdigest()
    for used_host, lower in itertools.product(_hosts(headers), (False, True)):
        values = {name: headers.get(name, "").strip() for name in signed} | {"host": used_host}
        lines = "".join(f"{name}:{value.lower() if lower else value}\n" for name, value in values.items())
        yield f"{method}\n/\n{query}\n{lines}\n{';'.join(signed)}\n{digest}"
