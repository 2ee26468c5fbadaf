"""The adapter against the sandbox, over real sockets."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any, cast

import pytest

from connector_kit import MemoryRecorder
from connectors.yonyou_u8 import CONNECTOR
from connectors.yonyou_u8.adapter import U8
from connectors.yonyou_u8.door import Door
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
from sandboxes.common import Running
from tests.connectors.connection import open_connection

TODAY = date(2026, 3, 18)
COMPANY = Company(
    code="C000001", name="示例电子（苏州）有限公司", credit_code="91320500MA00000X00", phone="13800000001"
)


@dataclass(frozen=True)
class Bench:
    """One connection to one sandbox."""

    u8: U8
    sandbox: Running
    recorder: MemoryRecorder

    @property
    def by_xml(self) -> bool:
        return self.u8.settings.door == "eai"

    def fault(self, kind: str, path: str, *, skip: int = 0, **rule: object) -> None:
        """Strikes the first call after `skip` others. The XML door has one path for everything."""
        path = "import.asp" if self.by_xml else path
        harmless = {"kind": "delay", "path": path, "times": skip, "seconds": 0}
        rules = [harmless, {"kind": kind, "path": path, "times": 1, **rule}]
        self.sandbox.control("faults", {"rules": rules})

    def act(self, name: str, **body: object) -> Any:
        return self.sandbox.control(f"act/{name}", body)

    def books(self, table: str) -> Any:
        return self.sandbox.control(f"books/{table}")

    def calls(self, path: str) -> int:
        return sum(path in row["path"] for row in self.sandbox.control("log"))


@pytest.fixture
def sandbox(served: Running) -> Running:
    served.control("reset", {})
    return served


def opened(sandbox: Running, **choices: object) -> AbstractAsyncContextManager[Bench]:
    return _opened(sandbox, choices)


@asynccontextmanager
async def _opened(sandbox: Running, choices: dict[str, object]) -> AsyncIterator[Bench]:
    quick = {"timeout_seconds": 1.0, "poll_first_seconds": 0.05, "poll_budget_seconds": 5.0}
    given: dict[str, Any] = {"read_by_sql": True, **quick, **choices}
    async with open_connection(CONNECTOR, sandbox, **given) as opened:
        assert isinstance(opened.adapter, U8)
        yield Bench(opened.adapter, sandbox, opened.said)


@pytest.fixture(params=["openapi", "eai"])
def door(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def bench(sandbox: Running, door: str) -> AsyncIterator[Bench]:
    """The same through either door."""
    async with opened(sandbox, door=door) as bench:
        yield bench


@pytest.fixture
async def cloud(sandbox: Running) -> AsyncIterator[Bench]:
    """What only the OpenAPI has."""
    async with opened(sandbox) as bench:
        yield bench


@pytest.fixture
async def server(sandbox: Running) -> AsyncIterator[Bench]:
    """What only the XML door has."""
    async with opened(sandbox, door="eai") as bench:
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
    advanced = await bench.u8.advance_receivable(made)
    return await verified_by_hand(bench, "oughtreceive", advanced, bench.u8.find_receivable)


async def post_receipt(bench: Bench, wanted: Receipt | None = None) -> ErpDocument:
    made = await bench.u8.create_receipt(wanted or receipt())
    advanced = await bench.u8.advance_receipt(made)
    return await verified_by_hand(bench, "accept", advanced, bench.u8.find_receipt)


async def verified_by_hand(
    bench: Bench, kind: str, document: ErpDocument, find: Callable[[str], Awaitable[ErpDocument | None]]
) -> ErpDocument:
    """The XML door cannot verify: an accountant does it at U8's own screen."""
    if document.state is DocumentState.DONE:
        return document
    assert bench.by_xml
    bench.act("verify_voucher", kind=kind, code=document.number)
    found = await find(document.number)
    assert found is not None
    return found


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
    assert (row["name"], row["sort_code"]) == (COMPANY.name, "01")
    tax = row["tax_reg_code"] if bench.by_xml else row["memo"].removeprefix("统一社会信用代码 ")
    assert tax == "91320500MA00000X00"


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
    advanced = await bench.u8.advance_receivable(made)
    assert advanced.state is (DocumentState.DRAFT if bench.by_xml else DocumentState.DONE)
    done = await verified_by_hand(bench, "oughtreceive", advanced, bench.u8.find_receivable)
    assert done == replace(made, state=DocumentState.DONE) == await bench.u8.find_receivable(made.number)
    row = bench.books("oughtreceive")["HT-2026-0042-1"]
    assert [(entry["subjectcode"], entry["amount"]) for entry in row["entry"]] == [
        ("600101", "10000.00"),
        ("22210106", "600.00"),
    ]
    assert row["verifier"] == ("测试会计" if bench.by_xml else "财务接口")


