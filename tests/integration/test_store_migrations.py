from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from crm_store.migrate import MIGRATIONS, check, migrate
from crm_store.revision import SCHEMA, ensure_schema


def _config(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["database_url"] = url
    return config


def test_the_schema_of_the_program_is_the_newest_migration() -> None:
    assert ScriptDirectory(str(MIGRATIONS)).get_current_head() == SCHEMA


def test_a_database_is_migrated_once_and_from_any_older_schema(empty_database: str) -> None:
    ensure_schema(empty_database)
    command.downgrade(_config(empty_database), "0003")
    ensure_schema(empty_database)
    ensure_schema(empty_database)
    check(empty_database)


def test_the_migrations_make_exactly_the_schema_of_the_code_down_and_up_again(empty_database: str) -> None:
    migrate(empty_database)
    migrate(empty_database)
    check(empty_database)
    command.downgrade(_config(empty_database), "base")
    migrate(empty_database)
    check(empty_database)
