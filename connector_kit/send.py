"""One way to call a vendor: a Request goes out, a Reply or a fault comes back.

Whether a failed call may be repeated depends on whether the vendor may have acted. Here only reads are
repeated, a few times within seconds; minutes and hours, and all about writes, belong to the worker.
"""

import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Literal

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from connector_kit.breaker import Breaker
from connector_kit.budget import Budget
from connector_kit.exchanges import BODY_LIMIT, Exchange, Recorder, subject
from connector_kit.redact import Redactor
from domain.faults import Fault, Malformed, Misconfigured, Throttled, Transient, UnknownOutcome

REPLY_LIMIT = 60 * 1024 * 1024
READ_ATTEMPTS = 3
LONGEST_SECRET = 8192
"""Characters: some tokens are long."""
PIECE = 1 << 19
"""Bytes: aiohttp objects to bodies beyond 1 MiB in one piece."""

NEVER_ARRIVED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
NEVER_CONNECTED = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
DEFAULT_WAIT = timedelta(seconds=5)
LONGEST_WAIT = timedelta(days=1)

# It writes every address at INFO, and some vendors want their token in the address.
logging.getLogger("httpx").setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Operation:
    """`read`: changes nothing. `keyed_write`: the vendor knows our key. `blind_write`: it would act twice."""

    name: str
    kind: Literal["read", "keyed_write", "blind_write"]


@dataclass(frozen=True, slots=True)
class Reply:
    """Header names in lower case. A 5xx only where the request knows it for the vendor's own word."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def nobody(reply: Reply) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Request:
    """`speaks`: whether a 5xx is the vendor's own refusal, which the connector reads like any other answer.
    A page of some proxy in front is not: then nobody knows what happened."""

    operation: Operation
    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""
    timeout: float = 15.0
    speaks: Callable[[Reply], bool] = nobody


def new_client() -> httpx.AsyncClient:
    """aiohttp's transport under httpx's interface: several times httpx's own throughput under concurrency."""
    return httpx.AsyncClient(transport=AiohttpTransport(), follow_redirects=False, trust_env=False)


class Sender:
    """Sends for one connection. Without a budget and a breaker nothing holds a call back."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        *,
        connection: str,
        redactor: Redactor,
        recorder: Recorder,
        budget: Budget | None = None,
        breaker: Breaker | None = None,
    ) -> None:
        self._client = client
        self._connection = connection
        self.redactor = redactor
        self._recorder = recorder
        self._budget = budget
        self._breaker = breaker

    async def send(self, request: Request) -> Reply:
        """Raises Transient, Throttled, UnknownOutcome, Misconfigured (address) or Malformed (too long)."""
        attempts = READ_ATTEMPTS if request.operation.kind == "read" else 1
        async for attempt in AsyncRetrying(
            stop=stop_after_attempt(attempts),
            wait=wait_random_exponential(multiplier=0.1, max=2),
            retry=retry_if_exception_type(Transient),
            reraise=True,
        ):
            with attempt:
                return await self._admitted(request)
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _admitted(self, request: Request) -> Reply:
        """Throttled when the budget has no place for it, Transient while the vendor is left in peace."""
        with self._breaker.call() if self._breaker else nullcontext():
            async with self._budget.call(longest=request.timeout) if self._budget else nullcontext():
                return await self._once(request)

    async def _once(self, request: Request) -> Reply:
        started = datetime.now(UTC)
        reply: Reply | None = None
        outcome = "answered"
        try:
            reply = await self._exchange(request)
            return _read_status(request, reply)
        except Fault as fault:
            outcome = f"{fault.kind}: {fault}"
            raise
        finally:
            await self._recorder.record(self._describe(request, reply, started, outcome))

    async def _exchange(self, request: Request) -> Reply:
        try:
            response = await self._client.request(
                request.method,
                request.url,
                headers=_headers(request),
                content=_content(request.content),
                timeout=httpx.Timeout(request.timeout, connect=min(5.0, request.timeout)),
            )
        except httpx.HTTPError as error:
            detail = self.redactor.text(str(error))
            if _never_arrived(error):
                raise Transient(f"对方系统连不上 (cannot reach the vendor): {detail}") from error
            raise _no_answer(request, f"{type(error).__name__} {detail}") from error
        except httpx.InvalidURL as error:
            detail = self.redactor.text(str(error))
            raise Misconfigured(f"连接的地址有误 (not an address): {detail}") from error
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
            request_body=_shown(request.content, redact),
            status=reply.status if reply else None,
            reply_headers=redact.headers(dict(reply.headers)) if reply else {},
            reply_body=_shown(reply.body, redact) if reply else "",
            outcome=redact.text(outcome),
        )


def _headers(request: Request) -> dict[str, str]:
    """A body in pieces would otherwise go out chunked, which not every vendor reads."""
    if len(request.content) <= PIECE:
        return dict(request.headers)
    others = {name: value for name, value in request.headers.items() if name.lower() != "content-length"}
    return others | {"Content-Length": str(len(request.content))}


def _content(body: bytes) -> bytes | AsyncIterator[bytes] | None:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), PIECE):
            yield body[start : start + PIECE]

    return pieces() if len(body) > PIECE else body or None


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
    if reply.status >= httpx.codes.INTERNAL_SERVER_ERROR and not request.speaks(reply):
        raise _no_answer(request, f"HTTP {reply.status}")
    return reply


def _retry_after(reply: Reply) -> timedelta:
    """RFC 9110: seconds, or a date; a day at most."""
    text = reply.headers.get("retry-after", "").strip()
    if text.isdecimal():
        return timedelta(seconds=min(int(text[:9]), LONGEST_WAIT.total_seconds()))
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return DEFAULT_WAIT
    if moment.tzinfo is None:
        return DEFAULT_WAIT
    return min(max(moment - datetime.now(UTC), timedelta()), LONGEST_WAIT)


def _shown(body: bytes, redactor: Redactor) -> str:
    """Redacted before it is cut: half a secret is not known for one."""
    if b"\x00" in body or body.startswith(b"%PDF"):
        return f"<{len(body)} bytes>"
    text = redactor.text(body[: BODY_LIMIT + LONGEST_SECRET].decode("utf-8", "replace"))
    if len(body) > BODY_LIMIT + LONGEST_SECRET:
        text = text[:-LONGEST_SECRET]
    return text[:BODY_LIMIT]
