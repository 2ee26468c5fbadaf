"""What the sandbox knows of each form: fields with their kinds and Chinese names."""

from sandboxes.kingdee.metadata import HISTORY, Entity, Form, fields_of
from sandboxes.kingdee.sales import DELIVERY, INVENTORY, SALE_ORDER

_FINANCE = fields_of("""
FACCNTTIMEJUDGETIME  date                   到期日计算日期  required
FSettleTypeID        ref:BD_SETTLETYPE      结算方式
FMAINBOOKSTDCURRID   ref:BD_Currency        本位币          required
FEXCHANGETYPE        ref:BD_RateType        汇率类型        required
FExchangeRate        decimal                汇率
""")

_CHAIN = fields_of("""
FORDERID     ref:BD_Customer  订货方
FTRANSFERID  ref:BD_Customer  收货方
FChargeId    ref:BD_Customer  付款方
""")

RECEIVABLE = Form(
    id="AR_receivable",
    title="应收单",
    key="FID",
    number="FBillNo",
    prefix="AR",
    head=fields_of("""
FBillTypeID          ref:BOS_BillType       单据类型        required
FBillNo              text:30                单据编号
FDATE                date                   业务日期        required
FENDDATE_H           date                   到期日          required
FCUSTOMERID          ref:BD_Customer        客户            required
FCURRENCYID          ref:BD_Currency        币别            required
FPayConditon         ref:BD_RecCondition    收款条件
FISPRICEEXCLUDETAX   bool                   价外税
FISTAX               bool                   按含税单价录入
FISINIT              bool                   期初单据
FISHookMatch         bool                   钩稽
FISINVOICEARLIER     bool                   先开票
FWBOPENQTY           bool                   已开票数量控制
FSETTLEORGID         ref:ORG_Organizations  结算组织        required
FPAYORGID            ref:ORG_Organizations  收款组织        required
FSALEORGID           ref:ORG_Organizations  销售组织
FSALEDEPTID          ref:BD_Department      销售部门
FSALEGROUPID         ref:BD_OPERATORGROUP   销售组
FSALEERID            ref:BD_OPERATOR        销售员
FBUSINESSTYPE        text:10                业务类型
FSetAccountType      text:10                立账类型
FMatchMethodID       int                    核销方式
FCancelStatus        text:1                 作废状态
FAR_Remark           text:255               备注
F_DEMO_HubId         text:80                集成编号
FDOCUMENTSTATUS      text                   单据状态        server
FALLAMOUNTFOR        decimal                价税合计        server
FNOTAXAMOUNTFOR      decimal                不含税金额      server
FTaxAmountFor        decimal                税额            server
FWRITTENOFFSTATUS    text                   核销状态        server
FOPENSTATUS          text                   开票状态        server
FRELATEHADPAYAMOUNT  decimal                已关联收款金额  server
""")
    | _FINANCE
    | _CHAIN
    | HISTORY,
    sub_heads={"FsubHeadFinc": frozenset(_FINANCE), "FsubHeadSuppiler": frozenset(_CHAIN)},
    entities=(
        Entity(
            "FEntityDetail",
            first_id=200001,
            view_name="AP_PAYABLEENTRY",
            linked=True,
            fields=fields_of("""
FMATERIALID         ref:BD_MATERIAL  物料编码
FCOSTID             ref:BD_Expense   费用项目
FMaterialDesc       text:255         物料说明
FPRICEUNITID        ref:BD_UNIT      计价单位
FPriceQty           decimal          计价数量  required
FTaxPrice           decimal          含税单价
FPrice              decimal          单价
FEntryTaxRate       decimal          税率
FEntryDiscountRate  decimal          折扣率
FNoTaxAmountFor_D   decimal          不含税金额  server
FTAXAMOUNTFOR_D     decimal          税额        server
FALLAMOUNTFOR_D     decimal          价税合计    server
FDeliveryControl    bool             按发货控制
FStockUnitId        ref:BD_UNIT      库存单位
FStockQty           decimal          库存数量
FStockBaseQty       decimal          库存基本数量
FSalUnitId          ref:BD_UNIT      销售单位
FSalQty             decimal          销售数量
FSalBaseQty         decimal          销售基本数量
FPriceBaseDen       decimal          计价基本分母
FSalBaseNum         decimal          销售基本分子
FStockBaseNum       decimal          库存基本分子
FIsFree             bool             是否赠品
FSOURCETYPE         text:36          源单类型
FSourceBillNo       text:80          源单编号
FSRCROWID           int              源单行内码
FORDERNUMBER        text:80          订单号
FComment            text:255         备注
"""),
        ),
        Entity(
            "FEntityPlan",
            first_id=300001,
            view_name="AP_PAYABLEPLAN",
            fields=fields_of("""
FENDDATE                date     到期日        required
FPAYAMOUNTFOR           decimal  应收金额      required
FPAYRATE                decimal  应收比例
FWRITTENOFFAMOUNTFOR_P  decimal  已核销金额    server
FWRITTENOFFSTATUS_P     text     核销状态      server
FRELATEHADPAYAMOUNT_P   decimal  已关联金额    server
"""),
        ),
    ),
)

