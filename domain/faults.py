"""The faults that may leave a connector. Each has one consequence, decided in one place (the worker)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta


@dataclass(eq=False)
class Fault(Exception):
    """`message` is for the person who is told; `code` is the vendor's own."""

    message: str
    code: str = ""

    def __post_init__(self) -> None:
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"[{self.code}] {self.message}" if self.code else self.message

    @property
    def kind(self) -> str:
        return type(self).__name__


@dataclass(eq=False)
class Transient(Fault):
    """It never arrived, or the vendor is down. Retry with backoff."""


@dataclass(eq=False)
class Throttled(Fault):
    """Too fast, or the quota is used up. Wait as told."""

    wait: timedelta = timedelta(seconds=5)


@dataclass(eq=False)
class SessionExpired(Fault):
    """The token ran out. Log in once, repeat once."""


@dataclass(eq=False)
class UnknownOutcome(Fault):
    """It was sent, and no answer says what happened. Look up by our own key before anything else."""


@dataclass(eq=False)
class Rejected(Fault):
    """Understood and refused. A person must change the data; `fields` are the vendor's names."""

    fields: tuple[str, ...] = field(default=())


@dataclass(eq=False)
class Misconfigured(Fault):
    """Credentials, account set or a missing code. Pause the connection and tell IT."""


@dataclass(eq=False)
class Malformed(Fault):
    """The reply breaks the protocol. Stop and keep the bytes."""

    body: bytes = b""


@dataclass(eq=False)
class Mismatch(Fault):
    """What came back differs from what went out (amount, currency, customer). Stop; finance decides."""


@dataclass(frozen=True, slots=True)
class MissingCode:
    """A code table has no row for this key. Once somebody decides it, the record can go on."""

    table: str
    key: str


class Unmappable(Exception):
    """A record could not be translated. It is parked with these reasons, one per field, in plain words."""

    def __init__(self, problems: Sequence[str], *, lacks: Sequence[MissingCode] = ()) -> None:
        """`lacks`: one for each of the problems that a row in a code table would solve."""
        self.problems = list(problems)
        self.lacks = tuple(lacks)
        super().__init__("；".join(dict.fromkeys(problems)))

    @property
    def lacks_only_codes(self) -> bool:
        return bool(self.lacks) and len(self.lacks) == len(self.problems)
