"""Which bank lines are no customer's payment: a table, read from the top."""

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from domain.records import BankLine


class Kind(StrEnum):
    RECEIPT = "receipt"
    OUTGOING = "outgoing"
    REVERSAL = "reversal"
    RETURNED = "returned"
    INTERNAL = "internal"
    INTEREST = "interest"
    FEE = "fee"
    TAX_REFUND = "tax_refund"


@dataclass(frozen=True, slots=True)
class _Words:
    """`even_with_number`: a contract number in the text does not make it a payment."""

    kind: Kind
    words: re.Pattern[str]
    reason: str
    even_with_number: bool = False


_WORDS = (
    _Words(Kind.REVERSAL, re.compile("冲账|冲正|抹账|红冲"), "冲账，不是货款", even_with_number=True),
    _Words(Kind.RETURNED, re.compile("退汇|退票|汇款退回"), "退汇：我方付款被退回", even_with_number=True),
    _Words(Kind.INTEREST, re.compile("结息|存款利息|活期利息|季度利息"), "结息，不是货款"),
    _Words(Kind.FEE, re.compile("手续费|账户管理费|账户维护费|工本费"), "银行费用，不是货款"),
    _Words(Kind.TAX_REFUND, re.compile("国库|国家金库|出口退税|退税"), "退税，不是货款"),
    _Words(Kind.INTERNAL, re.compile("内部转账|内部划转|资金归集|资金调拨|同名划转"), "内部转账，不是货款"),
)


def kind_of(
    line: BankLine, *, own_accounts: Collection[str] = frozenset(), names_a_contract: bool = False
) -> tuple[Kind, str]:
    """The kind and the reason in words, which is empty for a receipt."""
    text = unicodedata.normalize("NFKC", f"{line.text}\n{line.payer_name or ''}")
    if line.is_reversal:
        return Kind.REVERSAL, "银行标记为冲账"
    if line.direction == "out":
        return Kind.OUTGOING, "退款支出，请关联原收款" if "退款" in text else "支出，不是收款"
    if line.payer_account and line.payer_account in {line.account, *own_accounts}:
        return Kind.INTERNAL, "对方是本公司账户，内部转账"
    for row in _WORDS:
        if (row.even_with_number or not names_a_contract) and row.words.search(text):
            return row.kind, row.reason
    return Kind.RECEIPT, ""
