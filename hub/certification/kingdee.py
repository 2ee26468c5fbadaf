"""Kingdee Cloud Galaxy, as its sandbox keeps it, by either login."""

from connector_kit.certify import Act, Bench
from connector_kit.certify.bench import Found
from mappings import Translator, both_ways

BOOKS = {
    "customer": Found("BD_Customer"),
    "receivable": Found("AR_receivable"),
    "receipt": Found("AR_RECEIVEBILL"),
}


def _bench(login: str, path: str | None) -> Bench:
    return Bench(
        connector="kingdee",
        sandbox="kingdee",
        mappings=Translator(both_ways({"kingdee_material": {"SKU-A": "MAT-0001"}})),
        variant=login,
        settings={"login": login},
        books=BOOKS,
        login=path,
        strange_status=(rb'"[CZABD]"', b'"Q"'),
        small_pages={"rows_per_page": 3},
        remove=lambda kind, number: Act("delete_bill", {"form": BOOKS[kind].table, "number": number}),
    )


BENCHES = (_bench("session", "AuthService.ValidateUser"), _bench("signature", None))
