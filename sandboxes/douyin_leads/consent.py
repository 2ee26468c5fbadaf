"""The page on which an operator authorises the app; the code comes back with the browser."""

from collections.abc import Callable, Mapping
from urllib.parse import urlencode, urlsplit

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from sandboxes.common.markup import both, tag
from sandboxes.douyin_leads.grants import APP_ID

PATH = "/openapi/audit/oauth.html"


def consent(request: Request, authorize: Callable[[], str]) -> Response:
    """Shown by GET, agreed to by POST at the same address. The names that come back are [U]."""
    query = request.query_params
    if wrong := _wrong(query):
        return _page("无法授权", "cannot authorise", tag("p", wrong), status=400)
    if request.method == "POST":
        return RedirectResponse(_back(query, authorize()), status_code=302)
    box = "（含敏感物料）" if query.get("material_auth") == "1" else ""
    agree = tag("form", tag("button", both("同意授权", "authorise")), method="post")
    return _page("授权应用", "authorise an app", tag("p", f"应用 {APP_ID} 申请访问线索{box}"), agree)


def _wrong(query: QueryParams) -> str | None:
    if query.get("app_id") != APP_ID:
        return "应用不存在 (no such app_id)"
    try:
        scheme = urlsplit(query.get("redirect_uri", "")).scheme
    except ValueError:
        scheme = ""
    return None if scheme in ("http", "https") else "回调地址不可用 (no usable redirect_uri)"


def _back(query: Mapping[str, str], code: str) -> str:
    address = urlsplit(query["redirect_uri"])
    given = urlencode({"state": query.get("state", ""), "auth_code": code})
    return address._replace(query=f"{address.query}&{given}".lstrip("&")).geturl()


def _page(chinese: str, english: str, *inside: object, status: int = 200) -> Response:
    shown = tag("html", tag("title", chinese), tag("h1", both(chinese, english)), *inside, lang="zh-CN")
    return HTMLResponse(f"<!doctype html>{shown}", status_code=status)
