"""Replies that say too little, nonsense, or words that nobody knows: faults, never a wrong fact."""

import re
from collections.abc import Awaitable, Callable
from functools import partial

import httpx

from connector_kit.certify.model import Check, Failed, Skipped
from connector_kit.certify.once import KINDS
from connector_kit.certify.postings import Make, Posting, deliver, exactly_one, pattern_of
from connector_kit.certify.stand import Change, Stand
from domain.faults import Fault

CUTS = 16
"""Offsets per reply, spread over its length."""
HTML = b"<!DOCTYPE html><html><body><h1>502 Bad Gateway</h1></body></html>"
JUNK = (HTML, b"null", b"\x00\xff\xfe\x80", b"{", b'{"unexpected": 1}', b"")


def checks() -> list[Check]:
    return [
        check for kind, capability, name_zh, make in KINDS for check in _of(kind, capability, name_zh, make)
    ]


def _of(kind: str, capability: str, name_zh: str, make: Make) -> list[Check]:
    rows: tuple[tuple[str, Callable[[Make, Stand], Awaitable[None]], str, str], ...] = (
        (
            "cut_reply",
            cut_when_found,
            "查询的回答在任何位置被截断，都是故障",
            "a cut reply to a look-up is a fault",
        ),
        (
            "junk_reply",
            junk,
            "查询的回答是网页或乱码，都是故障",
            "a page or junk instead of a reply is a fault",
        ),
        (
            "cut_answer",
            cut_when_made,
            "新建的回答被截断，仍只有一张",
            "a cut answer to the write, one document",
        ),
        ("strange_status", strange_status, "不认识的状态是故障，不猜", "an unknown state is a fault"),
    )
    return [
        Check(
            f"{kind}.{name}",
            capability,
            "gold",
            f"{name_zh}：{zh}",
            f"{kind}: {en}",
            partial(run, make),
            True,
        )
        for name, run, zh, en in rows
    ]


def changing(path: str, change: Callable[[bytes], bytes]) -> Change:
    def changed(request: httpx.Request, body: bytes) -> bytes:
        return change(body) if re.search(path, request.url.path) else body

    return changed


async def _posted(make: Make, stand: Stand) -> tuple[Posting, object, list[str]]:
    """One that exists, how it reads, and the calls that a look-up makes."""
    posting = (await make(stand))()
    async with stand.open() as opened:
        await deliver(posting, opened)
    before = len(await stand.log())
    async with stand.open() as opened:
        true = await posting.find(opened)
    if true is None:
        raise Failed(f"{posting.number} was posted and is not found")
    rows = (await stand.log())[before:]
    return posting, true, list(dict.fromkeys(pattern_of(row["path"]) for row in rows))


async def _reads(stand: Stand, posting: Posting, true: object, change: Change, what: str) -> None:
    """Raises Failed when a spoilt reply gives another answer than the true one."""
    async with stand.open(change=change) as opened:
        try:
            found = await posting.find(opened)
        except Fault:
            return
        except Exception as error:
            raise Failed(f"{what}: {type(error).__name__}: {error}") from error
    if found != true:
        raise Failed(f"{what} was read as {found}")


async def cut_when_found(make: Make, stand: Stand) -> None:
    posting, true, paths = await _posted(make, stand)
    for path in paths:
        for part in range(CUTS):
            change = changing(path, lambda body, part=part: body[: len(body) * part // CUTS])  # type: ignore[misc]
            await _reads(stand, posting, true, change, f"{part}/{CUTS} of a reply from {path}")


async def junk(make: Make, stand: Stand) -> None:
    posting, true, paths = await _posted(make, stand)
    for path in paths:
        for body in JUNK:
            change = changing(path, lambda _, body=body: body)  # type: ignore[misc]
            await _reads(stand, posting, true, change, f"{body[:20]!r} from {path}")


async def cut_when_made(make: Make, stand: Stand) -> None:
    new = await make(stand)
    for part in range(0, CUTS, 4):
        posting = new()
        cut = Once(lambda body, part=part: body[: len(body) * part // CUTS])  # type: ignore[misc]
        async with stand.open(change=cut) as opened:
            await deliver(posting, opened)
        await exactly_one(stand, posting)


class Once:
    """Spoils the first reply of each operation, and no other."""

    def __init__(self, spoil: Callable[[bytes], bytes]) -> None:
        self._spoil = spoil
        self._met: set[str] = set()

    def __call__(self, request: httpx.Request, body: bytes) -> bytes:
        operation = f"{request.method} {pattern_of(request.url.path)}"
        if operation in self._met:
            return body
        self._met.add(operation)
        return self._spoil(body)


async def strange_status(make: Make, stand: Stand) -> None:
    if stand.bench.strange_status is None:
        raise Skipped("its replies carry no state")
    posting, _, _ = await _posted(make, stand)
    if posting.kind not in stand.bench.states_of:
        raise Skipped(f"a {posting.kind} carries no state here")
    pattern, replacement = stand.bench.strange_status
    met = 0

    def change(request: httpx.Request, body: bytes) -> bytes:
        nonlocal met
        changed, count = re.subn(pattern, replacement, body)
        met += count
        return changed

    async with stand.open(change=change) as opened:
        try:
            found = await posting.find(opened)
        except Fault as fault:
            if not met:
                raise Failed(f"the state was not in the reply: {fault}") from fault
            return
    raise Failed(f"an unknown state was read as {found}")
