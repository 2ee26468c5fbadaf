"""Calls from outside: what was changed on the way is refused, what comes again changes nothing."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from aiohttp import web

from connector_kit.certify.bench import Bench
from connector_kit.certify.model import Check, Failed, Level, Skipped
from connector_kit.certify.postings import contract, deliver, flow_posting
from connector_kit.certify.stand import Open, Stand
from domain.ports import Hook, HookAnswer, HookRefused, HookRequest, Inbound, LeadReader, SigningHook

PATIENCE = 10.0
ENOUGH = 12
"""Different changes that must be refused."""


def checks() -> list[Check]:
    rows: tuple[tuple[str, Level, str, str, Callable[[Stand], Awaitable[None]]], ...] = (
        (
            "hook.accepts",
            "bronze",
            "真实回调通过校验并成为消息",
            "a true callback becomes a message",
            accepts,
        ),
        ("hook.answer", "bronze", "应答是对方认作成功的", "the answer counts as delivered", answered),
        ("hook.repeat", "silver", "重复的回调不产生第二条消息", "a repeat is no second message", repeat),
        (
            "hook.disturbed",
            "silver",
            "重复、迟到、乱序的回调，每个消息仍各一次",
            "repeated, late and reordered callbacks are one message each",
            disturbed,
        ),
        ("hook.mutations", "silver", "被改动的回调一律拒绝", "what was changed is refused", mutations),
        ("hook.junk", "gold", "乱码请求拒绝而不崩溃", "junk is refused, nothing breaks", junk),
        ("hook.cut_body", "gold", "残缺正文拒绝或停放，不崩溃", "a cut body is refused or parked", cut_body),
        ("hook.huge", "gold", "超大正文被拒", "a huge body is refused", huge),
    )
    quiet = {"hook.accepts", "hook.answer"}
    return [Check(name, "Hook", level, zh, en, run, name not in quiet) for name, level, zh, en, run in rows]


@dataclass
class Catcher:
    """Our side of the vendor's callbacks: keeps every request as it came."""

    url: str
    caught: list[HookRequest]
    answer: Callable[[HookRequest], web.Response] | None = None

    async def first(self) -> HookRequest:
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while not self.caught:
            if asyncio.get_running_loop().time() > deadline:
                raise Failed("the sandbox sent no callback")
            await asyncio.sleep(0.02)
        return self.caught[0]


@asynccontextmanager
async def catching() -> AsyncIterator[Catcher]:
    catcher = Catcher("", [])

    async def catch(request: web.Request) -> web.Response:
        kept = HookRequest(
            method=request.method,
            path=request.path,
            query=request.query_string,
            headers={name.lower(): value for name, value in request.headers.items()},
            body=await request.read(),
            received_at=datetime.now(UTC),
        )
        catcher.caught.append(kept)
        return catcher.answer(kept) if catcher.answer else web.Response(text="ok")

    app = web.Application(client_max_size=1 << 26)
    app.router.add_route("*", "/{rest:.*}", catch)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    catcher.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hooks/certified"
    try:
        yield catcher
    finally:
        await runner.cleanup()


@asynccontextmanager
async def called(stand: Stand, opened: Open) -> AsyncIterator[Catcher]:
    """The vendor calls us about something that has just happened there."""
    async with catching() as catcher:
        await _cause(stand, opened, catcher)
        await catcher.first()
        yield catcher


async def _taken(opened: Open, catcher: Catcher) -> tuple[HookRequest, Sequence[Inbound]]:
    request = await catcher.first()
    try:
        return request, opened.port(Hook).open(request)
    except HookRefused as refusal:
        raise Failed(f"a true callback was refused: {refusal}") from refusal


async def accepts(stand: Stand) -> None:
    async with stand.open() as opened, called(stand, opened) as catcher:
        _, messages = await _taken(opened, catcher)
        kinds = {message.kind for message in messages}
        if not messages or not kinds <= set(stand.connector.manifest.hook_kinds):
            raise Failed(f"messages of kinds {sorted(kinds)}, the manifest knows others")
        for message in messages:
            if isinstance(opened.adapter, SigningHook):
                opened.adapter.read_hint(message.kind, message.body)
            elif isinstance(opened.adapter, LeadReader):
                opened.adapter.read_lead(message.kind, message.body)


async def answered(stand: Stand) -> None:
    """The vendor's own books say whether it takes our answer for success."""
    async with stand.open() as opened, catching() as catcher:
        hook = opened.port(Hook)

        def answer(request: HookRequest) -> web.Response:
            return _given(hook.accepted(request))

        catcher.answer = answer
        await _cause(stand, opened, catcher)
        await catcher.first()
        if not await _delivered(stand, hook.accepted(await catcher.first())):
            raise Failed("the vendor does not take our answer for success and repeats the call")


def _given(given: HookAnswer) -> web.Response:
    return web.Response(status=given.status, body=given.body, content_type=given.content_type)


async def _cause(stand: Stand, opened: Open, catcher: Catcher) -> None:
    bench = stand.bench
    if bench.subscribe:
        await stand.act(bench.subscribe(catcher.url, stand.settings()))
    if bench.submit:
        await stand.act(bench.submit(1, True))
    elif bench.sign:
        flow = await deliver(flow_posting(contract(stand, hook=catcher.url)), opened)
        await stand.act(bench.sign(flow.flow_id))
    else:
        raise Skipped("the bench does not say how to make the vendor call")


async def _delivered(stand: Stand, given: HookAnswer) -> bool:
    """Other calls may still be under way, to addresses of earlier checks."""
    shown = f"{given.status} {given.body.decode()}"
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while asyncio.get_running_loop().time() < deadline:
        rows = (await stand.control.get("books/callbacks")).json().values()
        if ours := [row for row in rows if shown.startswith(row["answer"])]:
            return all(row["accepted"] for row in ours)
        await asyncio.sleep(0.02)
    return False


