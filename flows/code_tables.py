"""A code is missing → the record waits → somebody decides → everything that waited for it goes on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from crm_store import UnitOfWork
from crm_store.code_tables import INVERSE, Difference
from crm_store.deliveries import Delivery
from crm_store.holds import Held
from domain.faults import Unmappable

MISSING_CODE = "missing_code"
"""The kind of the task that a missing code opens, and the beginning of its key."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What was written, and how many messages and deliveries go on because of it."""

    difference: Difference
    messages: int
    deliveries: int

    def as_json(self) -> dict[str, object]:
        return {
            "added": len(self.difference.added),
            "changed": len(self.difference.changed),
            "unchanged": self.difference.unchanged,
            "released": {"messages": self.messages, "deliveries": self.deliveries},
        }


async def write_codes(
    uow: UnitOfWork,
    table: str,
    rows: Mapping[str, str],
    *,
    by: str,
    progress: Callable[[int], None] = lambda written: None,
) -> Decided:
    """Adds and changes rows; whatever waited for one of them is due again when this is committed."""
    if table.endswith(INVERSE):
        table, rows = table.removesuffix(INVERSE), {key: code for code, key in rows.items()}
    difference = await uow.codes.write(table, rows, by=by, progress=progress)
    messages, deliveries = await release(uow, [_cause(miss) for miss in await uow.misses.settle()], by=by)
    return Decided(difference, messages, deliveries)


async def put_back(uow: UnitOfWork, table: str, key: str, *, by: str, change: int | None = None) -> Decided:
    """Gives a row its value before that change, or before its last one. Raises NoSuchCode."""
    await uow.codes.lock()
    value = await uow.codes.value_before(table, key, change)
    if value is not None:
        return await write_codes(uow, table, {key: value}, by=by)
    await uow.codes.remove(table, key, by=by)
    return Decided(Difference({}, {}, 0), 0, 0)


async def release(uow: UnitOfWork, causes: list[str], *, by: str) -> tuple[int, int]:
    """Ends the holds with these causes, and their tasks. What else is missing is found on the next try."""
    held: Held = await uow.holds.end(causes)
    for cause in causes:
        await uow.open_items.close_task(cause, by)
    messages = await uow.inbox.release(held.messages)
    return len(messages), len(await uow.deliveries.release(held.deliveries))


async def hold_message(
    uow: UnitOfWork, message_id: int, error: Unmappable, *, mapping: str | None = None
) -> bool:
    """False: the codes have come meanwhile, and it is to be tried again."""
    row = await uow.inbox.get(message_id)
    assert row is not None
    causes = await _lacking(uow, error, connection=row["connection"], subject=f"inbox/{message_id}")
    if causes:
        await uow.inbox.settle(message_id, "parked", reason=str(error), mapping=mapping)
        await uow.holds.add(causes, inbox_id=message_id)
    return bool(causes)


async def hold_delivery(
    uow: UnitOfWork, delivery: Delivery, error: Unmappable, *, mapping: str | None = None
) -> bool:
    """False: the codes have come meanwhile, and it is to be tried again. Raises LeaseLost."""
    causes = await _lacking(uow, error, connection=delivery.connection, subject=delivery.key)
    if causes:
        await uow.deliveries.hold(delivery, fault="MissingCode", reason=str(error), mapping=mapping)
        await uow.holds.add(causes, delivery_id=delivery.id)
    return bool(causes)


async def _lacking(uow: UnitOfWork, error: Unmappable, *, connection: str, subject: str) -> list[str]:
    # Before anything else is locked: whoever decides takes this lock first as well.
    await uow.codes.lock(shared=True)
    wanted = dict.fromkeys((each.table, each.key) for each in error.lacks)
    return [
        await _miss(uow, table, key, connection=connection, subject=subject)
        for table, key in await uow.misses.missing(list(wanted))
    ]


async def _miss(uow: UnitOfWork, table: str, key: str, *, connection: str, subject: str) -> str:
    """Noted once; one task for the owner of the table."""
    cause = _cause(await uow.misses.note(table, key, connection=connection, subject=subject))
    await uow.open_items.open_task(
        cause,
        kind=MISSING_CODE,
        owner=await uow.codes.owner(table.removesuffix(INVERSE)),
        title=f"对照表“{table}”没有“{key}”：请决定编码 (decide its code)",
        detail={"table": table, "key": key, "connection": connection, "subject": subject},
    )
    return cause


def _cause(miss: int) -> str:
    return f"{MISSING_CODE}/{miss}"
