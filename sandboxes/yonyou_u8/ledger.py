"""U8's receivables ledger: what it refuses, what it keeps, what an accountant does in it by hand.

One ledger behind every door: it knows fields and rules, and nothing of envelopes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sandboxes.common import Books, Clock, Row, Table
from sandboxes.yonyou_u8 import words
from sandboxes.yonyou_u8.documents import ACCEPT, BALANCE_FIELDS, KINDS, OUGHTRECEIVE, Kind
from sandboxes.yonyou_u8.fields import as_text, refuse_missing, refuse_unknown
from sandboxes.yonyou_u8.words import Refusal

CENT = Decimal("0.01")
NEW, VERIFIED = "新增", "审核"
RECEIPT = "48"


@dataclass(frozen=True, slots=True)
class Ledger:
    books: Books
    clock: Clock

    def add(self, kind: Kind, body: Mapping[str, Any]) -> str:
        """The number of the new document; empty if U8 skipped it without a word."""
        try:
            row = _read(kind, body)
            self._check(kind, row)
        except (Refusal, ArithmeticError) as error:
            text = error.text if isinstance(error, Refusal) else words.OVERFLOW
            raise Refusal(text, key=str(body.get(kind.code) or "")) from error
        if row.get("period") == "0":
            return ""
        code = row.get(kind.code) or self._next_code(kind, row[kind.date])
        if code in self._table(kind):
            raise Refusal(f"单据编号[{code}]已存在，不可重复！", key=code)
        self._table(kind)[code] = {**row, kind.code: code, "state": NEW, "written_off": "0.00"}
        return code

    def verify(self, kind: Kind, code: str, *, by: str) -> None:
        row = self._unlocked(kind, code)
        if row["state"] == VERIFIED:
            raise Refusal(f"单据[{code}]已审核，不能重复审核！", key=code)
        self._refuse_closed(row[kind.date], key=code)
        self._table(kind)[code] = {**row, "state": VERIFIED, "verifier": by}

    def unverify(self, kind: Kind, code: str) -> None:
        row = self._unlocked(kind, code)
        if row["state"] != VERIFIED:
            raise Refusal(f"单据[{code}]未审核，不能弃审！", key=code)
        if Decimal(row["written_off"]):
            raise Refusal(f"单据[{code}]已核销，不能弃审！", key=code)
        self._refuse_closed(row[kind.date], key=code)
        kept = {name: value for name, value in row.items() if name != "verifier"}
        self._table(kind)[code] = {**kept, "state": NEW}

    def delete(self, kind: Kind, code: str) -> None:
        row = self._unlocked(kind, code)
        if Decimal(row["written_off"]):
            raise Refusal(f"单据[{code}]已核销，不能删除！", key=code)
        if row["state"] == VERIFIED:
            raise Refusal(f"单据[{code}]已审核，不能删除！", key=code)
        self._refuse_closed(row[kind.date], key=code)
        del self._table(kind)[code]

    def write_off(self, *, receipt: str, receivable: str, amount: Decimal) -> str:
        """核销: moves part of a receipt onto a receivable, in document currency. Returns its number."""
        paid, owed = self._unlocked(ACCEPT, receipt), self._unlocked(OUGHTRECEIVE, receivable)
        _refuse_mismatch(paid, owed)
        if amount <= 0 or amount != amount.quantize(CENT):
            raise Refusal("核销金额必须大于零，且不超过两位小数！")
        if amount > _open_for_write_off(paid):
            raise Refusal(f"收款单[{receipt}]余额不足！", key=receipt)
        if amount > open_balance(OUGHTRECEIVE, owed)[0]:
            raise Refusal(f"应收单[{receivable}]余额不足！", key=receivable)
        self._move(receipt, receivable, amount)
        number = str(self.books.next_number("writeoff"))
        self.books.table("writeoff")[number] = {
            "receipt": receipt,
            "receivable": receivable,
            "amount": str(amount),
            "date": self.clock.china().date().isoformat(),
        }
        return number

    def undo_write_off(self, *, receipt: str, receivable: str) -> Decimal:
        """取消操作: takes back every write-off between the two. Returns what became open again."""
        pair = {"receipt": receipt, "receivable": receivable}
        table = self.books.table("writeoff")
        found = {key: row for key, row in table.items() if pair.items() <= row.items()}
        if not found:
            raise Refusal("没有可以取消的核销记录！")
        total = sum((Decimal(row["amount"]) for row in found.values()), Decimal(0))
        self._move(receipt, receivable, -total)
        for key in found:
            del table[key]
        return total

    def close_period(self, month: str, *, closed: bool = True) -> None:
        if month not in self.books.table("_closing"):
            raise Refusal(f"会计期间[{month}]不存在！")
        self.books.table("_closing")[month] = {"closed": closed}

    def rows(self, kind: Kind) -> list[Row]:
        return sorted(self._table(kind).values(), key=lambda row: (row[kind.date], row[kind.code]))

    def row(self, kind: Kind, code: str) -> Row | None:
        return self._table(kind).get(code)

    def refuse_locked(self, resource: str, code: str) -> None:
        lock = self.books.table("_locks").get(f"{resource}/{code}")
        if lock and lock["until"] > self.clock.now().isoformat():
            raise Refusal(words.LOCKED, key=code)

    def lock(self, resource: str, code: str, *, seconds: float) -> None:
        until = self.clock.now() + timedelta(seconds=seconds)
        self.books.table("_locks")[f"{resource}/{code}"] = {"until": until.isoformat()}

    def _table(self, kind: Kind) -> Table:
        return self.books.table(kind.resource)

    def _unlocked(self, kind: Kind, code: str) -> Row:
        row = self.row(kind, code)
        if row is None:
            raise Refusal(f"{kind.label}[{code}]不存在！", key=code)
        self.refuse_locked(kind.resource, code)
        return row

    def _next_code(self, kind: Kind, day: str) -> str:
        series = f"{kind.prefix}{day[2:4]}{day[5:7]}"
        return f"{series}{self.books.next_number(series):06d}"

    def _move(self, receipt: str, receivable: str, amount: Decimal) -> None:
        for kind, code in ((ACCEPT, receipt), (OUGHTRECEIVE, receivable)):
            row = self._table(kind)[code]
            self._table(kind)[code] = {**row, "written_off": str(Decimal(row["written_off"]) + amount)}

    def _check(self, kind: Kind, row: Row) -> None:
        row.setdefault(kind.date, self.clock.china().date().isoformat())
        for name, value in _FIXED[kind.resource].items():
            if row.get(name, value) != value:
                raise Refusal(words.bad_field(name))
        for part in (row, *row["entry"]):
            self._check_base_data(part)
        _ACCOUNT_RULES[kind.resource](self, row)
        self._refuse_closed(row[kind.date])
        _settle_amounts(kind, row)

    def _check_base_data(self, part: Row) -> None:
        for name, check in _BASE_DATA.items():
            if part.get(name):
                check(self, part[name])

    def _refuse_closed(self, day: str, *, key: str = "") -> None:
        closing = self.books.table("_closing").get(day[:7])
        if closing is None:
            raise Refusal(f"单据日期[{day}]不在会计期间内！", key=key)
        if closing["closed"]:
            raise Refusal(words.CLOSED_PERIOD, key=key)

    def customer(self, code: str) -> None:
        row = self.books.table("customer").get(code)
        if row is None:
            raise Refusal(f"客户编码[{code}]不存在！")
        if row.get("end_date") and row["end_date"] <= self.clock.china().date().isoformat():
            raise Refusal(f"客户编码[{code}]已停用！")

    def department(self, code: str) -> None:
        row = self.books.table("department").get(code)
        if row is None:
            raise Refusal(f"部门编码[{code}]不存在！")
        if row["endflag"] != "1":
            raise Refusal(f"部门[{code}]不是末级部门！")

    def person(self, code: str) -> None:
        if self.books.table("person").get(code, {}).get("bpsnperson") != "1":
            raise Refusal(words.NO_SALESMAN)

    def currency(self, name: str) -> None:
        if name not in self.books.table("currency"):
            raise Refusal(f"币种[{name}]不存在！")

    def settlement(self, code: str) -> None:
        if code not in self.books.table("settlestyle"):
            raise Refusal(f"结算方式编码[{code}]不存在！")

    def operator(self, name: str) -> None:
        if all(row["name"] != name for row in self.books.table("operator").values()):
            raise Refusal(f"操作员[{name}]不存在！")

    def account(self, code: str | None, *, controlled: bool) -> None:
        if not code:
            return
        row = self.books.table("code").get(code)
        if row is None:
            raise Refusal(f"科目[{code}]不存在！")
        if (row["_system"] == "AR") != controlled:
            raise Refusal(f"科目[{code}]{'不是' if controlled else '是'}应收系统受控科目！")


_BASE_DATA: Mapping[str, Callable[[Ledger, str], None]] = {
    "cust_vendor_code": Ledger.customer,
    "customercode": Ledger.customer,
    "deptcode": Ledger.department,
    "departmentcode": Ledger.department,
    "personcode": Ledger.person,
    "currency_name": Ledger.currency,
    "foreigncurrency": Ledger.currency,
    "balancecode": Ledger.settlement,
    "operator": Ledger.operator,
}

_FIXED = {"oughtreceive": {"vouchertype": "R0", "flag": "AR"}, "accept": {"flag": "AR"}}
"""What tells receivables from payables: other values belong to documents that are not kept here."""


def _receivable_accounts(ledger: Ledger, row: Row) -> None:
    ledger.account(row.get("subjectcode"), controlled=True)
    for entry in row["entry"]:
        ledger.account(entry.get("subjectcode"), controlled=False)


def _receipt_accounts(ledger: Ledger, row: Row) -> None:
    if row["vouchtype"] not in (RECEIPT, "49"):
        raise Refusal(words.bad_field("vouchtype"))
    ledger.account(row.get("balanceitemcode"), controlled=False)
    for entry in row["entry"]:
        if entry["type"] not in ("0", "1", "2"):
            raise Refusal(words.bad_field("type"))
        ledger.account(entry.get("itemcode"), controlled=entry["type"] != "2")


_ACCOUNT_RULES = {"oughtreceive": _receivable_accounts, "accept": _receipt_accounts}


def _read(kind: Kind, body: Mapping[str, Any]) -> Row:
    """Unknown fields first, then missing ones, then lengths and formats: the order U8's import takes."""
    entries = body.get("entry")
    refuse_unknown(body, kind.head, also=("entry",))
    if not isinstance(entries, Sequence) or not entries or isinstance(entries, str):
        raise Refusal(words.MISSING_FIELD)
    for entry in entries:
        refuse_unknown(entry, kind.entry)
    refuse_missing(body, kind.head)
    for entry in entries:
        refuse_missing(entry, kind.entry)
    row: Row = dict(as_text(body, kind.head))
    row["entry"] = [as_text(entry, kind.entry) for entry in entries]
    return row


