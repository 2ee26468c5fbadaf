"""Brings a database to the newest schema."""

from pathlib import Path

from alembic import command
from alembic.config import Config

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
