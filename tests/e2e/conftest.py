"""A real Chromium for the tests of pages."""

import os
import shutil

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "browser: needs a Chromium (Debian: apt-get install chromium)")


@pytest.fixture(scope="module")
def chromium_path() -> str:
    """CI must have one; elsewhere the tests that need it say what is missing."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is not None:
        return found
    missing = "Chromium is missing: apt-get install chromium"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)
