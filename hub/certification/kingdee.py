"""Kingdee Cloud Galaxy, as its sandbox keeps it, by either login."""

from connector_kit.certify import Act, Bench
from connector_kit.certify.bench import Found
from mappings import Translator, both_ways


def _bench(login: str, path: str | None) -> Bench:
    return Bench(
        connector="kingdee",
        sandbox="kingdee",
        mappings=Translator(both_ways({"kingdee_material": {"SKU-A": "MAT-0001"}})),
        variant=login,
        settings={"login": login},
        books={
            "customer": Found("BD_Customer"),
            "receivable": Found("AR_receivable"),
            "receipt": Found("AR_RECEIVEBILL"),
        },
        login=path,
        strange_status=(rb'"[CZABD]"', b'"Q"'),
        small_pages={"rows_per_page": 3},
        remove=lambda kind, number: Act("delete_bill", {"form": "AR_receivable", "number": number}),
    )


BENCHES = (_bench("session", "AuthService.ValidateUser"), _bench("signature", None))