def _settle_amounts(kind: Kind, row: Row) -> None:
    """Fills the other currency's amount, defaults and flags; then the lines must make up the head."""
    for part in (row, *row["entry"]):
        part.setdefault(kind.currency, row.get(kind.currency, "人民币"))
        rate = Decimal(part.setdefault(kind.rate, row.get(kind.rate, "1")))
        _fill_amounts(kind, part, rate)
    if kind.resource == OUGHTRECEIVE.resource:
        row.setdefault("bdebitcredit", "1")
    else:
        row.setdefault("period", str(int(row[kind.date][5:7])))
    for field in (kind.document_amount, kind.local_amount):
        if abs(_sum_of_lines(kind, row["entry"], field)) != abs(Decimal(row[field])):
            raise Refusal(words.UNBALANCED)


def _fill_amounts(kind: Kind, part: Row, rate: Decimal) -> None:
    document, local = part.get(kind.document_amount), part.get(kind.local_amount)
    if (document is None and local is None) or rate <= 0:
        raise Refusal(words.MISSING_FIELD)
    if document is None:
        part[kind.document_amount] = str(_cents(Decimal(str(local)) / rate))
    if local is None:
        part[kind.local_amount] = str(_cents(Decimal(str(document)) * rate))


def _sum_of_lines(kind: Kind, entries: Sequence[Row], field: str) -> Decimal:
    """Receivables: credit less debit lines. Receipts have no sides."""
    signs = {"1": -1} if kind.resource == OUGHTRECEIVE.resource else {}
    return sum(
        (signs.get(line.get("bdebitcredit", "0"), 1) * Decimal(line[field]) for line in entries), Decimal()
    )


