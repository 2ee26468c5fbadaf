"""Routes, the gate before them, and what people do at the vendor's own pages."""

import io
import uuid
import zipfile
from collections.abc import Awaitable, Callable
from functools import partial
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sandboxes.common import Contracts, Row, SigningSandbox
from sandboxes.common.codes import Code
from sandboxes.fadada import evidence, gate, templates, views
from sandboxes.fadada.checks import check_owner
from sandboxes.fadada.codes import CODES
from sandboxes.fadada.envelope import (
    BAD_TOKEN,
    BUSY,
    REPEATED_NONCE,
    Json,
    Refused,
    answer,
    bad,
    part,
    read_object,
    refusal,
    required,
)
from sandboxes.fadada.files import Files
from sandboxes.fadada.notices import Notices
from sandboxes.fadada.screens import SCREENS
from sandboxes.fadada.tasks import COMPLETED, Tasks

APP_ID = "80009999"
APP_SECRET = "FASCEXAMPLESECRET000000000000001"  # noqa: S105  # made up, and the same everywhere
OPEN_CORP = "example0open0corp0id000000000001"
BUSINESS = "example0free0sign0scene"
PREFIX = "/api/v5"
TOKEN_SECONDS = 7200
NONCE_MS = 10 * 60 * 1000
LINK_SECONDS = 3600


