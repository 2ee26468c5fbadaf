"""A vendor that does not answer is left in peace for a while: nobody waits for time-outs one after another.

The state lives in each process: every worker finds out by itself, after a few calls, and no shared store has
to work for it.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from domain.faults import Fault, Transient, UnknownOutcome

FAILURES = 10
"""So many calls in a row without an answer open it."""
FIRST_REST, LONGEST_REST = 2.0, 60.0
"""Seconds; doubled after each failed probe."""


@dataclass(slots=True)
class Breaker:
    """Closed: calls pass. Open: none does. After the rest a single probe passes, and decides."""

    failures: int = FAILURES
    now: Callable[[], float] = time.monotonic
    _failed: int = 0
    _rest: float = FIRST_REST
    _open_until: float = field(default=0.0)
    _probing: bool = False

    @property
    def state(self) -> Literal["closed", "open", "half_open"]:
        if self._failed < self.failures:
            return "closed"
        return "open" if self._probing or self.now() < self._open_until else "half_open"

    @contextmanager
    def call(self) -> Iterator[None]:
        """Raises Transient without any call while it is open. A refusal is an answer, too."""
        state = self.state
        if state == "open":
            raise Transient("对方系统连续没有回答，稍后再试 (the vendor does not answer; resting)")
        probe = self._probing = state == "half_open"
        try:
            yield
        except (Transient, UnknownOutcome):
            self._no_answer(probe=probe)
            raise
        except Fault:
            self._answered()
            raise
        else:
            self._answered()
        finally:
            self._probing = self._probing and not probe

    def _answered(self) -> None:
        self._failed, self._rest = 0, FIRST_REST

    def _no_answer(self, *, probe: bool) -> None:
        self._failed += 1
        if self._failed >= self.failures:
            self._rest = min(self._rest * 2, LONGEST_REST) if probe else self._rest
            self._open_until = self.now() + self._rest
