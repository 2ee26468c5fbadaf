"""The site: login and sessions, the services of DynamicFormService, and what accountants do by hand."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from sandboxes.common import Act, Row, Sandbox
from sandboxes.kingdee.archive import Archive
from sandboxes.kingdee.bills import Bills
from sandboxes.kingdee.envelope import UnreadableError, answer, read_body, result, status
from sandboxes.kingdee.forms import FORMS, Form
from sandboxes.kingdee.query import run_query
from sandboxes.kingdee.seed import ACCOUNT_SET, USERS, seed
from sandboxes.kingdee.view import view
from sandboxes.kingdee.words import RefusedError, refuse, session_lost

SITE = "k3cloud"
SUFFIX = ".common.kdsvc"
STUBS = "kingdee.bos.webapi.servicesstub."
ACCOUNTS = "kingdee.bos.servicefacade.servicesstub.account.accountservice.getdatacenterlist"
QUERIES = ("executebillquery", "billquery")
IDLE = timedelta(minutes=20)
SESSION = "kdservice-sessionid"


class KingdeeSandbox(Sandbox):
    name: ClassVar[str] = "kingdee"

    def routes(self) -> list[BaseRoute]:
        return [Route("/{site}/{service:path}", self._serve, methods=["POST"])]

    def credentials(self) -> dict[str, str]:
        return {
            "acct_id": ACCOUNT_SET,
            "user_name": "hub",
            "password": USERS["hub"],
            "bank_account": "6222-DEMO-01",
        }

    def seed(self) -> None:
        seed(Archive(self.books), self._now)

    def vendor_error(self) -> Response:
        busy = refuse("单据正在执行业务操作-保存，与其他操作冲突，请稍候再使用。", code=13)
        return answer(result(status(refused=busy)))

    def expire_sessions(self) -> None:
        self.books.table("sessions").clear()

    def acts(self) -> dict[str, Act]:
        return {
            "delete_bill": self._act_delete,
            "close_period": self._act_close,
            "reopen_period": self._act_reopen,
            "list_bills": self._act_list,
        }

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
        except UnreadableError as error:
            return PlainTextResponse(str(error), status_code=500)
        return self._call(service.removesuffix(SUFFIX), call, _session(request))

    def _call(self, service: str, call: Row, session: str) -> Response:
        if service == ACCOUNTS:
            return answer([{"Id": ACCOUNT_SET, "Number": "202601", "Name": "演示账套", "Version": "9.0"}])
        stub, _, method = service.removeprefix(STUBS).partition(".")
        if stub == "authservice":
            return self._authenticate(method, call, session)
        run = self._methods().get(method)
        if stub != "dynamicformservice" or run is None:
            return PlainTextResponse(f"response_error:未能找到服务[{service}]")
        try:
            self._touch(session)
            data = call.get("data")
            form = self.archive.form(call.get("formid"))
            return answer(run(form, data if isinstance(data, dict) else {}))
        except RefusedError as refused:
            reply = result(status(refused=refused))
            return answer([[reply]] if method in QUERIES else reply)

    def _methods(self) -> dict[str, Callable[[Form, Row], object]]:
        return {
            "save": self._save,
            "draft": self._draft,
            "submit": lambda form, data: self._step(form, data, "提交"),
            "audit": lambda form, data: self._step(form, data, "审核"),
            "unaudit": lambda form, data: self._step(form, data, "反审核"),
            "cancelassign": lambda form, data: self._step(form, data, "撤销"),
            "delete": self._delete,
            "view": self._view,
            "executebillquery": lambda form, data: run_query(self.archive, form, data)[1],
            "billquery": self._bill_query,
        }

    # --- login ---------------------------------------------------------------------------------------------

    def _authenticate(self, method: str, call: Row, session: str) -> Response:
        if method == "logout":
            self.books.table("sessions").pop(session, None)
            return answer(True)
        if method != "validateuser":
            return PlainTextResponse(f"response_error:未能找到服务[AuthService.{method}]")
        account, user, password, *_ = [*_login_values(call), "", "", ""]
        if account != ACCOUNT_SET:
            return answer(_refused_login(-1, f"数据中心[{account}]不存在"))
        if not password or USERS.get(user) != password:
            return answer(_refused_login(0, "用户名或密码错误"))
        key = str(uuid.uuid4())
        self.books.table("sessions")[key] = {"user": user, "used": self.clock.now().isoformat()}
        cookie = {"set-cookie": f"{SESSION}={key}; path=/"}
        return answer(_accepted_login(user, key), headers=cookie)

    def _touch(self, session: str) -> None:
        """Twenty minutes without a call end a session."""
        sessions = self.books.table("sessions")
        row = sessions.get(session)
        now = self.clock.now()
        if row is None or now - datetime.fromisoformat(row["used"]) > IDLE:
            sessions.pop(session, None)
            raise session_lost()
        sessions[session] = row | {"used": now.isoformat()}

    # --- services ------------------------------------------------------------------------------------------

    def _save(self, form: Form, data: Row) -> Row:
        row = self.bills.save(form, data)
        key, number = row[form.key], row[form.number]
        wanted = [str(each) for each in data.get("needreturnfields") or ()]
        return result(
            status([(key, number)]), Id=key, Number=number, NeedReturnData=[_returned(form, row, wanted)]
        )

    def _draft(self, form: Form, data: Row) -> Row:
        row = self.bills.save(form, data, draft=True)
        return result(status([(row[form.key], "")]), Id=row[form.key], Number="", NeedReturnData=[{}])

    def _step(self, form: Form, data: Row, deed: str) -> Row:
        done, refused = self._each(form, data, lambda row: self.bills.step(form, row, deed))
        said = [f"单据编号为“{number}”的{form.title}，{deed}成功！" for _, number in done if deed == "审核"]
        return result(status(done, refused=refused, messages=said))

    def _delete(self, form: Form, data: Row) -> Row:
        done, refused = self._each(form, data, lambda row: self.bills.delete(form, row))
        return result(status(done, refused=refused))

    def _each(
        self, form: Form, data: Row, act: Callable[[Row], None]
    ) -> tuple[list[tuple[object, str]], RefusedError | None]:
        """One document's refusal does not stop the others."""
        done: list[tuple[object, str]] = []
        refusals: list[RefusedError] = []
        for found in self.archive.named(form, data):
            try:
                if isinstance(found, RefusedError):
                    raise found
                act(found)
                done.append((found[form.key], found[form.number]))
            except RefusedError as error:
                refusals.append(error)
        if not refusals:
            return done, None
        complaints = [each for refusal in refusals for each in refusal.complaints]
        return done, RefusedError(*complaints, code=refusals[0].code)

    def _view(self, form: Form, data: Row) -> Row:
        (found, *_) = self.archive.named(form, data)
        if isinstance(found, RefusedError):
            raise found
        return result(status(), Result=view(self.archive, form, found))

    def _bill_query(self, form: Form, data: Row) -> list[Row]:
        names, rows = run_query(self.archive, form, data)
        return [dict(zip(names, row, strict=True)) for row in rows]

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

    def _now(self) -> str:
        return self.clock.china().replace(tzinfo=None, microsecond=0).isoformat()


