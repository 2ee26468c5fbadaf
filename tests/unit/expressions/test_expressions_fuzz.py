"""No expression reaches an attribute, an import or a file, runs long, or fails in a way of its own."""

from pathlib import Path

import pytest

from expressions import CodeUnit
from tests.expression_grammar import AUDIT, check_code, play

CASES = 2_000
SOAK_CASES = 120_000


def test_random_expressions_reach_nothing() -> None:
    outcomes = play(CASES, seed=1)
    assert sum(outcomes.values()) == CASES
    # The generator is worth something only if it hits all three.
    assert min(outcomes[name] for name in ("refused", "did not fit", "evaluated")) > CASES / 10


@pytest.mark.soak
def test_a_great_many_random_expressions_reach_nothing() -> None:
    outcomes = play(SOAK_CASES, seed=2)
    assert sum(outcomes.values()) == SOAK_CASES


@pytest.mark.parametrize(
    "code",
    [
        "r.__class__",
        "r.get.__self__",
        "f_upper(r).mro()",
        "__builtins__",
        "open('x')",
        "[x for x in r]",
        "f'{r}'",
        "type(r)(**r)",
        "r['a']",
        "1.5",
    ],
)
def test_the_check_of_generated_code_would_notice(code: str) -> None:
    with pytest.raises(AssertionError):
        check_code(code, CodeUnit().namespace)


def test_the_audit_would_notice() -> None:
    with AUDIT.armed() as events:
        exec(compile("1", "x", "eval"))
        Path(__file__).read_bytes()
    assert {"compile", "exec", "open"} <= set(events)
