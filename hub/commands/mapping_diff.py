"""`guantong mappings diff A B --last 1000`."""

from collections.abc import Mapping
from contextlib import nullcontext
from typing import Annotated, Any

import typer
from rich.markup import escape

from hub.bootstrap import Hub
from hub.commands.terminal import AsJson, print_json, screen, with_hub
from hub.mapping_references import name_of, resolve
from hub.table import Table
from mappings import both_ways

app = typer.Typer(add_completion=False)

SHOWN = 60


@app.command("diff")
def diff_mappings(
    before: Annotated[str, typer.Argument(help="文件、shipped、live 或版本，如 kingdee.receivable@v3")],
    after: Annotated[str, typer.Argument(help="同上；多半是改好的文件")],
    last: Annotated[int, typer.Option(min=1, max=100_000, help="最近多少条收件、多少次投递")] = 1000,
    mapping: Annotated[str | None, typer.Option(help="映射名；文件里有时不必给")] = None,
    connection: Annotated[str | None, typer.Option(help="只看这个连接，用它自己的版本")] = None,
    as_json: AsJson = False,
) -> None:
    """新旧两版各跑最近的真实数据，逐字段列出差别；不发送，也不改变什么."""
    from hub.mapping_diff import MappingDiff, compare
    from hub.reruns import Reruns, recent

    name = name_of(before, after, given=mapping)

    async def run(hub: Hub) -> MappingDiff:
        async with hub.store.transaction() as uow:
            old = await resolve(uow, before, name, connection)
            new = await resolve(uow, after, name, connection)
            configured = await uow.connections.all()
            tables = both_ways(await uow.codes.all())
        reruns = Reruns(hub, configured)
        records = await recent(hub, reruns, name, last=last, connection=connection)
        found = compare(old, new, records, tables=tables)
        found.skipped = reruns.skipped
        return found

    with nullcontext() if as_json else screen.status("再跑一遍最近的数据…"):
        found = with_hub(run, connected=False).as_json()
    if as_json:
        print_json(found)
    else:
        _show(found)


def _show(found: Mapping[str, Any]) -> None:
    screen.print(
        f"[bold]{escape(found['before'])} → {escape(found['after'])}[/bold]：{found['records']} 条记录，"
        f"{found['changed_records']} 条有变化 ({found['changed_records']} of {found['records']} change)"
    )
    _table("字段变化 changed fields", found["fields"])
    _table("新增问题 new problems", found["new_problems"])
    _table("消除的问题 resolved problems", found["resolved_problems"])
    for reason, count in found["skipped"].items():
        screen.print(f"[yellow]{count} 条没有比较 (not compared)[/yellow]：{escape(reason)}")


def _table(title: str, changes: list[Mapping[str, Any]]) -> None:
    if not changes:
        return
    table = Table("字段", "条数", "例", "之前", "之后", title=title)
    for change in changes:
        example = change["examples"][0]
        sides = [_value(example[side]) for side in ("before", "after")]
        table.add_row(escape(change["name"]), str(change["records"]), escape(example["subject"]), *sides)
    screen.print(table)


def _value(value: object) -> str:
    return "[dim]—[/dim]" if value is None else escape(str(value)[:SHOWN])
