"""The secrets of one installation: from the environment, else files in the data folder that only we read."""

import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path


def sealing_key(data: Path) -> bytes:
    """The key of the secrets at rest: from GUANTONG_KEY, else a file in the data folder that only we read."""
    given = os.environ.get("GUANTONG_KEY")
    if given:
        return given.encode()
    path = data / "sealing.key"
    if not path.exists():
        from cryptography.fernet import Fernet

        _write_private(path, Fernet.generate_key())
    return path.read_bytes()


def api_token(data: Path) -> str:
    """The bearer token of the hub's own API: from GUANTONG_API_TOKEN, else a file in the data folder."""
    given = os.environ.get("GUANTONG_API_TOKEN")
    if given:
        return given
    path = data / "api.token"
    if not path.exists():
        _write_private(path, secrets.token_urlsafe(32).encode())
    return path.read_text()


def _write_private(path: Path, content: bytes) -> None:
    """Whole or not at all: two processes that start together must end up with the same content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)  # readable by us only
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    with suppress(FileExistsError):
        path.hardlink_to(name)
    Path(name).unlink()
