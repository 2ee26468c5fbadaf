"""The command line."""

import asyncio
import importlib
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import structlog
import typer
from pydantic import ValidationError
from rich.table import Table
from sqlalchemy.exc import DBAPIError
from typer.core import TyperGroup

from configuration import ConfigurationError
from crm_store.migrate import OutdatedSchema, check_revision
from crm_store.sealing import WrongKey
from domain.faults import Fault
from hub.bootstrap import Hub
from hub.settings import Settings
from hub.terminal import AsJson, errors, print_json, screen, with_hub


def _mappings() -> typer.Typer:
    for module in ("mappings_commands", "mapping_diff_command", "mapping_tools_commands"):
        importlib.import_module(f"hub.{module}")  # adds its commands to the group
    return _from("hub.mappings_app", "mappings_app")()


def _from(module: str, name: str) -> Callable[[], typer.Typer]:
    def bring() -> typer.Typer:
        found = getattr(importlib.import_module(module), name)
        assert isinstance(found, typer.Typer)
        return found

    return bring


GROUPS: Mapping[str, Callable[[], typer.Typer]] = {
    "mappings": _mappings,
    "config": _from("hub.config_commands", "config_app"),
    "codes": _from("hub.code_tables_commands", "codes_app"),
    "drift": _from("hub.drift_commands", "drift_app"),
    "backfill": _from("hub.backfill_commands", "backfill_app"),
    "contract": _from("hub.contract_commands", "contract_app"),
}


class LateGroups(TyperGroup):
    """Groups whose modules are imported when they are asked for: a worker comes up without them."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [*super().list_commands(ctx), *GROUPS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in GROUPS:
            return super().get_command(ctx, cmd_name)
        command = typer.main.get_command(GROUPS[cmd_name]())
        command.name = cmd_name
        return command


app = typer.Typer(
    cls=LateGroups,
    no_args_is_help=True,
    help="Guantong 贯通：从广告线索到核销的集成中枢",
    add_completion=False,
)
connector_app = typer.Typer(no_args_is_help=True, help="连接器：新建")
app.add_typer(connector_app, name="connector")

SANDBOX_PORTS = {"douyin_leads": 8711, "esign": 8712, "kingdee": 8713, "yonyou_u8": 8714, "bank": 8715}


def main() -> None:
    """Configuration errors are for people: no traceback."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    signal.signal(signal.SIGTERM, _leave_in_order)
    try:
        app()
    except ConfigurationError as error:
        errors.print(f"[red]配置有误[/red] {error}")
        raise SystemExit(2) from error
    except ValidationError as error:
        wrong = "；".join(
            f"GUANTONG_{each['loc'][0]}".upper() + f": {each['msg']}" for each in error.errors()
        )
        errors.print(f"[red]环境变量有误[/red] {wrong}")
        raise SystemExit(2) from error
    except (DBAPIError, OSError) as error:
        reason = error.orig if isinstance(error, DBAPIError) else error
        errors.print(f"[red]连不上数据库或端口[/red] {reason}。请运行 guantong doctor (run the doctor)")
        raise SystemExit(3) from error
    except (Fault, WrongKey, OutdatedSchema) as error:
        errors.print(f"[red]没有完成[/red] {error}")
        raise SystemExit(3) from error


def _leave_in_order(number: int, frame: FrameType | None) -> None:
    """What was started is stopped on the way out, as after Ctrl-C."""
    raise SystemExit(128 + number)


@app.command()
def demo(
    leads: Annotated[int, typer.Option(min=60, max=20_000, help="广告线索条数")] = 200,
    seed: Annotated[int, typer.Option(help="随机种子：同样的种子，同样的故事")] = 1,
    chaos: Annotated[bool, typer.Option("--chaos", help="随机 SIGKILL，并打开沙箱的各种故障")] = False,
    erp: Annotated[
        list[str] | None,
        typer.Option(help="ERP 的入口，可重复：kingdee-session、kingdee-signature、u8-openapi、u8-eai"),
    ] = None,
    signer: Annotated[str, typer.Option(help="电子签：esign、tencent_ess、fadada")] = "esign",
    data: Annotated[Path | None, typer.Option(help="保留数据与日志的目录；不给则用后即弃")] = None,
    as_json: AsJson = False,
) -> None:
    """在一台机器上演完整条线：线索 → 分配 → 合同 → 电子签 → 应收 → 银行回款 → 核销."""
    from hub.demo.run import DemoOptions, run_demo
    from hub.standins import cast_of

    try:
        cast = cast_of(signer=signer, doors=tuple(erp or ()))
    except KeyError as error:
        raise typer.BadParameter(
            f"没有 {error}，见 --help (unknown)", param_hint="--erp / --signer"
        ) from error
    result = run_demo(
        DemoOptions(leads=leads, seed=seed, chaos=chaos, cast=cast, data=data),
        screen=errors if as_json else screen,
    )
    if as_json:
        print_json(result.as_json())
    if not result.sound:
        raise typer.Exit(1)


@app.command()
def up() -> None:
    """启动一切：内嵌数据库、接口、工作进程、沙箱（一个进程树，Ctrl-C 停止）."""
    from hub.up import run_up

    run_up(Settings(), SANDBOX_PORTS, screen)


