from collections.abc import Sequence
from typing import Any

import pytest

from crm_store import Store
from domain.records import Instalment, Trigger
from domain.states import SigningState
from flows import signing
from flows.cash import fulfil
from flows.context import NotYet
from tests.factories import Contracted, FakePorts, FakeSigner, context_of, contract, line, message, part

ON_SENT = [part(1, "300", Trigger.SENT), part(2, "700", Trigger.SIGNED)]


async def _contract(
    store: Store, plan: Sequence[Instalment] = ON_SENT, state: str = "approved"
) -> Contracted:
    async with store.transaction() as uow:
        return await contract(uow, plan=plan, state=state)


async def _fetch(store: Store, owner: Contracted, state: SigningState, reason: str | None = None) -> None:
    """A question to the service, and its answer."""
    signer = FakeSigner()
    signer.put(f"{owner.number}/flow-1", f"{owner.number}#1", state, reason)
    context = context_of(store, FakePorts(esign_main=signer))
    async with store.transaction() as uow:
        number = await uow.deliveries.add(
            f"fetch/{state}",
            connection="esign-main",
            operation=signing.FETCH,
            subject=owner.flow,
            ordering_key=f"test/{state}",
        )
        delivery = await uow.deliveries.claim(number)
    assert delivery is not None
    outcome = await signing.fetch_flow(context, delivery)
    await store.run(outcome.apply)


async def _seen(store: Store, owner: Contracted) -> tuple[str, list[str], list[Any]]:
    async with store.transaction() as uow:
        row = await uow.contracts.get(owner.contract_id)
        due = [each["number"] for each in await uow.receivables.of_contract(owner.contract_id)]
        return row["state"], due, await uow.open_items.tasks(signing.WITHOUT_CONTRACT)


@pytest.mark.parametrize(
    ("state", "contract_state"),
    [
        (SigningState.DECLINED, "declined"),
        (SigningState.EXPIRED, "expired"),
        (SigningState.REVOKED, "revoked"),
    ],
)
async def test_receivables_of_a_contract_that_was_not_signed_are_for_finance_to_deal_with(
    store: Store, state: SigningState, contract_state: str
) -> None:
    owner = await _contract(store)
    await _fetch(store, owner, SigningState.SIGNING)
    await _fetch(store, owner, state, "不想买了")
    seen, due, (task,) = await _seen(store, owner)
    assert (seen, due) == (contract_state, ["HT-2026-0001-1"])
    assert task["owner"] == "finance"
    assert "合同未签成，请处理已生成的应收 HT-2026-0001-1" in task["title"]


async def test_without_receivables_nobody_is_asked(store: Store) -> None:
    owner = await _contract(store, [part(1, "1000")])
    await _fetch(store, owner, SigningState.DECLINED)
    assert await _seen(store, owner) == ("declined", [], [])


async def test_an_expired_flow_that_is_signed_after_all_withdraws_the_question(store: Store) -> None:
    owner = await _contract(store)
    await _fetch(store, owner, SigningState.EXPIRED)
    await _fetch(store, owner, SigningState.SIGNED)
    assert await _seen(store, owner) == ("signed", ["HT-2026-0001-1", "HT-2026-0001-2"], [])


async def test_paid_before_it_was_signed_it_is_fulfilled_when_it_is_signed(store: Store) -> None:
    owner = await _contract(store, [part(1, "1000", Trigger.SENT)])
    await _fetch(store, owner, SigningState.SIGNING)
    async with store.transaction() as uow:
        (due,) = await uow.receivables.of_contract(owner.contract_id)
        arrived = line("1000")
        line_id = await uow.bank.add_line(arrived, await message(uow, "bank-main"))
        assert line_id is not None
        receipt = await uow.bank.add_receipt(
            "SK1", line_id=line_id, amount_minor=100_000, currency="CNY", match={}
        )
        await uow.bank.allocate(receipt, due["id"], 100_000, decided_by="test")
        await fulfil(uow, owner.contract_id)
    assert (await _seen(store, owner))[0] == "sent"
    await _fetch(store, owner, SigningState.SIGNED)
    assert (await _seen(store, owner))[0] == "fulfilled"


async def test_late_news_of_an_earlier_sending_no_longer_counts(store: Store) -> None:
    owner = await _contract(store)
    async with store.transaction() as uow:
        row = await uow.contracts.flow(owner.flow)
        await uow.contracts.add_flow(
            "HT-2026-0001#2",
            contract_id=owner.contract_id,
            connection="esign-main",
            file=row["file"],
            requested_at=row["requested_at"],
            expires_at=row["expires_at"],
        )
    await _fetch(store, owner, SigningState.DECLINED)
    assert (await _seen(store, owner))[0] == "approved"


async def test_a_callback_that_overtakes_our_own_note_of_the_flow_waits(store: Store) -> None:
    owner = await _contract(store)
    context = context_of(store, FakePorts(esign_main=FakeSigner()))

    async def hear(uow: Any, body: bytes) -> bool:
        taken = await uow.inbox.take(await message(uow, "esign-main", body, "SIGNED"))
        return await signing.take_hint(uow, taken, context)

    with pytest.raises(NotYet):
        await store.run(lambda uow: hear(uow, b"unknown-flow"))
    assert await store.run(lambda uow: hear(uow, f"{owner.number}/flow-1".encode()))
