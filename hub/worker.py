"""The worker process: dramatiq brings ids, the workbench does the work, the jobs recur."""

import asyncio
import os
import signal
import threading
from collections.abc import Coroutine
from concurrent.futures import Future, wait
from types import FrameType
from typing import Any

import dramatiq
import structlog
import uvloop
from dramatiq.asyncio import get_event_loop_thread

from hub.announce import DELIVERIES, MESSAGES, QUEUE, Announcer, new_broker
from hub.bootstrap import open_hub
from hub.jobs import run_jobs
from hub.settings import Settings
from hub.work import Workbench

POOL_SIZE = 16
"""Database connections: the work at once, the jobs, the evidence and the heartbeat."""

STOP_PATIENCE = 3.0

log = structlog.get_logger()


class Worker:
    """One process. The database is the truth: messages only say where to look."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._broker = new_broker(settings.redis_url)
        self._announcer = Announcer(new_broker(settings.redis_url))
        self._ready: Future[Workbench] = Future()
        for name, work in ((MESSAGES, self._handle_messages), (DELIVERIES, self._run_deliveries)):
            dramatiq.actor(actor_name=name, queue_name=QUEUE, broker=self._broker)(work)

    def run(self, stop: threading.Event) -> None:
        """Returns after `stop`, or ends the process when its background work has died."""
        worker = dramatiq.Worker(
            self._broker,
            worker_threads=self._settings.worker_threads,
            worker_timeout=self._settings.worker_poll_ms,
        )
        worker.start()  # also starts the thread of the event loop
        loop_thread = get_event_loop_thread()
        assert loop_thread is not None
        background = asyncio.run_coroutine_threadsafe(self._background(), loop_thread.loop)
        background.add_done_callback(lambda _: stop.set())
        stop.wait()
        background.cancel()
        wait([background], timeout=STOP_PATIENCE)
        worker.stop(timeout=int(STOP_PATIENCE * 1000))
        self._announcer.close()

    async def _background(self) -> None:
        async with open_hub(self._settings, wake=self._announcer, pool_size=POOL_SIZE) as hub:
            workbench = Workbench(hub)
            self._ready.set_result(workbench)
            async with asyncio.TaskGroup() as group:
                group.create_task(_logged(workbench.heartbeat()))
                group.create_task(_logged(run_jobs(hub)))

    async def _handle_messages(self, ids: list[int]) -> None:
        await (await self._workbench()).handle_messages(ids)

    async def _run_deliveries(self, ids: list[int]) -> None:
        await (await self._workbench()).run_deliveries(ids)

    async def _workbench(self) -> Workbench:
        """The first messages may come before the hub is open."""
        return await asyncio.shield(asyncio.wrap_future(self._ready))


async def _logged(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except Exception:
        log.exception("worker.background_failed")
        raise


def run_worker(settings: Settings) -> None:
    """Until SIGTERM or SIGINT."""
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())  # for the loop that dramatiq opens
    stop = threading.Event()

    def asked(number: int, frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, asked)
    signal.signal(signal.SIGINT, asked)
    Worker(settings).run(stop)
    # The event loop's thread is not a daemon and may hold a vendor's slow answer: what is in hand is leased.
    os._exit(0)