async def repeat(stand: Stand) -> None:
    async with stand.open() as opened, called(stand, opened) as catcher:
        request, messages = await _taken(opened, catcher)
        keys = [message.dedupe_key for message in messages]
        for _ in range(4):
            again = [message.dedupe_key for message in opened.port(Hook).open(request)]
            if again != keys:
                raise Failed(f"a repeat makes {again} after {keys}")


async def disturbed(stand: Stand) -> None:
    """As many messages as when each callback comes once, in its turn."""
    quiet = await _messages(stand)
    loud = await _messages(stand, repeat=1, late=1, late_seconds=0.2)
    turned = await _messages(stand, reorder=1)
    keys = set(quiet)
    if len(keys) != len(quiet):
        raise Failed(f"{len(quiet)} different callbacks make {len(keys)} messages")
    if len(loud) <= len(quiet):
        raise Failed("the sandbox repeated nothing")
    for what, found in (("repeated", loud), ("reordered", turned)):
        if len(set(found)) != len(keys):
            raise Failed(f"{what}, {len(keys)} messages became {len(set(found))}")


async def _messages(stand: Stand, **faults: float) -> list[str]:
    """Keys of all messages about something that has just happened, and nobody else listens."""
    await stand.reset()
    await stand.disturb_callbacks(**faults)
    async with stand.open() as opened, catching() as catcher:
        hook, keys = opened.port(Hook), list[str]()

        def answer(request: HookRequest) -> web.Response:
            keys.extend(message.dedupe_key for message in hook.open(request))
            return _given(hook.accepted(request))

        catcher.answer = answer
        await _cause(stand, opened, catcher)
        await catcher.first()
        await stand.callbacks_done()
    return keys


def mutated(request: HookRequest, bench: Bench) -> list[tuple[str, HookRequest]]:
    """Each change alone breaks what the verification rests on."""
    found: list[tuple[str, HookRequest]] = []
    for name in bench.hook_headers:
        value = request.headers.get(name, "")
        others = {key: each for key, each in request.headers.items() if key != name}
        for what, changed in (
            ("emptied", {name: ""}),
            ("missing", {}),
            ("first character", {name: _other(value[:1]) + value[1:]}),
            ("last character", {name: value[:-1] + _other(value[-1:])}),
            ("cut", {name: value[: len(value) // 2]}),
        ):
            found.append((f"{name} {what}", replace(request, headers={**others, **changed})))
    if bench.hook_ages:
        for days in (-1, 1):
            moved = request.received_at + timedelta(days=days)
            found.append((f"{days} days off", replace(request, received_at=moved)))
    if bench.hook_signs_body:
        found += [(what, replace(request, body=body)) for what, body in _bodies(request.body)]
    return found


def _other(character: str) -> str:
    return "1" if character != "1" else "2"


def _bodies(body: bytes) -> list[tuple[str, bytes]]:
    middle = len(body) // 2
    return [
        ("body empty", b""),
        ("body cut", body[:-1]),
        ("body longer", body + b" "),
        ("body begins otherwise", b" " + body),
        ("a bit in the middle", body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]),
        ("a bit at the end", body[:-1] + bytes([body[-1] ^ 1])),
        ("body twice", body + body),
    ]


async def mutations(stand: Stand) -> None:
    async with stand.open() as opened, called(stand, opened) as catcher:
        request, _ = await _taken(opened, catcher)
        changes = mutated(request, stand.bench)
        if len(changes) < ENOUGH:
            raise Failed(f"the bench makes only {len(changes)} changes, {ENOUGH} are asked for")
        for what, changed in changes:
            _refused(opened, changed, what)


def _refused(opened: Open, request: HookRequest, what: str) -> None:
    try:
        opened.port(Hook).open(request)
    except HookRefused as refusal:
        if refusal.answer.status == 200:
            raise Failed(f"{what}: refused with an answer that counts as delivered") from refusal
        return
    except Exception as error:
        raise Failed(f"{what}: {type(error).__name__}: {error}") from error
    raise Failed(f"{what}: accepted")


async def junk(stand: Stand) -> None:
    async with stand.open() as opened:
        now = datetime.now(UTC)
        for body in (b"", b"null", b"[]", b"\x00\xff", b'{"a":' * 2000, "签".encode("gbk")):
            for headers in ({}, dict.fromkeys(stand.bench.hook_headers, "签名")):
                for path in ("", "/hooks/certified"):
                    request = HookRequest("POST", path, "x=%ff&x=1", headers, body, now - timedelta(days=400))
                    _refused(opened, request, f"{body[:12]!r} with {len(headers)} headers")


async def cut_body(stand: Stand) -> None:
    """Where the signature does not cover the body, a cut one may get in; reading it must not break."""
    async with stand.open() as opened, called(stand, opened) as catcher:
        request, _ = await _taken(opened, catcher)
        for end in range(0, len(request.body), max(1, len(request.body) // 40)):
            try:
                opened.port(Hook).open(replace(request, body=request.body[:end]))
            except HookRefused:
                continue
            except Exception as error:
                raise Failed(f"cut at {end}: {type(error).__name__}: {error}") from error
            if stand.bench.hook_signs_body:
                raise Failed(f"cut at {end}: accepted, although the signature covers the body")


async def huge(stand: Stand) -> None:
    async with stand.open() as opened, called(stand, opened) as catcher:
        request, _ = await _taken(opened, catcher)
        _refused(opened, replace(request, body=request.body + b" " * (30 << 20)), "30 MiB more")
