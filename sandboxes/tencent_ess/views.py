"""Flows as the vendor shows them."""

import re
from datetime import datetime

from sandboxes.common import Books, Row
from sandboxes.common.lists import cut
from sandboxes.tencent_ess.envelope import Json, Refused, integer, text
from sandboxes.tencent_ess.flows import china_day

DAY = re.compile(r"\d{8}")
APPROVER_TYPES = {0: "ORGANIZATION", 1: "PERSON", 3: "ENTERPRISESERVER", 7: "PERSON"}
MOST_DAYS = 31


def brief(flow: Row) -> Json:
    return {
        "FlowId": flow["FlowId"],
        "FlowName": flow["title"],
        "FlowDescription": flow["description"],
        "FlowType": flow["FlowType"],
        "FlowStatus": flow["status"],
        "FlowMessage": flow["message"],
        "CreatedOn": flow["created"],
        "Deadline": flow["deadline"],
        "Creator": flow["creator"],
    }


def info(flow: Row) -> Json:
    """The detail has no deadline."""
    shown = brief(flow)
    del shown["Deadline"]
    return shown | {"FlowApproverInfos": [_approver(row) for row in flow["approvers"]], "CcInfos": []}


def approver_item(row: Row) -> Json:
    return {"SignId": row["signId"], "RecipientId": row["recipientId"], "ApproverRoleName": ""}


def usage(books: Books, body: Json) -> Json:
    """The bill of some days of one month: every flow that was started, oldest first [U]."""
    start, end = _days(body)
    limit = integer(body.get("Limit"), default=100)
    page = integer(body.get("Offset"), default=0)
    if not 1 <= limit <= 100 or page < 0:
        raise Refused("InvalidParameter.Limit", "Limit取值1到100")
    flows = books.table("flows")
    rows = [row for row in books.table("usage").values() if start <= china_day(row["at"]) <= end]
    shown, total = cut(rows, page * limit, limit)
    return {"Total": total, "Details": [_charge(row, flows[row["flow"]]) for row in shown]}


def _days(body: Json) -> tuple[str, str]:
    start, end = text(body, "StartTime"), text(body, "EndTime")
    code = "InvalidParameterValue.InvalidTime"
    if not (DAY.fullmatch(start) and DAY.fullmatch(end)) or start > end:
        raise Refused(code, "查询时间格式为yyyyMMdd")
    first, last = (datetime.strptime(day, "%Y%m%d") for day in (start, end))  # noqa: DTZ007  # days only
    if (last - first).days > MOST_DAYS or start[:6] != end[:6]:
        raise Refused(code, "开始日期和结束日期必须在同一个自然月内")
    return start, end


def _charge(row: Row, flow: Row) -> Json:
    return {
        "FlowId": flow["FlowId"],
        "OperatorName": "测试经办",
        "CreateOrganizationName": "示例科技有限公司",
        "FlowName": flow["title"],
        "Status": flow["status"],
        "QuotaType": "CloudEnterprise",
        "UseCount": row["count"],
        "CostTime": row["at"],
        "QuotaName": "企业版合同",
        "CostType": 1 if row["count"] > 0 else 2,
        "Remark": "",
    }


def _approver(row: Row) -> Json:
    return {
        "ApproveMessage": row["message"],
        "ApproveName": row["name"],
        "ApproveStatus": row["status"],
        "Mobile": row["mobile"],
        "SignOrder": row["order"] - 1,
        "ApproveTime": row["time"],
        "ApproveType": APPROVER_TYPES[row["type"]],
        "OrganizationName": row["organisation"],
        "SignId": row["signId"],
        "RecipientId": row["recipientId"],
    }
