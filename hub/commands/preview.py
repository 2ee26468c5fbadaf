"""`guantong mappings preview`."""

from typing import Annotated

import typer
from rich.markup import escape

from hub.bootstrap import Hub
from hub.commands.terminal import AsJson, errors, print_json, screen, with_hub
from hub.preview import Call, NoPreview, Preview, preview

app = typer.Typer(add_completion=False)


@app.command("preview")
def preview_record(
    record: Annotated[str, typer.Argument(help="应收、收款、合同的编号，或客户编码")],
    connection: Annotated[str | None, typer.Option(help="发往别的连接会怎样 (as if it went there)")] = None,
    draft: Annotated[
        str | None, typer.Option("--mapping", help="用这个文件或版本代替生效的映射 (a draft)")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """将要发出的逐字节内容，由沙箱检查；不发给真正的对方，也不写入."""
    if not _show_preview(record, connection, draft, as_json=as_json):
        raise typer.Exit(1)


def _show_preview(record: str, connection: str | None, draft: str | None, *, as_json: bool) -> bool:
    """Whether the stand-in accepted it."""

    async def play(hub: Hub) -> Preview:
        return await preview(hub, record, connection=connection, draft=draft)

    try:
        found = with_hub(play)
    except NoPreview as error:
        errors.print(f"[red]{escape(str(error))}[/red]")
        return False
    if as_json:
        print_json(found.as_json())
    else:
        _show(found)
    return found.accepted


def _show(found: Preview) -> None:
    screen.print(f"[bold]{escape(found.record)}[/bold] → {found.connection}（{escape(found.address)}）")
    screen.print(f"映射 {'、'.join(found.mappings) or '—'}；地址与凭据是替身的 (the stand-in's own)")
    for call in found.calls:
        _show_call(call)
    if found.accepted:
        screen.print(f"[green]替身接受 (accepted)[/green] {escape(found.verdict)}")
        return
    where = "" if found.step == found.record else f"，在它所依赖的 {escape(found.step)}"
    screen.print(f"[red]不接受 (refused){where}[/red]：{escape(found.verdict)}")


def _show_call(call: Call) -> None:
    line = f"{call.method} {escape(call.path)}"
    if not call.writes:
        screen.print(f"[dim]{line}  查询 (reads)[/dim]", soft_wrap=True)
        return
    headers = (f"{name}: {escape(value)}" for name, value in call.headers.items())
    for text in (
        f"[bold]{line}[/bold]",
        *headers,
        escape(call.body),
        f"← {call.status} {escape(call.reply)}",
    ):
        screen.print(text, soft_wrap=True)
