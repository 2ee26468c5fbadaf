"""The books as people see them, and what accountants do."""

from sandboxes.common.screens import Screen, columns, period_deeds

SCREENS = {
    "vouchers": Screen(
        "凭证",
        "vouchers",
        columns(("easNumber", "凭证号"), ("number", "来源编号"), ("place", "公司与期间"), ("state", "状态")),
        front=True,
    ),
    "other_bills": Screen("其他应收单", "other receivables", front=True),
    "sessions": Screen("会话", "sessions"),
    "closed_periods": Screen("已结账的月份", "closed months"),
}
DEEDS = period_deeds("reopen_period")
