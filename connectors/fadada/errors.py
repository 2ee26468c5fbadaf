"""What 法大大's codes mean for us. An unlisted code goes by its series; others break the protocol."""

from dataclasses import dataclass

from domain.faults import Fault, Malformed, Misconfigured, Rejected, SessionExpired, Transient, UnknownOutcome

OK = "100000"
TOKEN_REFUSED = "100002"  # noqa: S105  # a code
STATE_FORBIDS = "211126"


@dataclass(frozen=True, slots=True)
class Meaning:
    fault: type[Fault]
    advice: str


FAULTS = {
    "100001": Meaning(Misconfigured, "应用不被接受或请求已过期：请检查AppId和服务器时间"),
    TOKEN_REFUSED: Meaning(SessionExpired, "访问凭证失效"),
    # Not published; the texts and numbers of the next ones are an assumption [U].
    "100003": Meaning(Misconfigured, "签名不被接受：请检查AppSecret"),
    "100011": Meaning(Rejected, "签署参数不正确"),
    "100012": Meaning(Misconfigured, "缺少请求头"),
    "100013": Meaning(Transient, "请求重复，稍后再试"),
    "100016": Meaning(Misconfigured, "服务器IP不在白名单：请在法大大开放平台添加"),
    "100099": Meaning(UnknownOutcome, "法大大系统繁忙 (busy)"),
    "211055": Meaning(Rejected, "签署任务不是创建状态"),
    "211056": Meaning(Rejected, "签署任务没有文档"),
    "211058": Meaning(Rejected, "法大大签署份额已用完：请购买后重试"),
    "211066": Meaning(Rejected, "此人不是该任务的参与方：手机号须与发起时一致"),
    "211096": Meaning(Rejected, "文件不存在"),
    "211108": Meaning(Rejected, "缺少签署顺序"),
    "211118": Meaning(Misconfigured, "自动盖章需要免验证签场景码"),
    STATE_FORBIDS: Meaning(Rejected, "签署任务当前状态不允许此操作"),
    "211145": Meaning(Rejected, "签署任务没有文档"),
    "211146": Meaning(Rejected, "签署任务没有签署方"),
    "211161": Meaning(Rejected, "签署任务没有签署方"),
}
SERIES = {
    "21": Meaning(Rejected, "法大大拒绝"),
    "10": Meaning(Misconfigured, "法大大网关拒绝：请检查应用的配置和权限"),
}


def fault_from(code: str, text: str, *, write: bool) -> Fault:
    """`write` False: nothing can have happened, so an unclear answer is only a failed attempt."""
    series = SERIES.get(code[:2]) if len(code) == len(OK) else None
    meaning = FAULTS.get(code) or series
    if meaning is None:
        return Malformed(f"未知的错误码 (unknown code): {text}", code)
    message = f"{meaning.advice}：{text}" if text else meaning.advice
    if meaning.fault is UnknownOutcome and not write:
        return Transient(message, code)
    return meaning.fault(message, code)
