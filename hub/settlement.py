"""One table: what a fault means for the delivery that met it."""

import random
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from domain.faults import Fault, Misconfigured, SessionExpired, Throttled, Transient, UnknownOutcome


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential from `base` to `cap` seconds with full jitter; `attempts` in all."""

    base: float
    cap: float
    attempts: int

    def wait(self, attempt: int, chance: random.Random) -> timedelta:
        ceiling = min(self.cap, self.base * 2 ** min(attempt - 1, 30))
        return timedelta(seconds=chance.uniform(0, ceiling))


@dataclass(frozen=True, slots=True)
class Settlement:
    state: Literal["retry", "unknown", "failed"]
    wait: timedelta = timedelta()
    pauses_connection: bool = False


def settle(fault: Fault, attempt: int, backoff: Backoff, chance: random.Random) -> Settlement:
    """`attempt` counts from 1. Rejected, Malformed and Mismatch need a person: they are never repeated."""
    match fault:
        case Misconfigured():
            return Settlement("retry", timedelta(seconds=5), pauses_connection=True)
        case Throttled():
            return Settlement("retry", fault.wait)
        case Transient() | SessionExpired() | UnknownOutcome() if attempt >= backoff.attempts:
            return Settlement("failed")
        case UnknownOutcome():
            return Settlement("unknown", backoff.wait(attempt, chance))
        case Transient() | SessionExpired():
            return Settlement("retry", backoff.wait(attempt, chance))
        case _:
            return Settlement("failed")


DEAD_LETTER = "dead_letter"
"""The kind of the task that a failed delivery opens."""

OWNERS = {"Rejected": "sales", "Mismatch": "finance"}
"""Who is asked to act on a dead letter; everybody else's is IT's."""
