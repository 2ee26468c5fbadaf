"""General ledger vouchers: both sides listed apart, balanced, numbered per month and type."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from sandboxes.common import Books, Row
from sandboxes.yonyou_u8 import words
from sandboxes.yonyou_u8.fields import as_text, fields, refuse_missing, refuse_unknown
from sandboxes.yonyou_u8.ledger import Ledger
from sandboxes.yonyou_u8.words import Refusal

SIDES = {"debit": "natural_debit_currency", "credit": "natural_credit_currency"}
HEAD = fields(
    "voucher_type*:s2 fiscal_year:i accounting_period:i voucher_id:s30 date*:d enter:s20 cashier:s20",
    "attachment_number:i voucher_making_system:s4 reserve1:s20 reserve2:s50",
)
ENTRY = fields(
    "entry_id:s10 account_code*:s15 abstract*:s60 currency:s8 unit_price:n exchange_rate2:n settlement:s3",
    "document_id:s30 document_date:d debit_quantity:n credit_quantity:n primary_debit_amount:n",
    "primary_credit_amount:n natural_debit_currency:n natural_credit_currency:n",
)
AUXILIARY = fields(
    "dept_id:s12 personnel_id:s8 cust_id:s20 supplier_id:s12 item_class:s2 item_id:s20 operator:s20"
)


@dataclass(frozen=True, slots=True)
class Vouchers:
    books: Books
    ledger: Ledger

    def add(self, body: Mapping[str, Any]) -> str:
        """Its number within month and type; a refused one leaves a gap in the series, as at U8."""
        row = _read(body)
        self._check_head(row)
        series = f"voucher/{row['fiscal_year']}-{row['accounting_period']}/{row['voucher_type']}"
        number = str(self.books.next_number(series))
        for line in row["entry"]:
            self._check_line(line)
        if _total(row, "debit") != _total(row, "credit") or not _total(row, "debit"):
            raise Refusal(words.UNBALANCED)
        key = f"{row['fiscal_year']}-{int(row['accounting_period']):02d}-{row['voucher_type']}-{number}"
        self.books.table("voucher")[key] = {**row, "voucher_id": number, "iflag": ""}
        return number

    def cancel(self, reserve2: str) -> None:
        """作废, by the external number that it was added with."""
        table = self.books.table("voucher")
        key = next((key for key, row in table.items() if row.get("reserve2") == reserve2), None)
        if not reserve2 or key is None:
            raise Refusal(f"凭证[{reserve2}]不存在！", key=reserve2)
        table[key] = {**table[key], "iflag": "1"}

    def listed(self, query: Mapping[str, str]) -> list[Row]:
        rows = sorted(
            self.books.table("voucher").values(), key=lambda row: (row["date"], int(row["voucher_id"]))
        )
        return [
            _shown(number, row)
            for number, row in enumerate(rows, start=1)
            if query.get("bill_date_from", "") <= row["date"] <= (query.get("bill_date_to") or "9999")
            and query.get("coutno_id", row.get("reserve2", "")) == row.get("reserve2", "")
            and query.get("csign", row["voucher_type"]) == row["voucher_type"]
        ]

    def _check_head(self, row: Row) -> None:
        row.setdefault("fiscal_year", row["date"][:4])
        row.setdefault("accounting_period", str(int(row["date"][5:7])))
        types = {each["type"] for each in self.books.table("dsign").values()}
        if row["voucher_type"] not in types:
            raise Refusal(f"凭证类别[{row['voucher_type']}]不存在！")
        if row.get("enter"):
            self.ledger.operator(row["enter"])
        external = row.get("reserve2", "")
        if external and row.get("voucher_making_system") != "CDM":
            raise Refusal(words.bad_field("voucher_making_system"))
        if external and any(
            each.get("reserve2") == external for each in self.books.table("voucher").values()
        ):
            raise Refusal(f"外部凭证[{external}]已存在，不可重复！", key=external)
        if row["date"][:7] not in self.books.table("_closing"):
            raise Refusal(f"凭证日期[{row['date']}]不在会计期间内！")

    def _check_line(self, line: Row) -> None:
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
    refuse_unknown(body, HEAD, also=SIDES)
    refuse_missing(body, HEAD)
    row: Row = dict(as_text(body, HEAD))
    row["entry"] = [
        {**_line(line), "side": side, "amount": _amount(line, field)}
        for side, field in SIDES.items()
        for line in _lines(body.get(side))
    ]
    return row


def _lines(side: object) -> Sequence[Mapping[str, Any]]:
    """`debit` and `credit` each wrap their lines in `entry`; a single line may stand without a list."""
    entry = side.get("entry") if isinstance(side, Mapping) else None
    lines = [entry] if isinstance(entry, Mapping) else entry
    if not isinstance(lines, list) or not lines:
        raise Refusal(words.MISSING_FIELD)
    return lines


def _line(line: Mapping[str, Any]) -> Row:
    refuse_unknown(line, ENTRY, also=("auxiliary",))
    refuse_missing(line, ENTRY)
    auxiliary = line.get("auxiliary") or {}
    refuse_unknown(auxiliary, AUXILIARY)
    return {**as_text(line, ENTRY), "auxiliary": as_text(auxiliary, AUXILIARY)}


def _amount(line: Mapping[str, Any], field: str) -> str:
    try:
        return str(Decimal(str(line[field])))
    except (KeyError, InvalidOperation) as error:
        raise Refusal(words.MISSING_FIELD) from error


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
