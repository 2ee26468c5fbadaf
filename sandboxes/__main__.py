"""`python -m sandboxes NAME:PORT … [--data FOLDER]`: several sandboxes in one process."""

import argparse
import json
import os
import signal
import threading
from pathlib import Path

from sandboxes.common import Sandbox
from sandboxes.run import run_sandboxes


def _wanted(text: str) -> tuple[str, int]:
    name, _, port = text.partition(":")
    return name, int(port or 0)


def _tell(sandbox: Sandbox) -> None:
    print(json.dumps({"name": sandbox.name, "address": sandbox.address}), flush=True)  # noqa: T201


def _end_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        threading.Event().wait(1)
    os.kill(os.getpid(), signal.SIGTERM)


parser = argparse.ArgumentParser(prog="sandboxes", description=__doc__)
parser.add_argument("sandboxes", nargs="+", type=_wanted, metavar="NAME:PORT")
parser.add_argument("--data", type=Path, default=None)
parser.add_argument("--with-parent", action="store_true", help="stop when the starting process is gone")
options = parser.parse_args()
if options.with_parent:
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
run_sandboxes(options.sandboxes, data=options.data, tell=_tell)
