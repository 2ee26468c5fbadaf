"""SIGKILL at random moments, and every fault that the sandboxes know: the story ends as it does in peace."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.e2e.demos import COUNTED, LEADS, demo, sound


def in_peace_and_in_storm(*options: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both at once: each waits for most of its time."""
    with ThreadPoolExecutor(2) as pool:
        quiet, stormy = pool.submit(demo, *options), pool.submit(demo, "--chaos", *options)
        return quiet.result(), stormy.result()


def check(quiet: dict[str, Any], stormy: dict[str, Any]) -> None:
    assert sound(stormy), json.dumps(stormy, ensure_ascii=False)
    assert stormy["kills"] >= 5
    assert {name: stormy[name] for name in COUNTED} == {name: quiet[name] for name in COUNTED}
    assert stormy["end_state"] == quiet["end_state"]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [11, 12, 13])
def test_crashes_and_faults_change_nothing(seed: int) -> None:
    check(*in_peace_and_in_storm("--seed", str(seed), "--leads", str(LEADS)))


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 200))
def test_soak(seed: int) -> None:
    check(*in_peace_and_in_storm("--seed", str(seed)))
