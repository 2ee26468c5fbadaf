"""What a request to create a flow must look like."""

import base64

from sandboxes.common import Row
from sandboxes.tencent_ess.envelope import MOBILE, NAME, Json, Refused, integer, parts, text

COMPANY, PERSON, COMPANY_AUTO, PERSON_AUTO = 0, 1, 3, 7
AUTO = {COMPANY_AUTO, PERSON_AUTO}
SEALS = {"SIGN_SEAL", "SIGN_PAGING_SEAL", "SIGN_DATE", "SIGN_LEGAL_PERSON_SEAL"}
"""What a machine may set: it seals, and does not write names."""
SIGN_COMPONENTS = SEALS | {"SIGN_SIGNATURE", "SIGN_OPINION", "SIGN_VIRTUAL_COMBINATION"}
YEAR = 365 * 86400


def head(body: Json, *, now: int, deadline_name: str) -> Row:
    """What both ways to create have in common. The deadline is spelled in two ways."""
    name = text(body, "FlowName", code="InvalidParameter.FlowName")
    if not NAME.fullmatch(name):
        raise Refused("InvalidParameter.FlowName", "合同名称含有不支持的字符，或超过200个字符")
    description = str(body.get("FlowDescription") or "")
    if len(description) > 1000:
        raise Refused("InvalidParameter.FlowDescription", "合同描述最大长度1000个字符")
    code = "InvalidParameter.FlowDeadLine"
    deadline = integer(body.get(deadline_name), default=0, code=code) or now + YEAR
    if deadline <= now:
        raise Refused(code, "签署截止时间不能早于当前时间")
    return {
        "title": name,
        "description": description,
        "FlowType": str(body.get("FlowType") or ""),
        "unordered": body.get("Unordered") is True,
        "deadline": deadline,
        "userData": _user_data(body),
    }


def approvers(body: Json, *, own_name: str, with_components: bool) -> list[Row]:
    given = parts(body, "Approvers")
    if not given:
        raise Refused("MissingParameter.FlowApprover", "缺少签署方")
    if len(given) > 50:
        raise Refused("InvalidParameter.FlowApprovers", "签署方不能超过50个")
    own_places = body.get("SignBeanTag") == 1
    checked = [_approver(one, own_name=own_name) for one in given]
    if with_components:
        for approver, one in zip(checked, given, strict=True):
            _check_components(parts(one, "SignComponents"), approver, optional=own_places)
    identities = [(row["organisation"], row["mobile"]) for row in checked if row["type"] not in AUTO]
    if len(set(identities)) < len(identities):
        raise Refused("OperationDenied.ApproverRepeat", "签署方重复")
    return checked


def _approver(one: Json, *, own_name: str) -> Row:
    kind = one.get("ApproverType")
    if kind not in (COMPANY, PERSON, *AUTO):
        raise Refused("InvalidParameter.ApproverType", "签署方类型不正确")
    if kind in (COMPANY, COMPANY_AUTO) and not one.get("OrganizationName"):
        raise Refused("MissingParameter.ApproverOrganizationInfo", "缺少企业名称")
    if kind == COMPANY_AUTO and one["OrganizationName"] != own_name:
        raise Refused("OperationDenied.OperatorHasNoPermission", "未获得该企业的授权签权限")
    if kind != COMPANY_AUTO and not one.get("UserId"):
        text(one, "ApproverName", code="MissingParameter.ApproverName")
        if not MOBILE.fullmatch(text(one, "ApproverMobile", code="MissingParameter.ApproverMobile")):
            raise Refused("InvalidParameter.Mobile", "手机号格式不正确")
    return {
        "type": kind,
        "name": str(one.get("ApproverName") or ""),
        "mobile": str(one.get("ApproverMobile") or ""),
        "organisation": str(one.get("OrganizationName") or ""),
        "userId": str(one.get("UserId") or ""),
        "recipientId": str(one.get("RecipientId") or ""),
        "notify": str(one.get("NotifyType") or "SMS").upper(),
        "components": one.get("SignComponents") or [],
        "status": 0,
        "message": "",
        "time": 0,
        "reminded": 0,
    }


def _check_components(components: list[Json], approver: Row, *, optional: bool) -> None:
    by_machine = approver["type"] in AUTO
    if not components and (by_machine or not optional):
        raise Refused("MissingParameter.ApproverSignComponent", "缺少签署控件")
    for component in components:
        kind = component.get("ComponentType")
        if kind not in SIGN_COMPONENTS:
            raise Refused("InvalidParameter.SignComponentType", "签署控件类型不正确")
        if approver["type"] == COMPANY_AUTO and kind not in SEALS:
            raise Refused("OperationDenied.ServerSignNoAllowComponent", "授权签仅支持印章控件")
        if component.get("GenerateMode", "NORMAL") == "NORMAL":
            _check_place(component)


def _check_place(component: Json) -> None:
    if not isinstance(component.get("ComponentPage"), int) or component["ComponentPage"] == 0:
        raise Refused("InvalidParameter.ComponentPage", "控件页码不正确")
    places = ("ComponentPosX", "ComponentPosY", "ComponentWidth", "ComponentHeight")
    if not all(isinstance(component.get(name), int | float) for name in places):
        raise Refused("InvalidParameter.ComponentPosition", "控件位置不正确")


def _user_data(body: Json) -> str:
    value = str(body.get("UserData") or "")
    try:
        base64.b64decode(value, validate=True)
    except ValueError as error:
        raise Refused("InvalidParameter.FlowUserData", "UserData须为base64编码") from error
    if len(value) > 20480:
        raise Refused("InvalidParameter.FlowUserData", "UserData超过20480")
    return value