RECEIPT = Form(
    id="AR_RECEIVEBILL",
    title="收款单",
    key="FID",
    number="FBillNo",
    prefix="SKD",
    first_id=600001,
    head=fields_of("""
FBillTypeID          ref:BOS_BillType       单据类型        required
FBillNo              text:30                单据编号
FDATE                date                   业务日期        required
FCONTACTUNITTYPE     text:36                往来单位类型    required
FCONTACTUNIT         ref:BD_Customer        往来单位        required
FPAYUNITTYPE         text:36                付款单位类型    required
FPAYUNIT             ref:BD_Customer        付款单位        required
FCURRENCYID          ref:BD_Currency        币别            required
FSETTLECUR           ref:BD_Currency        结算币别        required
FSETTLEMAINBOOKID    ref:BD_Currency        结算本位币
FSETTLERATE          decimal                结算汇率
FEXCHANGERATE        decimal                汇率
FEXCHANGETYPE        ref:BD_RateType        汇率类型
FPAYORGID            ref:ORG_Organizations  收款组织        required
FSETTLEORGID         ref:ORG_Organizations  结算组织
FSALEORGID           ref:ORG_Organizations  销售组织
FSALEDEPTID          ref:BD_Department      销售部门
FSALEGROUPID         ref:BD_OPERATORGROUP   销售组
FSALEERID            ref:BD_OPERATOR        销售员
FDepartment          ref:BD_Department      部门
FBUSINESSTYPE        text:10                业务类型        required
FISINIT              bool                   期初单据
FISB2C               bool                   B2C
FIsWriteOff          bool                   转销
FMatchMethodID       int                    核销方式
FCancelStatus        text:1                 作废状态
FTHIRDBILLNO         text:80                第三方单据编号
FREMARK              text:255               备注
FKDPAYNO             text:80                支付流水号
FWBSETTLENO          text:80                网宝结算号
F_DEMO_HubId         text:80                集成编号
FDOCUMENTSTATUS      text                   单据状态        server
FRECEIVEAMOUNTFOR_H  decimal                应收金额        server
FRECAMOUNTFOR        decimal                收款金额        server
FREALRECAMOUNTFOR    decimal                实收金额        server
FWRITTENOFFSTATUS    text                   核销状态        server
""")
    | HISTORY,
    entities=(
        Entity(
            "FRECEIVEBILLENTRY",
            first_id=400001,
            view_name="RECEIVEBILLENTRY",
            fields=fields_of("""
FSETTLETYPEID         ref:BD_SETTLETYPE      结算方式      required
FPURPOSEID            ref:CN_RECPAYPURPOSE   收款用途      required
FRECEIVEITEMTYPE      text:10                预收项目类型
FRECEIVEITEM          text:80                预收项目
FSaleOrderID          int                    销售订单内码
FSALEORDERNO          text:80                销售订单
FORDERENTRYID         int                    销售订单行内码
FRECTOTALAMOUNTFOR    decimal                应收金额
FRECAMOUNTFOR_E       decimal                收款金额      required
FREALRECAMOUNTFOR_D   decimal                实收金额      server
FSETTLERECAMOUNTFOR   decimal                折后金额
FSETTLEDISTAMOUNTFOR  decimal                现金折扣
FHANDLINGCHARGEFOR    decimal                手续费
FOVERUNDERAMOUNTFOR   decimal                长短款
FNOTVERIFICATEAMOUNT  decimal                未核销金额
FACCOUNTID            ref:CN_BANKACNT        我方银行账号
FCashAccount          ref:CN_CASHACCOUNT     现金账号
FINNERACCOUNTID       ref:CN_INNERACCOUNT    内部账号
FOPPOSITEBANKACCOUNT  text:80                对方银行账号
FOPPOSITECCOUNTNAME   text:255               对方账户名称
FOPPOSITEBANKNAME     text:255               对方开户行
FSETTLENO             text:80                结算号
FCOMMENT              text:255               备注
FPOSTDATE             date                   登账日期      required
"""),
        ),
        Entity(
            "FRECEIVEBILLSRCENTRY",
            first_id=500001,
            view_name="RECEIVEBILLSRCENTRY",
            linked=True,
            fields=fields_of("""
FSRCBILLTYPEID      text:36          源单类型
FSRCBILLNO          text:80          源单编号
FSRCBILLID          int              源单内码
FSRCROWID           int              源单行内码
FORDERBILLNO        text:80          订单编号
FSRCMATERIALID      ref:BD_MATERIAL  物料编码
FAFTTAXTOTALAMOUNT  decimal          价税合计
FPLANRECAMOUNT      decimal          应收金额
FREALRECAMOUNT      decimal          本次收款金额
"""),
        ),
    ),
)

