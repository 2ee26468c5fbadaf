"""A harness that cannot fail proves nothing: two hubs that are wrong on purpose must be caught."""

import pytest
from rich.console import Console

from hub.demo.run import DemoOptions, run_demo
from tests.e2e.demos import LEADS


def caught(control: str, mark: str, *, leads: int, steps: int) -> bool:
    """Chaos over a hub whose API is wrong on purpose, a few seeds at most."""
    for seed in range(21, 27):
        result = run_demo(
            DemoOptions(
                leads=leads,
                seed=seed,
                chaos=True,
                patience=8,
                steps=steps,
                commands={"api": [f"tests.e2e.controls.{control}", "api"]},
            ),
            screen=Console(quiet=True),
        )
        if any(mark in thing for thing in result.reckoning.lost):
            return True
    return False


@pytest.mark.timeout(1200)
def test_the_harness_catches_an_answer_before_the_commit() -> None:
    assert caught("ack_first", "acknowledged, not in the inbox", leads=LEADS, steps=1)


@pytest.mark.timeout(1200)
def test_the_harness_catches_a_delivery_in_a_second_transaction() -> None:
    assert caught("two_transactions", "approved, never sent", leads=LEADS, steps=2)
