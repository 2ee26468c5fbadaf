"""The process tree: starts the parts, writes their logs, and starts again what dies."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

RESTART_PAUSE = 0.2
STOP_PATIENCE = 8.0

log = structlog.get_logger()


@dataclass
class Part:
    """One child process. `command` follows the interpreter: `-m hub api`."""

    name: str
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0


class Supervisor:
    """Use as a context manager. Children are in our process group and end with us when we end in order."""

    def __init__(self, parts: Sequence[Part], *, environment: Mapping[str, str], logs: Path) -> None:
        self.parts = {part.name: part for part in parts}
        self._environment = {**os.environ, **environment, "GUANTONG_PART": "1"}
        self._logs = logs
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._watch = threading.Thread(target=self._keep_up, name="supervisor", daemon=True)

    def __enter__(self) -> "Supervisor":
        self._logs.mkdir(parents=True, exist_ok=True)
        for part in self.parts.values():
            self._start(part)
        self._watch.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stopping.set()
        self._watch.join()
        running = [part.process for part in self.parts.values() if part.process]
        for process in running:
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + STOP_PATIENCE
        for process in running:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def kill(self, name: str) -> bool:
        """SIGKILL, as a crash would. False when it was down at this moment."""
        with self._lock:
            process = self.parts[name].process
            if process is None or process.poll() is not None:
                return False
            process.send_signal(signal.SIGKILL)
            process.wait()
            return True

    def _keep_up(self) -> None:
        while not self._stopping.wait(RESTART_PAUSE):
            with self._lock:
                for part in self.parts.values():
                    if part.process and part.process.poll() is not None:
                        log.warning("part.died", part=part.name, code=part.process.returncode)
                        self._start(part)

    def _start(self, part: Part) -> None:
        part.starts += 1
        with (self._logs / f"{part.name}.log").open("ab") as output:
            part.process = subprocess.Popen(  # noqa: S603  # our own command
                [sys.executable, *part.command],
                env=self._environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )
