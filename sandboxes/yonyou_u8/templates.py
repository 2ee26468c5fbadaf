"""The XML door's templates: the elements of a record in their order, and the columns that filters name."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sandboxes.yonyou_u8 import masters, sales
from sandboxes.yonyou_u8.documents import ACCEPT, OUGHTRECEIVE, Kind
from sandboxes.yonyou_u8.fields import HEAD_DEFINES, MASTER_DEFINES, Fields, fields, ordered

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
        # An empty number is not missing: U8 gives one.
        "vouchtype*:s2 vouchcode:s30 vouchdate*:d period*:i customercode*:s20 departmentcode:s12",
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
ORDER = replace(
    sales.ORDER,
    head=ordered(
        """
        id outid typecode date code custcode deptcode personcode sendcode sendaddress paycondition_code
        currency currencyrate taxrate earnest memo maker businesstype disflag define1-16 cusname caddcode
        cgatheringplan dpredatebt dpremodatebt bmustbook fbookratio fbooksum fbooknatsum retaildates
        """,
        known=sales.ORDER.head,
        required="typecode custcode deptcode maker",
    ),
    entry=ordered(
        """
        id body_outid inventorycode preparedate quantity num quotedprice unitprice taxunitprice money tax
        sum assistantunit discount natunitprice natmoney nattax natsum natdiscount memo cfree1 cfree2 mid
        discountrate discountrate2 taxrate define22-27 itemcode item_class itemname itemclass_name free3-10
        unitrate unitcode dreleasedate dpredate dpremodate demandtype demandcode demandmemo retailxsquantity
        retailxsmoney retailkcquantity retailyhmoney ccusinvcode ccusinvname
        """,
        known=sales.ORDER.entry,
        required="inventorycode quantity",
    ),
)
DISPATCH = replace(
    sales.DISPATCH,
    head=ordered(
        """
        id outid code vouchertype saletype date deptcode personcode custcode paycondition_code
        shippingchoice address currency_name currency_rate taxrate beginflag returnflag remark define1-16
        maker sale_cons_flag retail_custname operation_type cverifier cdeliverunit cdeliveradd ccontactname
        cofficephone cmobilephone caddcode cgatheringplan dcreditstart icreditdays dgatheringdate bcredit
        """,
        known=sales.DISPATCH.head,
        required="custcode deptcode",
    ),
    entry=ordered(
        """
        headid warehouse_code inventory_code quantity num itb ccomunitcode cinvm_unit iinvexchrate
        cinva_unit assistantunit quotedprice price taxprice money tax sum discount natprice natmoney nattax
        natsum natdiscount batch remark backflag overdate backquantity backnum discount1 discount2
        inventory_printname taxrate item_class item_classname item_code item_name retail_price retail_money
        vendor_name unitrate unit_code free1-10 define22-37 batchproperty1-10 ccorcode icorid ccusinvcode
        ccusinvname ippartseqid ippartqty ippartid bqaneedcheck bqaurgency cmassunit imassdate dmdate
        cordercode iorderrowno cvmivencode irowno ExpirationDate ExpiratDateCalcu ExpirationItem ReasonCode
        """,
        known=sales.DISPATCH.entry,
        required="warehouse_code inventory_code quantity",
    ),
)
TRADES: Mapping[str, sales.Trade] = {trade.resource: trade for trade in (ORDER, DISPATCH)}
_DEFINED = {f"cbdefine{number}" for number in range(1, 38)}
NEWER: Mapping[str, frozenset[str]] = {
    "saleorder": frozenset(
        {
            *("ccusperson", "ccuspersoncode", "bsaleprice", "bgift", "fcusminprice", "free1", "free2"),
            *("cdetailsdemandcode", "cdetailsdemandmemo", "cparentcode", "cchildcode", "icalctype"),
            *("fchildqty", *_DEFINED),
        }
    ),
    "consignment": frozenset({"socode", "bgift", *_DEFINED}),
}
"""Elements that releases after the templates' appended, as public clients send them: taken, not kept."""
DOCUMENTS: Mapping[str, Kind] = {kind.resource: kind for kind in (RECEIVABLE, RECEIPT)}
CONSTANTS: Mapping[str, Mapping[str, str]] = {
    "oughtreceive": {"id": "1", "vouchertype": "R0", "flag": "AR", "startflag": "0"},
    "accept": {"flag": "AR", "startflag": "0", "sourceflag": "A"},
}
"""What a document that came through the other door does not carry, and an export shows all the same."""


@dataclass(frozen=True, slots=True)
class Archive:
    """A flat record, or one with header and body.

    `to_books`: element → what the books call the same fact. `rows_in`: the element that holds rows of its
    own, which the books keep as `rows_to`.
    """

    table: str
    elements: Fields
    to_books: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    has_header: bool = False
    is_written: bool = True
    rows_in: str = ""
    rows_to: str = ""

    @property
    def known(self) -> Fields:
        return {self.book_name(name): each for name, each in self.elements.items()}

    def book_name(self, element: str) -> str:
        return self.to_books.get(element, element)


