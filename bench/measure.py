"""What all benchmarks share: interleaved rounds, medians with their spread, and how they are printed."""

import platform
import statistics
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import orjson
import psutil
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Series:
    """One quantity, once per round."""

    values: Sequence[float]
    unit: str

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def over(self, reference: "Series") -> float:
        """The ratio of round n to the reference's round n, then the median: a busy minute hits both."""
        pairs = zip(self.values, reference.values, strict=True)
        return statistics.median(mine / theirs for mine, theirs in pairs)


@dataclass(frozen=True, slots=True)
class Goal:
    """A named figure and the bound that it must reach (or stay below)."""

    name: str
    value: float
    bound: float
    at_most: bool = False

    @property
    def met(self) -> bool:
        return self.value <= self.bound if self.at_most else self.value >= self.bound

    @property
    def text(self) -> str:
        return f"{'≤' if self.at_most else '≥'} {self.bound:g}"


async def interleaved(
    measures: Mapping[str, Callable[[], Awaitable[float]]], *, rounds: int, screen: Console
) -> dict[str, list[float]]:
    """Every measure once per round, in turn; a first round warms everything up and does not count."""
    found: dict[str, list[float]] = {name: [] for name in measures}
    with screen.status("…") as status:
        for number in range(rounds + 1):
            for name, measure in measures.items():
                status.update(f"{'warm-up' if number == 0 else f'round {number}/{rounds}'}: {name}")
                value = await measure()
                if number:
                    found[name].append(value)
    return found


def percentile(values: Sequence[float], share: float) -> float:
    """`share` between 0 and 1; the nearest rank, so that it is a value that was seen."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def machine() -> str:
    """With the load of others in the last minute, which is the first thing to look at in odd figures."""
    load, _, _ = psutil.getloadavg()
    return (
        f"{psutil.cpu_count()} cores, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, load before {load:.1f}"
    )


def report(
    title: str,
    series: Mapping[str, Series],
    goals: Sequence[Goal],
    *,
    notes: Mapping[str, object],
    as_json: bool,
    screen: Console,
) -> None:
    """Tables for people; with `as_json` the last line is one object with the goals and medians by name."""
    screen.print(_table(title, series))
    for goal in goals:
        verdict = "[green]met[/green]" if goal.met else "[red]missed[/red]"
        screen.print(f"{goal.name}: {goal.value:.2f} (goal {goal.text}) {verdict}")
    for name, note in notes.items():
        screen.print(f"[dim]{name}: {note}[/dim]")
    if as_json:
        print(orjson.dumps(_summary(series, goals, notes)).decode())


def _table(title: str, series: Mapping[str, Series]) -> Table:
    table = Table("what", "median", "lowest … highest", "rounds", title=title)
    for name, each in series.items():
        table.add_row(
            name,
            f"{each.median:,.1f} {each.unit}",
            f"{min(each.values):,.1f} … {max(each.values):,.1f}",
            str(len(each.values)),
        )
    return table


def _summary(
    series: Mapping[str, Series], goals: Sequence[Goal], notes: Mapping[str, object]
) -> dict[str, object]:
    return {
        **{goal.name: round(goal.value, 3) for goal in goals},
        "goals_met": all(goal.met for goal in goals),
        "goals": {goal.name: goal.text for goal in goals},
        "medians": {name: round(each.median, 2) for name, each in series.items()},
        "spread": {
            name: [round(min(each.values), 2), round(max(each.values), 2)] for name, each in series.items()
        },
        "units": {name: each.unit for name, each in series.items()},
        "notes": dict(notes),
    }
