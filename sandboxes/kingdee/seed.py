"""The base data of an empty account set, and who may log in. All of it made up."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sandboxes.common import Row
from sandboxes.kingdee.archive import Archive
from sandboxes.kingdee.forms import FORMS
from sandboxes.kingdee.metadata import Form
from sandboxes.kingdee.sales import INVENTORY
from sandboxes.kingdee.saving import blank
from sandboxes.kingdee.stock import add_stock, stock_row

ACCOUNT_SET = "6500aa11bb22cc"
DATA_CENTER: dict[str, Any] = {
    "Id": ACCOUNT_SET,
    "Number": "202601",
    "Name": "演示账套",
    "Version": "9.0.553.10",
    "GDCID": "7f000000-0000-4000-8000-000000000002",
    "AuthenticationMethods": [],
}
USERS = {"hub": "hub-demo-pass", "demo": "demo-pass", "clerk": "clerk-demo-pass"}
APPS: dict[str, dict[str, Any]] = {
    "900001_TX3UQwFvx0aB9V+UMz2ObyIDQGiJ6dmL": {
        "name": "贯通",
        "secret": "0123456789abcdef0123456789abcdef",
        "users": ("hub", "demo"),
    }
}
"""第三方系统登录授权: each application may act for some of the users."""
PASSPORTS = {"Z3VhbnRvbmctZGVtby1wYXNzcG9ydA==": "hub"}
"""集成密钥文件 as a client sends it (base64) -> its user. What the real file holds is not published."""

BASE_DATA: dict[str, dict[str, str]] = {
    "ORG_Organizations": {"100": "示例集团", "101": "示例集团上海分公司"},
    "BD_Currency": {"PRE001": "人民币", "PRE007": "美元"},
    "BD_RateType": {"HLTX01_SYS": "固定汇率"},
    "BD_UNIT": {"Pcs": "个", "Tao": "套"},
    "BD_MATERIALCATEGORY": {"CHLB05_SYS": "产成品"},
    "BD_STOCK": {"CK001": "成品仓"},
    "BD_StockStatus": {"KCZT01_SYS": "可用"},
    "BD_SETTLETYPE": {"JSFS01_SYS": "现金", "JSFS04_SYS": "电汇"},
    "BD_RecCondition": {"SKTJ03_SYS": "货到收款"},
    "BD_Expense": {"FYXM10_SYS": "服务费"},
    "BD_Department": {"BM001": "销售部"},
    "BD_OPERATOR": {"YG001_GW001_1": "测试销售员"},
    "BD_Empinfo": {"E0001": "测试员工"},
    "CN_BANKACNT": {"6222-DEMO-01": "示例银行基本户"},
    "CN_RECPAYPURPOSE": {"SFKYT01_SYS": "销售收款", "SFKYT02_SYS": "预收款"},
    "BOS_BillType": {
        "YSD01_SYS": "标准应收单",
        "YSD02_SYS": "费用应收单",
        "SKDLX01_SYS": "销售收款单",
        "SKDLX02_SYS": "其他业务收款单",
        "XSDD01_SYS": "标准销售订单",
        "XSCKD01_SYS": "标准销售出库单",
    },
    "BD_MATERIAL": {"MAT-0001": "示例设备", "MAT-0002": "示例配件", "SRV-0001": "安装服务"},
    "BD_Customer": {"CUST9001": "示例客户有限公司"},
    "SEC_User": {user: user for user in USERS},
}
STOCK = {"MAT-0001": 100, "MAT-0002": 20}
"""Pieces of each material in store CK001 of organisation 100."""
_MORE: dict[str, Row] = {
    "BD_MATERIAL": {"FCreateOrgId": "100", "FUseOrgId": "100", "FErpClsID": "1", "FBaseUnitId": "Pcs"},
    "BD_Customer": {"FCreateOrgId": "100", "FUseOrgId": "100", "FTRADINGCURRID": "PRE001"},
}


def seed(archive: Archive, now: Callable[[], str]) -> None:
    for form_id, named in BASE_DATA.items():
        for number, name in named.items():
            add(archive, form_id, number, name, now=now())
    for material, quantity in STOCK.items():
        row = stock_row(material, "CK001", "100", "Pcs")
        add_stock(row, Decimal(quantity))
        archive.put(INVENTORY, row)


def add(archive: Archive, form_id: str, number: str, name: str, *, now: str) -> None:
    """One more piece of base data, audited; what is there already stays."""
    form = FORMS[form_id.lower()]
    if archive.by_number(form, number) is None:
        row = _audited(form, archive.next_id(form), now) | {form.number: number, "FName": name}
        archive.put(form, row)


def _audited(form: Form, key: int, now: str) -> Row:
    dates = dict.fromkeys(("FCREATEDATE", "FMODIFYDATE", "FAPPROVEDATE"), now)
    return blank(form, key) | {"ignored": []} | _MORE.get(form.id, {}) | {form.status: "C"} | dates
