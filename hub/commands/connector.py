"""`guantong connector new NAME`."""

from pathlib import Path
from typing import Annotated

import typer

from hub.commands.terminal import screen
from hub.new_connector import new_connector

app = typer.Typer(add_completion=False, no_args_is_help=True, help="连接器：新建")


@app.callback()
def connector() -> None:
    """A group, though it has one command as yet."""


@app.command("new")
def connector_new(
    name: Annotated[str, typer.Argument(help="小写字母、数字、下划线，例如 inspur_gs")],
    root: Annotated[Path, typer.Option(help="项目目录")] = Path(),
) -> None:
    """写出一个新连接器的骨架：连接器、沙箱、映射、测试、认证描述，测试即过."""
    for path in new_connector(name, root):
        screen.print(f"  {path}")
    screen.print(f"下一步 (next): pytest tests/connectors/{name} && guantong certify {name}")
