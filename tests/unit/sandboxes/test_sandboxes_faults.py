"""The fault plan: the same seed and the same requests meet the same faults."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sandboxes.common import FaultPlan, FaultRule
from sandboxes.common.faults import KINDS

RULES = st.lists(
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from(KINDS),
            "path": st.sampled_from([".*", "a", "^/b"]),
            "method": st.sampled_from([".*", "POST"]),
            "rate": st.floats(0, 1),
            "skip": st.integers(0, 3),
            "times": st.none() | st.integers(0, 5),
        }
    ),
    max_size=4,
)
REQUESTS = st.lists(st.tuples(st.sampled_from(["GET", "POST"]), st.sampled_from(["/a", "/b", "/c/a"])))


@given(RULES, REQUESTS, st.integers(0, 100))
def test_the_same_seed_is_the_same_run(rules: Any, requests: list[tuple[str, str]], seed: int) -> None:
    first, second = (FaultPlan(**{"seed": seed, "rules": rules}) for _ in range(2))
    assert [first.choose(*each) for each in requests] == [second.choose(*each) for each in requests]
    assert first.as_json() == second.as_json()


def test_another_seed_is_another_run() -> None:
    runs = set()
    for seed in range(20):
        plan = FaultPlan(rules=[FaultRule("delay", rate=0.5)], seed=seed)
        runs.add(tuple(plan.choose("GET", "/") is None for _ in range(20)))
    assert len(runs) > 15
