"""Faults on request: a seeded plan decides, per request, what goes wrong.

Kinds, with what the caller meets:

    delay           the answer comes after `seconds`
    timeout_before  nothing happens, and no answer comes
    timeout_after   it happens, and no answer comes
    status_before   nothing happens; HTTP `status` (429, 500, 502, 503)
    status_after    it happens; HTTP `status`
    vendor_error    nothing happens; "busy" in the vendor's own envelope
    refuse          nothing happens; the error `code` in the vendor's own envelope
    drop_before     nothing happens; the connection is reset
    drop_after      it happens; the connection is reset before the first byte of the answer
    malformed       it happens; the answer is cut in half
    expire_session  every token and session is forgotten, then the request is served
    clock_skew      the vendor's clock stands `seconds` ahead (behind, if negative) for this request
    half_page       a page of a list holds the first half of its rows; its figures are those of a whole one
    page_shift      `rows` rows came before a page of a list since the one before (went away, if negative)
"""

import asyncio
import random
import re
from collections import Counter
from collections.abc import Callable, Collection
from contextvars import ContextVar
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any, Literal, get_args

from pydantic import Field
from pydantic.dataclasses import dataclass as checked
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandboxes.common.asked import EXACT, Chance, Count, Pattern, Seconds

Kind = Literal[
    "delay",
    "timeout_before",
    "timeout_after",
    "status_before",
    "status_after",
    "vendor_error",
    "refuse",
    "drop_before",
    "drop_after",
    "malformed",
    "expire_session",
    "clock_skew",
    "half_page",
    "page_shift",
]
KINDS: tuple[str, ...] = get_args(Kind)
OF_LISTS = frozenset({"half_page", "page_shift"})
"""They strike where a list is cut into pages (sandboxes/common/lists.py), not at the door."""
AT_THE_DOOR = frozenset(KINDS) - OF_LISTS


@checked(frozen=True, slots=True, config=EXACT)
class FaultRule:
    """One fault: on requests whose path matches, with a probability, at most `times` times.

    A value that will not do raises ValueError.
    """

    kind: Kind
    path: Pattern = ".*"
    method: Pattern = ".*"
    rate: Chance = 1.0
    times: Count | None = None
    skip: Count = 0
    """So many matching requests pass first."""
    seconds: Seconds = 30.0
    rows: int = 1
    status: Annotated[int, Field(ge=400, le=599)] = 503
    code: str = ""
    message: str = ""
    """Of `refuse`: the vendor's code, and its sentence if the list has several or none."""

    def matches(self, method: str, path: str) -> bool:
        return bool(re.search(self.path, path) and re.fullmatch(self.method, method))


@checked(config=EXACT)
class FaultPlan:
    rules: list[FaultRule] = field(default_factory=list)
    seed: int = 0

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._used: Counter[int] = Counter()
        self._passed: Counter[int] = Counter()

    def choose(self, method: str, path: str, *, among: Collection[str] = KINDS) -> FaultRule | None:
        for number, rule in enumerate(self.rules):
            spent = rule.times is not None and self._used[number] >= rule.times
            if spent or rule.kind not in among or not rule.matches(method, path):
                continue
            self._passed[number] += 1
            if self._passed[number] > rule.skip and self._random.random() < rule.rate:
                self._used[number] += 1
                return rule
        return None

    def as_json(self) -> dict[str, Any]:
        rules = [asdict(rule) | {"used": self._used[number]} for number, rule in enumerate(self.rules)]
        return {"seed": self.seed, "rules": rules}


@dataclass(frozen=True, slots=True)
class Struck:
    """A request under way, for the faults that strike behind the door."""

    plan: FaultPlan
    entry: dict[str, Any]
    skew: float = 0.0
    """Seconds."""

    def choose(self, among: Collection[str]) -> FaultRule | None:
        rule = self.plan.choose(self.entry["method"], self.entry["path"], among=among)
        if rule:
            self.entry["fault"] = rule.kind
        return rule


