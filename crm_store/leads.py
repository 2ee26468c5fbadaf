"""Leads, who they were given to and why, and the opportunities that they became."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import RowMapping, func, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_store.rows import many, one
from crm_store.tables import assignments, leads, opportunities, seats

_LEAD = insert(leads)
_SAVE = _LEAD.on_conflict_do_update(
    index_elements=["connection", "vendor_id"],
    set_={"facts": _LEAD.excluded.facts.op("||")(leads.c.facts)},
).returning(leads.c.id, literal_column("xmax = 0").label("is_new"))
"""Built once: to build it costs as much as to run it."""


@dataclass(frozen=True, slots=True)
class SavedLead:
    id: int
    is_new: bool


class Leads:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def save(
        self,
        *,
        connection: str,
        vendor_id: str,
        inbox_id: int,
        person_id: int,
        facts: Mapping[str, object],
        submitted_at: datetime,
    ) -> SavedLead:
        """Once per connection and vendor id. News about a known lead only fills what was empty."""
        values = {
            "connection": connection,
            "vendor_id": vendor_id,
            "inbox_id": inbox_id,
            "person_id": person_id,
            "facts": dict(facts),
            "submitted_at": submitted_at,
        }
        row = await one(self._connection, _SAVE, values)
        assert row is not None
        return SavedLead(row["id"], row["is_new"])

    async def find(self, connection: str, vendor_id: str) -> RowMapping | None:
        return await one(
            self._connection,
            select(leads).where(leads.c.connection == connection, leads.c.vendor_id == vendor_id),
        )

    async def get(self, lead_id: int) -> RowMapping | None:
        return await one(self._connection, select(leads).where(leads.c.id == lead_id))

    async def waiting(self, limit: int) -> list[RowMapping]:
        """Oldest first, locked for this transaction."""
        return await many(
            self._connection,
            select(leads)
            .where(leads.c.state == "waiting")
            .order_by(leads.c.submitted_at)
            .limit(limit)
            .with_for_update(skip_locked=True),
        )

    async def seats(self, pool: str) -> dict[str, RowMapping]:
        rows = await many(self._connection, select(seats).where(seats.c.pool == pool))
        return {row["person"]: row for row in rows}

    async def open_by_owner(self) -> dict[str, int]:
        statement = (
            select(leads.c.owner, func.count().label("count"))
            .where(leads.c.state == "assigned")
            .group_by(leads.c.owner)
        )
        return {row["owner"]: row["count"] for row in await many(self._connection, statement)}

    async def assign(
        self,
        lead_id: int,
        *,
        owner: str,
        rule: str | None,
        pool: str,
        weights: Mapping[str, int],
        explanation: Mapping[str, object],
    ) -> None:
        """Owner, turn and explanation together; the caller holds the lock of the routing."""
        await self._connection.execute(
            update(leads).where(leads.c.id == lead_id).values(state="assigned", owner=owner)
        )
        await self._connection.execute(
            insert(assignments).values(
                lead_id=lead_id, owner=owner, rule=rule, pool=pool, explanation=dict(explanation)
            )
        )
        if weights:
            await self._take_turn(pool, owner, weights)

    async def _take_turn(self, pool: str, owner: str, weights: Mapping[str, int]) -> None:
        statement = insert(seats).values(
            [
                {"pool": pool, "person": person, "current_weight": weight, "assigned": int(person == owner)}
                for person, weight in weights.items()
            ]
        )
        await self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=["pool", "person"],
                set_={
                    "current_weight": statement.excluded.current_weight,
                    "assigned": seats.c.assigned + statement.excluded.assigned,
                },
            )
        )

    async def assignment(self, lead_id: int) -> RowMapping | None:
        return await one(self._connection, select(assignments).where(assignments.c.lead_id == lead_id))

    async def open_opportunity(self, lead_id: int, *, person_id: int, title: str, owner: str) -> int:
        """One per lead."""
        statement = insert(opportunities).values(
            lead_id=lead_id, person_id=person_id, title=title, owner=owner
        )
        row = await one(
            self._connection,
            statement.on_conflict_do_update(
                index_elements=["lead_id"], set_={"title": opportunities.c.title}
            ).returning(opportunities.c.id),
        )
        assert row is not None
        return int(row["id"])

    async def opportunity_of(self, lead_id: int) -> RowMapping | None:
        return await one(self._connection, select(opportunities).where(opportunities.c.lead_id == lead_id))

    async def opportunity(self, opportunity_id: int) -> RowMapping | None:
        return await one(self._connection, select(opportunities).where(opportunities.c.id == opportunity_id))

    async def move_opportunity(self, opportunity_id: int, stage: str, company_id: int) -> None:
        await self._connection.execute(
            update(opportunities)
            .where(opportunities.c.id == opportunity_id)
            .values(stage=stage, company_id=company_id)
        )

    async def end(self, opportunity_id: int, stage: Literal["won", "lost"]) -> None:
        """The lead is closed too, so that its owner has room for another."""
        row = await one(
            self._connection,
            update(opportunities)
            .where(opportunities.c.id == opportunity_id)
            .values(stage=stage)
            .returning(opportunities.c.lead_id),
        )
        assert row is not None
        await self._connection.execute(
            update(leads).where(leads.c.id == row["lead_id"]).values(state="closed")
        )

    async def listed(self, limit: int = 100) -> list[RowMapping]:
        return await many(self._connection, select(leads).order_by(leads.c.id.desc()).limit(limit))

    async def counts(self) -> dict[str, int]:
        statement = select(leads.c.state, func.count().label("count")).group_by(leads.c.state)
        return {row["state"]: row["count"] for row in await many(self._connection, statement)}
