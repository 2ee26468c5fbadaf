"""Which code of a vendor's archive a key of ours stands for: by the same code or name, never by a guess."""

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from rapidfuzz import fuzz, process

from crm_store import Row, UnitOfWork
from crm_store.code_tables import INVERSE
from domain.faults import Misconfigured
from domain.ports import ArchiveEntry, ArchiveKind, Archives
from flows.context import Context

ALIKE = 80
"""Percent of likeness from which a row of the table is shown beside a miss."""
KINDS: tuple[ArchiveKind, ...] = get_args(ArchiveKind)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """`entries`: what the archive has for this key; one that is not the only one is for a person."""

    key: str
    names: tuple[str, ...]
    entries: tuple[ArchiveEntry, ...]
    code: str | None
    """The code in the table now."""

    @property
    def certain(self) -> bool:
        return self.code is None and len(self.entries) == 1

    @property
    def conflicting(self) -> bool:
        return len(self.entries) > 1 or (
            self.code is not None and self.code not in [entry.code for entry in self.entries]
        )


def kind_of(table: str) -> ArchiveKind | None:
    """kingdee_material → material."""
    return next((kind for kind in KINDS if table.endswith(kind)), None)


def suggestions(
    wanted: Mapping[str, Iterable[str]], rows: Mapping[str, str], archive: Iterable[ArchiveEntry]
) -> list[Suggestion]:
    """For the keys of `wanted`, each with its names, that the archive knows."""
    by_text: dict[str, dict[str, ArchiveEntry]] = {}
    for entry in archive:
        for text in (entry.code, entry.name):
            by_text.setdefault(text, {})[entry.code] = entry
    found = []
    for key, names in sorted(wanted.items()):
        entries = {code: e for text in (key, *names) for code, e in by_text.get(text, {}).items()}
        if entries:
            given = tuple(entries[code] for code in sorted(entries))
            found.append(Suggestion(key, tuple(sorted(names)), given, rows.get(key)))
    return found


async def from_archive(
    context: Context, table: str, connection: str, *, kind: ArchiveKind | None = None
) -> list[Suggestion]:
    """For what the table lacks, and for all our customers or products. May raise the connection's faults."""
    kind = kind or kind_of(table)
    if kind is None:
        raise Misconfigured(
            f"不知道对照表 {table} 对应哪种档案：用 --kind 指定 {'、'.join(KINDS)} (which archive?)"
        )
    archive = await _all(context.ports.get(connection, Archives).list_archive(kind))
    async with context.store.transaction() as uow:
        return suggestions(await _wanted(uow, table, kind), await uow.codes.rows(table), archive)


async def _all(entries: AsyncIterator[ArchiveEntry]) -> list[ArchiveEntry]:
    return [entry async for entry in entries]


async def _wanted(uow: UnitOfWork, table: str, kind: ArchiveKind) -> dict[str, set[str]]:
    misses = [row["key"] for row in await uow.misses.listed(table) if not row["table_name"].endswith(INVERSE)]
    return {key: set() for key in misses} | await uow.codes.keys_known(kind)


def shown_miss(row: Row, tables: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """With rows whose key looks alike: a hint for whoever decides, never taken by itself."""
    miss = {name: value for name, value in row.items() if name not in ("id", "table_name")}
    known = tables.get(row["table_name"].removesuffix(INVERSE), {})
    keys = {code: key for key, code in known.items()} if row["table_name"].endswith(INVERSE) else known
    near = process.extract(row["key"], list(keys), scorer=fuzz.ratio, score_cutoff=ALIKE, limit=3)
    return {"table": row["table_name"], **miss, "similar": {key: keys[key] for key, _, _ in near}}
