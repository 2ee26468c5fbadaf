"""What flows ask of the outside world. Connectors implement these; a flow never knows the vendor.

Every method may raise the faults of `domain.faults`. A method named `find_*` looks up by the key that we
wrote into the document, and is what the worker calls before any second attempt.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Generic, Literal, Protocol, TypeVar, runtime_checkable

from domain.records import (
    Company,
    ErpDocument,
    Lead,
    Receipt,
    Receivable,
    SignedFile,
    SigningFlow,
    SigningRequest,
    Statement,
)

Record = TypeVar("Record", covariant=True)

EVENT = "event."
"""Messages whose kind begins so are kept as evidence; nothing follows from them."""


@dataclass(frozen=True, slots=True)
class HookRequest:
    """A call from outside, untouched. Header names are in lower case; `path` and `query` are as received."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime


@dataclass(frozen=True, slots=True)
class HookAnswer:
    status: int
    body: bytes
    content_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Inbound:
    """One message for the inbox. `dedupe_key` is unique per connection: a repeat changes nothing."""

    kind: str
    dedupe_key: str
    body: bytes
    headers: Mapping[str, str]


class HookRefused(Exception):
    """Forged, stale, too large or undecodable. Counted, answered as the vendor expects, and kept out."""

    def __init__(
        self, reason: Literal["forged", "stale", "malformed"], detail: str, answer: HookAnswer
    ) -> None:
        self.reason = reason
        self.detail = detail
        self.answer = answer
        super().__init__(f"{reason}: {detail}")


@dataclass(frozen=True, slots=True)
class Translated(Generic[Record]):
    """A neutral record and the mapping version that made it."""

    record: Record
    mapping: str


@runtime_checkable
class Hook(Protocol):
    """A connector that is called by its vendor."""

    def open(self, request: HookRequest) -> Sequence[Inbound]:
        """Verify over the raw bytes, then split into messages. Raises HookRefused."""
        ...

    def accepted(self, request: HookRequest) -> HookAnswer:
        """The answer that the vendor takes for 'delivered'; sent only after the messages are committed."""
        ...


@runtime_checkable
class LeadReader(Protocol):
    """Translates a lead message, pushed or pulled. Raises domain.faults.Unmappable."""

    def read_lead(self, kind: str, body: bytes) -> Translated[Lead]: ...


@runtime_checkable
class LeadSource(Protocol):
    """Lists leads created in a window, in batches (a page each). Rows may come twice, none is left out."""

    def pull_leads(self, since: datetime, until: datetime) -> AsyncIterator[Sequence[Inbound]]: ...


LeadOutcome = Literal["contacted", "qualified", "won", "invalid"]


@runtime_checkable
class LeadFeedback(Protocol):
    """Tells a lead source what became of a lead."""

    feeds_back: bool
    """Whether this connection wants it: the source bills and optimises by what it is told."""

    async def report(
        self, vendor_id: str, outcome: LeadOutcome, at: datetime, reason: str | None = None
    ) -> None:
        """The same report again changes nothing; an adapter whose vendor would count it twice looks first."""
        ...


@dataclass(frozen=True, slots=True)
class SigningHint:
    """A callback says only that there is news about a flow; the flow itself is fetched."""

    flow_id: str
    action: str


@runtime_checkable
class SigningHook(Protocol):
    def read_hint(self, kind: str, body: bytes) -> SigningHint | None:
        """None: a known or unknown event that says nothing about a flow's signatures."""
        ...


@runtime_checkable
class Signer(Protocol):
    async def find_flow(self, request: SigningRequest) -> SigningFlow | None: ...

    async def create_flow(self, request: SigningRequest, content: bytes) -> SigningFlow:
        """Uploads the PDF and starts the flow. A blind write: the services know no idempotency key."""
        ...

    async def flow(self, flow_id: str) -> SigningFlow: ...

    async def signed_file(self, flow_id: str) -> SignedFile: ...

    async def extend(self, flow_id: str, until: datetime) -> None: ...

    async def revoke(self, flow_id: str, reason: str) -> None: ...

    async def urge(self, flow_id: str) -> None: ...

    async def sign_url(self, flow_id: str, phone: str) -> str: ...


