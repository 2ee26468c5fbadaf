"""A group of commands, each imported when it is asked for."""

import gc
import importlib
from collections.abc import Mapping
from typing import Any, ClassVar

import typer
from typer.core import TyperGroup

from configuration.errors import did_you_mean


class LateCommands(TyperGroup):
    """`modules`: command → module of hub.commands whose `app` has it. A worker comes up without the rest."""

    modules: ClassVar[Mapping[str, str]]

    def list_commands(self, ctx: Any) -> list[str]:
        return [*self.modules]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in self.modules:
            advice = did_you_mean(cmd_name, self.modules) or "--help"
            ctx.fail(f"没有命令 {cmd_name} (no such command): {advice}")
        module = importlib.import_module(f"hub.commands.{self.modules[cmd_name]}")
        gc.freeze()  # all that is loaded stays to the end
        found = typer.main.get_command(module.app)
        if isinstance(found, TyperGroup) and cmd_name in found.commands:
            return found.commands[cmd_name]
        found.name = cmd_name
        return found