def _cents(value: Decimal) -> Decimal:
    return value.quantize(CENT, rounding=ROUND_HALF_UP)


def open_balance(kind: Kind, row: Row) -> tuple[Decimal, Decimal]:
    """What is not written off, in document and in local currency; both reach zero together."""
    left = Decimal(row[kind.document_amount]) - Decimal(row["written_off"])
    if not left:
        return left, left
    return left, Decimal(row[kind.local_amount]) - _cents(
        Decimal(row["written_off"]) * Decimal(row[kind.rate])
    )


def _open_for_write_off(receipt: Row) -> Decimal:
    """Lines of type 2 (other) belong to no customer's balance."""
    usable = (Decimal(line["originalamount"]) for line in receipt["entry"] if line["type"] != "2")
    return sum(usable, Decimal()) - Decimal(receipt["written_off"])


def _refuse_mismatch(receipt: Row, receivable: Row) -> None:
    if receipt["state"] != VERIFIED or receivable["state"] != VERIFIED:
        raise Refusal("只能核销已审核的单据！")
    if receipt["customercode"] != receivable["cust_vendor_code"]:
        raise Refusal("客户不同，不能核销！")
    if receipt["foreigncurrency"] != receivable["currency_name"]:
        raise Refusal("币种不同，不能核销！")
    if receipt["vouchtype"] != RECEIPT or receivable["bdebitcredit"] != "1":
        raise Refusal("红字单据和付款单请在红票对冲中处理！")


def printed(books: Books, kind: Kind, row: Row) -> dict[str, Any]:
    """The head as the API shows it: names beside the codes, the balance, none of the ledger's own fields."""
    shown = {name: value for name, value in row.items() if name not in ("written_off", "entry")}
    balance = zip(BALANCE_FIELDS, open_balance(kind, row), strict=True)
    return {**shown, **_names(books, kind, row), **{name: str(value) for name, value in balance}}


def _names(books: Books, kind: Kind, row: Row) -> dict[str, str]:
    customer = books.table("customer").get(row[kind.customer], {})
    looked_up = {
        "name": customer.get("name"),
        "abbrname": customer.get("abbrname"),
        "department": books.table("department").get(row.get(kind.department, ""), {}).get("name"),
        "person": books.table("person").get(row.get("personcode", ""), {}).get("name"),
        "settlestyle": books.table("settlestyle").get(row.get("balancecode", ""), {}).get("cssname"),
    }
    found = {field: looked_up[source] for field, source in kind.names.items()}
    return {field: value for field, value in found.items() if value}


def kind_of(resource: str) -> Kind:
    if resource not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}")
    return KINDS[resource]
