"""One connection under test: the connector, its sandbox, and the hands on the sandbox's control API."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar, cast

import httpx
from httpx_aiohttp import AiohttpTransport

from connector_kit.certify.bench import Act, Bench
from connector_kit.connector import Connector, Tools
from connector_kit.exchanges import Exchange, MemoryRecorder
from connector_kit.redact import Redactor, secrets_of
from connector_kit.send import Sender
from connector_kit.tokens import Fetch, MemoryTokens, Token

Port = TypeVar("Port")
LONG, SHORT = 10.0, 0.25
"""Seconds that a call may take; the sandbox never answers one that shall time out."""
Change = Callable[[httpx.Request, bytes], bytes]


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class Killed(BaseException):
    """Stands for the end of the process: nothing may catch it."""


@dataclass
class Recorder(MemoryRecorder):
    """Kills the caller after so many exchanges, as a process may die after any answer."""

    kill_after: int | None = None
    exchanges: list[Exchange] = field(default_factory=list)
    watch: Callable[[Exchange], Awaitable[None]] | None = None
    """Called after each."""

    async def record(self, exchange: Exchange) -> None:
        await super().record(exchange)
        if self.watch is not None:
            await self.watch(exchange)
        if self.kill_after is not None and len(self.exchanges) >= self.kill_after:
            raise Killed


class CountingTokens(MemoryTokens):
    """How often a token was fetched."""

    def __init__(self) -> None:
        super().__init__()
        self.fetches = 0

    async def get(self, name: str, fetch: Fetch, *, refused: str | None = None) -> Token:
        async def counted(known: Token | None) -> Token:
            self.fetches += 1
            return await fetch(known)

        return await super().get(name, counted, refused=refused)


class Wire(httpx.AsyncBaseTransport):
    """Shares the connections of all openings (a transport of one's own costs 30 ms). May change replies."""

    def __init__(self, inner: AiohttpTransport, *, longest: float, change: Change | None) -> None:
        self._inner = inner
        self._longest = longest
        self._change = change

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        waits = request.extensions["timeout"]
        request.extensions["timeout"] = {what: min(wait, self._longest) for what, wait in waits.items()}
        reply = await self._inner.handle_async_request(request)
        if self._change is None:
            return reply
        body = self._change(request, await reply.aread())
        await reply.aclose()
        headers = [
            (k, v) for k, v in reply.headers.items() if k not in ("content-length", "content-encoding")
        ]
        return httpx.Response(reply.status_code, headers=headers, content=body)


@dataclass(frozen=True, slots=True)
class Open:
    """An adapter with everything that it was given."""

    adapter: object
    recorder: Recorder
    tokens: CountingTokens
    redactor: Redactor
    by_hand: Callable[[], Awaitable[object]] | None = None
    """A person's turn at the vendor."""

    def port(self, kind: type[Port]) -> Port:
        assert isinstance(self.adapter, kind)
        return self.adapter


@dataclass(slots=True)
class Stand:
    connector: Connector
    bench: Bench
    url: str
    control: httpx.AsyncClient
    wire: AiohttpTransport
    folder: str
    seeds: int = 30
    longest_call: float = LONG
    _credentials: Mapping[str, object] = field(default_factory=dict)
    _number: int = 0

    def settings(self) -> dict[str, object]:
        fields = self.connector.settings.model_fields
        given = {name: value for name, value in self._credentials.items() if name in fields}
        base = {"base_url": self.url} if "base_url" in fields else {}
        folder = {self.bench.folder: self.folder} if self.bench.folder else {}
        return {**base, **given, **folder, **self.bench.settings}

    async def look_up_credentials(self) -> None:
        """Some change with every use."""
        self._credentials = (await self.control.get("")).raise_for_status().json()["credentials"]

    @asynccontextmanager
    async def open(
        self,
        changes: Mapping[str, object] | None = None,
        *,
        kill_after: int | None = None,
        change: Change | None = None,
    ) -> AsyncIterator[Open]:
        await self.look_up_credentials()
        settings = self.connector.settings.model_validate(self.settings() | dict(changes or {}))
        recorder = Recorder(kill_after=kill_after)
        wire = Wire(self.wire, longest=self.longest_call, change=change)
        async with httpx.AsyncClient(transport=wire, trust_env=False) as client:
            redactor = Redactor(secrets_of(settings))
            sender = Sender(client, connection="certified", redactor=redactor, recorder=recorder)
            tokens = CountingTokens()
            tools = Tools("certified", sender, tokens, SystemClock(), self.bench.mappings)
            by_hand = partial(self.act, self.bench.by_hand) if self.bench.by_hand else None
            yield Open(self.connector.open(settings, tools), recorder, tokens, redactor, by_hand)

    def number(self, prefix: str) -> str:
        """A number that no document of this run has had."""
        self._number += 1
        return f"{prefix}-{self._number:04d}"

    async def act(self, act: Act) -> Any:
        return await self._post(f"act/{act.name}", act.body)

    async def fault(self, kind: str, path: str = ".*", *, times: int | None = 1, **more: object) -> None:
        """Strikes once, unless told otherwise."""
        await self.faults([{"kind": kind, "path": path, "times": times, **more}])

    async def calm(self) -> None:
        await self.faults([])

    async def faults(self, rules: Sequence[Mapping[str, object]], *, seed: int = 0) -> None:
        """Before a connection is opened: calls that shall time out are given little time."""
        self.longest_call = SHORT if any("timeout" in str(rule["kind"]) for rule in rules) else LONG
        await self._post("faults", {"rules": list(rules), "seed": seed})

    async def reset(self) -> None:
        await self._post("reset", {})
        for act in self.bench.prepare:
            await self.act(act)

    async def seed(self, tables: Mapping[str, Mapping[str, object]]) -> None:
        """Rows that nobody had to make."""
        await self._post("seed", tables)

    async def tables(self) -> Mapping[str, Mapping[str, object]]:
        sizes = (await self.control.get("books")).raise_for_status().json()
        return {name: await self.table(name) for name in sizes}

    async def advance(self, seconds: float) -> None:
        """The sandbox's clock."""
        await self._post("clock", {"advance": seconds})

    async def disturb_callbacks(self, **faults: float) -> None:
        await self._post("callbacks", faults)

    async def callbacks_done(self) -> None:
        while (await self.control.get("callbacks")).raise_for_status().json()["pending"]:  # noqa: ASYNC110
            await asyncio.sleep(0.02)

    async def log(self) -> Sequence[Mapping[str, Any]]:
        answer = await self.control.get("log")
        return cast(Sequence[Mapping[str, Any]], answer.raise_for_status().json())

    async def count(self, kind: str, number: str) -> int:
        return len(await self.rows(kind, number))

    async def rows(self, kind: str, number: str) -> list[str]:
        """Documents of this number in the vendor's own books, as JSON."""
        found = self.bench.books[kind]
        needle = found.needle.format(number)
        rows = [json.dumps(row, ensure_ascii=False) for row in (await self.table(found.table)).values()]
        return [row for row in rows if needle in row]

    async def table(self, name: str) -> Mapping[str, Any]:
        answer = await self.control.get(f"books/{name}")
        return cast(Mapping[str, Any], answer.raise_for_status().json())

    async def documents(self) -> int:
        """How many there are of all kinds that the bench knows."""
        sizes = (await self.control.get("books")).raise_for_status().json()
        return sum(sizes.get(table, 0) for table in {found.table for found in self.bench.books.values()})

    async def _post(self, path: str, body: Mapping[str, object]) -> Any:
        answer = await self.control.post(path, json=dict(body))
        if answer.is_error:
            raise RuntimeError(f"the sandbox refused {path}: {answer.text[:200]}")
        return answer.json()
