"""Leads, pulled and pushed: each one once."""

import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import get_args

from connector_kit.certify.hooks import catching
from connector_kit.certify.model import Check, Failed, Level, Skipped
from connector_kit.certify.once import TROUBLE_NAMES
from connector_kit.certify.postings import (
    ATTEMPTS,
    OF_LISTS,
    TROUBLES,
    Trouble,
    in_pages,
    refused_in_words,
    submitted,
)
from connector_kit.certify.stand import Killed, Open, Stand
from domain.faults import Fault, Unmappable
from domain.ports import Hook, Inbound, LeadFeedback, LeadOutcome, LeadReader, LeadSource
from domain.records import Lead

LEADS = 9
HALF_HOUR = timedelta(minutes=30)
SEEDS_TOGETHER = 6
ONCE = ("too_many_requests", "session_lost")
"""One costs the wait that it asks for; the other may leave the connector when it comes twice in a row."""


def checks() -> list[Check]:
    rows: tuple[tuple[str, str, Level, str, str, Callable[[Stand], Awaitable[None]], bool], ...] = (
        ("lead.pulled", "LeadSource", "bronze", "拉到的线索一条不少", "every lead is pulled", pulled, False),
        ("lead.empty", "LeadSource", "bronze", "空窗口没有线索", "an empty window is empty", empty, False),
        ("lead.pages", "LeadSource", "bronze", "多页一条不少", "many pages, none left out", pages, False),
        (
            "lead.window",
            "LeadSource",
            "silver",
            "窗口边上的线索也在内",
            "a lead at either edge of the window is pulled",
            edges,
            False,
        ),
        ("lead.again", "LeadSource", "silver", "重叠窗口不产生新消息", "an overlap is no news", again, False),
        (
            "lead.killed",
            "LeadSource",
            "gold",
            "拉取中途中断，重来不漏",
            "cut off on the way, none lost",
            killed,
            True,
        ),
        (
            "lead.moving_list",
            "LeadSource",
            "gold",
            "边拉边来新线索，不漏不重",
            "a list that moves",
            moving,
            True,
        ),
        (
            "feedback.unknown_lead",
            "LeadFeedback",
            "silver",
            "回传不存在的线索：拒绝并说明",
            "a report on an unknown lead is refused in words",
            unknown_lead,
            False,
        ),
        (
            "feedback.outcomes",
            "LeadFeedback",
            "bronze",
            "不同的结果传成不同的状态",
            "each outcome is told as another state",
            outcomes,
            False,
        ),
        ("lead.read", "LeadReader", "bronze", "线索可读", "a lead is read", read, False),
        (
            "lead.push_is_pull",
            "LeadReader",
            "silver",
            "推与拉是同一条线索",
            "push and pull are one",
            one_lead,
            False,
        ),
        ("lead.cut", "LeadReader", "gold", "残缺线索停放而不崩溃", "a cut lead is parked", cut, True),
        ("lead.junk", "LeadReader", "gold", "乱码线索停放而不崩溃", "junk is parked", junk, True),
    )
    plain = [Check(n, c, level, zh, en, run, f) for n, c, level, zh, en, run, f in rows]
    return plain + [
        Check(
            f"pull.{trouble.name}",
            "LeadSource",
            "silver",
            f"拉取时“{TROUBLE_NAMES[trouble.name]}”，不漏不重",
            f"pull under {trouble.name}: none lost, none twice",
            partial(troubled, trouble),
            True,
        )
        for trouble in (*TROUBLES, *OF_LISTS)
    ]


async def _pull(
    opened: Open, inbox: dict[str, Inbound], since: datetime | None = None, until: datetime | None = None
) -> None:
    """Into the inbox, which knows a message by its key."""
    now = datetime.now(UTC)
    window = since or now - timedelta(hours=1), until or now + timedelta(minutes=1)
    async for page in opened.port(LeadSource).pull_leads(*window):
        for message in page:
            inbox.setdefault(message.dedupe_key, message)


def _leads(opened: Open, inbox: dict[str, Inbound]) -> list[Lead]:
    return [opened.port(LeadReader).read_lead(each.kind, each.body).record for each in inbox.values()]