async def test_advancing_twice_verifies_once(cloud: Bench) -> None:
    done = await post(cloud)
    assert await cloud.u8.advance_receivable(done) == done
    draft = replace(done, state=DocumentState.DRAFT)
    assert await cloud.u8.advance_receivable(draft) == done, "somebody verified it in between"


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
async def test_an_answer_that_got_lost_leaves_one_document(bench: Bench, kind: str) -> None:
    bench.fault(kind, "oughtreceive/add", seconds=2)
    with pytest.raises(UnknownOutcome):
        await post(bench)
    found = await bench.u8.find_receivable("HT-2026-0042-1")
    assert found is not None
    assert (await post(bench)).state is DocumentState.DONE, "and a repeat without a look-up does no harm"
    assert len(bench.books("oughtreceive")) == 1


@pytest.mark.parametrize("kind", ["timeout_after", "drop_after", "status_after", "malformed"])
async def test_a_lost_answer_to_verify(cloud: Bench, kind: str) -> None:
    cloud.fault(kind, "oughtreceive/verify", seconds=2)
    with pytest.raises(UnknownOutcome):
        await post(cloud)
    found = await cloud.u8.find_receivable("HT-2026-0042-1")
    assert found is not None
    assert (await cloud.u8.advance_receivable(found)).state is DocumentState.DONE


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


async def test_an_expired_token_is_renewed_once(cloud: Bench) -> None:
    await post(cloud)
    cloud.fault("expire_session", "oughtreceive/add")
    assert (await post(cloud, receivable("HT-2"))).state is DocumentState.DONE
    assert cloud.calls("system/token") == 2


async def test_calls_at_once_share_one_login(cloud: Bench) -> None:
    numbers = [f"HT-{n}" for n in range(12)]
    done = await asyncio.gather(*(post(cloud, receivable(number)) for number in numbers))
    assert {document.number for document in done} == set(numbers)
    assert cloud.calls("system/token") == 1


async def test_the_same_receivable_five_times_at_once_is_one_document(bench: Bench) -> None:
    made = await asyncio.gather(*(bench.u8.create_receivable(receivable()) for _ in range(5)))
    assert len(set(made)) == 1
    assert len(bench.books("oughtreceive")) == 1


async def test_a_number_that_holds_other_money_is_a_mismatch(bench: Bench) -> None:
    await post(bench)
    async with opened(bench.sandbox, door=bench.u8.settings.door) as other:
        tools = replace(other.u8.tools, connection="u8-second")
        door = replace(other.u8.door, tools=tools)  # type: ignore[type-var]
        stranger = replace(other.u8, tools=tools, door=door)
        with pytest.raises(Mismatch):
            await stranger.create_receivable(receivable(amount="1.00"))


async def test_a_document_deleted_by_hand_is_made_anew(bench: Bench) -> None:
    """U8 answers the old key with the old success: a confirmed absence is a reason for a new one."""
    for _ in range(3):
        done = await post(bench)
        bench.act("delete_voucher", kind="oughtreceive", code=done.number, unverify=True)
        assert await bench.u8.find_receivable(done.number) is None
    assert (await post(bench)).amount == cny("10600.00")
    paid = await post_receipt(bench)
    bench.act("delete_voucher", kind="accept", code=paid.number, unverify=True)
    assert await post_receipt(bench) == paid


