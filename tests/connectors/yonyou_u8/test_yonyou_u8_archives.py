"""The OpenAPI's other objects: our client against the sandbox, and the sandbox's own rules."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from connector_kit import MemoryRecorder, MemoryTokens, Redactor, Sender, Tools, new_client, secrets_of
from connectors.yonyou_u8.archives import Archives, Posted
from connectors.yonyou_u8.client import OpenApi
from connectors.yonyou_u8.settings import U8Settings
from domain.faults import Misconfigured, Rejected, UnknownOutcome
from mappings import Translator
from sandboxes.common import Running, running
from sandboxes.yonyou_u8 import SANDBOX

DAY = date(2026, 3, 18)
ORDER: dict[str, Any] = {
    "code": "SO-1",
    "date": DAY,
    "custcode": "K00017",
    "taxrate": 6,
    "entry": [{"inventorycode": "SV-01", "quantity": 1, "taxunitprice": 10600}],
}
DISPATCH: dict[str, Any] = {
    "code": "FH-1",
    "date": DAY,
    "custcode": "K00017",
    "deptcode": "0301",
    "entry": [
        {
            "inventory_code": "HW-01",
            "warehouse_code": "01",
            "quantity": 3,
            "taxprice": "113.00",
            "taxrate": 13,
            "socode": "SO-1",
        }
    ],
}
AMOUNT = Decimal("10600.00")
DEBIT = [Posted("1122", "确认应收", AMOUNT, customer="K00017")]
CREDIT = [Posted("600101", "确认应收", Decimal("10000.00")), Posted("22210106", "销项税", Decimal("600.00"))]


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass(frozen=True)
class Bench:
    u8: Archives
    sandbox: Running

    def books(self, table: str) -> Any:
        return self.sandbox.control(f"books/{table}")


@pytest.fixture(scope="module")
def served() -> Iterator[Running]:
    with running(SANDBOX()) as sandbox:
        yield sandbox


@asynccontextmanager
async def opened(sandbox: Running) -> AsyncIterator[Bench]:
    values = {
        **sandbox.sandbox.credentials(),
        "base_url": sandbox.url,
        "timeout_seconds": 1,
        "rows_per_page": 2,
    }
    settings = U8Settings.model_validate(values)
    async with new_client() as client:
        redactor = Redactor(secrets_of(settings))
        sender = Sender(client, connection="u8-main", redactor=redactor, recorder=MemoryRecorder())
        yield Bench(
            Archives(
                OpenApi(settings, Tools("u8-main", sender, MemoryTokens(), SystemClock(), Translator()))
            ),
            sandbox,
        )


@pytest.fixture
async def bench(served: Running) -> AsyncIterator[Bench]:
    served.control("reset", {})
    async with opened(served) as bench:
        yield bench


async def test_departments_persons_and_goods(bench: Bench) -> None:
    u8 = bench.u8
    assert [(row.code, row.endflag) async for row in u8.departments()] == [
        ("03", "0"),
        ("0301", "1"),
        ("0302", "1"),
    ]
    assert [(row.code, row.cdept_num, row.bpsnperson) async for row in u8.persons()] == [
        ("P0007", "0301", "1"),
        ("P0008", "0302", "1"),
        ("P0009", "0302", "0"),
    ]
    assert [(row.code, row.tax_rate) async for row in u8.inventories()] == [
        ("HW-01", Decimal(13)),
        ("SV-01", Decimal(6)),
        ("SV-02", Decimal(6)),
    ]
    found = [await u8.department("0301"), await u8.person("P0007"), await u8.inventory("HW-01")]
    assert [row and row.name for row in found] == ["销售一部", "测试甲", "测试网关"]
    assert [await u8.department("x"), await u8.person("x"), await u8.inventory("x")] == [None] * 3


async def test_an_order_is_added_once_and_read_back(bench: Bench) -> None:
    assert await bench.u8.add_order(ORDER, key="k1") == "SO-1" == await bench.u8.add_order(ORDER, key="k1")
    order = await bench.u8.order("SO-1")
    assert order is not None
    assert (order.custcode, order.entry[0].sum, order.state) == ("K00017", AMOUNT, "新增")
    line = bench.books("saleorder")["SO-1"]["entry"][0]
    assert (line["money"], line["tax"], line["unitprice"]) == ("10000.00", "600.00", "10000.000000")
    assert await bench.u8.verify("saleorder", "SO-1")
    with pytest.raises(Rejected, match="重复审核"):
        await bench.u8.verify("saleorder", "SO-1")
    assert await bench.u8.order("SO-2") is None
    with pytest.raises(Rejected, match="已存在"):
        await bench.u8.add_order(ORDER, key="k2")


async def test_of_two_prices_the_one_with_tax_wins(bench: Bench) -> None:
    line = {"inventorycode": "SV-01", "quantity": 3, "unitprice": 1, "taxunitprice": "33.33"}
    await bench.u8.add_order(ORDER | {"taxrate": None, "entry": [line]}, key="k1")
    kept = bench.books("saleorder")["SO-1"]["entry"][0]
    assert (kept["sum"], kept["money"], kept["tax"]) == ("99.99", "86.20", "13.79"), "16 % when none is sent"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"custcode": "K99999"}, "客户编码"),
        ({"entry": []}, "未找到项目"),
        ({"entry": [{"inventorycode": "X", "quantity": 1}]}, "存货编码"),
        ({"entry": [{"inventorycode": "SV-01", "quantity": 0}]}, "quantity"),
        ({"entry": [{"inventory_code": "SV-01", "quantity": 1}]}, "inventory_code"),
        ({"personcode": "P0009"}, "业务员"),
    ],
)
async def test_what_u8_refuses_of_an_order(bench: Bench, changes: dict[str, Any], text: str) -> None:
    with pytest.raises(Rejected, match=text):
        await bench.u8.add_order(ORDER | changes, key="k1")
    assert bench.books("saleorder") == {}


async def test_a_dispatch_takes_goods_from_stock_when_it_is_verified(bench: Bench) -> None:
    async def stock() -> list[Decimal]:
        return [row.qty async for row in bench.u8.stock("HW-01")]

    assert await bench.u8.add_dispatch(DISPATCH, key="k1") == "FH-1"
    dispatch = await bench.u8.dispatch("FH-1")
    assert dispatch is not None
    assert (dispatch.entry[0].sum, dispatch.entry[0].socode) == (Decimal("339.00"), "SO-1")
    assert await stock() == [Decimal(120)]
    await bench.u8.verify("consignment", "FH-1")
    assert await stock() == [Decimal(117)]
    assert [row async for row in bench.u8.stock("SV-01")] == []
    line = DISPATCH["entry"][0] | {"warehouse_code": "99"}
    with pytest.raises(Rejected, match="仓库"):
        await bench.u8.add_dispatch(DISPATCH | {"code": "FH-2", "entry": [line]}, key="k2")


async def test_a_voucher_is_balanced_found_and_voided(bench: Bench) -> None:
    assert await bench.u8.add_voucher(DAY, DEBIT, CREDIT, external="HUB-V-1") == "1"
    assert await bench.u8.add_voucher(DAY, DEBIT, CREDIT, external="HUB-V-1") == "1"
    row = await bench.u8.voucher("HUB-V-1")
    assert row is not None
    assert (row.debit_amount, row.credit_amount, row.csign, row.iflag) == (AMOUNT, AMOUNT, "记", "")
    with pytest.raises(Rejected, match="借贷不平"):
        await bench.u8.add_voucher(DAY, DEBIT, CREDIT[:1], external="HUB-V-2")
    assert await bench.u8.add_voucher(DAY, DEBIT, CREDIT, external="HUB-V-3") == "3", "a refusal leaves a gap"
    await bench.u8.cancel_voucher("HUB-V-1")
    voided = await bench.u8.voucher("HUB-V-1")
    assert voided is not None
    assert voided.iflag == "1"
    assert await bench.u8.voucher("HUB-V-9") is None
    with pytest.raises(Rejected, match="不存在"):
        await bench.u8.cancel_voucher("HUB-V-9")


@pytest.mark.parametrize(
    ("debit", "text"),
    [
        ([Posted("1122", "无客户", AMOUNT)], "客户核算"),
        ([Posted("9999", "无科目", AMOUNT)], "科目"),
        ([Posted("1122", "无此客户", AMOUNT, customer="K99999")], "K99999"),
        ([], "未找到项目"),
    ],
)
async def test_what_u8_refuses_of_a_voucher(bench: Bench, debit: list[Posted], text: str) -> None:
    with pytest.raises((Rejected, Misconfigured), match=text):
        await bench.u8.add_voucher(DAY, debit, CREDIT, external="HUB-V-1")


async def test_a_lost_answer_makes_one_order(bench: Bench) -> None:
    bench.sandbox.control("faults", {"rules": [{"kind": "drop_after", "path": "saleorder/add", "times": 1}]})
    with pytest.raises(UnknownOutcome):
        await bench.u8.add_order(ORDER, key="k1")
    assert await bench.u8.add_order(ORDER, key="k1") == "SO-1"
    assert len(bench.books("saleorder")) == 1


async def test_lists_of_orders_show_totals_and_no_lines(bench: Bench) -> None:
    for number in range(3):
        await bench.u8.add_order(ORDER | {"code": f"SO-{number}"}, key=f"k{number}")
    token = await bench.u8.door._token()
    caller = {n: bench.sandbox.sandbox.credentials()[n] for n in ("from_account", "to_account", "app_key")}
    async with new_client() as client:
        query = caller | {"token": token, "rows_per_page": "2", "state": "Opening"}
        page = (await client.get(f"{bench.sandbox.url}/api/saleorderlist/batch_get", params=query)).json()
    assert (page["row_count"], page["page_count"]) == ("3", "2")
    assert [(row["code"], row["sum"], "entry" in row) for row in page["saleorderlist"]] == [
        ("SO-0", "10600.0000", False),
        ("SO-1", "10600.0000", False),
    ]
