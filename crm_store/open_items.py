"""What people must look at: tasks that wait for somebody, and disagreements that the reconciliation found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import RowMapping, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_store.rows import changed, many
from crm_store.tables import disagreements, tasks


@dataclass(frozen=True, slots=True)
class Disagreement:
    """`subject` names the business object; `ours` and `theirs` are both sides' evidence."""

    kind: str
    subject: str
    owner: str
    ours: Mapping[str, object]
    theirs: Mapping[str, object]
    repair: str


class OpenItems:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def open_task(
        self,
        key: str,
        *,
        kind: str,
        owner: str,
        title: str,
        detail: Mapping[str, object],
        reopen: bool = False,
    ) -> None:
        """The same key is the same task; one that is closed stays closed, unless it is to `reopen`."""
        told: dict[str, object] = {"title": title, "detail": dict(detail)}
        statement = insert(tasks).values(key=key, kind=kind, owner=owner, **told)
        if reopen:
            again = {"state": "open", "closed_at": None, "closed_by": None, **told}
            statement = statement.on_conflict_do_update(index_elements=["key"], set_=again)
        else:
            statement = statement.on_conflict_do_nothing(index_elements=["key"])
        await self._connection.execute(statement)

    async def close_task(self, key: str, by: str) -> bool:
        statement = (
            update(tasks)
            .where(tasks.c.key == key, tasks.c.state == "open")
            .values(state="closed", closed_at=func.now(), closed_by=by)
        )
        return await changed(self._connection, statement) == 1

    async def close_by_hand(self, task_id: int, by: str) -> bool:
        statement = (
            update(tasks)
            .where(tasks.c.id == task_id, tasks.c.state == "open")
            .values(state="closed", closed_at=func.now(), closed_by=by)
        )
        return await changed(self._connection, statement) == 1

    async def close_about(self, kind: str, about: Mapping[str, object], by: str) -> None:
        """Every open task of this kind whose detail says so."""
        await self._connection.execute(
            update(tasks)
            .where(tasks.c.kind == kind, tasks.c.state == "open", tasks.c.detail.contains(dict(about)))
            .values(state="closed", closed_at=func.now(), closed_by=by)
        )

    async def tasks(self, kind: str | None = None, state: str | None = "open") -> list[RowMapping]:
        statement = select(tasks).order_by(tasks.c.id)
        if kind:
            statement = statement.where(tasks.c.kind == kind)
        if state:
            statement = statement.where(tasks.c.state == state)
        return await many(self._connection, statement)

    async def found(self, items: Sequence[Disagreement], *, complete: bool = True) -> None:
        """Opens what is new, leaves what is known; what is gone is closed after a complete comparison."""
        for item in items:
            await self._connection.execute(
                insert(disagreements)
                .values(
                    kind=item.kind,
                    subject=item.subject,
                    owner=item.owner,
                    ours=dict(item.ours),
                    theirs=dict(item.theirs),
                    repair=item.repair,
                )
                .on_conflict_do_nothing(
                    index_elements=["kind", "subject"], index_where=disagreements.c.closed_at.is_(None)
                )
            )
        if not complete:
            return
        statement = update(disagreements).where(disagreements.c.closed_at.is_(None))
        if items:
            seen = [(item.kind, item.subject) for item in items]
            statement = statement.where(tuple_(disagreements.c.kind, disagreements.c.subject).not_in(seen))
        await self._connection.execute(statement.values(closed_at=func.now()))

    async def disagreements(self, *, open_only: bool = True) -> list[RowMapping]:
        statement = select(disagreements).order_by(disagreements.c.id)
        if open_only:
            statement = statement.where(disagreements.c.closed_at.is_(None))
        return await many(self._connection, statement)
