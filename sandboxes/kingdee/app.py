"""The site: ways in, the services of DynamicFormService, and what accountants do by hand."""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from sandboxes.common import Act, Row, Sandbox
from sandboxes.common.codes import Code
from sandboxes.kingdee.access import NAMES, Access, LoginRefusedError, hand_over, refused_login, session_of
from sandboxes.kingdee.archive import Archive
from sandboxes.kingdee.bills import Bills
from sandboxes.kingdee.codes import CODES, LOGIN_PREFIX
from sandboxes.kingdee.envelope import UnreadableError, answer, read_body, result, status
from sandboxes.kingdee.forms import FORMS
from sandboxes.kingdee.metadata import Form
from sandboxes.kingdee.screens import DEEDS, SCREENS
from sandboxes.kingdee.seed import ACCOUNT_SET, APPS, DATA_CENTER, USERS, seed
from sandboxes.kingdee.services import Services
from sandboxes.kingdee.signing import GatewayError, UnknownAccountError
from sandboxes.kingdee.words import RefusedError, refuse

log = logging.getLogger(__name__)

SITE = "k3cloud"
SUFFIX = ".common.kdsvc"
STUBS = "kingdee.bos.webapi.servicesstub."
ACCOUNTS = "kingdee.bos.servicefacade.servicesstub.account.accountservice.getdatacenterlist"
ROWS = "executebillquery"
"""The one service whose answer is rows, also when it refuses."""
GATEWAY_STATUS = 519
BROKEN = (TypeError, ValueError, AttributeError, LookupError, ArithmeticError, RecursionError)
"""A value of the wrong shape breaks the product's own code, and its framework says so in a text under 200."""


