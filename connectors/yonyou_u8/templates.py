"""The vendor's EAI templates: elements in the order in which U8's schemas want them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Template:
    """`fixed`: elements that tell our documents from others under the same root tag."""

    code: str
    code_column: str
    head: tuple[str, ...]
    entry: tuple[str, ...] = ()
    fixed: Mapping[str, str] = field(default_factory=dict)
    balances: str = ""

    @property
    def is_flat(self) -> bool:
        return not self.entry


def _spread(names: str) -> Iterator[str]:
    """`define1-3` stands for define1 define2 define3."""
    for name in names.split():
        stem, dash, last = name.partition("-")
        if not dash:
            yield name
            continue
        text = stem.rstrip("0123456789")
        yield from (f"{text}{number}" for number in range(int(stem[len(text) :]), int(last) + 1))


def _names(names: str) -> tuple[str, ...]:
    return tuple(_spread(names))


CUSTOMER = Template(
    code="code",
    code_column="cCusCode",
    head=_names(
        """code name abbrname sort_code domain_code industry address postcode tax_reg_code bank_open
        bank_acc_number seed_date legal_man email contact phone fax bp mobile spec_operator discount_rate
        credit_rank credit_amount credit_deadline pay_condition devliver_site deliver_mode head_corp_code
        deli_warehouse super_dept ar_rest last_tr_date last_tr_amount last_rec_date last_rec_amount end_date
        tr_frequency self_define1-3 pricegrade CreatePerson ModifyPerson ModifyDate auth_class
        self_define4-16 InvoiceCompany Memo ccusexch_name bcusdomestic bcusoverseas cCusMnemCode
        ccusmngtypecode"""
    ),
)
"""Of the long template, what a connection may want to fill; the rest stays out."""

RECEIVABLE = Template(
    code="code",
    code_column="cVouchID",
    head=_names(
        """id vouchertype code relatevouchercode date cust_vendor_code deptcode personcode item_classcode
        item_code digest subjectcode currency_name currency_rate bdebitcredit natamount amount
        paycondition_code operator flag quantity define1-16 startflag"""
    ),
    entry=_names(
        """headid cust_vendor_code deptcode personcode item_classcode item_code digest subjectcode
        currency_name currency_rate bdebitcredit natamount amount"""
    ),
    fixed={"vouchertype": "R0"},
    # [U] beside cVouchID and iAmount_f no column of the two tables is published; these are commonly known.
    balances="select cVouchID,cCheckMan,iRAmount_f,iRAmount from Ap_Vouch where cVouchType='R0'",
)

RECEIPT = Template(
    code="vouchcode",
    code_column="cVouchID",
    head=_names(
        """vouchtype vouchcode vouchdate period customercode departmentcode personcode itemclasscode itemcode
        itemname orderid balancecode notecode digest oppositebankcode foreigncurrency currencyrate amount
        originalamount operator balanceitemcode flag sitemcode citemname oppositebankname bankname
        bankaccount define1-16 ccontracttype ccontractid iamount_s startflag sourceflag reservedeptnum
        dealmode"""
    ),
    entry=_names(
        """mainid type customercode originalamount amount itemcode projectclass project departmentcode
        personcode orderid itemname ccontype cconid iamt_s iramt_s"""
    ),
    fixed={"vouchtype": "48", "flag": "AR"},
    balances="select cVouchID,cCheckMan,iRAmount_f,iRAmount from Ap_CloseBill where cVouchType='48'",
)

TEMPLATES: Mapping[str, Template] = {"customer": CUSTOMER, "oughtreceive": RECEIVABLE, "accept": RECEIPT}
