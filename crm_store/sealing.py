"""Secrets at rest: sealed with a key that is not in the database."""

import json

from cryptography.fernet import Fernet, InvalidToken


class WrongKey(Exception):
    """The sealing key is not the one that the secrets were written with."""


class Sealer:
    """`key`: 32 url-safe base64 bytes, as Fernet makes them."""

    def __init__(self, key: bytes) -> None:
        self._fernet = Fernet(key)

    def seal(self, secrets: dict[str, str]) -> bytes:
        return self._fernet.encrypt(json.dumps(secrets).encode())

    def open(self, sealed: bytes) -> dict[str, str]:
        try:
            opened: dict[str, str] = json.loads(self._fernet.decrypt(sealed))
        except InvalidToken as error:
            raise WrongKey("密钥不匹配：请恢复原来的 GUANTONG_KEY (the sealing key has changed)") from error
        return opened
