"""What e签宝's codes mean for us. Decided by code alone: one code carries many sentences, and they change.

A code below 1000 is the gateway's and means what it means in HTTP; a code that is not listed is a refusal.
"""

from dataclasses import dataclass
from datetime import timedelta

from domain.faults import Fault, Misconfigured, Rejected, Throttled, Transient, UnknownOutcome

OK = 0
ALREADY_REVOKED = "1437168"


@dataclass(frozen=True, slots=True)
class Meaning:
    fault: type[Fault]
    advice: str


FAULTS = {
    401: Meaning(Misconfigured, "签名或应用不被接受：请检查AppId、密钥和服务器时间"),
    403: Meaning(Misconfigured, "请求被拒绝：请在e签宝开放平台检查IP白名单和权限"),
    429: Meaning(Throttled, "调用过快"),
    1430002: Meaning(Rejected, "文件或模板参数不正确"),
    1430601: Meaning(Rejected, "文件名含有特殊字符，或缺少必填内容"),
    1430608: Meaning(Rejected, "文件不存在"),
    1430011: Meaning(Rejected, "模板不存在或控件不正确"),
    1430802: Meaning(Misconfigured, "操作人无权限"),
    1435002: Meaning(Rejected, "签署参数不正确"),
    1435011: Meaning(Rejected, "签署流程不存在，或其状态不允许此操作"),
    1435203: Meaning(Rejected, "签署人账号不存在"),
    1435322: Meaning(Rejected, "签署人账号不存在"),
    1435404: Meaning(Rejected, "e签宝合同份额已用完：请购买后重试"),
    1435405: Meaning(Rejected, "e签宝合同份额已用完：请购买后重试"),
    1436116: Meaning(Misconfigured, "企业或个人未授权本应用发起签署"),
    1437103: Meaning(Rejected, "签署流程还未开启"),
    1437112: Meaning(Rejected, "签署流程还未开启"),
    1437113: Meaning(Rejected, "还有签署人未签署"),
    1437114: Meaning(Rejected, "此人不是该流程的签署人：手机号须与发起时一致"),
    1437126: Meaning(Rejected, "流程未发起或已完结，不能催签"),
    1437136: Meaning(Rejected, "签署流程已完结"),
    1437137: Meaning(Rejected, "发起后30分钟内不能催签"),
    1437138: Meaning(Rejected, "10分钟内只能催签一次"),
    1437168: Meaning(Rejected, "签署流程已撤销"),
    1437169: Meaning(Rejected, "签署截止时间已过"),
    1437170: Meaning(Rejected, "还没有人签署"),
    1437201: Meaning(Rejected, "流程不在签署中，不能延期"),
    1437203: Meaning(Rejected, "流程不在签署中，不能撤销"),
    1437306: Meaning(Rejected, "签署区页码超出文档页数"),
    1437328: Meaning(Rejected, "签署人姓名与其实名信息不一致"),
    1437502: Meaning(Rejected, "流程已开启，不能再添加文档"),
    1437511: Meaning(Rejected, "文档不存在"),
    1437513: Meaning(Transient, "文件还在转换，稍后再试"),
    1437518: Meaning(Rejected, "流程还未签署完成，不能下载"),
    1437608: Meaning(Rejected, "签署人超过10个"),
    1439002: Meaning(Rejected, "当前没有需要催签的人"),
    1439100: Meaning(Rejected, "流程还未完成，不能解约"),
    1439106: Meaning(Rejected, "解约发起方不是该流程的签署方"),
    1439107: Meaning(Rejected, "没有可解约的文件"),
    1480011: Meaning(Rejected, "区块链存证记录不存在"),
    1480013: Meaning(Transient, "文件还未上链，稍后再试"),
    1480201: Meaning(Rejected, "出证份额已用完：请购买后重试"),
    1480203: Meaning(Rejected, "申请出证的企业不是该流程的签署方"),
    1480207: Meaning(Rejected, "申请出证的签署流程不存在"),
    1480209: Meaning(Rejected, "没有这个出证编号"),
}
REFUSED = Meaning(Rejected, "e签宝拒绝")
WAIT = timedelta(seconds=10)
HTTP_SERVER_ERRORS = range(500, 600)


def fault_from(code: int, text: str, *, write: bool) -> Fault:
    """`write` False: nothing can have happened, so an unclear answer is only a failed attempt."""
    if code in HTTP_SERVER_ERRORS:
        message = f"e签宝系统繁忙 (busy): {text}"
        return UnknownOutcome(message, str(code)) if write else Transient(message, str(code))
    meaning = FAULTS.get(code, REFUSED)
    message = f"{meaning.advice}：{text}" if text else meaning.advice
    if meaning.fault is Throttled:
        return Throttled(message, str(code), WAIT)
    return meaning.fault(message, str(code))
