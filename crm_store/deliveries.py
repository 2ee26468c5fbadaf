"""One row per effect on an outside system, with a key that names the effect. See docs/deliveries.md.

    pending → sending → done | retry | unknown | held | failed | cancelled

A claim is a lease with a number: only the worker that holds the current number may settle the row, so that
one which was thought dead cannot speak again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    RowMapping,
    and_,
    bindparam,
    delete,
    exists,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_store.inbox import ANNOUNCED_FOR
from crm_store.mapping_versions import used
from crm_store.rows import changed, many, one
from crm_store.tables import connections, deliveries, delivery_needs, exchanges

LEASE = timedelta(seconds=5)
WAITING = ("pending", "retry", "unknown")
OVER = ("done", "cancelled")
STOPPED = ("failed", "held")
"""A person must act: mend something, or decide what is missing (crm_store/holds.py)."""


class LeaseLost(Exception):
    """Another worker has taken over: what this one did must not be written down."""


@dataclass(frozen=True, slots=True)
class Delivery:
    id: int
    key: str
    connection: str
    operation: str
    subject: int
    attempts: int
    lease: int
    created_at: datetime

    @property
    def sent_before(self) -> bool:
        """It may have acted already: look it up before anything else."""
        return self.attempts > 1


def delivery_of(row: RowMapping) -> Delivery:
    return Delivery(
        row["id"],
        row["key"],
        row["connection"],
        row["operation"],
        row["subject"],
        row["attempts"],
        row["lease"],
        row["created_at"],
    )


def _claimable() -> ColumnElement[bool]:
    """Due or abandoned, at the head of its lane, with nothing missing before it, on an active connection."""
    earlier = deliveries.alias("earlier")
    needed = deliveries.alias("needed")
    blocked_by_lane = exists().where(
        earlier.c.ordering_key == deliveries.c.ordering_key,
        earlier.c.id < deliveries.c.id,
        earlier.c.state.not_in(OVER),
    )
    blocked_by_need = exists().where(
        delivery_needs.c.delivery_id == deliveries.c.id,
        needed.c.id == delivery_needs.c.needs,
        needed.c.state.not_in(OVER),
    )
    return and_(
        or_(
            and_(deliveries.c.state.in_(WAITING), deliveries.c.due_at <= func.now()),
            and_(deliveries.c.state == "sending", deliveries.c.lease_until < func.now()),
        ),
        exists().where(connections.c.id == deliveries.c.connection, connections.c.state == "active"),
        ~blocked_by_lane,
        ~blocked_by_need,
    )


# Built once: they run for every delivery and every second, and to build them costs as much as to run them.
_CLAIMABLE = _claimable()
_CLAIM = (
    update(deliveries)
    .where(
        deliveries.c.id
        == select(deliveries.c.id)
        .where(deliveries.c.id == bindparam("candidate"), _CLAIMABLE)
        .with_for_update(skip_locked=True, of=deliveries)
        .scalar_subquery()
    )
    .values(
        state="sending",
        attempts=deliveries.c.attempts + 1,
        lease=deliveries.c.lease + 1,
        lease_until=func.now() + LEASE,
    )
    .returning(deliveries)
)


class Deliveries:
    def __init__(self, connection: AsyncConnection, woken: list[int]) -> None:
        self._connection = connection
        self._woken = woken

    async def add(
        self,
        key: str,
        *,
        connection: str,
        operation: str,
        subject: int,
        ordering_key: str,
        needs: Sequence[int] = (),
    ) -> int:
        """Inserts the effect, or finds it: the same key is the same effect. Returns its id."""
        # Ids must grow in commit order within a lane, or a later one could be claimed first.
        await self._connection.execute(
            text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 2))"), {"key": ordering_key}
        )
        row = await one(
            self._connection,
            insert(deliveries)
            .values(
                key=key,
                connection=connection,
                operation=operation,
                subject=subject,
                ordering_key=ordering_key,
            )
            .on_conflict_do_nothing(index_elements=["key"])
            .returning(deliveries.c.id),
        )
        if row is None:
            row = await one(self._connection, select(deliveries.c.id).where(deliveries.c.key == key))
            assert row is not None
            return int(row["id"])
        for need in needs:
            await self._connection.execute(insert(delivery_needs).values(delivery_id=row["id"], needs=need))
        self._woken.append(row["id"])
        return int(row["id"])

    async def claim(self, delivery_id: int) -> Delivery | None:
        """None: done, not due, blocked, paused, or in another worker's hands."""
        row = await one(self._connection, _CLAIM, {"candidate": delivery_id})
        return delivery_of(row) if row else None

    async def renew(self, held: Mapping[int, int]) -> None:
        """`held`: delivery id to lease number, for all that a worker has in hand."""
        for delivery_id, lease in sorted(held.items()):
            await self._connection.execute(
                update(deliveries)
                .where(
                    deliveries.c.id == delivery_id,
                    deliveries.c.lease == lease,
                    deliveries.c.state == "sending",
                )
                .values(lease_until=func.now() + LEASE)
            )

    async def finish(
        self, delivery: Delivery, *, vendor_id: str | None = None, mapping: str | None = None
    ) -> None:
        """Raises LeaseLost. Wakes those that waited for this one."""
        await self._settle(
            delivery,
            mapping,
            state="done",
            vendor_id=vendor_id,
            finished_at=func.now(),
            fault=None,
            reason=None,
        )
        await self._wake_waiting(delivery.id)

    async def put_back(
        self,
        delivery: Delivery,
        state: str,
        *,
        wait: timedelta,
        fault: str,
        reason: str,
        mapping: str | None = None,
    ) -> None:
        """`retry` or `unknown`, due after `wait`. Raises LeaseLost."""
        due = func.now() + wait
        await self._settle(
            delivery,
            mapping,
            state=state,
            due_at=due,
            announced_at=due - ANNOUNCED_FOR,
            fault=fault,
            reason=reason,
        )

    async def fail(self, delivery: Delivery, *, fault: str, reason: str, mapping: str | None = None) -> None:
        """The dead letter: a person must act. Raises LeaseLost."""
        await self._settle(
            delivery, mapping, state="failed", finished_at=func.now(), fault=fault, reason=reason
        )

    async def hold(self, delivery: Delivery, *, fault: str, reason: str, mapping: str | None = None) -> None:
        """It waits for a decision, and is no dead letter. Raises LeaseLost."""
        await self._settle(delivery, mapping, state="held", fault=fault, reason=reason)

    async def release(self, ids: Sequence[int]) -> list[int]:
        """What was held is due now; what is not held any more stays as it is."""
        return await self._rearm(and_(deliveries.c.id.in_(ids), deliveries.c.state == "held"))

    async def _settle(self, delivery: Delivery, mapping: str | None, **values: object) -> None:
        """`mapping`: what this attempt used; an attempt that used none leaves the last one standing."""
        statement = (
            update(deliveries)
            .where(
                deliveries.c.id == delivery.id,
                deliveries.c.lease == delivery.lease,
                deliveries.c.state == "sending",
            )
            .values(lease_until=None, mapping=func.coalesce(mapping, deliveries.c.mapping), **values)
        )
        if await changed(self._connection, statement) != 1:
            raise LeaseLost(delivery.key)

    async def _wake_waiting(self, done: int) -> None:
        lane = select(deliveries.c.ordering_key).where(deliveries.c.id == done).scalar_subquery()
        needy = select(delivery_needs.c.delivery_id).where(delivery_needs.c.needs == done)
        statement = (
            update(deliveries)
            .where(
                deliveries.c.state.in_(WAITING),
                or_(deliveries.c.id.in_(needy), deliveries.c.ordering_key == lane),
                deliveries.c.due_at <= func.now(),
            )
            .values(announced_at=func.now())
            .returning(deliveries.c.id)
        )
        self._woken.extend(row["id"] for row in await many(self._connection, statement))

    async def announce_due(self, limit: int = 200) -> list[int]:
        """The sweep: claimable rows that nobody has claimed for a while."""
        due = (
            select(deliveries.c.id)
            .where(deliveries.c.announced_at <= func.now() - ANNOUNCED_FOR, _CLAIMABLE)
            .order_by(deliveries.c.due_at)
            .limit(limit)
            .with_for_update(skip_locked=True, of=deliveries)
        )
        statement = (
            update(deliveries)
            .where(deliveries.c.id.in_(due.scalar_subquery()))
            .values(announced_at=func.now())
            .returning(deliveries.c.id)
        )
        ids = [row["id"] for row in await many(self._connection, statement)]
        self._woken.extend(ids)
        return ids

    async def replay(
        self, *, delivery_id: int | None = None, key: str | None = None, connection: str | None = None
    ) -> list[int]:
        """Failed and held ones are tried again, one or in bulk. They count as sent before: looked up."""
        where: list[ColumnElement[bool]] = [deliveries.c.state.in_(STOPPED)]
        if delivery_id is not None:
            where.append(deliveries.c.id == delivery_id)
        if key is not None:
            where.append(deliveries.c.key == key)
        if connection is not None:
            where.append(deliveries.c.connection == connection)
        return await self._rearm(and_(*where))

    async def redo(self, key: str) -> list[int]:
        """A finished effect whose document has vanished at the vendor: look it up, then do it again."""
        return await self._rearm(and_(deliveries.c.key == key, deliveries.c.state.in_(("done", "failed"))))

    async def _rearm(self, where: object) -> list[int]:
        statement = (
            update(deliveries)
            .where(where)  # type: ignore[arg-type]
            .values(state="pending", attempts=1, due_at=func.now(), announced_at=func.now(), finished_at=None)
            .returning(deliveries.c.id)
        )
        ids = [row["id"] for row in await many(self._connection, statement)]
        self._woken.extend(ids)
        return ids

    async def cancel(self, delivery_id: int, reason: str) -> str | None:
        """A person decides that a failed or held effect is not wanted any more; its lane goes on.

        Returns its key.
        """
        row = await one(
            self._connection,
            update(deliveries)
            .where(deliveries.c.id == delivery_id, deliveries.c.state.in_(STOPPED))
            .values(state="cancelled", reason=reason)
            .returning(deliveries.c.key),
        )
        if row is None:
            return None
        await self._wake_waiting(delivery_id)
        return str(row["key"])

    async def lane_is_free(self, ordering_key: str) -> bool:
        """Nothing in this lane is still to be done."""
        statement = select(
            exists()
            .where(deliveries.c.ordering_key == ordering_key, deliveries.c.state.not_in(OVER))
            .label("busy")
        )
        row = await one(self._connection, statement)
        return row is not None and not row["busy"]

    async def by_key(self, key: str) -> RowMapping | None:
        return await one(self._connection, select(deliveries).where(deliveries.c.key == key))

    async def of(self, operation: str, subject: int) -> list[RowMapping]:
        return await many(
            self._connection,
            select(deliveries)
            .where(deliveries.c.operation == operation, deliveries.c.subject == subject)
            .order_by(deliveries.c.id),
        )

    async def listed(self, state: str | None = None, limit: int = 100) -> list[RowMapping]:
        statement = select(deliveries).order_by(deliveries.c.id.desc()).limit(limit)
        if state:
            statement = statement.where(deliveries.c.state == state)
        return await many(self._connection, statement)

    async def mapped_with(self, name: str, last: int, connection: str | None) -> list[RowMapping]:
        """The last ones that any version of this mapping was used for, newest first."""
        where = used(deliveries.c.mapping, name)
        if connection is not None:
            where &= deliveries.c.connection == connection
        statement = select(deliveries).where(where).order_by(deliveries.c.id.desc()).limit(last)
        return await many(self._connection, statement)

    async def counts(self) -> dict[str, int]:
        statement = select(deliveries.c.state, func.count().label("count")).group_by(deliveries.c.state)
        return {row["state"]: row["count"] for row in await many(self._connection, statement)}

    async def unfinished(self, connection: str | None = None) -> int:
        statement = select(func.count().label("count")).where(deliveries.c.state.in_((*WAITING, "sending")))
        if connection is not None:
            statement = statement.where(deliveries.c.connection == connection)
        row = await one(self._connection, statement)
        return int(row["count"]) if row else 0

    async def keep_exchange(self, values: Mapping[str, object]) -> None:
        # Evidence, not truth: losing the last moments in a power cut is worth the commit that it saves.
        await self._connection.execute(text("SET LOCAL synchronous_commit = off"))
        await self._connection.execute(insert(exchanges).values(**values))

    async def purge_exchanges(self, older_than: timedelta) -> None:
        await self._connection.execute(
            delete(exchanges).where(exchanges.c.started_at < func.now() - older_than)
        )

    async def exchanges(self, subject: str) -> list[RowMapping]:
        return await many(
            self._connection,
            select(exchanges).where(exchanges.c.subject == subject).order_by(exchanges.c.id),
        )
