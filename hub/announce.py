"""Tells the workers which rows are due, through Redis. Only ids travel; the sweep repeats what is lost."""

import queue
import threading
import time
from collections.abc import Sequence

import redis
import structlog
from dramatiq import Message
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware.asyncio import AsyncIO

from crm_store import Wake

QUEUE = "work"
MESSAGES = "handle_messages"
DELIVERIES = "run_deliveries"
IDS_PER_TASK = 32
"""Few enough that a burst spreads over the workers."""
PACE = 0.005
"""Seconds between two announcements: under load they gather, on an idle hub nothing waits."""

log = structlog.get_logger()


def new_broker(redis_url: str) -> RedisBroker:
    broker = RedisBroker(  # type: ignore[no-untyped-call]
        url=redis_url, middleware=[AsyncIO()], socket_connect_timeout=1, dead_message_ttl=3_600_000
    )
    broker.declare_queue(QUEUE)
    broker.delay_queues.clear()  # what waits, waits in the database: no thread need poll for it
    return broker


class Announcer:
    """Sends from a thread of its own, so that a slow or absent Redis never holds up a commit's answer."""

    def __init__(self, broker: RedisBroker) -> None:
        self._broker = broker
        self._waiting: queue.SimpleQueue[Wake | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, daemon=True, name="announcer")
        self._thread.start()

    def __call__(self, wake: Wake) -> None:
        self._waiting.put(wake)

    def close(self) -> None:
        self._waiting.put(None)
        self._thread.join(timeout=5)

    def _run(self) -> None:
        closed = False
        while not closed:
            wakes, closed = self._gather()
            try:
                self._send(MESSAGES, [each for wake in wakes for each in wake.inbox])
                self._send(DELIVERIES, [each for wake in wakes for each in wake.deliveries])
            except redis.RedisError as error:
                log.warning("announce.failed", error=str(error))
            time.sleep(PACE)

    def _gather(self) -> tuple[list[Wake], bool]:
        """Waits for one and takes all that are there; True: it was the end."""
        found = [self._waiting.get()]
        while not self._waiting.empty():
            found.append(self._waiting.get())
        return [wake for wake in found if wake is not None], None in found

    def _send(self, actor: str, ids: Sequence[int]) -> None:
        for start in range(0, len(ids), IDS_PER_TASK):
            self._broker.enqueue(
                Message(
                    queue_name=QUEUE,
                    actor_name=actor,
                    args=(list(ids[start : start + IDS_PER_TASK]),),
                    kwargs={},
                    options={},
                )
            )
