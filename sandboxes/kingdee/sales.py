"""Sales orders, deliveries, and the stock that they take from."""

from sandboxes.kingdee.metadata import HISTORY, Entity, Form, fields_of

_ORDER_FINANCE = fields_of("""
FSettleCurrId    ref:BD_Currency      结算币别  required
FRecConditionId  ref:BD_RecCondition  收款条件
FExchangeTypeId  ref:BD_RateType      汇率类型
FSettleModeId    ref:BD_SETTLETYPE    结算方式
FExchangeRate    decimal              汇率
FIsIncludedTax   bool                 是否含税
""")

SALE_ORDER = Form(
    id="SAL_SaleOrder",
    title="销售订单",
    key="FID",
    number="FBillNo",
    prefix="XSDD",
    status="FDocumentStatus",
    head=fields_of("""
FBillTypeID      ref:BOS_BillType       单据类型  required
FBillNo          text:30                单据编号
FDate            date                   日期      required
FSaleOrgId       ref:ORG_Organizations  销售组织  required
FCustId          ref:BD_Customer        客户      required
FReceiveId       ref:BD_Customer        收货方
FSettleId        ref:BD_Customer        结算方
FChargeId        ref:BD_Customer        付款方
FSaleDeptId      ref:BD_Department      销售部门
FSaleGroupId     ref:BD_OPERATORGROUP   销售组
FSalerId         ref:BD_OPERATOR        销售员    required
FReceiveAddress  text:255               收货方地址
FNote            text:255               备注
F_DEMO_HubId     text:80                集成编号
FDocumentStatus  text                   单据状态  server
FCancelStatus    text                   作废状态  server
FCloseStatus     text                   关闭状态  server
FBillAmount      decimal                金额      server
FBillTaxAmount   decimal                税额      server
FBillAllAmount   decimal                价税合计  server
""")
    | _ORDER_FINANCE
    | HISTORY,
    sub_heads={"FSaleOrderFinance": frozenset(_ORDER_FINANCE)},
    entities=(
        Entity(
            "FSaleOrderEntry",
            first_id=800001,
            view_name="SaleOrderEntry",
            fields=fields_of("""
FRowType         text:20                产品类型
FMaterialId      ref:BD_MATERIAL        物料编码  required
FUnitID          ref:BD_UNIT            销售单位  required
FQty             decimal                销售数量  required
FPriceUnitId     ref:BD_UNIT            计价单位
FStockUnitID     ref:BD_UNIT            库存单位
FOUTLMTUNIT      text:10                超发控制单位类型
FPrice           decimal                单价
FTaxPrice        decimal                含税单价
FEntryTaxRate    decimal                税率
FIsFree          bool                   是否赠品
FDeliveryDate    date                   要货日期
FStockOrgId      ref:ORG_Organizations  库存组织
FSettleOrgIds    ref:ORG_Organizations  结算组织
FOwnerTypeId     text:36                货主类型
FOwnerId         ref:ORG_Organizations  货主
FReserveType     text:10                预留类型
FEntryNote       text:255               备注
FAmount          decimal                金额          server
FEntryTaxAmount  decimal                税额          server
FAllAmount       decimal                价税合计      server
FDeliQty         decimal                累计发货数量  server
FStockOutQty     decimal                累计出库数量  server
FInvoiceQty      decimal                累计开票数量  server
"""),
        ),
        Entity(
            "FSaleOrderPlan",
            first_id=810001,
            view_name="SaleOrderPlan",
            fields=fields_of("""
FRecAdvanceRate    decimal  应收比例
FRecAdvanceAmount  decimal  应收金额
FRelBillNo         text:80  关联单号
"""),
        ),
    ),
)

_DELIVERY_FINANCE = fields_of("""
FSettleCurrID        ref:BD_Currency        结算币别  required
FSettleOrgID         ref:ORG_Organizations  结算组织
FSettleTypeID        ref:BD_SETTLETYPE      结算方式
FReceiptConditionID  ref:BD_RecCondition    收款条件
FExchangeTypeID      ref:BD_RateType        汇率类型
FExchangeRate        decimal                汇率
FThirdBillNo         text:80                第三方单据编号
FThirdBillId         text:80                第三方单据内码
FThirdSrcType        text:36                第三方来源
""")

DELIVERY = Form(
    id="SAL_OUTSTOCK",
    title="销售出库单",
    key="FID",
    number="FBillNo",
    prefix="XSCKD",
    status="FDocumentStatus",
    head=fields_of("""
FBillTypeID      ref:BOS_BillType       单据类型  required
FBillNo          text:30                单据编号
FDate            date                   日期      required
FSaleOrgId       ref:ORG_Organizations  销售组织  required
FStockOrgId      ref:ORG_Organizations  发货组织  required
FCustomerID      ref:BD_Customer        客户      required
FSaleDeptID      ref:BD_Department      销售部门
FSalesManID      ref:BD_OPERATOR        销售员
FStockerID       ref:BD_OPERATOR        仓管员
FCarriageNO      text:80                运输单号
FNote            text:255               备注
F_DEMO_HubId     text:80                集成编号
FDocumentStatus  text                   单据状态  server
FCancelStatus    text                   作废状态  server
FBillAmount      decimal                金额      server
FBillTaxAmount   decimal                税额      server
FBillAllAmount   decimal                价税合计  server
""")
    | _DELIVERY_FINANCE
    | HISTORY,
    sub_heads={"SubHeadEntity": frozenset(_DELIVERY_FINANCE)},
    entities=(
        Entity(
            "FEntity",
            first_id=900001,
            view_name="SAL_OUTSTOCKENTRY",
            fields=fields_of("""
FMaterialID      ref:BD_MATERIAL        物料编码  required
FUnitID          ref:BD_UNIT            库存单位  required
FRealQty         decimal                实发数量  required
FPrice           decimal                单价
FTaxPrice        decimal                含税单价
FEntryTaxRate    decimal                税率
FStockID         ref:BD_STOCK           仓库      required
FStockStatusID   ref:BD_StockStatus     库存状态
FLot             ref:BD_BatchMainFile   批号
FOwnerTypeID     text:36                货主类型
FOwnerID         ref:ORG_Organizations  货主
FIsFree          bool                   是否赠品
FSrcBillNo       text:80                源单编号
FSoorDerno       text:80                销售订单号
FAmount          decimal                金额          server
FEntryTaxAmount  decimal                税额          server
FAllAmount       decimal                价税合计      server
FARJoinQty       decimal                关联应收数量  server
"""),
        ),
    ),
)

INVENTORY = Form(
    id="STK_Inventory",
    title="即时库存",
    key="FRowKey",
    number="FRowKey",
    prefix="",
    status="FRowStatus",
    head=fields_of("""
FMaterialId     ref:BD_MATERIAL        物料编码  server
FStockId        ref:BD_STOCK           仓库      server
FStockOrgId     ref:ORG_Organizations  库存组织  server
FStockStatusId  ref:BD_StockStatus     库存状态  server
FStockLocId     int                    仓位      server
FLot            ref:BD_BatchMainFile   批号      server
FOwnerTypeId    text                   货主类型  server
FOwnerId        ref:ORG_Organizations  货主      server
FBaseUnitId     ref:BD_UNIT            基本单位  server
FQty            decimal                库存数量  server
FBaseQty        decimal                基本数量  server
FAVBQty         decimal                可用数量  server
FBaseAVBQty     decimal                可用基本数量  server
FSecQty         decimal                辅助数量  server
"""),
    read_only=True,
)
