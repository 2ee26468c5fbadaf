"""`guantong sandbox NAME`."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from hub.commands.terminal import AsJson, errors, screen
from hub.table import Table
from sandboxes.run import available, run_sandboxes

app = typer.Typer(add_completion=False)


@app.command()
def sandbox(
    name: Annotated[str, typer.Argument(help=" / ".join(available()))],
    port: Annotated[int, typer.Option(help="0：任意空闲端口")] = 0,
    data: Annotated[Path | None, typer.Option(help="账本存放目录；不给则只在内存")] = None,
    as_json: AsJson = False,
) -> None:
    """单独启动一个沙箱，打印地址与（虚构的）凭据."""
    if name not in available():
        errors.print(f"[red]没有沙箱 {name}[/red]，可用：{', '.join(sorted(available()))}")
        raise typer.Exit(2)

    def tell(running: Any) -> None:
        about = {"name": running.name, "address": running.address, "credentials": running.credentials()}
        if as_json:
            print(json.dumps(about, ensure_ascii=False), flush=True)  # noqa: T201
            return
        table = Table("项", "值", title=f"沙箱 {running.name}")
        table.add_row("地址 address", running.address)
        for key, value in running.credentials().items():
            table.add_row(key, str(value))
        screen.print(table)
        screen.print(f"控制接口 control: {running.address}/_sandbox/  ·  Ctrl-C 停止")

    run_sandboxes([(name, port)], data=data, tell=tell)
