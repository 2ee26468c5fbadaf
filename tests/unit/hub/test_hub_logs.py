"""No log line holds a secret of an open connection, whoever writes it."""

import subprocess
import sys

SECRET = "made-up+secret/1"
LINES = f"""
import logging, sys
import structlog
from connector_kit import Redactor
from hub import logs

logs.configure()
kept = Redactor({{{SECRET!r}}})
log = structlog.get_logger()
try:
    raise ValueError("asked https://vendor.example/?key=made-up%2Bsecret%2F1")
except ValueError:
    log.exception("call.failed", reason="said {SECRET}", tries=3)
    logging.getLogger("a.library").exception("it said {SECRET}")
nested = {{"said": [ValueError("no {SECRET}")], ("a", "{SECRET}"): 1, "app_secret": "of-another"}}
log.warning("call.nested", settings=nested, tries=3)
log.warning("call.failed", answer='{{"app_secret": "of-another"}}')
"""


def test_secrets_are_masked_in_every_line() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LINES], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stderr.count("Traceback") == 2
    assert "call.failed" in done.stderr
    assert "it said ***" in done.stderr
    assert '"said": ["no ***"]' in done.stderr
    for secret in (SECRET, "made-up%2Bsecret%2F1", "of-another"):
        assert secret not in done.stderr
