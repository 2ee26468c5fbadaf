"""The adapter against the sandbox, over real sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from connector_kit import MemoryRecorder
from connectors.kingdee import CONNECTOR
from connectors.kingdee.adapter import KingdeeAdapter
from domain.faults import (
    Fault,
    Malformed,
    Misconfigured,
    Mismatch,
    Rejected,
    SessionExpired,
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
from mappings import DictTable, Translator
from sandboxes.common import Running
from tests.connectors.connection import open_connection

DAY = date(2026, 3, 17)
COMPANY = Company(code="C000001", name="示例制造（苏州）有限公司", phone="13800000001", address="示例路1号")


@dataclass(frozen=True)
class Bench:
    """One connection to one sandbox."""

    kingdee: KingdeeAdapter
    served: Running
    recorder: MemoryRecorder

    def fault(self, kind: str, path: str, **rule: object) -> None:
        self.served.control("faults", {"rules": [{"kind": kind, "path": path, "times": 1, **rule}]})

    def act(self, name: str, **body: object) -> Any:
        return self.served.control(f"act/{name}", body)

    def numbers(self, form: str) -> list[str]:
        return [bill["number"] for bill in self.act("list_bills", form=form)["bills"]]

    def calls(self, method: str) -> int:
        return sum(f".{method}." in row["path"] for row in self.served.control("log"))

    def ignored(self) -> list[list[str]]:
        tables = ("AR_receivable", "AR_RECEIVEBILL", "BD_Customer")
        return [row["ignored"] for table in tables for row in self.served.control(f"books/{table}").values()]


@pytest.fixture
async def bench(served: Running) -> AsyncIterator[Bench]:
    served.control("reset", {})
    async with connect(served) as found:
        yield found


def connect(served: Running, **choices: object) -> AbstractAsyncContextManager[Bench]:
    return _connected(served, {"timeout_seconds": 2} | choices)


@asynccontextmanager
async def _connected(served: Running, choices: dict[str, Any]) -> AsyncIterator[Bench]:
    mappings = Translator({"kingdee_material": DictTable({"SKU-A": "MAT-0001"})})
    async with open_connection(CONNECTOR, served, mappings=mappings, **choices) as opened:
        yield Bench(opened.adapter, served, opened.said)


def money(amount: str) -> Money:
    return Money(Decimal(amount))


def line(amount: str, *, sku: str = "SKU-A", quantity: str = "1", rate: str = "0.13") -> ReceivableLine:
    return ReceivableLine(
        sku=sku,
        title="示例设备",
        quantity=Decimal(quantity),
        unit_price=Decimal(amount),
        tax_rate=Decimal(rate),
        amount=money(amount),
    )


def receivable(number: str, *lines: ReceivableLine, customer: str = "CUST9001") -> Receivable:
    total = sum((each.amount.amount for each in lines), Decimal())
    return Receivable(
        number=number,
        contract_number="HT-2026-0317",
        contract_title="示例设备采购",
        instalment=1,
        customer_code=customer,
        customer_name="示例客户有限公司",
        amount=Money(total),
        document_date=DAY,
        due_date=date(2026, 4, 16),
        lines=lines,
    )


def receipt(number: str, amount: str, **allocated: str) -> Receipt:
    """`allocated`: receivable number with `_` for `-`, and the amount."""
    return Receipt(
        number=number,
        customer_code="CUST9001",
        customer_name="示例客户有限公司",
        amount=money(amount),
        received_on=date(2026, 4, 16),
        payer_name="示例客户有限公司",
        payer_account="6222000000000001",
        bank_reference="BANKREF-7788",
        text="货款",
        allocations=[
            Allocation(
                receivable_number=key.replace("_", "-"),
                contract_number="HT-2026-0317",
                receivable_amount=money(part),
                amount=money(part),
            )
            for key, part in allocated.items()
        ],
    )


RECEIVABLE = receivable("YS-1", line("11300", quantity="2"), line("2120", sku="SRV-0001", rate="0.06"))


async def post(bench: Bench, record: Receivable = RECEIVABLE) -> ErpDocument:
    return await bench.kingdee.advance_receivable(await bench.kingdee.create_receivable(record))


async def collect(bench: Bench, record: Receipt) -> ErpDocument:
    return await bench.kingdee.advance_receipt(await bench.kingdee.create_receipt(record))


async def settle(bench: Bench, record: Receivable) -> ErpDocument:
    """As the worker does: look up, then create or go on; again after every fault that leaves it open."""
    for _ in range(5):
        try:
            document = await bench.kingdee.find_receivable(record.number)
            document = document or await bench.kingdee.create_receivable(record)
            return await bench.kingdee.advance_receivable(document)
        except (Transient, Throttled, UnknownOutcome, Malformed):
            continue
    raise AssertionError("five attempts were not enough")


def test_the_adapter_has_its_capabilities(bench: Bench) -> None:
    assert isinstance(bench.kingdee, CustomerArchive)
    assert isinstance(bench.kingdee, ErpLedger)
    assert isinstance(CONNECTOR.open(bench.kingdee.settings, bench.kingdee.tools), KingdeeAdapter)
    assert bench.kingdee.writes_off == "on_audit"


async def test_a_customer_is_created_and_audited(bench: Bench) -> None:
    assert await bench.kingdee.find_customer("C000001") is None
    created = await bench.kingdee.create_customer(COMPANY)
    assert created.state is DocumentState.DRAFT
    document = await bench.kingdee.advance_customer(created)
    assert document == await bench.kingdee.find_customer("C000001")
    assert (document.number, document.state) == ("C000001", DocumentState.DONE)
    again = await bench.kingdee.create_customer(COMPANY)
    assert again == document
    assert bench.ignored() == [[], []]


async def test_a_customer_code_of_somebody_else(bench: Bench) -> None:
    await bench.kingdee.create_customer(COMPANY)
    with pytest.raises(Mismatch, match="另一家"):
        await bench.kingdee.create_customer(replace(COMPANY, name="另一家有限公司"))


async def test_a_receivable_is_created_and_audited(bench: Bench) -> None:
    document = await post(bench)
    assert document.state is DocumentState.DONE
    assert (document.number, document.customer_code) == ("YS-1", "CUST9001")
    assert (document.amount, document.open) == (money("13420"), money("13420"))
    (row,) = bench.served.control("books/AR_receivable").values()
    assert (row["FNOTAXAMOUNTFOR"], row["FTaxAmountFor"]) == ("12000.00", "1420.00")
    assert bench.ignored() == [[], []]


@pytest.mark.parametrize(
    ("quantity", "amount"), [("3", "100.00"), ("7", "0.01"), ("9999", "12345.67"), ("0.37", "6780")]
)
async def test_the_total_is_ours_to_the_cent(bench: Bench, quantity: str, amount: str) -> None:
    document = await post(bench, receivable("YS-1", line(amount, quantity=quantity)))
    assert document.amount == money(amount)


async def test_the_same_receivable_five_times_is_one(bench: Bench) -> None:
    documents = [await post(bench) for _ in range(5)]
    assert len({document.vendor_id for document in documents}) == 1
    assert bench.numbers("AR_receivable") == ["YS-1"]


async def test_the_same_number_with_another_amount(bench: Bench) -> None:
    await post(bench)
    with pytest.raises(Mismatch, match="13,420"):
        await bench.kingdee.create_receivable(receivable("YS-1", line("1")))


async def test_a_receipt_writes_off_by_its_audit(bench: Bench) -> None:
    await post(bench)
    first = await bench.kingdee.create_receipt(receipt("SK-1", "8052", YS_1="8052"))
    assert (first.state, first.open) == (DocumentState.DRAFT, money("8052"))
    found = await bench.kingdee.find_receivable("YS-1")
    assert found is not None
    assert found.open == money("13420")

    first = await bench.kingdee.advance_receipt(first)
    assert (first.state, first.open) == (DocumentState.DONE, money("0"))
    found = await bench.kingdee.find_receivable("YS-1")
    assert found is not None
    assert found.open == money("5368")

    second = await collect(bench, receipt("SK-2", "6000", YS_1="5368"))
    assert second.open == money("632")
    found = await bench.kingdee.find_receivable("YS-1")
    assert found is not None
    assert found.open == money("0")
    assert bench.ignored() == [[]] * 4


async def test_one_receipt_for_two_receivables(bench: Bench) -> None:
    await post(bench)
    await post(bench, receivable("YS-2", line("100")))
    await collect(bench, receipt("SK-1", "200", YS_1="150", YS_2="50"))
    listed = {each.number: each.open async for each in bench.kingdee.list_receivables(DAY)}
    assert listed == {"YS-1": money("13270"), "YS-2": money("50")}


async def test_money_in_advance_writes_nothing_off(bench: Bench) -> None:
    document = await collect(bench, receipt("SK-1", "500"))
    assert (document.state, document.open) == (DocumentState.DONE, money("500"))


async def test_a_receipt_twice_is_one(bench: Bench) -> None:
    await post(bench)
    documents = [await collect(bench, receipt("SK-1", "8052")) for _ in range(2)]
    assert documents[0] == documents[1]
    assert bench.numbers("AR_RECEIVEBILL") == ["SK-1"]


async def test_a_receipt_takes_no_more_than_is_open(bench: Bench) -> None:
    await post(bench)
    await collect(bench, receipt("SK-1", "13000", YS_1="13000"))
    with pytest.raises(Rejected, match="未核销金额不足"):
        await bench.kingdee.create_receipt(receipt("SK-2", "421", YS_1="421"))
    await bench.kingdee.create_receipt(receipt("SK-3", "400", YS_1="400"))
    with pytest.raises(Rejected, match="超过未关联金额"):
        await bench.kingdee.create_receipt(receipt("SK-4", "400", YS_1="400"))


async def test_a_receivable_that_an_accountant_took_back(bench: Bench) -> None:
    await post(bench)
    await collect(bench, receipt("SK-1", "100", YS_1="100"))
    bench.act("delete_bill", form="AR_RECEIVEBILL", number="SK-1")
    found = await bench.kingdee.find_receivable("YS-1")
    assert found is not None
    assert found.open == money("13420")
    assert await bench.kingdee.find_receipt("SK-1") is None
    bench.act("delete_bill", form="AR_receivable", number="YS-1")
    assert await bench.kingdee.find_receivable("YS-1") is None
    with pytest.raises(Rejected, match="没有应收单 YS-1"):
        await bench.kingdee.create_receipt(receipt("SK-2", "100", YS_1="100"))


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (receivable("YS-1", line("1"), customer="NOBODY"), "客户"),
        (receivable("YS-1", line("1", sku="NO-SUCH")), "物料"),
        (receivable("Y" * 31, line("1")), "最大长度"),
    ],
)
async def test_what_kingdee_refuses(bench: Bench, record: Receivable, words: str) -> None:
    with pytest.raises(Rejected, match=words) as refused:
        await bench.kingdee.create_receivable(record)
    assert refused.value.fields
    assert bench.numbers("AR_receivable") == []


async def test_a_closed_period(bench: Bench) -> None:
    bench.act("close_period", month="2026-03")
    with pytest.raises(Rejected, match="请财务改期或反结账"):
        await bench.kingdee.create_receivable(RECEIVABLE)
    assert bench.calls("Save") == 1


async def test_a_currency_without_a_code(bench: Bench) -> None:
    foreign = [replace(each, amount=Money(each.amount.amount, "USD")) for each in RECEIVABLE.lines]
    record = replace(RECEIVABLE, amount=Money(Decimal(13420), "USD"), lines=foreign)
    with pytest.raises(Unmappable, match="FCURRENCYID"):
        await bench.kingdee.create_receivable(record)
    assert bench.calls("Save") == 0


async def test_a_numbering_rule_that_overrides_ours(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    from sandboxes.kingdee.bills import Bills

    def by_rule(self: Bills, form: Any, row: dict[str, Any]) -> None:
        row[form.number] = "AR-BY-RULE"

    monkeypatch.setattr(Bills, "_number", by_rule)
    with pytest.raises(Misconfigured, match="允许手工录入编号"):
        await bench.kingdee.create_receivable(RECEIVABLE)
    assert bench.numbers("AR_receivable") == []


@pytest.mark.parametrize("after_submit", [False, True])
async def test_advance_goes_on_where_somebody_else_stopped(bench: Bench, after_submit: bool) -> None:
    """Another process, or a person, was quicker: what we know of the state is old."""
    seen = await bench.kingdee.create_receivable(RECEIVABLE)
    if after_submit:
        seen = replace(seen, state=DocumentState.SUBMITTED)
    await bench.kingdee.advance_receivable(replace(seen, state=DocumentState.DRAFT))
    assert (await bench.kingdee.advance_receivable(seen)).state is DocumentState.DONE


async def test_lists_go_through_small_pages(served: Running, bench: Bench) -> None:
    for number in range(5):
        await bench.kingdee.create_receivable(receivable(f"YS-{number}", line("10")))
        await bench.kingdee.create_receipt(receipt(f"SK-{number}", "10"))
    async with connect(served, rows_per_page=2) as small:
        receivables = [each.number async for each in small.kingdee.list_receivables(DAY)]
        receipts = [each.number async for each in small.kingdee.list_receipts(DAY)]
        assert receivables == [f"YS-{number}" for number in range(5)]
        assert receipts == [f"SK-{number}" for number in range(5)]
        assert [each async for each in small.kingdee.list_receivables(date(2026, 3, 18))] == []


async def test_a_list_while_bills_come_and_go(served: Running, bench: Bench) -> None:
    for number in range(6):
        await bench.kingdee.create_receivable(receivable(f"YS-{number}", line("10")))
    async with connect(served, rows_per_page=2) as small:
        seen = []
        async for each in small.kingdee.list_receivables(DAY):
            seen.append(each.number)
            if each.number == "YS-1":
                bench.act("delete_bill", form="AR_receivable", number="YS-0")
                await bench.kingdee.create_receivable(receivable("YS-9", line("10")))
    assert seen == [*(f"YS-{number}" for number in range(6)), "YS-9"]


@pytest.mark.parametrize("method", ["Save", "Submit", "Audit", "ExecuteBillQuery"])
async def test_a_session_that_ran_out_is_renewed_once(bench: Bench, method: str) -> None:
    await bench.kingdee.find_receivable("YS-0")
    bench.fault("expire_session", rf"\.{method}\.")
    assert (await settle(bench, RECEIVABLE)).state is DocumentState.DONE
    assert bench.calls("ValidateUser") == 2
    assert bench.numbers("AR_receivable") == ["YS-1"]


async def test_a_session_that_does_not_hold_is_a_fault(bench: Bench) -> None:
    bench.fault("expire_session", "ExecuteBillQuery", times=None)
    with pytest.raises(SessionExpired):
        await bench.kingdee.find_receivable("YS-0")


async def test_many_calls_log_in_once(bench: Bench) -> None:
    await asyncio.gather(*(bench.kingdee.find_customer(f"C{number}") for number in range(20)))
    assert bench.calls("ValidateUser") == 1


@pytest.mark.parametrize("kind", ["timeout_after", "drop_after", "status_after", "malformed"])
@pytest.mark.parametrize("method", ["Save", "Submit", "Audit"])
async def test_an_answer_that_is_lost_leaves_one_document(bench: Bench, kind: str, method: str) -> None:
    async with connect(bench.served, timeout_seconds=0.5) as hasty:
        bench.fault(kind, rf"\.{method}\.", seconds=1)
        with pytest.raises(UnknownOutcome):
            await post(hasty)
        document = await settle(hasty, RECEIVABLE)
    assert (document.state, document.amount) == (DocumentState.DONE, money("13420"))
    assert bench.numbers("AR_receivable") == ["YS-1"]


@pytest.mark.parametrize(
    ("kind", "extra", "fault"),
    [
        ("drop_before", {}, UnknownOutcome),
        ("timeout_before", {"seconds": 1}, UnknownOutcome),
        ("status_before", {"status": 503}, UnknownOutcome),
        ("status_before", {"status": 429}, Throttled),
        ("vendor_error", {}, Transient),
    ],
)
async def test_a_write_that_did_not_happen(
    bench: Bench, kind: str, extra: dict[str, Any], fault: type[Fault]
) -> None:
    async with connect(bench.served, timeout_seconds=0.5) as hasty:
        bench.fault(kind, r"\.Save\.", **extra)
        with pytest.raises(fault):
            await hasty.kingdee.create_receivable(RECEIVABLE)
        assert await hasty.kingdee.find_receivable("YS-1") is None
        await settle(hasty, RECEIVABLE)
    assert bench.numbers("AR_receivable") == ["YS-1"]


@pytest.mark.parametrize("kind", ["delay", "drop_before", "status_before"])
async def test_a_read_is_repeated_at_once(bench: Bench, kind: str) -> None:
    bench.fault(kind, "ExecuteBillQuery", seconds=0.1)
    assert await bench.kingdee.find_receivable("YS-1") is None


async def test_a_busy_vendor_and_half_an_answer_to_a_read(bench: Bench) -> None:
    bench.fault("vendor_error", "ExecuteBillQuery")
    with pytest.raises(Transient):
        await bench.kingdee.find_receivable("YS-1")
    bench.fault("malformed", "ExecuteBillQuery")
    with pytest.raises(Malformed):
        await bench.kingdee.find_customer("CUST9001")


async def test_wrong_credentials(bench: Bench) -> None:
    async with connect(bench.served, password="not-the-password") as stranger:
        with pytest.raises(Misconfigured, match="用户名或密码"):
            await stranger.kingdee.find_customer("CUST9001")
    async with connect(bench.served, base_url=f"{bench.served.url}/elsewhere") as lost:
        with pytest.raises(Misconfigured, match="base_url"):
            await lost.kingdee.find_customer("CUST9001")


async def test_no_secret_is_kept(bench: Bench) -> None:
    await post(bench)
    session = next(iter(bench.served.sandbox.books.table("sessions")))
    kept = repr(bench.recorder.exchanges)
    assert bench.kingdee.settings.password.get_secret_value() not in kept
    assert session not in kept
    assert len(bench.recorder.exchanges) == len(bench.served.control("log"))
