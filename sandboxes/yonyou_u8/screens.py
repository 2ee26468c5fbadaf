"""The books as people see them, and what U8's accountants do."""

from collections.abc import Callable
from decimal import Decimal

from sandboxes.common import Row
from sandboxes.common.screens import KEY, Blank, Deed, Screen, columns, period_deeds
from sandboxes.yonyou_u8.documents import ACCEPT, KINDS, OUGHTRECEIVE, Kind
from sandboxes.yonyou_u8.ledger import NEW, VERIFIED


def _vouchers(kind: Kind) -> Screen:
    takes, gives = {"code": KEY}, {"kind": kind.resource}
    new, verified = (_in_state(state) for state in (NEW, VERIFIED))
    deeds = (
        Deed(
            "verify_voucher", "审核", "verify", "已审核 {code} (verified)", takes=takes, gives=gives, when=new
        ),
        Deed(
            "unverify_voucher",
            "弃审",
            "un-verify",
            "已弃审 {code} (un-verified)",
            takes=takes,
            gives=gives,
            when=verified,
        ),
        Deed(
            "delete_voucher",
            "删除",
            "delete",
            "已删除 {code} (deleted)",
            takes=takes,
            gives=gives | {"unverify": True},
        ),
    )
    shown = columns(
        (kind.date, "日期"),
        (kind.customer, "客户"),
        (kind.document_amount, "原币金额"),
        (kind.local_amount, "本币金额"),
        ("digest", "摘要"),
        ("state", "状态"),
        ("written_off", "已核销"),
    )
    return Screen(kind.label, kind.resource, shown, deeds, front=True)


def _in_state(state: str) -> Callable[[Row], bool]:
    return lambda row: row["state"] == state


SCREENS = {
    **{kind.resource: _vouchers(kind) for kind in KINDS.values()},
    "customer": Screen(
        "客户档案",
        "customers",
        columns(("name", "名称"), ("abbrname", "简称"), ("sort_code", "分类"), ("end_date", "停用日期")),
        deeds=(
            Deed(
                "deactivate_customer",
                "停用",
                "deactivate",
                "已停用，自 {end_date} (deactivated)",
                takes={"code": KEY},
                when=lambda row: not row.get("end_date"),
            ),
        ),
    ),
    "writeoff": Screen("核销记录", "write-offs"),
    "saleorder": Screen("销售订单", "sale orders"),
    "consignment": Screen("发货单", "dispatches"),
    "returnorder": Screen("退货单", "returns"),
    "voucher": Screen("凭证", "vouchers"),
    "code": Screen("科目", "accounts"),
    "contract": Screen("合同", "contracts"),
    "currency": Screen("币种", "currencies"),
    "currentstock": Screen("现存量", "current stock"),
    "customer_bank": Screen("客户银行", "customers' banks"),
    "customeraddress": Screen("客户收货地址", "customers' addresses"),
    "customercontacts": Screen("客户联系人", "customers' contacts"),
    "customerclass": Screen("客户分类", "customer classes"),
    "department": Screen("部门", "departments"),
    "dsign": Screen("凭证类别", "voucher types"),
    "exchangerate": Screen("汇率", "exchange rates"),
    "fitemcategory": Screen("项目大类", "kinds of projects"),
    "fitemclass": Screen("项目分类", "classes of projects"),
    "fitem": Screen("项目", "projects"),
    "inventory": Screen("存货", "inventory"),
    "inventoryclass": Screen("存货分类", "inventory classes"),
    "operator": Screen("操作员", "operators"),
    "period": Screen("会计期间", "periods"),
    "person": Screen("人员", "persons"),
    "saletype": Screen("销售类型", "sale types"),
    "settlestyle": Screen("结算方式", "ways to settle"),
    "warehouse": Screen("仓库", "warehouses"),
}
DEEDS = (
    Deed("verify_all", "审核全部新单据", "verify all that is new", "已审核 {verified} 张 (verified)"),
    Deed(
        "write_off",
        "核销",
        "write off",
        "已核销，记录 {number} (written off)",
        (
            Blank("receipt", f"{ACCEPT.label}号", "receipt", required=True),
            Blank("receivable", f"{OUGHTRECEIVE.label}号", "receivable", required=True),
            Blank("amount", "金额", "amount", required=True, read=Decimal),
        ),
    ),
    *period_deeds("open_period"),
)
