from datetime import timedelta

import pytest

from crm_store import Row, Store
from domain.states import SigningState
from flows import reconciliation
from tests.factories import (
    NOW,
    Contracted,
    FakeLedger,
    FakePorts,
    FakeSigner,
    FixedClock,
    context_of,
    contract,
    document,
    line,
    message,
    receivable,
    yuan,
)

NUMBER = "HT-2026-0001-1"


class Books:
    """Both sides, agreeing at first."""

    def __init__(self, store: Store, owner: Contracted) -> None:
        self.store, self.owner = store, owner
        self.ledger, self.signer, self.clock = FakeLedger(), FakeSigner(), FixedClock()
        self.ledger.receivables[NUMBER] = document(NUMBER, yuan(1000))
        self.signer.put("HT-2026-0001/flow-1", "HT-2026-0001#1", SigningState.SIGNING)

    async def compare(self) -> list[Row]:
        ports = FakePorts(kingdee_main=self.ledger, esign_main=self.signer)
        await reconciliation.reconcile(context_of(self.store, ports, self.clock))
        async with self.store.transaction() as uow:
            return await uow.open_items.disagreements()

    async def kinds(self) -> list[tuple[str, str]]:
        return [(row["kind"], row["subject"]) for row in await self.compare()]


@pytest.fixture
async def books(store: Store) -> Books:
    async with store.transaction() as uow:
        owner = await contract(uow)
        await receivable(uow, owner)
    return Books(store, owner)


async def test_where_all_agree_nothing_is_found(books: Books) -> None:
    assert await books.kinds() == []


async def test_a_document_that_somebody_deleted_in_the_erp(books: Books) -> None:
    kept = books.ledger.receivables.pop(NUMBER)
    (found,) = await books.compare()
    assert (found["kind"], found["subject"]) == ("missing_in_erp", f"kingdee-main/{NUMBER}")
    async with books.store.transaction() as uow:
        assert await reconciliation.repair(uow, found)
        row = await uow.deliveries.by_key(f"kingdee-main/receivable/{NUMBER}")
    assert row is not None
    assert row["state"] == "pending"
    books.ledger.receivables[NUMBER] = kept
    assert await books.kinds() == []


async def test_a_contract_whose_number_looks_like_a_receipt_is_compared_too(books: Books) -> None:
    async with books.store.transaction() as uow:
        await receivable(uow, await contract(uow, "SK-2026-0001"))
    books.signer.put("SK-2026-0001/flow-1", "SK-2026-0001#1", SigningState.SIGNING)
    assert await books.kinds() == [("missing_in_erp", "kingdee-main/SK-2026-0001-1")]


async def test_documents_older_than_what_is_read_from_the_erp_are_not_called_missing(books: Books) -> None:
    books.ledger.receivables.clear()
    books.clock.moment = NOW + reconciliation.LOOK_BACK + timedelta(days=2)
    assert await books.kinds() == []


async def test_a_document_that_we_do_not_know(books: Books) -> None:
    books.ledger.receipts["RC-1"] = document("RC-1", yuan(7))
    (found,) = await books.compare()
    assert (found["kind"], found["subject"]) == ("unknown_here", "kingdee-main/RC-1")
    assert found["theirs"]["amount"] == "7.00 CNY"
    async with books.store.transaction() as uow:
        assert not await reconciliation.repair(uow, found), "a person has to decide"
    books.ledger.receipts.clear()
    assert await books.kinds() == []


@pytest.mark.parametrize("theirs", [yuan("1000.01"), yuan(1000, "USD")])
async def test_an_amount_that_differs(books: Books, theirs) -> None:  # type: ignore[no-untyped-def]
    books.ledger.receivables[NUMBER] = document(NUMBER, theirs)
    assert await books.kinds() == [("amount_differs", f"kingdee-main/{NUMBER}")]
    books.ledger.receivables[NUMBER] = document(NUMBER, yuan(1000))
    assert await books.kinds() == []


async def test_a_bank_line_without_a_receipt(books: Books) -> None:
    async with books.store.transaction() as uow:
        line_id = await uow.bank.add_line(line(key="K1"), await message(uow, "bank-main"))
        assert line_id is not None
    assert await books.kinds() == [("bank_line_without_receipt", "6222000000000001/K1")]
    async with books.store.transaction() as uow:
        await uow.bank.settle_line(line_id, "not_a_receipt")
    assert await books.kinds() == []


async def test_a_flow_that_ended_while_we_wait_for_it(books: Books) -> None:
    books.signer.put("HT-2026-0001/flow-1", "HT-2026-0001#1", SigningState.SIGNED)
    assert await books.kinds() == [("signing_differs", "HT-2026-0001")]
    async with books.store.transaction() as uow:
        await uow.contracts.note_flow(books.owner.flow, state=SigningState.SIGNED)
    assert await books.kinds() == []


async def test_what_is_found_twice_is_one_difference(books: Books) -> None:
    books.ledger.receivables.clear()
    (first,) = await books.compare()
    (again,) = await books.compare()
    assert first["id"] == again["id"]
