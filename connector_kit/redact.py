"""Secrets leave no trace: everything that is kept or shown passes here first."""

import json
import re
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape

from pydantic import BaseModel, SecretStr

MASK = "***"
SECRET_NAMES = re.compile(
    r"^(authorization|cookie|set-cookie|proxy-authorization|.*(secret|password|passwd|signature|token|session).*)$",
    re.IGNORECASE,
)
SECRET_FIELDS = re.compile(
    r'("[^"]*(?:secret|password|token|auth_code|session_?id)[^"]*"\s*:\s*"'
    r'|"token"\s*:\s*\{\s*"id"\s*:\s*")([^"]*)(")',
    re.IGNORECASE,
)
SECRET_ELEMENTS = re.compile(
    r"(<(?:[\w.-]+:)?[\w.-]*(?:secret|password|token|session_?id)[\w.-]*(?:\s[^<>]*)?>)[^<]+(</)",
    re.IGNORECASE,
)

WORDS = (b"secret", b"password", b"token", b"auth_code", b"session")
"""Without any of them neither pattern matches; the patterns cost a hundred times as much as this look."""


def secrets_of(settings: BaseModel) -> set[str]:
    """The values of all SecretStr fields."""
    values = (getattr(settings, name) for name in type(settings).model_fields)
    return {value.get_secret_value() for value in values if isinstance(value, SecretStr)}


class Redactor:
    """Masks known secret values wherever they stand, and values under names that sound secret."""

    def __init__(self, secrets: set[str] | None = None) -> None:
        self._secrets: set[str] = set()
        for secret in secrets or set():
            self.add(secret)

    def add(self, secret: str) -> None:
        """A value learnt later: a token, a session id. Too short ones would mask ordinary text."""
        if len(secret) >= 6:
            in_json = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
            self._secrets |= {secret, quote(secret, safe=""), quote_plus(secret), escape(secret), *in_json}

    def text(self, text: str) -> str:
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, MASK)
        lowered = text.encode("utf-8", "surrogatepass").lower()
        if not any(word in lowered for word in WORDS):
            return text
        text = SECRET_FIELDS.sub(rf"\g<1>{MASK}\g<3>", text)
        return SECRET_ELEMENTS.sub(rf"\g<1>{MASK}\g<2>", text)

    def headers(self, headers: dict[str, str]) -> dict[str, str]:
        return {k: MASK if SECRET_NAMES.match(k) else self.text(v) for k, v in headers.items()}
