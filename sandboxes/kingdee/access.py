"""The ways in: four logins that open a session, or a signature in the headers of each request."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

from sandboxes.common import Books, Clock, Row
from sandboxes.kingdee import signing
from sandboxes.kingdee.seed import ACCOUNT_SET, APPS, DATA_CENTER, PASSPORTS, USERS
from sandboxes.kingdee.words import session_lost

IDLE = timedelta(minutes=20)
SESSION = "kdservice-sessionid"

NAMES = {
    "validateuser": ("acctid", "username", "password", "lcid"),
    "loginbyappsecret": ("acctid", "username", "appid", "appsecret", "lcid"),
    "loginbysign": ("acctid", "username", "appid", "timestamp", "sign", "lcid"),
    "loginbysimplepassport": ("passportforbase64", "lcid"),
}
"""Parameters of each login, in the order of the positional form."""


LICENCE_WARNING = -4
TIME_ZONE = {"OffsetTicks": 288_000_000_000, "StandardName": "(UTC+08:00)"}
EMPTY_LOGIN: Row = {
    "Message": None,
    "MessageCode": "",
    "LoginResultType": 0,
    "Context": None,
    "KDSVCSessionId": None,
    "FormId": None,
    "RedirectFormParam": None,
    "FormInputObject": None,
    "ErrorStackTrace": None,
    "Lcid": 0,
    "AccessToken": None,
    "CustomParam": {},
    "KdAccessResult": None,
    "IsSuccessByAPI": True,
}
"""The keys of every answer to a login."""


class LoginRefusedError(Exception):
    def __init__(self, kind: int, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Access:
    def __init__(self, books: Books, clock: Clock) -> None:
        self._books = books
        self._sessions = books.table("sessions")
        self._clock = clock
        self._checks: dict[str, Callable[[Row], str]] = {
            "validateuser": _check_password,
            "loginbyappsecret": _check_app_secret,
            "loginbysign": self._check_app_sign,
            "loginbysimplepassport": _check_passport,
        }
        """Each gives the user, or raises LoginRefusedError."""

    def login(self, method: str, call: Row) -> tuple[Row, str]:
        """The answer, and the session that it opened, if any."""
        positional = dict(zip(NAMES[method], call.get("positional") or (), strict=False))
        given = {name: str((call | positional).get(name) or "") for name in NAMES[method]}
        try:
            user = self._checks[method](given)
        except LoginRefusedError as refused:
            return refused_login(refused), ""
        session = self._open(user)
        return _accepted_login(user, session), session

    def logout(self, session: str) -> None:
        self._sessions.pop(session, None)

    def enter(self, request: Request) -> str:
        """A live session enough; without one a signature opens a new one, whose id is returned.

        Raises the refusal "session lost", GatewayError or UnknownAccountError.
        """
        signed = "x-kd-appkey" in request.headers or "x-api-clientid" in request.headers
        if signed and "gateway" in self._books.table("switches"):
            signing.check_gateway(request, self._clock.now())
        if self._touch(session_of(request)):
            return ""
        if not signed:
            raise session_lost()
        try:
            return self._open(signing.user_of(request))
        except signing.SignatureError as error:
            raise session_lost() from error

    def user(self, session: str) -> str:
        return str(self._sessions[session]["user"])

    def _touch(self, session: str) -> bool:
        """Twenty minutes without a call end a session."""
        row, now = self._sessions.get(session), self._clock.now()
        if row is None or now - datetime.fromisoformat(row["used"]) > IDLE:
            self._sessions.pop(session, None)
            return False
        self._sessions[session] = row | {"used": now.isoformat()}
        return True

    def _open(self, user: str) -> str:
        session = str(uuid.uuid4())
        self._sessions[session] = {"user": user, "used": self._clock.now().isoformat()}
        return session

    def _check_app_sign(self, given: Row) -> str:
        secret = _app(given)["secret"]
        parts = [given[name] for name in ("acctid", "username", "appid", "timestamp")]
        if given["sign"] != signing.login_signature(*parts, secret):
            raise LoginRefusedError(-1, "第三方登录签名验证失败")
        if not signing.recent(given["timestamp"], self._clock.now()):
            raise LoginRefusedError(-1, "第三方登录签名已过期")
        return _user(given)


def session_of(request: Request) -> str:
    """Header alone works, cookie alone works."""
    return request.headers.get(SESSION) or request.cookies.get(SESSION, "")


def hand_over(response: Response, session: str) -> Response:
    """The first answer of a session brings it as a cookie."""
    if session:
        response.set_cookie(SESSION, session, path="/", samesite=None)
        response.set_cookie("ASP.NET_SessionId", session[:8], path="/", httponly=True, samesite=None)
    return response


def _user(given: Row) -> str:
    return str(given["username"])


def _check_account(given: Row) -> None:
    if given["acctid"] != ACCOUNT_SET:
        raise LoginRefusedError(-1, f"数据中心[{given['acctid']}]不存在")


def _check_password(given: Row) -> str:
    _check_account(given)
    if not given["password"] or USERS.get(given["username"]) != given["password"]:
        raise LoginRefusedError(0, "用户名或密码错误")
    return _user(given)


def _check_app_secret(given: Row) -> str:
    if _app(given)["secret"] != given["appsecret"]:
        raise LoginRefusedError(-1, "第三方应用的密钥不正确")
    return _user(given)


def _check_passport(given: Row) -> str:
    user = PASSPORTS.get(given["passportforbase64"])
    if user is None:
        raise LoginRefusedError(-1, "集成密钥不正确")
    return user


def _app(given: Row) -> Row:
    _check_account(given)
    app = APPS.get(given["appid"])
    if app is None:
        raise LoginRefusedError(-1, f"第三方应用[{given['appid']}]未授权")
    if given["username"] not in app["users"]:
        raise LoginRefusedError(
            -1, f"第三方应用：{app['name']} 不允许用户{given['username']} 登录，请联系系统管理员"
        )
    return app


def refused_login(refused: LoginRefusedError) -> Row:
    """IsSuccessByAPI stays true; a warning about the licence names the form that shows it."""
    form = "BOS_CloudInspection" if refused.kind == LICENCE_WARNING else None
    said = {"Message": str(refused), "MessageCode": "", "LoginResultType": refused.kind, "FormId": form}
    return EMPTY_LOGIN | said


def _accepted_login(user: str, session: str) -> Row:
    """MessageCode speaks of the password policy although all is well: so does the product."""
    context = {
        "UserLocale": "zh-CN",
        "LogLocale": "zh-CN",
        "DBid": ACCOUNT_SET,
        "DatabaseType": 3,
        "SessionId": session[:8],
        "UseLanguages": [{"LocaleId": 2052, "LocaleName": "中文(简体)", "Alias": "CN"}],
        "UserId": 100001 + list(USERS).index(user),
        "UserName": user,
        "CustomName": "示例集团",
        "DisplayVersion": DATA_CENTER["Version"],
        "DataCenterName": DATA_CENTER["Name"],
        "UserToken": str(uuid.uuid4()),
        "CurrentOrganizationInfo": {
            "ID": 100001,
            "AcctOrgType": "1",
            "Name": "示例集团",
            "FunctionIds": [101, 102, 103],
        },
        "IsCH_ZH_AutoTrans": False,
        "ClientType": 32,
        "WeiboAuthInfo": {},
        "UTimeZone": TIME_ZONE,
        "STimeZone": TIME_ZONE,
        "GDCID": DATA_CENTER["GDCID"],
        "Gsid": None,
        "TRLevel": 0,
        "ProductEdition": 0,
        "DataCenterNumber": DATA_CENTER["Number"],
        "ContextResultType": 0,
        "TenantId": "",
        "IsDeployAsPublicCloud": False,
    }
    accepted = {"MessageCode": "CheckPasswordPolicy", "LoginResultType": 1}
    return EMPTY_LOGIN | accepted | {"Context": context, "KDSVCSessionId": session}
