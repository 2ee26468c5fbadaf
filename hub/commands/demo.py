"""`guantong demo`."""

from pathlib import Path
from typing import Annotated

import typer

from hub.commands.terminal import AsJson, errors, print_json, screen
from hub.demo.run import DemoOptions, run_demo
from hub.standins import ERP_DOORS, SIGNERS, cast_of

app = typer.Typer(add_completion=False)


@app.command()
def demo(
    leads: Annotated[int, typer.Option(min=60, max=20_000, help="广告线索条数")] = 200,
    seed: Annotated[int, typer.Option(help="随机种子：同样的种子，同样的故事")] = 1,
    chaos: Annotated[bool, typer.Option("--chaos", help="随机 SIGKILL，并打开沙箱的各种故障")] = False,
    erp: Annotated[
        list[str] | None,
        typer.Option(help=f"ERP 的入口（可重复）: {' / '.join(ERP_DOORS)}"),
    ] = None,
    signer: Annotated[str, typer.Option(help=f"电子签: {' / '.join(SIGNERS)}")] = "esign",
    data: Annotated[Path | None, typer.Option(help="留下数据与日志的目录")] = None,
    as_json: AsJson = False,
) -> None:
    """在一台机器上演完整条线：线索 → 分配 → 合同 → 电子签 → 应收 → 银行回款 → 核销."""
    try:
        cast = cast_of(signer=signer, doors=tuple(erp or ()))
    except KeyError as error:
        known = f"--erp {' / '.join(ERP_DOORS)}；--signer {' / '.join(SIGNERS)}"
        raise typer.BadParameter(
            f"没有 {error} (unknown)。可选：{known}", param_hint="--erp / --signer"
        ) from error
    result = run_demo(
        DemoOptions(leads=leads, seed=seed, chaos=chaos, cast=cast, data=data),
        screen=errors if as_json else screen,
    )
    if as_json:
        print_json(result.as_json())
    if not result.sound:
        raise typer.Exit(1)
