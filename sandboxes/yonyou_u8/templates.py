"""The XML door's templates: the elements of a record in their order, and the columns that filters name."""

from collections.abc import Mapping
from dataclasses import replace

from sandboxes.yonyou_u8.documents import ACCEPT, OUGHTRECEIVE, Kind
from sandboxes.yonyou_u8.fields import HEAD_DEFINES, MASTER_DEFINES, Field, Fields, fields

RECEIVABLE = replace(
    OUGHTRECEIVE,
    head=fields(
        "id:s32 vouchertype*:s2 code:s30 relatevouchercode:s30 date*:d cust_vendor_code*:s20 deptcode:s12",
        "personcode:s8 item_classcode:s2 item_code:s20 digest:s60 subjectcode:s15 currency_name*:s8",
        "currency_rate:n bdebitcredit:b natamount:n amount:n paycondition_code:s3 operator:s20 flag*:s2",
        "quantity:n",
        HEAD_DEFINES,
        "startflag:b",
    ),
    entry=fields(
        "headid:s32 cust_vendor_code:s20 deptcode:s12 personcode:s8 item_classcode:s2 item_code:s20",
        "digest:s60 subjectcode:s15 currency_name*:s8 currency_rate*:n bdebitcredit:b natamount:n amount:n",
    ),
)
RECEIPT = replace(
    ACCEPT,
    head=fields(
        "vouchtype*:s2 vouchcode*:s30 vouchdate*:d period*:i customercode*:s20 departmentcode:s12",
        "personcode:s8 itemclasscode:s2 itemcode:s20 itemname:s60 orderid:s30 balancecode:s3",
        "notecode:s30 digest:s60 oppositebankcode:s50 foreigncurrency*:s8 currencyrate:n amount:n",
        "originalamount:n operator*:s20 balanceitemcode:s15 flag*:s2 sitemcode:s20 citemname:s60",
        "oppositebankname:s100 bankname:s100 bankaccount:s50",
        HEAD_DEFINES,
        "ccontracttype:s10 ccontractid:s64 iamount_s:n startflag:b sourceflag:s2 reservedeptnum:s12",
        "dealmode:s10",
    ),
    entry=fields(
        "mainid:s32 type*:s1 customercode*:s20 originalamount:n amount:n itemcode:s15 projectclass:s2",
        "project:s20 departmentcode:s12 personcode:s8 orderid:s30 itemname:s60 ccontype:s10 cconid:s64",
        "iamt_s:n iramt_s:n",
    ),
)
DOCUMENTS: Mapping[str, Kind] = {kind.resource: kind for kind in (RECEIVABLE, RECEIPT)}
CONSTANTS: Mapping[str, Mapping[str, str]] = {
    "oughtreceive": {"id": "1", "vouchertype": "R0", "flag": "AR", "startflag": "0"},
    "accept": {"flag": "AR", "startflag": "0", "sourceflag": "A"},
}
"""What a document that came through the other door does not carry, and an export shows all the same."""

_CUSTOMER_ORDER = """
code name abbrname sort_code domain_code industry address postcode tax_reg_code bank_open bank_acc_number
seed_date legal_man email contact phone fax bp mobile spec_operator discount_rate credit_rank credit_amount
credit_deadline pay_condition devliver_site deliver_mode head_corp_code deli_warehouse super_dept ar_rest
last_tr_date last_tr_amount last_rec_date last_rec_amount end_date tr_frequency self_define1 self_define2
self_define3 pricegrade CreatePerson ModifyPerson ModifyDate auth_class self_define4 self_define5
self_define6 self_define7 self_define8 self_define9 self_define10 self_define11 self_define12 self_define13
self_define14 self_define15 self_define16 InvoiceCompany Credit CreditByHead CreditDate LicenceDate
LicenceSDate LicenceEDate LicenceADays BusinessDate BusinessSDate BusinessEDate BusinessADays Proxy
ProxySDate ProxyEDate ProxyADays Memo bLimitSale cCusCountryCode cCusEnName cCusEnAddr1 cCusEnAddr2
cCusEnAddr3 cCusEnAddr4 cCusPortCode cPrimaryVen fCommisionRate fInsueRate bHomeBranch cBranchAddr
cBranchPhone cBranchPerson cCusTradeCCode CustomerKCode bCusState ccusbankcode cRelVendor ccusexch_name
bshop Crm_Contact_cMobilePhone Crm_Contact_cOfficePhone bcusdomestic bcusoverseas ccuscreditcompany
ccussaprotocol ccusexprotocol ccusotherprotocol fcusdiscountrate ccussscode ccuscmprotocol
dcuscreatedatetime cCusMnemCode fAdvancePaymentRatio bServiceAttribute bOnGPinStore bRequestSign
ccusmngtypecode
"""
_CUSTOMER_KNOWN = fields(
    "code*:s20 name*:s98 abbrname*:s60 sort_code*:s12 domain_code:s12 industry:s50 address:s255 postcode:s6",
    "tax_reg_code:s50 bank_open:s100 bank_acc_number:s50 seed_date:d legal_man:s100 email:s100 contact:s50",
    "phone:s100 fax:s100 mobile:s20 spec_operator:s20 devliver_site:s255 super_dept:s12 end_date:d",
    "ModifyDate:d InvoiceCompany:s60 Memo:s240 ccusexch_name:s50 bcusdomestic:b bcusoverseas:b",
    "bServiceAttribute:b ccusmngtypecode:s20",
    MASTER_DEFINES,
)
CUSTOMER: Fields = {
    name: _CUSTOMER_KNOWN.get(name, Field("s", 255, False)) for name in _CUSTOMER_ORDER.split()
}
CUSTOMER_TO_BOOKS = {"Memo": "memo", "bServiceAttribute": "bserviceattribute"}
"""The same fact has another spelling in the OpenAPI."""
INVOICE_CUSTOMERS = "sa_invoicecustomersall"
"""The one sub-table that newer versions take."""

COLUMNS: Mapping[str, Mapping[str, str]] = {
    "customer": {
        "ccuscode": "code",
        "ccusname": "name",
        "ccusabbname": "abbrname",
        "cccccode": "sort_code",
        "ccusregcode": "tax_reg_code",
        "denddate": "end_date",
    },
    "oughtreceive": {
        "cvouchid": "code",
        "cvouchtype": "vouchertype",
        "dvouchdate": "date",
        "cdwcode": "cust_vendor_code",
        "cdigest": "digest",
        "cdefine1": "define1",
        "cdefine10": "define10",
    },
    "accept": {
        "cvouchid": "vouchcode",
        "cvouchtype": "vouchtype",
        "dvouchdate": "vouchdate",
        "cdwcode": "customercode",
        "cdigest": "digest",
        "cdefine1": "define1",
        "cdefine10": "define10",
    },
}
"""Query filters name the columns of the database, not the elements. [U] for all but cCusCode and cVouchID."""
