"""The token cache of a connection, shared by all processes through the database."""

import asyncio
import json
from dataclasses import asdict
from datetime import UTC, datetime

from connector_kit import Redactor, Token
from connector_kit.tokens import Fetch
from crm_store import Store


class StoreTokens:
    """Implements connector_kit.Tokens. The lock of a refresher that dies is free at once: it dies with its
    database connection."""

    def __init__(self, store: Store, connection: str, redactor: Redactor) -> None:
        self._store = store
        self._connection = connection
        self._redactor = redactor
        self._memory: dict[str, Token] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def get(self, name: str, fetch: Fetch, *, refused: str | None = None) -> Token:
        # Those of this process wait here, not each with a database connection in hand.
        async with self._locks.setdefault(name, asyncio.Lock()):
            known = self._memory.get(name)
            if known is None or not _usable(known, refused):
                known = self._memory[name] = await self._shared(name, fetch, refused)
            return known

    async def _shared(self, name: str, fetch: Fetch, refused: str | None) -> Token:
        # The only network call inside a transaction: it holds an advisory lock and no row.
        async with self._store.transaction() as uow:
            await uow.connections.lock_token(self._connection, name)
            stored = _decode(await uow.connections.token(self._connection, name))
            token = stored if stored and _usable(stored, refused) else await fetch(stored)
            if token is not stored:
                await uow.connections.save_token(self._connection, name, _encode(token))
        for secret in (token.value, token.refresh):
            if secret:
                self._redactor.add(secret)
        return token


def _usable(token: Token, refused: str | None) -> bool:
    return token.value != refused and token.fresh(datetime.now(UTC))


def _encode(token: Token) -> dict[str, str]:
    return {"token": json.dumps(asdict(token), default=datetime.isoformat)}


def _decode(stored: dict[str, str] | None) -> Token | None:
    if stored is None:
        return None
    values = json.loads(stored["token"])
    times = ("expires_at", "fetched_at")
    return Token(**values | {name: datetime.fromisoformat(values[name]) for name in times if name in values})
