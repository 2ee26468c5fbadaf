"""Real servers where the environment names them, the embedded ones otherwise."""

from collections.abc import Iterator
from contextlib import contextmanager

from crm_store.revision import ensure_schema
from hub.embedded import Servers, embedded_postgres, embedded_servers
from hub.settings import Settings


@contextmanager
def servers(settings: Settings) -> Iterator[Settings]:
    """Settings with both URLs, on a migrated database."""
    if settings.database_url and settings.redis_url:
        ensure_schema(settings.database_url)
        yield settings
        return
    with embedded_servers(settings.data) as embedded:
        yield _with(settings, embedded)


@contextmanager
def database(settings: Settings) -> Iterator[Settings]:
    """For commands that need no broker. Shares the embedded server with a running hub."""
    if settings.database_url:
        ensure_schema(settings.database_url)
        yield settings
        return
    with embedded_postgres(settings.data) as url:
        yield _with(settings, Servers(url, ""))


def _with(settings: Settings, embedded: Servers) -> Settings:
    ensure_schema(settings.database_url or embedded.database_url)
    return settings.model_copy(
        update={
            "database_url": settings.database_url or embedded.database_url,
            "redis_url": settings.redis_url or embedded.redis_url,
        }
    )
