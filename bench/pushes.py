"""Feiyu pushes as the vendor sends them: signed, each with a lead of its own, about 1.2 KB."""

import time
from collections.abc import Iterator
from itertools import count, islice

import orjson

from sandboxes.douyin_leads.feiyu import SECRET_KEY, TEST_LEAD, TOKEN, signature

REGIONS = (("浙江", "杭州"), ("广东", "深圳"), ("四川", "成都"))
FIRST_LEAD = 7_300_000_000_000_000_001

_COMMON = TEST_LEAD | {
    "clue_source": 1,
    "clue_type": 0,
    "clue_convert_status": "合法转化",
    "ad_id": "1760000000000000123",
    "ad_name": "示例计划-春季获客",
    "promotion_id": "7200000000000000321",
    "promotion_name": "示例广告-预约演示",
    "site_id": "7200000000000000001",
    "site_name": "示例落地页",
    "module_id": "7100000000000000001",
    "module_name": "预约表单",
    "external_url": "https://page.example.com/p/1?clickid=EXAMPLE0123456789abcdefEXAMPLE0123456789abcdef",
    "county_name": "示例区",
    "address": "示例路 1 号示例大厦 8 层",
    "remark": "想了解报价与交付周期，请在工作日下午联系。",
    "remark_dict": {"预算": "10-20万", "公司名称": "示例科技有限公司", "需求": "生产线改造"},
    "form_remark": "预算:10-20万;公司名称:示例科技有限公司;需求:生产线改造",
    "req_id": "20250101EXAMPLE0123456789ABCDEF",
    "cid": 0,
    "store_id": 0,
}


def _lead(number: int) -> bytes:
    region, city = REGIONS[number % len(REGIONS)]
    return orjson.dumps(
        _COMMON
        | {
            "id": str(FIRST_LEAD + number),
            "name": f"测试客户{number}",
            "telphone": str(13_800_000_000 + number % 100_000_000),
            "province_name": region,
            "city_name": city,
            "location": f"{region}+{city}",
            "create_time": str(int(time.time())),
        }
    )


class Pushes:
    """A rule's pushes to one connection. Numbers go on, so no push is ever repeated."""

    def __init__(self, connection: str) -> None:
        self._path = f"/hooks/{connection}"
        self._numbers = count()

    def lead_ids(self) -> Iterator[tuple[str, bytes]]:
        """For ever: the vendor's id of a lead, and the whole HTTP request that pushes it now."""
        for number in self._numbers:
            yield str(FIRST_LEAD + number), self._request(_lead(number))

    def requests(self, amount: int) -> list[bytes]:
        return [request for _, request in islice(self.lead_ids(), amount)]

    def _request(self, body: bytes) -> bytes:
        now = int(time.time())
        signed = signature(SECRET_KEY, self._path, now)
        head = (
            f"POST {self._path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Access-Token: {TOKEN}\r\nTimestamp: {now}\r\nSignature: {signed}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


SIZE = len(_lead(0))
