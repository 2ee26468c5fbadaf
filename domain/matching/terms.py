"""The words of matching: what goes in, what comes out, and the points."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Literal

from domain.matching.kinds import Kind
from domain.money import Money

Band = Literal["auto", "propose", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Points per evidence, and the bands. Finance may change them; the structure of the rules stays."""

    number_strong: int = 50
    number_weak: int = 20
    payer_account: int = 25
    name_exact: int = 20
    name_known: int = 18
    name_folded: int = 18
    name_fuzzy: int = 10
    one_instalment: int = 25
    whole_contract: int = 20
    sum_of_instalments: int = 15
    # The next two are set so that number and exact payer reach the auto band at any date: a part payment can
    # only mean the earliest instalment, and a split over two named contracts is counted only when unique.
    split_over_contracts: int = 20
    part_of_earliest: int = 20
    less_fee: int = 15
    due_within_3_days: int = 5
    due_within_30_days: int = 3
    contradiction: int = -40
    auto: int = 90
    propose: int = 50
    margin: int = 10
    """Another candidate this near: never auto."""


WEIGHTS = Weights()


class Flag(StrEnum):
    CONTRADICTION = "contradiction"
    TIE = "tie"
    PART_PAYMENT = "part_payment"
    OVER_PAYMENT = "over_payment"
    FEE_DEDUCTED = "fee_deducted"
    CLOSED_CONTRACT = "closed_contract"
    DOUBLE_PAYMENT = "double_payment"
    THIRD_PARTY = "third_party"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenItem:
    """An instalment. Paid ones (`open` zero) may be given too: they tell a double payment."""

    receivable_id: int
    contract_number: str
    instalment: int
    customer_id: int
    customer_name: str
    amount_due: Money
    open: Money
    due_date: date


@dataclass(frozen=True, slots=True)
class Allocation:
    """`amount` in minor units of the line's currency."""

    receivable_id: int
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """One way to book the line. `certain`: the rules would let it be booked without a person."""

    customer_id: int | None
    contract_numbers: tuple[str, ...]
    allocations: tuple[Allocation, ...]
    score: int
    reasons: tuple[str, ...]
    flags: frozenset[Flag] = frozenset()
    certain: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchResult:
    """`customer_id`: whose receivables are paid; in band `none`, who surely paid (a pre-payment)."""

    band: Band
    allocations: tuple[Allocation, ...] = ()
    score: int = 0
    reasons: tuple[str, ...] = ()
    flags: frozenset[Flag] = frozenset()
    customer_id: int | None = None
    contract_numbers: tuple[str, ...] = ()
    kind: Kind = Kind.RECEIPT
    alternatives: tuple[Proposal, ...] = ()

    @property
    def not_a_receipt(self) -> bool:
        return self.kind is not Kind.RECEIPT

    @property
    def allocations_minor(self) -> dict[int, int]:
        return {allocation.receivable_id: allocation.amount for allocation in self.allocations}
