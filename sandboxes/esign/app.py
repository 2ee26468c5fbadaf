"""Routes, the gate before them, and what people do at the vendor's own pages."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sandboxes.common import Contracts, SigningSandbox
from sandboxes.common.codes import Code
from sandboxes.esign import gate, processes, templates
from sandboxes.esign.amendments import Amendments
from sandboxes.esign.codes import CODES
from sandboxes.esign.envelope import (
    Json,
    NotLetIn,
    Refused,
    StoreRefused,
    answer,
    flag,
    part,
    read_object,
    store_error,
    texts,
)
from sandboxes.esign.evidence import Reports
from sandboxes.esign.flows import Flows
from sandboxes.esign.notices import Notices
from sandboxes.esign.rescission import Rescissions
from sandboxes.esign.screens import SCREENS
from sandboxes.esign.store import HOUR, Store
from sandboxes.esign.views import Views

APP_ID = "7438900001"
APP_SECRET = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"  # noqa: S105  # made up, and the same everywhere

Call = Callable[[Request, Json], Json | None]


class Esign(SigningSandbox):
    name = "esign"
    title = "e签宝"
    screens = SCREENS
    codes = CODES
    id_field, signers_field, signer_status = "signFlowId", "signers", "signStatus"
    refusals = Refused

    @property
    def store(self) -> Store:
        return Store(self.books, self.clock, secret=APP_SECRET, address=lambda: self.address)

    @property
    def notices(self) -> Notices:
        return Notices(self.books, self.clock, self.callbacks, app_id=APP_ID, secret=APP_SECRET)

    @property
    def flows(self) -> Flows:
        return Flows(self.books, self.clock, self.store, self.notices)

    @property
    def amendments(self) -> Amendments:
        return Amendments(self.flows, self.store)

    @property
    def rescissions(self) -> Rescissions:
        return Rescissions(self.books, self.clock, self.flows)

    @property
    def reports(self) -> Reports:
        return Reports(self.books, self.flows, self.notices, link=self._link)

    def _link(self, path: str) -> str:
        return self.store.link(path, seconds=HOUR)

    @property
    def contracts(self) -> Contracts:
        return self.flows

    def credentials(self) -> dict[str, str]:
        return {"app_id": APP_ID, "app_secret": APP_SECRET}

    def seed(self) -> None:
        self.books.table("account")["own"] = {
            "orgId": "0a1b2c3d4e5f60718293a4b5c6d7e8f9",
            "orgName": "示例科技有限公司",
            "contractsLeft": 1_000_000,
            "webhook": None,
        }
        templates.seed(self.books)
        processes.seed(self.books)

    def vendor_error(self) -> Response:
        """The vendor prints no code for this [U]; the gateway's other codes are HTTP's."""
        return answer(None, code=503, message="系统繁忙，请稍后再试")

    def refusal(self, code: Code, request: Request, body: bytes) -> Response:
        return answer(None, code=int(code.code), message=code.message, status=code.status)

    def expire_sessions(self) -> None:
        """Nobody logs in here: every request is signed."""

    def routes(self) -> list[BaseRoute]:
        post, get, delete = ["POST"], ["GET"], ["DELETE"]
        flow = "/v3/sign-flow/{flow_id}"
        calls: list[tuple[str, list[str], Call]] = [
            ("/v3/files/file-upload-url", post, lambda _, body: self.store.announce(body)),
            ("/v3/files/create-by-doc-template", post, self._fill_template),
            ("/v3/evidence-report/apply", post, lambda _, body: self.reports.apply(body)),
            ("/v3/evidence-report/query", get, self._report),
            ("/v3/antchain-file-info", post, lambda _, body: self.reports.on_chain(body)),
            ("/v3/doc-templates", get, lambda request, _: templates.page(self.books, request.query_params)),
            ("/v3/doc-templates/{template_id}", get, self._template),
            ("/v3/files/{file_id}", get, self._file),
            ("/v3/files/{file_id}/keyword-positions", ["GET", "POST"], self._words),
            ("/v3/sign-flow/create-by-file", post, lambda _, b: {"signFlowId": self.flows.create(b)}),
            ("/v3/sign-flow/create-by-sign-template", post, self._create_by_process),
            ("/v3/sign-flow/sign-flow-list", post, self._list),
            (f"{flow}/detail", get, self._detail),
            (f"{flow}/start", post, lambda request, _: self.flows.start(_flow_id(request))),
            (f"{flow}/finish", post, lambda request, _: self.flows.finish(_flow_id(request))),
            (f"{flow}/sign-url", post, lambda request, b: self.flows.sign_url(_flow_id(request), b)),
            (f"{flow}/urge", post, self._urge),
            (f"{flow}/revoke", post, self._revoke),
            (f"{flow}/delay", post, self._delay),
            (f"{flow}/file-download-url", ["GET", "POST"], self._downloads),
            (f"{flow}/preview-file-download-url", get, self._preview),
            (f"{flow}/initiate-rescission", post, lambda r, b: self.rescissions.initiate(_flow_id(r), b)),
            (f"{flow}/unsigned-files", post, lambda r, b: self.amendments.add_documents(_flow_id(r), b)),
            (f"{flow}/unsigned-files", delete, self._drop_documents),
            (f"{flow}/attachments", post, lambda r, b: self.amendments.add_attachments(_flow_id(r), b)),
            (f"{flow}/attachments", delete, self._drop_attachments),
            (f"{flow}/copiers", post, lambda r, b: self.amendments.add_copiers(_flow_id(r), b)),
            (f"{flow}/copiers/delete", post, lambda r, b: self.amendments.drop_copiers(_flow_id(r), b)),
            (f"{flow}/signers/sign-fields", post, lambda r, b: self.amendments.add_signers(_flow_id(r), b)),
            (f"{flow}/signers/sign-fields", delete, self._drop_areas),
        ]
        return [
            *(Route(path, self._guarded(call), methods=methods) for path, methods, call in calls),
            Route("/oss/upload/{file_id}", self._stored(self._upload), methods=["PUT"]),
            Route("/oss/file/{file_id}", self._stored(self._original), methods=get),
            Route("/oss/report/{number}", self._stored(self._report_file), methods=get),
            Route("/oss/signed/{flow_id}/{file_id}", self._stored(self._signed), methods=get),
            Route(
                "/v{version:int}/{path:path}", self._nothing_here, methods=["GET", "POST", "PUT", "DELETE"]
            ),
        ]

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

    async def _nothing_here(self, request: Request) -> Response:
        return answer(None, code=404, message=f"接口不存在: {request.method} {request.url.path}", status=404)

    def _check_signature(self, request: Request, raw: bytes) -> None:
        query = request.scope["query_string"].decode(errors="replace")
        path = request.scope["raw_path"].decode(errors="replace")
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
        own = self.books.table("account")["own"]
        return Views(self.books.table("people"), own, rescission=self.flows.rescission)

    def _detail(self, request: Request, body: Json) -> Json:
        return self._views().detail(self.flows.find(_flow_id(request)))

    def _list(self, request: Request, body: Json) -> Json:
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

    def _preview(self, request: Request, body: Json) -> Json:
        query = request.query_params
        return self.flows.preview(
            _flow_id(request), query.get("docFileId", ""), valid_seconds=query.get("urlAvailableDate")
        )

    def _drop_documents(self, request: Request, body: Json) -> None:
        self.amendments.drop_documents(_flow_id(request), _listed(request, "fileIds"))

    def _drop_attachments(self, request: Request, body: Json) -> None:
        self.amendments.drop_attachments(_flow_id(request), _listed(request, "fileIds"))

    def _drop_areas(self, request: Request, body: Json) -> None:
        self.amendments.drop_areas(_flow_id(request), _listed(request, "signFieldIds"))

    def _file(self, request: Request, body: Json) -> Json:
        sizes = flag(request.query_params.get("pageSize"), default=False)
        return self.store.look(request.path_params["file_id"], sizes=sizes)

    def _words(self, request: Request, body: Json) -> Json:
        words = texts(body, "keywords") if request.method == "POST" else _listed(request, "keywords")
        return self.store.find_words(request.path_params["file_id"], words)

    def _template(self, request: Request, body: Json) -> Json:
        return templates.show(self.books, request.path_params["template_id"])

    def _fill_template(self, request: Request, body: Json) -> Json:
        return templates.fill(self.books, body, link=self._link)

    def _create_by_process(self, request: Request, body: Json) -> Json:
        return {"signFlowId": self.flows.create(processes.as_file(self.books, body, link=self._link))}

    def _report(self, request: Request, body: Json) -> Json:
        return self.reports.query(request.query_params.get("recordNum", ""))

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

    def _report_file(self, request: Request, raw: bytes) -> Response:
        content = self.reports.content(str(request.path_params["number"]))
        return Response(content, media_type="application/zip")

    def _signed(self, request: Request, raw: bytes) -> Response:
        return _document(self.flows.signed_content(_flow_id(request), request.path_params["file_id"]))


def _flow_id(request: Request) -> str:
    return str(request.path_params["flow_id"])


def _listed(request: Request, name: str) -> list[str]:
    """Ids with commas between them."""
    return [one for one in request.query_params.get(name, "").split(",") if one]


def _document(content: bytes) -> Response:
    return Response(content, media_type="application/pdf", headers={"Content-MD5": gate.md5(content)})
