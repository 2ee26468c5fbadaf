"""What the messages of each connection have looked like, and the changes that were found in them."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import RowMapping, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_store.rows import many, one
from crm_store.tables import drift_findings, observed_shapes


class Drift:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def shapes(self) -> list[RowMapping]:
        return await many(self._connection, select(observed_shapes))

    async def locked_shape(self, connection: str, kind: str) -> Mapping[str, Any]:
        """Nobody else learns this kind until the transaction ends. Empty: nothing was learned yet."""
        await self._connection.execute(
            insert(observed_shapes)
            .values(connection=connection, kind=kind, learned={})
            .on_conflict_do_nothing()
        )
        row = await one(
            self._connection,
            select(observed_shapes.c.learned)
            .where(observed_shapes.c.connection == connection, observed_shapes.c.kind == kind)
            .with_for_update(),
        )
        assert row is not None
        learned: Mapping[str, Any] = row["learned"]
        return learned

    async def save_shape(self, connection: str, kind: str, learned: Mapping[str, Any]) -> None:
        await self._connection.execute(
            update(observed_shapes)
            .where(observed_shapes.c.connection == connection, observed_shapes.c.kind == kind)
            .values(learned=dict(learned))
        )

    async def learn_lightly(self) -> None:
        """For counts alone: losing the last moments in a power cut is worth the commit that it saves."""
        await self._connection.execute(text("SET LOCAL synchronous_commit = off"))

    async def find(self, values: Mapping[str, object], mappings: Sequence[str]) -> RowMapping:
        """A new finding, or one more message of a known one: then `count` is above 1."""
        row = await one(
            self._connection,
            insert(drift_findings)
            .values(**values, mappings=list(mappings))
            .on_conflict_do_update(
                index_elements=["connection", "kind", "path", "change", "detail"],
                set_={"count": drift_findings.c.count + 1, "last_at": func.now()},
            )
            .returning(drift_findings),
        )
        assert row is not None
        return row

    async def get(self, finding: int) -> RowMapping | None:
        return await one(self._connection, select(drift_findings).where(drift_findings.c.id == finding))

    async def accept(self, finding: int, by: str) -> bool:
        """False: it was accepted before, or there is none."""
        statement = (
            update(drift_findings)
            .where(drift_findings.c.id == finding, drift_findings.c.accepted_at.is_(None))
            .values(accepted_at=func.now(), accepted_by=by)
            .returning(drift_findings.c.id)
        )
        return await one(self._connection, statement) is not None

    async def is_settled(self, task: str) -> bool:
        """Every finding of this task is accepted."""
        statement = select(drift_findings.c.id).where(
            drift_findings.c.task == task, drift_findings.c.accepted_at.is_(None)
        )
        return not await many(self._connection, statement)

    async def listed(self, *, open_only: bool = True) -> list[RowMapping]:
        """With the number of messages that wait for each."""
        return await many(
            self._connection,
            text(
                "SELECT f.*, (SELECT count(*) FROM holds WHERE cause = 'drift/' || f.id) AS held"
                " FROM drift_findings f WHERE f.accepted_at IS NULL OR NOT :open_only ORDER BY f.id"
            ),
            {"open_only": open_only},
        )
