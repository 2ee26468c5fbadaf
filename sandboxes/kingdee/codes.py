"""MsgCode of every answer, LoginResultType of a login, and the codes of the gateway in front."""

from sandboxes.common.codes import Code, codes

LOGIN, GATEWAY = "(?i)authservice", "(?i)kdsvc"
SERVICES = "(?i)dynamicformservice"
LOGIN_PREFIX = "LoginResultType "

CODES: tuple[Code, ...] = (
    *codes(
        [
            ("1", "会话信息已丢失，请重新登录"),
            ("2", "您没有“应收单”的“保存”权限，请联系系统管理员"),
            ("3", "操作编码不能为空"),
            ("4", "业务对象不存在"),
            ("4", "实体不存在此属性！[EntityType：AR_receivable]"),
            ("5", "业务对象标识不能为空"),
            ("6", "数据库操作失败"),
            ("7", "许可校验失败"),
            ("8", "编码值或内码值必须传其一"),
            ("9", "元数据中标识为F_NOT_HERE的字段不存在"),
            ("10", "应收单[YS-HUB-000317]不存在"),
            ("11", "违反字段唯一性要求：编码唯一。[YS-HUB-000317]在当前系统中已经被使用。"),
            ("11", "字段[客户]是必录字段"),
            ("11", "更新库存时出现可以忽略的异常数据，是否继续？"),
            ("11", "单据编号为“YS-HUB-000317”的应收单，单据已经审核！"),
            ("11", "单据编号为“YS-HUB-000317”的应收单，只有暂存、创建和重新审核的数据才允许提交！"),
            ("11", "已被其他用户修改"),
            ("12", "当前状态不允许此操作"),
            ("13", "单据正在执行业务操作-保存，与其他操作冲突，请稍候再使用。"),
            ("14", "接口调用次数超过限制"),
            ("15", "不允许使用管理员账号登录"),
        ],
        where=SERVICES,
    ),
    *codes(
        [
            (f"{LOGIN_PREFIX}0", "用户名或密码错误"),
            (f"{LOGIN_PREFIX}-1", "登录失败"),
            (f"{LOGIN_PREFIX}-2", "密码策略要求修改密码"),
            (f"{LOGIN_PREFIX}-3", "密码策略强制修改密码"),
            (f"{LOGIN_PREFIX}-4", "登录有警告"),
            (f"{LOGIN_PREFIX}-5", "登录需要处理提示"),
            (f"{LOGIN_PREFIX}-6", "云通行证未绑定"),
            (f"{LOGIN_PREFIX}-7", "许可未激活"),
        ],
        where=LOGIN,
    ),
    *codes(
        [
            ("4002", "Unauthorized, APP_ID is empty"),
            ("4003", "Unauthorized, signature is not valid"),
            ("4006", "Unauthorized, timestamp is expired"),
            ("5001", "unknown API"),
        ],
        status=519,
        where=GATEWAY,
    ),
)
