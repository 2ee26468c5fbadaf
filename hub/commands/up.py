"""`guantong up`."""

import typer

from hub.commands.terminal import screen
from hub.settings import Settings
from hub.up import run_up

app = typer.Typer(add_completion=False)


@app.command()
def up() -> None:
    """启动一切：内嵌数据库、接口、工作进程、沙箱（一个进程树，Ctrl-C 停止）."""
    run_up(Settings(), screen)
