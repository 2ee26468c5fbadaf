"""Base data: what each archive is called and filtered by, and the customer archive's own rules."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sandboxes.common import Books, Row
from sandboxes.yonyou_u8.fields import (
    MASTER_DEFINES,
    Fields,
    as_text,
    fields,
    refuse_missing,
    refuse_unknown,
)
from sandboxes.yonyou_u8.words import CUSTOMER_EXISTS, Refusal, bad_field


@dataclass(frozen=True, slots=True)
class Master:
    label: str
    code: str = "code"
    name: str = "name"


MASTERS: Mapping[str, Master] = {
    "customer": Master("客户档案"),
    "customerclass": Master("客户分类"),
    "department": Master("部门档案"),
    "person": Master("人员档案"),
    "inventory": Master("存货档案"),
    "warehouse": Master("仓库档案"),
    "settlestyle": Master("结算方式", code="csscode", name="cssname"),
    "code": Master("会计科目"),
    "currency": Master("币种", code="cexch_name", name="cexch_name"),
    "dsign": Master("凭证类别", code="i_id", name="type"),
    "fitem": Master("项目档案", code="citemcode", name="citemname"),
    "period": Master("会计期间", code="dbegin", name="iyear"),
}

CUSTOMER = fields(
    "code*:s20 name*:s98 abbrname*:s60 sort_code*:s12 domain_code:s12 industry:s50 address:s255",
    "bank_open:s100 bank_acc_number:s50 contact:s50 phone:s100 fax:s100 mobile:s20 devliver_site:s255",
    "ModifyDate:d seed_date:d end_date:d memo:s240 ccusexch_name:s8 bcusdomestic:b bcusoverseas:b",
    "bserviceattribute:b",
    "ccusmngtypecode:s20 ccusmngtypename:s20 spec_operator:s20 spec_operator_name:s20 tax_reg_code:s50",
    MASTER_DEFINES,
)
CUSTOMER_TABLES = {
    "addresses": fields(
        "ccuscode:s20 caddcode:s30 bdefault:b cdeliveradd:s255 cenglishadd:s60 cenglishadd2:s60",
        "cenglishadd3:s60 cenglishadd4:s60 cdeliverunit:s30 clinkperson:s50",
    ),
    "banks": fields(
        "ccuscode:s20 caccountnum:s50 bdefault:b cbank:s20 cbranch:s100 caccountname:s100 cCusPrinvince:s20",
        "cCusCity:s50 cCusCBBDepId:s50 cCusBranchId:s50 cCusBranchIdSec:s50",
    ),
    "invoicecustomers": fields("ccuscode:s20 cinvoicecompany:s20 bdefault:b"),
    "users": fields("ccuscode:s20 user_id:s20 is_self:b"),
    "auths": fields("ccuscode:s20 privilege_type:s20 privilege_id:s20"),
}


def select(books: Books, resource: str, query: Mapping[str, str]) -> list[Row]:
    """Rows in the order of their code, by the filters all archives share."""
    master = MASTERS[resource]
    rows = sorted(books.table(resource).values(), key=lambda row: str(row[master.code]))
    return [row for row in rows if _matches(row, master, query)]


def _matches(row: Row, master: Master, query: Mapping[str, str]) -> bool:
    code = row[master.code]
    return (
        query.get("code_begin", "") <= code
        and code <= (query.get("code_end") or "\U0010ffff")
        and query.get("name", "") in row.get(master.name, "")
    )


def printed(row: Row) -> dict[str, Any]:
    """As the wire shows it: empty fields are left out, and what only U8 itself knows."""
    return {name: value for name, value in row.items() if value != "" and not name.startswith("_")}


def add_customer(books: Books, body: Mapping[str, Any], *, known: Fields = CUSTOMER) -> str:
    row = _checked(books, body, known)
    if row["code"] in books.table("customer"):
        raise Refusal(CUSTOMER_EXISTS, key=row["code"])
    return _keep(books, row)


def edit_customer(books: Books, body: Mapping[str, Any], *, known: Fields = CUSTOMER) -> str:
    """The whole record is replaced: a field that was not sent is empty afterwards."""
    row = _checked(books, body, known)
    if row["code"] not in books.table("customer"):
        raise Refusal(f"客户编码[{row['code']}]不存在！", key=row["code"])
    return _keep(books, row)


def _checked(books: Books, body: Mapping[str, Any], known: Fields) -> Row:
    body = {("banks" if name == "bands" else name): value for name, value in body.items()}
    key = str(body.get("code") or "")
    try:
        refuse_unknown(body, known, also=("timestamp", *CUSTOMER_TABLES))
        refuse_missing(body, known)
        row: Row = {**as_text(body, known), **dict(_tables(body))}
    except Refusal as refusal:
        raise Refusal(refusal.text, key=key) from refusal
    if row["sort_code"] not in books.table("customerclass"):
        raise Refusal(f"客户分类编码[{row['sort_code']}]不存在！", key=key)
    return row


def _tables(body: Mapping[str, Any]) -> Iterator[tuple[str, list[dict[str, str]]]]:
    for name, known in CUSTOMER_TABLES.items():
        rows = body.get(name) or []
        if not isinstance(rows, list):
            raise Refusal(bad_field(name))
        for row in rows:
            refuse_unknown(row, known)
        if rows:
            yield name, [as_text(row, known) for row in rows]


def _keep(books: Books, row: Row) -> str:
    defaults = {"ccusexch_name": "人民币", "ccusmngtypecode": "999", "bcusdomestic": "1"}
    stamp = str(books.next_number("timestamp", start=900_001))
    books.table("customer")[row["code"]] = {**defaults, **row, "timestamp": stamp}
    return str(row["code"])
