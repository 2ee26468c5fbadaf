"""One way to call a vendor: a Request goes out, a Reply or a fault comes back.

Whether a failed call may be repeated depends on whether the vendor may have acted. Here reads are repeated,
and writes that never arrived, a few times within seconds; minutes and hours, and writes without an answer,
belong to the worker.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from connector_kit.breaker import Breaker
from connector_kit.budget import Budget
from connector_kit.exchanges import BODY_LIMIT, HEADER_LIMIT, Exchange, Kind, Recorder, subject
from connector_kit.redact import Redactor
from domain.faults import Fault, Malformed, Misconfigured, Throttled, Transient, UnknownOutcome

REPLY_LIMIT = 60 * 1024 * 1024
ATTEMPTS = 3
LONGEST_SECRET = 8192
"""Characters: some tokens are long."""
PIECE = 1 << 19
"""Bytes: aiohttp objects to bodies beyond 1 MiB in one piece."""

NEVER_ARRIVED = (
    *(aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError),
    *(httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol),
)
SENT_ONCE = ("POST", "PATCH")
"""aiohttp sends the methods that HTTP calls idempotent once more when a kept connection turns out broken."""
KEPT_ALIVE = 5.0
"""Seconds, as httpx has it."""
DEFAULT_WAIT = timedelta(seconds=5)
LONGEST_WAIT = timedelta(days=1)

# It writes every address at INFO, and some vendors want their token in the address.
logging.getLogger("httpx").setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Operation:
    """`read`: changes nothing. `keyed_write`: the vendor knows our key. `blind_write`: it would act twice."""

    name: str
    kind: Kind


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
    """Seconds for the whole of it, from the connection to the last byte of the answer."""
    speaks: Callable[[Reply], bool] = nobody

    def __post_init__(self) -> None:
        if self.operation.kind == "blind_write" and self.method not in SENT_ONCE:
            raise ValueError(
                f"{self.operation.name}: a blind write goes by POST; a transport repeats the others"
            )


def new_client() -> httpx.AsyncClient:
    """aiohttp's transport under httpx's interface: several times httpx's own throughput under concurrency.

    Neither keeps cookies: connections of one host share the client, and each must send its own session.
    """
    refused = CookieJar(policy=DefaultCookiePolicy(allowed_domains=()))
    transport = AiohttpTransport(client=_session)
    return httpx.AsyncClient(transport=transport, cookies=refused, follow_redirects=False, trust_env=False)


def _session() -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(keepalive_timeout=KEPT_ALIVE)
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())


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
        async for attempt in AsyncRetrying(
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_random_exponential(multiplier=0.1, max=2),
            retry=retry_if_exception_type(Transient),
            reraise=True,
        ):
            with attempt:
                return await self._admitted(request)
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _admitted(self, request: Request) -> Reply:
        """Throttled when the budget has no place for it, Transient while the vendor is left in peace."""
        async with self._budget.call(longest=request.timeout) if self._budget else nullcontext():
            with self._breaker.call() if self._breaker else nullcontext():
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
        """An answer that is no HTTP comes as aiohttp's own error, whose text holds the address."""
        try:
            async with (
                asyncio.timeout(request.timeout),
                self._client.stream(
                    request.method,
                    request.url,
                    headers=_headers(request),
                    content=_content(request.content),
                    timeout=httpx.Timeout(request.timeout, connect=min(5.0, request.timeout)),
                ) as response,
            ):
                body = await _body(request, response)
        except (httpx.HTTPError, aiohttp.ClientError, TimeoutError) as error:
            broken = _origin(error)
            detail = self.redactor.text(str(error))
            if isinstance(broken, NEVER_ARRIVED):
                raise Transient(f"对方系统连不上 (cannot reach the vendor): {detail}") from error
            raise _no_answer(request, f"{type(broken).__name__} {detail}") from error
        except httpx.InvalidURL as error:
            detail = self.redactor.text(str(error))
            raise Misconfigured(f"连接的地址有误 (not an address): {detail}") from error
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Reply(response.status_code, headers, body)

    def _describe(self, request: Request, reply: Reply | None, started: datetime, outcome: str) -> Exchange:
        redact = self.redactor
        return Exchange(
            connection=self._connection,
            operation=request.operation.name,
            kind=request.operation.kind,
            subject=subject(),
            started_at=started,
            milliseconds=int((datetime.now(UTC) - started).total_seconds() * 1000),
            method=request.method,
            url=redact.text(request.url)[:HEADER_LIMIT],
            request_headers=_cut(redact.headers(dict(request.headers))),
            request_body=_shown(request.content, redact),
            status=reply.status if reply else None,
            reply_headers=_cut(redact.headers(dict(reply.headers))) if reply else {},
            reply_body=_shown(reply.body, redact) if reply else "",
            outcome=redact.text(outcome),
        )


def _cut(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value[:HEADER_LIMIT] for name, value in headers.items()}


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


async def _body(request: Request, response: httpx.Response) -> bytes:
    """Counted while it comes: a vendor's mistake must not fill our memory."""
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > REPLY_LIMIT:
            reason = f"回答超过 {REPLY_LIMIT} 字节 (the reply exceeds the limit)"
            raise Malformed(reason) if request.operation.kind == "read" else UnknownOutcome(reason)
    return bytes(body)


def _origin(error: Exception) -> Exception:
    """The transport calls any lost connection a ConnectTimeout, even one that broke after sending."""
    return error.__cause__ if isinstance(error.__cause__, aiohttp.ClientConnectionError) else error


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
