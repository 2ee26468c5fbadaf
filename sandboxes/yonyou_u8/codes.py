"""Codes and sentences of both doors; [X]: invented, as the real code is not known."""

from sandboxes.common.codes import Code, codes
from sandboxes.yonyou_u8 import words
from sandboxes.yonyou_u8.eai import PATH
from sandboxes.yonyou_u8.eai_vouchers import BAD_LINES

OPEN_API, EAI = "^/(api|system|result)", f"(?i){PATH}"
BUSY_LIMIT = ("10006", "调用过于频繁")  # [X]


def _wrapped(*sentences: str) -> list[tuple[str, str]]:
    return [(words.U8_REFUSED, f"U8 服务调用失败：key='';{sentence};") for sentence in sentences]


CODES: tuple[Code, ...] = (
    *codes(
        [
            words.PLATFORM_ERROR,
            words.BAD_TOKEN,
            words.BAD_APP,
            words.BAD_ACCOUNT,
            words.AGENT_OFFLINE,
            BUSY_LIMIT,
            (words.NOTHING_FOUND, "未检索到匹配的应收单。"),
            ("30021", "此应用未上架，只能由测试账号调用"),
            words.RUNNING,
            *_wrapped(
                words.NO_SALESMAN,
                words.bad_field("clabel"),
                words.NOT_REGISTERED,
                "An error occurred on the server when processing the URL",
                words.MISSING_FIELD,
                words.LOCKED,
                words.CLOSED_PERIOD,
            ),
        ],
        where=OPEN_API,
    ),
    *codes(
        [
            ("101", words.CUSTOMER_EXISTS),
            ("101", "客户[K00017]已经使用！不可删除！"),
            ("101", " 库存启用的第一个月已经月结,不可以增加删除期初! "),
            ("1", words.NOT_OFFERED),
            ("1", words.bad_field("clabel")),
            ("1", words.NO_SALESMAN),
            ("1", words.NOT_REGISTERED),
            ("1", words.UNBALANCED),
            ("1", "第1行的币种与科目不一致"),
            ("1", "项目非法"),
            ("1", BAD_LINES),
            ("1", "加密点数已饱和"),
            ("1", "必须至少选择一个业务范围"),
            ("1", words.CLOSED_PERIOD),
            ("1", "客户编码[K99999]不存在！"),
            ("1", "科目[6001]不是应收系统受控科目！"),
            ("1", "单据编号[AR2503000042]已存在，不可重复！"),
            ("false", words.LOCKED),
        ],
        where=EAI,
    ),
)