_CUSTOMER_KNOWN = fields(
    "code*:s20 name*:s98 abbrname*:s60 sort_code*:s12 domain_code:s12 industry:s50 address:s255 postcode:s6",
    "tax_reg_code:s50 bank_open:s100 bank_acc_number:s50 seed_date:d legal_man:s100 email:s100 contact:s50",
    "phone:s100 fax:s100 mobile:s20 spec_operator:s20 devliver_site:s255 super_dept:s12 end_date:d",
    "ModifyDate:d InvoiceCompany:s60 Memo:s240 ccusexch_name:s50 bcusdomestic:b bcusoverseas:b",
    "bServiceAttribute:b ccusmngtypecode:s20",
    MASTER_DEFINES,
)
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
_INVENTORY_ORDER = """
code name InvAddCode specs sort_code main_supplier main_measure assist_measure switch_item inv_position
sale_flag purchase_flag selfmake_flag prod_consu_flag in_making_flag tax_serv_flag suit_flag
exchange_rate tax_rate unit_weight unit_volume pro_sale_price ref_cost ref_sale_price bottom_sale_price
new_cost advance_period ecnomic_batch safe_stock top_stock bottom_stock backlog ABC_type
qlty_guarantee_flag batch_flag entrust_flag backlog_flag start_date end_date free_item1 free_item2
self_define1-3 discount_flag top_source_price quality retailprice price1-3 CreatePerson ModifyPerson
ModifyDate subscribe_point avgquantity pricetype bfixunit outline inline overdate warndays expense_rate
btrack bserial bbarcode barcode auth_class self_define4-16 free_item3-10 unitgroup_type unitgroup_code
puunit_code saunit_code stunit_code caunit_code unitgroup_name puunit_name saunit_name stunit_name
caunit_name puunit_ichangrate saunit_ichangrate stunit_ichangrate caunit_ichangrate check_frequency
frequency check_day lastcheck_date wastage solitude enterprise address file brand checkout_no licence
specialties defwarehouse salerate advanceDate currencyName ProduceAddress produceNation RegisterNo
EnterNo PackingType EnglishName PropertyCheck PreparationType Commodity RecipeBatch NotPatentName
cAssComunitCode ROPMethod SubscribePoint BatchRule AssureProvideDays VagQuantity TestStyle DTMethod
DTRate DTNum DTUnit DTStyle QTMethod iPlanPolicy iROPMethod iBatchRule fBatchIncrement
iAssureProvideDays iTestStyle iDTMethod fDTRate fDTNum cDTUnit iDTStyle iQTMethod bPlanInv bProxyForeign
bATOModel bCheckItem bPTOModel bequipment cProductUnit fOrderUpLimit cMassUnit fRetailPrice cInvDepCode
iAlterAdvance fAlterBaseNum cPlanMethod bMPS bROP bRePlan cSRPolicy bBillUnite iSupplyDay fSupplyMulti
fMinSupply bCutMantissa cInvPersonCode iInvTfId cEngineerFigNo bInTotalCost iSupplyType bConfigFree1-10
iDTLevel cDTAQL bOutInvDT bPeriodDT cDTPeriod iBigMonth iBigDay iSmallMonth iSmallDay bBackInvDT
iEndDTStyle bDTWarnInv fBackTaxRate cEnglishName cCIQCode cWGroupCode cWUnit fGrossW cVGroupCode cVUnit
fLength fWidth fHeight cpurpersoncode cshopunit bimportmedicine bfirstbusimedicine bforeexpland
cinvplancode fconvertrate dreplacedate binvmodel bkccutmantissa iimptaxrate iexptaxrate bexpsale
idrawbatch bcheckbsatp cinvprojectcode itestrule crulecode bcheckfree1-10 bbommain bbomsub bproductbill
icheckatp iinvatpid iplantfday ioverlapday fmaxsupply bpiece bsrvitem bsrvfittings fminsplit
bspecialorder btracksalebill fbuyexcess isurenesstype idatetype idatesum idynamicsurenesstype
ibestrowsum ipercentumsum bPUQuota bInvROHS fPrjMatLimit bPrjMat bInvAsset bSrvProduct iAcceptDelayDays
cInvMnemCode iPlanCheckDay iMaterialsCycle idrawtype bSCkeyProjections iSupplyPeriodType iTimeBucketId
iAvailabilityDate
"""
"""The vendor's own template lists some of these twice; here each stands once, where it comes first."""
_PERSON_ORDER = """
code name cPsn_NameEN JobNumber cpsnproperty rsex rEmployState rpersontype EmploymentForm cdutyclass cjobcode
cjobgradecode cjobrankcode rIDType vIDNo bpsnperson cdept_num cpsnbankcode cpsnaccount dbirthdate
cpsnmobilephone cpsnfphone cpsnophone cpsninphone cpsnemail cpsnfaddr cpsnpostcode cpsnpostaddr cpsnqqcode
cpsnurl cpsnoseat cpersonprop cdepcode fcreditquantity icredate ccregrade dpvaliddate dpinvaliddate
rNativePlace rNational rhealthStatus rMarriStatus MPicture rPerResidence vAliaName dJoinworkDate dEnterDate
dRegularDate vSSNo dEnterUnitDate bProbation
"""
_DEPARTMENT_ORDER = """
code endflag name rank manager prop phone address remark creditline creditgrade creditdate ddepbegindate
ddependdate vauthorizedoc vauthorizeunit cdepfax cdeppostcode cdepemail cdeptype
"""
_PERSON_COLUMNS = {"cpersoncode": "code", "cpsn_num": "code", "cpersonname": "name", "cdepcode": "cdept_num"}
CUSTOMER = Archive(
    "customer",
    # What V12 asks for beyond the template stands last.
    ordered(_CUSTOMER_ORDER, known=_CUSTOMER_KNOWN, required="code name abbrname sort_code"),
    # The same fact has another spelling in the OpenAPI.
    to_books={"Memo": "memo", "bServiceAttribute": "bserviceattribute"},
    columns={
        "ccuscode": "code",
        "ccusname": "name",
        "ccusabbname": "abbrname",
        "cccccode": "sort_code",
        "ccusregcode": "tax_reg_code",
        "denddate": "end_date",
    },
    # The one table of a flat record, which newer versions take.
    rows_in="sa_invoicecustomersall",
    rows_to="invoicecustomers",
)
ARCHIVES: Mapping[str, Archive] = {
    "customer": CUSTOMER,
    "department": Archive(
        "department",
        ordered(_DEPARTMENT_ORDER, known=masters.DEPARTMENT, required="code name"),
        columns={"cdepcode": "code", "cdepname": "name"},
    ),
    "person": Archive(
        "person",
        fields("code*:s8 name*:s10 dept_code*:s12 prop:s20 creditline:n creditdate:i creditgrade:s6"),
        to_books={"dept_code": "cdept_num", "prop": "cpsnproperty"},
        columns=_PERSON_COLUMNS,
    ),
    "v_aa_hr_hi_person": Archive(
        "person",
        ordered(_PERSON_ORDER, known=masters.PERSON, required="code name cdept_num"),
        columns=_PERSON_COLUMNS,
    ),
    "inventory": Archive(
        "inventory",
        ordered(_INVENTORY_ORDER, known=masters.INVENTORY, required="code name sort_code main_measure"),
        to_books={"InvAddCode": "invaddcode"},
        columns={"cinvcode": "code", "cinvname": "name", "cinvccode": "sort_code", "cinvstd": "specs"},
        has_header=True,
        rows_in="body",
        rows_to="entry",
    ),
    "customerclass": Archive(
        "customerclass",
        fields("code:s12 name:s20 rank:i end_rank_flag:b"),
        columns={"cccode": "code", "cccname": "name"},
        is_written=False,
    ),
    "balancetype": Archive(
        "settlestyle",
        fields("code:s3 name:s12 flag:b code_rank:i end_rank_flag:b issbilltype:i bPortalSettle:b"),
        to_books={
            "code": "csscode",
            "name": "cssname",
            "flag": "bssflag",
            "code_rank": "issgrade",
            "end_rank_flag": "bssend",
        },
        columns={"csscode": "csscode", "cssname": "cssname"},
        is_written=False,
    ),
    "dsign": Archive(
        "dsign",
        fields("i_id:i type:s2 order_code:i type_name:s14 other_use_flag:b"),
        columns={"csign": "type", "i_id": "i_id"},
        is_written=False,
    ),
    "storequantity": Archive(
        "currentstock",
        ordered(
            """
            code now asked orderonroad arrivedgoods production moveonroad ordered consignment arrangedplan
            translation expect frozen disqualification useable safeline dispersion headline overtake
            deadline shortage
            """,
            known={},
        ),
        # [U] which figure is which.
        to_books={"code": "invcode", "now": "qty", "useable": "availqty"},
        columns={"cinvcode": "invcode", "cwhcode": "whcode"},
        is_written=False,
    ),
}
COLUMNS: Mapping[str, Mapping[str, str]] = {
    **{roottag: archive.columns for roottag, archive in ARCHIVES.items()},
    "oughtreceive": {
        "cvouchid": "code",
        "cvouchtype": "vouchertype",
        "dvouchdate": "date",
        "cdwcode": "cust_vendor_code",
        "cdigest": "digest",
        "cdefine1": "define1",
        "cdefine10": "define10",
    },
    "saleorder": {"csocode": "code", "ddate": "date", "ccuscode": "custcode", "cdefine1": "define1"},
    "consignment": {"cdlcode": "code", "ddate": "date", "ccuscode": "custcode", "cdefine1": "define1"},
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
