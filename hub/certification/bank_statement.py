"""A bank that puts statements into a folder."""

from collections.abc import Sequence

from connector_kit.certify import Act, Bench
from mappings import Translator

ACCOUNT = "755900000000001"


def _statement(folder: str) -> Sequence[Act]:
    payment = {"payer_name": "示例付款有限公司", "payer_account": "6222000000000001", "amount": "100.00"}
    return (
        Act("set_folder", {"folder": folder}),
        Act("pay", {**payment, "text": "货款"}),
        Act("issue_statement", {"account": ACCOUNT}),
    )


BENCHES = (
    Bench(
        connector="bank_statement",
        sandbox="bank",
        mappings=Translator(),
        settings={"accounts": ACCOUNT},
        folder="folder",
        statement=_statement,
    ),
)
