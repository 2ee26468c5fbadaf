"""A process that is killed after any answer of the vendor, and another one that goes on: one document."""

import asyncio
import os
import signal
from multiprocessing import get_context

import httpx
from httpx_aiohttp import AiohttpTransport

from connector_kit.certify.postings import Posting, customer_posting, deliver, exactly_one
from connector_kit.certify.stand import Stand
from connector_kit.exchanges import Exchange
from domain.records import Company
from hub.certification import benches
from hub.registry import installed
from sandboxes.common import running
from sandboxes.run import load

PROCESSES = get_context("forkserver")
PROCESSES.set_forkserver_preload([__name__])


def delivered(url: str, number: int, kill_after: int) -> None:
    """In a process of its own."""
    asyncio.run(_delivered(url, number, kill_after))


async def _delivered(url: str, number: int, kill_after: int | None = None) -> None:
    async with AiohttpTransport() as wire, AiohttpTransport() as own:
        stand = _stand(url, wire, own)
        async with stand.open() as opened:

            async def watch(exchange: Exchange) -> None:
                if len(opened.recorder.exchanges) == kill_after:
                    os.kill(os.getpid(), signal.SIGKILL)

            opened.recorder.watch = watch
            await deliver(_posting(number), opened, sent_before=kill_after is None)
        await exactly_one(stand, _posting(number))


def _stand(url: str, wire: AiohttpTransport, own: AiohttpTransport) -> Stand:
    bench = next(bench for bench in benches("kingdee") if bench.variant == "session")
    control = httpx.AsyncClient(transport=own, base_url=f"{url}/_sandbox/")
    return Stand(installed()["kingdee"], bench, url, control, wire, "")


def _posting(number: int) -> Posting:
    return customer_posting(Company(code=f"C9-{number:04d}", name=f"示例认证{number}有限公司"))


def ended(url: str, number: int, kill_after: int) -> int | None:
    process = PROCESSES.Process(target=delivered, args=(url, number, kill_after))
    process.start()
    process.join(60)
    return process.exitcode


def test_a_process_killed_after_any_answer_leaves_one_document() -> None:
    with running(load("kingdee")()) as site:
        killed = 0
        while ended(site.url, killed, kill_after=killed + 1) == -signal.SIGKILL:
            asyncio.run(_delivered(site.url, killed))
            killed += 1
    assert killed > 3
