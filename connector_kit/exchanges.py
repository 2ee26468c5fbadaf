"""Every exchange with a vendor is kept, redacted and size-capped, so that a person can see what was said."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

BODY_LIMIT = 64 * 1024
"""Characters of a body that are kept."""
HEADER_LIMIT = 4096
"""Characters of an address, and of each header."""

_SUBJECT: ContextVar[str | None] = ContextVar("exchange_subject", default=None)


Kind = Literal["read", "keyed_write", "blind_write"]
"""What an operation does to the vendor's books: nothing; once for each key of ours; once more each time."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """`status` None: no answer came, `outcome` says why. `subject` names the delivery or poll behind it."""

    connection: str
    operation: str
    kind: Kind
    """Of the operation."""
    subject: str | None
    started_at: datetime
    milliseconds: int
    method: str
    url: str
    request_headers: dict[str, str]
    request_body: str
    status: int | None
    reply_headers: dict[str, str]
    reply_body: str
    outcome: str


class Recorder(Protocol):
    async def record(self, exchange: Exchange) -> None: ...


class MemoryRecorder:
    """Keeps exchanges in a list. For tests and certification."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []

    async def record(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)


@contextmanager
def exchange_subject(name: str) -> Iterator[None]:
    """Exchanges inside the block are kept under this name, e.g. `delivery/42`."""
    token = _SUBJECT.set(name)
    try:
        yield
    finally:
        _SUBJECT.reset(token)


def subject() -> str | None:
    return _SUBJECT.get()
