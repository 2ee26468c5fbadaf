"""The sandbox itself: what its gate lets in, and each documented refusal in the vendor's words."""

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode

import httpx
import pytest

from connector_kit import Reply
from connectors.fadada import protocol
from sandboxes.common import Running
from sandboxes.fadada import SANDBOX
from tests.connectors.signing_desk import PDF

MADE = SANDBOX().credentials()
CORP, SCENE = MADE["open_corp_id"], MADE["free_sign_scene"]
OWNER = {"idType": "corp", "openId": CORP}


class Site:
    """A client of the vendor that may do everything wrong."""

    def __init__(self, served: Running, client: httpx.Client) -> None:
        self.served = served
        self.client = client
        self.account = protocol.Account(served.url, MADE["app_id"], MADE["app_secret"], CORP)
        self.token = str(self.call("/service/get-access-token", {}, token=None)["data"]["accessToken"])

    def ask(
        self, path: str, body: dict[str, Any], *, token: str | None = "", nonce: str = "", **headers: str
    ) -> httpx.Response:
        request = protocol.build(
            self.account,
            protocol.Call(path),
            body,
            token=self.token if token == "" else token,
            nonce=nonce or secrets.token_hex(16),
            now=datetime.now(UTC),
        )
        return self.client.post(request.url, content=request.content, headers={**request.headers, **headers})

    def call(self, path: str, body: dict[str, Any], **more: Any) -> dict[str, Any]:
        found: dict[str, Any] = self.ask(path, body, **more).json()
        return found

    def done(self, path: str, body: dict[str, Any]) -> Any:
        answer = self.call(path, body)
        assert answer["code"] == "100000", answer
        return answer["data"]

    def file(self) -> str:
        place = self.done("/file/get-upload-url", {"fileType": "doc"})
        self.client.put(place["uploadUrl"], content=PDF).raise_for_status()
        one = {"fileType": "doc", "fddFileUrl": place["fddFileUrl"], "fileName": "合同.pdf"}
        (made,) = self.done("/file/process", {"fddFileUrlList": [one]})["fileIdList"]
        assert made["fileTotalPages"] == 2
        return str(made["fileId"])

    def task(self, **changes: Any) -> dict[str, Any]:
        body = {
            "signTaskSubject": "示例合同",
            "initiator": OWNER,
            "docs": [{"docId": "1", "docName": "合同", "docFileId": self.file()}],
            "actors": [actor("a")],
        }
        return body | changes


def actor(actor_id: str, *, config: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    who = {"actorId": actor_id, "actorType": "person", "actorName": "测试甲", "permissions": ["sign"]}
    return {"actor": who | changes, "signConfigInfo": config or {}}


@pytest.fixture
def site(served: Running) -> Iterator[Site]:
    served.control("reset", {})
    with httpx.Client(trust_env=False) as client:
        yield Site(served, client)


def test_the_token_is_the_same_while_it_is_valid(site: Site) -> None:
    again = site.call("/service/get-access-token", {}, token=None)["data"]
    assert again == {"accessToken": site.token, "expiresIn": "7200"}
    site.served.sandbox.expire_sessions()
    assert site.call("/service/get-access-token", {}, token=None)["data"]["accessToken"] != site.token
    refused = site.ask("/sign-task/get-detail", {"signTaskId": "1"})
    assert (refused.status_code, refused.json()["code"]) == (401, "100002")


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"X-FASC-Nonce": ""}, "100012"),
        ({"X-FASC-Sign": ""}, "100012"),
        ({"X-FASC-App-Id": "80009998"}, "100001"),
        ({"X-FASC-Timestamp": "1760000000123"}, "100001"),
        ({"X-FASC-Sign": "0" * 64}, "100003"),
        ({"X-FASC-AccessToken": "another"}, "100003"),
    ],
)
def test_the_gate(site: Site, headers: dict[str, str], code: str) -> None:
    refused = site.ask("/sign-task/get-detail", {"signTaskId": "1"}, **headers)
    assert (refused.status_code, refused.json()["code"]) == (200, code)
    assert refused.json()["success"] is False
    assert refused.headers["x-fasc-request-id"]


def test_a_nonce_is_used_once_in_ten_minutes(site: Site) -> None:
    codes = [
        site.call("/sign-task/get-detail", {"signTaskId": "1"}, nonce="the same one")["code"] for _ in "ab"
    ]
    assert codes == ["211001", "100013"]


