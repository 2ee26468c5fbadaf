"""`guantong api`."""

import socket

import typer
import uvicorn

from hub.commands.serving import with_servers
from hub.settings import Settings
from hub.web.app import create_app

app = typer.Typer(add_completion=False)


@app.command()
def api() -> None:
    """只启动 HTTP 接口（需要 DATABASE_URL 与 REDIS_URL）."""
    settings = with_servers(Settings())
    config = uvicorn.Config(
        create_app(settings),
        access_log=False,
        log_config=None,
        log_level="warning",
        loop="uvloop",
        http="httptools",
        ws="none",
    )
    uvicorn.Server(config).run(sockets=[_listen(settings)])


def _listen(settings: Settings) -> socket.socket:
    """Several API processes may share the port: the kernel spreads the connections."""
    # Named as TCP, or asyncio does not switch Nagle's delay off.
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if settings.apis > 1:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind((settings.host, settings.port))
    return listener
