"""Base data, as code tables are filled from it."""

import pytest

from domain.faults import Misconfigured
from domain.ports import Archives
from sandboxes.common import Running
from tests.connectors.yonyou_u8.test_yonyou_u8_sandbox import opened


async def test_archives_are_listed_over_their_pages(served: Running) -> None:
    async with opened(served, rows_per_page=2) as bench:
        assert isinstance(bench.u8, Archives)
        materials = {each.code: each.name async for each in bench.u8.list_archive("material")}
        customers = [each.code async for each in bench.u8.list_archive("customer")]
        persons = [each.code async for each in bench.u8.list_archive("person")]
    assert materials == {"SV-01": "实施服务", "SV-02": "年度维保", "HW-01": "测试网关"}
    assert customers == ["K00017", "K00018"]
    assert persons == ["P0007", "P0008", "P0009"]


async def test_the_xml_door_says_what_to_do_instead(served: Running) -> None:
    async with opened(served, door="eai") as bench:
        with pytest.raises(Misconfigured, match="OpenAPI"):
            [each async for each in bench.u8.list_archive("material")]
