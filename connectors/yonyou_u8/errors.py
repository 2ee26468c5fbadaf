"""What U8's codes and sentences mean for us. No complete table is published: the first that fits counts.

A code that nobody has seen yet, with a sentence that no rule knows, is a refusal: a person reads it.
"""

import re
from dataclasses import dataclass
from datetime import timedelta

from domain.faults import Fault, Misconfigured, Rejected, SessionExpired, Throttled, Transient, UnknownOutcome

OK = "0"
NOTHING_FOUND = "20002"
U8_REFUSED = "20005"
RUNNING = "30025"


@dataclass(frozen=True, slots=True)
class Rule:
    """Fits by code and by a pattern in the sentence; an empty one fits all."""

    code: str
    pattern: str
    fault: type[Fault]
    advice: str


RULES = (
    Rule("10001", "", UnknownOutcome, "用友平台出错，结果不明"),
    Rule(RUNNING, "", UnknownOutcome, "U8 还在执行上一次提交"),
    Rule("30021", "", Misconfigured, "应用未上架，只能由测试账号调用"),
    Rule(U8_REFUSED, "其他人正在修改", Transient, "单据正被他人打开，稍后再试"),
    Rule(U8_REFUSED, "An error occurred on the server", UnknownOutcome, "U8 服务器出错，结果不明"),
    Rule(U8_REFUSED, "加密点数已饱和", Transient, "U8 许可点数用完，稍后再试"),
    Rule(U8_REFUSED, "注册号不正确", Misconfigured, "U8 服务器上的外部系统注册号不对"),
    Rule(U8_REFUSED, "暂不提供此项功能", Misconfigured, "这个版本的 U8 不提供这项功能"),
    Rule(U8_REFUSED, "已结账", Rejected, "单据日期所在期间已结账：请财务改期或反结账"),
    Rule(U8_REFUSED, "业务员不合法", Rejected, "业务员不存在，或在 U8 里不是业务员"),
    Rule(U8_REFUSED, "借贷不平", Rejected, "分录之和与单据金额不等：请检查映射"),
    Rule(U8_REFUSED, "数据库没有提供的字段", Rejected, "字段名或格式不被 U8 接受：请检查映射"),
    Rule(U8_REFUSED, "未找到项目", Rejected, "缺少 U8 必填的字段：请检查映射"),
    Rule(U8_REFUSED, "受控科目", Misconfigured, "科目的受控属性不对：请检查连接里的科目"),
    Rule(
        U8_REFUSED, r"(操作员|结算方式|科目|部门).*不存在", Misconfigured, "连接里的基础档案编码在 U8 不存在"
    ),
    Rule(U8_REFUSED, "", Rejected, "U8 拒绝了这张单据"),
    # The codes of the next conditions are unknown; only their sentences can be guessed.
    Rule("", r"(?i)token|令牌", SessionExpired, "令牌失效"),
    Rule("", r"(?i)频率|限流|过于频繁|too many", Throttled, "调用过快"),
    Rule("", r"未连接|离线|连接失败", Transient, "企业 U8 服务器上的开放平台客户端不在线"),
    Rule("", r"(?i)app_?key|app_?secret|account|未授权|未上架|过期", Misconfigured, "账号或应用不对"),
    Rule("", "", Rejected, "用友平台拒绝"),
)
_KEY = re.compile(r"^U8 服务调用失败：key='[^']*';(.*?);?\s*$", re.DOTALL)
_FIELD = re.compile(r"字段\((\w+)\)")


def fault_from(code: str, text: str, *, write: bool) -> Fault:
    """`write` False: nothing can have happened, so an unclear answer is only a failed attempt."""
    inner = _KEY.match(text)
    sentence = (inner.group(1) if inner else text).strip()
    return _fault(code, sentence, _rule(code, sentence), write=write)


def item_fault(succeed: str, text: str, *, write: bool) -> Fault:
    """The XML door's item: the same sentences of the same U8, under a code that says only "not zero"."""
    sentence = text.strip()
    return _fault(f"succeed={succeed}", sentence, _rule(U8_REFUSED, sentence), write=write)


def _rule(code: str, sentence: str) -> Rule:
    return next(rule for rule in RULES if rule.code in ("", code) and re.search(rule.pattern, sentence))


def _fault(code: str, sentence: str, rule: Rule, *, write: bool) -> Fault:
    message = f"{rule.advice}：{sentence}" if sentence else rule.advice
    if rule.fault is Rejected:
        return Rejected(message, code, tuple(_FIELD.findall(sentence)))
    if rule.fault is Throttled:
        return Throttled(message, code, timedelta(seconds=5))
    if rule.fault is UnknownOutcome and not write:
        return Transient(message, code)
    return rule.fault(message, code)
