"""StatementFeed: the files of a folder."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

from connector_kit import Tools
from connectors.bank_statement.protocol import MAPPING, read_statements
from connectors.bank_statement.settings import Settings
from domain.faults import Misconfigured, Rejected
from domain.ports import Inbound, Translated
from domain.records import Statement

KIND = "statement.camt053"
GIVE_AGAIN = timedelta(hours=1)
"""A file is given once more after this time, in case its message was not kept the first time."""
_WHOLE = re.compile(rb"</(?:[\w.-]+:)?Document\s*>\s*\Z")

Look = tuple[int, int]
"""Size and time of the last change: what a file shows without being read."""


class StatementFolder:
    def __init__(self, settings: Settings, tools: Tools) -> None:
        self._settings = settings
        self._clock = tools.clock
        self._seen: dict[Path, Look] = {}
        self._given: dict[tuple[Path, Look], datetime] = {}

    async def new_statements(self) -> AsyncIterator[Inbound]:
        """Raises Misconfigured without the folder, and Rejected for too large files after all others."""
        looks = await asyncio.to_thread(self._look)
        too_large: list[str] = []
        for path, look in looks.items():
            if look[0] > self._settings.file_limit_bytes:
                too_large.append(path.name)
            elif not self._was_given(path, look):
                message = await asyncio.to_thread(self._read, path, look)
                if message is not None:
                    yield message
                    self._given[path, look] = self._clock.now()
        self._seen = looks
        self._given = {key: at for key, at in self._given.items() if looks.get(key[0]) == key[1]}
        if too_large:
            raise Rejected(f"对账单文件过大 (statement files too large): {', '.join(sorted(too_large))}")

    def read_statement(self, body: bytes) -> Translated[Sequence[Statement]]:
        return Translated(read_statements(body, self._settings), MAPPING)

    def _look(self) -> dict[Path, Look]:
        """Half-written files often have another ending; links could lead out of the folder."""
        if not self._settings.folder.is_dir():
            raise Misconfigured(f"对账单文件夹不存在 (no such folder): {self._settings.folder}")
        return {
            path: _look_at(path)
            for path in sorted(self._settings.folder.iterdir())
            if path.suffix.lower() == ".xml"
            and not path.name.startswith((".", "~"))
            and not path.is_symlink()
            and path.is_file()
        }

    def _was_given(self, path: Path, look: Look) -> bool:
        at = self._given.get((path, look))
        return at is not None and self._clock.now() - at < GIVE_AGAIN

    def _read(self, path: Path, look: Look) -> Inbound | None:
        """None while somebody writes it: it lacks its closing tag and changed since the last look."""
        try:
            body = path.read_bytes()
            changed = _look_at(path) != look
        except FileNotFoundError:
            return None
        rested = self._seen.get(path) == look
        if changed or not (rested or _WHOLE.search(body[-200:])):
            return None
        return Inbound(KIND, sha256(body).hexdigest(), body, {"file-name": path.name})


def _look_at(path: Path) -> Look:
    status = path.stat()
    return status.st_size, status.st_mtime_ns
