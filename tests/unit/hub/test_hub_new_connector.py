"""The skeleton: complete, clean, and its tests pass where it is written."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from domain.faults import Misconfigured
from hub.new_connector import LONGEST_NAME, new_connector

PROJECT = Path(__file__).parents[3]
PACKAGES = (
    "domain configuration expressions mappings router crm_store connector_kit connectors flows hub sandboxes"
)
LONG = f"n{'a' * (LONGEST_NAME - 3)}_z"
NAMES = f"""
    a acme_erp adapter any bank2 common2 connector_kit date domain erp json route request sandbox type zz
    {LONG}
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for name in PACKAGES.split():
        shutil.copytree(PROJECT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)
    return tmp_path


def run(folder: Path, *command: str) -> None:
    """The copy comes first on the path, before the installed project."""
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_skeleton_passes_its_own_tests(copy: Path) -> None:
    new_connector("erp", copy)
    run(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/connectors/erp")


def test_the_skeleton_passes_the_slow_linters(copy: Path) -> None:
    new_connector("erp", copy)
    run(copy, "-m", "mypy", "connectors/erp", "sandboxes/erp", "hub/certification/erp.py", "tests/connectors")
    run(copy, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()")


@pytest.mark.soak
@pytest.mark.parametrize("name", ["a", "sandbox", "request", LONG])
def test_a_skeleton_of_any_name_passes_its_own_tests(copy: Path, name: str) -> None:
    new_connector(name, copy)
    run(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"tests/connectors/{name}")
    run(copy, "-m", "mypy", f"connectors/{name}", f"sandboxes/{name}", f"tests/connectors/{name}")


def test_a_skeleton_of_any_name_passes_the_linter(copy: Path) -> None:
    """Before and after "common" in the alphabet, short and long, and the names of what it imports."""
    written = [
        str(path) for name in NAMES.split() for path in new_connector(name, copy) if path.suffix == ".py"
    ]
    run(copy, "-m", "ruff", "check", *written)
    run(copy, "-m", "ruff", "format", "--check", *written)


@pytest.mark.parametrize("name", ["", "Erp", "1e", "a-b", "a__b", "class", "../x", "x" * (LONGEST_NAME + 1)])
def test_a_name_must_be_one(name: str, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured):
        new_connector(name, tmp_path)
    assert not list(tmp_path.iterdir())


def test_nothing_is_written_over(copy: Path) -> None:
    for name in ("kingdee", "bank", "run", "common"):
        with pytest.raises(Misconfigured, match="exists already"):
            new_connector(name, copy)
    with pytest.raises(Misconfigured, match="not the project's folder"):
        new_connector("example", copy / "tests")
