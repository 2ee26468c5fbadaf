"""The process tree: starts the parts, writes their logs, and starts again what dies.

The parts are forked from one process that has loaded the program already (multiprocessing's fork server): to
start one takes milliseconds, where a new interpreter takes seconds of a core before it does anything.
"""

import os
import runpy
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path

import structlog

RESTART_PAUSE = 0.2
STOP_PATIENCE = 8.0

log = structlog.get_logger()


@dataclass
class Part:
    """One child process. `command`: a module and its arguments, as after `python -m`."""

    name: str
    command: Sequence[str]
    process: BaseProcess | None = None
    starts: int = 0


class Supervisor:
    """Use as a context manager. The children end with us, at once when we end in order."""

    def __init__(self, parts: Sequence[Part], *, environment: Mapping[str, str], logs: Path) -> None:
        self.parts = {part.name: part for part in parts}
        self._environment = {**os.environ, **environment}
        self._logs = logs
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._forks = get_context("forkserver")
        self._forks.set_forkserver_preload(["hub.preload"])
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
            process.terminate()
        deadline = time.monotonic() + STOP_PATIENCE
        for process in running:
            process.join(max(0.1, deadline - time.monotonic()))
            process.kill()
            process.join()

    def kill(self, name: str) -> bool:
        """SIGKILL, as a crash would. False when it was down at this moment."""
        with self._lock:
            process = self.parts[name].process
            if process is None or process.exitcode is not None:
                return False
            process.kill()
            process.join()
            return True

    def _keep_up(self) -> None:
        while not self._stopping.wait(RESTART_PAUSE):
            with self._lock:
                for part in self.parts.values():
                    if part.process and part.process.exitcode is not None:
                        log.warning("part.died", part=part.name, code=part.process.exitcode)
                        part.process = None
                    if part.process is None:
                        self._start(part)

    def _start(self, part: Part) -> None:
        """Tried again in the next round if the process that forks has itself just died."""
        process = self._forks.Process(
            target=_become,
            name=part.name,
            args=(part.command, self._environment, self._logs / f"{part.name}.log"),
        )
        try:
            process.start()
        except (OSError, EOFError) as error:
            log.warning("part.not_started", part=part.name, error=str(error))
        else:
            part.process = process
            part.starts += 1


def _become(command: Sequence[str], environment: Mapping[str, str], log_file: Path) -> None:
    """In the child: what `python -m` does, with this environment, writing to this file."""
    threading.Thread(target=_end_with_the_tree, daemon=True, name="tree").start()
    os.environ.clear()
    os.environ.update(environment)
    with log_file.open("ab") as output:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(output.fileno(), stream.fileno())
    sys.argv = [*command]
    runpy.run_module(command[0], run_name="__main__", alter_sys=True)


def _end_with_the_tree() -> None:
    """However the process with the supervisor ended, or the one that forked us: then we are asked to stop, as
    by a person. Without the fork server nobody knows of us, and our successor would find our port taken.
    """
    parent = parent_process()
    assert parent is not None
    forked_by = [os.pidfd_open(os.getppid())] if hasattr(os, "pidfd_open") else []  # Linux
    wait([parent.sentinel, *forked_by])
    os.kill(os.getpid(), signal.SIGTERM)
