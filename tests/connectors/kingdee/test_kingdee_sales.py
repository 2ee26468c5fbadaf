"""Sales orders, deliveries, materials, stock: the sandbox's rules, and the connector against it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from connectors.kingdee import CONNECTOR, sales
from connectors.kingdee.client import WebApi
from connectors.kingdee.protocol import Query, Step
from connectors.kingdee.sales import Material, Sale, SaleLine
from connectors.kingdee.selling import KingdeeSales
from connectors.kingdee.wire import DocumentRow, StockRow
from domain.faults import Misconfigured, Mismatch, Rejected, UnknownOutcome
from domain.money import Money
from domain.records import DocumentState
from sandboxes.common import Running
from tests.connectors.connection import open_connection

LINES = (
    SaleLine(
        material="MAT-0001",
        quantity=Decimal(2),
        price=Decimal("5650"),
        tax_rate=Decimal("0.13"),
        store="CK001",
    ),
    SaleLine(
        material="MAT-0002",
        quantity=Decimal(3),
        price=Decimal("33.335"),
        tax_rate=Decimal("0.06"),
        store="CK001",
    ),
)
ORDER = Sale(
    number="XS-1",
    customer_code="CUST9001",
    day=date(2026, 3, 17),
    currency="CNY",
    lines=LINES,
    salesperson="YG001_GW001_1",
    note="合同 HT-2026-0317",
)
DELIVERY = replace(ORDER, number="CK-1")


@dataclass(frozen=True)
class Bench:
    selling: KingdeeSales
    api: WebApi
    served: Running

    def rows(self, form: str) -> list[dict[str, Any]]:
        return list(self.served.control(f"books/{form}").values())


@pytest.fixture
async def bench(served: Running) -> AsyncIterator[Bench]:
    served.control("reset", {})
    async with open_connection(CONNECTOR, served, timeout_seconds=1) as opened:
        settings, tools = opened.adapter.settings, opened.adapter.tools
        yield Bench(KingdeeSales(settings, tools), WebApi(settings, tools), served)


async def on_stock(bench: Bench) -> Decimal:
    (row,) = await bench.selling.stock("MAT-0001")
    assert (row.store, row.material, row.available) == ("CK001", "MAT-0001", row.quantity)
    return row.quantity


async def test_an_order_is_posted_once(bench: Bench) -> None:
    assert await bench.selling.find_order("XS-1") is None
    documents = [await bench.selling.post_order(ORDER) for _ in range(2)]
    assert documents[0] == documents[1]
    assert (documents[0].state, documents[0].amount) == (DocumentState.DONE, Money(Decimal("11400.01")))
    (row,) = bench.rows("SAL_SaleOrder")
    assert (row["FBillAmount"], row["FBillTaxAmount"], row["ignored"]) == ("10094.35", "1305.66", [])
    with pytest.raises(Mismatch):
        await bench.selling.post_order(replace(ORDER, lines=LINES[:1]))


async def test_a_lost_answer_leaves_one_order(bench: Bench) -> None:
    bench.served.control("faults", {"rules": [{"kind": "drop_after", "path": "Save", "times": 1}]})
    with pytest.raises(UnknownOutcome):
        await bench.selling.post_order(ORDER)
    assert (await bench.selling.post_order(ORDER)).state is DocumentState.DONE
    assert len(bench.rows("SAL_SaleOrder")) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"salesperson": ""}, "销售员"),
        ({"salesperson": "NOBODY"}, "销售员"),
        ({"lines": (replace(LINES[0], material="NO-SUCH"),)}, "物料"),
        ({"lines": (replace(LINES[0], quantity=Decimal(0)),)}, "数量必须大于零"),
        ({"lines": ()}, "至少需要一行"),
    ],
)
async def test_an_order_that_is_refused(bench: Bench, change: dict[str, Any], words: str) -> None:
    with pytest.raises(Rejected, match=words):
        await bench.selling.post_order(replace(ORDER, **change))
    assert bench.rows("SAL_SaleOrder") == []


async def test_an_unknown_currency_is_not_sent(bench: Bench) -> None:
    with pytest.raises(Misconfigured, match="USD"):
        await bench.selling.post_order(replace(ORDER, currency="USD"))


async def test_a_delivery_takes_from_stock_and_gives_back(bench: Bench) -> None:
    document = await bench.selling.post_delivery(DELIVERY)
    assert document.state is DocumentState.DONE
    assert await on_stock(bench) == 98
    await bench.api.step(Step.UNAUDIT, sales.DELIVERY, document.vendor_id)
    assert await on_stock(bench) == 100
    assert bench.rows("SAL_OUTSTOCK")[0]["ignored"] == []


async def test_more_than_there_is_wants_a_persons_yes(bench: Bench) -> None:
    much = replace(DELIVERY, lines=(replace(LINES[0], quantity=Decimal(101)),))
    with pytest.raises(Rejected, match="是否继续"):
        await bench.selling.post_delivery(much)
    assert await on_stock(bench) == 100
    found = await bench.selling.find_delivery("CK-1")
    assert found is not None
    assert found.state is DocumentState.SUBMITTED


async def test_a_delivery_becomes_a_receivable(bench: Bench) -> None:
    delivery = await bench.selling.post_delivery(DELIVERY)
    (key,) = await bench.selling.bill_delivery(delivery)
    (row,) = bench.rows("AR_receivable")
    assert (row["FID"], row["FALLAMOUNTFOR"], row["FDOCUMENTSTATUS"]) == (int(key), "11400.01", "A")
    with pytest.raises(Rejected, match="没有符合转换条件"):
        await bench.selling.bill_delivery(delivery)
    with pytest.raises(Rejected, match="下游应收单"):
        await bench.api.step(Step.UNAUDIT, sales.DELIVERY, delivery.vendor_id)
    await bench.api.step(Step.DELETE, "AR_receivable", key)
    assert await bench.selling.bill_delivery(delivery)


async def test_a_material_is_created_and_used(bench: Bench) -> None:
    material = Material(code="MAT-9", name="示例新品", specification="A4")
    document = await bench.selling.post_material(material)
    assert document.state is DocumentState.DONE
    assert await bench.selling.post_material(material) == document
    with pytest.raises(Mismatch, match="另一种"):
        await bench.selling.post_material(replace(material, name="另一种"))
    order = replace(ORDER, lines=(replace(LINES[0], material="MAT-9"),))
    assert (await bench.selling.post_order(order)).state is DocumentState.DONE
    assert await bench.selling.stock("MAT-9") == []


async def test_stock_can_only_be_asked_for(bench: Bench) -> None:
    with pytest.raises(Rejected, match="不支持"):
        await bench.api.save(sales.STOCK, {"FQty": 1})
    for missing in ("FID", "FBillNo", "FStockQty"):
        query = Query(sales.STOCK, {"material": missing}, "", "", 10)
        with pytest.raises(Misconfigured, match=missing):
            await bench.api.query(query, StockRow)


async def test_there_is_no_fid_on_a_material(bench: Bench) -> None:
    with pytest.raises(Misconfigured, match="FID"):
        await bench.api.query(Query(sales.MATERIAL, {"id": "FID"}, "", "", 10), DocumentRow)
