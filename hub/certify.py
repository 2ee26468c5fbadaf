"""Joins a connector, its sandbox and the suite; shows what came of it."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
from rich.console import Console

from connector_kit.certify import Bench, Report, Result, certify
from connector_kit.certify.model import RULE
from domain.faults import Misconfigured
from hub.certification import benches
from hub.registry import installed
from hub.table import Table

PAGE = Path("docs/connectors.md")
SEEDS = 30
COLOURS = {"passed": "green", "failed": "red", "skipped": "dim"}


def certify_one(
    bench: Bench,
    *,
    against: str | None = None,
    seeds: int = SEEDS,
    only: str = "",
    told: Callable[[Result], None] = lambda result: None,
) -> Report:
    """`against`: address of a running sandbox; it is reset. None: one is started for the while."""
    connector = installed()[bench.connector]
    with _sandbox(bench, against) as url:
        return asyncio.run(certify(connector, bench, url=url, seeds=seeds, only=only, told=told))


@contextmanager
def _sandbox(bench: Bench, against: str | None) -> Iterator[str]:
    if against is not None:
        yield _checked(against.rstrip("/"), bench.sandbox)
        return
    from sandboxes.common import running
    from sandboxes.run import load

    with running(load(bench.sandbox)()) as started:
        yield started.url


def _checked(url: str, name: str) -> str:
    """Nothing but this vendor's sandbox: the suite deletes and breaks things. Raises Misconfigured."""
    try:
        with httpx.Client(trust_env=False, timeout=5) as client:
            found = client.get(f"{url}/_sandbox/").raise_for_status().json()["name"]
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        raise Misconfigured(f"{url} 不是沙箱，不能在上面认证 (not a sandbox)") from error
    if found != name:
        raise Misconfigured(f"{url} 是 {found} 的沙箱，不是 {name} 的 (the sandbox of another vendor)")
    return url


def chosen(name: str | None) -> Sequence[Bench]:
    """Of one connector, or of all. Raises Misconfigured for a name that is none, or one without a bench."""
    if name is not None and name not in installed():
        raise Misconfigured(
            f"没有连接器 {name}，已安装：{'、'.join(sorted(installed()))} (no such connector)"
        )
    found = [bench for bench in benches(name) if bench.connector in installed()]
    if not found:
        raise Misconfigured(f"hub/certification 里没有 {name} 的描述，无法认证 (nothing says how to test it)")
    return found


def show(report: Report, screen: Console) -> None:
    table = Table("检查", "级别", "结果", "原因", "秒", title=f"{title_of(report)}：{report.tier}")
    for result in report.results:
        colour = COLOURS[result.status]
        fault = " ⚡" if result.under_faults else ""
        table.add_row(
            f"{result.name}{fault}\n[dim]{result.title_zh}[/dim]",
            result.level,
            f"[{colour}]{result.status}[/]",
            result.reason,
            f"{result.seconds:.1f}",
        )
    screen.print(table)
    screen.print(
        f"{len(report.of('passed'))} 通过（故障下 {report.under_faults}），{len(report.of('failed'))} 未过，"
        f"{len(report.of('skipped'))} 不适用  →  [bold]{report.tier}[/bold]"
    )


def title_of(report: Report) -> str:
    return f"{report.connector} ({report.variant})" if report.variant else report.connector


def page_of(reports: Sequence[Report]) -> str:
    """docs/connectors.md: tiers, and why a tier is not higher."""
    lines = [
        "# Connectors and their tiers",
        "",
        "Written by `guantong certify --all --write`: one suite, run against each vendor's sandbox. "
        "It says how a connector behaves there, not what the live system does.",
        "",
        f"**Rule.** {RULE}",
        "",
        "| connector | tier | passed | under faults | failed | not applicable |",
        "|---|---|---|---|---|---|",
    ]
    for report in reports:
        counts = [len(report.of("passed")), report.under_faults, len(report.of("failed"))]
        cells = [*counts, len(report.of("skipped"))]
        lines.append(f"| {title_of(report)} | **{report.tier}** | {' | '.join(map(str, cells))} |")
    certified = {report.connector for report in reports}
    lines += [f"| {name} | not certified | | | | |" for name in sorted(set(installed()) - certified)]
    lines += ["", "## What is missing, and why", ""]
    for report in reports:
        lines += _missed(report)
    return "\n".join(lines).rstrip() + "\n"


def _missed(report: Report) -> list[str]:
    skipped = [f"- not applicable: {each.name} ({each.reason})" for each in report.of("skipped")]
    asked = {each.capability for each in report.results}
    unasked = sorted(set(installed()[report.connector].manifest.capabilities) - asked)
    if unasked:
        skipped.append(f"- no check asks about: {', '.join(unasked)} (tests/connectors do)")
    missed = [f"- missed: {_one_line(reason)}" for reason in report.missed]
    note = [report.note, ""] if report.note else []
    return [f"**{title_of(report)}**", "", *note, *(missed or ["- nothing"]), *skipped, ""]


def _one_line(text: str) -> str:
    return " ".join(text.split())[:300]