@pytest.mark.parametrize("kind", ["drop_after", "malformed"])
@pytest.mark.parametrize("skip", [0, 1])
async def test_making_anew_never_doubles_after_a_lost_answer(bench: Bench, kind: str, skip: int) -> None:
    """Whether the answer to the old key is lost, or that to the new one."""
    await post(bench)
    bench.act("delete_voucher", kind="oughtreceive", code="HT-2026-0042-1", unverify=True)
    bench.fault(kind, "oughtreceive/add", skip=2 * skip if bench.by_xml else skip, seconds=2)
    with pytest.raises(UnknownOutcome):
        await bench.u8.create_receivable(receivable())
    assert (await bench.u8.find_receivable("HT-2026-0042-1") is not None) == bool(skip)
    assert (await post(bench)).amount == cny("10600.00")
    assert len(bench.books("oughtreceive")) == 1


async def test_success_that_never_writes_ends(bench: Bench) -> None:
    """A receipt of period 0 is dropped without a word, whatever the key."""
    adapter = bench.u8

    class Dropped:
        def __getattr__(self, name: str) -> Any:
            return getattr(adapter.door, name)

        async def add(self, resource: str, values: dict[str, Any], *, key: str) -> Any:
            (values["accept"]["header"] if bench.by_xml else values)["period"] = "0"
            return await adapter.door.add(resource, values, key=key)

    with pytest.raises(UnknownOutcome, match="查不到"):
        await replace(adapter, door=cast("Door", Dropped())).create_receipt(receipt())
    assert bench.books("accept") == {}


async def test_success_without_an_id_is_read_back(cloud: Bench) -> None:
    cloud.act("set_knobs", empty_id=True)
    assert (await post(cloud)).number == "HT-2026-0042-1"


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
    sandbox: Running,
    door: str,
    wanted: dict[str, Any],
    choices: dict[str, Any],
    fault: type[Exception],
    text: str,
) -> None:
    async with opened(sandbox, door=door, **choices) as bench:
        with pytest.raises(fault, match=text):
            await bench.u8.create_receivable(replace(receivable(), **wanted))
        assert bench.books("oughtreceive") == {}


async def test_a_period_closed_between_saving_and_verifying(cloud: Bench) -> None:
    made = await cloud.u8.create_receivable(receivable())
    cloud.act("close_period", month="2026-03")
    with pytest.raises(Rejected, match="结账"):
        await cloud.u8.advance_receivable(made)
    with pytest.raises(Rejected, match="结账"):
        await cloud.u8.create_receivable(receivable("HT-2"))
    cloud.act("open_period", month="2026-03")
    assert (await cloud.u8.advance_receivable(made)).state is DocumentState.DONE


async def test_a_locked_document_is_tried_later(cloud: Bench) -> None:
    made = await cloud.u8.create_receivable(receivable())
    cloud.act("lock_record", kind="oughtreceive", code=made.number, seconds=60)
    with pytest.raises(Transient, match="其他人正在修改"):
        await cloud.u8.advance_receivable(made)


async def test_an_agent_that_is_offline_is_waited_for(cloud: Bench) -> None:
    cloud.act("set_knobs", agent_offline=True)
    with pytest.raises(Transient):
        await cloud.u8.find_receivable("HT-2026-0042-1")


@pytest.mark.parametrize(
    "choices",
    [{"app_secret": "wrong"}, {"app_key": "opa-unknown"}, {"to_account": "test_corp99"}],
)
async def test_wrong_credentials_pause_the_connection(sandbox: Running, choices: dict[str, str]) -> None:
    async with opened(sandbox, **choices) as bench:
        with pytest.raises(Misconfigured):
            await bench.u8.find_receivable("HT-2026-0042-1")


async def test_lists_bring_every_document_once(sandbox: Running, door: str) -> None:
    async with opened(sandbox, rows_per_page=3, door=door) as bench:
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


async def test_a_list_of_numbers_reads_like_a_list_of_texts(cloud: Bench) -> None:
    done = await post(cloud)
    cloud.act("set_knobs", amounts_as_numbers=True)
    assert [row async for row in cloud.u8.list_receivables(TODAY)] == [done]


