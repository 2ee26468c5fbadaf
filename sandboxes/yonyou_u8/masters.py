"""Base data: what each archive is called and filtered by, and the rules of those that can be written."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
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
from sandboxes.yonyou_u8.words import NOT_OFFERED, Refusal, bad_field

FREE = " ".join(f"free{number}:s20" for number in range(1, 11))
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
PERSON = fields(
    "code*:s20 name*:s40 cdept_num*:s12 cdept_name:s255 cuser_id:s20 cuser_name:s20 cpsnproperty:s20 rsex:s1",
    "cpsnmobilephone:s30 cpsnemail:s50 cpsnqqcode:s20 cjobcode:s20 vjobname:s60 cpsnpostaddr:s255",
    "rpersontype:s10 rpersontypename:s60 rIDType:s10 vIDNo:s30 rEmployState:s10 bpsnperson:b",
)
DEPARTMENT = fields(
    "code*:s12 name*:s255 endflag:b rank:i manager:s20 managername:s40 cdepleader:s20 cdepleadername:s40",
    "remark:s255 ddependdate:d",
)
INVENTORY = fields(
    "code*:s20 name*:s255 invaddcode:s255 specs:s255 sort_code*:s12 main_measure*:s35 unitgroup_code:s35",
    "unitgroup_type:i puunit_code:s35 puunit_name:s35 puunit_ichangrate:n saunit_code:s35 saunit_name:s35",
    "saunit_ichangrate:n stunit_code:s35 stunit_name:s35 stunit_ichangrate:n tax_rate:n iimptaxrate:n",
    "ref_sale_price:n ref_cost:n bottom_sale_price:n fRetailPrice:n bbarcode:b barcode:s30 start_date:d",
    "end_date:d ModifyDate:d defwarehouse:s10 defwarehousename:s20 iSupplyType:i drawtype:i",
    # Wanted by the XML template: the gateway hands the object on to it.
    "sale_flag:b purchase_flag:b selfmake_flag:b prod_consu_flag:b cPlanMethod:s10 cSRPolicy:s10",
    MASTER_DEFINES,
)
INVENTORY_ROW = (
    "partid:s20 safeqty:n minqty:n mulqty:n fixqty:n cbasengineerfigno:s60 fbasmaxsupply:n isurenesstype:i "
    "idatetype:i idatesum:i idynamicsurenesstype:i ibestrowsum:i ipercentumsum:n"
)


@dataclass(frozen=True, slots=True)
class Master:
    """`fields`: what may be written; an archive without is only read. `refers`: field → archive it points to.

    `used_as`: what its code is called elsewhere; a record that is named there cannot be deleted.
    """

    label: str
    code: str = "code"
    name: str = "name"
    fields: Fields = field(default_factory=dict)
    tables: Mapping[str, Fields] = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)
    refers: Mapping[str, str] = field(default_factory=dict)
    used_as: tuple[str, ...] = ()

    @property
    def noun(self) -> str:
        return self.label.removesuffix("档案")


MASTERS: Mapping[str, Master] = {
    "customer": Master(
        "客户档案",
        fields=CUSTOMER,
        tables=CUSTOMER_TABLES,
        defaults={"ccusexch_name": "人民币", "ccusmngtypecode": "999", "bcusdomestic": "1"},
        refers={"sort_code": "customerclass"},
        used_as=("cust_vendor_code", "customercode", "custcode", "strBisectionUnitName"),
    ),
    "customerclass": Master("客户分类"),
    "department": Master(
        "部门档案",
        fields=DEPARTMENT,
        defaults={"endflag": "1", "rank": "1"},
        used_as=("deptcode", "departmentcode", "cdept_num"),
    ),
    "person": Master(
        "人员档案",
        fields=PERSON,
        defaults={"bpsnperson": "0", "rEmployState": "10"},
        refers={"cdept_num": "department"},
        used_as=("personcode", "spec_operator"),
    ),
    "inventoryclass": Master("存货分类"),
    "inventory": Master(
        "存货档案",
        fields=INVENTORY,
        tables={"entry": fields("invcode:s20", FREE, INVENTORY_ROW)},
        refers={"sort_code": "inventoryclass"},
        used_as=("inventorycode", "inventory_code", "invcode"),
    ),
    "warehouse": Master("仓库档案"),
    "saletype": Master("销售类型"),
    "settlestyle": Master("结算方式", code="csscode", name="cssname"),
    "code": Master("会计科目"),
    "currency": Master("币种", code="cexch_name", name="cexch_name"),
    "dsign": Master("凭证类别", code="i_id", name="type"),
    "exchangerate": Master("汇率", code="i_id", name="cexch_name"),
    "fitem": Master("项目档案", code="citemcode", name="citemname"),
    "fitemcategory": Master("项目大类", code="citem_class", name="citem_name"),
    "fitemclass": Master("项目分类", code="citemccode", name="citemcname"),
    "customeraddress": Master("客户收货地址", code="caddcode", name="cdeliveradd"),
    "customercontacts": Master("客户联系人"),
    "customer_bank": Master("客户银行", code="caccountnum", name="caccountname"),
    "period": Master("会计期间", code="dbegin", name="iyear"),
}
_NAMING = (
    *("oughtreceive", "accept", "saleorder", "consignment", "returnorder"),
    *("contract", "currentstock", "person", "customer"),
)
"""Where a code of the archives may stand, in a head or in a line."""


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


def add(books: Books, resource: str, body: Mapping[str, Any], *, known: Fields | None = None) -> str:
    row = _checked(books, resource, body, known)
    code = str(row[MASTERS[resource].code])
    if code in books.table(resource):
        raise Refusal(f"{MASTERS[resource].noun}编码已经存在，不可重复！", key=code)
    return _keep(books, resource, row)


def edit(books: Books, resource: str, body: Mapping[str, Any], *, known: Fields | None = None) -> str:
    """The whole record is replaced: a field that was not sent is empty afterwards."""
    row = _checked(books, resource, body, known)
    _refuse_missing_record(books, resource, row[MASTERS[resource].code])
    return _keep(books, resource, row)


def delete(books: Books, resource: str, code: str) -> None:
    master = MASTERS[resource]
    _refuse_missing_record(books, resource, code)
    rows = [row for table in _NAMING if table != resource for row in books.table(table).values()]
    lines = [line for row in rows for line in row.get("entry", ())]
    if any(line.get(name) == code for line in [*rows, *lines] for name in master.used_as):
        raise Refusal(f"{master.noun}[{code}]已经使用！不可删除！", key=code)
    del books.table(resource)[code]


def _refuse_missing_record(books: Books, resource: str, code: str) -> None:
    if code not in books.table(resource):
        raise Refusal(f"{MASTERS[resource].noun}编码[{code}]不存在！", key=code)


def _checked(books: Books, resource: str, body: Mapping[str, Any], known: Fields | None) -> Row:
    """Unless a template says otherwise, the fields of the OpenAPI. `bands` is a misprint of its documents."""
    master = MASTERS[resource]
    known = master.fields if known is None else known
    body = {("banks" if name == "bands" else name): value for name, value in body.items()}
    key = str(body.get(master.code) or "")
    try:
        if not known:
            raise Refusal(NOT_OFFERED)
        refuse_unknown(body, known, also=("timestamp", *master.tables))
        refuse_missing(body, known)
        row: Row = {**as_text(body, known), **dict(_tables(body, master))}
        for name, table in master.refers.items():
            if name in row:
                _refuse_missing_record(books, table, row[name])
    except Refusal as refusal:
        raise Refusal(refusal.text, key=key) from refusal
    return row


def _tables(body: Mapping[str, Any], master: Master) -> Iterator[tuple[str, list[dict[str, str]]]]:
    for name, known in master.tables.items():
        rows = body.get(name) or []
        if not isinstance(rows, list):
            raise Refusal(bad_field(name))
        for row in rows:
            refuse_unknown(row, known)
        if rows:
            yield name, [as_text(row, known) for row in rows]


def _keep(books: Books, resource: str, row: Row) -> str:
    master = MASTERS[resource]
    stamp = str(books.next_number("timestamp", start=900_001))
    books.table(resource)[row[master.code]] = {**master.defaults, **row, "timestamp": stamp}
    return str(row[master.code])
