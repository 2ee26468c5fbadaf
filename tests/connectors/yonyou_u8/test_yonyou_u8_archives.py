"""Base data, as code tables are filled from it; goods, orders and vouchers through the XML door."""

from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal

import pytest

from connectors.yonyou_u8.archives import Posted
from connectors.yonyou_u8.eai import Eai
from connectors.yonyou_u8.eai_archives import XmlArchives
from domain.faults import Rejected, UnknownOutcome
from domain.ports import Archives
from sandboxes.common import Running
from tests.connectors.yonyou_u8.test_yonyou_u8_sandbox import opened

TODAY = date(2026, 3, 18)
ORDER = {
    "typecode": "01",
    "date": TODAY,
    "code": "SO-1",
    "custcode": "K00017",
    "deptcode": "0301",
    "maker": "demo",
}
LINE = {"inventorycode": "HW-01", "quantity": 2, "taxunitprice": Decimal(113), "taxrate": 13}
DISPATCH = {"code": "FH-1", "date": TODAY, "deptcode": "0301", "custcode": "K00017"}
GOODS = {"warehouse_code": "01", "inventory_code": "HW-01", "quantity": 1, "price": 100, "taxrate": 13}
DEBIT = [Posted("1122", "确认应收", Decimal(106), customer="K00017")]
CREDIT = [Posted("600101", "确认应收", Decimal(106))]


@pytest.mark.parametrize("door", ["openapi", "eai"])
async def test_archives_are_listed_whole(served: Running, door: str) -> None:
    async with opened(served, door=door, rows_per_page=2) as bench:
        assert isinstance(bench.u8, Archives)
        materials = {each.code: each.name async for each in bench.u8.list_archive("material")}
        customers = [each.code async for each in bench.u8.list_archive("customer")]
        persons = [each.code async for each in bench.u8.list_archive("person")]
    assert materials == {"SV-01": "实施服务", "SV-02": "年度维保", "HW-01": "测试网关"}
    assert customers == ["K00017", "K00018"]
    assert persons == ["P0007", "P0008", "P0009"]


@pytest.fixture
async def archives(served: Running) -> AsyncIterator[XmlArchives]:
    served.control("reset", {})
    async with opened(served, door="eai") as bench:
        assert isinstance(bench.u8.door, Eai)
        yield XmlArchives(bench.u8.door)


async def test_base_data_by_xml(archives: XmlArchives) -> None:
    assert [each.endflag async for each in archives.departments()] == ["0", "1", "1"]
    assert [each.bpsnperson async for each in archives.persons()] == ["1", "1", "0"]
    assert {each.sort_code async for each in archives.inventories()} == {"01", "02"}
    found = await archives.inventory("HW-01")
    assert found is not None
    assert (found.name, found.tax_rate) == ("测试网关", Decimal(13))
    assert await archives.inventory("HW-09") is None
    [stock] = await archives.stock("HW-01")
    assert (stock.now, stock.useable) == (Decimal(120), Decimal(140))


async def test_sales_documents_by_xml(archives: XmlArchives) -> None:
    assert await archives.add_order(ORDER, [LINE], key="o1") == "SO-1"
    assert await archives.add_order(ORDER, [LINE], key="o1") == ""
    order = await archives.order("SO-1")
    assert order is not None
    assert [(line.inventorycode, line.sum) for line in order.entry] == [("HW-01", Decimal(226))]
    assert await archives.add_dispatch(DISPATCH, [GOODS], key="d1") == "FH-1"
    dispatch = await archives.dispatch("FH-1")
    assert dispatch is not None
    assert dispatch.entry[0].sum == 113
    assert await archives.dispatch("FH-2") is None
    with pytest.raises(Rejected, match="存货编码"):
        await archives.add_order({**ORDER, "code": "SO-2"}, [{**LINE, "inventorycode": "X"}], key="o2")


async def test_vouchers_by_xml(served: Running, archives: XmlArchives) -> None:
    assert await archives.add_voucher(TODAY, DEBIT, CREDIT, key="v1") == "1"
    assert await archives.add_voucher(TODAY, DEBIT, CREDIT, key="v1") == ""
    assert len(served.control("books/voucher")) == 1
    with pytest.raises(Rejected, match="客户核算"):
        await archives.add_voucher(TODAY, [Posted("1122", "确认应收", Decimal(106))], CREDIT, key="v2")


async def test_a_lost_answer_makes_no_second_voucher(served: Running, archives: XmlArchives) -> None:
    served.control("faults", {"rules": [{"kind": "drop_after", "path": "import.asp", "times": 1}]})
    with pytest.raises(UnknownOutcome):
        await archives.add_voucher(TODAY, DEBIT, CREDIT, key="v1")
    assert await archives.add_voucher(TODAY, DEBIT, CREDIT, key="v1") == ""
    assert len(served.control("books/voucher")) == 1
