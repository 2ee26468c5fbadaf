"""`guantong certify`."""

from typing import Annotated

import typer

from hub import certify as certification
from hub.commands.terminal import AsJson, errors, print_json, screen

app = typer.Typer(add_completion=False)


@app.command()
def certify(
    name: Annotated[str | None, typer.Argument(help="连接器，例如 kingdee")] = None,
    against: Annotated[str | None, typer.Option(help="正在运行的沙箱地址；不给则自动启动一个")] = None,
    every: Annotated[bool, typer.Option("--all", help="认证所有连接器")] = False,
    write: Annotated[bool, typer.Option("--write", help="把结果写进 docs/connectors.md")] = False,
    seeds: Annotated[int, typer.Option(min=1, help="边读边变的清单试多少遍")] = 30,
    as_json: AsJson = False,
) -> None:
    """认证连接器：同一套检查，对着沙箱和它的故障；评出铜、银、金."""
    if every == bool(name) or (write and not every):
        errors.print("[red]给一个连接器的名字，或 --all；--write 须与 --all 同用[/red]")
        raise typer.Exit(2)
    reports = []
    for bench in certification.chosen(name):
        reports.append(certification.certify_one(bench, against=against, seeds=seeds))
        if not as_json:
            certification.show(reports[-1], screen)
    if as_json:
        print_json([report.as_json() for report in reports])
    if write:
        certification.PAGE.write_text(certification.page_of(reports), encoding="utf-8")
    if any(report.of("failed") for report in reports):
        raise typer.Exit(1)
