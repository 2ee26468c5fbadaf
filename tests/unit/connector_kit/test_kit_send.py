import asyncio
import base64
import json
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, ClassVar

import httpx
import pytest
from pydantic import BaseModel, SecretStr
from starlette.requests import Request as Received
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from connector_kit import (
    MemoryRecorder,
    Operation,
    Redactor,
    Reply,
    Request,
    Sender,
    exchange_subject,
    new_client,
    secrets_of,
)
from connector_kit.exchanges import BODY_LIMIT
from connector_kit.send import ATTEMPTS, LONGEST_SECRET
from domain.faults import Fault, Malformed, Misconfigured, Throttled, Transient, UnknownOutcome
from sandboxes.common import Running, Sandbox, running

CANARY = 'can"ary \\ß&/+秘密'
READ, KEYED, BLIND = (Operation("op", kind) for kind in ("read", "keyed_write", "blind_write"))


class Vendor(Sandbox):
    """Counts what it did."""

    name: ClassVar[str] = "kit_vendor"

    def seed(self) -> None:
        self.done = 0
        self.retry_after = "7"

    def routes(self) -> list[BaseRoute]:
        async def act(request: Received) -> Response:
            self.done += 1
            headers = {"Set-Cookie": f"sid={'x' * 9}"}
            return Response(await request.body() + b'{"password": "of-the-reply"}', headers=headers)

        async def busy(request: Received) -> Response:
            return PlainTextResponse("", 429, headers={"Retry-After": self.retry_after})

        both = ["GET", "POST"]
        return [
            Route("/act", act, methods=both),
            Route("/busy", busy, methods=both),
            Route("/no", _no, methods=both),
            Route("/cookie", _cookie),
        ]

    def credentials(self) -> dict[str, str]:
        return {}

    def vendor_error(self) -> Response:
        return JSONResponse({"ok": False})

    def expire_sessions(self) -> None: ...


async def _cookie(request: Received) -> Response:
    return PlainTextResponse(request.headers.get("cookie", ""), headers={"Set-Cookie": "sid=of-the-server"})


async def _no(request: Received) -> Response:
    return PlainTextResponse("no", 404)


@pytest.fixture(scope="module")
def vendor() -> Iterator[Running]:
    with running(Vendor()) as run:
        yield run


@pytest.fixture
def recorder() -> MemoryRecorder:
    return MemoryRecorder()


@pytest.fixture
async def sender(recorder: MemoryRecorder) -> AsyncIterator[Sender]:
    client = new_client()
    yield Sender(client, connection="vendor", redactor=Redactor({CANARY}), recorder=recorder)
    await client.aclose()


def _ask(vendor: Running, operation: Operation, path: str = "/act", **more: Any) -> Request:
    method = "POST" if path == "/act" or operation is BLIND else "GET"
    return Request(operation, method, vendor.url + path, **({"timeout": 5} | more))


def _fault(vendor: Running, kind: str, **more: Any) -> None:
    vendor.control("reset", {})
    vendor.control("faults", {"rules": [{"kind": kind, "seconds": 3, **more}]})


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("drop_before", {}),
        ("drop_after", {}),
        ("status_before", {"status": 500}),
        ("status_after", {"status": 503}),
        ("status_before", {"status": 502}),
    ],
)
@pytest.mark.parametrize(
    ("operation", "raised", "calls"),
    [(READ, Transient, ATTEMPTS), (KEYED, UnknownOutcome, 1), (BLIND, UnknownOutcome, 1)],
    ids=["read", "keyed", "blind"],
)
async def test_no_answer(
    vendor: Running,
    sender: Sender,
    recorder: MemoryRecorder,
    kind: str,
    more: dict[str, int],
    operation: Operation,
    raised: type[Fault],
    calls: int,
) -> None:
    _fault(vendor, kind, **more)
    with pytest.raises(raised):
        await sender.send(_ask(vendor, operation))
    assert len(recorder.exchanges) == calls
    assert all(raised.__name__ in each.outcome for each in recorder.exchanges)


@pytest.mark.parametrize("kind", ["timeout_before", "timeout_after"])
@pytest.mark.parametrize(("operation", "raised"), [(READ, Transient), (KEYED, UnknownOutcome)])
async def test_silence(
    vendor: Running, sender: Sender, kind: str, operation: Operation, raised: type[Fault]
) -> None:
    _fault(vendor, kind)
    with pytest.raises(raised):
        await sender.send(_ask(vendor, operation, timeout=0.1))


