"""`guantong certify NAME --against URL` beside a sandbox that somebody else has started: three processes."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hub.cli import app

PROJECT = Path(__file__).parents[2]
HUB = [sys.executable, "-m", "hub"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(PROJECT)}


@contextmanager
def sandbox(name: str) -> Iterator[str]:
    command = [*HUB, "sandbox", name, "--port", "0", "--json"]
    process = subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())["address"]
    finally:
        process.terminate()
        assert process.wait(timeout=20) == 0
        process.stdout.close()


def guantong(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*HUB, *arguments], env=ENVIRONMENT, capture_output=True, text=True, check=False)


@pytest.mark.timeout(180)
def test_a_connector_is_certified_against_a_sandbox_that_runs_elsewhere(tmp_path: Path) -> None:
    with sandbox("tencent_ess") as url:
        done = guantong("certify", "tencent_ess", "--against", url, "--json", "--seeds", "3")
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        (report,) = json.loads(done.stdout)
        other = guantong("certify", "tencent_ess", "--against", "http://127.0.0.1:9", "--json")
    assert (report["tier"], report["failed"]) == ("gold", 0)
    assert report["passed"] >= 30
    assert report["under_faults"] >= 12
    assert other.returncode == 3
    assert "not a sandbox" in other.stderr


@pytest.mark.parametrize("arguments", [[], ["kingdee", "--all"], ["kingdee", "--write"]])
def test_what_is_asked_must_be_clear(arguments: list[str]) -> None:
    assert CliRunner().invoke(app, ["certify", *arguments]).exit_code == 2
