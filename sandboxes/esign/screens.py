"""The books as people see them."""

from collections.abc import Sequence

from sandboxes.common import Row
from sandboxes.common.screens import Screen, columns, each, millis, words
from sandboxes.common.signing import contract_screens
from sandboxes.esign.flows import SIGNING
from sandboxes.esign.views import STATUS_NAMES

SIGNER_WORDS = words({0: "未到", 1: "待签", 2: "已签", 3: "审批中", 4: "拒签"})


def _name(signer: Row) -> str:
    if signer["auto"]:
        return "本企业（自动落章）"
    person, company = signer["person"], signer["company"].get("orgName")
    name = person.get("psnName") or person.get("psnAccount") or "签署人"
    return f"{company} {name}" if company else str(name)


def _state(signer: Row) -> str:
    return f"{_name(signer)}：{SIGNER_WORDS(signer['signStatus'])}"


def signers(flow: Row) -> Sequence[str]:
    return [_name(signer) for signer in flow["signers"]]


SCREENS = contract_screens(
    Screen(
        "签署流程",
        "flows",
        columns(
            ("title", "标题"),
            ("status", "状态", words(STATUS_NAMES)),
            ("signers", "签署人", each(_state)),
            ("created", "创建", millis),
            ("deadline", "截止", millis),
            ("finished", "结束", millis),
            ("description", "说明"),
        ),
    ),
    signers=signers,
    running=lambda flow: bool(flow["status"] == SIGNING),
)
