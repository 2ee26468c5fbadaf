"""`guantong drift`: what vendors have changed in their messages, and accepting it."""

from typing import Annotated, Any

import typer
from rich.markup import escape

from flows import drift
from flows.drift import NoSuchFinding
from hub.bootstrap import Hub
from hub.commands.terminal import AsJson, errors, print_json, screen, with_hub
from hub.publishing import somebody
from hub.screens import CHINA
from hub.table import Table

app = typer.Typer(add_completion=False, help="对方报文的变化：新字段、改名、换类型、未知选项")


@app.callback(invoke_without_command=True)
def drift_found(
    context: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="连同已接受的")] = False,
    as_json: AsJson = False,
) -> None:
    """对方的报文变了什么，碰到哪些映射，有多少条在等."""
    if context.invoked_subcommand is not None:
        return

    async def look(hub: Hub) -> list[dict[str, Any]]:
        async with hub.store.transaction() as uow:
            return [drift.shown_finding(row) for row in await uow.drift.listed(open_only=not every)]

    found = with_hub(look)
    if as_json:
        print_json(found)
    elif not found:
        screen.print("没有发现变化 (no drift)")
    else:
        _show(found)


def _show(found: list[dict[str, Any]]) -> None:
    table = Table(
        "编号", "连接", "报文", "变化", "碰到的映射", "条数", "在等", "首次", title="报文变化 drift"
    )
    for each in found:
        words = escape(each["text"]) + (" [green]已接受[/green]" if each["accepted_at"] else "")
        table.add_row(
            str(each["id"]),
            each["connection"],
            each["kind"],
            words,
            "、".join(each["mappings"]) or "—",
            str(each["count"]),
            f"[red]{each['held']}[/red]" if each["held"] else "",
            f"{each['first_at'].astimezone(CHINA):%m-%d %H:%M} #{each['inbox_id']}",
        )
    screen.print(table)
    screen.print("改好映射后，或无须改时 (then): guantong drift accept 编号")


@app.command("accept")
def accept(
    numbers: Annotated[list[int], typer.Argument(help="编号，可多个")],
    by: Annotated[str | None, typer.Option(help="谁做的；不给则取系统用户名")] = None,
    as_json: AsJson = False,
) -> None:
    """接受变化：今后的报文照此为准，等着的随即继续."""

    async def put(hub: Hub) -> dict[int, int]:
        async with hub.store.transaction() as uow:
            return {each: await drift.accept(uow, each, by=by or somebody()) for each in numbers}

    try:
        released = with_hub(put)
    except NoSuchFinding as error:
        errors.print(f"[red]没有完成[/red] {escape(str(error))}")
        raise typer.Exit(1) from error
    if as_json:
        print_json({"accepted": numbers, "released": sum(released.values())})
    else:
        screen.print(f"[green]已接受[/green] {len(numbers)} 项，放行 {sum(released.values())} 条 (released)")
