"""The sandbox itself: templates, attachments, files fetched by address, abolition, and values of any type."""

import io
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import httpx
import pytest

from sandboxes.common import Running
from sandboxes.fadada.templates import SIGN_TEMPLATE, TEMPLATE
from tests.connectors.fadada.test_fadada_site import CORP, OWNER, SCENE, Site, actor
from tests.connectors.signing_desk import PDF, Receiver

NEEDED = ("contract_number", "contract_title", "buyer", "total")
FILLED = [{"fieldDocId": "1", "fieldId": name, "fieldValue": f"值 {name}"} for name in NEEDED]
FROM_TEMPLATE = {"docs": [{"docId": "1", "docName": "合同", "docTemplateId": TEMPLATE}]}


@pytest.fixture
def site(served: Running) -> Iterator[Site]:
    served.control("reset", {})
    with httpx.Client(trust_env=False) as client:
        yield Site(served, client)


@pytest.fixture
def page() -> Iterator[str]:
    """The address of a PDF."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(PDF)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/合同.pdf"
        server.shutdown()
        thread.join()


def download(site: Site, task: dict[str, Any], **which: str) -> bytes:
    asked = {"ownerId": OWNER, **task, **which}
    return site.client.get(site.done("/sign-task/owner/get-download-url", asked)["downloadUrl"]).content


def sign_all(site: Site, task: dict[str, Any]) -> None:
    site.served.control("act/sign_all", {"flow_id": task["signTaskId"]})


def status(site: Site, task: dict[str, Any]) -> Any:
    return site.done("/sign-task/app/get-detail", {"signTaskId": task["signTaskId"]})["signTaskStatus"]


def test_which_headers_belong_to_which_call(site: Site) -> None:
    assert site.call("/service/get-access-token", {})["code"] == "100012"
    assert site.call("/sign-task/get-detail", {"signTaskId": "1"}, token=None)["code"] == "100012"
    missing = site.ask("/sign-task/get-detail", {"signTaskId": "1"}, **{"X-FASC-Api-SubVersion": ""})
    assert missing.json()["code"] == "100012"


@pytest.mark.parametrize("wrong", [[], {}, [1], [[]], {"a": 1}, 1.5, "٣", "9" * 25, 10**18])
def test_a_value_of_any_type_is_answered(site: Site, wrong: object) -> None:
    field = {
        "fieldId": "f",
        "fieldType": wrong,
        "position": {"positionMode": "pixel", "positionPageNo": wrong},
    }
    docs = site.task()["docs"]
    for changes in (
        {"docs": [docs[0] | {"docFields": [field]}]},
        {"actors": [actor("a", permissions=[wrong])]},
        {"actors": [actor("a", config={"orderNo": wrong or "x"})], "signInOrder": True},
        {"expiresTime": wrong},
    ):
        assert site.call("/sign-task/create", site.task(**changes))["code"] == "100011"
    given = wrong or "x"
    for query in ({"listPageNo": given}, {"listFilter": {"signTaskStatus": given}}):
        assert site.call("/sign-task/owner/get-list", {"ownerId": OWNER, **query})["code"] == "100011"


def test_a_form_that_is_no_text(site: Site) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = site.client.post(
        f"{site.served.url}/sign-task/get-detail", content=b"bizContent=\xff", headers=headers
    )
    assert (answer.status_code, answer.json()["code"]) == (200, "100012")


def test_a_file_is_fetched_by_its_address(site: Site, page: str) -> None:
    fetched = site.done("/file/upload-by-url", {"fileType": "doc", "fileUrl": page})
    one = {"fileType": "doc", "fddFileUrl": fetched["fddFileUrl"], "fileName": "合同.pdf"}
    assert site.done("/file/process", {"fddFileUrlList": [one]})["fileIdList"][0]["fileTotalPages"] == 2
    for address in ("http://127.0.0.1:1/none.pdf", "ftp://127.0.0.1/none.pdf", "nothing"):
        asked = {"fileType": "doc", "fileUrl": address}
        assert site.call("/file/upload-by-url", asked)["code"] == "100011"


def test_attachments_come_along(site: Site) -> None:
    place = site.done("/file/get-upload-url", {"fileType": "attach"})
    site.client.put(place["uploadUrl"], content=b"plain").raise_for_status()
    one = {"fileType": "attach", "fddFileUrl": place["fddFileUrl"], "fileName": "清单.docx"}
    (made,) = site.done("/file/process", {"fddFileUrlList": [one]})["fileIdList"]
    attached = {"attachId": "x", "attachName": "清单.docx", "attachFileId": made["fileId"]}
    task = site.done("/sign-task/create", site.task(autoStart=True, attachs=[attached]))
    sign_all(site, task)
    assert site.done("/sign-task/get-detail", task)["attachs"] == [
        {"attachId": "x", "attachName": "清单.docx"}
    ]
    assert download(site, task, fileType="attach", id="x") == b"plain"
    assert download(site, task, fileType="doc", id="1").startswith(PDF)
    with zipfile.ZipFile(io.BytesIO(download(site, task))) as archive:
        assert archive.namelist() == ["合同.pdf", "清单.docx"]
    gone = site.task(attachs=[attached | {"attachFileId": "gone"}])
    assert site.call("/sign-task/create", gone)["code"] == "211096"


def test_a_document_of_a_template(site: Site) -> None:
    made = site.task(**FROM_TEMPLATE, actors=[actor("a") | {"fillFields": FILLED}], autoStart=True)
    task = site.done("/sign-task/create", made)
    sign_all(site, task)
    assert "buyer=值 buyer" in download(site, task, fileType="doc", id="1").decode()
    for fields, code in ((FILLED[:1], "100011"), ([*FILLED, FILLED[0] | {"fieldId": "x"}], "100011")):
        made = site.task(**FROM_TEMPLATE, actors=[actor("a") | {"fillFields": fields}])
        assert site.call("/sign-task/create", made)["code"] == code


def from_sign_template(*actors: str, **changes: Any) -> dict[str, Any]:
    """The seller is ours."""
    corps = {"seller": CORP}
    made = [actor(name, actorOpenId=corps.get(name, "")) | {"fillFields": FILLED} for name in actors]
    return {
        "signTaskSubject": "示例合同",
        "initiator": OWNER,
        "signTemplateId": SIGN_TEMPLATE,
        "actors": made,
        "autoStart": True,
    } | changes


def test_a_task_of_a_sign_template_is_signed_in_its_order(site: Site) -> None:
    asked = from_sign_template("buyer", "seller", businessId=SCENE)
    asked["actors"][1]["signConfigInfo"] = {"requestVerifyFree": True}
    task = site.done("/sign-task/create-with-template", asked)
    seller, buyer = site.done("/sign-task/get-detail", task)["actors"]
    assert (seller["actorInfo"]["actorId"], seller["signStatus"], seller["signOrderNo"]) == (
        "seller",
        "signed",
        1,
    )
    assert (buyer["signStatus"], buyer["signOrderNo"]) == ("wait_sign", 2)
    for wrong, code in (
        (from_sign_template("seller"), "211161"),
        (from_sign_template("seller", "buyer", "somebody"), "211066"),
        (from_sign_template("seller", "buyer", signTemplateId="1"), "211151"),
    ):
        assert site.call("/sign-task/create-with-template", wrong)["code"] == code


@pytest.mark.parametrize(("kind", "template_id"), [("doc", TEMPLATE), ("sign", SIGN_TEMPLATE)])
def test_templates_can_be_found(site: Site, kind: str, template_id: str) -> None:
    found = site.done(f"/{kind}-template/get-list", {"ownerId": OWNER})
    assert [one[f"{kind}TemplateId"] for one in found[f"{kind}Templates"]] == [template_id]
    asked = {"ownerId": OWNER, f"{kind}TemplateId": template_id}
    shown = site.done(f"/{kind}-template/get-detail", asked)
    assert shown["docFields" if kind == "doc" else "actors"]
    assert site.call(f"/{kind}-template/get-detail", asked | {f"{kind}TemplateId": "1"})["code"] == "211151"


def test_a_report_is_applied_for(site: Site) -> None:
    task = site.done("/sign-task/create", site.task(autoStart=True))
    asked = {**task, "ownerId": OWNER, "reportType": "evidence_report"}
    assert site.call("/sign-task/apply-report", asked)["code"] == "211129"
    sign_all(site, task)
    number = site.done("/sign-task/apply-report", asked)["reportDownloadId"]
    link = site.done("/sign-task/download-report", {"reportDownloadId": number})["reportDownloadUrl"]
    assert zipfile.is_zipfile(io.BytesIO(site.client.get(link).content))


def test_nothing_waits_to_be_finalized(site: Site) -> None:
    task = site.done("/sign-task/create", site.task(autoStart=True))
    assert site.call("/sign-task/doc-finalize", task)["code"] == "211126"


def abolition(task: dict[str, Any], **changes: Any) -> dict[str, Any]:
    made = {**task, "abolishedInitiator": {"initiatorId": CORP}, "reason": "价格有误", "autoStart": True}
    return made | {"actors": [actor("a")]} | changes


async def test_a_finished_task_is_abolished_by_a_second_one(site: Site, receiver: Receiver) -> None:
    task = site.done("/sign-task/create", site.task(autoStart=True))
    assert site.call("/sign-task/abolish", abolition(task))["code"] == "211126"
    sign_all(site, task)
    for wrong, code in (
        (abolition(task, abolishedInitiator={"initiatorId": "x"}), "100011"),
        (abolition(task, abolishedInitiator={"actorId": "x"}), "211066"),
        (abolition(task, actors=[]), "211146"),
    ):
        assert site.call("/sign-task/abolish", wrong)["code"] == code
    assert status(site, task) == "task_finished"
    second = {"signTaskId": site.done("/sign-task/abolish", abolition(task))["abolishedSignTaskId"]}
    assert (status(site, task), status(site, second)) == ("abolishing", "sign_progress")
    assert site.call("/sign-task/abolish", abolition(task))["code"] == "211126"
    site.served.control("act/subscribe", {"url": receiver.url})
    sign_all(site, second)
    told = {one.headers["x-fasc-event"]: one for one in await receiver.next(3)}
    assert {"sign-task-signed", "sign-task-finished", "sign-task-abolish"} == told.keys()
    shown = site.done("/sign-task/get-detail", task)
    assert (shown["signTaskStatus"], shown["revokeReason"]) == ("revoked", "价格有误")
    assert shown["abolishedSignTaskId"] == second["signTaskId"]
    assert site.done("/sign-task/get-detail", second)["originalSignTaskId"] == task["signTaskId"]
    assert download(site, task, fileType="doc", id="1").startswith(PDF)


@pytest.mark.parametrize("end", ["decline", "revoke", "expire"])
def test_an_abolition_that_comes_to_nothing(site: Site, end: str) -> None:
    task = site.done("/sign-task/create", site.task(autoStart=True))
    sign_all(site, task)
    second = site.done("/sign-task/abolish", abolition(task))["abolishedSignTaskId"]
    site.served.control(f"act/{end}", {"flow_id": second})
    assert status(site, task) == "task_finished"


def test_an_abolition_runs_out_by_the_clock(site: Site) -> None:
    task = site.done("/sign-task/create", site.task(autoStart=True))
    sign_all(site, task)
    soon = str(site.served.sandbox.clock.millis() + 60_000)
    site.done("/sign-task/abolish", abolition(task, expiresTime=soon))
    assert status(site, task) == "abolishing"
    site.served.control("clock", {"advance": 61})
    assert status(site, task) == "task_finished"


def test_a_draft_of_an_abolition_changes_nothing_yet(site: Site) -> None:
    task = site.done("/sign-task/create", site.task(autoStart=True))
    sign_all(site, task)
    draft = site.done("/sign-task/abolish", abolition(task, autoStart=False))["abolishedSignTaskId"]
    assert status(site, task) == "task_finished"
    site.done("/sign-task/cancel", {"signTaskId": draft})
    assert status(site, task) == "task_finished"
