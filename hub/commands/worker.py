"""`guantong worker`."""

import typer

from hub.commands.serving import with_servers
from hub.settings import Settings
from hub.worker import run_worker

app = typer.Typer(add_completion=False)


@app.command()
def worker() -> None:
    """只启动工作进程（需要 DATABASE_URL 与 REDIS_URL）."""
    settings = with_servers(Settings())
    run_worker(settings)
