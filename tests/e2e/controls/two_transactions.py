"""Wrong on purpose: the approval is committed first, its delivery by another transaction after it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from crm_store import Store, UnitOfWork
from crm_store.deliveries import Deliveries
from flows.contracts import SEND
from hub.cli import main

GAP = 2.0
"""Seconds between the two, so that a handful of strikes is sure to fall into it."""

add_with_the_rest = Deliveries.add
run_whole = Store.run


async def add(self: Deliveries, key: str, *, operation: str, **values: Any) -> int:
    if operation != SEND:
        return await add_with_the_rest(self, key, operation=operation, **values)
    postponed.setdefault(id(asyncio.current_task()), []).append((key, values))
    return 0


postponed: dict[int, list[tuple[str, dict[str, Any]]]] = {}


async def run(self: Store, work: Callable[[UnitOfWork], Awaitable[Any]]) -> Any:
    result = await run_whole(self, work)
    for key, values in postponed.pop(id(asyncio.current_task()), []):
        await asyncio.sleep(GAP)
        async with self.transaction() as uow:
            await add_with_the_rest(uow.deliveries, key, operation=SEND, **values)
    return result


Deliveries.add = add  # type: ignore[method-assign]
Store.run = run  # type: ignore[method-assign]
main()
