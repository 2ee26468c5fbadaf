"""General ledger vouchers, balanced, numbered by month and type: sides apart, or all lines in one list."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sandboxes.common import Books, Row
from sandboxes.yonyou_u8 import words
from sandboxes.yonyou_u8.fields import MASTER_DEFINES, as_text, fields, refuse_missing, refuse_unknown
from sandboxes.yonyou_u8.ledger import Ledger
from sandboxes.yonyou_u8.words import Refusal

SIDES = {"debit": "natural_debit_currency", "credit": "natural_credit_currency"}
HEAD = fields(
    "voucher_type*:s2 fiscal_year:i accounting_period:i voucher_id:s30 date*:d enter:s20 cashier:s20",
    "attachment_number:i voucher_making_system:s4 reserve1:s20 reserve2:s50",
    # The XML template's other elements.
    "company:s60 signature:s20 checker:s20 posting_date:d posting_person:s20 memo1:s60 memo2:s60",
    "revokeflag:s1",
)
ENTRY = fields(
    "entry_id:s10 account_code*:s15 abstract*:s60 currency:s8 unit_price:n exchange_rate1:n exchange_rate2:n",
    "settlement:s3 document_id:s30 document_date:d debit_quantity:n credit_quantity:n primary_debit_amount:n",
    "primary_credit_amount:n secondary_debit_amount:n secondary_credit_amount:n natural_debit_currency:n",
    "natural_credit_currency:n bill_type:s10 bill_id:s30 bill_date:d",
)
AUXILIARY = fields(
    "dept_id:s12 personnel_id:s8 cust_id:s20 supplier_id:s12 item_class:s2 item_id:s20 operator:s20",
    MASTER_DEFINES,
)
NOT_READ = ("cash_flow", "detail")
"""Taken and left alone."""


@dataclass(frozen=True, slots=True)
class Vouchers:
    books: Books
    ledger: Ledger

    def add(self, body: Mapping[str, Any]) -> str:
        """Its number within month and type; a refused one leaves a gap in the series, as at U8."""
        row = _read(body)
        self.check_head(row)
        number = self.number(row)
        for line in row["entry"]:
            self.check_line(line)
        refuse_unbalanced(row)
        self.keep(row, number)
        return number

    def number(self, row: Row) -> str:
        """The next that nobody chose for himself."""
        number = str(self.books.next_number(f"voucher/{_series(row)}"))
        return self.number(row) if self.has(row, number) else number

    def keep(self, row: Row, number: str) -> None:
        key = f"{_series(row)}-{number}"
        self.books.table("voucher")[key] = {**row, "voucher_id": number, "iflag": ""}

    def has(self, row: Row, number: str) -> bool:
        return f"{_series(row)}-{number}" in self.books.table("voucher")

    def cancel(self, reserve2: str) -> None:
        """作废, by the external number that it was added with."""
        table = self.books.table("voucher")
        key = next((key for key, row in table.items() if row.get("reserve2") == reserve2), None)
        if not reserve2 or key is None:
            raise Refusal(f"凭证[{reserve2}]不存在！", key=reserve2)
        table[key] = {**table[key], "iflag": "1"}

    def listed(self, query: Mapping[str, str]) -> list[Row]:
        return [
            _shown(number, row)
            for number, row in self._numbered()
            if query.get("bill_date_from", "") <= row["date"] <= (query.get("bill_date_to") or "9999")
            and _has_account(row, query.get("bill_code_from", ""), query.get("bill_code_to", ""))
            and _is(
                row, query, coutno_id="reserve2", csign="voucher_type", cbill="enter", cno_id="voucher_id"
            )
        ]

    def details(self, query: Mapping[str, str]) -> list[Row]:
        """A row for every line."""
        return [
            _detail(number, position, row, line)
            for number, row in self._numbered()
            for position, line in enumerate(row["entry"], start=1)
            if query.get("date_begin", "") <= row["date"] <= (query.get("date_end") or "9999")
            and _between(line["account_code"], query.get("code_begin", ""), query.get("code_end", ""))
            and _is(row, query, coutno_id="reserve2")
        ]

    def _numbered(self) -> Iterator[tuple[int, Row]]:
        rows = self.books.table("voucher").values()
        return enumerate(sorted(rows, key=lambda row: (row["date"], int(row["voucher_id"]))), start=1)

    def check_head(self, row: Row, *, system: str = "CDM") -> None:
        """An external number goes with the one system that this door allows."""
        row.setdefault("fiscal_year", row["date"][:4])
        row.setdefault("accounting_period", str(int(row["date"][5:7])))
        types = {each["type"] for each in self.books.table("dsign").values()}
        if row["voucher_type"] not in types:
            raise Refusal(f"凭证类别[{row['voucher_type']}]不存在！")
        if row.get("enter"):
            self.ledger.operator(row["enter"])
        external = row.get("reserve2", "")
        if external and row.get("voucher_making_system") != system:
            raise Refusal(words.bad_field("voucher_making_system"))
        if external and any(
            each.get("reserve2") == external for each in self.books.table("voucher").values()
        ):
            raise Refusal(f"外部凭证[{external}]已存在，不可重复！", key=external)
        if row["date"][:7] not in self.books.table("_closing"):
            raise Refusal(f"凭证日期[{row['date']}]不在会计期间内！")

    def check_line(self, line: Row) -> None:
        account = self.books.table("code").get(line["account_code"])
        if account is None:
            raise Refusal(f"科目[{line['account_code']}]不存在！")
        auxiliary = line["auxiliary"]
        if account["cust_acc"] == "1" and not auxiliary.get("cust_id"):
            raise Refusal(f"科目[{line['account_code']}]需要客户核算！")
        if auxiliary.get("cust_id"):
            self.ledger.customer(auxiliary["cust_id"])
        if line.get("currency"):
            self.ledger.currency(line["currency"])


def _read(body: Mapping[str, Any]) -> Row:
    refuse_unknown(body, HEAD, also=(*SIDES, "entry"))
    refuse_missing(body, HEAD)
    lines = body.get("entry")
    sides = [(None, {"entry": lines})] if lines else [(side, body.get(side)) for side in SIDES]
    return read_head(body) | {
        "entry": [read_line(line, side=side) for side, wrapped in sides for line in _lines(wrapped)]
    }


def read_head(body: Mapping[str, Any]) -> Row:
    return dict(as_text(body, HEAD))


def _lines(side: object) -> Sequence[Mapping[str, Any]]:
    """`debit` and `credit` each wrap their lines in `entry`; a single line may stand without a list."""
    entry = side.get("entry") if isinstance(side, Mapping) else None
    lines = [entry] if isinstance(entry, Mapping) else entry
    if not isinstance(lines, list) or not lines:
        raise Refusal(words.MISSING_FIELD)
    return lines


def read_line(line: Mapping[str, Any], *, side: str | None = None) -> Row:
    """Without a side given, the amount that is not zero tells it."""
    refuse_unknown(line, ENTRY, also=("auxiliary", *NOT_READ))
    refuse_missing(line, ENTRY)
    auxiliary = line.get("auxiliary") or {}
    refuse_unknown(auxiliary, AUXILIARY)
    read = as_text(line, ENTRY)
    amounts = {each: Decimal(read.get(field, "0")) for each, field in SIDES.items()}
    side = side or next((each for each, amount in amounts.items() if amount), None)
    if side is None or SIDES[side] not in read:
        raise Refusal(words.MISSING_FIELD)
    own = {"auxiliary": as_text(auxiliary, AUXILIARY), "side": side, "amount": str(amounts[side])}
    return {**read, **own}


def refuse_unbalanced(row: Row) -> None:
    if _total(row, "debit") != _total(row, "credit") or not _total(row, "debit"):
        raise Refusal(words.UNBALANCED)


def _series(row: Row) -> str:
    return f"{row['fiscal_year']}-{int(row['accounting_period']):02d}-{row['voucher_type']}"


def _is(row: Row, query: Mapping[str, str], **fields: str) -> bool:
    return all(not query.get(name) or query[name] == row.get(field, "") for name, field in fields.items())


def _has_account(row: Row, begin: str, end: str) -> bool:
    return any(_between(line["account_code"], begin, end) for line in row["entry"])


def _between(code: str, begin: str, end: str) -> bool:
    return begin <= code and (not end or code <= end)


def _detail(number: int, position: int, row: Row, line: Row) -> Row:
    side = "md" if line["side"] == "debit" else "mc"
    auxiliary = line["auxiliary"]
    shown = {
        "i_id": str(number),
        "inid": str(position),
        "ino_id": row["voucher_id"],
        "csign": row["voucher_type"],
        "date": row["date"],
        "digest": line["abstract"],
        "code": line["account_code"],
        "cexch_name": line.get("currency", ""),
        "nfrat": line.get("exchange_rate2", ""),
        "md": "0.0000",
        "mc": "0.0000",
        side: f"{Decimal(line['amount']):.4f}",
        "cdept_id": auxiliary.get("dept_id", ""),
        "cperson_id": auxiliary.get("personnel_id", ""),
        "ccus_id": auxiliary.get("cust_id", ""),
        "csup_id": auxiliary.get("supplier_id", ""),
        "citem_class": auxiliary.get("item_class", ""),
        "citem_id": auxiliary.get("item_id", ""),
        "bill": row.get("enter", ""),
        "coutno_id": row.get("reserve2", ""),
        "iflag": row["iflag"],
    }
    return {name: value for name, value in shown.items() if value}


def _total(row: Row, side: str) -> Decimal:
    return sum((Decimal(line["amount"]) for line in row["entry"] if line["side"] == side), Decimal())


def _shown(number: int, row: Row) -> Row:
    shown = {
        "i_id": str(number),
        "ino_id": row["voucher_id"],
        "csign": row["voucher_type"],
        "date": row["date"],
        "digest": row["entry"][0]["abstract"],
        "debit_amount": f"{_total(row, 'debit'):.4f}",
        "credit_amount": f"{_total(row, 'credit'):.4f}",
        "bill": row.get("enter", ""),
        "coutno_id": row.get("reserve2", ""),
        "iflag": row["iflag"],
    }
    return {name: value for name, value in shown.items() if value}
