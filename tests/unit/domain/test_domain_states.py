from itertools import permutations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.states import (
    COMMANDS,
    CONTRACT,
    SIGNING_ACTS,
    SIGNING_NEWS,
    IllegalCommand,
    ReceivableState,
    SigningAct,
    SigningState,
    move_contract,
    receivable_state,
    signing_events,
)
from domain.states import ContractEvent as E
from domain.states import ContractState as S

FACTS = [event for event in E if event not in COMMANDS]
PROGRESS = {
    state: step
    for step, states in enumerate(
        [
            {S.DRAFT},
            {S.APPROVING},
            {S.APPROVED},
            {S.SENT},
            {S.PARTLY_SIGNED},
            {S.EXPIRED},
            {S.SIGNED, S.DECLINED, S.REVOKED},
            {S.FULFILLED, S.TERMINATED},
        ]
    )
    for state in states
}
EXTENSION = (S.EXPIRED, E.FLOW_EXTENDED)
"""The one fact that opens a contract again."""


@pytest.mark.parametrize(("state", "fact"), list(product(S, FACTS)))
def test_every_fact_has_an_answer_in_every_state_and_none_moves_it_back(state: S, fact: E) -> None:
    step = move_contract(state, fact)
    assert step.changed == (step.state != state)
    if (state, fact) != EXTENSION:
        assert PROGRESS[step.state] >= PROGRESS[state]
        assert move_contract(step.state, fact).state == step.state, "a repeat changes nothing"


@pytest.mark.parametrize(("state", "command"), list(product(S, sorted(COMMANDS))))
def test_a_command_fits_or_is_refused(state: S, command: E) -> None:
    if (state, command) in CONTRACT:
        assert move_contract(state, command).changed
    else:
        with pytest.raises(IllegalCommand, match=str(state)):
            move_contract(state, command)


def _after(news: tuple[E, ...]) -> S:
    state = S.APPROVED
    for event in news:
        state = move_contract(state, event).state
    return state


@pytest.mark.parametrize(
    ("told", "end"),
    [
        ((E.FLOW_SENT, E.PARTY_SIGNED, E.ALL_SIGNED), S.SIGNED),
        ((E.FLOW_SENT, E.PARTY_SIGNED, E.FLOW_DECLINED), S.DECLINED),
        ((E.FLOW_SENT, E.FLOW_REVOKED), S.REVOKED),
        ((E.FLOW_SENT, E.PARTY_SIGNED, E.FLOW_EXPIRED), S.EXPIRED),
        ((E.FLOW_SENT, E.FLOW_EXPIRED, E.PARTY_SIGNED, E.ALL_SIGNED), S.SIGNED),
    ],
)
def test_whatever_the_order_and_the_repeats_the_end_is_the_same(told: tuple[E, ...], end: S) -> None:
    ends = {_after(order + extra) for order in permutations(told) for extra in ((), told, told[::-1])}
    assert ends == {end}


@given(st.lists(st.sampled_from(FACTS), max_size=12))
def test_a_signed_contract_stays_signed(facts: list[E]) -> None:
    state = S.SIGNED
    for fact in facts:
        state = move_contract(state, fact).state
    assert state in (S.SIGNED, S.FULFILLED)


def test_every_state_of_a_flow_says_something_and_every_contract_state_is_reached() -> None:
    assert set(SIGNING_NEWS) == set(SigningState)
    assert {*CONTRACT.values(), S.DRAFT} == set(S)


@given(st.integers(1, 10**12), st.data(), st.booleans())
def test_a_receivables_state_follows_from_what_was_paid(
    amount: int, data: st.DataObject, posted: bool
) -> None:
    paid = data.draw(st.integers(0, amount))
    state = receivable_state(posted=posted, reversed_=False, amount=amount, paid=paid)
    assert (state == ReceivableState.PAID) == (paid == amount)
    assert (state == ReceivableState.PARTLY_PAID) == (0 < paid < amount)
    assert (
        receivable_state(posted=posted, reversed_=True, amount=amount, paid=paid) == ReceivableState.REVERSED
    )


@pytest.mark.parametrize(
    ("state", "flow", "events"),
    [
        (S.SENT, SigningState.SIGNING, [E.FLOW_SENT]),
        (S.EXPIRED, SigningState.DRAFT, []),
        (S.EXPIRED, SigningState.SIGNING, [E.FLOW_EXTENDED, E.FLOW_SENT]),
        (S.EXPIRED, SigningState.PARTLY_SIGNED, [E.FLOW_EXTENDED, E.PARTY_SIGNED]),
        (S.EXPIRED, SigningState.SIGNED, [E.ALL_SIGNED]),
        (S.REVOKED, SigningState.SIGNING, [E.FLOW_SENT]),
    ],
)
def test_a_flow_under_way_again_was_extended(state: S, flow: SigningState, events: list[E]) -> None:
    assert signing_events(state, flow) == events


def test_every_act_has_its_states_and_none_is_for_a_contract_that_was_taken_back() -> None:
    assert SIGNING_ACTS.keys() == set(SigningAct)
    assert all(states and S.REVOKED not in states for states in SIGNING_ACTS.values())
