"""Brings a database to the newest schema."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

MIGRATIONS = Path(__file__).parent / "migrations"


def _config(database_url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["database_url"] = database_url
    return config


def migrate(database_url: str) -> None:
    """Runs in a thread of its own event loop: not to be called from a running loop."""
    command.upgrade(_config(database_url), "head")


def check(database_url: str) -> None:
    """Raises when the schema in the code and the migrations differ."""
    command.check(_config(database_url))


class OutdatedSchema(Exception):
    """The database has another schema than this program."""


async def check_revision(database_url: str) -> None:
    """Raises OutdatedSchema. Quick: for processes that must not migrate by themselves."""
    wanted = ScriptDirectory(str(MIGRATIONS)).get_current_head()
    engine = create_async_engine(database_url)
    try:
        async with engine.connect() as connection:
            exists = await connection.scalar(text("SELECT to_regclass('alembic_version')"))
            query = text("SELECT version_num FROM alembic_version")
            found = await connection.scalar(query) if exists else None
    finally:
        await engine.dispose()
    if found != wanted:
        raise OutdatedSchema(
            f"数据库结构是 {found}，程序需要 {wanted}：先运行 guantong doctor 升级 (run it to migrate)"
        )


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
