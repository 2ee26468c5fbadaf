"""Runs the suite over one connector and its sandbox."""

import asyncio
import time
from collections.abc import Callable, Sequence
from tempfile import TemporaryDirectory

import httpx
from httpx_aiohttp import AiohttpTransport

from connector_kit.certify import (
    archives,
    erp,
    general,
    hooks,
    imports,
    leads,
    once,
    replies,
    signer,
    statements,
)
from connector_kit.certify.bench import Bench
from connector_kit.certify.model import Check, Failed, Report, Result, Skipped, Status
from connector_kit.certify.stand import Stand
from connector_kit.connector import Connector
from domain.faults import Fault

PARTS = (general, archives, erp, imports, signer, leads, hooks, statements, once, replies)
PATIENCE = 120.0
"""Seconds for one check with as many seeds as usual."""
USUAL_SEEDS = 30


def suite(connector: Connector) -> Sequence[Check]:
    """The checks that the connector's capabilities ask for."""
    able = {"any", *connector.manifest.capabilities}
    return [check for part in PARTS for check in part.checks() if check.capability in able]


async def certify(
    connector: Connector,
    bench: Bench,
    *,
    url: str,
    seeds: int = 30,
    only: str = "",
    told: Callable[[Result], None] = lambda result: None,
) -> Report:
    """`url`: a sandbox, which is reset before each check. `only`: part of the names of the checks."""
    results = []
    async with AiohttpTransport() as wire, AiohttpTransport() as own:
        control = httpx.AsyncClient(transport=own, base_url=f"{url}/_sandbox/", timeout=30)
        for check in (each for each in suite(connector) if only in each.name):
            stand = Stand(connector, bench, url, control, wire, "", seeds)
            results.append(await _run(check, stand))
            told(results[-1])
    return Report(connector.manifest.id, bench.variant, results, bench.note)


async def _run(check: Check, stand: Stand) -> Result:
    started = time.monotonic()
    with TemporaryDirectory(prefix="certify-") as folder:
        stand.folder = folder
        status, reason = await _outcome(check, stand)
    return Result(
        name=check.name,
        capability=check.capability,
        level=check.level,
        title_zh=check.title_zh,
        title_en=check.title_en,
        under_faults=check.under_faults,
        status=status,
        reason=reason,
        seconds=round(time.monotonic() - started, 2),
    )


async def _outcome(check: Check, stand: Stand) -> tuple[Status, str]:
    """Whatever goes wrong fails this check and leaves the others alone."""
    try:
        async with asyncio.timeout(PATIENCE * max(1, stand.seeds / USUAL_SEEDS)):
            await stand.reset()
            await stand.look_up_credentials()
            await check.run(stand)
    except Skipped as reason:
        return "skipped", str(reason)
    except Failed as reason:
        return "failed", str(reason)
    except Fault as fault:
        return "failed", f"{fault.kind}: {fault}"
    except Exception as error:
        return "failed", f"{type(error).__name__}: {error}"
    return "passed", ""
