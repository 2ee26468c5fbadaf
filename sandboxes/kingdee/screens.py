"""The books as people see them, and what accountants do; titles come from the product's own metadata."""

from sandboxes.common.screens import Column, Deed, Screen, period_deeds, plain, words
from sandboxes.kingdee.forms import FORMS, RECEIPT, RECEIVABLE
from sandboxes.kingdee.metadata import Form
from sandboxes.kingdee.sales import DELIVERY, SALE_ORDER

BILLS = (RECEIVABLE, RECEIPT, SALE_ORDER, DELIVERY)
PREFERRED = (
    "FName",
    "FDATE",
    "FCUSTOMERID",
    "FCustId",
    "FCONTACTUNIT",
    "FCURRENCYID",
    "FALLAMOUNTFOR",
    "FRECAMOUNTFOR",
    "FBillAllAmount",
    "FWRITTENOFFSTATUS",
    "FQty",
)
STATES = words({"Z": "暂存", "A": "创建", "B": "审核中", "C": "已审核", "D": "重新审核"})


def _screen(form: Form) -> Screen:
    bill = form in BILLS
    fields = [form.head[key.lower()] for key in PREFERRED if key.lower() in form.head]
    shown = [Column(form.number, "单据编号" if bill else "编码")]
    shown += [Column(field.key, field.title, _day if field.kind == "date" else plain) for field in fields]
    shown.append(Column(form.status, "数据状态", STATES))
    deeds = (
        Deed(
            "delete_bill",
            "删除",
            "delete",
            "已删除 {deleted}（需要时先撤销或反审核）(deleted)",
            takes={"number": form.number},
            gives={"form": form.id},
        ),
    )
    return Screen(form.title, form.id, tuple(shown), deeds if bill else (), front=form in BILLS[:2])


def _day(value: object) -> str:
    return plain(value)[:10]


SCREENS = {form.id: _screen(form) for form in FORMS.values()} | {
    "sessions": Screen("会话", "sessions"),
    "closed_periods": Screen("已结账的月份", "closed months"),
    "attachments": Screen("附件", "attachments"),
    "allocations": Screen("分配", "allocations"),
    "tasks": Screen("异步任务", "asynchronous tasks"),
    "switches": Screen("开关", "switches"),
}
DEEDS = period_deeds("reopen_period")
