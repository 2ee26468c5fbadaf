"""Configured connections, their secrets and tokens, and where each pull has got to."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_store.rows import changed, many, one
from crm_store.sealing import Sealer
from crm_store.tables import connections, cursors, tokens


@dataclass(frozen=True, slots=True)
class Connection:
    id: str
    connector: str
    settings: Mapping[str, object]
    secrets: Mapping[str, str]
    state: str
    reason: str | None


class Connections:
    def __init__(self, connection: AsyncConnection, sealer: Sealer) -> None:
        self._connection = connection
        self._sealer = sealer

    async def save(
        self,
        name: str,
        *,
        connector: str,
        settings: Mapping[str, object],
        secrets: Mapping[str, str],
        keep_tokens: bool = False,
    ) -> None:
        """Writes or replaces; a changed connection is active again. Tokens belong to the credentials that
        they were got with: they are kept only where those stay."""
        values = {
            "connector": connector,
            "settings": dict(settings),
            "secrets": self._sealer.seal(dict(secrets)),
            "state": "active",
            "reason": None,
        }
        statement = insert(connections).values(id=name, **values)
        await self._connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values))
        if not keep_tokens:
            await self._forget_tokens(name)

    async def _forget_tokens(self, name: str) -> None:
        await self._connection.execute(delete(tokens).where(tokens.c.connection == name))

    async def retire(self, name: str) -> None:
        """Its credentials are forgotten and nothing is sent any more; what it has done stays on record."""
        await self._connection.execute(
            update(connections)
            .where(connections.c.id == name)
            .values(state="retired", reason=None, secrets=self._sealer.seal({}))
        )
        await self._forget_tokens(name)

    async def all(self) -> list[Connection]:
        """Those that are not retired. Raises WrongKey."""
        rows = await many(
            self._connection,
            select(connections).where(connections.c.state != "retired").order_by(connections.c.id),
        )
        return [
            Connection(
                row["id"],
                row["connector"],
                row["settings"],
                self._sealer.open(row["secrets"]),
                row["state"],
                row["reason"],
            )
            for row in rows
        ]

    async def pause(self, name: str, reason: str) -> bool:
        """False: it was paused already."""
        statement = (
            update(connections)
            .where(connections.c.id == name, connections.c.state == "active")
            .values(state="paused", reason=reason)
        )
        return await changed(self._connection, statement) == 1

    async def resume(self, name: str) -> bool:
        statement = (
            update(connections)
            .where(connections.c.id == name, connections.c.state != "retired")
            .values(state="active", reason=None)
            .returning(connections.c.id)
        )
        return await one(self._connection, statement) is not None

    async def lock_token(self, connection: str, name: str) -> None:
        """Single flight across processes: held until the transaction ends, also when its process dies."""
        await self._connection.execute(
            text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 1))"), {"name": f"{connection}/{name}"}
        )

    async def token(self, connection: str, name: str) -> dict[str, str] | None:
        row = await one(
            self._connection,
            select(tokens.c.sealed).where(tokens.c.connection == connection, tokens.c.name == name),
        )
        return self._sealer.open(row["sealed"]) if row else None

    async def save_token(self, connection: str, name: str, token: dict[str, str]) -> None:
        sealed = self._sealer.seal(token)
        statement = insert(tokens).values(connection=connection, name=name, sealed=sealed)
        await self._connection.execute(
            statement.on_conflict_do_update(index_elements=["connection", "name"], set_={"sealed": sealed})
        )

    async def cursor(self, connection: str, name: str) -> datetime | None:
        row = await one(
            self._connection,
            select(cursors.c.until).where(cursors.c.connection == connection, cursors.c.name == name),
        )
        return row["until"] if row else None

    async def move_cursor(self, connection: str, name: str, until: datetime) -> None:
        statement = insert(cursors).values(connection=connection, name=name, until=until)
        await self._connection.execute(
            statement.on_conflict_do_update(index_elements=["connection", "name"], set_={"until": until})
        )
