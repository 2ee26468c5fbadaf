"""`SQLEXE`: the XML door runs SQL. Here one shape of SELECT is answered, from the books."""

import re
from collections.abc import Callable, Iterable, Mapping

from sandboxes.common import Books, Row
from sandboxes.yonyou_u8.conditions import test_of, tokens_of
from sandboxes.yonyou_u8.documents import ACCEPT, OUGHTRECEIVE, Kind
from sandboxes.yonyou_u8.ledger import VERIFIED, open_balance
from sandboxes.yonyou_u8.words import Refusal

_SELECT = re.compile(
    r"\s*select\s+([\w\s,]+?)\s+from\s+(\w+)(?:\s+where\s+(.+))?\s*", re.IGNORECASE | re.DOTALL
)
_WIDTH = 30
"""Columns of type char come back filled with blanks."""


def select(books: Books, statement: str) -> list[dict[str, str]]:
    """Rows by the names that the statement asks for; a NULL is absent."""
    found = _SELECT.fullmatch(statement)
    if found is None:
        raise Refusal("仅支持查询语句。")
    wanted, table, where = [name.strip() for name in found[1].split(",")], found[2].lower(), found[3] or ""
    if table not in _TABLES:
        raise Refusal(f"对象名 '{found[2]}' 无效。")
    test = test_of(list(tokens_of(where)))
    rows = [row for row in _TABLES[table](books) if test(row)]
    return [_picked(row, wanted) for row in rows]


def _picked(row: Mapping[str, str], wanted: Iterable[str]) -> dict[str, str]:
    for name in wanted:
        if name.lower() not in row:
            raise Refusal(f"列名 '{name}' 无效。")
    return {name: row[name.lower()] for name in wanted if row[name.lower()] != ""}


def _vouchers(books: Books, kind: Kind) -> list[dict[str, str]]:
    return [_voucher(kind, row) for row in books.table(kind.resource).values()]


def _voucher(kind: Kind, row: Row) -> dict[str, str]:
    """[U] beside cVouchID and iAmount_f the column names are the commonly known ones, not published."""
    left, left_local = open_balance(kind, row)
    return {
        "cvouchid": row[kind.code].ljust(_WIDTH),
        "cvouchtype": row.get("vouchtype", "R0"),
        "dvouchdate": row[kind.date],
        "cdwcode": row[kind.customer],
        "cdigest": row.get("digest", ""),
        "cexch_name": row[kind.currency],
        "iexchrate": row[kind.rate],
        "iamount_f": row[kind.document_amount],
        "iamount": row[kind.local_amount],
        "iramount_f": str(left),
        "iramount": str(left_local),
        "ccheckman": row.get("verifier", "") if row["state"] == VERIFIED else "",
        "coperator": row.get("operator", ""),
    }


def _archive(table: str, **columns: str) -> Callable[[Books], list[dict[str, str]]]:
    def rows(books: Books) -> list[dict[str, str]]:
        return [
            {name: row.get(field, "") for name, field in columns.items()}
            for row in books.table(table).values()
        ]

    return rows


def _closing(books: Books) -> list[dict[str, str]]:
    """A row per month; of the closing flags only the one of receivables is kept. [U] how a bit is printed."""
    months = ((*month.split("-"), row["closed"]) for month, row in books.table("_closing").items())
    return [
        {"iyear": year, "iperiod": str(int(period)), "bflag_ar": str(closed)}
        for year, period, closed in months
    ]


_TABLES: Mapping[str, Callable[[Books], list[dict[str, str]]]] = {
    "ap_vouch": lambda books: _vouchers(books, OUGHTRECEIVE),
    "ap_closebill": lambda books: _vouchers(books, ACCEPT),
    "customer": _archive(
        "customer", ccuscode="code", ccusname="name", ccusabbname="abbrname", denddate="end_date"
    ),
    "department": _archive("department", cdepcode="code", cdepname="name", bdepend="endflag"),
    "person": _archive("person", cpersoncode="code", cpersonname="name", cdepcode="cdept_num"),
    "inventory": _archive("inventory", cinvcode="code", cinvname="name", cinvstd="specs"),
    "code": _archive("code", ccode="code", ccode_name="name"),
    "settlestyle": _archive("settlestyle", csscode="csscode", cssname="cssname"),
    "foreigncurrency": _archive("currency", cexch_name="cexch_name"),
    "gl_mend": _closing,
}
