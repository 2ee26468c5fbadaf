"""`guantong mappings list | check | test | record | explain | preview`."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import Progress
from rich.table import Column

from configuration import ConfigurationError
from domain.faults import Misconfigured
from hub.bootstrap import Hub
from hub.commands.terminal import AsJson, errors, print_json, screen, show_findings, with_hub
from hub.explain import Brought, Unexplained, bring_delivery, bring_message
from hub.table import Table
from mappings import (
    CompiledMapping,
    FieldTrace,
    Finding,
    SampleFailure,
    Source,
    UnknownMapping,
    check_samples,
    check_text,
    compile_mapping,
    names,
)
from mappings.library import source
from mappings.mutation import Score, score
from mappings.recording import with_sample
from mappings.rows import all_rows

app = typer.Typer(add_completion=False)

FLOOR = 80
"""Percent of the changed rows that the samples of a mapping must notice."""
SHOWN = 100

NAME = Column("映射", no_wrap=True)

Names = Annotated[
    list[str] | None, typer.Argument(help="映射名或 .yaml 文件；不给则全部 (names or files; none: all)")
]


@app.command("list")
def list_mappings(as_json: AsJson = False) -> None:
    """有哪些映射：从什么到什么，几行，几个样例."""
    rows = [
        {
            "mapping": each.name,
            "from": each.source,
            "to": each.target,
            "version": each.version,
            "rows": len(all_rows(each.rows)),
            "samples": len(each.samples),
            "file": each.file,
        }
        for each in _chosen(None)
    ]
    if as_json:
        print_json(rows)
        return
    table = Table(NAME, "从", "到", "行", "样例", "版本", title=f"{len(rows)} 个映射")
    for row in rows:
        table.add_row(*(str(row[key]) for key in ("mapping", "from", "to", "rows", "samples", "version")))
    screen.print(table)


@app.command("test")
def run_samples(
    chosen: Names = None,
    mutate: Annotated[
        bool, typer.Option("--mutate", help="逐行改动，看样例能否发现 (which rows no sample would notice)")
    ] = False,
    floor: Annotated[int, typer.Option(min=0, max=100, help="低于此分数即失败 (with --mutate)")] = FLOOR,
    as_json: AsJson = False,
) -> None:
    """跑映射旁边的样例；--mutate 检查样例本身够不够."""
    compiled = _chosen(chosen)
    failures = {each.name: check_samples(each) for each in compiled}
    sound = [each for each in compiled if not failures[each.name]]
    scores = _scores(sound, quiet=as_json) if mutate else []
    if as_json:
        print_json([_as_json(each, failures[each.name], scores) for each in compiled])
    else:
        _show(compiled, failures, scores, floor)
    if any(failures.values()) or any(each.percent < floor for each in scores):
        raise typer.Exit(1)


@app.command("check")
def check_mappings(chosen: Names = None, as_json: AsJson = False) -> None:
    """不跑数据先看：路径、类型、必填、到不了的行；指出哪一行、怎么改."""
    found: list[Finding] = []
    for name in chosen or names():
        base, overrides = _sources(name)
        found += check_text(base, overrides=overrides)
    if as_json:
        print_json([asdict(each) for each in found])
    else:
        show_findings(found)
        screen.print(f"{len(chosen or names())} 个映射，{len(found)} 处可疑 (findings)")
    if any(each.severity == "error" for each in found):
        raise typer.Exit(1)


Message = Annotated[int | None, typer.Argument(help="收件编号，见 guantong trace 或 /api/inbox (a message)")]
OfDelivery = Annotated[str | None, typer.Option("--delivery", help="或投递的键 (or the key of a delivery)")]


@app.command("record")
def record_message(
    message: Message = None,
    delivery: OfDelivery = None,
    out: Annotated[
        Path | None,
        typer.Option(help="写到文件；若是映射文件，加进它的 samples (a file, or the mapping itself)"),
    ] = None,
) -> None:
    """把一条真实收件变成样例：个人信息换成虚构的，可直接放进 samples."""
    brought = _brought(message, delivery)
    sample = brought.as_sample(f"recorded from {f'message {message}' if delivery is None else delivery}")
    if out is None:
        print(sample, end="")  # noqa: T201
        return
    if out.exists() and _is_mapping(out):
        sample = with_sample(out.read_text(encoding="utf-8"), sample, file=str(out))
        compile_mapping(sample, file=str(out), folder=out.parent)
    out.write_text(sample, encoding="utf-8")
    screen.print(f"已写入 {out}；运行 guantong mappings test {out} 查看 (written)")


def _is_mapping(path: Path) -> bool:
    return re.search(r"^mapping:", path.read_text(encoding="utf-8"), re.MULTILINE) is not None


@app.command("explain")
def explain_message(
    message: Message = None,
    delivery: OfDelivery = None,
    field: Annotated[str | None, typer.Option(help="只看名字里有它的目标字段 (targets that hold it)")] = None,
    as_json: AsJson = False,
) -> None:
    """每个目标字段从哪里来、经过哪些步骤、用了对照表哪一行、结果是什么."""
    brought = _brought(message, delivery)
    if as_json:
        print_json(brought.as_json())
        return
    screen.print(f"[bold]{escape(brought.subject)}[/bold]  {brought.mapping.name}@{brought.mapping.version}")
    if brought.remark:
        screen.print(f"[yellow]{escape(brought.remark)}[/yellow]")
    table = Table("目标", "步骤", "结果")
    for trace in brought.explain():
        if field is None or field in trace.target:
            table.add_row(escape(trace.target), escape(_steps(trace)), _result(trace))
    screen.print(table)


def _brought(message: int | None, delivery: str | None) -> Brought:
    if (message is None) == (delivery is None):
        raise typer.BadParameter("给收件编号，或 --delivery 键，只给一个 (one of them)")

    async def bring(hub: Hub) -> Brought:
        if delivery is not None:
            return await bring_delivery(hub, delivery)
        assert message is not None
        return await bring_message(hub, message)

    try:
        return with_hub(bring)
    except Unexplained as error:
        errors.print(f"[red]{escape(str(error))}[/red]")
        raise typer.Exit(1) from error


def _steps(trace: FieldTrace) -> str:
    return "\n".join(f"{step.label} → {_value(step.value)}" for step in trace.steps)


def _result(trace: FieldTrace) -> str:
    if trace.problem is not None:
        return f"[red]{escape(trace.problem.message_zh)}[/red]"
    return "[dim]—[/dim]" if trace.result is None else escape(_value(trace.result))


def _value(value: object) -> str:
    text = "—" if value is None else str(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def _chosen(chosen: Sequence[str] | None) -> list[CompiledMapping]:
    return [_named(each) for each in chosen or names()]


def _named(name: str) -> CompiledMapping:
    base, overrides = _sources(name)
    return compile_mapping(base.text, file=base.file, folder=base.folder, overrides=overrides)


def _sources(name: str) -> tuple[Source, list[Source]]:
    """A file may be a draft anywhere, its samples beside it; an override lies over the shipped mapping."""
    path = Path(name)
    try:
        if path.suffix not in (".yaml", ".yml"):
            return source(name), []
        draft = Source(path.read_text(encoding="utf-8-sig"), name, path.parent)
        base = re.search(r"^override:[ \t]*['\"]?([\w.-]+)", draft.text, re.MULTILINE)
        return (source(base[1]), [draft]) if base else (draft, [])
    except UnknownMapping as error:
        raise Misconfigured(f"没有这个映射 ({error})") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"cannot be read: {error}", file=name, remedy="give a name or a .yaml file in UTF-8"
        ) from error


def _scores(compiled: Sequence[CompiledMapping], *, quiet: bool) -> list[Score]:
    with Progress(console=errors, transient=True, disable=quiet) as progress:
        bar = progress.add_task("改动每一行 (mutating)", total=sum(len(each.rows) for each in compiled))
        return [score(each, judged=lambda: progress.advance(bar)) for each in compiled]


def _as_json(
    mapping: CompiledMapping, failures: Sequence[SampleFailure], scores: Sequence[Score]
) -> dict[str, object]:
    found = next((each for each in scores if each.mapping == mapping.name), None)
    mutation = found and {
        "percent": found.percent,
        "mutants": found.total,
        "unnoticed": [{"target": each.target, "change": each.change} for each in found.unnoticed],
    }
    return {
        "mapping": mapping.name,
        "version": mapping.version,
        "samples": len(mapping.samples),
        "failures": [{"sample": each.sample, "differences": list(each.differences)} for each in failures],
        "mutation": mutation,
    }


def _show(
    compiled: Sequence[CompiledMapping],
    failures: Mapping[str, Sequence[SampleFailure]],
    scores: Sequence[Score],
    floor: int,
) -> None:
    percent = {each.mapping: each.percent for each in scores}
    table = Table(NAME, "样例", "结果", *(["改动被发现"] if scores else []))
    for each in compiled:
        good = not failures[each.name]
        row = [each.name, str(len(each.samples)), "[green]✓[/green]" if good else "[red]✗[/red]"]
        table.add_row(*row, *([_coloured(percent.get(each.name), floor)] if scores else []))
    screen.print(table)
    for failure in chain.from_iterable(failures.values()):
        screen.print(f"[red]✗[/red] {escape(failure.mapping)} 样例 {escape(failure.sample)}")
        for difference in failure.differences:
            screen.print(f"    {escape(difference)}")
    for found in scores:
        _show_unnoticed(found)


def _coloured(percent: int | None, floor: int) -> str:
    if percent is None:
        return "—"
    return f"[{'green' if percent >= floor else 'red'}]{percent} %[/]"


def _show_unnoticed(found: Score) -> None:
    if found.unnoticed:
        screen.print(
            f"{found.mapping}：{len(found.unnoticed)}/{found.total} 处改动没有样例发现 (no sample notices)"
        )
    for mutant in found.unnoticed:
        screen.print(f"    {escape(mutant.target)}  ·  {escape(mutant.change)}")