CUSTOMER = Form(
    id="BD_Customer",
    title="客户",
    key="FCUSTID",
    number="FNumber",
    prefix="CUST",
    status="FDocumentStatus",
    head=fields_of("""
FNumber              text:30                客户编码
FName                text:255               客户名称    required
FShortName           text:80                简称
FCreateOrgId         ref:ORG_Organizations  创建组织    required
FUseOrgId            ref:ORG_Organizations  使用组织
FTRADINGCURRID       ref:BD_Currency        结算币别    required
FGroup               ref:BOS_FormGroup      客户分组
FCOUNTRY             ref:BAS_AssistantData  国家
FPROVINCIAL          ref:BAS_AssistantData  地区
FCompanyClassify     ref:BAS_AssistantData  公司类别
FCustTypeId          ref:BAS_AssistantData  客户类别
FADDRESS             text:255               通讯地址
FZIP                 text:20                邮政编码
FTEL                 text:50                联系电话
FFAX                 text:50                传真
FTAXREGISTERCODE     text:50                纳税登记号
FSOCIALCRECODE       text:50                统一社会信用代码
FINVOICETITLE        text:255               发票抬头
FINVOICEBANKNAME     text:255               开户银行
FINVOICEBANKACCOUNT  text:80                银行账号
FINVOICETEL          text:50                开票联系电话
FINVOICEADDRESS      text:255               开票通讯地址
FSETTLETYPEID        ref:BD_SETTLETYPE      结算方式
FRECCONDITIONID      ref:BD_RecCondition    收款条件
FSELLER              ref:BD_OPERATOR        销售员
FTaxType             ref:BAS_AssistantData  税分类
FTaxRate             ref:BD_TaxRate         默认税率
FInvoiceType         text:36                发票类型
FISCREDITCHECK       bool                   启用信用管理
FIsTrade             bool                   是否交易客户
FPriority            int                    收款优先级
FDescription         text:255               描述
F_DEMO_HubId         text:80                集成编号
FDocumentStatus      text                   数据状态    server
FForbidStatus        text                   禁用状态    server
""")
    | HISTORY,
    entities=(
        Entity(
            "FT_BD_CUSTCONTACT",
            first_id=700001,
            view_name="BD_CUSTCONTACT",
            fields=fields_of("""
FNUMBER1   text:80   编码
FNAME1     text:80   名称
FADDRESS1  text:255  地址
FMOBILE    text:30   手机
"""),
        ),
        Entity(
            "FT_BD_CUSTBANK",
            first_id=710001,
            view_name="BD_CUSTBANK",
            fields=fields_of("""
FBANKCODE      text:80   银行账号
FACCOUNTNAME   text:255  账户名称
FOPENBANKNAME  text:255  开户银行
"""),
        ),
    ),
)

