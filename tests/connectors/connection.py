"""A connector's adapter, opened for one test with what a sandbox prints."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from connector_kit import (
    Connector,
    MemoryRecorder,
    MemoryTokens,
    Redactor,
    Sender,
    Tools,
    new_client,
    secrets_of,
)
from domain.ports import Clock
from mappings import Translator
from sandboxes.common import Running


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass(frozen=True)
class Connection:
    adapter: Any
    client: httpx.AsyncClient
    said: MemoryRecorder


@asynccontextmanager
async def open_connection(
    connector: Connector,
    served: Running,
    *,
    clock: Clock | None = None,
    mappings: Translator | None = None,
    **choices: Any,
) -> AsyncIterator[Connection]:
    given = {**served.sandbox.credentials(), "base_url": served.url, **choices}
    settings = connector.settings.model_validate(given)
    said = MemoryRecorder()
    async with new_client() as client:
        redactor = Redactor(secrets_of(settings))
        sender = Sender(client, connection="under-test", redactor=redactor, recorder=said)
        tools = Tools("under-test", sender, MemoryTokens(), clock or SystemClock(), mappings or Translator())
        yield Connection(connector.open(settings, tools), client, said)
