from alembic import command
from alembic.config import Config

from crm_store.migrate import MIGRATIONS, check, migrate


def _config(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["database_url"] = url
    return config


def test_the_migrations_make_exactly_the_schema_of_the_code_down_and_up_again(empty_database: str) -> None:
    migrate(empty_database)
    migrate(empty_database)
    check(empty_database)
    command.downgrade(_config(empty_database), "base")
    migrate(empty_database)
    check(empty_database)