@pytest.mark.parametrize("operation", [READ, KEYED, BLIND])
async def test_who_cannot_be_reached_has_not_acted(
    sender: Sender, recorder: MemoryRecorder, operation: Operation
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with pytest.raises(Transient):
        await sender.send(Request(operation, "POST", f"http://127.0.0.1:{port}/"))
    assert len(recorder.exchanges) == ATTEMPTS


@pytest.mark.parametrize("address", ["http://127.0.0.1:port/", "http://exa mple:port/"])
async def test_what_is_no_address_is_for_it_to_mend(sender: Sender, address: str) -> None:
    with pytest.raises(Misconfigured, match="地址"):
        await sender.send(Request(BLIND, "POST", address))


def _in(seconds: int) -> Callable[[], str]:
    """An HTTP date, counted from when the test runs."""
    return lambda: format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize(
    ("told", "least", "most"),
    [
        ("7", 7, 7),
        ("0", 0, 0),
        ("", 5, 5),
        ("soon", 5, 5),
        ("-3", 5, 5),
        ("²", 5, 5),
        ("99999999999999999999", 86400, 86400),
        (_in(120), 60, 121),
        (_in(-120), 0, 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86400, 86400),
        ("Fri, 31 Dec 2026 23:59:59", 5, 5),
    ],
)
@pytest.mark.parametrize("operation", [READ, BLIND])
async def test_too_fast(
    vendor: Running,
    sender: Sender,
    operation: Operation,
    told: str | Callable[[], str],
    least: int,
    most: int,
) -> None:
    vendor.control("reset", {})
    assert isinstance(vendor.sandbox, Vendor)
    vendor.sandbox.retry_after = told if isinstance(told, str) else told()
    with pytest.raises(Throttled) as caught:
        await sender.send(_ask(vendor, operation, "/busy"))
    assert timedelta(seconds=least) <= caught.value.wait <= timedelta(seconds=most)


async def test_a_read_is_repeated_until_it_is_answered(
    vendor: Running, sender: Sender, recorder: MemoryRecorder
) -> None:
    _fault(vendor, "drop_before", times=ATTEMPTS - 1)
    assert (await sender.send(_ask(vendor, READ))).status == 200
    assert [each.status for each in recorder.exchanges] == [None, None, 200]


async def test_what_the_vendor_says_is_the_connectors_to_read(vendor: Running, sender: Sender) -> None:
    vendor.control("reset", {})
    reply = await sender.send(_ask(vendor, BLIND, "/no"))
    assert (reply.status, reply.body) == (404, b"no")
    assert isinstance(reply, Reply)
    assert reply.headers["content-type"].startswith("text/plain")


async def test_every_exchange_is_kept_under_the_name_of_its_cause(
    vendor: Running, sender: Sender, recorder: MemoryRecorder
) -> None:
    vendor.control("reset", {})

    async def one(name: str) -> None:
        with exchange_subject(name):
            await sender.send(_ask(vendor, BLIND, content=name.encode()))

    await asyncio.gather(one("delivery/1"), one("delivery/2"))
    await sender.send(_ask(vendor, BLIND))
    assert {(each.subject, each.request_body) for each in recorder.exchanges} == {
        ("delivery/1", "delivery/1"),
        ("delivery/2", "delivery/2"),
        (None, ""),
    }


async def test_a_refusal_under_5xx_is_read_where_it_is_the_vendors_own_word(
    vendor: Running, sender: Sender, recorder: MemoryRecorder
) -> None:
    """A page of a proxy is none: it says nothing about what happened."""
    _fault(vendor, "status_before", status=500, times=1)
    reply = await sender.send(_ask(vendor, BLIND, speaks=lambda reply: b"upstream" in reply.body))
    assert (reply.status, reply.body) == (500, b"upstream error")
    assert [(each.status, each.outcome) for each in recorder.exchanges] == [(500, "answered")]
    _fault(vendor, "status_before", status=500, times=1)
    with pytest.raises(UnknownOutcome):
        await sender.send(_ask(vendor, BLIND, speaks=lambda reply: b"<soap" in reply.body))
    vendor.control("reset", {})
    with pytest.raises(Throttled):
        await sender.send(_ask(vendor, READ, "/busy", speaks=lambda reply: True))


NO_HTTP = {
    "no status line": b"hello\r\n\r\n",
    "TLS": b"\x15\x03\x01\x00\x02\x02P",
    "a header without a colon": b"HTTP/1.1 200 OK\r\nnonsense\r\n\r\n",
    "a header too long": b"HTTP/1.1 200 OK\r\nx: " + b"y" * 20_000 + b"\r\n\r\n",
    "a bad chunk": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
    "half a body": b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\nhalf",
    "not gzip": b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\nok",
    "nothing": b"",
}


@asynccontextmanager
async def saying(*pieces: bytes, pause: float = 0) -> AsyncIterator[str]:
    """Address of a server that answers with these bytes, whatever they are."""

    served: list[asyncio.Task[None] | None] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.append(asyncio.current_task())
        with suppress(ConnectionError, asyncio.IncompleteReadError), closing(writer):
            await reader.readuntil(b"\r\n\r\n")
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(pause)

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        await asyncio.gather(*filter(None, served))


@pytest.mark.parametrize("answer", NO_HTTP)
@pytest.mark.parametrize(("operation", "raised"), [(READ, Transient), (BLIND, UnknownOutcome)])
async def test_an_answer_that_is_no_http_is_no_answer(
    sender: Sender, recorder: MemoryRecorder, answer: str, operation: Operation, raised: type[Fault]
) -> None:
    """The library's own error quotes the address, and some vendors want a secret in it."""
    async with saying(NO_HTTP[answer]) as url:
        with pytest.raises(raised) as caught:
            await sender.send(
                Request(operation, "POST", f"{url}?app_secret={httpx.QueryParams({'': CANARY})}")
            )
    assert "秘密" not in f"{caught.value} {recorder.exchanges}"
    assert "%E7%A7%98" not in f"{caught.value} {recorder.exchanges}"
    assert all(raised.__name__ in each.outcome for each in recorder.exchanges)


async def test_an_answer_that_drips_has_one_limit_of_time(sender: Sender) -> None:
    head, endless = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n", [b"x"] * 1000
    async with saying(head, *endless, pause=0.02) as url:
        with pytest.raises(UnknownOutcome):
            await sender.send(Request(BLIND, "POST", url, timeout=0.3))


@pytest.mark.parametrize(("operation", "raised"), [(READ, Malformed), (BLIND, UnknownOutcome)])
async def test_an_answer_beyond_the_limit_is_not_taken_in(
    sender: Sender, monkeypatch: pytest.MonkeyPatch, operation: Operation, raised: type[Fault]
) -> None:
    monkeypatch.setattr("connector_kit.send.REPLY_LIMIT", 100_000)
    async with saying(b"HTTP/1.1 200 OK\r\n\r\n", *[b"x" * 10_000] * 50) as url:
        with pytest.raises(raised, match="100000"):
            await sender.send(Request(operation, "POST", url))


async def test_no_connection_gets_the_cookie_of_another(vendor: Running, recorder: MemoryRecorder) -> None:
    """By name, not by number: cookies of a numbered host are kept by no library."""
    vendor.control("reset", {})
    url = vendor.url.replace("127.0.0.1", "localhost") + "/cookie"
    async with new_client() as client:
        for name in ("one", "two"):
            sender = Sender(client, connection=name, redactor=Redactor(), recorder=recorder)
            for _ in range(2):
                reply = await sender.send(Request(READ, "GET", url, {"Cookie": f"sid={name}"}))
                assert reply.body == f"sid={name}".encode()


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_blind_write_goes_only_by_a_method_that_no_library_repeats(method: str) -> None:
    with pytest.raises(ValueError, match="blind write"):
        Request(BLIND, method, "http://127.0.0.1/")


SPELLINGS = {
    "base64": base64.b64encode(CANARY.encode()).decode(),
    "json in json": json.dumps({"x": json.dumps({"x": CANARY})}),
    "lower case": str(httpx.QueryParams({"x": CANARY})).lower(),
    "json": json.dumps({"x": CANARY}),
    "json utf-8": json.dumps({"x": CANARY}, ensure_ascii=False),
    "form": str(httpx.QueryParams({"x": CANARY})),
    "text": CANARY,
    "xml": '<x>can"ary \\ß&amp;/+秘密</x>',
}


@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_a_secret_leaves_no_trace_however_it_is_spelled(
    vendor: Running, sender: Sender, recorder: MemoryRecorder, spelling: str
) -> None:
    vendor.control("reset", {})
    body = SPELLINGS[spelling]
    url = httpx.URL(vendor.url + "/act", params={"key": CANARY, "body": "q"})
    request = Request(BLIND, "POST", str(url), {"X-Api-Password": "short", "X-Note": "seen"}, body.encode())
    await sender.send(request)
    kept = repr(recorder.exchanges)
    for piece in (
        SPELLINGS["base64"].rstrip("="),
        "%e7%a7%98",
        "ary \\\\",
        "ary+",
        "秘密",
        "\\\\u79d8",
        "%E7%A7%98",
        "of-the-reply",
        "short",
        "x" * 9,
    ):
        assert piece not in kept, piece
    assert "seen" in kept


@pytest.mark.parametrize("around", [BODY_LIMIT, BODY_LIMIT + LONGEST_SECRET])
@pytest.mark.parametrize("before", [1, 6, 11])
@pytest.mark.parametrize("others", [0, 500])
async def test_no_half_of_a_secret_stands_where_a_body_is_cut(
    vendor: Running, sender: Sender, recorder: MemoryRecorder, around: int, before: int, others: int
) -> None:
    vendor.control("reset", {})
    secret = b"half-a-secret"
    sender.redactor.add(secret.decode())
    start = secret * others
    body = start + b"x" * (around - before - len(start)) + secret + b"y" * around
    await sender.send(_ask(vendor, BLIND, content=body))
    (exchange,) = recorder.exchanges
    for kept in (exchange.request_body, exchange.reply_body):
        assert len(kept) <= BODY_LIMIT
        assert secret[:before].decode() not in kept.replace("***", "")


async def test_a_secret_learnt_later_is_masked_too(
    vendor: Running, sender: Sender, recorder: MemoryRecorder
) -> None:
    vendor.control("reset", {})
    sender.redactor.add("token-learnt-later")
    await sender.send(_ask(vendor, BLIND, content=b"token-learnt-later"))
    assert "token-learnt-later" not in repr(recorder.exchanges)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (
            "<sessionId xsi:type='xsd:string'>hidden-1</sessionId>",
            "<sessionId xsi:type='xsd:string'>***</sessionId>",
        ),
        ("<n:SessionId>hidden-1</n:SessionId>", "<n:SessionId>***</n:SessionId>"),
        ("<PassWord >hidden-1</PassWord >", "<PassWord >***</PassWord >"),
        ("<accessToken>hidden-1</accessToken>", "<accessToken>***</accessToken>"),
        ("<password/><name>seen</name>", "<password/><name>seen</name>"),
        ("<tokens><count>3</count></tokens>", "<tokens><count>3</count></tokens>"),
        ('{"KDSVCSessionId": "hidden-1"}', '{"KDSVCSessionId": "***"}'),
        ('{"TOKEN" : "hidden-1"}', '{"TOKEN" : "***"}'),
        ('{"name": "\ud800 seen"}', '{"name": "\ud800 seen"}'),
        ('{"apiKey":"a\\"b","n":1}', '{"apiKey":"***","n":1}'),
        ('{"pwd": 123456}', '{"pwd": "***"}'),
        ('{"token":{"id":"hidden-1","n":1}}', '{"token":{"id":"***","n":1}}'),
        (r'{"data":"{\"app_secret\":\"hid\",\"n\":1}"}', r'{"data":"{\"app_secret\":\"***\",\"n\":1}"}'),
        ('{"private_key": "cut of', '{"private_key": "***"'),
        ("https://v.example/t?app_secret=hidden&n=1", "https://v.example/t?app_secret=***&n=1"),
        ("https://o.example/f?n=1&Signature=ab%2Bc&m=2", "https://o.example/f?n=1&Signature=***&m=2"),
        ("refresh_token=hidden&n=1", "refresh_token=***&n=1"),
        ('<login passwd="hidden" n="1"/>', '<login passwd=*** n="1"/>'),
        ("<secret><![CDATA[hid<den]]></secret>", "<secret>***</secret>"),
    ],
)
def test_what_sounds_secret_is_masked_by_its_name(text: str, kept: str) -> None:
    assert Redactor().text(text) == kept


def test_the_secrets_of_settings_are_their_secret_fields() -> None:
    class Settings(BaseModel):
        user: str = "api"
        password: SecretStr = SecretStr("made-up-one")
        other: SecretStr | None = None

    assert secrets_of(Settings()) == {"made-up-one"}
