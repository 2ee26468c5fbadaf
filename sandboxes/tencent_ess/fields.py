"""What the fields of a request hold, by name: queries and forms send all as text, and JSON must fit."""

from collections.abc import Iterable
from typing import Any

from sandboxes.tencent_ess.envelope import Json, Refused

KINDS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(
        (
            *("BusinessType", "CancelMessage", "ComponentId", "ComponentName", "ComponentType", "EndPoint"),
            *("EndTime", "FileBody", "FileName", "FileType", "FlowDescription", "FlowId", "FlowName"),
            *("FlowType", "GenerateMode", "JumpUrl", "Key", "Mobile", "Name", "NeedRelievedFlowId"),
            *("ApproverMobile", "ApproverName", "NotifyType", "OperatorId", "OrganizationName", "Reason"),
            *("RecipientId", "ReportId", "SignId", "StartTime", "TemplateId", "UserData", "UserId"),
        ),
        (str,),
    ),
    **dict.fromkeys(
        (
            *("ComponentPage", "ContentType", "DeadLine", "Deadline", "ExpiredOn", "Limit", "Offset"),
            *("PathType", "PreviewType", "RemindedOn", "ReportType", "SignBeanTag", "UrlTtl", "UrlType"),
        ),
        (int,),
    ),
    **dict.fromkeys(
        ("ComponentHeight", "ComponentPosX", "ComponentPosY", "ComponentWidth", "OffsetX", "OffsetY"),
        (int, float),
    ),
    **dict.fromkeys(
        ("AutoJumpBack", "ComponentRequired", "CoverRect", "NeedPreview", "NeedSignReview", "Unordered"),
        (bool,),
    ),
    **dict.fromkeys(("Agent", "Caller", "Operator", "Organization", "ReliveInfo"), (dict,)),
    # A signer's kind is a number, but a release agreement names it.
    "ApproverType": (int, str),
}
DEEPEST = 16
LISTS: dict[str, type] = {
    **dict.fromkeys(("BusinessIds", "FileIds", "FileNames", "FlowIds", "Values"), str),
    **dict.fromkeys(
        ("Approvers", "CcInfos", "Components", "FileInfos", "Filters", "FlowApproverInfos"), dict
    ),
    **dict.fromkeys(("FormFields", "ReleasedApprovers", "SignComponents"), dict),
}


def check(body: Json, *, depth: int = 0) -> None:
    """Raises Refused. Fields that are not listed, and nothing (null), are taken as they are."""
    if depth > DEEPEST:
        raise Refused("InvalidParameter", "参数嵌套过深")
    for name, value in body.items():
        if value is None:
            continue
        items = value if isinstance(value, list) else [value]
        if name in LISTS:
            fits = isinstance(value, list) and all(isinstance(item, LISTS[name]) for item in items)
        elif name in KINDS:
            fits = isinstance(value, KINDS[name]) and (KINDS[name] == (bool,) or not isinstance(value, bool))
        else:
            fits = True
        if not fits:
            raise Refused("InvalidParameter", f"The value type of parameter `{name}` is not valid.")
        for item in items:
            if isinstance(item, dict):
                check(item, depth=depth + 1)


def from_text(pairs: Iterable[tuple[str, str]]) -> Json:
    """`Operator.UserId=u&FlowIds.0=f`, as queries and forms write it."""
    root: Json = {}
    for path, value in pairs:
        *way, last = path.split(".", DEEPEST)
        place = root
        for step in way:
            place = place.setdefault(step, {})
            if not isinstance(place, dict):
                raise Refused("InvalidParameter", f"参数{path}重复")
        place[last] = value
    return {name: _typed(value, name) for name, value in root.items()}


def _typed(value: Any, name: str) -> object:
    if isinstance(value, dict):
        if all(key.isdecimal() for key in value):
            return [_typed(value[key], name) for key in sorted(value, key=int)]
        return {key: _typed(item, key) for key, item in value.items()}
    kinds = KINDS.get(name, (str,))
    if bool in kinds:
        return {"true": True, "false": False}.get(value.lower(), value)
    for kind in kinds:
        if kind in (int, float):
            try:
                return kind(value)
            except ValueError:
                continue
    return value
