"""Reads a range of the past into the inbox, beside live work: its own position, and a share of the budget.

The inbox knows every message that it has had, so that nothing is doubled, wherever a window is begun anew.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.exc import SQLAlchemyError

from connector_kit import background_calls, exchange_subject
from crm_store import UnitOfWork
from crm_store.backfills import LEASE, Backfill
from domain.faults import Fault, Misconfigured, SessionExpired, Throttled, Transient, UnknownOutcome
from domain.ports import Inbound, LeadSource
from flows.context import Ports
from hub.bootstrap import Hub

CHINA = ZoneInfo("Asia/Shanghai")
WINDOW = timedelta(hours=6)
"""What a crash or a moving list costs at most."""
OVERLAP = timedelta(seconds=60)
"""Windows overlap, as vendors round times."""
ATTEMPTS = 12
"""Without getting any further."""
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=2), timedelta(minutes=10)
COMES_AGAIN = (Transient, Throttled, SessionExpired, UnknownOutcome)
TASK = "backfill_failed"

log = structlog.get_logger()

Pages = AsyncIterator[Sequence[Inbound]]


@dataclass(frozen=True, slots=True)
class Kind:
    """`read` lists what came in a window; rows may come twice, none is left out."""

    port: type
    read: Callable[[Ports, str, datetime, datetime], Pages]


KINDS: Mapping[str, Kind] = {
    "leads": Kind(
        LeadSource,
        lambda ports, connection, since, until: ports.get(connection, LeadSource).pull_leads(since, until),
    )
}


Act = Literal["pause", "resume", "cancel"]


class Stopped(Exception):
    """Paused, cancelled, or in another worker's hands."""


async def start(hub: Hub, connection: str, kind: str, first: date, last: date) -> int:
    """Whole days in China, both included. Raises Misconfigured."""
    if kind not in KINDS:
        raise Misconfigured(f"没有 {kind} 这种补拉，只有：{'、'.join(KINDS)} (no such kind)")
    hub.connections.get(connection, KINDS[kind].port)
    since = datetime.combine(first, time(), CHINA)
    until = min(datetime.combine(last + timedelta(days=1), time(), CHINA), hub.context.clock.now())
    if since >= until:
        raise Misconfigured(
            f"起止日期有误：{first} 至 {last}，须先起后止，且不晚于今天 (not a range of the past)"
        )
    async with hub.store.transaction() as uow:
        return await uow.backfills.start(connection, kind, since, until)


async def steer(uow: UnitOfWork, number: int, act: Act) -> bool:
    """False: it is not in a state from which that is possible."""
    match act:
        case "pause":
            changed = await uow.backfills.pause(number)
        case "resume":
            changed = await uow.backfills.resume(number)
        case "cancel":
            changed = await uow.backfills.cancel(number)
    if changed:
        await uow.open_items.close_about(TASK, {"backfill": number}, act)
    return changed


async def carry_on(hub: Hub) -> None:
    """One backfill that is in nobody's hands, until it is over or stopped."""
    kinds = [kind.port for kind in KINDS.values()]
    active = {name for port in kinds for name in hub.connections.all(port) if hub.connections.active(name)}
    async with hub.store.transaction() as uow:
        held = await uow.backfills.claim(sorted(active))
    if held is None:
        return
    with background_calls(), exchange_subject(f"backfill/{held.id}"):
        try:
            await _while_held(hub, held)
        except Stopped:
            log.info("backfill.stopped", backfill=held.id)
        except COMES_AGAIN as fault:
            await _later(hub, held, fault)
        except (SQLAlchemyError, OSError):
            log.exception("backfill.outage", backfill=held.id)  # our own: the lease runs out, and it goes on
        except Exception as error:
            log.exception("backfill.failed", backfill=held.id)
            await _fail(
                hub, held, str(error) if isinstance(error, Fault) else f"{type(error).__name__}: {error}"
            )


async def _while_held(hub: Hub, held: Backfill) -> None:
    """A slow vendor must not cost the lease, and a pause must not wait for it."""
    work = asyncio.create_task(_windows(hub, held))
    try:
        while not (await asyncio.wait([work], timeout=LEASE.total_seconds() / 3))[0]:
            async with hub.store.transaction() as uow:
                _unless_stopped(await uow.backfills.renew(held))
        await work
    finally:
        work.cancel()


async def _windows(hub: Hub, held: Backfill) -> None:
    reached = held.reached
    while reached < held.until:
        end = min(reached + WINDOW, held.until)
        pages = KINDS[held.kind].read(hub.connections, held.connection, reached - OVERLAP, end)
        async for page in pages:
            async with hub.store.transaction() as uow:
                added = await uow.inbox.add_once(held.connection, page)
                _unless_stopped(await uow.backfills.count(held, seen=len(page), added=len(added)))
        async with hub.store.transaction() as uow:
            _unless_stopped(await uow.backfills.reach(held, end))
        reached = end


def _unless_stopped(still_ours: bool) -> None:
    if not still_ours:
        raise Stopped


async def _later(hub: Hub, held: Backfill, fault: Fault) -> None:
    """`attempts` begins anew with each window that was read."""
    async with hub.store.transaction() as uow:
        row = await uow.backfills.get(held.id)
        attempts = row["attempts"] if row else ATTEMPTS
        if attempts < ATTEMPTS:
            wait = min(FIRST_WAIT * 2 ** (attempts - 1), LONGEST_WAIT)
            await uow.backfills.put_back(held, wait, hub.connections.masked(str(fault)))
            return
    await _fail(hub, held, str(fault))


async def _fail(hub: Hub, held: Backfill, reason: str) -> None:
    reason = hub.connections.masked(reason)
    async with hub.store.transaction() as uow:
        if await uow.backfills.fail(held, reason):
            await uow.open_items.open_task(
                f"{TASK}/{held.id}/{held.lease}",
                kind=TASK,
                owner="it",
                title=f"连接 {held.connection} 的补拉 {held.id} 停下了：{reason}",
                detail={"backfill": held.id, "connection": held.connection},
            )
