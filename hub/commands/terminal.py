"""What the modules of the command line share."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.markup import escape

from hub.bootstrap import Hub, open_hub
from hub.servers import database
from hub.settings import Settings
from mappings import Finding

T = TypeVar("T")

screen = Console()
errors = Console(stderr=True)

AsJson = Annotated[bool, typer.Option("--json", help="供程序读取 (machine readable)")]


def with_hub(work: Callable[[Hub], Awaitable[T]], *, connected: bool = True) -> T:
    """`connected` False: as in `open_hub`, a command that asks no vendor comes up sooner."""
    with database(Settings()) as settings:

        async def run() -> T:
            async with open_hub(settings, pool_size=4, connected=connected) as hub:
                return await work(hub)

        return asyncio.run(run())


def print_json(value: object) -> None:
    print(json.dumps(value, default=str, ensure_ascii=False))  # noqa: T201


def show_findings(found: Iterable[Finding]) -> None:
    for each in found:
        colour = "red" if each.severity == "error" else "yellow"
        screen.print(f"[{colour}]●[/] {escape(str(each))}", soft_wrap=True)
