"""A switch that will not do is refused, and what was set stays."""

import pytest

from sandboxes.common import running
from sandboxes.common.asked import turned
from sandboxes.run import load

SWITCHES = {"on": False, "rows": 100, "seconds": 0.5}


@pytest.mark.parametrize(
    "change", [{"on": True}, {"rows": 0}, {"seconds": 3}, {"seconds": 0.1, "rows": 7}, {}]
)
def test_what_is_like_the_usual_value(change: dict[str, object]) -> None:
    assert turned(SWITCHES, change) == SWITCHES | change


@pytest.mark.parametrize(
    "change",
    [
        {"off": True},
        {"on": 1},
        {"on": None},
        {"rows": "7"},
        {"rows": 1.5},
        {"rows": True},
        {"rows": -1},
        {"seconds": "x"},
        {"seconds": float("inf")},
        {"seconds": float("nan")},
    ],
)
def test_what_is_not(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(change))):
        turned(SWITCHES, change)


@pytest.mark.parametrize(
    ("vendor", "act", "wrong"),
    [
        ("douyin_leads", "set_limits", {"qps": "x"}),
        ("douyin_leads", "set_limits", {"concurrency": 0}),
        ("yonyou_u8", "set_knobs", {"eai_max_items": None}),
    ],
)
def test_a_wrong_switch_is_told_and_changes_nothing(vendor: str, act: str, wrong: dict[str, object]) -> None:
    with running(load(vendor)()) as site:
        before = site.control(f"act/{act}", {})
        with pytest.raises(Exception, match="400"):
            site.control(f"act/{act}", wrong)
        assert site.control(f"act/{act}", {}) == before
