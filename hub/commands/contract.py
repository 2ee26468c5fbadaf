"""`guantong contract urge | extend | revoke | evidence NUMBER`."""

from datetime import datetime
from typing import Annotated

import typer

from domain.states import SigningAct
from flows.contracts import Refused
from hub.commands.terminal import AsJson, errors, print_json, screen, with_hub
from hub.publishing import somebody
from hub.signing_acts import ask

app = typer.Typer(add_completion=False, no_args_is_help=True, help="在签合同：催签、延期、撤销；签署证据")

Number = Annotated[str, typer.Argument(help="合同号 (the contract's number)")]
By = Annotated[str | None, typer.Option(help="谁要求的；不给则取系统用户名 (who, for the record)")]


@app.command()
def urge(number: Number, by: By = None, as_json: AsJson = False) -> None:
    """催还没签的人；十分钟内再催算同一次."""
    _ask(number, SigningAct.URGE, by, as_json=as_json)


@app.command()
def extend(
    number: Number,
    until: Annotated[
        datetime, typer.Option(formats=["%Y-%m-%d"], help="新的最后一天（北京时间） (the last day)")
    ],
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """延长签署期限；过期的合同能否延期看电子签服务商."""
    _ask(number, SigningAct.EXTEND, by, until=until, as_json=as_json)


@app.command()
def revoke(
    number: Number,
    reason: Annotated[str, typer.Option(help="理由，对方看得到，最多50字 (seen by the other side)")],
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """撤销还没签完的合同."""
    if not 1 <= len(reason) <= 50:
        raise typer.BadParameter("1 到 50 个字 (1 to 50 characters)", param_hint="--reason")
    _ask(number, SigningAct.REVOKE, by, reason=reason, as_json=as_json)


@app.command()
def evidence(number: Number, by: By = None, as_json: AsJson = False) -> None:
    """为签完的合同申请并归档签署证据（e签宝、腾讯电子签按份收费）."""
    _ask(number, SigningAct.EVIDENCE, by, as_json=as_json)


def _ask(
    number: str,
    act: SigningAct,
    by: str | None,
    *,
    until: datetime | None = None,
    reason: str | None = None,
    as_json: bool,
) -> None:
    day = until.date() if until else None
    try:
        answer = with_hub(lambda hub: ask(hub, number, act, by=by or somebody(), until=day, reason=reason))
    except Refused as error:
        errors.print(f"[red]没有照办[/red] {error}")
        raise typer.Exit(1) from error
    if as_json:
        print_json(answer)
    elif answer["asked"]:
        screen.print(
            f"已排队；结果见 guantong trace {number} (queued for a running worker; the trace shows what came)"
        )
    else:
        screen.print("此前已有同样的请求，不再重复 (asked already: once is enough)")
