"""The books as people see them, and what a payer or the bank's clerk does."""

from sandboxes.bank.camt import VERSIONS
from sandboxes.bank.ledger import ACCOUNTS, MAIN_ACCOUNT
from sandboxes.common.screens import KEY, Blank, Deed, Screen, columns, moment, words

ACCOUNT = Blank(
    "account",
    "账号",
    "account",
    MAIN_ACCOUNT,
    choices=lambda _: {number: f"{number} {row['currency']}" for number, row in ACCOUNTS.items()},
)
AMOUNT = Blank("amount", "金额", "amount", required=True)

SCREENS = {
    "bookings": Screen(
        "流水",
        "bookings",
        columns(
            ("booked_at", "记账时间", moment),
            ("direction", "方向", words({"CRDT": "收", "DBIT": "付"})),
            ("amount", "金额"),
            ("currency", "币种"),
            ("payer_name", "对方户名"),
            ("text", "附言"),
            ("statement", "所在对账单"),
            ("reversed_by", "被冲正"),
        ),
        deeds=(
            Deed(
                "reverse",
                "冲正",
                "reverse",
                "已冲正，新流水 {serial} (reversed)",
                takes={"serial": KEY},
                when=lambda row: row["status"] == "BOOK" and not row["reversed_by"] and not row["reversal"],
            ),
        ),
        front=True,
    ),
    "accounts": Screen(
        "账户",
        "accounts",
        columns(("owner", "户名"), ("currency", "币种"), ("opening", "期初"), ("balance", "余额")),
        front=True,
    ),
    "statements": Screen(
        "对账单",
        "statements",
        columns(("version", "camt.053 版本"), ("size", "字节"), ("repeats", "重发自"), ("sha256", "SHA-256")),
    ),
}
DEEDS = (
    Deed(
        "pay",
        "客户付款",
        "book a payment",
        "已入账，流水 {serial} (booked)",
        (
            AMOUNT,
            ACCOUNT,
            Blank("payer_name", "付款人户名", "payer", required=True),
            Blank("payer_account", "付款人账号", "payer's account", "622200000000001", required=True),
            Blank("text", "附言", "text"),
            Blank(
                "status",
                "状态",
                "status",
                choices=lambda _: {"BOOK": "已记账 booked", "PDNG": "未记账 pending"},
            ),
        ),
    ),
    Deed(
        "charge",
        "扣手续费",
        "charge a fee",
        "已扣费，流水 {serial} (charged)",
        (AMOUNT, ACCOUNT, Blank("text", "附言", "text", "手续费")),
    ),
    Deed(
        "issue_statement",
        "出对账单",
        "issue a statement",
        "已出对账单 {name} (issued)",
        (
            Blank(
                "version",
                "版本",
                "version",
                choices=lambda _: {each: f"camt.053.001.{each}" for each in VERSIONS},
            ),
            Blank("encoding", "编码", "encoding", choices=lambda _: {"utf-8": "UTF-8", "gbk": "GBK"}),
            Blank(
                "repeat",
                "重发",
                "repeat",
                choices=lambda _: {"": "不 no", "yes": "上一份，标为重复", "copy": "上一份，一字不差"},
            ),
        ),
    ),
)
