"""One path, many actions; the gate before them, and what people do at the vendor's own pages."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sandboxes.common import Contracts, Row, SigningSandbox
from sandboxes.common.codes import Code
from sandboxes.tencent_ess import fields, gate, templates, views
from sandboxes.tencent_ess.codes import CODES
from sandboxes.tencent_ess.envelope import (
    Json,
    Refused,
    answer,
    integer,
    parts,
    refusal,
    text,
    texts,
)
from sandboxes.tencent_ess.evidence import Reports
from sandboxes.tencent_ess.files import Files
from sandboxes.tencent_ess.flows import RUNNING, Flows, find_approver, new_id
from sandboxes.tencent_ess.notices import Notices
from sandboxes.tencent_ess.screens import SCREENS

SECRET_ID = "AKIDexampleMadeUp0000000000000000000"  # noqa: S105  # made up, and the same everywhere
SECRET_KEY = "exampleSecretKeyMadeUp0000000000"  # noqa: S105
OPERATOR = "yDxExampleOperatorId"
CALLBACK_KEY = "0123456789ABCDEF0123456789ABCDEF"
CALLBACK_TOKEN = "exampleCallbackToken01"  # noqa: S105
TEMPLATE = "yDxExampleTemplateId000000000001"
RECIPIENTS = ("yDxExampleRecipient0000000000001", "yDxExampleRecipient0000000000002")
VERSION = "2020-11-11"
LINK_SECONDS = 300
LONGEST_LINK = 86400


class TencentEss(SigningSandbox):
    name = "tencent_ess"
    title = "腾讯电子签"
    screens = SCREENS
    codes = CODES
    id_field, signers_field, signer_status = "FlowId", "approvers", "status"
    refusals = Refused

    @property
    def files(self) -> Files:
        return Files(self.books, self.clock, secret=SECRET_KEY, address=lambda: self.address, new_id=new_id)

    @property
    def flows(self) -> Flows:
        notices = Notices(self.books, self.callbacks, key=CALLBACK_KEY, token=CALLBACK_TOKEN)
        return Flows(self.books, self.clock, self.files, notices)

    @property
    def reports(self) -> Reports:
        return Reports(self.books, self.flows, link=lambda path: self.files.link(path, seconds=LINK_SECONDS))

    @property
    def contracts(self) -> Contracts:
        return self.flows

    def credentials(self) -> dict[str, str]:
        return {
            "secret_id": SECRET_ID,
            "secret_key": SECRET_KEY,
            "operator_id": OPERATOR,
            "callback_key": CALLBACK_KEY,
            "callback_token": CALLBACK_TOKEN,
        }

    def seed(self) -> None:
        self.books.table("account")["own"] = {
            "OrganizationName": "示例科技有限公司",
            "contractsLeft": 1_000_000,
            "webhook": None,
            "encrypted": True,
        }
        templates.seed(self.books, plain=TEMPLATE, recipients=RECIPIENTS)

    def vendor_error(self) -> Response:
        return refusal(Refused("InternalError.System", "系统错误，请稍后重试。"))

    def refusal(self, code: Code, request: Request, body: bytes) -> Response:
        return refusal(Refused(code.code, code.message))

    def expire_sessions(self) -> None:
        """Nobody logs in here: every request is signed."""

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/", self._call, methods=["GET", "POST"]),
            Route("/cos/flow/{flow_id}", self._download),
            Route("/cos/zip/{flow_id}", self._download_zip),
            Route("/cos/preview/{file_id}", self._preview),
            Route("/cos/report/{report_id}", self._download_report),
        ]

    # -- behind the gate ----------------------------------------------------------------------------------

    async def _call(self, request: Request) -> Response:
        raw = await request.body()
        try:
            now = self.clock.now()
            return answer(
                self._dispatch(gate.opened(request, raw, secret_id=SECRET_ID, secret_key=SECRET_KEY, now=now))
            )
        except Refused as error:
            return refusal(error)

    def _dispatch(self, asked: gate.Asked) -> Json:
        if asked.version != VERSION:
            raise Refused("NoSuchVersion", "接口版本不存在。")
        call = self._actions().get(asked.action)
        if call is None:
            raise Refused("InvalidAction", f"接口 {asked.action} 不存在。")
        body = asked.body()
        fields.check(body)
        _check_operator(asked.action, body)
        return call(body)

    def _actions(self) -> dict[str, Callable[[Json], Json]]:
        return {
            "UploadFiles": self.files.upload,
            "CreateFlowByFiles": self._create_by_files,
            "CreateReleaseFlow": self.flows.release,
            "DescribeFlowTemplates": lambda body: templates.page(self.books, body),
            "CreateFlow": lambda body: {"FlowId": self.flows.create(body)["FlowId"]},
            "CreateDocument": self._create_document,
            "StartFlow": self._start,
            "DescribeFlowBriefs": self._briefs,
            "DescribeFlowInfo": self._infos,
            "DescribeFileUrls": self._file_urls,
            "DescribeBillUsageDetail": lambda body: views.usage(self.books, body),
            "CancelFlow": self.flows.cancel,
            "ModifyFlowDeadline": self.flows.extend,
            "CreateFlowReminds": self._remind,
            "CreateFlowSignUrl": self._sign_urls,
            "CreateSchemeUrl": self._scheme_url,
            "CreateFlowEvidenceReport": self.reports.create,
            "DescribeFlowEvidenceReport": self.reports.describe,
        }

    def _create_by_files(self, body: Json) -> Json:
        if body.get("NeedPreview"):
            path = f"/cos/preview/{self.flows.checked(body)['fileId']}"
            link = self.files.link(path, seconds=LINK_SECONDS)
            return {"FlowId": "", "PreviewUrl": link, "Approvers": []}
        flow = self.flows.create_by_files(body)
        approvers = [views.approver_item(row) for row in flow["approvers"]]
        return {"FlowId": flow["FlowId"], "PreviewUrl": "", "Approvers": approvers}

    def _create_document(self, body: Json) -> Json:
        flow = self.flows.create_document(body)
        approvers = [views.approver_item(row) for row in flow["approvers"]]
        return {"DocumentId": flow["DocumentId"], "PreviewFileUrl": "", "Approvers": approvers}

    def _start(self, body: Json) -> Json:
        self.flows.start(text(body, "FlowId", code="MissingParameter.FlowId"))
        return {"Status": "START"}

    def _briefs(self, body: Json) -> Json:
        """Not in the order of the question."""
        found = self.flows.known(texts(body, "FlowIds", most=100, code="MissingParameter.FlowId"))
        return {"FlowBriefs": [views.brief(flow) for flow in reversed(found)]}

    def _infos(self, body: Json) -> Json:
        found = self.flows.known(texts(body, "FlowIds", most=100, code="MissingParameter.FlowId"))
        if not found:
            raise Refused("ResourceNotFound.Flow", "合同流程不存在")
        return {"FlowDetailInfos": [views.info(flow) for flow in found]}

    def _file_urls(self, body: Json) -> Json:
        if text(body, "BusinessType", code="InvalidParameter.BusinessType") != "FLOW":
            raise Refused("InvalidParameter.BusinessType", "BusinessType不正确")
        ids = texts(body, "BusinessIds", most=20, code="InvalidParameter.BusinessId")
        kind = str(body.get("FileType") or "PDF").upper()
        if kind not in ("PDF", "ZIP"):
            raise Refused("InvalidParameter.FileType", "FileType不正确")
        seconds = integer(body.get("UrlTtl"), default=0) or LINK_SECONDS
        if not 1 <= seconds <= LONGEST_LINK:
            raise Refused("InvalidParameter", "UrlTtl取值1到86400")
        links = [self.flows.file_link(one, packed=kind == "ZIP", seconds=seconds) for one in ids]
        return {"FileUrls": [{"Url": link, "Option": "[]"} for link in links], "TotalCount": len(links)}

    def _remind(self, body: Json) -> Json:
        ids = texts(body, "FlowIds", most=100, code="MissingParameter.FlowId")
        return {"RemindFlowRecords": [self.flows.remind(one) for one in ids]}

    def _sign_urls(self, body: Json) -> Json:
        flow = self._signable(body)
        rows = [find_approver(flow, given) for given in parts(body, "FlowApproverInfos")]
        if not rows:
            raise Refused("MissingParameter.FlowApprover", "缺少签署方")
        if not 1800 <= integer(body.get("ExpiredOn"), default=1800) <= 90 * 86400:
            raise Refused("InvalidParameter", "ExpiredOn取值1800到7776000")
        return {"FlowApproverUrlInfos": [_sign_url(row) for row in rows]}

    def _scheme_url(self, body: Json) -> Json:
        """A link into the mini program; to a contract only as a short link or for an app."""
        flow_id = body.get("FlowId")
        if flow_id:
            self.flows.find(str(flow_id))
        end_point = body.get("EndPoint") or "HTTP"
        if end_point not in ("HTTP", "HTTP_SHORT_URL", "APP"):
            raise Refused("InvalidParameter.EndPoint", "EndPoint不正确")
        if body.get("PathType") == 1 and end_point == "HTTP":
            raise Refused("FailedOperation.PathTypeError", "PathType与EndPoint不匹配")
        return {"SchemeUrl": f"https://essurl.cn/{new_id()[-10:]}"}

    def _signable(self, body: Json) -> Row:
        flow = self.flows.find(text(body, "FlowId", code="MissingParameter.FlowId"))
        if flow["status"] not in RUNNING:
            raise Refused("OperationDenied.FlowStatusForbid", "流程状态不允许签署")
        return flow

    # -- the object store ---------------------------------------------------------------------------------

    async def _download(self, request: Request) -> Response:
        return self._stored(request, lambda: self.flows.content(request.path_params["flow_id"]))

    async def _download_zip(self, request: Request) -> Response:
        flow_id = request.path_params["flow_id"]
        return self._stored(request, lambda: self.flows.packed(flow_id), media_type="application/zip")

    async def _preview(self, request: Request) -> Response:
        return self._stored(request, lambda: self.files.content(request.path_params["file_id"]))

    async def _download_report(self, request: Request) -> Response:
        return self._stored(request, lambda: self.reports.content(request.path_params["report_id"]))

    def _stored(
        self, request: Request, content: Callable[[], bytes], *, media_type: str = "application/pdf"
    ) -> Response:
        if not self.files.link_holds(request.url.path, request.query_params):
            body = "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
            return Response(body, status_code=403, media_type="application/xml")
        return Response(content(), media_type=media_type)

    # -- people -------------------------------------------------------------------------------------------

    async def _act_subscribe(self, body: Json) -> Json:
        """{url, encrypted?}: the console's callback address, the only one there is; null ends it."""
        return self._change_account(webhook=body["url"], encrypted=body.get("encrypted", True))


def _check_operator(action: str, body: Json) -> None:
    """The bill belongs to the key alone; the upload names its caller otherwise."""
    if action == "DescribeBillUsageDetail":
        return
    outer, inner = ("Caller", "OperatorId") if action == "UploadFiles" else ("Operator", "UserId")
    given = body.get(outer)
    user = given.get(inner) if isinstance(given, dict) else None
    if not user:
        raise Refused("MissingParameter.UserId", f"缺少参数：{outer}.{inner}")
    if user != OPERATOR:
        raise Refused("OperationDenied.UserNotInOrganization", "用户不在企业中")


def _sign_url(row: Row) -> Json:
    return {
        "SignUrl": f"https://essurl.cn/{row['signId'][-10:]}",
        "LongUrl": f"https://quick.qian.tencent.cn/guide?signId={row['signId']}",
        "ApproverType": row["type"],
        "ApproverName": row["name"],
        "ApproverMobile": row["mobile"],
    }
