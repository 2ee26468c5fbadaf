"""The command line explains itself, whole, in a terminal of the usual width."""

from collections.abc import Iterator

import typer
from typer.core import TyperGroup
from typer.testing import CliRunner

from hub.cli import app


def commands(command: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    if isinstance(command, TyperGroup):
        context = typer.Context(command)
        for name in command.list_commands(context):
            yield from commands(command.get_command(context, name), (*path, name))


def test_nothing_of_the_help_is_cut() -> None:
    cut = []
    every = [*commands(typer.main.get_command(app))]
    assert len(every) > 40
    for path in every:
        shown = CliRunner().invoke(app, [*path, "--help"], env={"COLUMNS": "80"})
        assert shown.exit_code == 0, path
        cut += [(*path, line) for line in shown.stdout.splitlines() if "…" in line]
    assert not cut
