"""`guantong mappings versions | publish | rollback`: which mapping is in force, and since when."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from crm_store.mapping_versions import SHIPPED
from hub.bootstrap import Hub
from hub.commands.terminal import AsJson, print_json, screen, show_findings, with_hub
from hub.publishing import Published, publish, read_mapping, roll_back, somebody, versions_of
from hub.screens import CHINA
from hub.table import Table

app = typer.Typer(add_completion=False)

Connection = Annotated[
    str | None, typer.Option(help="只用于这个连接；不给则用于全部 (one connection; without it, all)")
]
By = Annotated[str | None, typer.Option(help="谁做的；不给则取系统用户名 (who, for the record)")]
Note = Annotated[str, typer.Option(help="为什么 (why, for the record)")]


@app.command("versions")
def mapping_versions(
    name: Annotated[str | None, typer.Argument(help="映射名；不给则全部")] = None,
    as_json: AsJson = False,
) -> None:
    """已发布的版本，哪个在用，谁在何时切换过."""

    async def look(hub: Hub) -> dict[str, Any]:
        async with hub.store.transaction() as uow:
            return await versions_of(uow, name)

    found = with_hub(look)
    if as_json:
        print_json(found)
    elif not found["versions"]:
        screen.print("没有发布过映射，都用随程序的版本 (nothing published: the shipped files are live)")
    else:
        _show_versions(found)


def _show_versions(found: dict[str, Any]) -> None:
    table = Table("映射", "版本", "生效", "发布于", "谁", "说明", title="已发布的版本 versions")
    for each in found["versions"]:
        table.add_row(
            each["name"],
            each["version"],
            "[green]✓[/green]" if each["live"] else "",
            f"{each['published_at'].astimezone(CHINA):%Y-%m-%d %H:%M}",
            escape(each["published_by"]),
            escape(each["note"]),
        )
    screen.print(table)
    history = Table("时间", "映射", "连接", "切到", "谁", "说明", title="切换记录 switches")
    for each in found["switches"]:
        moment = f"{each['at'].astimezone(CHINA):%Y-%m-%d %H:%M:%S}"
        where = each["connection"] or "全部 all"
        history.add_row(moment, each["name"], where, each["label"], escape(each["by"]), escape(each["note"]))
    screen.print(history)


@app.command("publish")
def publish_mapping(
    file: Annotated[Path, typer.Argument(help="映射文件；它的样例放在旁边")],
    connection: Connection = None,
    note: Note = "",
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """发布一个映射：检查无误、样例全过才可以；两秒内生效，无需重启."""
    content = read_mapping(file)

    async def put(hub: Hub) -> Published:
        async with hub.store.transaction() as uow:
            return await publish(
                uow, content, file=str(file), connection=connection, by=by or somebody(), note=note
            )

    version, new, warnings = with_hub(put)
    if as_json:
        told = {"version": version.label, "new": new, "warnings": [asdict(each) for each in warnings]}
        print_json(asdict(version) | told)
        return
    show_findings(warnings)
    if new:
        screen.print(f"[green]已发布[/green] {version.name}@{version.label}，两秒内生效 (live within 2 s)")
    else:
        screen.print(f"{version.name}@{version.label} 已是这个内容，没有变化 (unchanged)")


@app.command("rollback")
def roll_back_mapping(
    name: Annotated[str, typer.Argument(help="映射名，例如 kingdee.receivable")],
    connection: Connection = None,
    to: Annotated[str | None, typer.Option(help=f"v2 或 {SHIPPED}；不给则退到前一版")] = None,
    note: Note = "",
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """让较早的版本重新生效；没有版本被删除，退回也记录在案."""

    async def put_back(hub: Hub) -> tuple[str, str]:
        async with hub.store.transaction() as uow:
            return await roll_back(uow, name, connection=connection, to=to, by=by or somebody(), note=note)

    before, after = with_hub(put_back)
    if as_json:
        print_json({"name": name, "connection": connection, "before": before, "after": after})
    else:
        screen.print(f"[green]已回退[/green] {name}：{before} → {after}，两秒内生效 (live within 2 s)")
