"""One timeline per customer: every event of every system, once, with where it came from."""

from datetime import datetime

from sqlalchemy import RowMapping, bindparam, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_store.rows import many
from crm_store.tables import timeline

_GIVEN = (
    "key",
    "kind",
    "text",
    "origin",
    "person_id",
    "company_id",
    "contract_id",
    "inbox_id",
    "delivery_id",
)
_NOTE = (
    insert(timeline)
    .values(
        at=func.coalesce(bindparam("happened", type_=timeline.c.at.type), func.now()),
        **{name: bindparam(name) for name in _GIVEN},
    )
    .on_conflict_do_nothing(index_elements=["key"])
)
"""Built once: it runs for every step of everything, and to build it costs as much as to run it."""


class Timeline:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def note(
        self,
        key: str,
        *,
        kind: str,
        text: str,
        origin: str,
        person_id: int | None = None,
        company_id: int | None = None,
        contract_id: int | None = None,
        inbox_id: int | None = None,
        delivery_id: int | None = None,
        at: datetime | None = None,
    ) -> None:
        """The same key is the same event: noted once. `at` is the event's own time, else now."""
        values = {
            "key": key,
            "kind": kind,
            "text": text,
            "origin": origin,
            "person_id": person_id,
            "company_id": company_id,
            "contract_id": contract_id,
            "inbox_id": inbox_id,
            "delivery_id": delivery_id,
            "happened": at,
        }
        await self._connection.execute(_NOTE, values)

    async def of_customer(
        self, *, company_id: int | None = None, person_id: int | None = None
    ) -> list[RowMapping]:
        return await many(
            self._connection,
            select(timeline)
            .where(
                or_(
                    timeline.c.company_id == (company_id or 0),
                    timeline.c.person_id == (person_id or 0),
                )
            )
            .order_by(timeline.c.at, timeline.c.id),
        )

    async def of_contract(self, contract_id: int) -> list[RowMapping]:
        return await many(
            self._connection,
            select(timeline)
            .where(timeline.c.contract_id == contract_id)
            .order_by(timeline.c.at, timeline.c.id),
        )
