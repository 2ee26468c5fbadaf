"""A vendor's message has changed → a finding, a task for IT → what it touches waits → somebody accepts it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from crm_store import Row, UnitOfWork
from flows.code_tables import release
from mappings import CompiledMapping, library
from mappings.drift import Change, Shape, reads_of

DRIFT = "drift"
"""The kind of the task; the beginning of its key, and of the cause for which messages are held."""


GOING = ("missing", "renamed")


class NoSuchFinding(LookupError):
    """There is no such drift finding, or it was accepted before."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one message of a connection has changed, against what was learned of its kind."""

    connection: str
    mapping: CompiledMapping
    shape: Shape
    changes: Sequence[Change]

    @property
    def kind(self) -> str:
        return self.mapping.source


async def learn(uow: UnitOfWork, sighting: Sighting, message_id: int) -> list[Row]:
    """Joins what was learned with the store, and notes the changes; returns the finding of each."""
    connection, kind = sighting.connection, sighting.kind
    stored = Shape.from_json(await uow.drift.locked_shape(connection, kind))
    found = [await _find(uow, sighting, change, message_id) for change in sighting.changes]
    vanished = [
        change
        for change, row in zip(sighting.changes, found, strict=True)
        if change.holds and change.kind in GOING and row["accepted_at"] is None
    ]
    stored.absorb(sighting.shape, vanished=vanished)
    learned = stored.as_json()
    sighting.shape.adopt(stored)  # before anything is awaited: other messages teach meanwhile
    await uow.drift.save_shape(connection, kind, learned)
    fresh = [row for row in found if row["count"] == 1]
    if fresh:
        await _ask(uow, sighting, fresh)
    return found


async def _find(uow: UnitOfWork, sighting: Sighting, change: Change, message_id: int) -> Row:
    about = {"connection": sighting.connection, "kind": sighting.kind, "path": change.path}
    task = f"{DRIFT}/{sighting.connection}/{message_id}"
    return await uow.drift.find(
        about | {"change": change.kind, "detail": change.detail, "task": task, "inbox_id": message_id},
        touched(sighting.mapping, change.path),
    )


def touched(mapping: CompiledMapping, path: str) -> list[str]:
    """The mappings of this kind of message that read the path."""
    known = {name: library.load(name) for name in library.names()} | {mapping.name: mapping}
    return sorted(
        name for name, each in known.items() if each.source == mapping.source and reads_of(each).touch(path)
    )


async def _ask(uow: UnitOfWork, sighting: Sighting, found: Sequence[Row]) -> None:
    """One task for all that one message has changed."""
    texts = [Change(row["change"], row["path"], row["detail"]).text for row in found]
    await uow.open_items.open_task(
        found[0]["task"],
        kind=DRIFT,
        owner="it",
        title=f"连接 {sighting.connection} 的报文 {sighting.kind} 变了：{'；'.join(texts)}",
        detail={
            "connection": sighting.connection,
            "findings": [row["id"] for row in found],
            "message": found[0]["inbox_id"],
            "mappings": sorted({name for row in found for name in row["mappings"]}),
        },
    )


async def hold(
    uow: UnitOfWork, sighting: Sighting, message_id: int, reason: str, *, mapping: str | None = None
) -> bool:
    """Parks a message whose change its mapping cannot take. False: it was accepted meanwhile."""
    found = await learn(uow, sighting, message_id)
    holding = {(change.path, change.kind) for change in sighting.changes if change.holds}
    causes = [
        f"{DRIFT}/{row['id']}"
        for row in found
        if row["accepted_at"] is None and (row["path"], row["change"]) in holding
    ]
    if causes:
        await uow.inbox.settle(message_id, "parked", reason=reason, mapping=mapping)
        await uow.holds.add(causes, inbox_id=message_id)
    return bool(causes)


async def accept(uow: UnitOfWork, finding: int, *, by: str) -> int:
    """The message is right as it is now: returns how many were released. Raises NoSuchFinding."""
    row = await uow.drift.get(finding)
    if row is None:
        raise NoSuchFinding(f"没有变化 {finding} (no such finding)：见 guantong drift")
    shape = Shape.from_json(await uow.drift.locked_shape(row["connection"], row["kind"]))
    if not await uow.drift.accept(finding, by):
        raise NoSuchFinding(f"变化 {finding} 已被接受 (accepted before)")
    shape.accept(Change(row["change"], row["path"], row["detail"]))
    await uow.drift.save_shape(row["connection"], row["kind"], shape.as_json())
    messages, _ = await release(uow, [f"{DRIFT}/{finding}"], by=by)
    if await uow.drift.is_settled(row["task"]):
        await uow.open_items.close_task(row["task"], by)
    return messages


def shown_finding(row: Row) -> dict[str, Any]:
    return {**row, "text": Change(row["change"], row["path"], row["detail"]).text}
