"""Kingdee Cloud Galaxy, as its sandbox keeps it, by either login."""

from connector_kit.certify import Act, Bench
from connector_kit.certify.bench import Found
from mappings import Translator, both_ways

BOOKS = {
    "customer": Found("BD_Customer"),
    "receivable": Found("AR_receivable"),
    "receipt": Found("AR_RECEIVEBILL"),
}


def _bench(login: str, path: str | None, *again: str) -> Bench:
    return Bench(
        connector="kingdee",
        sandbox="kingdee",
        mappings=Translator(both_ways({"kingdee_material": {"SKU-A": "MAT-0001"}})),
        variant=login,
        settings={"login": login, "currencies": {"CNY": "PRE001", "USD": "PRE007"}},
        books=BOOKS,
        login=path,
        comes_again=(*again, "6", "11|已被其他用户修改", "13", "14"),
        strange_status=(rb'"[CZABD]"', b'"Q"'),
        small_pages={"rows_per_page": 3},
        close_period=lambda month: Act("close_period", {"month": month}),
        remove=lambda kind, number: Act("delete_bill", {"form": BOOKS[kind].table, "number": number}),
    )


BENCHES = (_bench("session", "AuthService.ValidateUser", "1"), _bench("signature", None))
