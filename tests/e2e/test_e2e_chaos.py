"""Crashes by real SIGKILL at random moments, and every fault that the sandboxes know, change nothing."""

import json

import pytest

from tests.e2e.demos import COUNTED, LEADS, demo, sound


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [11, 12, 13])
def test_crashes_and_faults_change_nothing(seed: int) -> None:
    stormy = demo("--chaos", "--seed", str(seed), "--leads", str(LEADS))
    quiet = demo("--seed", str(seed), "--leads", str(LEADS))
    assert sound(stormy), json.dumps(stormy, ensure_ascii=False)
    assert stormy["kills"] >= 5
    assert {name: stormy[name] for name in COUNTED} == {name: quiet[name] for name in COUNTED}
    assert stormy["end_state"] == quiet["end_state"]


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 200))
def test_soak(seed: int) -> None:
    quiet, stormy = demo("--seed", str(seed)), demo("--chaos", "--seed", str(seed))
    assert sound(stormy), stormy
    assert stormy["kills"] >= 5
    assert stormy["end_state"] == quiet["end_state"]
