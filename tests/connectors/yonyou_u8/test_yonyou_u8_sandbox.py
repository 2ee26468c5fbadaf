"""The adapter against the sandbox, over real sockets."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from connector_kit import MemoryRecorder, MemoryTokens, Redactor, Sender, Tools, new_client, secrets_of
from connectors.yonyou_u8 import CONNECTOR
from connectors.yonyou_u8.adapter import U8
from connectors.yonyou_u8.settings import U8Settings
from domain.faults import (
    Malformed,
    Misconfigured,
    Mismatch,
    Rejected,
    Throttled,
    Transient,
    UnknownOutcome,
    Unmappable,
)
from domain.money import Money
from domain.ports import CustomerArchive, ErpLedger
from domain.records import (
    Allocation,
    Company,
    DocumentState,
    ErpDocument,
    Receipt,
    Receivable,
    ReceivableLine,
)
from sandboxes.common import Running, running
from sandboxes.yonyou_u8 import SANDBOX

TODAY = date(2026, 3, 18)
COMPANY = Company(
    code="C000001", name="示例电子（苏州）有限公司", credit_code="91320500MA00000X00", phone="13800000001"
)


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass(frozen=True)
class Bench:
    """One connection to one sandbox."""

    u8: U8
    sandbox: Running
    recorder: MemoryRecorder

    def fault(self, kind: str, path: str, **rule: object) -> None:
        self.sandbox.control("faults", {"rules": [{"kind": kind, "path": path, "times": 1, **rule}]})

    def act(self, name: str, **body: object) -> Any:
        return self.sandbox.control(f"act/{name}", body)

    def books(self, table: str) -> Any:
        return self.sandbox.control(f"books/{table}")

    def calls(self, path: str) -> int:
        return sum(path in row["path"] for row in self.sandbox.control("log"))


@pytest.fixture(scope="module")
def served() -> Iterator[Running]:
    with running(SANDBOX()) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(served: Running) -> Running:
    served.control("reset", {})
    return served


def opened(sandbox: Running, **choices: object) -> AbstractAsyncContextManager[Bench]:
    return _opened(sandbox, choices)


@asynccontextmanager
async def _opened(sandbox: Running, choices: dict[str, object]) -> AsyncIterator[Bench]:
    settings = U8Settings.model_validate(
        {
            **sandbox.sandbox.credentials(),
            "base_url": sandbox.url,
            "timeout_seconds": 1.0,
            "poll_first_seconds": 0.05,
            "poll_budget_seconds": 5.0,
            **choices,
        }
    )
    recorder = MemoryRecorder()
    async with new_client() as client:
        redactor = Redactor(secrets_of(settings))
        sender = Sender(client, connection="u8-main", redactor=redactor, recorder=recorder)
        tools = Tools("u8-main", sender, MemoryTokens(), SystemClock(), {})
        adapter = CONNECTOR.open(settings, tools)
        assert isinstance(adapter, U8)
        yield Bench(adapter, sandbox, recorder)


@pytest.fixture
async def bench(sandbox: Running) -> AsyncIterator[Bench]:
    async with opened(sandbox) as bench:
        yield bench


def cny(text: str) -> Money:
    return Money(Decimal(text))


def receivable(number: str = "HT-2026-0042-1", *, amount: str = "10600.00", **changes: Any) -> Receivable:
    line = ReceivableLine(
        sku="SV-01",
        title="服务费",
        quantity=Decimal(1),
        unit_price=Decimal(amount),
        tax_rate=Decimal("0.06"),
        amount=cny(amount),
    )
    made = Receivable(
        number=number,
        contract_number="HT-2026-0042",
        contract_title="年度服务",
        instalment=1,
        customer_code="K00017",
        customer_name="示例机械（宁波）有限公司",
        amount=cny(amount),
        document_date=TODAY,
        due_date=TODAY,
        lines=[line],
    )
    return replace(made, **changes)


def receipt(number: str = "SK-000001", *, amount: str = "5300.00", **changes: Any) -> Receipt:
    allocation = Allocation(
        receivable_number="HT-2026-0042-1",
        contract_number="HT-2026-0042",
        receivable_amount=cny("10600.00"),
        amount=cny("4300.00"),
    )
    made = Receipt(
        number=number,
        customer_code="K00017",
        customer_name="示例机械（宁波）有限公司",
        amount=cny(amount),
        received_on=TODAY,
        payer_name="示例机械（宁波）有限公司",
        payer_account="33050000000000000001",
        bank_reference="2603180000811",
        text="货款",
        allocations=[allocation],
    )
    return replace(made, **changes)


async def post(bench: Bench, wanted: Receivable | None = None) -> ErpDocument:
    made = await bench.u8.create_receivable(wanted or receivable())
    return await bench.u8.advance_receivable(made)


async def post_receipt(bench: Bench, wanted: Receipt | None = None) -> ErpDocument:
    return await bench.u8.advance_receipt(await bench.u8.create_receipt(wanted or receipt()))


async def test_it_implements_what_it_declares(bench: Bench) -> None:
    assert isinstance(bench.u8, CustomerArchive)
    assert isinstance(bench.u8, ErpLedger)
    assert bench.u8.writes_off == "by_person"


async def test_a_customer_is_created_once(bench: Bench) -> None:
    assert await bench.u8.find_customer("C000001") is None
    made = await bench.u8.create_customer(COMPANY)
    assert made == ErpDocument(
        number="C000001", vendor_id="C000001", state=DocumentState.DONE, customer_code="C000001"
    )
    assert await bench.u8.create_customer(COMPANY) == made == await bench.u8.find_customer("C000001")
    assert await bench.u8.advance_customer(made) == made
    row = bench.books("customer")["C000001"]
    assert (row["name"], row["sort_code"], row["memo"]) == (
        COMPANY.name,
        "01",
        "统一社会信用代码 91320500MA00000X00",
    )


async def test_a_code_that_belongs_to_another_customer_is_a_mismatch(bench: Bench) -> None:
    with pytest.raises(Mismatch, match="示例机械"):
        await bench.u8.create_customer(replace(COMPANY, code="K00017"))


async def test_a_receivable_is_created_and_verified(bench: Bench) -> None:
    made = await bench.u8.create_receivable(receivable())
    assert made == ErpDocument(
        number="HT-2026-0042-1",
        vendor_id="HT-2026-0042-1",
        state=DocumentState.DRAFT,
        customer_code="K00017",
        amount=cny("10600.00"),
        open=cny("10600.00"),
    )
    done = await bench.u8.advance_receivable(made)
    assert done == replace(made, state=DocumentState.DONE) == await bench.u8.find_receivable(made.number)
    row = bench.books("oughtreceive")["HT-2026-0042-1"]
    assert [(entry["subjectcode"], entry["amount"]) for entry in row["entry"]] == [
        ("600101", "10000.00"),
        ("22210106", "600.00"),
    ]
    assert row["verifier"] == "财务接口"


async def test_advancing_twice_verifies_once(bench: Bench) -> None:
    done = await post(bench)
    assert await bench.u8.advance_receivable(done) == done
    draft = replace(done, state=DocumentState.DRAFT)
    assert await bench.u8.advance_receivable(draft) == done, "somebody verified it in between"


async def test_a_receipt_is_written_off_by_a_person_and_read_back(bench: Bench) -> None:
    owed, paid = await post(bench), await post_receipt(bench)
    assert (paid.amount, paid.open, paid.state) == (cny("5300.00"), cny("5300.00"), DocumentState.DONE)
    bench.act("write_off", receipt=paid.number, receivable=owed.number, amount="4300.00")
    now = [await bench.u8.find_receivable(owed.number), await bench.u8.find_receipt(paid.number)]
    assert [document and document.open for document in now] == [cny("6300.00"), cny("1000.00")]
    bench.act("undo_write_off", receipt=paid.number, receivable=owed.number)
    assert await bench.u8.find_receivable(owed.number) == owed


async def test_asynchronous_answers_are_polled(sandbox: Running) -> None:
    sandbox.control("act/set_knobs", {"async_seconds": 0.2})
    async with opened(sandbox, synchronous=False) as bench:
        assert (await post(bench)).state is DocumentState.DONE
        assert bench.calls("/result") > 1
        with pytest.raises(Rejected, match="客户编码"):
            await bench.u8.create_receivable(receivable("HT-2", customer_code="K99999"))


async def test_a_job_beyond_the_budget_is_unknown_then_found(sandbox: Running) -> None:
    sandbox.control("act/set_knobs", {"async_seconds": 100})
    async with opened(sandbox, synchronous=False, poll_budget_seconds=0.2) as bench:
        for _ in range(2):
            with pytest.raises(UnknownOutcome):
                await bench.u8.create_receivable(receivable())
        assert await bench.u8.find_receivable("HT-2026-0042-1") is None
        sandbox.control("clock", {"advance": 200})
        assert await bench.u8.find_receivable("HT-2026-0042-1") is not None
        assert len(bench.books("oughtreceive")) == 1


@pytest.mark.parametrize("kind", ["timeout_after", "drop_after", "status_after", "malformed"])
@pytest.mark.parametrize("path", ["oughtreceive/add", "oughtreceive/verify"])
async def test_an_answer_that_got_lost_leaves_one_document(bench: Bench, kind: str, path: str) -> None:
    bench.fault(kind, path, seconds=2)
    with pytest.raises(UnknownOutcome):
        await post(bench)
    found = await bench.u8.find_receivable("HT-2026-0042-1")
    assert found is not None
    assert (await bench.u8.advance_receivable(found)).state is DocumentState.DONE
    assert (await post(bench)).state is DocumentState.DONE, "and a repeat without a look-up does no harm"
    assert len(bench.books("oughtreceive")) == 1


@pytest.mark.parametrize("kind", ["timeout_before", "drop_before", "status_before", "vendor_error"])
async def test_a_call_that_did_nothing_is_unknown_all_the_same(bench: Bench, kind: str) -> None:
    bench.fault(kind, "oughtreceive/add", seconds=2)
    with pytest.raises(UnknownOutcome):
        await bench.u8.create_receivable(receivable())
    assert await bench.u8.find_receivable("HT-2026-0042-1") is None
    assert (await post(bench)).state is DocumentState.DONE


@pytest.mark.parametrize("kind", ["timeout_before", "drop_after", "status_before"])
async def test_a_read_is_repeated_by_itself(bench: Bench, kind: str) -> None:
    done = await post(bench)
    bench.fault(kind, "oughtreceive/get", seconds=2)
    assert await bench.u8.find_receivable(done.number) == done


async def test_a_read_that_stays_broken_is_a_fault(bench: Bench) -> None:
    await post(bench)
    bench.fault("malformed", "oughtreceive/get")
    with pytest.raises(Malformed):
        await bench.u8.find_receivable("HT-2026-0042-1")
    bench.fault("vendor_error", "oughtreceive/get")
    with pytest.raises(Transient):
        await bench.u8.find_receivable("HT-2026-0042-1")


async def test_too_fast_says_so(bench: Bench) -> None:
    bench.fault("status_before", "oughtreceive/add", status=429)
    with pytest.raises(Throttled):
        await bench.u8.create_receivable(receivable())


async def test_a_late_answer_is_waited_for(bench: Bench) -> None:
    bench.fault("delay", "oughtreceive/add", seconds=0.3)
    assert (await post(bench)).state is DocumentState.DONE


async def test_an_expired_token_is_renewed_once(bench: Bench) -> None:
    await post(bench)
    bench.fault("expire_session", "oughtreceive/add")
    assert (await post(bench, receivable("HT-2"))).state is DocumentState.DONE
    assert bench.calls("system/token") == 2


async def test_calls_at_once_share_one_login(bench: Bench) -> None:
    numbers = [f"HT-{n}" for n in range(12)]
    done = await asyncio.gather(*(post(bench, receivable(number)) for number in numbers))
    assert {document.number for document in done} == set(numbers)
    assert bench.calls("system/token") == 1


async def test_the_same_receivable_five_times_at_once_is_one_document(bench: Bench) -> None:
    made = await asyncio.gather(*(bench.u8.create_receivable(receivable()) for _ in range(5)))
    assert len(set(made)) == 1
    assert len(bench.books("oughtreceive")) == 1


async def test_a_number_that_holds_other_money_is_a_mismatch(bench: Bench) -> None:
    await post(bench)
    async with opened(bench.sandbox) as other:
        tools = replace(other.u8.tools, connection="u8-second")
        door = replace(other.u8.door, tools=tools)
        stranger = replace(other.u8, tools=tools, door=door)
        with pytest.raises(Mismatch):
            await stranger.create_receivable(receivable(amount="1.00"))


async def test_a_document_deleted_by_hand_is_not_taken_for_written(bench: Bench) -> None:
    await post(bench)
    bench.act("delete_voucher", kind="oughtreceive", code="HT-2026-0042-1", unverify=True)
    assert await bench.u8.find_receivable("HT-2026-0042-1") is None
    with pytest.raises(UnknownOutcome, match="查不到"):
        await bench.u8.create_receivable(receivable())


async def test_success_without_an_id_is_read_back(bench: Bench) -> None:
    bench.act("set_knobs", empty_id=True)
    assert (await post(bench)).number == "HT-2026-0042-1"


@pytest.mark.parametrize(
    ("wanted", "choices", "fault", "text"),
    [
        ({"customer_code": "K99999"}, {}, Rejected, "K99999"),
        ({}, {"salesman": "P0009"}, Rejected, "业务员"),
        ({}, {"department": "03"}, Rejected, "末级"),
        ({}, {"department": "0999"}, Misconfigured, "部门"),
        ({}, {"receivable_account": "600101"}, Misconfigured, "受控科目"),
        ({}, {"operator": "查无此人"}, Misconfigured, "操作员"),
        ({"document_date": date(2001, 1, 1)}, {}, Rejected, "会计期间"),
        ({"number": "N" * 31}, {}, Unmappable, "30"),
    ],
)
async def test_what_u8_refuses_is_told_in_its_words(
    sandbox: Running, wanted: dict[str, Any], choices: dict[str, Any], fault: type[Exception], text: str
) -> None:
    async with opened(sandbox, **choices) as bench:
        with pytest.raises(fault, match=text):
            await bench.u8.create_receivable(replace(receivable(), **wanted))
        assert bench.books("oughtreceive") == {}


async def test_a_period_closed_between_saving_and_verifying(bench: Bench) -> None:
    made = await bench.u8.create_receivable(receivable())
    bench.act("close_period", month="2026-03")
    with pytest.raises(Rejected, match="结账"):
        await bench.u8.advance_receivable(made)
    with pytest.raises(Rejected, match="结账"):
        await bench.u8.create_receivable(receivable("HT-2"))
    bench.act("open_period", month="2026-03")
    assert (await bench.u8.advance_receivable(made)).state is DocumentState.DONE


async def test_a_locked_document_is_tried_later(bench: Bench) -> None:
    made = await bench.u8.create_receivable(receivable())
    bench.act("lock_record", kind="oughtreceive", code=made.number, seconds=60)
    with pytest.raises(Transient, match="其他人正在修改"):
        await bench.u8.advance_receivable(made)


async def test_an_agent_that_is_offline_is_waited_for(bench: Bench) -> None:
    bench.act("set_knobs", agent_offline=True)
    with pytest.raises(Transient):
        await bench.u8.find_receivable("HT-2026-0042-1")


@pytest.mark.parametrize(
    "choices",
    [{"app_secret": "wrong"}, {"app_key": "opa-unknown"}, {"to_account": "test_corp99"}],
)
async def test_wrong_credentials_pause_the_connection(sandbox: Running, choices: dict[str, str]) -> None:
    async with opened(sandbox, **choices) as bench:
        with pytest.raises(Misconfigured):
            await bench.u8.find_receivable("HT-2026-0042-1")


async def test_lists_bring_every_document_once(sandbox: Running) -> None:
    async with opened(sandbox, rows_per_page=3) as bench:
        assert [row async for row in bench.u8.list_receivables(TODAY)] == []
        done = {document.number: document for document in [await post(bench, each) for each in _many(10)]}
        assert {row.number: row async for row in bench.u8.list_receivables(TODAY)} == done
        assert [row async for row in bench.u8.list_receivables(date(2026, 3, 19))] == []
        paid = await post_receipt(bench)
        assert [row async for row in bench.u8.list_receipts(TODAY)] == [paid]


async def test_a_list_that_grows_while_it_is_read_is_still_complete(sandbox: Running) -> None:
    async with opened(sandbox, rows_per_page=3) as bench:
        for each in _many(9):
            await bench.u8.create_receivable(each)
        seen: list[str] = []
        async for row in bench.u8.list_receivables(TODAY):
            seen.append(row.number)
            if len(seen) == 2:
                await bench.u8.create_receivable(receivable("HT-000"))
        assert sorted(seen) == sorted(bench.books("oughtreceive"))
        assert len(seen) == len(set(seen)) == 10


async def test_a_list_of_numbers_reads_like_a_list_of_texts(bench: Bench) -> None:
    done = await post(bench)
    bench.act("set_knobs", amounts_as_numbers=True)
    assert [row async for row in bench.u8.list_receivables(TODAY)] == [done]


async def test_no_exchange_keeps_a_secret(bench: Bench) -> None:
    await post(bench)
    kept = repr(bench.recorder.exchanges)
    tokens = bench.sandbox.sandbox.books.table("_tokens")
    assert bench.recorder.exchanges
    for secret in (bench.sandbox.sandbox.credentials()["app_secret"], *tokens):
        assert secret not in kept


def _many(count: int) -> list[Receivable]:
    return [receivable(f"HT-{number:03d}", amount=f"{number}.10") for number in range(1, count + 1)]
