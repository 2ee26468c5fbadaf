"""`guantong backfill CONNECTION --from DATE --to DATE`, and what steers one that is under way."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from typer.core import TyperGroup

from crm_store.rows import Row
from hub import backfill
from hub.backfill import CHINA, Act
from hub.bootstrap import Hub
from hub.commands.terminal import AsJson, errors, print_json, screen, with_hub
from hub.table import Table

START = "start"
OVER = ("done", "failed", "paused", "cancelled")
LOOK_EVERY = 0.5
COLOURS = {"running": "cyan", "done": "green", "failed": "red", "paused": "yellow", "cancelled": "dim"}

Number = Annotated[int, typer.Argument(help="编号，见 guantong backfill list")]


class _Group(TyperGroup):
    """What is no command is the name of a connection."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        known = not args or args[0] in self.commands or args[0].startswith("-")
        return super().resolve_command(ctx, args if known else [START, *args])


app = typer.Typer(
    cls=_Group,
    add_completion=False,
    no_args_is_help=True,
    help="补拉一段过去的数据：guantong backfill 连接 --from 日期 --to 日期",
)


@app.command(START, hidden=True)
def start(
    connection: Annotated[str, typer.Argument(help="连接，例如 douyin-main")],
    first: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="第一天（北京时间）")],
    last: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="最后一天，含当天")],
    kind: Annotated[str, typer.Option(help="、".join(backfill.KINDS))] = "leads",
    follow: Annotated[bool, typer.Option("--follow", help="看着进度直到结束")] = False,
    as_json: AsJson = False,
) -> None:
    """补拉一段过去的数据；由运行中的工作进程分窗口进行，断了接着来."""
    number = with_hub(lambda hub: backfill.start(hub, connection, kind, first.date(), last.date()))
    if as_json:
        print_json({"id": number})
    else:
        screen.print(f"补拉 {number} 已排队，由工作进程进行；进度：guantong backfill follow {number}")
    if follow:
        follow_to_the_end(number)


@app.command("list")
def listed(as_json: AsJson = False) -> None:
    """所有补拉：范围、到哪了、多少条、状态."""

    async def look(hub: Hub) -> list[dict[str, Any]]:
        async with hub.store.transaction() as uow:
            return [dict(row) for row in await uow.backfills.all()]

    rows = with_hub(look)
    if as_json:
        print_json(rows)
        return
    if not rows:
        screen.print("还没有补拉过 (no backfills yet)")
        return
    table = Table("编号", "连接", "种类", "从", "到", "已到", "%", "读到", "新增", "状态", "原因")
    for row in rows:
        days = [_shown(row[name]) for name in ("since", "until", "reached")]
        counts = [f"{_share(row):.0%}", str(row["seen"]), str(row["added"])]
        state = f"[{COLOURS[row['state']]}]{row['state']}[/]"
        table.add_row(
            str(row["id"]), row["connection"], row["kind"], *days, *counts, state, row["reason"] or ""
        )
    screen.print(table)


@app.command("follow")
def follow_to_the_end(number: Number) -> None:
    """看着一次补拉的进度，直到结束（Ctrl-C 只是不看了）."""

    async def watch(hub: Hub) -> str:
        with Progress(
            TextColumn(f"补拉 {number}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%  {task.fields[said]}"),
            TimeRemainingColumn(),
            console=screen,
        ) as progress:
            bar = progress.add_task("", total=1.0, said="")
            while True:
                row = await _look(hub, number)
                said = f"到 {_shown(row['reached'])}，读到 {row['seen']}，新增 {row['added']}"
                if row["state"] == "running" and row["lease_until"] is None:
                    said += f"，等待工作进程 (waiting for a worker) {row['reason'] or ''}"
                progress.update(bar, completed=_share(row), said=said)
                if row["state"] in OVER:
                    return f"{row['state']} {row['reason'] or ''}".strip()
                await asyncio.sleep(LOOK_EVERY)

    screen.print(with_hub(watch))


def _steering(act: Act, help_text: str, done: str) -> None:
    @app.command(act, help=help_text)
    def steer(number: Number) -> None:
        async def change(hub: Hub) -> bool:
            await _look(hub, number)
            async with hub.store.transaction() as uow:
                return await backfill.steer(uow, number, act)

        if not with_hub(change):
            errors.print(f"[red]补拉 {number} 现在的状态不允许[/red]，见 guantong backfill list")
            raise typer.Exit(1)
        screen.print(f"补拉 {number} {done}")


_steering("pause", "暂停；之后可从原处继续", "已暂停")
_steering("resume", "从停下的地方继续（暂停或失败的）", "继续")
_steering("cancel", "取消；已收进来的留着", "已取消")


async def _look(hub: Hub, number: int) -> Row:
    async with hub.store.transaction() as uow:
        row = await uow.backfills.get(number)
    if row is None:
        errors.print(f"[red]没有补拉 {number}[/red] (no such backfill)")
        raise typer.Exit(1)
    return row


def _share(row: Row | Mapping[str, Any]) -> float:
    return float((row["reached"] - row["since"]) / (row["until"] - row["since"]))


def _shown(moment: datetime) -> str:
    return moment.astimezone(CHINA).strftime("%Y-%m-%d %H:%M")