_MATERIAL_BASE = fields_of("""
FErpClsID    text:10                 物料属性
FBaseUnitId  ref:BD_UNIT             基本单位  required
FCategoryID  ref:BD_MATERIALCATEGORY 存货类别
""")

MATERIAL = Form(
    id="BD_MATERIAL",
    title="物料",
    key="FMATERIALID",
    number="FNumber",
    prefix="MAT",
    status="FDocumentStatus",
    head=fields_of("""
FNumber          text:80                物料编码
FName            text:255               物料名称    required
FSpecification   text:255               规格型号
FMnemonicCode    text:80                助记码
FOldNumber       text:80                旧物料编码
F_DEMO_HubId     text:80                集成编号
FCreateOrgId     ref:ORG_Organizations  创建组织    required
FUseOrgId        ref:ORG_Organizations  使用组织
FMaterialGroup   ref:BOS_FormGroup      物料分组
FStoreUnitID     ref:BD_UNIT            库存单位
FSaleUnitId      ref:BD_UNIT            销售单位
FSalePriceUnitId ref:BD_UNIT            销售计价单位
FDescription     text:255               描述
FDocumentStatus  text                   数据状态    server
FForbidStatus    text                   禁用状态    server
""")
    | _MATERIAL_BASE
    | HISTORY,
    sub_heads={"SubHeadEntity": frozenset(_MATERIAL_BASE)},
)


def _archive(form_id: str, title: str, key: str = "FID", *, number: str = "FNumber", more: str = "") -> Form:
    """Base data with little but number, name and state."""
    head = fields_of(f"""
{number}         text:80   编码
FName            text:255  名称      required
FDocumentStatus  text      数据状态  server
FForbidStatus    text      禁用状态  server
{more}""")
    return Form(form_id, title, key, number, "BD", head | HISTORY, status="FDocumentStatus")


GROUP = _archive(
    "BOS_FormGroup",
    "分组",
    more="""FFormId       text:80   业务对象
FParentId     int       上级分组
FDescription  text:255  描述
""",
)
"""Groups of base data (客户分组, 物料分组): one archive for all forms. The product has one for each."""


FORMS: dict[str, Form] = {
    form.id.lower(): form
    for form in (
        RECEIVABLE,
        RECEIPT,
        CUSTOMER,
        MATERIAL,
        SALE_ORDER,
        DELIVERY,
        INVENTORY,
        _archive("ORG_Organizations", "组织机构", "FORGID"),
        _archive("BD_Currency", "币别", "FCURRENCYID"),
        _archive("BD_RateType", "汇率类型", "FRATETYPEID"),
        _archive("BD_UNIT", "计量单位", "FUNITID"),
        _archive("BD_MATERIALCATEGORY", "存货类别", "FCATEGORYID"),
        _archive("BD_STOCK", "仓库", "FSTOCKID"),
        _archive("BD_StockStatus", "库存状态", "FSTOCKSTATUSID"),
        _archive("BD_SETTLETYPE", "结算方式"),
        _archive("BD_RecCondition", "收款条件"),
        _archive("BD_Expense", "费用项目", "FEXPID"),
        _archive("BD_Department", "部门", "FDEPTID", more="FFullName text:255 全称"),
        _archive("BD_OPERATOR", "业务员"),
        _archive("BD_OPERATORGROUP", "业务组"),
        _archive("BD_Empinfo", "员工", number="FStaffNumber"),
        _archive("BD_BatchMainFile", "批号", "FLOTID"),
        _archive("BD_TaxRate", "税率"),
        _archive("BAS_AssistantData", "辅助资料", "FENTRYID"),
        _archive("CN_BANKACNT", "银行账号", "FBANKACNTID"),
        _archive("CN_CASHACCOUNT", "现金账号"),
        _archive("CN_INNERACCOUNT", "内部账号"),
        _archive("CN_RECPAYPURPOSE", "收付款用途"),
        _archive("BOS_BillType", "单据类型", "FBILLTYPEID"),
        _archive("SEC_User", "用户", "FUSERID"),
        GROUP,
    )
}
