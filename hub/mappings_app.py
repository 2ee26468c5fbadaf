"""`guantong mappings …`: the group that several modules add their commands to."""

import typer

mappings_app = typer.Typer(no_args_is_help=True, help="映射：版本、比较、发布、回退、测试")
