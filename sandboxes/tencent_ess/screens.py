"""The books as people see them."""

from sandboxes.common import Row
from sandboxes.common.screens import Screen, columns, each, seconds, words
from sandboxes.common.signing import contract_screens
from sandboxes.tencent_ess.flows import RUNNING

STATUS_WORDS = words(
    {
        0: "未发起",
        1: "待签署",
        2: "部分签署",
        3: "拒签",
        4: "全部签署",
        5: "已过期",
        6: "已撤销",
        21: "已解除",
    }
)
APPROVER_WORDS = words(
    {
        0: "未开始",
        1: "流转中",
        2: "待签署",
        3: "已签署",
        4: "拒签",
        5: "过期未签",
        6: "已撤销",
        15: "已解除",
    }
)


def _name(approver: Row) -> str:
    return " ".join(filter(None, (approver["organisation"], approver["name"]))) or str(approver["userId"])


SCREENS = contract_screens(
    Screen(
        "合同流程",
        "flows",
        columns(
            ("title", "合同名称"),
            ("status", "状态", STATUS_WORDS),
            ("approvers", "签署人", each(lambda one: f"{_name(one)}：{APPROVER_WORDS(one['status'])}")),
            ("created", "创建", seconds),
            ("deadline", "截止", seconds),
            ("message", "说明"),
        ),
    ),
    signers=lambda flow: [_name(approver) for approver in flow["approvers"]],
    running=lambda flow: flow["status"] in RUNNING,
)
