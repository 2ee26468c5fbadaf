"""The command line."""

import signal
from collections.abc import Mapping
from types import FrameType
from typing import ClassVar

import typer
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError

from configuration import ConfigurationError
from crm_store.revision import OutdatedSchema
from crm_store.sealing import WrongKey
from domain.faults import Fault
from hub import logs
from hub.commands.late import LateCommands
from hub.commands.terminal import errors


class Commands(LateCommands):
    modules: ClassVar[Mapping[str, str]] = {
        "demo": "demo",
        "up": "up",
        "api": "api",
        "worker": "worker",
        "sandbox": "sandbox",
        "trace": "operations",
        "replay": "operations",
        "reconcile": "operations",
        "doctor": "doctor",
        "certify": "certify",
        "connector": "connector",
        "mappings": "mappings",
        "config": "config",
        "codes": "code_tables",
        "drift": "drift",
        "backfill": "backfill",
        "contract": "contract",
    }


app = typer.Typer(cls=Commands, no_args_is_help=True, add_completion=False)


@app.callback()
def guantong() -> None:
    """Guantong 贯通：从广告线索到核销的集成中枢."""
    logs.configure()


def main() -> None:
    """Configuration errors are for people: no traceback."""
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