def _expect(opened: Open, inbox: dict[str, Inbound], ids: list[str]) -> None:
    found = [lead.vendor_id for lead in _leads(opened, inbox)]
    if sorted(found) != sorted(ids):
        raise Failed(f"{len(ids)} leads submitted, {len(set(found))} found, {len(found)} messages")


async def _pulled(stand: Stand, ids: list[str]) -> None:
    inbox: dict[str, Inbound] = {}
    async with stand.open() as opened:
        await _pull(opened, inbox)
        _expect(opened, inbox, ids)


async def pulled(stand: Stand) -> None:
    await _pulled(stand, await submitted(stand, 3))


async def empty(stand: Stand) -> None:
    await _pulled(stand, [])


async def pages(stand: Stand) -> None:
    await _small_pages(stand)
    ids, inbox = await submitted(stand, LEADS), dict[str, Inbound]()
    async with stand.open(stand.bench.small_pages) as opened:
        await _pull(opened, inbox)
        in_pages(stand, opened, "lead")
        _expect(opened, inbox, ids)


async def _small_pages(stand: Stand) -> None:
    if stand.bench.small_pages_act:
        await stand.act(stand.bench.small_pages_act)


async def again(stand: Stand) -> None:
    ids, inbox = await submitted(stand, 3), dict[str, Inbound]()
    async with stand.open() as opened:
        for _ in range(5):
            await _pull(opened, inbox)
        _expect(opened, inbox, ids)


async def edges(stand: Stand) -> None:
    """Vendors count in seconds: one of this second was made in it or at its beginning."""
    inbox: dict[str, Inbound] = {}
    ids = await submitted(stand, 1)
    async with stand.open() as opened:
        await _pull(opened, inbox)
        (at,) = [lead.created_at for lead in _leads(opened, inbox)]
        for since, until in ((at, at + HALF_HOUR), (at - HALF_HOUR, at + timedelta(milliseconds=1))):
            found: dict[str, Inbound] = {}
            await _pull(opened, found, since, until)
            _expect(opened, found, ids)


async def killed(stand: Stand) -> None:
    await _small_pages(stand)
    ids, inbox = await submitted(stand, LEADS), dict[str, Inbound]()
    for step in (1, 2, 3):
        try:
            async with stand.open(stand.bench.small_pages, kill_after=step) as opened:
                await _pull(opened, inbox)
        except Killed:
            continue
    async with stand.open(stand.bench.small_pages) as opened:
        await _pull(opened, inbox)
        _expect(opened, inbox, ids)


async def moving(stand: Stand) -> None:
    """A vendor forgets no lead: now and then it begins anew, or the list would grow with the seeds."""
    for first in range(0, stand.seeds, SEEDS_TOGETHER):
        await stand.reset()
        await _small_pages(stand)
        kept = await submitted(stand, LEADS)
        async with stand.open(stand.bench.small_pages) as opened:
            for seed in range(first, min(first + SEEDS_TOGETHER, stand.seeds)):
                kept += await _read_moving(stand, opened, kept, random.Random(seed))  # noqa: S311


async def _read_moving(stand: Stand, opened: Open, kept: list[str], chance: random.Random) -> list[str]:
    inbox: dict[str, Inbound] = {}
    added: list[str] = []
    now = datetime.now(UTC)
    window = now - timedelta(hours=1), now + timedelta(minutes=1)
    async for page in opened.port(LeadSource).pull_leads(*window):
        for message in page:
            inbox.setdefault(message.dedupe_key, message)
        if len(added) < 2 and chance.random() < 0.4:
            added += await submitted(stand, 1)
    found = [lead.vendor_id for lead in _leads(opened, inbox)]
    lost = set(kept) - set(found)
    if lost or len(found) != len(set(found)):
        raise Failed(f"lost {len(lost)} of {len(kept)}, {len(found) - len(set(found))} came as two messages")
    return added