class KingdeeSandbox(Sandbox):
    name: ClassVar[str] = "kingdee"
    title = "金蝶云星空"
    screens = SCREENS
    codes = CODES
    deeds = DEEDS

    def routes(self) -> list[BaseRoute]:
        return [Route("/{site}/{service:path}", self._serve, methods=["POST"])]

    def credentials(self) -> dict[str, str]:
        return {
            "acct_id": ACCOUNT_SET,
            "user_name": "hub",
            "password": USERS["hub"],
            "app_id": next(iter(APPS)),
            "app_secret": next(iter(APPS.values()))["secret"],
            "bank_account": "6222-DEMO-01",
        }

    def seed(self) -> None:
        seed(Archive(self.books), self._now)

    def put(self, table: str, rows: Mapping[str, Row]) -> None:
        """Documents and base data stand in an index by number too."""
        form = FORMS.get(table.lower())
        if form is None:
            super().put(table, rows)
            return
        for key, row in rows.items():
            if str(row[form.key]) != key or not isinstance(row[form.number], str):
                raise ValueError(f"{table} {key}: {form.key} 须同键，{form.number} 须是文字 (key, number)")
        for row in rows.values():
            self.archive.put(form, row)

    def vendor_error(self) -> Response:
        busy = refuse("单据正在执行业务操作-保存，与其他操作冲突，请稍候再使用。", code=13)
        return answer(result(status(refused=busy)))

    def refusal(self, code: Code, request: Request, body: bytes) -> Response:
        """A login, the gateway, the queries and all else say it differently."""
        if code.status == GATEWAY_STATUS:
            gateway = GatewayError(int(code.code), code.message)
            return JSONResponse(gateway.body(), status_code=GATEWAY_STATUS)
        service = request.url.path.lower().removesuffix(SUFFIX)
        if "authservice." in service:
            kind = int(code.code.removeprefix(LOGIN_PREFIX))
            return answer(refused_login(LoginRefusedError(kind, code.message)))
        refused = result(status(refused=refuse(code.message, code=int(code.code))))
        return answer([[refused]] if service.endswith(ROWS) else refused)

    def expire_sessions(self) -> None:
        self.books.table("sessions").clear()

    def acts(self) -> dict[str, Act]:
        return {
            "delete_bill": self._act_delete,
            "close_period": self._act_close,
            "reopen_period": self._act_reopen,
            "list_bills": self._act_list,
            "check_gateway": self._act_gateway,
        }

    @property
    def access(self) -> Access:
        return Access(self.books, self.clock)

    @property
    def archive(self) -> Archive:
        return Archive(self.books)

    @property
    def bills(self) -> Bills:
        return Bills(self.archive, self.clock, lambda month: month in self.books.table("closed_periods"))

    async def _serve(self, request: Request) -> Response:
        """Nothing is awaited between reading the body and the answer: each call is one step."""
        site, service = request.path_params["site"].lower(), request.path_params["service"].lower()
        if site != SITE or not service.endswith(SUFFIX):
            return HTMLResponse("<html><body>404 - 找不到文件或目录。</body></html>", status_code=404)
        try:
            call = read_body(await request.body(), request.headers.get("content-type", ""))
            return self._call(service.removesuffix(SUFFIX), call, request)
        except UnreadableError as error:
            return PlainTextResponse(str(error), status_code=500)
        except UnknownAccountError as error:
            return PlainTextResponse(f"数据中心[{error}]不存在", status_code=403)
        except GatewayError as error:
            return JSONResponse(error.body(), status_code=GATEWAY_STATUS)

    def _call(self, service: str, call: Row, request: Request) -> Response:
        if service == ACCOUNTS:
            return answer([DATA_CENTER])
        stub, _, method = service.removeprefix(STUBS).partition(".")
        if stub == "authservice" and method in ("logout", *NAMES):
            return self._authenticate(method, call, request)
        bills = self.bills
        run = Services(self.archive, bills, self.books, self.clock).method(method)
        if stub != "dynamicformservice" or run is None:
            return PlainTextResponse(f"response_error:未能找到服务[{service}]")
        session = ""
        try:
            session = self.access.enter(request)
            bills.user = self.access.user(session or session_of(request))
            return hand_over(answer(run(call)), session)
        except BROKEN as error:
            log.warning("%s met what it cannot read: %r", service, error)
            return PlainTextResponse("response_error:未将对象引用设置到对象的实例。")
        except RefusedError as refused:
            wrapped = result(status(refused=refused))
            return hand_over(answer([[wrapped]] if method == ROWS else wrapped), session)

    def _authenticate(self, method: str, call: Row, request: Request) -> Response:
        if method == "logout":
            self.access.logout(session_of(request))
            return answer(True)
        reply, session = self.access.login(method, call)
        return hand_over(answer(reply), session)

    # --- acts of people ------------------------------------------------------------------------------------

    async def _act_delete(self, body: dict[str, Any]) -> dict[str, Any]:
        """An accountant recalls or un-audits the bill as needed and deletes it."""
        form = FORMS[str(body["form"]).lower()]
        (found,) = self.archive.named(form, {"number": body["number"]})
        back = {"B": "撤销", "C": "反审核"}
        try:
            if isinstance(found, RefusedError):
                raise found
            if deed := back.get(found[form.status]):
                self.bills.step(form, found, deed)
            self.bills.delete(form, found)
        except RefusedError as refused:
            raise ValueError(str(refused)) from refused
        return {"deleted": body["number"]}

    async def _act_close(self, body: dict[str, Any]) -> dict[str, Any]:
        month = datetime.strptime(str(body["month"]), "%Y-%m").strftime("%Y-%m")  # noqa: DTZ007
        self.books.table("closed_periods")[month] = {"closed": self._now()}
        return {"closed": month}

    async def _act_reopen(self, body: dict[str, Any]) -> dict[str, Any]:
        return {"reopened": bool(self.books.table("closed_periods").pop(str(body["month"]), None))}

    async def _act_list(self, body: dict[str, Any]) -> dict[str, Any]:
        """Every receivable and receipt, or one form's: what a person sees in the list."""
        names = [str(body["form"])] if "form" in body else ["AR_receivable", "AR_RECEIVEBILL"]
        forms = [FORMS[name.lower()] for name in names]
        return {"bills": [_listed(form, row) for form in forms for row in self.archive.rows(form)]}

    async def _act_gateway(self, body: dict[str, Any]) -> dict[str, Any]:
        """The site stands behind the vendor's gateway, which also checks path and time of signed requests."""
        switches = self.books.table("switches")
        if body["on"]:
            switches["gateway"] = {"since": self._now()}
        else:
            switches.pop("gateway", None)
        return {"on": "gateway" in switches}

    def _now(self) -> str:
        return self.clock.china().replace(tzinfo=None, microsecond=0).isoformat()


def _listed(form: Form, row: Row) -> Row:
    customer, total = (
        ("FCUSTOMERID", "FALLAMOUNTFOR") if "FALLAMOUNTFOR" in row else ("FCONTACTUNIT", "FRECAMOUNTFOR")
    )
    return {
        "form": form.id,
        "id": row[form.key],
        "number": row[form.number],
        "status": row[form.status],
        "customer": row.get(customer, ""),
        "amount": row.get(total, ""),
        "written_off": row.get("FWRITTENOFFSTATUS", ""),
    }
