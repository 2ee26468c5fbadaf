"""What 腾讯电子签's codes mean for us. A code is `Family.Detail`; a listed detail comes before its family.

A code of an unknown family breaks the protocol: it is never taken for a plain refusal.
"""

from dataclasses import dataclass
from datetime import timedelta

from domain.faults import Fault, Malformed, Misconfigured, Rejected, Throttled, Transient, UnknownOutcome

CANCEL_FORBIDDEN = "OperationDenied.FlowCancelForbid"
HAS_STARTED = "OperationDenied.FlowHasStarted"
NOT_COMPOSED = "OperationDenied.DocumentNoAvailable"


@dataclass(frozen=True, slots=True)
class Meaning:
    fault: type[Fault]
    advice: str


FAMILIES = {
    "AuthFailure": Meaning(Misconfigured, "签名或密钥不被接受：请检查SecretId、SecretKey和服务器时间"),
    "UnauthorizedOperation": Meaning(Misconfigured, "未授权此操作：请在腾讯电子签控制台检查权限"),
    "InvalidAction": Meaning(Misconfigured, "接口不存在：请检查连接地址"),
    "NoSuchVersion": Meaning(Misconfigured, "接口版本不存在：请检查连接地址"),
    "UnsupportedOperation": Meaning(Misconfigured, "不支持的操作"),
    "RequestLimitExceeded": Meaning(Throttled, "调用过快"),
    "LimitExceeded": Meaning(Throttled, "超过限额"),
    "ResourceInsufficient": Meaning(Rejected, "资源不足"),
    "ResourceUnavailable": Meaning(Transient, "资源暂不可用"),
    "ResourceInUse": Meaning(Transient, "资源被占用，稍后再试"),
    "InvalidRequest": Meaning(Rejected, "请求格式不正确"),
    "InvalidParameter": Meaning(Rejected, "签署参数不正确"),
    "InvalidParameterValue": Meaning(Rejected, "签署参数不正确"),
    "MissingParameter": Meaning(Rejected, "缺少签署参数"),
    "UnknownParameter": Meaning(Rejected, "未知的参数"),
    "OperationDenied": Meaning(Rejected, "腾讯电子签拒绝"),
    "FailedOperation": Meaning(Rejected, "操作失败"),
    "ResourceNotFound": Meaning(Rejected, "资源不存在"),
    "InternalError": Meaning(UnknownOutcome, "腾讯电子签系统繁忙 (busy)"),
}
DETAILS = {
    "FailedOperation.RequestLimitExceeded": Meaning(Throttled, "调用过快"),
    NOT_COMPOSED: Meaning(Transient, "文件还在合成，稍后再试"),
    "OperationDenied.NoApiAuth": Meaning(Misconfigured, "企业没有此接口的权限"),
    "OperationDenied.NoFlowPermission": Meaning(Misconfigured, "经办人没有此合同的权限"),
    "OperationDenied.OperatorHasNoPermission": Meaning(Misconfigured, "经办人没有权限，或未开通企业授权签"),
    "OperationDenied.UserNotInOrganization": Meaning(Misconfigured, "经办人不在企业中：请检查UserId"),
    "OperationDenied.NoQuota": Meaning(Rejected, "腾讯电子签合同份额已用完：请购买后重试"),
    CANCEL_FORBIDDEN: Meaning(Rejected, "合同状态不允许撤销"),
    # A file lives an hour; the next attempt uploads it anew.
    "ResourceNotFound.Resource": Meaning(Transient, "上传的文件已失效，将重新上传"),
}
WAIT = timedelta(seconds=1)


def fault_from(code: str, text: str, *, write: bool) -> Fault:
    """`write` False: nothing can have happened, so an unclear answer is only a failed attempt."""
    meaning = DETAILS.get(code) or FAMILIES.get(code.partition(".")[0])
    if meaning is None:
        return Malformed(f"未知的错误码 (unknown code): {text}", code)
    message = f"{meaning.advice}：{text}" if text else meaning.advice
    if meaning.fault is Throttled:
        return Throttled(message, code, WAIT)
    if meaning.fault is UnknownOutcome and not write:
        return Transient(message, code)
    return meaning.fault(message, code)