@app.command()
def api() -> None:
    """只启动 HTTP 接口（需要 DATABASE_URL 与 REDIS_URL）."""
    import uvicorn

    from hub.api import create_app

    settings = _with_servers(Settings())
    _end_with_the_tree()
    config = uvicorn.Config(
        create_app(settings),
        access_log=False,
        log_level="warning",
        loop="uvloop",
        http="httptools",
        ws="none",
    )
    uvicorn.Server(config).run(sockets=[_listen(settings)])


def _listen(settings: Settings) -> socket.socket:
    """Several API processes may share the port: the kernel spreads the connections."""
    # Named as TCP, or asyncio does not switch Nagle's delay off.
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if settings.apis > 1:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind((settings.host, settings.port))
    return listener


@app.command()
def worker() -> None:
    """只启动工作进程（需要 DATABASE_URL 与 REDIS_URL）."""
    from hub.worker import run_worker

    settings = _with_servers(Settings())
    _end_with_the_tree()
    run_worker(settings)


def _end_with_the_tree() -> None:
    """Only as a part of `up` or `demo`: a service manager's child may outlive whoever started it."""
    if os.environ.get("GUANTONG_PART"):
        from hub.parent import end_with_parent

        end_with_parent()


def _with_servers(settings: Settings) -> Settings:
    missing = [
        name
        for name, value in (("DATABASE_URL", settings.database_url), ("REDIS_URL", settings.redis_url))
        if not value
    ]
    if missing:
        errors.print(
            f"[red]缺少 {' 和 '.join(missing)}。[/red] 单机使用请运行 guantong up (set them, or use `up`)"
        )
        raise typer.Exit(2)
    asyncio.run(check_revision(settings.database_url))
    return settings


@app.command()
def sandbox(
    name: Annotated[
        str, typer.Argument(help="、".join((*SANDBOX_PORTS, "tencent_ess", "fadada", "kingdee_eas")))
    ],
    port: Annotated[int, typer.Option(help="0：任意空闲端口")] = 0,
    data: Annotated[Path | None, typer.Option(help="账本存放目录；不给则只在内存")] = None,
    as_json: AsJson = False,
) -> None:
    """单独启动一个沙箱，打印地址与（虚构的）凭据."""
    from sandboxes.run import available, run_sandboxes

    if name not in available():
        errors.print(f"[red]没有沙箱 {name}[/red]，可用：{', '.join(sorted(available()))}")
        raise typer.Exit(2)

    def tell(running: Any) -> None:
        about = {"name": running.name, "address": running.address, "credentials": running.credentials()}
        if as_json:
            print(json.dumps(about, ensure_ascii=False), flush=True)  # noqa: T201
            return
        table = Table("项", "值", title=f"沙箱 {running.name}")
        table.add_row("地址 address", running.address)
        for key, value in running.credentials().items():
            table.add_row(key, str(value))
        screen.print(table)
        screen.print(f"控制接口 control: {running.address}/_sandbox/  ·  Ctrl-C 停止")

    run_sandboxes([(name, port)], data=data, tell=tell)


@app.command()
def trace(contract: str, as_json: AsJson = False) -> None:
    """一份合同从线索到核销的整条链，每一环带原始证据."""
    from hub.reports import trace_contract
    from hub.screens import show_trace

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
    from flows import reconciliation
    from hub.screens import show_disagreements

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


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """检查安装与配置，用平常话说该怎么办."""
    from hub.doctor import examine

    findings = examine(Settings())
    if as_json:
        print_json([finding.as_json() for finding in findings])
    else:
        for finding in findings:
            mark = "[green]✓[/green]" if finding.good else "[red]✗[/red]"
            screen.print(f"{mark} {finding.text}" + (f"\n    → {finding.remedy}" if finding.remedy else ""))
    if not all(finding.good for finding in findings):
        raise typer.Exit(1)


@app.command()
def certify(
    name: Annotated[str | None, typer.Argument(help="连接器，例如 kingdee")] = None,
    against: Annotated[str | None, typer.Option(help="正在运行的沙箱地址；不给则自动启动一个")] = None,
    every: Annotated[bool, typer.Option("--all", help="认证所有连接器")] = False,
    write: Annotated[bool, typer.Option("--write", help="把结果写进 docs/connectors.md")] = False,
    seeds: Annotated[int, typer.Option(min=1, help="边读边变的清单试多少遍")] = 30,
    as_json: AsJson = False,
) -> None:
    """认证连接器：同一套检查，对着沙箱，故障下只产生一张单据；评出铜、银、金."""
    from hub import certify as certification

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


@connector_app.command("new")
def connector_new(
    name: Annotated[str, typer.Argument(help="小写字母、数字、下划线，例如 inspur_gs")],
    root: Annotated[Path, typer.Option(help="项目目录")] = Path(),
) -> None:
    """写出一个新连接器的骨架：连接器、沙箱、映射、测试、认证描述，测试即过."""
    from hub.new_connector import new_connector

    for path in new_connector(name, root):
        screen.print(f"  {path}")
    screen.print(f"下一步 (next): pytest tests/connectors/{name} && guantong certify {name}")
