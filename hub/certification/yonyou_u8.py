"""Yonyou U8 behind its OpenAPI, as its sandbox keeps it."""

from connector_kit.certify import Act, Bench
from connector_kit.certify.bench import Found
from mappings import Translator

BENCHES = (
    Bench(
        connector="yonyou_u8",
        sandbox="yonyou_u8",
        mappings=Translator(),
        variant="openapi",
        settings={"poll_first_seconds": 0.05, "poll_budget_seconds": 2},
        books={
            "customer": Found("customer"),
            "receivable": Found("oughtreceive"),
            "receipt": Found("accept"),
        },
        login="system/token",
        strange_status=(rb'"state"\s*:\s*"[^"]*"', '"state":"天知道"'.encode()),
        small_pages={"rows_per_page": 3},
        remove=lambda kind, number: Act(
            "delete_voucher", {"kind": "oughtreceive", "code": number, "unverify": True}
        ),
    ),
)
