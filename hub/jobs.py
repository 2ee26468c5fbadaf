"""What recurs: the sweep, the pulls, and the checks. Every run claims its slot in the database."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta

import structlog

from connector_kit import exchange_subject
from domain.faults import Fault
from domain.ports import ErpLedger, LeadSource, Signer, StatementFeed
from flows import cash, lead_intake, receivables, signing, verification
from hub import backfill
from hub.bootstrap import Hub
from hub.registry import OpenConnections

TICK = 0.25
SWEEP_EVERY = 1.0
BACKFILLS_EVERY = 1.0
FIRST_PULL = timedelta(days=1)
"""How far back a source without a cursor is read."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Job:
    name: str
    every: timedelta
    run: Callable[[Hub], Awaitable[object]]


async def run_jobs(hub: Hub) -> None:
    """Runs for ever. A job that fails is noted and tried at its next slot; no job waits for another."""
    running: dict[str, asyncio.Task[None]] = {}
    while True:
        try:
            await hub.connections.refresh()
            jobs = {job.name: job for job in _jobs(hub)}
            async with hub.store.transaction() as uow:
                await uow.schedule.ensure(sorted(set(jobs) - set(running)))
                due = [
                    job
                    for job in jobs.values()
                    if (job.name not in running or running[job.name].done())
                    and await uow.schedule.claim(job.name, job.every)
                ]
            for job in due:
                running[job.name] = asyncio.create_task(_run(hub, job))
        except Exception:
            log.exception("jobs.failed")
        await asyncio.sleep(TICK)


async def _run(hub: Hub, job: Job) -> None:
    failure = None
    try:
        with exchange_subject(f"job/{job.name}"):
            await job.run(hub)
    except Fault as fault:
        failure = hub.connections.masked(f"{fault.kind}: {fault}")
        log.warning("job.fault", job=job.name, fault=failure)
    except Exception as error:
        failure = hub.connections.masked(f"{type(error).__name__}: {error}")
        log.exception("job.failed", job=job.name)
    async with hub.store.transaction() as uow:
        await uow.schedule.note(job.name, failure)


def _jobs(hub: Hub) -> list[Job]:
    settings, ports = hub.settings, hub.connections
    jobs = [
        Job("sweep", timedelta(seconds=SWEEP_EVERY), _sweep),
        Job("route_waiting", timedelta(seconds=settings.routing_every), _route_waiting),
        Job("match_again", timedelta(seconds=settings.matching_every), _match_again),
        Job("dated_receivables", timedelta(seconds=settings.dated_every), _dated),
        Job("purge", timedelta(seconds=settings.purge_every), _purge),
        Job("backfills", timedelta(seconds=BACKFILLS_EVERY), backfill.carry_on),
    ]
    for name in _active(ports, ports.all(LeadSource)):
        jobs.append(Job(f"pull_leads/{name}", timedelta(seconds=settings.pull_every), _pulling(name)))
    for name in _active(ports, ports.all(StatementFeed)):
        jobs.append(Job(f"statements/{name}", timedelta(seconds=settings.statements_every), _reading(name)))
    for name in _active(ports, ports.all(Signer)):
        jobs.append(Job(f"flows/{name}", timedelta(seconds=settings.flows_every), _asking(name)))
    read_back = timedelta(seconds=settings.write_offs_every)
    ledgers = ports.all(ErpLedger)
    for name in _active(ports, ledgers):
        jobs.append(Job(f"verifications/{name}", read_back, _verifying(name)))
        if ledgers[name].writes_off == "by_person":
            jobs.append(Job(f"write_offs/{name}", read_back, _checking(name)))
    return jobs


def _active(ports: OpenConnections, names: Iterable[str]) -> list[str]:
    """A paused connection is not called: its password may be wrong, and repeated attempts lock accounts."""
    return [name for name in names if ports.active(name)]


async def _sweep(hub: Hub) -> None:
    async with hub.store.transaction() as uow:
        await uow.inbox.announce_due()
        await uow.deliveries.announce_due()


async def _route_waiting(hub: Hub) -> None:
    await hub.store.run(lambda uow: lead_intake.route_waiting(uow, hub.context))


async def _match_again(hub: Hub) -> None:
    await hub.store.run(lambda uow: cash.match_again(uow, hub.context))


async def _dated(hub: Hub) -> None:
    await hub.store.run(lambda uow: receivables.open_dated_receivables(uow, hub.context))


async def _purge(hub: Hub) -> None:
    async with hub.store.transaction() as uow:
        await uow.deliveries.purge_exchanges(timedelta(days=hub.settings.keep_exchanges_days))
        await uow.inbox.purge_refused(timedelta(days=hub.settings.keep_refused_days))


def _pulling(connection: str) -> Callable[[Hub], Awaitable[None]]:
    async def pull(hub: Hub) -> None:
        """The window overlaps the last one; the cursor moves only after all its pages are in the inbox."""
        until = hub.context.clock.now()
        async with hub.store.transaction() as uow:
            reached = await uow.connections.cursor(connection, "leads")
        since = (reached or until - FIRST_PULL) - timedelta(seconds=hub.settings.pull_overlap)
        async for page in hub.connections.get(connection, LeadSource).pull_leads(since, until):
            async with hub.store.transaction() as uow:
                await uow.inbox.add_once(connection, page)
        async with hub.store.transaction() as uow:
            await uow.connections.move_cursor(connection, "leads", until)

    return pull


def _reading(connection: str) -> Callable[[Hub], Awaitable[None]]:
    async def read(hub: Hub) -> None:
        async for statement in hub.connections.get(connection, StatementFeed).new_statements():
            async with hub.store.transaction() as uow:
                await uow.inbox.add_once(connection, [statement])

    return read


def _asking(connection: str) -> Callable[[Hub], Awaitable[None]]:
    async def ask(hub: Hub) -> None:
        await hub.store.run(lambda uow: signing.ask_about_flows(uow, connection, hub.context))

    return ask


def _verifying(connection: str) -> Callable[[Hub], Awaitable[None]]:
    async def check(hub: Hub) -> None:
        await verification.check_verifications(hub.context, connection)

    return check


def _checking(connection: str) -> Callable[[Hub], Awaitable[None]]:
    async def check(hub: Hub) -> None:
        await cash.check_write_offs(hub.context, connection)

    return check
