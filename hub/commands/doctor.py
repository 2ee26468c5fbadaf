"""`guantong doctor`."""

import typer

from hub.commands.terminal import AsJson, print_json, screen
from hub.doctor import examine
from hub.settings import Settings

app = typer.Typer(add_completion=False)


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """检查安装与配置，用平常话说该怎么办."""
    findings = examine(Settings())
    if as_json:
        print_json([finding.as_json() for finding in findings])
    else:
        for finding in findings:
            mark = "[green]✓[/green]" if finding.good else "[red]✗[/red]"
            screen.print(f"{mark} {finding.text}" + (f"\n    → {finding.remedy}" if finding.remedy else ""))
    if not all(finding.good for finding in findings):
        raise typer.Exit(1)
