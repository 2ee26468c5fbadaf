"""`guantong trace | replay | reconcile`: what became of the work, and once more."""

from typing import Annotated, Any

import typer

from flows import reconciliation
from hub.bootstrap import Hub
from hub.commands.terminal import AsJson, errors, print_json, screen, with_hub
from hub.reports import trace_contract
from hub.screens import show_disagreements, show_trace

app = typer.Typer(add_completion=False)


@app.command()
def trace(contract: str, as_json: AsJson = False) -> None:
    """一份合同从线索到核销的整条链，每一环带原始证据."""

    async def look(hub: Hub) -> dict[str, Any] | None:
        async with hub.store.transaction() as uow:
            return await trace_contract(uow, contract)

    found = with_hub(look)
    if found is None:
        errors.print(f"[red]没有合同 {contract}[/red] (no such contract)")
        raise typer.Exit(1)
    if as_json:
        print_json(found)
    else:
        show_trace(found, screen)


@app.command()
def replay(
    what: Annotated[str, typer.Argument(help="inbox（收件）或 deliveries（投递）")],
    key: Annotated[str | None, typer.Option(help="一条：收件编号或投递的键")] = None,
    connection: Annotated[str | None, typer.Option(help="一个连接的全部")] = None,
    as_json: AsJson = False,
) -> None:
    """重放停放的收件或失败的投递；投递会先到对方查找，再决定是否重做."""
    if what not in ("inbox", "deliveries"):
        errors.print("[red]只能是 inbox 或 deliveries[/red]")
        raise typer.Exit(2)

    async def again(hub: Hub) -> int:
        async with hub.store.transaction() as uow:
            if what == "inbox":
                number = _number(key)
                return len(await uow.inbox.replay(message_id=number, connection=connection))
            return len(await uow.deliveries.replay(key=key, connection=connection))

    count = with_hub(again)
    if as_json:
        print_json({"replayed": count})
    else:
        screen.print(f"已重新排队 {count} 条；运行中的工作进程会处理 (queued for a running worker)")


def _number(key: str | None) -> int | None:
    if key is not None and not key.isdigit():
        raise typer.BadParameter("收件编号是数字，见 /api/inbox (a number)", param_hint="--key")
    return int(key) if key else None


@app.command()
def reconcile(as_json: AsJson = False) -> None:
    """对账：本系统、电子签、ERP、银行各自怎么说."""

    async def compare(hub: Hub) -> list[dict[str, Any]]:
        await reconciliation.reconcile(hub.context)
        async with hub.store.transaction() as uow:
            return [dict(row) for row in await uow.open_items.disagreements()]

    found = with_hub(compare)
    if as_json:
        print_json(found)
    else:
        show_disagreements(found, screen)
    if found:
        raise typer.Exit(1)
