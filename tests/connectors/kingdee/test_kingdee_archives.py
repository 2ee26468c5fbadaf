"""Base data, as code tables are filled from it."""

import pytest

from domain.faults import Misconfigured
from domain.ports import ArchiveEntry, Archives
from domain.records import Company
from sandboxes.common import Running
from tests.connectors.kingdee.test_kingdee_sandbox import connect


async def test_an_archive_is_listed_over_its_pages_without_what_documents_may_not_use(
    served: Running,
) -> None:
    async with connect(served, rows_per_page=2) as bench:
        assert isinstance(bench.kingdee, Archives)
        assert [each async for each in bench.kingdee.list_archive("material")] == [
            ArchiveEntry("MAT-0001", "示例设备"),
            ArchiveEntry("MAT-0002", "示例配件"),
            ArchiveEntry("SRV-0001", "安装服务"),
        ]
        await bench.kingdee.create_customer(Company(code="C000077", name="尚未审核有限公司"))
        assert [each.code async for each in bench.kingdee.list_archive("customer")] == ["CUST9001"]


async def test_an_archive_that_it_cannot_list_is_named(served: Running) -> None:
    async with connect(served) as bench:
        with pytest.raises(Misconfigured, match="customer、material"):
            [each async for each in bench.kingdee.list_archive("person")]
