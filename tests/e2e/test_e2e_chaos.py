"""SIGKILL at random moments, and every fault that the sandboxes know: the story ends as it does in peace."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.e2e.demos import LEADS, check_storm, demo


def in_peace_and_in_storm(*options: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both at once: each waits for most of its time."""
    with ThreadPoolExecutor(2) as pool:
        quiet, stormy = pool.submit(demo, *options), pool.submit(demo, "--chaos", *options)
        return quiet.result(), stormy.result()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [12, 13])
def test_crashes_and_faults_change_nothing(seed: int) -> None:
    check_storm(*in_peace_and_in_storm("--seed", str(seed), "--leads", str(LEADS)))


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 200))
def test_soak(seed: int) -> None:
    check_storm(*in_peace_and_in_storm("--seed", str(seed)))
