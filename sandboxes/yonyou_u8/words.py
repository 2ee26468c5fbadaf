"""The vendor's codes and sentences. Codes marked [X] are invented: the real ones are not known."""

SUCCESS = "0"
PLATFORM_ERROR = ("10001", "平台错误")
BAD_TOKEN = ("10002", "token无效或已过期")  # [X]
BAD_APP = ("10003", "app_key不正确")  # [X]
BAD_ACCOUNT = ("10004", "to_account不存在或未授权")  # [X]
AGENT_OFFLINE = ("10005", "企业客户端未连接")  # [X]
BAD_TRADE = ("10007", "tradeid与biz_id必须且只能传入一个有效值")  # [X]
BAD_REQUEST = ("10008", "请求参数格式不正确")  # [X]
NO_SUCH_CALL = ("10009", "接口不存在")  # [X]
NO_SUCH_SOURCE = ("10011", "数据源不存在")  # [X]
NOTHING_FOUND = "20002"
U8_REFUSED = "20005"
RUNNING = ("30025", "操作正在执行")

MISSING_FIELD = "在对应所需名称或序数的集合中,未找到项目"
NO_SALESMAN = "该业务员不合法,请重新输入。"
UNBALANCED = "借贷不平，不能保存。"
LOCKED = "其他人正在修改"
CLOSED_PERIOD = "单据日期所在会计期间已结账，不能保存！"
CUSTOMER_EXISTS = "客户编码已经存在，不可重复！"
NOT_REGISTERED = "注册号不正确!"
NOT_OFFERED = "暂不提供此项功能"
NO_WORKFLOW = "单据没有启用工作流，不能审批！"  # [X]
OVERFLOW = "将 numeric 转换为数据类型 numeric 时出现算术溢出错误。"
UPLOADED_BEFORE = "数据重复上传"


def bad_field(name: str) -> str:
    return f"数据库没有提供的字段({name})! 或者提供该字段的值格式不正确!"


class PlatformError(Exception):
    """The gateway itself answers with an error code."""

    def __init__(self, error: tuple[str, str]) -> None:
        super().__init__(*error)
        self.errcode, self.errmsg = error


class Refusal(Exception):
    """U8 understood and refuses; both doors wrap the sentence in their own envelope."""

    def __init__(self, text: str, *, key: str = "") -> None:
        super().__init__(text)
        self.text = text
        self.key = key
