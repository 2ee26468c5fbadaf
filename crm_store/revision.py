"""Whether a database has the schema of this program; quick, for every start of a process."""

import asyncio

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

SCHEMA = "0005"
"""The newest migration. Named here so that no process has to load the migrations to compare."""


class OutdatedSchema(Exception):
    """The database has another schema than this program."""


async def check_revision(database_url: str) -> None:
    """For processes that must not migrate by themselves. Raises OutdatedSchema."""
    found = await _revision(database_url)
    if found != SCHEMA:
        raise OutdatedSchema(
            f"数据库结构是 {found}，程序需要 {SCHEMA}：先运行 guantong doctor 升级 (run it to migrate)"
        )


def ensure_schema(database_url: str) -> None:
    """Migrates when that is needed. Not to be called from a running loop."""
    if asyncio.run(_revision(database_url)) == SCHEMA:
        return
    from crm_store.migrate import migrate  # loading it takes longer than the look

    migrate(database_url)


async def _revision(database_url: str) -> str | None:
    engine = create_async_engine(database_url, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            if not await connection.scalar(text("SELECT to_regclass('alembic_version')")):
                return None
            found: str | None = await connection.scalar(text("SELECT version_num FROM alembic_version"))
            return found
    finally:
        await engine.dispose()


async def unsafe_settings(database_url: str) -> list[str]:
    """Server settings that break the promise of a commit: each must be on."""
    engine = create_async_engine(database_url)
    try:
        async with engine.connect() as connection:
            values = {
                name: (await connection.execute(text(f"SHOW {name}"))).scalar_one()
                for name in ("fsync", "synchronous_commit", "full_page_writes")
            }
    finally:
        await engine.dispose()
    return [f"{name}={value}" for name, value in values.items() if value == "off"]
