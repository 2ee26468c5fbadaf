"""The books as people see them."""

from sandboxes.common.screens import Screen, columns, each, millis, words
from sandboxes.common.signing import contract_screens
from sandboxes.fadada.tasks import SIGNING

STATUS_WORDS = words(
    {
        "task_created": "已创建",
        "sign_progress": "签署中",
        "sign_completed": "已签完",
        "task_finished": "已完成",
        "task_terminated": "已终止",
        "expired": "已过期",
        "abolishing": "作废中",
        "revoked": "已作废",
    }
)
ACTOR_WORDS = words({"wait_sign": "待签", "signed": "已签", "sign_rejected": "拒签"})

SCREENS = contract_screens(
    Screen(
        "签署任务",
        "sign tasks",
        columns(
            ("title", "主题"),
            ("status", "状态", STATUS_WORDS),
            ("actors", "参与方", each(lambda actor: f"{actor['name']}：{ACTOR_WORDS(actor['signStatus'])}")),
            ("transReferenceId", "业务编号"),
            ("created", "创建", millis),
            ("expires", "截止", millis),
            ("note", "说明"),
        ),
    ),
    signers=lambda task: [actor["name"] for actor in task["actors"]],
    running=lambda task: bool(task["status"] == SIGNING),
) | {"sign_templates": Screen("签署任务模板", "sign templates")}
