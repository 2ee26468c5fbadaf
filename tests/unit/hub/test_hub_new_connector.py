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


@pytest.mark.parametrize(
    "name", ["erp", pytest.param(f"n{'a' * (LONGEST_NAME - 3)}_z", marks=pytest.mark.soak)]
)
def test_the_skeleton_passes_linters_and_its_own_tests(copy: Path, name: str) -> None:
    written = [str(path) for path in new_connector(name, copy) if path.suffix == ".py"]
    run(copy, "-m", "ruff", "check", *written)
    run(copy, "-m", "ruff", "format", "--check", *written)
    run(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"tests/connectors/{name}")


@pytest.mark.soak
def test_the_skeleton_passes_the_slow_linters(copy: Path) -> None:
    new_connector("example", copy)
    run(copy, "-m", "mypy", "connectors/example", "sandboxes/example", "tests/connectors/example")
    run(copy, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()")


@pytest.mark.parametrize("name", ["", "Erp", "1e", "a-b", "a__b", "class", "../x", "x" * (LONGEST_NAME + 1)])
def test_a_name_must_be_one(name: str, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured):
        new_connector(name, tmp_path)
    assert not list(tmp_path.iterdir())


def test_nothing_is_written_over(copy: Path) -> None:
    with pytest.raises(Misconfigured, match="exists already"):
        new_connector("kingdee", copy)
    with pytest.raises(Misconfigured, match="not the project's folder"):
        new_connector("example", copy / "tests")
