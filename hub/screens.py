"""What the command line shows of a trace and of disagreements."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.markup import escape
from rich.tree import Tree

from domain.money import Money
from flows.reconciliation import NAMES
from hub.table import Table

CHINA = ZoneInfo("Asia/Shanghai")
SHOWN = 160


def show_trace(found: Mapping[str, Any], screen: Console) -> None:
    contract = found["contract"]
    tree = Tree(
        f"[bold]合同 {contract['number']}[/bold] {escape(contract['title'])}  "
        f"{_money(contract, 'total_minor')}  [{_colour(contract['state'])}]{contract['state']}[/]"
    )
    tree.add(f"客户 {found['customer']['code']} {escape(found['customer']['name'])}  ERP：{contract['erp']}")
    _lead(tree, found["lead"])
    for flow in found["signing"]:
        branch = tree.add(f"电子签 {flow['key']} → {flow['flow_id']}  {flow['state']}")
        _messages(branch, flow["callbacks"])
        _deliveries(branch, flow["deliveries"])
        if flow["signed_file"]:
            branch.add(f"签署文件 SHA-256 {flow['signed_file']}")
        for act in flow["acts"]:
            _act(branch, act)
    for receivable in found["receivables"]:
        branch = tree.add(
            f"应收 {receivable['number']}  {_money(receivable, 'amount_minor')}  已收 "
            f"{_money(receivable, 'paid_minor')}  已核销 {_money(receivable, 'written_off_minor')}  "
            f"[{_colour(receivable['state'])}]{receivable['state']}[/]  ERP 编号 {receivable['vendor_id']}"
        )
        _deliveries(branch, receivable["deliveries"])
        _read_back(branch, "审核", receivable["verification"])
    for receipt in found["receipts"]:
        _receipt(tree, receipt)
    screen.print(tree)
    screen.print(_timeline(found["timeline"]))


def _act(branch: Tree, act: Mapping[str, Any]) -> None:
    """What was asked of the service, and what came of it."""
    kept = f"证据 SHA-256 {act['file']}" if act["file"] else ""
    result = f"未成：{act['refusal']}" if act["refusal"] else kept
    shown = branch.add(f"{act['act']}  {escape(act['asked_by'])} {_time(act['asked_at'])}  {escape(result)}")
    _deliveries(shown, act["deliveries"])


def _lead(tree: Tree, lead: Mapping[str, Any]) -> None:
    branch = tree.add(f"线索 {lead['connection']}/{lead['vendor_id']}  负责人 {lead['owner']}")
    if lead["message"]:
        _messages(branch, [lead["message"]])
    if lead["assignment"]:
        branch.add(f"分配理由：{escape(lead['assignment']['explanation']['reason_zh'])}")


def _receipt(tree: Tree, receipt: Mapping[str, Any]) -> None:
    line = receipt["bank_line"]["facts"]
    branch = tree.add(
        f"收款 {receipt['number']}  {_money(receipt, 'amount_minor')}  {receipt['state']}  "
        f"{escape(str(line['payer_name']))}「{escape(line['text'])}」流水 {line['bank_reference']}"
    )
    branch.add("匹配理由：" + escape("，".join(receipt["match"]["reasons"])))
    if receipt["statement"]:
        branch.add(f"对账单：收件 {receipt['statement']['id']}，{_time(receipt['statement']['received_at'])}")
    for part in receipt["allocations"]:
        amount = Money.from_minor(part["amount_minor"], receipt["currency"])
        branch.add(f"分配 {amount} → {part['receivable_number']}（{part['decided_by']}）")
    _deliveries(branch, receipt["deliveries"])
    _read_back(branch, "审核", receipt["verification"])
    _read_back(branch, "核销", receipt["write_off"])


def _read_back(branch: Tree, deed: str, exchanges: Sequence[Mapping[str, Any]]) -> None:
    """The last look, which tells that a person has done it, or not yet."""
    for exchange in exchanges[-1:]:
        branch.add(f"[dim]{deed}读回 {_exchange(exchange)}[/dim]")


def _messages(branch: Tree, messages: Sequence[Mapping[str, Any]]) -> None:
    for message in messages:
        branch.add(
            f"收件 {message['id']} {message['kind']}  {_time(message['received_at'])}  {_mapping(message)}"
            f"[dim]{escape(message['body'][:SHOWN])}[/dim]"
        )


def _deliveries(branch: Tree, deliveries: Sequence[Mapping[str, Any]]) -> None:
    for delivery in deliveries:
        node = branch.add(
            f"投递 {delivery['key']}  [{_colour(delivery['state'])}]{delivery['state']}[/]  "
            f"{delivery['attempts']} 次  {_mapping(delivery)}"
            + (escape(delivery["reason"]) if delivery["reason"] else "")
        )
        for exchange in delivery["exchanges"]:
            node.add(f"[dim]{_exchange(exchange)}[/dim]")


def _mapping(row: Mapping[str, Any]) -> str:
    return f"映射 {escape(row['mapping'])}  " if row["mapping"] else ""


def _exchange(exchange: Mapping[str, Any]) -> str:
    answer = exchange["status"] or exchange["outcome"]
    said = escape(" ".join(exchange["reply_body"].split())[:SHOWN])
    took = f"{exchange['milliseconds']} ms"
    return f"{_time(exchange['started_at'])} {exchange['operation']} {answer} {took} {said}"


def _timeline(rows: Sequence[Mapping[str, Any]]) -> Table:
    table = Table("时间", "来源", "事件", title="时间线 timeline")
    for row in rows:
        table.add_row(_time(row["at"]), row["origin"], escape(row["text"]))
    return table


def show_disagreements(rows: Sequence[Mapping[str, Any]], screen: Console) -> None:
    if not rows:
        screen.print("[green]各方一致，没有差异 (everything agrees)[/green]")
        return
    table = Table("种类", "对象", "我方", "对方", "负责", "修复", title="差异 disagreements")
    for row in rows:
        table.add_row(
            f"{NAMES[row['kind']]}\n[dim]{row['kind']}[/dim]",
            row["subject"],
            _evidence(row["ours"]),
            _evidence(row["theirs"]),
            row["owner"],
            row["repair"],
        )
    screen.print(table)


def _evidence(side: Mapping[str, object]) -> str:
    return "\n".join(f"{key}: {value}" for key, value in side.items()) or "—"


def _money(row: Mapping[str, Any], column: str) -> str:
    return str(Money.from_minor(row[column], row["currency"]))


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(CHINA):%m-%d %H:%M:%S}"


def _colour(state: str) -> str:
    if state in ("signed", "fulfilled", "paid", "posted", "done", "written_off"):
        return "green"
    return "red" if state in ("failed", "declined", "expired", "revoked") else "yellow"
