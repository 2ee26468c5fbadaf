"""What came in, raw, once. A message waits here until its transaction has succeeded, or a person must look.

A worker takes a message by locking its row inside the business transaction: when the worker dies, the lock
dies with its connection and the message is free at once.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, RowMapping, Text, and_, bindparam, delete, func, select, true, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_store.mapping_versions import used
from crm_store.rows import changed, many, one
from crm_store.tables import inbox, refused
from domain.ports import Inbound

ANNOUNCED_FOR = timedelta(seconds=3)
"""How long an announced row is left to the broker before the sweep announces it again."""


@dataclass(frozen=True, slots=True)
class Message:
    id: int
    connection: str
    kind: str
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime
    attempts: int


def _message(row: RowMapping) -> Message:
    return Message(
        row["id"],
        row["connection"],
        row["kind"],
        row["headers"],
        row["body"],
        row["received_at"],
        row["attempts"],
    )


# Built once: these run for every message, and to build them costs as much as to run them.
_TAKE = (
    select(inbox)
    .where(inbox.c.id == bindparam("message"), inbox.c.state == "new", inbox.c.due_at <= func.now())
    .with_for_update(skip_locked=True)
)
_SETTLE = (
    update(inbox)
    .where(inbox.c.id == bindparam("message"), inbox.c.state == "new")
    .values(
        state=bindparam("to"),
        reason=bindparam("because"),
        mapping=func.coalesce(bindparam("used", type_=Text), inbox.c.mapping),
        handled_at=func.now(),
        attempts=inbox.c.attempts + 1,
    )
)


class Inbox:
    def __init__(self, connection: AsyncConnection, woken: list[int]) -> None:
        self._connection = connection
        self._woken = woken

    async def add_once(self, connection: str, messages: Sequence[Inbound]) -> list[int]:
        """Ids of the messages that were not there before."""
        if not messages:
            return []
        rows = [
            {
                "connection": connection,
                "dedupe_key": message.dedupe_key,
                "kind": message.kind,
                "headers": dict(message.headers),
                "body": message.body,
            }
            for message in messages
        ]
        statement = (
            insert(inbox).values(rows).on_conflict_do_nothing(index_elements=["connection", "dedupe_key"])
        )
        found = await many(self._connection, statement.returning(inbox.c.id))
        ids = [row["id"] for row in found]
        self._woken.extend(ids)
        return ids

    async def take(self, message_id: int) -> Message | None:
        """Locks a new message for this transaction. None: handled, or in another worker's hands."""
        row = await one(self._connection, _TAKE, {"message": message_id})
        return _message(row) if row else None

    async def settle(
        self, message_id: int, state: str, *, reason: str | None = None, mapping: str | None = None
    ) -> None:
        """`handled`, `parked` or `ignored`. One that another worker has settled meanwhile stays as it is."""
        values = {"message": message_id, "to": state, "because": reason, "used": mapping}
        await self._connection.execute(_SETTLE, values)

    async def postpone(self, message_id: int, wait: timedelta, reason: str) -> None:
        due = func.now() + wait
        await self._connection.execute(
            update(inbox)
            .where(inbox.c.id == message_id, inbox.c.state == "new")
            .values(
                due_at=due, announced_at=due - ANNOUNCED_FOR, attempts=inbox.c.attempts + 1, reason=reason
            )
        )

    async def announce_due(self, limit: int = 200) -> list[int]:
        """The sweep: new messages that nobody has taken for a while."""
        due = (
            select(inbox.c.id)
            .where(
                inbox.c.state == "new",
                inbox.c.due_at <= func.now(),
                inbox.c.announced_at <= func.now() - ANNOUNCED_FOR,
            )
            .order_by(inbox.c.due_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        statement = (
            update(inbox)
            .where(inbox.c.id.in_(due.scalar_subquery()))
            .values(announced_at=func.now())
            .returning(inbox.c.id)
        )
        ids = [row["id"] for row in await many(self._connection, statement)]
        self._woken.extend(ids)
        return ids

    async def replay(self, *, message_id: int | None = None, connection: str | None = None) -> list[int]:
        """Parked messages become new again: one, a connection's, or all."""
        where: list[ColumnElement[bool]] = [true()]
        if message_id is not None:
            where.append(inbox.c.id == message_id)
        if connection is not None:
            where.append(inbox.c.connection == connection)
        return await self._rearm(and_(*where))

    async def release(self, ids: Sequence[int]) -> list[int]:
        """What was parked is due now; what is not parked any more stays as it is."""
        return await self._rearm(inbox.c.id.in_(ids))

    async def _rearm(self, where: ColumnElement[bool]) -> list[int]:
        statement = (
            update(inbox)
            .where(where, inbox.c.state == "parked")
            .values(state="new", due_at=func.now(), announced_at=func.now(), attempts=0)
            .returning(inbox.c.id)
        )
        ids = [row["id"] for row in await many(self._connection, statement)]
        self._woken.extend(ids)
        return ids

    async def replace_body(self, message_id: int, body: bytes) -> bool:
        """A person repairs a parked message. The dedupe key stays, so the original cannot come again."""
        statement = update(inbox).where(inbox.c.id == message_id, inbox.c.state == "parked").values(body=body)
        return await changed(self._connection, statement) == 1

    async def get(self, message_id: int) -> RowMapping | None:
        return await one(self._connection, select(inbox).where(inbox.c.id == message_id))

    async def listed(self, state: str | None = None, limit: int = 100) -> list[RowMapping]:
        statement = select(inbox).order_by(inbox.c.id.desc()).limit(limit)
        if state:
            statement = statement.where(inbox.c.state == state)
        return await many(self._connection, statement)

    async def mapped_with(self, name: str, last: int, connection: str | None) -> list[RowMapping]:
        """The last ones that any version of this mapping was used for, newest first."""
        where = used(inbox.c.mapping, name)
        if connection is not None:
            where &= inbox.c.connection == connection
        statement = select(inbox).where(where).order_by(inbox.c.id.desc()).limit(last)
        return await many(self._connection, statement)

    async def counts(self) -> dict[str, int]:
        statement = select(inbox.c.state, func.count().label("count")).group_by(inbox.c.state)
        return {row["state"]: row["count"] for row in await many(self._connection, statement)}

    async def refuse(
        self, connection: str, *, reason: str, detail: str, headers: Mapping[str, str], body: bytes
    ) -> None:
        """Keeps what was refused for a person to look at; a repeat is counted. None of it is business."""
        statement = insert(refused).values(
            connection=connection,
            reason=reason,
            detail=detail,
            headers=dict(headers),
            body=body,
            digest=hashlib.sha256(body).hexdigest(),
        )
        await self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=["connection", "reason", "digest"],
                set_={"times": refused.c.times + 1, "received_at": func.now(), "detail": detail},
            )
        )

    async def purge_refused(self, older_than: timedelta) -> None:
        await self._connection.execute(delete(refused).where(refused.c.received_at < func.now() - older_than))

    async def refused_counts(self) -> dict[str, int]:
        statement = select(refused.c.reason, func.count().label("count")).group_by(refused.c.reason)
        return {row["reason"]: row["count"] for row in await many(self._connection, statement)}

    async def refused_listed(self, limit: int = 100) -> list[RowMapping]:
        return await many(self._connection, select(refused).order_by(refused.c.id.desc()).limit(limit))


INSERT_ONCE = (
    "INSERT INTO inbox (connection, dedupe_key, kind, headers, body)"
    " SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::jsonb[], $5::bytea[])"
    " ON CONFLICT (connection, dedupe_key) DO NOTHING RETURNING id"
)
"""The hot path of the hooks, for asyncpg: all messages that wait, in one statement."""
