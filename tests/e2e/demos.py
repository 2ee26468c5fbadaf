"""Runs of the main job as its users start it. Each is a process tree of its own."""

import json
import os
import subprocess
import sys
from typing import Any

LEADS = 60

COUNTED = (
    "leads_sent",
    "leads_unique",
    "leads_stored",
    "leads_assigned",
    "forged_refused",
    "parked",
    "contracts_signed",
    "receivables_expected",
    "receivables_in_erp",
    "receipts_expected",
    "receipts_in_erp",
    "written_off",
)


def demo(*options: str) -> dict[str, Any]:
    """Runs `guantong demo --json`; the last line of its output."""
    done = subprocess.run(
        [sys.executable, "-m", "hub", "demo", "--json", *options],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        timeout=600,
        check=False,
    )
    assert done.stdout.strip(), done.stderr[-3000:]
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    assert (done.returncode == 0) == (not result["lost"] and not result["duplicated"] and not result["stuck"])
    return result


def sound(result: dict[str, Any]) -> bool:
    return not (result["lost"] or result["duplicated"] or result["stuck"])


def check_storm(quiet: dict[str, Any], stormy: dict[str, Any]) -> None:
    """Crashes and faults have changed nothing."""
    assert sound(stormy), json.dumps(stormy, ensure_ascii=False)
    assert stormy["kills"] >= 5
    assert {name: stormy[name] for name in COUNTED} == {name: quiet[name] for name in COUNTED}
    assert stormy["end_state"] == quiet["end_state"]
