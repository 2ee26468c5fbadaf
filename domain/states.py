"""The life of contracts and receivables, as tables. Nothing outside this file moves a state.

News comes from many systems, late and more than once. A *fact* that brings nothing new, or comes too late to
matter, leaves the state alone; a *command* of a person that does not fit is refused.
"""

from dataclasses import dataclass
from enum import StrEnum


class ContractState(StrEnum):
    DRAFT = "draft"
    APPROVING = "approving"
    APPROVED = "approved"
    SENT = "sent"
    PARTLY_SIGNED = "partly_signed"
    SIGNED = "signed"
    FULFILLED = "fulfilled"
    DECLINED = "declined"
    EXPIRED = "expired"
    REVOKED = "revoked"
    TERMINATED = "terminated"


IN_VAIN = (ContractState.DECLINED, ContractState.EXPIRED, ContractState.REVOKED, ContractState.TERMINATED)
"""Ended without a signature."""


class ContractEvent(StrEnum):
    SUBMIT = "submit"
    APPROVE = "approve"
    REJECT = "reject"
    TERMINATE = "terminate"
    FLOW_SENT = "flow_sent"
    PARTY_SIGNED = "party_signed"
    ALL_SIGNED = "all_signed"
    FLOW_DECLINED = "flow_declined"
    FLOW_EXPIRED = "flow_expired"
    FLOW_REVOKED = "flow_revoked"
    FLOW_EXTENDED = "flow_extended"
    ALL_PAID = "all_paid"


class ReceivableState(StrEnum):
    PLANNED = "planned"
    POSTING = "posting"
    POSTED = "posted"
    PARTLY_PAID = "partly_paid"
    PAID = "paid"
    REVERSED = "reversed"


class SigningState(StrEnum):
    """The neutral life cycle of a signing flow at any e-signature service."""

    DRAFT = "draft"
    SIGNING = "signing"
    PARTLY_SIGNED = "partly_signed"
    SIGNED = "signed"
    DECLINED = "declined"
    EXPIRED = "expired"
    REVOKED = "revoked"


class SigningAct(StrEnum):
    """What may be asked of the signing service about a contract that was sent."""

    URGE = "urge"
    EXTEND = "extend"
    REVOKE = "revoke"
    EVIDENCE = "evidence"


S, E = ContractState, ContractEvent

COMMANDS = frozenset({E.SUBMIT, E.APPROVE, E.REJECT, E.TERMINATE})

CONTRACT = {
    (S.DRAFT, E.SUBMIT): S.APPROVING,
    (S.APPROVING, E.APPROVE): S.APPROVED,
    (S.APPROVING, E.REJECT): S.DRAFT,
    (S.APPROVED, E.FLOW_SENT): S.SENT,
    # The signing service is quicker than our own note of having sent: its news counts from `approved` on.
    (S.APPROVED, E.PARTY_SIGNED): S.PARTLY_SIGNED,
    (S.APPROVED, E.ALL_SIGNED): S.SIGNED,
    (S.APPROVED, E.FLOW_DECLINED): S.DECLINED,
    (S.APPROVED, E.FLOW_EXPIRED): S.EXPIRED,
    (S.APPROVED, E.FLOW_REVOKED): S.REVOKED,
    (S.SENT, E.PARTY_SIGNED): S.PARTLY_SIGNED,
    (S.SENT, E.ALL_SIGNED): S.SIGNED,
    (S.SENT, E.FLOW_DECLINED): S.DECLINED,
    (S.SENT, E.FLOW_EXPIRED): S.EXPIRED,
    (S.SENT, E.FLOW_REVOKED): S.REVOKED,
    (S.PARTLY_SIGNED, E.ALL_SIGNED): S.SIGNED,
    (S.PARTLY_SIGNED, E.FLOW_DECLINED): S.DECLINED,
    (S.PARTLY_SIGNED, E.FLOW_EXPIRED): S.EXPIRED,
    (S.PARTLY_SIGNED, E.FLOW_REVOKED): S.REVOKED,
    # An expired flow may be extended once, and may then be signed.
    (S.EXPIRED, E.FLOW_EXTENDED): S.SENT,
    (S.EXPIRED, E.ALL_SIGNED): S.SIGNED,
    (S.SIGNED, E.ALL_PAID): S.FULFILLED,
    (S.DRAFT, E.TERMINATE): S.TERMINATED,
    (S.APPROVING, E.TERMINATE): S.TERMINATED,
    (S.APPROVED, E.TERMINATE): S.TERMINATED,
    (S.SIGNED, E.TERMINATE): S.TERMINATED,
}

SIGNING_NEWS = {
    SigningState.DRAFT: None,
    SigningState.SIGNING: E.FLOW_SENT,
    SigningState.PARTLY_SIGNED: E.PARTY_SIGNED,
    SigningState.SIGNED: E.ALL_SIGNED,
    SigningState.DECLINED: E.FLOW_DECLINED,
    SigningState.EXPIRED: E.FLOW_EXPIRED,
    SigningState.REVOKED: E.FLOW_REVOKED,
}
"""What a signing flow's state, as fetched from the service, says about its contract."""


SIGNING_ACTS = {
    SigningAct.URGE: frozenset({S.SENT, S.PARTLY_SIGNED}),
    SigningAct.EXTEND: frozenset({S.SENT, S.PARTLY_SIGNED, S.EXPIRED}),
    SigningAct.REVOKE: frozenset({S.SENT, S.PARTLY_SIGNED}),
    SigningAct.EVIDENCE: frozenset({S.SIGNED, S.FULFILLED}),
}
"""When they may be asked. None moves the contract by itself: what the service then says does."""


def signing_events(state: ContractState, flow: SigningState) -> list[ContractEvent]:
    """A flow that is under way again after it expired was extended, here or at the service's own pages."""
    news = SIGNING_NEWS[flow]
    if news is None:
        return []
    revived = state == S.EXPIRED and flow in (SigningState.SIGNING, SigningState.PARTLY_SIGNED)
    return [E.FLOW_EXTENDED, news] if revived else [news]


class IllegalCommand(ValueError):
    """A person asked for a step that the contract's state does not allow."""


@dataclass(frozen=True, slots=True)
class Step:
    state: ContractState
    changed: bool


def move_contract(state: ContractState, event: ContractEvent) -> Step:
    """The state after `event`; raises IllegalCommand for a command that does not fit."""
    new = CONTRACT.get((state, event))
    if new is not None:
        return Step(new, changed=new != state)
    if event in COMMANDS:
        raise IllegalCommand(f"合同状态为 {state}，不能执行 {event} (a {state} contract cannot {event})")
    return Step(state, changed=False)


def receivable_state(*, posted: bool, reversed_: bool, amount: int, paid: int) -> ReceivableState:
    """Derived, never stored apart from its causes. `amount` and `paid` in minor units."""
    if reversed_:
        return ReceivableState.REVERSED
    if paid >= amount:
        return ReceivableState.PAID
    if paid > 0:
        return ReceivableState.PARTLY_PAID
    return ReceivableState.POSTED if posted else ReceivableState.POSTING
