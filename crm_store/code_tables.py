"""Code tables: our key to a vendor's code. Each has an owner; every change of a row is kept.

Writers take one lock, so that ids of changes grow in commit order: the last id tells whether anything is new.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import ColumnElement, Executable, RowMapping, and_, delete, exists, func, or_, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_store.rows import many, one
from crm_store.tables import code_changes, code_misses, code_tables, codes, companies, contract_lines

INVERSE = ".inverse"
"""`NAME.inverse` is the table turned round: the vendor's code to our key."""
BATCH = 5_000

Owner = Literal["it", "finance", "sales"]
OWNERS: tuple[Owner, ...] = ("it", "finance", "sales")


class NoSuchCode(LookupError):
    """The table has no such row, or its history no such change."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What writing some rows would do, or has done, to a table."""

    added: Mapping[str, str]
    changed: Mapping[str, tuple[str, str]]
    unchanged: int

    @property
    def after(self) -> dict[str, str]:
        return {**self.added, **{key: after for key, (_, after) in self.changed.items()}}


@dataclass(frozen=True, slots=True)
class CodeChange:
    id: int
    key: str
    before: str | None
    after: str | None
    by: str
    at: datetime


class CodeTables:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def lock(self, *, shared: bool = False) -> None:
        """Until the end of the transaction no row is written; shared: nobody else waits for this."""
        kind = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
        await self._connection.execute(text(f"SELECT {kind}(hashtextextended('code tables', 0))"))

    async def revision(self) -> int:
        """Grows with every change."""
        row = await one(self._connection, select(func.coalesce(func.max(code_changes.c.id), 0).label("last")))
        return int(row["last"]) if row else 0

    async def all(self) -> dict[str, dict[str, str]]:
        tables: dict[str, dict[str, str]] = {}
        for row in await many(self._connection, select(codes)):
            tables.setdefault(row["table_name"], {})[row["key"]] = row["value"]
        return tables

    async def names(self) -> set[str]:
        """The tables that somebody has made, with rows or without."""
        return {row["name"] for row in await many(self._connection, select(code_tables.c.name))}

    async def rows(self, table: str) -> dict[str, str]:
        statement = select(codes).where(codes.c.table_name == table).order_by(codes.c.key)
        return {row["key"]: row["value"] for row in await many(self._connection, statement)}

    async def listed(self) -> list[RowMapping]:
        """Each table with its number of rows and of missing keys; also one that is only missed."""
        return await many(
            self._connection,
            text(
                "SELECT coalesce(t.name, m.name) AS name, coalesce(t.title, m.name) AS title,"
                " coalesce(t.owner, 'it') AS owner,"
                " coalesce(c.rows, 0) AS rows, coalesce(m.misses, 0) AS misses"
                " FROM code_tables t"
                " FULL JOIN (SELECT replace(table_name, '.inverse', '') AS name, count(*) AS misses"
                "  FROM code_misses GROUP BY 1) m ON m.name = t.name"
                " LEFT JOIN (SELECT table_name, count(*) AS rows FROM codes GROUP BY 1) c"
                "  ON c.table_name = t.name ORDER BY 1"
            ),
        )

    async def define(self, name: str, *, title: str | None = None, owner: Owner | None = None) -> None:
        """Makes the table, or changes what is given."""
        given = {key: value for key, value in (("title", title), ("owner", owner)) if value}
        statement = insert(code_tables).values(**{"name": name, "title": name} | given)
        await self._connection.execute(
            statement.on_conflict_do_update(index_elements=["name"], set_=given)
            if given
            else statement.on_conflict_do_nothing()
        )

    async def keys_known(self, kind: str) -> dict[str, set[str]]:
        """Our own customers or products: what a table of this kind has for keys, each with its names."""
        found: dict[str, set[str]] = {}
        if kind in _OUR_KEYS:
            for row in await many(self._connection, _OUR_KEYS[kind]):
                found.setdefault(row["key"], set()).add(row["name"])
        return found

    async def owner(self, name: str) -> str:
        row = await one(self._connection, select(code_tables.c.owner).where(code_tables.c.name == name))
        return str(row["owner"]) if row else "it"

    async def compare(self, table: str, rows: Mapping[str, str]) -> Difference:
        there = await self.rows(table)
        return Difference(
            {key: value for key, value in rows.items() if key not in there},
            {key: (there[key], value) for key, value in rows.items() if there.get(key, value) != value},
            sum(there.get(key) == value for key, value in rows.items()),
        )

    async def write(
        self,
        table: str,
        rows: Mapping[str, str],
        *,
        by: str,
        progress: Callable[[int], None] = lambda written: None,
    ) -> Difference:
        """Adds and changes; other rows of the table stay."""
        await self.lock()
        await self.define(table)
        difference = await self.compare(table, rows)
        given = list(difference.after.items())
        for start in range(0, len(given), BATCH):
            some = dict(given[start : start + BATCH])
            await self._write(table, some, by=by)
            progress(len(some))
        return difference

    async def _write(self, table: str, rows: Mapping[str, str], *, by: str) -> None:
        await self._connection.execute(
            text(
                "WITH given AS"
                " (SELECT * FROM unnest(CAST(:keys AS text[]), CAST(:values AS text[])) AS g(k, v)),"
                " noted AS (INSERT INTO code_changes (table_name, key, before, after, by)"
                "  SELECT CAST(:table AS text), k, value, v, CAST(:by AS text) FROM given"
                "  LEFT JOIN codes ON table_name = :table AND key = k)"
                " INSERT INTO codes (table_name, key, value) SELECT CAST(:table AS text), k, v FROM given"
                " ON CONFLICT (table_name, key) DO UPDATE SET value = excluded.value"
            ),
            {"table": table, "keys": list(rows), "values": list(rows.values()), "by": by},
        )

    async def remove(self, table: str, key: str, *, by: str) -> bool:
        await self.lock()
        before = await one(self._connection, select(codes.c.value).where(_is(table, key)))
        if before is None:
            return False
        await self._connection.execute(delete(codes).where(_is(table, key)))
        await self._connection.execute(
            insert(code_changes).values(table_name=table, key=key, before=before["value"], by=by)
        )
        return True

    async def history(self, table: str, key: str | None = None, *, limit: int = 100) -> list[CodeChange]:
        """Newest first."""
        statement = select(
            *(column for column in code_changes.c if column is not code_changes.c.table_name)
        ).where(code_changes.c.table_name == table)
        if key is not None:
            statement = statement.where(code_changes.c.key == key)
        rows = await many(self._connection, statement.order_by(code_changes.c.id.desc()).limit(limit))
        return [CodeChange(**row) for row in rows]

    async def value_before(self, table: str, key: str, change: int | None = None) -> str | None:
        """What the row was before that change, or before its last one. Raises NoSuchCode."""
        statement = select(code_changes.c.before).where(
            code_changes.c.table_name == table, code_changes.c.key == key
        )
        if change is not None:
            statement = statement.where(code_changes.c.id == change)
        row = await one(self._connection, statement.order_by(code_changes.c.id.desc()).limit(1))
        if row is None:
            raise NoSuchCode(f"对照表 {table} 的“{key}”没有这次改动 (no such change)：见 codes history")
        return None if row["before"] is None else str(row["before"])


