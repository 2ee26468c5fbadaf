"""`python -m sandboxes NAME:PORT … [--data FOLDER]`: several sandboxes in one process."""

import argparse
import json
from pathlib import Path

from sandboxes.common import Sandbox
from sandboxes.run import run_sandboxes


def _wanted(text: str) -> tuple[str, int]:
    name, _, port = text.partition(":")
    return name, int(port or 0)


def _tell(sandbox: Sandbox) -> None:
    print(json.dumps({"name": sandbox.name, "address": sandbox.address}), flush=True)  # noqa: T201


parser = argparse.ArgumentParser(prog="sandboxes", description=__doc__)
parser.add_argument("sandboxes", nargs="+", type=_wanted, metavar="NAME:PORT")
parser.add_argument("--data", type=Path, default=None)
options = parser.parse_args()
run_sandboxes(options.sandboxes, data=options.data, tell=_tell)