async def troubled(trouble: Trouble, stand: Stand) -> None:
    await _small_pages(stand)
    ids, inbox = await submitted(stand, LEADS), dict[str, Inbound]()
    # A refresh token works once: whether a lost answer to a login can be repaired is the vendor's matter.
    path = f"^(?!.*{stand.bench.login})" if stand.bench.login else ".*"
    await stand.faults([{**trouble.rule, "path": path, "times": 1 if trouble.name in ONCE else 2}])
    async with stand.open(stand.bench.small_pages) as opened:
        await _until_pulled(opened, inbox, trouble)
        _expect(opened, inbox, ids)


async def _until_pulled(opened: Open, inbox: dict[str, Inbound], trouble: Trouble) -> None:
    for _ in range(ATTEMPTS):
        try:
            await _pull(opened, inbox)
            return
        except Fault as fault:
            if not isinstance(fault, trouble.allowed):
                raise Failed(f"met {fault.kind}: {fault}") from fault
    raise Failed("the window was never read")


async def outcomes(stand: Stand) -> None:
    """Each leaves a row of its own in the vendor's books."""
    (lead,) = await submitted(stand, 1)
    kinds = get_args(LeadOutcome)
    async with stand.open() as opened:
        for outcome in kinds:
            await opened.port(LeadFeedback).report(lead, outcome, datetime.now(UTC))
    if (count := await stand.count("feedback", lead)) != len(kinds):
        raise Failed(f"{', '.join(kinds)} were told as {count} states")


async def unknown_lead(stand: Stand) -> None:
    async with stand.open() as opened:
        report = opened.port(LeadFeedback).report("7" * 19, "qualified", datetime.now(UTC))
        await refused_in_words(report, "a report on a lead that does not exist")


# --- reading ----------------------------------------------------------------------------------------------


async def _one(stand: Stand, opened: Open) -> Inbound:
    await submitted(stand, 1)
    inbox: dict[str, Inbound] = {}
    await _pull(opened, inbox)
    (message,) = inbox.values()
    return message


async def read(stand: Stand) -> None:
    async with stand.open() as opened:
        message = await _one(stand, opened)
        translated = opened.port(LeadReader).read_lead(message.kind, message.body)
    lead = translated.record
    if not (lead.vendor_id and lead.phone and translated.mapping):
        raise Failed(f"read as {lead}")


async def one_lead(stand: Stand) -> None:
    if stand.bench.subscribe is None:
        raise Skipped("the bench does not say how to make the vendor push")
    async with stand.open() as opened, catching() as catcher:
        await stand.act(stand.bench.subscribe(catcher.url, stand.settings()))
        ids = await submitted(stand, 1, push=True)
        pushed = {each.dedupe_key: each for each in opened.port(Hook).open(await catcher.first())}
        inbox: dict[str, Inbound] = {}
        await _pull(opened, inbox)
        (one,), (other,) = _leads(opened, pushed), _leads(opened, inbox)
    if [one.vendor_id] != ids or (one.vendor_id, one.phone) != (other.vendor_id, other.phone):
        raise Failed(f"pushed {one.vendor_id} {one.phone}, pulled {other.vendor_id} {other.phone}")


async def cut(stand: Stand) -> None:
    async with stand.open() as opened:
        message = await _one(stand, opened)
        for end in range(0, len(message.body), max(1, len(message.body) // 60)):
            _parked(opened, message.kind, message.body[:end])


async def junk(stand: Stand) -> None:
    async with stand.open() as opened:
        message = await _one(stand, opened)
        for body in (
            b"",
            b"null",
            b"[]",
            b"{}",
            b"7",
            b'"a"',
            b"\x00\xff",
            message.body.replace(b":", b":[", 3),
        ):
            _parked(opened, message.kind, body)
        chance = random.Random(1)  # noqa: S311
        for _ in range(200):
            spoilt = bytearray(message.body)
            for _ in range(3):
                spoilt[chance.randrange(len(spoilt))] = chance.randrange(256)
            _parked(opened, message.kind, bytes(spoilt), whole=True)


def _parked(opened: Open, kind: str, body: bytes, *, whole: bool = False) -> None:
    try:
        lead = opened.port(LeadReader).read_lead(kind, body).record
    except Unmappable:
        return
    except Exception as error:
        raise Failed(f"{body[:24]!r}…: {type(error).__name__}: {error}") from error
    if not whole:
        raise Failed(f"{body[:24]!r}… was read as {lead}")
