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
        note="这不是厂商接口：银行把对账单文件放进一个文件夹，没有登录、没有调用，也就没有可以出故障的对端，"
        "大部分检查无从问起，因此到不了金级；适用的检查全部通过。"
        "(No vendor API: a bank puts files into a folder. Nobody logs in, nothing is called and nothing at "
        "the other end can fail, so most checks have nothing to ask, and gold is out of reach. Every check "
        "that applies is passed.)",
        settings={"accounts": ACCOUNT},
        folder="folder",
        statement=_statement,
    ),
)