UNDER_WAY: ContextVar[Struck | None] = ContextVar("request under way", default=None)


class FaultMiddleware:
    """Outermost layer of a sandbox: it needs uvicorn's own `send` to be able to reset a connection."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        plan: Callable[[], FaultPlan],
        refuse: Callable[[FaultRule, Request, bytes], Response],
        expire: Callable[[], None],
        log: Callable[[dict[str, Any]], None],
    ) -> None:
        self._app = app
        self._plan = plan
        self._refuse = refuse
        self._expire = expire
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/_sandbox"):
            await self._app(scope, receive, send)
            return
        plan = self._plan()
        rule = plan.choose(scope["method"], scope["path"], among=AT_THE_DOOR)
        entry = {"method": scope["method"], "path": scope["path"], "fault": rule.kind if rule else None}
        self._log(entry)
        UNDER_WAY.set(Struck(plan, entry, rule.seconds if rule and rule.kind == "clock_skew" else 0.0))
        try:
            await self._serve(rule, scope, receive, _Noting(send, entry))
        except ClientDisconnect:
            return

    async def _serve(self, rule: FaultRule | None, scope: Scope, receive: Receive, send: "_Noting") -> None:
        if rule is None or rule.kind == "clock_skew":
            await self._app(scope, receive, send)
            return
        match rule.kind:
            case "delay":
                await asyncio.sleep(rule.seconds)
                await self._app(scope, receive, send)
            case "expire_session":
                self._expire()
                await self._app(scope, receive, send)
            case "vendor_error" | "refuse":
                request = Request(scope, receive)
                answer = self._refuse(rule, request, await request.body())
                await answer(scope, receive, send)
            case _:
                await self._break(rule, scope, receive, send)

    async def _break(self, rule: FaultRule, scope: Scope, receive: Receive, send: "_Noting") -> None:
        """The kinds that lose or spoil the answer."""
        answer: list[Message] = []
        if rule.kind.endswith("_before"):
            await _drain(receive)
        else:
            await self._app(scope, receive, _keep(answer))
        if rule.kind.startswith("timeout"):
            await _until_gone(receive, rule.seconds)
            _reset(send)
        elif rule.kind.startswith("status"):
            await PlainTextResponse("upstream error", status_code=rule.status)(scope, receive, send)
        elif rule.kind == "malformed":
            await _send_half(answer, send)
        else:
            _reset(send)


class _Noting:
    """Writes the status of an answer into the log's entry on the way out."""

    def __init__(self, send: Send, entry: dict[str, Any]) -> None:
        self.plain = send
        self._entry = entry

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._entry["status"] = message["status"]
        await self.plain(message)


def _keep(answer: list[Message]) -> Send:
    async def keep(message: Message) -> None:
        answer.append(message)

    return keep


async def _drain(receive: Receive) -> None:
    while (await receive()).get("more_body"):
        continue


async def _until_gone(receive: Receive, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            while (await receive())["type"] != "http.disconnect":
                continue
    except TimeoutError:
        return


async def _send_half(answer: list[Message], send: Send) -> None:
    body = b"".join(message.get("body", b"") for message in answer[1:])
    half = body[: len(body) // 2]
    headers = [(k, v) for k, v in answer[0]["headers"] if k.lower() != b"content-length"]
    headers.append((b"content-length", str(len(half)).encode()))
    await send({**answer[0], "headers": headers})
    await send({"type": "http.response.body", "body": half})


def _reset(send: _Noting) -> None:
    """Abort the TCP connection: uvicorn's `send` is a method of its cycle, which holds the transport."""
    cycle = getattr(send.plain, "__self__", None)
    transport = getattr(cycle, "transport", None)
    if transport is None:
        raise RuntimeError("connections can be reset only under uvicorn with the fault middleware outermost")
    transport.abort()
    cycle.disconnected = True  # type: ignore[union-attr]  # or uvicorn reports an unfinished answer
