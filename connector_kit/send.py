"""One way to call a vendor: a Request goes out, a Reply or a fault comes back.

Whether a failed call may be repeated depends on whether the vendor may have acted. Here only reads are
repeated, a few times within seconds; minutes and hours, and all about writes, belong to the worker.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Literal

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from connector_kit.exchanges import BODY_LIMIT, Exchange, Recorder, subject
from connector_kit.redact import Redactor
from domain.faults import Malformed, Throttled, Transient, UnknownOutcome

REPLY_LIMIT = 60 * 1024 * 1024
READ_ATTEMPTS = 3

NEVER_ARRIVED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
NEVER_CONNECTED = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
DEFAULT_WAIT = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Operation:
    """`read`: changes nothing. `keyed_write`: the vendor knows our key. `blind_write`: it would act twice."""

    name: str
    kind: Literal["read", "keyed_write", "blind_write"]


@dataclass(frozen=True, slots=True)
class Request:
    operation: Operation
    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""
    timeout: float = 15.0


@dataclass(frozen=True, slots=True)
class Reply:
    """Header names in lower case. `status` below 500 and not 429: those have become faults."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def new_client() -> httpx.AsyncClient:
    """aiohttp's transport under httpx's interface: several times httpx's own throughput under concurrency."""
    return httpx.AsyncClient(transport=AiohttpTransport(), follow_redirects=False, trust_env=False)


class Sender:
    """Sends for one connection."""

    def __init__(
        self, client: httpx.AsyncClient, *, connection: str, redactor: Redactor, recorder: Recorder
    ) -> None:
        self._client = client
        self._connection = connection
        self.redactor = redactor
        self._recorder = recorder

    async def send(self, request: Request) -> Reply:
        """Raises Transient, Throttled, UnknownOutcome or Malformed (reply beyond REPLY_LIMIT)."""
        attempts = READ_ATTEMPTS if request.operation.kind == "read" else 1
        async for attempt in AsyncRetrying(
            stop=stop_after_attempt(attempts),
            wait=wait_random_exponential(multiplier=0.1, max=2),
            retry=retry_if_exception_type(Transient),
            reraise=True,
        ):
            with attempt:
                return await self._once(request)
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _once(self, request: Request) -> Reply:
        started = datetime.now(UTC)
        reply: Reply | None = None
        outcome = "answered"
        try:
            reply = await self._exchange(request)
            return _read_status(request, reply)
        except (Transient, Throttled, UnknownOutcome, Malformed) as fault:
            outcome = f"{fault.kind}: {fault}"
            raise
        finally:
            await self._recorder.record(self._describe(request, reply, started, outcome))

    async def _exchange(self, request: Request) -> Reply:
        try:
            response = await self._client.request(
                request.method,
                request.url,
                headers=dict(request.headers),
                content=request.content or None,
                timeout=httpx.Timeout(request.timeout, connect=min(5.0, request.timeout)),
            )
        except httpx.HTTPError as error:
            if _never_arrived(error):
                raise Transient(f"对方系统连不上 (cannot reach the vendor): {error}") from error
            raise _no_answer(request, f"{type(error).__name__} {error}") from error
        if len(response.content) > REPLY_LIMIT:
            raise Malformed(f"reply of {len(response.content)} bytes exceeds the limit")
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Reply(response.status_code, headers, response.content)

    def _describe(self, request: Request, reply: Reply | None, started: datetime, outcome: str) -> Exchange:
        redact = self.redactor
        return Exchange(
            connection=self._connection,
            operation=request.operation.name,
            subject=subject(),
            started_at=started,
            milliseconds=int((datetime.now(UTC) - started).total_seconds() * 1000),
            method=request.method,
            url=redact.text(request.url),
            request_headers=redact.headers(dict(request.headers)),
            request_body=redact.text(_shown(request.content)),
            status=reply.status if reply else None,
            reply_headers=redact.headers(dict(reply.headers)) if reply else {},
            reply_body=redact.text(_shown(reply.body)) if reply else "",
            outcome=redact.text(outcome),
        )


def _never_arrived(error: httpx.HTTPError) -> bool:
    """The transport calls any lost connection a ConnectTimeout, even one that broke after sending."""
    if isinstance(error.__cause__, aiohttp.ClientConnectionError):
        return isinstance(error.__cause__, NEVER_CONNECTED)
    return isinstance(error, NEVER_ARRIVED)


def _no_answer(request: Request, detail: str) -> Transient | UnknownOutcome:
    if request.operation.kind == "read":
        return Transient(f"对方没有回答 (no answer): {detail}")
    return UnknownOutcome(f"已发出，没有收到回答 (sent, no answer): {detail}")


def _read_status(request: Request, reply: Reply) -> Reply:
    if reply.status == httpx.codes.TOO_MANY_REQUESTS:
        raise Throttled("对方限流 (too many requests)", "429", _retry_after(reply))
    if reply.status >= httpx.codes.INTERNAL_SERVER_ERROR:
        raise _no_answer(request, f"HTTP {reply.status}")
    return reply


def _retry_after(reply: Reply) -> timedelta:
    """RFC 9110: seconds, or a date."""
    text = reply.headers.get("retry-after", "").strip()
    if text.isdigit():
        return timedelta(seconds=int(text))
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return DEFAULT_WAIT
    if moment.tzinfo is None:
        return DEFAULT_WAIT
    return max(moment - datetime.now(UTC), timedelta())


def _shown(body: bytes) -> str:
    if b"\x00" in body or body.startswith(b"%PDF"):
        return f"<{len(body)} bytes>"
    return body[:BODY_LIMIT].decode("utf-8", "replace")
