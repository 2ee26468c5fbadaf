"""A part of a process tree must not outlive it, however the tree's root ended."""

import os
import signal
import threading

LOOK_EVERY = 1.0


def end_with_parent() -> None:
    """Once the process that started us is gone, we are asked to stop as by a person."""
    parent = os.getppid()

    def watch() -> None:
        while not threading.Event().wait(LOOK_EVERY):
            if os.getppid() != parent:
                os.kill(os.getpid(), signal.SIGTERM)
                return

    threading.Thread(target=watch, daemon=True, name="parent").start()
