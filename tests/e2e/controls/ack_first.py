"""Wrong on purpose: the hook is answered first, and the messages are committed by a buffer a second later."""

import asyncio
from collections.abc import Sequence

from domain.ports import Inbound
from hub.cli import main
from hub.web.ingest import Ingest

put_and_wait = Ingest.put
kept: set[asyncio.Task[None]] = set()


async def _store_later(self: Ingest, connection: str, messages: Sequence[Inbound]) -> None:
    await asyncio.sleep(1)
    await put_and_wait(self, connection, messages)


async def put(self: Ingest, connection: str, messages: Sequence[Inbound]) -> None:
    task = asyncio.create_task(_store_later(self, connection, messages))
    kept.add(task)
    task.add_done_callback(kept.discard)


Ingest.put = put  # type: ignore[method-assign]
main()
