"""Routes, the gate before them, and what people do at the vendor's own pages."""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sandboxes.common import Act, Row, Sandbox
from sandboxes.esign import gate
from sandboxes.esign.envelope import (
    Json,
    NotLetIn,
    Refused,
    StoreRefused,
    answer,
    part,
    read_object,
    store_error,
)
from sandboxes.esign.flows import SIGNING, Flows
from sandboxes.esign.notices import Notices
from sandboxes.esign.store import Store
from sandboxes.esign.views import Views, windows

APP_ID = "7438900001"
APP_SECRET = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"  # noqa: S105  # made up, and the same everywhere

Call = Callable[[Request, Json], Json | None]


class Esign(Sandbox):
    name = "esign"

    @property
    def store(self) -> Store:
        return Store(self.books, self.clock, secret=APP_SECRET, address=lambda: self.address)

    @property
    def flows(self) -> Flows:
        notices = Notices(self.books, self.clock, self.callbacks, app_id=APP_ID, secret=APP_SECRET)
        return Flows(self.books, self.clock, self.store, notices)

    def credentials(self) -> dict[str, str]:
        return {"app_id": APP_ID, "app_secret": APP_SECRET}

    def seed(self) -> None:
        self.books.table("account")["own"] = {
            "orgId": "0a1b2c3d4e5f60718293a4b5c6d7e8f9",
            "orgName": "示例科技有限公司",
            "contractsLeft": 1_000_000,
            "webhook": None,
        }

    def vendor_error(self) -> Response:
        """The vendor prints no code for this [U]; the gateway's other codes are HTTP's."""
        return answer(None, code=503, message="系统繁忙，请稍后再试")

    def expire_sessions(self) -> None:
        """Nobody logs in here: every request is signed."""

    def routes(self) -> list[BaseRoute]:
        post, get = ["POST"], ["GET"]
        flow = "/v3/sign-flow/{flow_id}"
        calls: list[tuple[str, list[str], Call]] = [
            ("/v3/files/file-upload-url", post, lambda _, body: self.store.announce(body)),
            ("/v3/files/{file_id}", get, lambda request, _: self.store.look(request.path_params["file_id"])),
            ("/v3/sign-flow/create-by-file", post, lambda _, b: {"signFlowId": self.flows.create(b)}),
            ("/v3/sign-flow/sign-flow-list", post, self._list),
            (f"{flow}/detail", get, self._detail),
            (f"{flow}/start", post, lambda request, _: self.flows.start(_flow_id(request))),
            (f"{flow}/finish", post, lambda request, _: self.flows.finish(_flow_id(request))),
            (f"{flow}/sign-url", post, lambda request, b: self.flows.sign_url(_flow_id(request), b)),
            (f"{flow}/urge", post, self._urge),
            (f"{flow}/revoke", post, self._revoke),
            (f"{flow}/delay", post, self._delay),
            (f"{flow}/file-download-url", ["GET", "POST"], self._downloads),
        ]
        return [
            *(Route(path, self._guarded(call), methods=methods) for path, methods, call in calls),
            Route("/oss/upload/{file_id}", self._stored(self._upload), methods=["PUT"]),
            Route("/oss/file/{file_id}", self._stored(self._original), methods=get),
            Route("/oss/signed/{flow_id}/{file_id}", self._stored(self._signed), methods=get),
        ]

    def acts(self) -> dict[str, Act]:
        return {
            "sign": self._act_sign,
            "sign_all": self._act_sign_all,
            "decline": self._act_decline,
            "expire": self._act_expire,
            "revoke": self._act_revoke,
            "subscribe": self._act_subscribe,
            "quota": self._act_quota,
        }

    # -- behind the gate ----------------------------------------------------------------------------------

    def _guarded(self, call: Call) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            raw = await request.body()
            try:
                self._check_signature(request, raw)
                return answer(call(request, read_object(raw)))
            except NotLetIn as refusal:
                return answer(None, code=401, message=str(refusal), status=401)
            except Refused as refusal:
                return answer(None, code=refusal.code, message=refusal.message)

        return endpoint

    def _check_signature(self, request: Request, raw: bytes) -> None:
        query = request.scope["query_string"].decode()
        path = request.scope["raw_path"].decode()
        gate.check(
            request.method,
            f"{path}?{query}" if query else path,
            request.headers,
            raw,
            app_id=APP_ID,
            secret=APP_SECRET,
            now_ms=self.clock.millis(),
        )

    def _views(self) -> Views:
        return Views(self.books.table("people"), self.books.table("account")["own"])

    def _detail(self, request: Request, body: Json) -> Json:
        return self._views().detail(self.flows.get(_flow_id(request)))

    def _list(self, request: Request, body: Json) -> Json:
        windows(body)
        return self._views().page(self.flows.all(), body)

    def _urge(self, request: Request, body: Json) -> None:
        self.flows.urge(_flow_id(request), operator=part(body, "urgedOperator"))

    def _revoke(self, request: Request, body: Json) -> Json:
        self.flows.revoke(_flow_id(request), reason=str(body.get("revokeReason") or ""))
        return {}

    def _delay(self, request: Request, body: Json) -> None:
        self.flows.delay(_flow_id(request), until=body.get("signFlowExpireTime"))

    def _downloads(self, request: Request, body: Json) -> Json:
        given = body if request.method == "POST" else request.query_params
        return self.flows.downloads(_flow_id(request), valid_seconds=given.get("urlAvailableDate"))

    # -- the object store: links instead of signatures ----------------------------------------------------

    def _stored(
        self, serve: Callable[[Request, bytes], Response]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            raw = await request.body()
            try:
                self.store.check_link(request.url.path, request.query_params)
                return serve(request, raw)
            except StoreRefused as refusal:
                return store_error(refusal)

        return endpoint

    def _upload(self, request: Request, raw: bytes) -> Response:
        self.store.receive(request.path_params["file_id"], request.headers, raw)
        return Response('{"errCode":0,"msg":"成功"}', media_type="application/json;charset=UTF-8")

    def _original(self, request: Request, raw: bytes) -> Response:
        return _document(self.store.content(request.path_params["file_id"]))

    def _signed(self, request: Request, raw: bytes) -> Response:
        return _document(self.flows.signed_content(_flow_id(request), request.path_params["file_id"]))

    # -- people -------------------------------------------------------------------------------------------

    async def _act_sign(self, body: Json) -> Json:
        """{flow_id | title, signer?: index}: the next signer in order, or the given one, signs."""
        flow = self._running(body)
        self.flows.sign(flow, body.get("signer"))
        return _state(flow)

    async def _act_sign_all(self, body: Json) -> Json:
        """{flow_id | title}: everybody who is left signs, in order."""
        flow = self._running(body)
        while flow["status"] == SIGNING and not all(s["signStatus"] == 2 for s in flow["signers"]):
            self.flows.sign(flow)
        return _state(flow)

    async def _act_decline(self, body: Json) -> Json:
        """{flow_id | title, signer?: index, reason?}: ends the flow for everybody."""
        flow = self._running(body)
        self.flows.decline(flow, reason=str(body.get("reason") or "拒签"), index=body.get("signer"))
        return _state(flow)

    async def _act_expire(self, body: Json) -> Json:
        """{flow_id | title}: the deadline passes now."""
        flow = self._running(body)
        self.flows.expire(flow)
        return _state(flow)

    async def _act_revoke(self, body: Json) -> Json:
        """{flow_id | title, reason?}: the sender takes it back at the vendor's own pages."""
        flow = self._running(body)
        try:
            self.flows.revoke(flow["signFlowId"], reason=str(body.get("reason") or "撤回"))
        except Refused as refusal:
            raise ValueError(str(refusal)) from refusal
        return _state(flow)

    async def _act_subscribe(self, body: Json) -> Json:
        """{url}: the console's own callback address, beside each flow's; null ends it."""
        return self._change_account(webhook=body["url"])

    async def _act_quota(self, body: Json) -> Json:
        """{left}: how many contracts may still be sent."""
        return self._change_account(contractsLeft=int(body["left"]))

    def _change_account(self, **changes: Any) -> Json:
        account = self.books.table("account")
        account["own"] = account["own"] | changes
        return account["own"]

    def _running(self, body: Json) -> Row:
        """By id, or the newest of this title; one that can be signed comes first."""
        if flow_id := body.get("flow_id"):
            try:
                return self.flows.get(str(flow_id))
            except Refused as refusal:
                raise ValueError(str(refusal)) from refusal
        found = [flow for flow in self.flows.all() if flow["title"] == body["title"]]
        if not found:
            raise ValueError(f"no flow with the title {body['title']}")
        return max(found, key=lambda flow: (flow["status"] == SIGNING, flow["created"]))


def _flow_id(request: Request) -> str:
    return str(request.path_params["flow_id"])


def _document(content: bytes) -> Response:
    return Response(content, media_type="application/pdf", headers={"Content-MD5": gate.md5(content)})


def _state(flow: Row) -> Json:
    return {
        "flow_id": flow["signFlowId"],
        "status": flow["status"],
        "signers": [signer["signStatus"] for signer in flow["signers"]],
    }
