"""What the commands that are one process of a hub share."""

import asyncio

import typer

from crm_store.revision import check_revision
from hub.commands.terminal import errors
from hub.settings import Settings


def with_servers(settings: Settings) -> Settings:
    missing = [
        name
        for name, value in (("DATABASE_URL", settings.database_url), ("REDIS_URL", settings.redis_url))
        if not value
    ]
    if missing:
        errors.print(
            f"[red]缺少 {' 和 '.join(missing)}。[/red] 单机使用请运行 guantong up (set them, or use `up`)"
        )
        raise typer.Exit(2)
    asyncio.run(check_revision(settings.database_url))
    return settings
