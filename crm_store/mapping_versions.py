"""Published mappings. A version never changes; what is live is the last switch of its name and connection.

A version belongs to one connection, or to all of them (None). Where nothing was ever published, or the last
switch leads back there, the shipped file is live: SHIPPED.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, ColumnElement, RowMapping, func, or_, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_store.rows import many, one
from crm_store.tables import mapping_switches, mapping_versions

SHIPPED = "shipped"


@dataclass(frozen=True, slots=True)
class MappingText:
    """What is published: the file, and its sample files by their path beside it."""

    text: str
    samples: Mapping[str, str]

    @property
    def digest(self) -> str:
        written = json.dumps([self.text, dict(self.samples)], sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(written.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class MappingVersion:
    id: int
    name: str
    connection: str | None
    number: int
    digest: str
    published_at: datetime
    published_by: str
    note: str

    @property
    def label(self) -> str:
        return version_label(self.connection, self.number)


@dataclass(frozen=True, slots=True)
class MappingSwitch:
    """One decision about what is live; `label` is `shipped` where it led back to the shipped file."""

    name: str
    connection: str | None
    label: str
    at: datetime
    by: str
    note: str


def used(column: Column[str], name: str) -> ColumnElement[bool]:
    """Rows whose `mapping` ("a.b@v1, c.d@v2") tells that any version of `name` was used."""
    first, later = (f"{before}{name}@" for before in ("", ", "))
    return or_(column.startswith(first, autoescape=True), column.contains(later, autoescape=True))


def version_label(connection: str | None, number: int) -> str:
    """`v3`, or `kingdee-main.v3` for the version of one connection."""
    return f"{connection}.v{number}" if connection else f"v{number}"


_SHOWN = [column for column in mapping_versions.c if column.name not in ("text", "samples")]


class MappingVersions:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def lock(self) -> None:
        """Until the end of the transaction nobody else publishes: numbers and switches have one order."""
        await self._connection.execute(
            text("SELECT pg_advisory_xact_lock(hashtextextended('mapping versions', 3))")
        )

    async def publish(
        self, name: str, content: MappingText, *, connection: str | None, by: str, note: str
    ) -> MappingVersion:
        """The next version, live from now on. What it says was checked before."""
        await self.lock()
        earlier = await self.listed(name, connection)
        row = await one(
            self._connection,
            insert(mapping_versions)
            .values(
                name=name,
                connection=connection,
                number=earlier[0].number + 1 if earlier else 1,
                text=content.text,
                samples=dict(content.samples),
                digest=content.digest,
                published_by=by,
                note=note,
            )
            .returning(*_SHOWN),
        )
        assert row is not None
        version = _version(row)
        await self.switch(name, version, connection=connection, by=by, note=note)
        return version

    async def switch(
        self, name: str, version: MappingVersion | None, *, connection: str | None, by: str, note: str
    ) -> None:
        """None: the shipped file is live again."""
        await self.lock()
        await self._connection.execute(
            insert(mapping_switches).values(
                name=name,
                connection=connection,
                version_id=version.id if version else None,
                switched_by=by,
                note=note,
            )
        )

    async def listed(
        self, name: str | None = None, connection: str | None = None, *, every: bool = False
    ) -> list[MappingVersion]:
        """Newest first: those of `connection` (None: those for all connections), or with `every` all."""
        statement = select(*_SHOWN).order_by(
            mapping_versions.c.name,
            mapping_versions.c.connection.nulls_first(),
            mapping_versions.c.number.desc(),
        )
        if name is not None:
            statement = statement.where(mapping_versions.c.name == name)
        if not every:
            statement = statement.where(mapping_versions.c.connection.is_not_distinct_from(connection))
        return [_version(row) for row in await many(self._connection, statement)]

    async def live(self) -> list[MappingVersion]:
        """What was switched on last, where that is a published version."""
        last = (
            select(func.max(mapping_switches.c.id))
            .group_by(mapping_switches.c.name, mapping_switches.c.connection)
            .scalar_subquery()
        )
        statement = (
            select(*_SHOWN)
            .join(mapping_switches, mapping_switches.c.version_id == mapping_versions.c.id)
            .where(mapping_switches.c.id.in_(last))
            .order_by(mapping_versions.c.name, mapping_versions.c.connection)
        )
        return [_version(row) for row in await many(self._connection, statement)]

    async def texts(self, ids: Iterable[int]) -> dict[int, MappingText]:
        wanted = list(ids)
        if not wanted:
            return {}
        statement = select(mapping_versions.c.id, mapping_versions.c.text, mapping_versions.c.samples).where(
            mapping_versions.c.id.in_(wanted)
        )
        rows = await many(self._connection, statement)
        return {row["id"]: MappingText(row["text"], row["samples"]) for row in rows}

    async def switches(self, name: str | None = None, limit: int = 100) -> list[MappingSwitch]:
        """Newest first."""
        statement = (
            select(mapping_switches, mapping_versions.c.number)
            .join(mapping_versions, mapping_switches.c.version_id == mapping_versions.c.id, isouter=True)
            .order_by(mapping_switches.c.id.desc())
            .limit(limit)
        )
        if name is not None:
            statement = statement.where(mapping_switches.c.name == name)
        return [_switch(row) for row in await many(self._connection, statement)]


def _version(row: RowMapping) -> MappingVersion:
    return MappingVersion(**row)


def _switch(row: RowMapping) -> MappingSwitch:
    return MappingSwitch(
        row["name"],
        row["connection"],
        version_label(row["connection"], row["number"]) if row["number"] else SHIPPED,
        row["switched_at"],
        row["switched_by"],
        row["note"],
    )