_OUR_KEYS: Mapping[str, Executable] = {
    "customer": select(companies.c.code.label("key"), companies.c.name),
    "material": select(contract_lines.c.sku.label("key"), contract_lines.c.title.label("name")).distinct(),
}


def _is(table: str, key: str) -> ColumnElement[bool]:
    return and_(codes.c.table_name == table, codes.c.key == key)


class CodeMisses:
    """Keys that a mapping looked up in vain. A miss is gone as soon as the table has the row."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def note(self, table: str, key: str, *, connection: str, subject: str) -> int:
        statement = (
            insert(code_misses)
            .values(table_name=table, key=key, connection=connection, subject=subject)
            .on_conflict_do_update(index_elements=["table_name", "key"], set_={"last_at": func.now()})
            .returning(code_misses.c.id)
        )
        row = await one(self._connection, statement)
        assert row is not None
        return int(row["id"])

    async def listed(self, table: str | None = None) -> list[RowMapping]:
        """With the number of records that wait, those seen longest ago first."""
        return await many(
            self._connection,
            text(
                "SELECT m.*, h.waiting, h.messages, h.deliveries FROM code_misses m CROSS JOIN LATERAL"
                " (SELECT count(*) AS waiting, count(inbox_id) AS messages, count(delivery_id) AS deliveries"
                "  FROM holds WHERE cause = 'missing_code/' || m.id) h"
                " WHERE CAST(:table AS text) IS NULL"
                " OR replace(m.table_name, '.inverse', '') = CAST(:table AS text)"
                " ORDER BY m.id"
            ),
            {"table": table},
        )

    async def missing(self, wanted: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        """Those of `wanted` that no table has now."""
        asked = {name.removesuffix(INVERSE) for name, _ in wanted}
        keys = [key for _, key in wanted]
        statement = select(codes).where(
            codes.c.table_name.in_(asked), or_(codes.c.key.in_(keys), codes.c.value.in_(keys))
        )
        there: set[tuple[str, str]] = set()
        for row in await many(self._connection, statement):
            there |= {(row["table_name"], row["key"]), (row["table_name"] + INVERSE, row["value"])}
        return [each for each in wanted if each not in there]

    async def settle(self) -> list[int]:
        """Ends the misses whose row is there now; returns them."""
        forwards = exists().where(
            codes.c.table_name == code_misses.c.table_name, codes.c.key == code_misses.c.key
        )
        backwards = exists().where(
            codes.c.table_name == func.replace(code_misses.c.table_name, INVERSE, ""),
            codes.c.value == code_misses.c.key,
            code_misses.c.table_name.endswith(INVERSE),
        )
        statement = delete(code_misses).where(or_(forwards, backwards)).returning(code_misses.c.id)
        return [row["id"] for row in await many(self._connection, statement)]
