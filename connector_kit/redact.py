"""Secrets leave no trace: everything that is kept or shown passes here first."""

import base64
import json
import re
from collections.abc import Iterator
from urllib.parse import quote, quote_plus
from weakref import WeakSet
from xml.sax.saxutils import escape

from pydantic import BaseModel, SecretStr

MASK = "***"
SHORTEST = 6
"""A shorter secret would mask ordinary text."""
WORDS = (
    *("secret", "passwd", "password", "pwd", "token", "session_id", "sessionid", "auth_code", "signature"),
    *(f"{kind}{joint}key" for kind in ("private", "access", "api") for joint in ("", "_", "-")),
)
"""What a name says of a secret. Without any of them no pattern matches, and a look for them is cheap."""
_SEEN = tuple(word.encode() for word in WORDS)
_NAME = rf"[\w.-]{{0,40}}(?:{'|'.join(WORDS)})[\w.-]{{0,40}}"
"""Bounded, or each long word of a body would be walked through once more from its end."""
_HEADER = re.compile(
    rf"authorization|.*-authorization|(?:set-)?cookie|.*session.*|.*-sign|{_NAME}", re.IGNORECASE
)
_FIELD = re.compile(
    rf"""((?P<q>\\*"){_NAME}(?P=q)\s*:\s*)(?:(?P=q)(?:\\.|[^\\])*?(?:(?P=q)|\Z)|-?\d[\w.+-]*)""",
    re.IGNORECASE | re.DOTALL,
)
"""Of JSON, also of JSON in a text of JSON."""
_TOKEN_ID = re.compile(r'("token"\s*:\s*\{\s*"id"\s*:\s*)"[^"]*"')
_PAIR = re.compile(
    rf"""((?:^|[?&\s]){_NAME}=)(?:"[^"]*"|'[^']*'|[^&\s"'<>]+)""", re.IGNORECASE | re.MULTILINE
)
"""Of an address, a form, or an element's attributes."""
_ELEMENT = re.compile(
    rf"(<(?:[\w.-]+:)?{_NAME}(?:\s[^<>]*)?>)(?:<!\[CDATA\[.*?\]\]>|[^<]+)(?=</)", re.IGNORECASE | re.DOTALL
)


def secrets_of(settings: BaseModel) -> set[str]:
    """The values of all SecretStr fields."""
    values = (getattr(settings, name) for name in type(settings).model_fields)
    return {value.get_secret_value() for value in values if isinstance(value, SecretStr)}


class Redactor:
    """Masks known secret values wherever they stand, and values under names that sound secret."""

    def __init__(self, secrets: set[str] | None = None) -> None:
        self._spellings: tuple[str, ...] = ()
        for secret in secrets or set():
            self.add(secret)
        _REDACTORS.add(self)

    def add(self, secret: str) -> None:
        """A value learnt later: a token, a session id."""
        if len(secret) >= SHORTEST:
            known = {*self._spellings, *_spellings(secret)}
            self._spellings = tuple(sorted(known, key=len, reverse=True))

    def known(self, text: str) -> str:
        """Without the known values alone."""
        for spelling in self._spellings:
            text = text.replace(spelling, MASK)
        return text

    def text(self, text: str) -> str:
        return _by_name(self.known(text))

    def headers(self, headers: dict[str, str]) -> dict[str, str]:
        return {k: MASK if sounds_secret(k) else self.text(v) for k, v in headers.items()}


def sounds_secret(name: str) -> bool:
    """Of a header, or of a value in a log line."""
    return _HEADER.fullmatch(name) is not None


_REDACTORS: WeakSet[Redactor] = WeakSet()


def masked_everywhere(text: str) -> str:
    """Without the secrets of any connection that is open in this process: for logs."""
    for redactor in list(_REDACTORS):
        text = redactor.known(text)
    return _by_name(text)


def _by_name(text: str) -> str:
    lowered = text.encode("utf-8", "surrogatepass").lower()
    if not any(word in lowered for word in _SEEN):
        return text
    text = _FIELD.sub(rf"\g<1>\g<q>{MASK}\g<q>", text)
    text = _TOKEN_ID.sub(rf'\g<1>"{MASK}"', text)
    text = _PAIR.sub(rf"\g<1>{MASK}", text)
    return _ELEMENT.sub(rf"\g<1>{MASK}", text)


def _spellings(secret: str) -> Iterator[str]:
    """As it may stand in an address, a form, JSON, XML, or a header."""
    raw = secret.encode("utf-8", "surrogatepass")
    yield from (secret, escape(secret))
    for quoted in (quote(raw, safe=""), quote_plus(raw)):
        yield from (quoted, re.sub("%[0-9A-F]{2}", lambda code: code[0].lower(), quoted))
    for ascii_only in (True, False):
        in_json = json.dumps(secret, ensure_ascii=ascii_only)[1:-1]
        yield from (in_json, in_json.replace("/", r"\/"), json.dumps(in_json, ensure_ascii=ascii_only)[1:-1])
        yield re.sub("[<>&']", lambda sign: f"\\u{ord(sign[0]):04x}", in_json)
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield encode(raw).decode().rstrip("=")
