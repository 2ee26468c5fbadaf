"""Wrong on purpose: the hook is answered first, and the messages are committed by a buffer seconds later."""

import asyncio
from collections.abc import Sequence

from domain.ports import Inbound
from hub.cli import main
from hub.web.ingest import Ingest

GAP = 5.0
"""Seconds, so that the first strikes are sure to fall into it."""

put_and_wait = Ingest.put
kept: set[asyncio.Task[None]] = set()


async def _store_later(self: Ingest, connection: str, messages: Sequence[Inbound]) -> None:
    await asyncio.sleep(GAP)
    await put_and_wait(self, connection, messages)


async def put(self: Ingest, connection: str, messages: Sequence[Inbound]) -> None:
    task = asyncio.create_task(_store_later(self, connection, messages))
    kept.add(task)
    task.add_done_callback(kept.discard)


Ingest.put = put  # type: ignore[method-assign]
main()
