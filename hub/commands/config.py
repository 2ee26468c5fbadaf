"""`guantong config export | plan | apply`: the configuration as files in git, and as the database has it."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from crm_store import UnitOfWork
from domain.faults import Misconfigured
from hub.bootstrap import Hub
from hub.commands.terminal import AsJson, print_json, screen, show_findings, with_hub
from hub.configuration_files import other_rules, read_folder, write_folder
from hub.configuration_plan import SECTIONS, Change, Plan, State
from hub.configuration_state import apply, planned, stored
from hub.publishing import somebody
from hub.table import Table
from mappings import Finding

SHOWN_FIELDS = 12
SHOWN = 70
WORDS: Mapping[str, str] = {
    "create": "[green]＋ 新建[/green]",
    "change": "[yellow]～ 修改[/yellow]",
    "delete": "[red]－ 删除[/red]",
}

app = typer.Typer(add_completion=False, no_args_is_help=True, help="配置：导出成文件、比较、应用")

Folder = Annotated[Path, typer.Argument(help="配置目录，多半是一个 git 仓库")]


@app.command("export")
def export(folder: Folder, as_json: AsJson = False) -> None:
    """把连接（不含密钥）、对照表、已发布的映射和规则写成文件."""

    async def write(hub: Hub) -> list[Path]:
        async with hub.store.transaction() as uow:
            state = await stored(uow)
        return write_folder(folder, state, rules=hub.settings.config)

    written = [str(path) for path in with_hub(write)]
    if as_json:
        print_json({"folder": str(folder), "files": written})
    else:
        screen.print(f"已写出 {len(written)} 个文件到 {folder}；密钥不在其中 (no secret is in them)")


@app.command("plan")
def show_plan(folder: Folder, as_json: AsJson = False) -> None:
    """文件与数据库有何不同，用平常话说；什么也不改变."""

    async def compare(hub: Hub) -> Plan:
        async with hub.store.transaction() as uow:
            return (await _compare(hub, uow, folder))[1]

    found = with_hub(compare)
    if as_json:
        print_json(found.as_json())
    else:
        _show(found)


@app.command("apply")
def apply_folder(
    folder: Folder,
    yes: Annotated[bool, typer.Option("--yes", help="有破坏性的步骤也不问")] = False,
    expect: Annotated[str | None, typer.Option(help="批准过的 plan 的 digest；不同就不做")] = None,
    by: Annotated[str | None, typer.Option(help="谁做的；不给则取系统用户名 (who, for the record)")] = None,
    as_json: AsJson = False,
) -> None:
    """让数据库与文件一致：一个事务，要么全成，要么不改；破坏性的先问."""

    async def run(hub: Hub) -> tuple[Plan, list[Finding] | None]:
        async with hub.store.transaction() as uow:
            wanted, found = await _compare(hub, uow, folder)
        if expect is not None and found.digest != expect:
            raise Misconfigured(
                f"现在的 plan 是 {found.digest}，不是批准过的 {expect} (not the approved plan)"
            )
        if not as_json:
            _show(found)
        if not found.changes or not _agreed(found, yes=yes, ask=not as_json):
            return found, None
        return found, await hub.store.run(lambda uow: apply(uow, wanted, found, by=by or somebody()))

    found, warnings = with_hub(run)
    applied = warnings is not None
    if as_json:
        told = {"applied": applied, "warnings": [asdict(each) for each in warnings or ()]}
        print_json(found.as_json() | told)
    elif applied:
        show_findings(warnings or ())
        screen.print(f"[green]已应用 {len(found.changes)} 项[/green]，两秒内生效 (applied, live within 2 s)")
    if found.changes and not applied:
        raise typer.Exit(1)


async def _compare(hub: Hub, uow: UnitOfWork, folder: Path) -> tuple[State, Plan]:
    found = await stored(uow)
    wanted = read_folder(folder, found)
    notes = [
        f"{name} 与正在使用的 {hub.settings.config / name} 不同：它不在数据库里，把 GUANTONG_CONFIG 指向"
        f" {folder} 并重启 (not applied: point GUANTONG_CONFIG to the folder and restart)"
        for name in other_rules(folder, hub.settings.config)
    ]
    for change in planned(wanted, found).changes:
        if (change.section, change.action) == ("connections", "delete"):
            left = await uow.deliveries.unfinished(change.name)
            if left:
                notes.append(
                    f"{change.name} 还有 {left} 次投递没有完成，停用后不会再发 (unfinished deliveries)"
                )
    return wanted, planned(wanted, found, tuple(notes))


def _agreed(found: Plan, *, yes: bool, ask: bool) -> bool:
    if yes or not found.destructive:
        return True
    return ask and typer.confirm("有删除或替换，确定吗？(some steps are destructive, go on?)")


def _show(found: Plan) -> None:
    if not found.changes:
        screen.print("[green]文件与数据库一致 (no difference)[/green]")
    for change in found.changes:
        screen.print(f"{WORDS[change.action]} {SECTIONS[change.section]} [bold]{escape(change.name)}[/bold]")
        if change.fields:
            screen.print(_fields(change))
        for note in change.notes:
            screen.print(f"    {escape(note)}")
    for note in found.notes:
        screen.print(f"[yellow]注意[/yellow] {escape(note)}")
    if found.changes:
        screen.print(f"共 {len(found.changes)} 项 ({len(found.changes)} changes), digest {found.digest}")


def _fields(change: Change) -> Table:
    table = Table("字段", "之前", "之后", show_edge=False, pad_edge=False)
    for each in change.fields[:SHOWN_FIELDS]:
        table.add_row(escape(each.field), _value(each.before), _value(each.after))
    more = len(change.fields) - SHOWN_FIELDS
    if more > 0:
        table.add_row(f"… 还有 {more} 项 (and {more} more)", "", "")
    return table


def _value(value: object) -> str:
    if value is None:
        return "[dim]—[/dim]"
    written = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return escape(written[:SHOWN])
