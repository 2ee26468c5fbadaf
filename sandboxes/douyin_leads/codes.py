"""Codes of the open API (HTTP 200), of the open platform [U], and the words of the legacy pull."""

from sandboxes.common.codes import Code, codes
from sandboxes.douyin_leads import legacy

OPEN_API, OPEN_PLATFORM = "^/open_api/", "^/(goodlife|oauth)/"

CODES: tuple[Code, ...] = (
    *codes(
        [
            ("40001", "page_size: Not a valid integer."),
            ("40002", "Account 1700000000000009 doesn't exist or the role is wrong"),
            ("40003", "filtering: no such field."),
            ("40100", "Too many requests. Please retry later."),
            ("40101", "Partner is not valid."),
            ("40102", "The access_token has expired."),
            ("40103", "The refresh_token has expired."),
            ("40104", "The access_token is empty."),
            ("40105", "The access_token is invalid."),
            ("40106", "The account cannot log in."),
            ("40107", "The refresh_token is invalid."),
            ("40108", "The grant_type is invalid."),
            ("40110", "auth_code已过期，请重新授权"),
            ("40118", "The app has no permission for this API."),
            ("40300", "The advertiser is not active."),
            ("40301", "The advertiser is in the blacklist."),
            ("50000", "系统开小差，请稍后再试"),
            ("51010", "系统开小差，请稍后再试"),
        ],
        where=OPEN_API,
    ),
    *codes(
        [
            ("10002", "参数错误"),
            ("10003", "client_key 不存在"),
            ("10008", "access_token 无效"),
            ("10013", "client_key 或 client_secret 错误"),
            ("10020", "请求过于频繁"),
            ("2100004", "系统繁忙，此时请开发者稍候再试"),
            ("2190001", "quota 已用完"),
            ("2190002", "access_token 无效"),
            ("2190004", "应用未获得该能力"),
            ("2190008", "access_token 过期"),
        ],
        where=OPEN_PLATFORM,
    ),
    *codes(
        [
            ("-2", "token error"),
            ("-2", "timestamp error"),
            ("-2", "signature error"),
            ("fail", "page error"),
            ("fail", "time error"),
        ],
        where=legacy.PATH,
    ),
)