def test_the_vendors_client_posts_an_empty_content_for_a_token(site: Site) -> None:
    request = protocol.build(
        site.account, protocol.TOKEN, {}, token=None, nonce=secrets.token_hex(8), now=datetime.now(UTC)
    )
    answer = site.client.post(request.url, content=b"bizContent=", headers=dict(request.headers))
    assert answer.json()["code"] == "100000"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"signTaskSubject": ""}, "100011"),
        ({"signTaskSubject": "示" * 101}, "100011"),
        ({"initiator": {"idType": "corp", "openId": "x"}}, "100011"),
        ({"expiresTime": "1760000000000"}, "100011"),
        ({"expiresTime": "tomorrow"}, "100011"),
        ({"docs": [{"docId": "1", "docName": "x", "docFileId": "gone"}]}, "211096"),
        ({"docs": [], "autoStart": True}, "211056"),
        ({"actors": [], "autoStart": "true"}, "211146"),
        ({"actors": [actor("a"), actor("a")]}, "100011"),
        ({"actors": [actor("a", permissions=["stamp"])]}, "100011"),
        ({"actors": [actor("a")], "signInOrder": True}, "211108"),
        ({"actors": [actor("a", config={"requestVerifyFree": True})]}, "211118"),
        ({"actors": [actor("a", config={"requestVerifyFree": True})], "businessId": SCENE}, "100011"),
        ({"actors": [actor("a") | {"signFields": [{"fieldDocId": "1", "fieldId": "none"}]}]}, "100011"),
    ],
)
def test_tasks_refused(site: Site, changes: dict[str, Any], code: str) -> None:
    assert site.call("/sign-task/create", site.task(**changes))["code"] == code
    assert site.served.control("books/flows") == {}


def test_defaults_are_a_draft_that_closes_by_itself(site: Site) -> None:
    task_id = site.done("/sign-task/create", site.task())["signTaskId"]
    body = {"signTaskId": task_id}
    assert len(task_id) == 19
    assert site.done("/sign-task/get-detail", body) == site.done("/sign-task/app/get-detail", body)
    assert site.done("/sign-task/get-detail", body)["signTaskStatus"] == "task_created"
    site.done("/sign-task/start", body)
    for path in ("/sign-task/start", "/sign-task/delete"):
        assert site.call(path, body)["code"] == "211055"
    site.served.control("act/sign", {"title": "示例合同"})
    detail = site.done("/sign-task/get-detail", body)
    assert (detail["signTaskStatus"], detail["actors"][0]["signStatus"]) == ("task_finished", "signed")


def test_a_draft_can_be_deleted(site: Site) -> None:
    body = site.done("/sign-task/create", site.task())
    site.done("/sign-task/delete", body)
    assert site.call("/sign-task/get-detail", body)["code"] == "211001"


def test_signed_and_not_closed_until_it_is_finished(site: Site) -> None:
    made = site.task(autoStart=True, autoFinish=False, actors=[actor("a"), actor("b")])
    body = site.done("/sign-task/create", made)
    assert site.call("/sign-task/finish", body)["code"] == "211126"
    # Without signInOrder the second may be first.
    site.served.control("act/sign", {"flow_id": body["signTaskId"], "signer": 1})
    site.served.control("act/sign", {"flow_id": body["signTaskId"]})
    assert site.done("/sign-task/get-detail", body)["signTaskStatus"] == "sign_completed"
    download = {"ownerId": OWNER, **body}
    assert site.call("/sign-task/owner/get-download-url", download)["code"] == "211129"
    site.done("/sign-task/finish", body)
    assert site.call("/sign-task/cancel", body)["code"] == "211126"
    packed = site.client.get(site.done("/sign-task/owner/get-download-url", download)["downloadUrl"])
    content = protocol.read_download(Reply(200, {}, packed.content))
    assert content is not None
    assert content.startswith(PDF)


def test_who_is_asked_for(site: Site) -> None:
    body = site.done("/sign-task/create", site.task(autoStart=True))
    assert site.call("/sign-task/actor/get-url", {**body, "actorId": "z"})["code"] == "211066"
    assert site.done("/sign-task/actor/get-url", {**body, "actorId": "a"})["actorSignTaskUrl"]


def test_links_and_uploads_run_out(site: Site) -> None:
    place = site.done("/file/get-upload-url", {"fileType": "doc"})
    site.served.control("clock", {"advance": 1801})
    assert site.client.put(place["uploadUrl"], content=PDF).status_code == 403
    site.served.control("clock", {"advance": -1801})
    one = {"fileType": "doc", "fddFileUrl": place["fddFileUrl"], "fileName": "合同.pdf"}
    assert site.call("/file/process", {"fddFileUrlList": [one]})["code"] == "100011"


def test_the_form_is_signed_as_it_is_posted(site: Site) -> None:
    request = protocol.build(
        site.account,
        protocol.LIST,
        {"ownerId": OWNER, "listFilter": {"signTaskSubject": "示例 & 100%"}},
        token=site.token,
        nonce=secrets.token_hex(8),
        now=datetime.now(UTC) - timedelta(minutes=4),
    )
    (content,) = parse_qs(request.content.decode())["bizContent"]
    changed = urlencode({"bizContent": content.replace("100", "200")}).encode()
    assert (
        site.client.post(request.url, content=changed, headers=dict(request.headers)).json()["code"]
        == "100003"
    )
    assert site.client.post(request.url, content=request.content, headers=dict(request.headers)).json()[
        "data"
    ] == {
        "signTasks": [],
        "listPageNo": 1,
        "countInPage": 0,
        "listPageCount": 0,
        "totalCount": 0,
    }
