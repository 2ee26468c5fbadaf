"""Every installed connector against its sandbox: what it misses stands on the page, and nothing else."""

from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import pytest

from connector_kit.certify import Bench, Report
from hub.certification import benches
from hub.certify import certify_one, title_of
from hub.registry import installed

PAGE = Path(__file__).parents[2] / "docs" / "connectors.md"
SOAK_SEEDS = 1000
WORKERS = 3


def certified(connector: str, variant: str, seeds: int, only: str = "") -> Report:
    """In a process of its own; a bench holds functions and does not travel."""
    return certify_one(_bench(connector, variant), seeds=seeds, only=only)


def _bench(connector: str, variant: str) -> Bench:
    return next(bench for bench in benches(connector) if bench.variant == variant)


@cache
def known() -> list[tuple[str, str]]:
    return [(bench.connector, bench.variant) for bench in benches() if bench.connector in installed()]


def named(value: object) -> str:
    return "-".join(filter(None, value)) if isinstance(value, tuple) else str(value)


@pytest.fixture(scope="module")
def reports() -> Iterator[dict[tuple[str, str], "Future[Report]"]]:
    """All at once: most of the time goes by in waiting for time-outs."""
    with ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn")) as pool:
        yield {each: pool.submit(certified, *each, 30) for each in known()}


@pytest.mark.parametrize("bench", known(), ids=named)
def test_it_misses_only_what_the_page_says(
    bench: tuple[str, str], reports: dict[tuple[str, str], "Future[Report]"]
) -> None:
    report = reports[bench].result()
    about = PAGE.read_text(encoding="utf-8").partition(f"\n**{title_of(report)}**\n")[2].partition("\n**")[0]
    unsaid = [each for each in report.of("failed") if f"- missed: {each.name}:" not in about]
    assert about, "run: guantong certify --all --write"
    assert not unsaid


@pytest.mark.parametrize("bench", known(), ids=named)
def test_it_is_asked_enough(bench: tuple[str, str], reports: dict[tuple[str, str], "Future[Report]"]) -> None:
    capabilities = installed()[bench[0]].manifest.capabilities
    if {"ErpLedger", "ReceivableImport", "Signer", "LeadSource"} & set(capabilities):
        report = reports[bench].result()
        asked = [*report.of("passed"), *report.of("failed")]
        assert len(asked) >= 30
        assert sum(each.under_faults for each in asked) >= 12


def lists(bench: tuple[str, str]) -> bool:
    return bool({"ErpLedger", "LeadSource"} & set(installed()[bench[0]].manifest.capabilities))


@pytest.mark.soak
@pytest.mark.parametrize("bench", [each for each in known() if lists(each)], ids=named)
def test_moving_lists_with_many_seeds(bench: tuple[str, str]) -> None:
    """Two to seven minutes each."""
    report = certified(*bench, SOAK_SEEDS, "moving_list")
    assert report.of("passed")
    assert not report.of("failed")
