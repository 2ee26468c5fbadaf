"""`guantong mappings …`."""

from collections.abc import Mapping
from typing import ClassVar

import typer

from hub.commands.late import LateCommands


class Commands(LateCommands):
    modules: ClassVar[Mapping[str, str]] = {
        "list": "mapping_tools",
        "check": "mapping_tools",
        "test": "mapping_tools",
        "record": "mapping_tools",
        "explain": "mapping_tools",
        "preview": "preview",
        "versions": "mapping_versions",
        "diff": "mapping_diff",
        "publish": "mapping_versions",
        "rollback": "mapping_versions",
    }


app = typer.Typer(cls=Commands, no_args_is_help=True, add_completion=False)


@app.callback()
def mappings() -> None:
    """映射：版本、比较、发布、回退、测试."""
