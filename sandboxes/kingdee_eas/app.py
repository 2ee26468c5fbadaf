"""The services under /ormrpc/services: their descriptions, login, and the imports that need it."""

import uuid
from datetime import datetime
from typing import Any, ClassVar
from xml.sax.saxutils import escape

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sandboxes.common import Act, Sandbox
from sandboxes.common.codes import Code
from sandboxes.kingdee_eas import soap
from sandboxes.kingdee_eas.codes import CODES
from sandboxes.kingdee_eas.ledger import Ledger, RefusedError
from sandboxes.kingdee_eas.screens import DEEDS, SCREENS
from sandboxes.kingdee_eas.soap import Bean, Call, FaultError
from sandboxes.kingdee_eas.wsdl import ANSWER, BEAN_NS, SERVICES, describe

USERS = {"hub": "hub-demo-pass"}
SOLUTION, DATA_CENTER = "eas", "DC01"
COOKIE = "JSESSIONID"
LOGIN_PARTS = (6, 7, 8)
"""The three overloads of login."""


class KingdeeEasSandbox(Sandbox):
    name: ClassVar[str] = "kingdee_eas"
    title = "金蝶 EAS"
    screens = SCREENS
    codes = CODES
    deeds = DEEDS

    def routes(self) -> list[BaseRoute]:
        place = "/ormrpc/services/{service}"
        return [Route(place, self._describe, methods=["GET"]), Route(place, self._serve, methods=["POST"])]

    def credentials(self) -> dict[str, str]:
        return {
            "user_name": "hub",
            "password": USERS["hub"],
            "solution": SOLUTION,
            "data_center": DATA_CENTER,
            "company": "01",
        }

    def seed(self) -> None:
        """Base data is fixed: see ledger.py."""

    def vendor_error(self) -> Response:
        return soap.busy()

    def refusal(self, code: Code, request: Request, body: bytes) -> Response:
        return soap.fault(code.message, code=code.code)

    def expire_sessions(self) -> None:
        self.books.table("sessions").clear()

    def acts(self) -> dict[str, Act]:
        return {"close_period": self._act_close, "reopen_period": self._act_reopen}

    async def _describe(self, request: Request) -> Response:
        service = request.path_params["service"]
        if service not in SERVICES:
            return Response("<h2>AXIS error</h2>", status_code=404, media_type="text/html")
        url = f"http://{request.headers['host']}{request.url.path}"
        return Response(describe(service, url), media_type="text/xml; charset=utf-8")

    async def _serve(self, request: Request) -> Response:
        try:
            if "soapaction" not in request.headers:
                raise FaultError("no SOAPAction header!")
            call = soap.read_call(await request.body())
            return self._call(request.path_params["service"], call, request)
        except FaultError as error:
            return soap.fault(str(error))

    def _call(self, service: str, call: Call, request: Request) -> Response:
        _, namespace, operations = SERVICES.get(service, ("", "", ()))
        if call.namespace != namespace or call.operation not in {name for name, _, _ in operations}:
            raise FaultError(f"No such operation '{call.operation}'")
        if call.operation == "login":
            return self._login(call)
        session = call.session or request.cookies.get(COOKIE, "")
        if call.operation == "logout":
            return soap.scalar(call, "boolean", str(self._logout(session, call)).lower())
        if session not in self.books.table("sessions"):
            raise FaultError("com.kingdee.bos.webservice.WSInvokeException: 用户未登录或会话已失效")
        if call.operation == "submit":
            return self._submit(call)
        return self._import(call)

    def _login(self, call: Call) -> Response:
        """A refused login answers normally, without a session."""
        texts = call.texts()
        if len(texts) not in LOGIN_PARTS:
            raise FaultError("No such operation 'login'")
        user, password, solution, data_center, language, database, *_ = texts
        known = bool(password) and USERS.get(user) == password
        accepted = (
            known and (solution, data_center) == (SOLUTION, DATA_CENTER) and language in ("L1", "L2", "L3")
        )
        if not (database or "0").isdecimal():
            raise FaultError(f'java.lang.NumberFormatException: For input string: "{database}"')
        session = str(uuid.uuid4()) if accepted else None
        if session:
            self.books.table("sessions")[session] = {"user": user, "since": self.clock.now().isoformat()}
        fields: Bean = {
            "dbType": int(database or 0),
            "dcName": data_center,
            "password": None,
            "sessionId": session,
            "slnName": solution,
            "userName": user,
        }
        response = soap.bean(call, "WSContext", "urn:client", fields)
        if session:
            response.set_cookie(COOKIE, session, path="/", samesite=None)
        return response

    def _logout(self, session: str, call: Call) -> bool:
        """The session that is named, or else all of the user."""
        sessions = self.books.table("sessions")
        user = "".join(call.texts()[:1])
        named = {session} if session else {key for key, row in sessions.items() if row["user"] == user}
        ended = named & sessions.keys()
        for key in ended:
            del sessions[key]
        return bool(ended)

    def _import(self, call: Call) -> Response:
        """importVoucher's two overloads: four parts with a temporary save or not, three with a state."""
        bare = call.operation == "importVoucher"
        if len(call.parts) != 3 and not (bare and len(call.parts) == 4):
            raise FaultError(f"No such operation '{call.operation}'")
        lines, asked = call.rows(call.parts[0]), call.text(call.parts[1])
        if len(call.parts) == 4:
            kept = Ledger(self.books).import_vouchers(lines, "0" if asked in ("true", "1") else "2")
            found: list[Bean] = [dict(zip(ANSWER, row, strict=False)) for row in kept]
            return soap.beans(call, "WSWSRtnInfo", BEAN_NS, found)
        rows = Ledger(self.books).import_vouchers(lines, asked)
        if bare:
            rows = [row[:-1] for row in rows]
        return soap.table(call, rows)

    def _submit(self, call: Call) -> Response:
        try:
            kept = Ledger(self.books).submit_bill("".join(call.texts()[:1]))
            found = {"success": "true", "id": kept["id"], "number": kept["number"], "message": "成功保存"}
        except RefusedError as refused:
            found = {"success": "false", "id": "", "number": "", "message": str(refused)}
        inner = "".join(f"<{key}>{escape(value)}</{key}>" for key, value in found.items())
        return soap.scalar(call, "string", f"<Result>{inner}</Result>")

    async def _act_close(self, body: dict[str, Any]) -> dict[str, Any]:
        month = datetime.strptime(str(body["month"]), "%Y-%m").strftime("%Y-%m")  # noqa: DTZ007
        self.books.table("closed_periods")[month] = {"closed": self.clock.now().isoformat()}
        return {"closed": month}

    async def _act_reopen(self, body: dict[str, Any]) -> dict[str, Any]:
        return {"reopened": bool(self.books.table("closed_periods").pop(str(body["month"]), None))}
