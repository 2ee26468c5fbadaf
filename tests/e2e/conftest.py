"""A real Chromium for the tests of pages."""

import os
import shutil
import tempfile

import pytest

# Playwright's driver takes /tmp unless told; Python looks for a place that may be written.
os.environ.setdefault("TMPDIR", tempfile.gettempdir())


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
