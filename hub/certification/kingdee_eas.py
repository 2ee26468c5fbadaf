"""Kingdee EAS, as its sandbox keeps it."""

from connector_kit.certify import Bench
from connector_kit.certify.bench import Found
from mappings import Translator

BENCHES = (
    Bench(
        connector="kingdee_eas",
        sandbox="kingdee_eas",
        mappings=Translator(),
        note="只有导入：EAS 没有查询接口，结果不明时由人查看，检查里扮演这个人。"
        "(Import only: EAS answers no questions, so after an unknown outcome a person looks, and the checks "
        "play that person.)",
        comes_again=("*",),  # Axis names no codes: any fault may be a passing one, or an import half done
        books={"receivable": Found("other_bills")},
        customer="CUST9001",
    ),
)
