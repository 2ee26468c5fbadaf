"""The gateway: is this request signed by the application it names?"""

import base64
import hashlib
import hmac
from collections.abc import Iterator, Mapping
from urllib.parse import parse_qsl, unquote

from sandboxes.esign.envelope import NotLetIn

CLOCK_TOLERANCE_MS = 15 * 60 * 1000
NEVER_EXTRA = {
    "x-tsign-open-ca-signature",
    "x-tsign-open-ca-signature-headers",
    "accept",
    "content-md5",
    "content-type",
    "date",
}


def check(
    method: str,
    target: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    app_id: str,
    secret: str,
    now_ms: int,
) -> None:
    """`target` is the raw request target; `headers` finds names in any case. Raises NotLetIn."""
    if headers.get("x-tsign-open-auth-mode", "") != "Signature":
        raise NotLetIn("SIMPLE_MODE_CANT_PASS")
    given = headers.get("x-tsign-open-ca-signature", "")
    stamp = headers.get("x-tsign-open-ca-timestamp", "")
    if not given or not stamp or not headers.get("x-tsign-open-app-id"):
        raise NotLetIn("缺少参数")
    if headers["x-tsign-open-app-id"] != app_id:
        raise NotLetIn("无效的应用")
    if not stamp.isdecimal() or abs(now_ms - int(stamp)) > CLOCK_TOLERANCE_MS:
        raise NotLetIn("INVALID_SIGNATURE")
    if body and headers.get("content-md5", "") != md5(body):
        raise NotLetIn("INVALID_SIGNATURE")
    texts = (string_to_sign(method, path, headers) for path in _accepted_paths(target))
    if not any(hmac.compare_digest(given.encode(), _sign(text, secret).encode()) for text in texts):
        raise NotLetIn("INVALID_SIGNATURE")


def md5(body: bytes) -> str:
    return base64.b64encode(hashlib.md5(body).digest()).decode()


def string_to_sign(method: str, path: str, headers: Mapping[str, str]) -> str:
    """Empty standard headers keep their line; without extra headers there is no line for them."""
    standard = [headers.get(name, "") for name in ("accept", "content-md5", "content-type", "date")]
    return "\n".join([method.upper(), *standard, *_extra(headers), path])


def _extra(headers: Mapping[str, str]) -> list[str]:
    named = headers.get("x-tsign-open-ca-signature-headers", "").split(",")
    names = sorted({name.strip() for name in named} - {""})
    return [f"{name}:{headers.get(name, '')}" for name in names if name.lower() not in NEVER_EXTRA]


def _accepted_paths(target: str) -> Iterator[str]:
    """As sent, decoded, and with sorted keys: which of them the vendor takes is not documented [U]."""
    yield target
    yield unquote(target)
    path, _, query = target.partition("?")
    if query:
        yield f"{path}?{_sorted(_raw_pairs(query))}"
        yield f"{unquote(path)}?{_sorted(parse_qsl(query, keep_blank_values=True))}"


def _raw_pairs(query: str) -> list[tuple[str, str]]:
    pairs = (item.partition("=") for item in query.split("&") if item)
    return [(key, value) for key, _, value in pairs]


def _sorted(pairs: list[tuple[str, str]]) -> str:
    """A repeated key gives its first value, an empty value gives only the key."""
    first: dict[str, str] = {}
    for key, value in pairs:
        first.setdefault(key, value)
    return "&".join(f"{key}={value}" if value else key for key, value in sorted(first.items()))


def _sign(text: str, secret: str) -> str:
    digest = hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()
