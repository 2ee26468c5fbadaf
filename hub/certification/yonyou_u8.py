"""Yonyou U8 behind either of its doors, as its sandbox keeps it."""

from connector_kit.certify import Act, Bench
from connector_kit.certify.bench import Found
from mappings import Translator

BOOKS = {"customer": Found("customer"), "receivable": Found("oughtreceive"), "receipt": Found("accept")}


def _remove(kind: str, number: str) -> Act:
    return Act("delete_voucher", {"kind": BOOKS[kind].table, "code": number, "unverify": True})


OPENAPI = Bench(
    connector="yonyou_u8",
    sandbox="yonyou_u8",
    mappings=Translator(),
    variant="openapi",
    settings={"poll_first_seconds": 0.05, "poll_budget_seconds": 2},
    books=BOOKS,
    due_dates=False,
    close_period=lambda month: Act("close_period", {"month": month}),
    answered_later={"synchronous": False, "poll_budget_seconds": 20},
    login="system/token",
    comes_again=(
        *("10001", "10002", "10005", "10006", "30025"),
        *("20005|其他人正在修改", "20005|An error occurred"),
    ),
    strange_status=(rb'"state"\s*:\s*"[^"]*"', '"state":"天知道"'.encode()),
    small_pages={"rows_per_page": 3},
    remove=_remove,
)
EAI = Bench(
    connector="yonyou_u8",
    sandbox="yonyou_u8",
    mappings=Translator(),
    variant="eai",
    note="EAI 没有审核调用：每张新单据由人在 U8 里审核，检查里扮演这个人；状态和余额靠 read_by_sql 读取。"
    "(No call to verify: a person does it in U8, and the checks play that person; state and balance are read "
    "by SQL.)",
    settings={"door": "eai", "read_by_sql": True},
    comes_again=("1|加密点数已饱和", "false|其他人正在修改"),
    unpaged=("customer",),
    unused=("app_secret",),
    wrong={"sender": "999"},
    by_hand=Act("verify_all"),
    books=BOOKS,
    due_dates=False,
    close_period=lambda month: Act("close_period", {"month": month}),
    remove=_remove,
)

BENCHES = (OPENAPI, EAI)
