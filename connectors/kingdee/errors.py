"""What the WebAPI's refusals mean for us: by MsgCode and by words, the first rule that fits decides.

HTTP is 200 and ErrorCode 500 in every case. A refusal that no rule knows is for a person to read.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from domain.faults import Fault, Misconfigured, Rejected, SessionExpired, Throttled, Transient, UnknownOutcome


@dataclass(eq=False)
class NumberUsed(Rejected):
    """The number that we chose is taken: most likely by our own earlier call. Never leaves the connector."""


@dataclass(eq=False)
class AlreadyDone(Rejected):
    """The document is not in the state that this step starts from. Never leaves the connector."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Fits by MsgCode (None: any) and by a pattern in the words (empty: any)."""

    code: int | None
    pattern: str
    fault: type[Fault]
    advice: str


RULES = (
    Rule(1, "", SessionExpired, "会话已失效"),
    Rule(None, r"会话信息已丢失|会话超时|未登录|ctx == null", SessionExpired, "会话已失效"),
    Rule(13, "", Transient, "单据正被他人操作，稍后再试"),
    Rule(None, r"冲突，请稍候再使用", Transient, "单据正被他人操作，稍后再试"),
    Rule(None, r"已被其他用户修改", Transient, "单据刚被他人改过，稍后再试"),
    Rule(14, "", Throttled, "调用次数超限"),
    Rule(None, r"编码唯一.*已经被使用", NumberUsed, "编号已被使用"),
    Rule(None, r"单据已经审核|才允许(提交|审核)", AlreadyDone, "单据状态已变"),
    Rule(None, r"已结账|已关账|结账期间", Rejected, "单据日期所在期间已结账：请财务改期或反结账"),
    Rule(None, r"是否继续", Rejected, "金蝶要求人工确认：请财务在客户端处理"),
    Rule(None, r"可疑数据", Rejected, "请求被金蝶前面的防火墙拦截：请 IT 放行"),
    Rule(2, "", Misconfigured, "接口用户没有权限"),
    Rule(None, r"您没有.*权限", Misconfigured, "接口用户没有权限"),
    Rule(7, "", Misconfigured, "金蝶许可有问题"),
    Rule(15, "", Misconfigured, "不能用管理员账号登录接口"),
    Rule(9, "", Misconfigured, "账套里没有这个字段：请检查映射"),
    Rule(None, r"业务对象不存在|实体不存在此属性", Misconfigured, "账套里没有这个单据或属性"),
    Rule(6, "", UnknownOutcome, "金蝶数据库出错，结果不明"),
    Rule(None, r"必录字段|必填", Rejected, "缺少金蝶必录的字段：请检查映射"),
    Rule(None, r"基础资料.*不存在|不存在、未审核或已禁用", Rejected, "引用的基础资料在金蝶里不可用"),
    Rule(None, "", Rejected, "金蝶拒绝"),
)

LOGIN_REFUSALS = {
    0: "用户名或密码不对（不要反复重试，账号会被锁）",
    -1: "登录失败",
    -2: "密码策略要求修改密码",
    -3: "密码策略强制修改密码",
    -4: "登录有警告，没有得到会话",
    -5: "登录需要先在客户端处理提示",
    -6: "云通行证未绑定",
    -7: "许可未激活",
}


def fault_from(code: int, sentences: Sequence[str], fields: Sequence[str], *, write: bool) -> Fault:
    """`write` False: nothing can have happened, so an unclear answer is only a failed attempt."""
    words = "；".join(sentence for sentence in sentences if sentence)
    rule = next(
        rule for rule in RULES if rule.code in (None, code) and re.search(rule.pattern, words, re.DOTALL)
    )
    message, text = f"{rule.advice}：{words}" if words else rule.advice, str(code)
    if issubclass(rule.fault, Rejected):
        return rule.fault(message, text, tuple(field for field in fields if field))
    if rule.fault is UnknownOutcome and not write:
        return Transient(message, text)
    return rule.fault(message, text)


def login_refused(kind: int, message: str) -> Misconfigured:
    advice = LOGIN_REFUSALS.get(kind, "登录被拒绝")
    return Misconfigured(f"{advice}：{message}" if message else advice, f"LoginResultType {kind}")


def signature_refused(refusal: Fault) -> Misconfigured:
    return Misconfigured(
        f"应用签名未被接受，请检查 app_id、app_secret、用户与账套：{refusal.message}", refusal.code
    )
