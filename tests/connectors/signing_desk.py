"""What the tests of the signing services share: an open connection, a contract, and somebody to call back."""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from typing import Any, Protocol

import httpx

from connector_kit import Connector, MemoryRecorder
from domain.ports import Hook, HookRequest, Signer, SigningHook
from domain.records import SigningParty, SigningRequest
from sandboxes.common import Running
from tests.connectors.connection import open_connection

PDF = b"%PDF-1.4\n1 0 obj<</Type/Page>>endobj\n2 0 obj<</Type /Page>>endobj\n%%EOF\n"


class Shifted:
    """A clock that tests can set wrong."""

    def __init__(self) -> None:
        self.shift = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.shift


class SigningAdapter(Signer, Hook, SigningHook, Protocol):
    """What a signing service's connection is."""


@dataclass
class Desk:
    """The adapter, its clock, what was said, and the sandbox on the other side."""

    client: httpx.AsyncClient
    url: str
    adapter: SigningAdapter
    clock: Shifted
    said: MemoryRecorder = field(default_factory=MemoryRecorder)

    async def control(self, path: str, body: dict[str, Any]) -> Any:
        answer = await self.client.post(f"{self.url}/_sandbox/{path}", json=body)
        return answer.raise_for_status().json()

    async def fault(self, kind: str, path: str = ".*", **more: Any) -> None:
        await self.control("faults", {"rules": [{"kind": kind, "path": path, "times": 1} | more]})

    async def books(self, table: str = "flows") -> dict[str, Any]:
        found: dict[str, Any] = (await self.client.get(f"{self.url}/_sandbox/books/{table}")).json()
        return found

    async def advance(self, seconds: float) -> None:
        """Time passes on both sides."""
        await self.control("clock", {"advance": seconds})
        self.clock.shift += timedelta(seconds=seconds)


@asynccontextmanager
async def open_desk(connector: Connector, served: Running, **changes: Any) -> AsyncIterator[Desk]:
    """A connection that is made of what the sandbox prints, and its address."""
    clock, choices = Shifted(), {"timeout_seconds": 0.5} | changes
    async with open_connection(connector, served, clock=clock, **choices) as opened:
        for port in (Signer, Hook, SigningHook):
            assert isinstance(opened.adapter, port)
        yield Desk(opened.client, served.url, opened.adapter, clock, opened.said)


def contract(**changes: Any) -> SigningRequest:
    """Our seal first, then a company, then a person."""
    now = datetime.now(UTC)
    request = SigningRequest(
        key="HT-2026-0042/1",
        contract_number="HT-2026-0042",
        title="示例采购合同",
        file_name="HT-2026-0042.pdf",
        parties=[
            SigningParty(order=1, organisation="示例科技有限公司", person=None, phone=None, own=True),
            SigningParty(order=2, organisation="测试客户有限公司", person="测试甲", phone="+8613800000001"),
            SigningParty(order=3, organisation=None, person="测试乙", phone="+8613800000002"),
        ],
        callback_url="",
        expires_at=now + timedelta(days=30),
        requested_at=now,
    )
    return replace(request, **changes)


class Receiver:
    """Takes callbacks, gives the answers it was told to give (200 with `success` when none are left)."""

    def __init__(self) -> None:
        self._came: Queue[HookRequest] = Queue()
        self.answers: deque[int] = deque()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                path, _, query = self.path.partition("?")
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver._came.put(HookRequest("POST", path, query, headers, body, datetime.now(UTC)))
                self.send_response(receiver.answers.popleft() if receiver.answers else 200)
                self.send_header("content-length", "7")
                self.end_headers()
                self.wfile.write(b"success")

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/hooks/signer"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    async def next(self, count: int) -> list[HookRequest]:
        """Raises queue.Empty when they stay away."""
        return [await asyncio.to_thread(self._came.get, timeout=10) for _ in range(count)]