class Fadada(SigningSandbox):
    name = "fadada"
    title = "法大大"
    screens = SCREENS
    codes = CODES
    id_field, signers_field, signer_status = "signTaskId", "actors", "signStatus"
    refusals = Refused

    @property
    def files(self) -> Files:
        return Files(self.books, self.clock, secret=APP_SECRET, address=lambda: self.address)

    @property
    def tasks(self) -> Tasks:
        notices = Notices(self.books, self.clock, self.callbacks, app_id=APP_ID, secret=APP_SECRET)
        return Tasks(self.books, self.clock, self.files, notices)

    @property
    def contracts(self) -> Contracts:
        return self.tasks

    def credentials(self) -> dict[str, str]:
        return {
            "app_id": APP_ID,
            "app_secret": APP_SECRET,
            "open_corp_id": OPEN_CORP,
            "free_sign_scene": BUSINESS,
        }

    def seed(self) -> None:
        self.books.table("account")["own"] = {
            "openCorpId": OPEN_CORP,
            "corpName": "示例科技有限公司",
            "contractsLeft": 1_000_000,
            "webhook": None,
        }
        templates.seed(self.books)

    def vendor_error(self) -> Response:
        return refusal(Refused(BUSY, "系统繁忙，请稍后再试"))

    def refusal(self, code: Code, request: Request, body: bytes) -> Response:
        return refusal(Refused(code.code, code.message, status=code.status))

    def expire_sessions(self) -> None:
        self.books.table("tokens").clear()

    def routes(self) -> list[BaseRoute]:
        """With and without the path of the public address."""
        calls: dict[str, Callable[[Json], object]] = {
            "/file/get-upload-url": self.files_call(Files.place),
            "/file/process": self.files_call(Files.process),
            "/file/upload-by-url": lambda body: self.files.fetch(body),
            "/doc-template/fill-values": lambda b: templates.fill(self.books, b, corp_id=OPEN_CORP),
            "/sign-task/create": lambda body: self.tasks.create(body),
            "/sign-task/create-with-template": lambda body: self.tasks.create_with_template(body),
            "/sign-task/abolish": lambda body: self.tasks.abolish(body),
            "/sign-task/doc-finalize": lambda body: self.tasks.finalize(body),
            "/sign-task/start": lambda body: self.tasks.start(body),
            "/sign-task/cancel": lambda body: self.tasks.cancel(body),
            "/sign-task/finish": lambda body: self.tasks.finish(body),
            "/sign-task/delete": lambda body: self.tasks.delete(body),
            "/sign-task/urge": lambda body: self.tasks.urge(body),
            "/sign-task/extension": lambda body: self.tasks.extend(body),
            "/sign-task/actor/get-url": self._actor_url,
            "/sign-task/app/get-detail": self._detail,
            "/sign-task/get-detail": self._detail,
            "/sign-task/owner/get-list": self._list,
            "/sign-task/owner/get-download-url": self._download_url,
            "/sign-task/evidence-report/get-download-url": self._report_url,
            "/sign-task/apply-report": self._apply_for_report,
            "/sign-task/download-report": self._applied_report_url,
        }
        for kind in ("doc", "sign"):
            calls[f"/{kind}-template/get-list"] = partial(self._templates, templates.listed, kind=kind)
            calls[f"/{kind}-template/get-detail"] = partial(self._templates, templates.detail, kind=kind)
        paths = [(path, self._guarded(call)) for path, call in calls.items()]
        paths.append(("/service/get-access-token", self._token))
        return [
            *(
                Route(prefix + path, endpoint, methods=["POST"])
                for prefix in ("", PREFIX)
                for path, endpoint in paths
            ),
            Route("/cos/upload/{name}", self._upload, methods=["PUT"]),
            Route("/cos/signed/{task_id}/{file_id}", self._signed),
            Route("/cos/attach/{task_id}/{file_id}", self._attached),
            Route("/cos/zip/{task_id}", self._zip),
            Route("/cos/report/{task_id}", self._report),
        ]

    # -- behind the gate ----------------------------------------------------------------------------------

    def files_call(self, call: Callable[[Files, Json], Json]) -> Callable[[Json], Json]:
        return lambda body: call(self.files, body)

    def _templates(self, show: Callable[..., Json], body: Json, *, kind: str) -> Json:
        check_owner(part(body, "ownerId"), self.books.table("account")["own"], name="ownerId")
        return show(self.books, body, kind=kind)

    async def _token(self, request: Request) -> Response:
        """While a token is valid, asking again gives the same one and extends it."""
        try:
            await self._check(request, also=gate.GRANT)
            tokens, now = self.books.table("tokens"), self.clock.millis()
            valid = [token for token, row in tokens.items() if row["until"] > now]
            token = valid[0] if valid else uuid.uuid4().hex
            tokens[token] = {"until": now + TOKEN_SECONDS * 1000}
            return answer({"accessToken": token, "expiresIn": str(TOKEN_SECONDS)})
        except Refused as error:
            return refusal(error)

    def _guarded(self, call: Callable[[Json], object]) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            try:
                content = await self._check(request, also=gate.TOKEN)
                self._check_token(request.headers["x-fasc-accesstoken"])
                data = call(read_object(content))
                return answer(await data if isinstance(data, Awaitable) else data)
            except Refused as error:
                return refusal(error)

        return endpoint

    async def _check(self, request: Request, *, also: str) -> str:
        form = parse_qs((await request.body()).decode(errors="replace"), keep_blank_values=True)
        content = form.get("bizContent", [""])[0]
        now = self.clock.millis()
        gate.check(request.headers, content, also=also, app_id=APP_ID, secret=APP_SECRET, now_ms=now)
        nonces, nonce = self.books.table("_nonces"), request.headers["x-fasc-nonce"]
        if now - nonces.get(nonce, {}).get("at", 0) < NONCE_MS:
            raise Refused(REPEATED_NONCE, "请求重复")
        nonces[nonce] = {"at": now}
        return content

    def _check_token(self, token: str) -> None:
        tokens, now = self.books.table("tokens"), self.clock.millis()
        if tokens.get(token, {}).get("until", 0) <= now:
            raise Refused(BAD_TOKEN, "accessToken无效或已过期", status=401)
        tokens[token] = {"until": now + TOKEN_SECONDS * 1000}

    def _detail(self, body: Json) -> Json:
        return views.detail(self.tasks.get(body), self.books.table("account")["own"])

    def _list(self, body: Json) -> Json:
        check_owner(part(body, "ownerId"), self.books.table("account")["own"], name="ownerId")
        return views.page(self.tasks.all(), body, self.books.table("account")["own"])

    def _actor_url(self, body: Json) -> Json:
        task = self.tasks.get(body)
        actor_id = required(body, "actorId")
        if not any(row["actorId"] == actor_id for row in task["actors"]):
            raise Refused("211066", "参与方不存在")
        link = f"https://uat-e.fadada.com/signtask/{task['signTaskId']}/{uuid.uuid4().hex}"
        return {"actorSignTaskUrl": link, "actorSignTaskEmbedUrl": f"{link}?embed=1"}

    def _download_url(self, body: Json) -> Json:
        """One named document comes as it is, everything together as a zip."""
        check_owner(part(body, "ownerId"), self.books.table("account")["own"], name="ownerId")
        task = self._completed(body)
        if body.get("id") in (None, ""):
            return self._link("zip", task)
        number = str(body["id"])
        if body.get("fileType") == "attach":
            found = [row["attachFileId"] for row in task["attachs"] if row["attachId"] == number]
        else:
            found = [row["docFileId"] for row in task["docs"] if row["docId"] == number]
        if not found:
            raise bad("id不存在")
        kind = "attach" if body.get("fileType") == "attach" else "signed"
        return self._link(kind, task, found[0])

    def _report_url(self, body: Json) -> Json:
        return self._link("report", self._completed(body))

    def _apply_for_report(self, body: Json) -> Json:
        """Ready at once [U]; the number is the task's."""
        check_owner(part(body, "ownerId"), self.books.table("account")["own"], name="ownerId")
        return {"reportDownloadId": self._completed(body)["signTaskId"], "reportStatus": "success"}

    def _applied_report_url(self, body: Json) -> Json:
        number = {"signTaskId": required(body, "reportDownloadId")}
        return {"reportDownloadUrl": self._report_url(number)["downloadUrl"]}

    def _completed(self, body: Json) -> Row:
        task = self.tasks.get(body)
        if task["status"] not in COMPLETED:
            raise Refused("211129", "签署任务未完成，不能下载")
        return task

    def _link(self, kind: str, task: Row, *more: str) -> Json:
        path = "/".join((f"/cos/{kind}", task["signTaskId"], *more))
        return {"downloadUrl": self.files.link(path, seconds=LINK_SECONDS)}

    # -- the object store: links instead of signatures ----------------------------------------------------

    async def _upload(self, request: Request) -> Response:
        raw = await request.body()
        if not self.files.link_holds(request.url.path, request.query_params):
            return _store_refusal()
        self.files.receive(request.path_params["name"], raw)
        return Response(status_code=200)

    async def _stored(self, request: Request, read: Callable[[Row, str], bytes], media_type: str) -> Response:
        if not self.files.link_holds(request.url.path, request.query_params):
            return _store_refusal()
        task = self.tasks.find(request.path_params["task_id"])
        return Response(read(task, request.path_params.get("file_id", "")), media_type=media_type)

    async def _signed(self, request: Request) -> Response:
        return await self._stored(request, self.tasks.content, "application/pdf")

    async def _attached(self, request: Request) -> Response:
        return await self._stored(
            request, lambda _, file: self.files.content(file), "application/octet-stream"
        )

    async def _report(self, request: Request) -> Response:
        return await self._stored(request, lambda task, _: evidence.report(task), "application/zip")

    async def _zip(self, request: Request) -> Response:
        return await self._stored(request, self._packed, "application/zip")

    def _packed(self, task: Row, _: str) -> bytes:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for doc in task["docs"]:
                archive.writestr(_pdf_name(doc["docName"]), self.tasks.content(task, doc["docFileId"]))
            for row in task["attachs"]:
                archive.writestr(row["attachName"], self.files.content(row["attachFileId"]))
        return packed.getvalue()


def _pdf_name(name: str) -> str:
    return name if name.lower().endswith(".pdf") else f"{name}.pdf"


def _store_refusal() -> Response:
    body = "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
    return Response(body, status_code=403, media_type="application/xml")
