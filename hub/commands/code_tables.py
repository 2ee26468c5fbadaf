"""`guantong codes …`: code tables, and the decisions that records wait for."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from crm_store import UnitOfWork
from crm_store.code_tables import OWNERS, NoSuchCode, Owner
from domain.ports import ArchiveKind
from flows import code_suggestions, code_tables
from flows.code_suggestions import Suggestion
from flows.code_tables import Decided
from hub.bootstrap import Hub
from hub.code_files import csv_text, read_codes, write_codes
from hub.commands.terminal import AsJson, errors, print_json, screen, with_hub
from hub.publishing import somebody
from hub.screens import CHINA
from hub.table import Table

app = typer.Typer(add_completion=False, no_args_is_help=True, help="对照表：导入、导出、历史、缺失的编码")

T = TypeVar("T")
SHOWN = 20

TableName = Annotated[str, typer.Argument(help="对照表，例如 kingdee_material")]
By = Annotated[str | None, typer.Option(help="谁做的；不给则取系统用户名 (who, for the record)")]
Key = Annotated[str, typer.Argument(help="我们的键，例如商品编号")]
Connection = Annotated[str, typer.Option("--from", help="从哪个连接的档案 (whose archives)")]


@app.command("list")
def list_tables(as_json: AsJson = False) -> None:
    """所有对照表：归谁管、多少行、缺多少."""
    found = _in_store(lambda uow: uow.codes.listed())
    if as_json:
        print_json([dict(row) for row in found])
        return
    if not found:
        screen.print("还没有对照表 (no code tables yet)。guantong codes define 新建一张")
        return
    shown = Table("对照表", "名称", "归谁", "行数", "缺失", title="对照表 code tables")
    for row in found:
        missing = f"[red]{row['misses']}[/red]" if row["misses"] else ""
        shown.add_row(row["name"], escape(row["title"]), row["owner"], str(row["rows"]), missing)
    screen.print(shown)


@app.command("define")
def define(
    table: TableName,
    title: Annotated[str | None, typer.Option(help="给人看的名称")] = None,
    owner: Annotated[str | None, typer.Option(help="、".join(OWNERS))] = None,
) -> None:
    """新建一张对照表，或改它的名称、归属；缺编码时的任务派给归属."""
    given = _owner(owner)
    _in_store(lambda uow: uow.codes.define(table, title=title, owner=given))
    screen.print(f"[green]已保存[/green] {table}")


def _owner(text: str | None) -> Owner | None:
    found = next((owner for owner in OWNERS if owner == text), None)
    if text is not None and found is None:
        raise typer.BadParameter(f"只能是 {'、'.join(OWNERS)} (one of these)", param_hint="--owner")
    return found


@app.command("import")
def import_file(
    table: TableName,
    file: Annotated[Path, typer.Argument(help=".csv（UTF-8、GBK）或 .xlsx；第一行是列名")],
    key: Annotated[str | None, typer.Option(help="哪一列是我们的键；只有两列时不必给")] = None,
    value: Annotated[str | None, typer.Option(help="哪一列是对方的编码")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只看会改什么，不写")] = False,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """导入一张对照表：有一行不对就一行也不写；表里其余的行不动."""
    with _advancing(f"读取 {file.name}") as read:
        rows = read_codes(file, key=key, value=value, progress=read).rows
    if dry_run:
        difference = _in_store(lambda uow: uow.codes.compare(table, rows))
        _show(table, Decided(difference, 0, 0), as_json=as_json, written=False)
        return
    with _advancing(f"写入 {table}", len(rows)) as wrote:
        decided = _in_store(
            lambda uow: code_tables.write_codes(uow, table, rows, by=by or somebody(), progress=wrote)
        )
    _show(table, decided, as_json=as_json)


@contextmanager
def _advancing(what: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, console=errors, transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda count: bar.advance(task, count)


@app.command("export")
def export(
    table: TableName,
    file: Annotated[Path | None, typer.Argument(help=".csv 或 .xlsx；不给则打印 CSV")] = None,
) -> None:
    """导出一张对照表；导出的文件可以改了再导入."""
    rows = _in_store(lambda uow: uow.codes.rows(table))
    if file is None:
        print(csv_text(rows), end="")  # noqa: T201
        return
    write_codes(file, rows)
    screen.print(f"已导出 {len(rows)} 行到 {file}")


@app.command("decide")
@app.command("set")
def put(
    table: TableName,
    key: Key,
    value: Annotated[str, typer.Argument(help="对方的编码")],
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """决定一个键的编码；等它的收件和投递随即继续."""
    if not (key.strip() and value.strip()):
        raise typer.BadParameter("键和编码都不能为空 (neither may be empty)")
    decided = _in_store(lambda uow: code_tables.write_codes(uow, table, {key: value}, by=by or somebody()))
    _show(table, decided, as_json=as_json)


@app.command("remove")
def remove(table: TableName, key: Key, by: By = None) -> None:
    """删掉一行；历史还在，可用 restore 找回."""
    if not _in_store(lambda uow: uow.codes.remove(table, key, by=by or somebody())):
        errors.print(f"[red]对照表 {table} 没有“{escape(key)}”[/red] (no such row)")
        raise typer.Exit(1)
    screen.print(f"[green]已删除[/green] {table} / {escape(key)}")


@app.command("history")
def history(
    table: TableName,
    key: Annotated[str | None, typer.Argument(help="只看这个键")] = None,
    limit: Annotated[int, typer.Option(min=1, help="最多多少条")] = 50,
    as_json: AsJson = False,
) -> None:
    """谁在什么时候把哪一行从什么改成了什么."""
    changes = _in_store(lambda uow: uow.codes.history(table, key, limit=limit))
    if as_json:
        print_json([asdict(each) for each in changes])
        return
    shown = Table("改动", "时间", "谁", "键", "改前", "改后", title=f"{table} 的历史 history")
    for each in changes:
        texts = [escape(text or "—") for text in (each.by, each.key, each.before, each.after)]
        shown.add_row(str(each.id), f"{each.at.astimezone(CHINA):%Y-%m-%d %H:%M:%S}", *texts)
    screen.print(shown)


@app.command("restore")
def restore(
    table: TableName,
    key: Key,
    change: Annotated[int | None, typer.Option(help="哪次改动之前的值，见 history；不给则最近一次")] = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """把一行改回某次改动之前的值；这本身也记入历史."""
    try:
        decided = _in_store(
            lambda uow: code_tables.put_back(uow, table, key, change=change, by=by or somebody())
        )
    except NoSuchCode as error:
        errors.print(f"[red]没有完成[/red] {escape(str(error))}")
        raise typer.Exit(1) from error
    _show(table, decided, as_json=as_json)


@app.command("misses")
def misses(
    table: Annotated[str | None, typer.Argument(help="只看这张表")] = None,
    as_json: AsJson = False,
) -> None:
    """等人决定的编码：每个有多少收件和投递在等，表里有没有相近的."""

    async def look(uow: UnitOfWork) -> list[dict[str, Any]]:
        rows = await uow.codes.all()
        return [code_suggestions.shown_miss(row, rows) for row in await uow.misses.listed(table)]

    found = _in_store(look)
    if as_json:
        print_json(found)
        return
    shown = Table("对照表", "键", "收件", "投递", "首次", "例子", "相近的行", title="等待决定的编码 misses")
    for each in found:
        alike = "、".join(f"{key} → {code}" for key, code in each["similar"].items())
        texts = [escape(text) for text in (each["table"], each["key"])]
        first = f"{each['first_at'].astimezone(CHINA):%m-%d %H:%M}"
        counts = str(each["messages"]), str(each["deliveries"])
        shown.add_row(
            *texts, *counts, first, escape(f"{each['connection']} {each['subject']}"), escape(alike)
        )
    screen.print(shown)
    if found:
        screen.print("决定 (decide): guantong codes decide 表 键 编码")


@app.command("fill")
def fill(
    table: TableName,
    connection: Connection,
    kind: Annotated[str | None, typer.Option(help="、".join(code_suggestions.KINDS))] = None,
    write: Annotated[bool, typer.Option("--write", help="写入唯一对上的；不给则只显示")] = False,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """从对方的档案找编码：编码或名称全同才算；不止一个的由人决定."""
    chosen = _kind(kind)

    async def look(hub: Hub) -> tuple[list[Suggestion], Decided | None]:
        found = await code_suggestions.from_archive(hub.context, table, connection, kind=chosen)
        if not write:
            return found, None
        rows = {each.key: each.entries[0].code for each in found if each.certain}
        who = by or f"{somebody()} ← {connection}"
        return found, await hub.store.run(lambda uow: code_tables.write_codes(uow, table, rows, by=who))

    found, decided = with_hub(look)
    if as_json:
        shown = [asdict(each) | {"certain": each.certain, "conflicting": each.conflicting} for each in found]
        print_json({"suggestions": shown} | (decided.as_json() if decided else {}))
        return
    _show_suggestions(found, table)
    if decided:
        _show(table, decided, as_json=False)
    elif any(each.certain for each in found):
        screen.print("“唯一”的可以写入：加上 --write (add --write)")


def _kind(text: str | None) -> ArchiveKind | None:
    found = next((kind for kind in code_suggestions.KINDS if kind == text), None)
    if text is not None and found is None:
        raise typer.BadParameter(f"只能是 {'、'.join(code_suggestions.KINDS)}", param_hint="--kind")
    return found


def _show_suggestions(found: Sequence[Suggestion], table: str) -> None:
    shown = Table("键", "我们的名称", "现在", "档案里", "", title=f"{table} 与档案 archive")
    for each in found:
        if not (each.certain or each.conflicting):
            continue
        entries = "、".join(f"{entry.code} {entry.name}" for entry in each.entries)
        word = "[red]由人决定[/red]" if each.conflicting else "[green]唯一[/green]"
        shown.add_row(*map(escape, (each.key, "、".join(each.names), each.code or "", entries)), word)
    screen.print(shown)


def _show(table: str, decided: Decided, *, as_json: bool, written: bool = True) -> None:
    if as_json:
        print_json({"table": table, "written": written} | decided.as_json())
        return
    difference = decided.difference
    for key, value in list(difference.added.items())[:SHOWN]:
        screen.print(f"[green]+[/green] {escape(key)} → {escape(value)}")
    for key, (before, after) in list(difference.changed.items())[:SHOWN]:
        screen.print(f"[yellow]~[/yellow] {escape(key)}: {escape(before)} → {escape(after)}")
    counts = f"新增 {len(difference.added)}，改动 {len(difference.changed)}，不变 {difference.unchanged}"
    screen.print(f"{'已写入' if written else '将写入'} {table}：{counts} (added, changed, unchanged)")
    if decided.messages or decided.deliveries:
        screen.print(f"[green]放行[/green] 收件 {decided.messages}，投递 {decided.deliveries} (released)")


def _in_store(work: Callable[[UnitOfWork], Awaitable[T]]) -> T:
    return with_hub(lambda hub: hub.store.run(work))