@runtime_checkable
class SigningEvidence(Protocol):
    """The service's own report on a finished flow: who signed, when, and how that was made sure."""

    wants_evidence: bool
    """Whether this connection asks for it: some services charge for each report."""

    async def apply_for_evidence(self, flow_id: str) -> str:
        """The number of the report. A blind write: UnknownOutcome needs a person who looks."""
        ...

    async def evidence(self, flow_id: str, number: str) -> SignedFile | None:
        """None while the report is being made. Raises Rejected if it cannot be."""
        ...


@runtime_checkable
class CustomerArchive(Protocol):
    async def find_customer(self, code: str) -> ErpDocument | None: ...

    async def create_customer(self, company: Company) -> ErpDocument: ...

    async def advance_customer(self, document: ErpDocument) -> ErpDocument:
        """Makes the calls that are still due by the document's own state at the vendor, up to DONE."""
        ...


ArchiveKind = Literal["customer", "material", "person"]


@dataclass(frozen=True, slots=True)
class ArchiveEntry:
    """A row of the vendor's base data."""

    code: str
    name: str


@runtime_checkable
class Archives(Protocol):
    """Base data that the vendor lists: what code tables are filled from."""

    def list_archive(self, kind: ArchiveKind) -> AsyncIterator[ArchiveEntry]:
        """What documents may refer to. Raises Misconfigured where this connection cannot list it."""
        ...


@runtime_checkable
class ErpLedger(Protocol):
    writes_off: Literal["on_audit", "by_person"]
    """`by_person`: the vendor has no call for it; a task asks finance, and reading `open` closes it."""

    async def find_receivable(self, number: str) -> ErpDocument | None: ...

    async def create_receivable(self, receivable: Receivable) -> ErpDocument: ...

    async def advance_receivable(self, document: ErpDocument) -> ErpDocument:
        """Up to DONE. Where the vendor has no call for that, the document as it is: a task asks finance to
        verify it, and reading `state` closes it. So with receipts.
        """
        ...

    async def find_receipt(self, number: str) -> ErpDocument | None: ...

    async def create_receipt(self, receipt: Receipt) -> ErpDocument: ...

    async def advance_receipt(self, document: ErpDocument) -> ErpDocument: ...

    def list_receivables(self, since: date) -> AsyncIterator[ErpDocument]: ...

    def list_receipts(self, since: date) -> AsyncIterator[ErpDocument]: ...


@runtime_checkable
class ReceivableImport(Protocol):
    """An ERP that takes receivables in, and has no call to ask about them afterwards."""

    async def import_receivable(self, receivable: Receivable) -> str:
        """Its id in the ERP. A blind write: UnknownOutcome needs a person who looks."""
        ...


@runtime_checkable
class StatementFeed(Protocol):
    def new_statements(self) -> AsyncIterator[Inbound]:
        """Whatever lies ready. A statement may be given again: the inbox knows it by its dedupe key."""
        ...

    def read_statement(self, body: bytes) -> Translated[Sequence[Statement]]:
        """Raises domain.faults.Unmappable with what is wrong, in plain words."""
        ...


class Translator(Protocol):
    """The mappings that a connection works with, by name."""

    def translate(
        self, mapping: str, record: Mapping[str, object], *, tables: Mapping[str, Mapping[str, str]] = ...
    ) -> Translated[dict[str, object]]:
        """`tables` are the connection's own code tables; a row of the hub's with the same name comes first.

        Raises domain.faults.Unmappable.
        """
        ...


class Clock(Protocol):
    def now(self) -> datetime:
        """Aware, in UTC."""
        ...