def _session(request: Request) -> str:
    """Header alone works, cookie alone works."""
    return request.headers.get(SESSION) or request.cookies.get(SESSION, "")


def _login_values(call: Row) -> list[str]:
    named = [call.get(key) for key in ("acctid", "username", "password")]
    return [str(value) for value in call.get("positional") or named if value is not None]


def _refused_login(kind: int, message: str) -> Row:
    empty = {"Context": None, "KDSVCSessionId": None, "FormId": None, "IsSuccessByAPI": False}
    return {"Message": message, "MessageCode": "", "LoginResultType": kind} | empty


def _accepted_login(user: str, session: str) -> Row:
    """MessageCode speaks of the password policy although all is well: so does the product."""
    context = {
        "UserLocale": "zh-CN",
        "DBid": ACCOUNT_SET,
        "UserName": user,
        "DataCenterName": "演示账套",
        "CurrentOrganizationInfo": {"ID": 100001, "AcctOrgType": "1", "Name": "示例集团"},
    }
    return {
        "Message": None,
        "MessageCode": "CheckPasswordPolicy",
        "LoginResultType": 1,
        "Context": context,
        "KDSVCSessionId": session,
        "FormId": None,
        "IsSuccessByAPI": True,
    }


def _returned(form: Form, row: Row, wanted: list[str]) -> Row:
    """NeedReturnFields: entry fields nest under the key of their entity."""
    found: Row = {}
    for name in wanted:
        head, _, below = name.partition(".")
        if entity := form.entity(head):
            lines: list[Row] = found.setdefault(entity.key, [{} for _ in row[entity.key]])
            for line, source in zip(lines, row[entity.key], strict=True):
                line[below] = source.get(below)
        elif head in row:
            found[head] = row[head]
    return found


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
