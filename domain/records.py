"""Neutral records: what the systems' copies are translated to and from. Immutable; times aware, in UTC."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, overload

from domain.money import Money
from domain.states import SigningState

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

ERP_CODE_LIMIT = 20
"""The shortest number field among the ERPs (U8: customer code, 20 characters)."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a record came from: the connection, the vendor's id, and our inbox row with the raw bytes."""

    connection: str
    vendor_id: str
    inbox_id: int | None = None


def aware(moment: datetime | None, what: str) -> None:
    if moment is not None and moment.tzinfo is None:
        raise ValueError(f"{what} must be an aware time")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """A person's interest, as a lead source reports it. `vendor_id` names it at the source."""

    vendor_id: str
    created_at: datetime
    name: str | None = None
    phone: str | None = None
    email: str | None = None
    wechat: str | None = None
    company: str | None = None
    credit_code: str | None = None
    region: str | None = None
    city: str | None = None
    product_line: str | None = None
    level: str | None = None
    channel: str | None = None
    campaign: str | None = None
    advertiser: str | None = None
    message: str | None = None
    answers: Mapping[str, str] | None = None
    test: bool = False
    """The source says that nobody is behind it (an ad preview)."""

    def __post_init__(self) -> None:
        aware(self.created_at, "Lead.created_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """A customer. `code` is our own key for it, and its code in the ERP that owns it."""

    code: str
    name: str
    credit_code: str | None = None
    phone: str | None = None
    email: str | None = None
    region: str | None = None
    city: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractLine:
    """`unit_price` includes tax; `tax_rate` is a fraction (0.13)."""

    sku: str
    title: str
    quantity: Decimal
    unit_price: Decimal
    tax_rate: Decimal
    amount: Money


class Trigger(StrEnum):
    """What makes an instalment due."""

    SENT = "sent"
    SIGNED = "signed"
    DATE = "date"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instalment:
    """One row of a payment plan. `due_days` count from the trigger; `on_date` is set for Trigger.DATE."""

    number: int
    title: str
    amount: Money
    trigger: Trigger
    due_days: int = 0
    on_date: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivableLine:
    """A contract line's share of an instalment; the shares add up to the receivable's amount."""

    sku: str
    title: str
    quantity: Decimal
    unit_price: Decimal
    tax_rate: Decimal
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Receivable:
    """One instalment that has come due. `number` is our own, and the document's number in the ERP."""

    number: str
    contract_number: str
    contract_title: str
    instalment: int
    customer_code: str
    customer_name: str
    amount: Money
    document_date: date
    due_date: date
    lines: Sequence[ReceivableLine]


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """A part of a receipt that pays a part of a receivable."""

    receivable_number: str
    contract_number: str
    receivable_amount: Money
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Money that arrived. `number` is our own; the allocations add up to at most `amount`."""

    number: str
    customer_code: str
    customer_name: str
    amount: Money
    received_on: date
    payer_name: str
    payer_account: str | None
    bank_reference: str
    text: str
    allocations: Sequence[Allocation]


@dataclass(frozen=True, slots=True, kw_only=True)
class BankLine:
    """One booking of a bank statement. `amount` is positive; `direction` is seen from our account."""

    key: str
    """Unique within the account, the same whichever file brings the line."""
    account: str
    amount: Money
    direction: Literal["in", "out"]
    booked_on: date
    value_on: date | None
    payer_name: str | None
    payer_account: str | None
    bank_reference: str | None
    text: str
    end_to_end: str | None = None
    is_reversal: bool = False
    charges: Money | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One account's statement. Balances are None where the format gives none."""

    account: str
    identifier: str
    sequence: str | None
    opening: Money | None
    closing: Money | None
    lines: Sequence[BankLine]


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningParty:
    """A signer in order. `own` seals by itself; otherwise `phone` reaches the person who signs."""

    order: int
    organisation: str | None
    person: str | None
    phone: str | None
    own: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractTerms:
    """What a contract is about, for a service that fills in a template of its own."""

    total: Money
    lines: Sequence[ContractLine]
    plan: Sequence[Instalment]


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningRequest:
    """`key` names this one sending of the contract; it stands in the flow, so that the flow can be found."""

    key: str
    contract_number: str
    title: str
    file_name: str
    parties: Sequence[SigningParty]
    callback_url: str
    expires_at: datetime
    requested_at: datetime
    """When the sending was decided: the flow was created after this moment."""
    terms: ContractTerms | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningFlow:
    """A flow as the service reports it now."""

    flow_id: str
    key: str
    state: SigningState
    reason: str | None = None
    finished_at: datetime | None = None
    expires_at: datetime | None = None
    """None where the service does not say."""
    signed_parties: int = 0
    parties: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedFile:
    name: str
    content: bytes
    sha256: str

    @classmethod
    def of(cls, name: str, content: bytes) -> "SignedFile":
        return cls(name=name, content=content, sha256=hashlib.sha256(content).hexdigest())


class DocumentState(StrEnum):
    """How far a document got in the ERP. Only DONE counts in its books."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class ErpDocument:
    """A document (or a customer, without amounts) as the ERP reports it now."""

    number: str
    vendor_id: str
    state: DocumentState
    customer_code: str | None = None
    amount: Money | None = None
    open: Money | None = None
    """What is not written off yet."""


@overload
def plain(value: "DataclassInstance") -> dict[str, Any]: ...
@overload
def plain(value: object) -> object: ...
def plain(value: object) -> object:
    """A record as dicts, lists and scalars: what a mapping reads. Money becomes {amount, currency}."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, StrEnum):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [plain(item) for item in value]
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractText:
    """What is printed and signed."""

    number: str
    title: str
    seller: str
    buyer: str
    total: Money
    lines: Sequence[tuple[str, str, Money]]
    """Title, quantity, amount."""
    plan: Sequence[tuple[str, Money]]
