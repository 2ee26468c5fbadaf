"""What an AR document is made of. The same idea has another name in each kind, as on the wire."""

from collections.abc import Mapping
from dataclasses import dataclass

from sandboxes.yonyou_u8.fields import BODY_DEFINES, HEAD_DEFINES, Fields, fields

BALANCE_FIELDS = ("iramount_f", "iramount")
"""[U] open balance in document and local currency. No published page shows a balance; the names are those of
the columns 原币余额 and 本币余额 in U8's own tables. Change them here if a live system differs."""


@dataclass(frozen=True, slots=True)
class Kind:
    resource: str
    label: str
    prefix: str
    code: str
    date: str
    customer: str
    department: str
    currency: str
    rate: str
    document_amount: str
    local_amount: str
    names: Mapping[str, str]
    """Printed name field → table it is looked up in, with the code field of this kind."""
    like: tuple[str, ...]
    """List filters that look for a part of the text."""
    equal: tuple[str, ...]
    """List filters that compare the whole value."""
    head: Fields
    entry: Fields

    @property
    def listing(self) -> str:
        return f"{self.resource}list"


OUGHTRECEIVE = Kind(
    resource="oughtreceive",
    label="应收单",
    prefix="AR",
    code="code",
    date="date",
    customer="cust_vendor_code",
    department="deptcode",
    currency="currency_name",
    rate="currency_rate",
    document_amount="amount",
    local_amount="natamount",
    names={"cusname": "name", "cusabbname": "abbrname", "deptname": "department", "personname": "person"},
    like=("cusname", "personname", "deptname", "digest"),
    equal=("cust_vendor_code", "personcode", "deptcode"),
    head=fields(
        "code:s30 date:d state:s20 bdebitcredit:b cust_vendor_code*:s20 cusname:s98 cusabbname:s60",
        "deptcode:s12 deptname:s255 personcode:s8 personname:s40 amount*:n natamount:n digest:s60",
        "subjectcode:s15 currency_name:s8 currency_rate:n operator:s20 item_classcode:s2 item_code:s20",
        # The gateway hands the object to EAI, whose template has these too.
        "id:s32 vouchertype:s2 relatevouchercode:s30 paycondition_code:s3 flag:s2 quantity:n startflag:b",
        HEAD_DEFINES,
    ),
    entry=fields(
        "headid:s32 cust_vendor_code*:s20 cusabbname:s60 deptcode:s12 deptname:s255 personcode:s8",
        "personname:s40 digest:s60 subjectcode:s15 currency_name:s8 currency_rate:n natamount:n amount:n",
        "bdebitcredit:b item_classcode:s2 item_code:s20",
        BODY_DEFINES,
    ),
)

ACCEPT = Kind(
    resource="accept",
    label="收款单",
    prefix="SK",
    code="vouchcode",
    date="vouchdate",
    customer="customercode",
    department="departmentcode",
    currency="foreigncurrency",
    rate="currencyrate",
    document_amount="originalamount",
    local_amount="amount",
    names={
        "customername": "name",
        "customerabbname": "abbrname",
        "departmentname": "department",
        "personname": "person",
        "balancename": "settlestyle",
    },
    like=("customername", "personname", "departmentname", "digest"),
    equal=("vouchtype", "customercode", "personcode", "departmentcode", "balancecode"),
    head=fields(
        "vouchcode:s30 vouchdate:d vouchtype*:s2 customercode*:s20 customername:s98 customerabbname:s60",
        "departmentcode:s12 departmentname:s255 personcode:s8 personname:s40 amount*:n originalamount:n",
        "digest*:s60 balancecode:s3 balancename:s12 balanceitemcode:s15 itemclasscode:s2 itemcode:s20",
        "itemname:s60 oppositebankname:s100 oppositebankcode:s50 bankname:s100 bankaccount:s50 period:i",
        "foreigncurrency:s8 currencyrate:n operator:s20 flag:s2 orderid:s30 notecode:s30 sitemcode:s20",
        "citemname:s60 ccontracttype:s10 ccontractid:s64 iamount_s:n startflag:b sourceflag:s2",
        "reservedeptnum:s12 dealmode:s10 state:s20",
        HEAD_DEFINES,
    ),
    entry=fields(
        "mainid:s32 type*:s1 customercode*:s20 amount*:n originalamount:n itemcode:s15 projectclass:s2",
        "project:s20 departmentcode:s12 personcode:s8 digest:s60 iamt_s*:n iramt_s:n foreigncurrency:s8",
        "currencyrate:n cmemo:s255 orderid:s30 itemname:s60 ccontype:s10 cconid:s64",
        BODY_DEFINES,
    ),
)

KINDS: Mapping[str, Kind] = {kind.resource: kind for kind in (OUGHTRECEIVE, ACCEPT)}
LISTINGS: Mapping[str, Kind] = {kind.listing: kind for kind in KINDS.values()}