async def test_no_exchange_keeps_a_secret(bench: Bench) -> None:
    await post(bench)
    kept = repr(bench.recorder.exchanges)
    tokens = bench.sandbox.sandbox.books.table("_tokens")
    assert bench.recorder.exchanges
    for secret in (bench.sandbox.sandbox.credentials()["app_secret"], *tokens):
        assert secret not in kept


async def test_without_sql_state_and_balance_stay_unknown(sandbox: Running) -> None:
    """No template shows either: a draft means "not known to be verified"."""
    async with opened(sandbox, door="eai", read_by_sql=False) as bench:
        made = await bench.u8.create_receivable(receivable())
        bench.act("verify_voucher", kind="oughtreceive", code=made.number)
        found = await bench.u8.find_receivable(made.number)
        assert found == made
        assert (made.state, made.open) == (DocumentState.DRAFT, None)
        assert [row async for row in bench.u8.list_receivables(TODAY)] == [made]


async def test_what_a_person_does_to_a_draft_is_read_back(server: Bench) -> None:
    draft = await server.u8.advance_receipt(await server.u8.create_receipt(receipt()))
    document = {"kind": "accept", "code": draft.number}
    assert draft.state is DocumentState.DRAFT
    for act, state in (("verify_voucher", DocumentState.DONE), ("unverify_voucher", DocumentState.DRAFT)):
        server.act(act, **document)
        assert await server.u8.find_receipt(draft.number) == replace(draft, state=state)
    server.act("delete_voucher", **document)
    assert await server.u8.find_receipt(draft.number) is None


async def test_lists_by_months_miss_nothing(server: Bench) -> None:
    """From long ago to dates ahead; documents of the payables stay out."""
    days = [date(2025, 11, 30), date(2025, 12, 31), date(2026, 1, 1), TODAY, date(2027, 11, 1)]
    for number, day in enumerate(days):
        await server.u8.create_receivable(receivable(f"HT-{number}", document_date=day))
    found = [row.number async for row in server.u8.list_receivables(date(2025, 12, 1))]
    assert found == ["HT-1", "HT-2", "HT-3", "HT-4"]


async def test_a_refusal_leaves_the_number_free(server: Bench) -> None:
    server.act("close_period", month="2026-03")
    with pytest.raises(Rejected, match="结账"):
        await server.u8.create_receivable(receivable())
    server.act("open_period", month="2026-03")
    assert (await post(server)).state is DocumentState.DONE


async def test_licence_points_are_waited_for(server: Bench) -> None:
    server.act("provoke", code="101", message="加密点数已饱和", path="import.asp")
    with pytest.raises(Transient, match="许可"):
        await server.u8.create_receivable(receivable())


@pytest.mark.parametrize("choices", [{"sender": "999"}, {"path": "elsewhere"}])
async def test_a_wrong_registration_or_address_pauses(sandbox: Running, choices: dict[str, str]) -> None:
    path = choices.pop("path", "")
    async with opened(sandbox, door="eai", base_url=f"{sandbox.url}/{path}", **choices) as bench:
        with pytest.raises((Misconfigured, Transient)):
            await bench.u8.find_receivable("HT-1")


async def test_answers_in_gb2312_are_read(server: Bench) -> None:
    server.act("set_knobs", eai_gb2312=True)
    await server.u8.create_customer(COMPANY)
    with pytest.raises(Mismatch, match="示例机械"):
        await server.u8.create_customer(replace(COMPANY, code="K00017"))


async def test_calls_to_one_server_take_turns(server: Bench) -> None:
    done = await asyncio.gather(*(post(server, each) for each in _many(6)))
    assert len({document.number for document in done}) == len(server.books("oughtreceive")) == 6


async def test_a_number_that_sql_could_misread_never_leaves(server: Bench) -> None:
    for number in ("HT'--", "合同-1", "HT 1", "ʼHT", ""):
        with pytest.raises((Rejected, Unmappable)):
            await server.u8.create_receivable(receivable(number))
        with pytest.raises(Rejected):
            await server.u8.find_receivable(number)
    assert server.calls("import.asp") == 0


def _many(count: int) -> list[Receivable]:
    return [receivable(f"HT-{number:03d}", amount=f"{number}.10") for number in range(1, count + 1)]
