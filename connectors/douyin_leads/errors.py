"""The vendor's codes (they come with HTTP 200), as faults and plain advice."""

from datetime import timedelta

from domain.faults import Fault, Malformed, Misconfigured, Rejected, SessionExpired, Throttled, Transient

GRANT_LOST = {40103, 40107, 40110}
"""The refresh token ran out or was used before: only a person can authorise again."""

_SESSION = {40102, 40105}
_MISCONFIGURED = {
    40002: "账户无权限或角色不对，请检查授权的广告主 (no permission for this account)",
    40101: "应用不是合作方 (bad partner)",
    40103: "授权已过期，请管理员重新授权 (authorise again)",
    40104: "没有带 access token (the access token is empty)",
    40106: "账户登录异常 (account login problem)",
    40107: "授权已失效，请管理员重新授权 (refresh token already used, authorise again)",
    40108: "授权类型错误 (bad grant type)",
    40110: "授权码已过期或已使用，请重新授权 (auth code expired or used)",
    40118: "应用没有此接口权限 (the app is not entitled to this API)",
    40300: "广告主未激活 (advertiser not active)",
    40301: "广告主被封禁 (advertiser blacklisted)",
}


def fault_from(code: int, message: str) -> Fault:
    text = str(code)
    if code in _SESSION:
        return SessionExpired(f"access token 失效: {message}", text)
    if code == 40100:
        return Throttled(f"请求过于频繁 (too frequent): {message}", text, timedelta(seconds=1))
    if 50000 <= code < 60000:
        return Transient(f"对方系统错误 (vendor system error): {message}", text)
    if code in _MISCONFIGURED:
        return Misconfigured(f"{_MISCONFIGURED[code]}: {message}", text)
    if 40000 <= code < 50000:
        return Rejected(f"请求被拒绝 (refused): {message}", text)
    return Malformed(f"未知的返回码 (unknown code): {message}", text)


# The open platform's usual list [U]: the papers of the leads' own call name none.
_OPEN_SESSION = {2190002, 2190008, 10008}
_OPEN_BUSY = {2100004}
_OPEN_THROTTLED = {10020, 2190001}
_OPEN_MISCONFIGURED = {
    10002: "参数错误 (bad parameter)",
    10003: "client_key 不存在 (no such app)",
    10013: "client_key 或 client_secret 错误 (wrong key or secret)",
    2190004: "应用未获得该能力 (the app is not entitled)",
}


def open_fault_from(code: int, message: str) -> Fault:
    text = str(code)
    if code in _OPEN_SESSION:
        return SessionExpired(f"client token 失效: {message}", text)
    if code in _OPEN_THROTTLED:
        return Throttled(f"请求过于频繁 (too frequent): {message}", text, timedelta(seconds=1))
    if code in _OPEN_BUSY:
        return Transient(f"对方系统错误 (vendor system error): {message}", text)
    if code in _OPEN_MISCONFIGURED:
        return Misconfigured(f"{_OPEN_MISCONFIGURED[code]}: {message}", text)
    return Rejected(f"请求被拒绝 (refused): {message}", text)
