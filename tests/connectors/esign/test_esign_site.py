"""The sandbox by itself, spoken to as public clients do: its gate, its checks, the life of a flow."""

import base64
import hashlib
import hmac
import time
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import httpx
import orjson
import pytest

from sandboxes.common import Running, running
from sandboxes.esign import SANDBOX

DAY = 24 * 3600
PDF = b"%PDF-1.4\n1 0 obj<</Type/Page>>endobj\n2 0 obj<</Type /Page>>endobj\n%%EOF\n"
JSON_TYPE = "application/json; charset=UTF-8"


def md5(body: bytes) -> str:
    return base64.b64encode(hashlib.md5(body).digest()).decode()


class Site:
    def __init__(self, served: Running) -> None:
        self.served = served
        self.http = httpx.Client(base_url=served.url, trust_env=False, verify=False)
        credentials = served.sandbox.credentials()
        self.app_id, self.secret = credentials["app_id"], credentials["app_secret"]

    def headers(self, method: str, path: str, body: bytes, **given: str) -> dict[str, str]:
        """Signed over what is sent; `given` may change any header before signing."""
        headers = {
            "Accept": "*/*",
            "X-Tsign-Open-App-Id": self.app_id,
            "X-Tsign-Open-Auth-Mode": "Signature",
            "X-Tsign-Open-Ca-Timestamp": str(self.now()),
        }
        if body:
            headers |= {"Content-MD5": md5(body), "Content-Type": JSON_TYPE}
        headers |= {name.replace("_", "-"): value for name, value in given.items()}
        lower = {name.lower(): value for name, value in headers.items()}
        standard = [lower.get(name, "") for name in ("accept", "content-md5", "content-type", "date")]
        text = "\n".join([method, *standard, path])
        digest = hmac.new(self.secret.encode(), text.encode(), hashlib.sha256).digest()
        return headers | {"X-Tsign-Open-Ca-Signature": base64.b64encode(digest).decode()}

    def now(self) -> int:
        return self.served.sandbox.clock.millis()

    def send(self, method: str, path: str, body: bytes = b"", **given: str) -> httpx.Response:
        headers = self.headers(method, path, body, **given)
        return self.http.request(method, path, content=body or None, headers=headers)

    def get(self, path: str) -> Any:
        return self.send("GET", path).json()

    def post(self, path: str, body: Any = None) -> Any:
        return self.send("POST", path, orjson.dumps({} if body is None else body)).json()

    def announce(self, content: bytes = PDF, **changes: Any) -> Any:
        body = {
            "fileName": "示例合同.pdf",
            "fileSize": len(content),
            "contentMd5": md5(content),
            "contentType": "application/pdf",
        }
        return self.post("/v3/files/file-upload-url", body | changes)

    def put(self, url: str, content: bytes = PDF, **headers: str) -> httpx.Response:
        announced = {"Content-MD5": md5(content), "Content-Type": "application/pdf"}
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.put(url, content=content, headers=announced | given)

    def file(self, content: bytes = PDF, **changes: Any) -> str:
        place = self.announce(content, **changes)["data"]
        assert self.put(place["fileUploadUrl"], content).json() == {"errCode": 0, "msg": "成功"}
        file_id: str = place["fileId"]
        while self.get(f"/v3/files/{file_id}")["data"]["fileStatus"] not in (2, 5, 9):
            continue
        return file_id

    def create(self, body: Any) -> str:
        answer = self.post("/v3/sign-flow/create-by-file", body)
        assert answer["code"] == 0, answer
        flow_id: str = answer["data"]["signFlowId"]
        return flow_id

    def detail(self, flow_id: str) -> Any:
        return self.get(f"/v3/sign-flow/{flow_id}/detail")["data"]

    def control(self, path: str, **body: Any) -> Any:
        return self.http.post(f"/_sandbox/{path}", json=body).raise_for_status().json()

    def act(self, name: str, **body: Any) -> Any:
        return self.control(f"act/{name}", **body)


@pytest.fixture(scope="module")
def opened() -> Iterator[Site]:
    with running(SANDBOX()) as served:
        site = Site(served)
        yield site
        site.http.close()


@pytest.fixture
def site(opened: Site) -> Site:
    opened.control("reset")
    return opened


def company(file_id: str, *, order: int = 2, name: str = "测试甲", number: str = "HT-1:2") -> dict[str, Any]:
    seal = {
        "autoSign": False,
        "signFieldStyle": 1,
        "signFieldPosition": {"positionPage": "1", "positionX": 380, "positionY": 160},
    }
    return {
        "signerType": 1,
        "signConfig": {"signOrder": order},
        "orgSignerInfo": {
            "orgName": "测试客户有限公司",
            "transactorInfo": {"psnAccount": "13800000001", "psnInfo": {"psnName": name}},
        },
        "signFields": [{"fileId": file_id, "customBizNum": number, "normalSignFieldConfig": seal}],
    }


def own(file_id: str) -> dict[str, Any]:
    seal = {
        "autoSign": True,
        "signFieldStyle": 1,
        "signFieldPosition": {"positionPage": "1", "positionX": 120, "positionY": 160},
    }
    return {
        "signerType": 1,
        "signConfig": {"signOrder": "1"},
        "signFields": [{"fileId": file_id, "customBizNum": "HT-1:1", "normalSignFieldConfig": seal}],
    }


def person(file_id: str, *, order: int = 1) -> dict[str, Any]:
    return {
        "signerType": 0,
        "signConfig": {"signOrder": order},
        "psnSignerInfo": {"psnAccount": "13800000002", "psnInfo": {"psnName": "测试乙"}},
        "signFields": [{"fileId": file_id, "normalSignFieldConfig": {"freeMode": True}}],
    }


def contract(file_id: str, *signers: dict[str, Any], **config: Any) -> dict[str, Any]:
    return {
        "docs": [{"fileId": file_id}],
        "signFlowConfig": {"signFlowTitle": "HT-1 示例合同", "autoFinish": True} | config,
        "signers": list(signers),
    }


# -- the gate -------------------------------------------------------------------------------------------

DETAIL = "/v3/sign-flow/none/detail"


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"Accept": "application/json"},
        {"Content_Type": JSON_TYPE},
        {"Content_Type": "application/json", "Accept": ""},
        {"Content_MD5": "1B2M2Y8AsgTpgAmY7PhCfg=="},
        {"Content_MD5": "bm90IHRoZSBib2R5J3MgbWQ1"},
        {"Date": "Thu, 09 Oct 2025 08:53:20 GMT"},
    ],
)
def test_tolerated_variants_of_get(site: Site, given: dict[str, str]) -> None:
    assert site.send("GET", DETAIL, b"", **given).json()["code"] == 1435011


@pytest.mark.parametrize("body", [b"", b"{}", b'""'])
def test_tolerated_bodies(site: Site, body: bytes) -> None:
    assert site.send("POST", "/v3/sign-flow/none/start", body).json()["code"] == 1435011


@pytest.mark.parametrize(
    ("sent", "signed"),
    [
        ("?urlAvailableDate=600", "?urlAvailableDate=600"),
        ("?b=2&a=1", "?a=1&b=2"),
        ("?b=2&a=1&b=3&c=", "?a=1&b=2&c"),
        ("?n=%E7%A4%BA%E4%BE%8B", "?n=示例"),
        ("?n=%E7%A4%BA%E4%BE%8B", "?n=%E7%A4%BA%E4%BE%8B"),
    ],
)
def test_tolerated_queries(site: Site, sent: str, signed: str) -> None:
    path = "/v3/sign-flow/none/file-download-url"
    headers = site.headers("GET", path + signed, b"")
    assert site.http.get(path + sent, headers=headers).json()["code"] == 1435011


def test_the_extra_signed_headers_of_the_worked_example(site: Site) -> None:
    site.served.sandbox.clock.advance(1760000000.123 - time.time())
    body = (
        '{"fileName":"示例采购合同.pdf","fileSize":20480,"contentType":"application/pdf",'
        '"contentMd5":"zLbrXZRy63VltQ3kqRGBXg=="}'
    ).encode()
    headers = {
        "accept": "*/*",
        "x-tsign-open-app-id": site.app_id,
        "x-tsign-open-auth-mode": "Signature",
        "x-tsign-open-ca-timestamp": "1760000000123",
        "x-tsign-open-ca-signature-headers": "X-Tsign-Open-Ca-Timestamp,X-Tsign-Open-App-Id",
        "x-tsign-open-ca-signature": "uFXwbG4OSgIbYip7+IGAkjZLlzBBGWs3y4u5mqdnv4g=",
        "content-md5": "utN0xdUbI/wle5Hc3I28Aw==",
        "content-type": JSON_TYPE,
    }
    answer = site.http.post("/v3/files/file-upload-url", content=body, headers=headers)
    assert answer.json()["code"] == 0


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"X-Tsign-Open-Auth-Mode": "simple"}, "SIMPLE_MODE_CANT_PASS"),
        ({"X-Tsign-Open-Ca-Timestamp": ""}, "缺少参数"),
        ({"X-Tsign-Open-App-Id": "7438900009"}, "无效的应用"),
        ({"X-Tsign-Open-Ca-Signature": "AAAA"}, "INVALID_SIGNATURE"),
        ({"X-Tsign-Open-Ca-Timestamp": "1600000000000"}, "INVALID_SIGNATURE"),
        ({"Accept": "text/html"}, "INVALID_SIGNATURE"),
        ({"Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg=="}, "INVALID_SIGNATURE"),
    ],
)
def test_not_let_in(site: Site, changed: dict[str, str], message: str) -> None:
    path, body = "/v3/sign-flow/sign-flow-list", b'{"pageNum":1}'
    headers = site.headers("POST", path, body) | changed
    answer = site.http.post(path, content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"], answer.json()["message"]) == (401, 401, message)


@pytest.mark.parametrize(("minutes", "status"), [(-14, 200), (14, 200), (-16, 401), (16, 401)])
def test_fifteen_minutes(site: Site, minutes: int, status: int) -> None:
    stamp = str(site.now() + minutes * 60_000)
    answer = site.send("GET", DETAIL, X_Tsign_Open_Ca_Timestamp=stamp)
    assert answer.status_code == status


# -- files ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"fileName": "a" * 97 + ".pdf"}, 1430002),
        ({"fileName": "合同"}, 1430002),
        ({"fileName": "合同.exe"}, 1430002),
        ({"fileName": "合:同.pdf"}, 1430601),
        ({"fileName": "合😀同.pdf"}, 1430601),
        ({"fileSize": 0}, 1430002),
        ({"fileSize": None}, 1430002),
        ({"fileSize": 60 * 1024 * 1024}, 1430002),
        ({"fileSize": "77"}, 0),
        ({"contentMd5": ""}, 1430002),
        ({"contentType": "text/plain"}, 1430002),
    ],
)
def test_announcements(site: Site, changes: dict[str, Any], code: int) -> None:
    assert site.announce(**changes)["code"] == code


def test_an_upload_must_look_as_announced(site: Site) -> None:
    url = site.announce()["data"]["fileUploadUrl"]
    assert site.put(url, Content_Type="application/octet-stream").status_code == 403
    assert site.put(url, b"%PDF other").status_code == 403
    assert site.put(url, b"%PDF other", Content_MD5=md5(PDF)).status_code == 400
    assert site.put(url + "x").status_code == 403
    site.control("clock", advance=3601)
    refused = site.put(url)
    assert refused.status_code == 403
    assert refused.text.startswith("<?xml")


def test_files_ripen(site: Site) -> None:
    def states(**changes: Any) -> list[int]:
        place = site.announce(**changes)["data"]
        path = f"/v3/files/{place['fileId']}"
        before = site.get(path)["data"]["fileStatus"]
        site.put(place["fileUploadUrl"])
        return [before, *(site.get(path)["data"]["fileStatus"] for _ in range(3))]

    assert states() == [0, 1, 2, 2]
    assert states(convertToPDF=True) == [0, 4, 8, 5]
    assert site.get("/v3/files/none")["code"] == 1430608


def test_a_file_must_be_ready_and_a_pdf(site: Site) -> None:
    place = site.announce()["data"]
    early = contract(place["fileId"], person(place["fileId"]))
    assert site.post("/v3/sign-flow/create-by-file", early)["code"] == 1437513
    page = site.file(b"<html>", fileName="合同.html")
    assert site.post("/v3/sign-flow/create-by-file", contract(page, person(page)))["code"] == 1437513
    converted = site.file(b"<html>", fileName="合同.html", convertToPDF="true")
    assert site.post("/v3/sign-flow/create-by-file", contract(converted, person(converted)))["code"] == 0
    assert site.post("/v3/sign-flow/create-by-file", contract("0" * 32))["code"] == 1437511


# -- create-by-file -------------------------------------------------------------------------------------

Place = tuple[str | int, ...]


def changed(body: Any, path: Place, value: Any) -> Any:
    """A copy with one value set (or removed: ...)."""
    copy = deepcopy(body)
    inner = copy
    for step in path[:-1]:
        inner = inner[step]
    if value is ...:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return copy


CONFIG = ("signFlowConfig",)
COMPANY = ("signers", 1)
TRANSACTOR = (*COMPANY, "orgSignerInfo", "transactorInfo")
AREA = (*COMPANY, "signFields", 0)
SEAL = (*AREA, "normalSignFieldConfig")
PERSON = ("signers", 2)


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        (CONFIG, ..., 1435002),
        ((*CONFIG, "signFlowTitle"), ..., 1435002),
        ((*CONFIG, "signFlowTitle"), "HT/1", 1435002),
        ((*CONFIG, "redirectConfig"), {"redirectDelayTime": 3}, 1435002),
        ((*CONFIG, "signFlowExpireTime"), 1_600_000_000_000, 1437169),
        ((*CONFIG, "signFlowExpireTime"), 4_000_000_000_000, 1435002),
        ((*CONFIG, "signFlowExpireTime"), "soon", 1435002),
        (("docs",), [], 1435002),
        (("docs", 0, "fileId"), ..., 1435002),
        (("signers",), [], 1435011),
        ((*COMPANY, "signerType"), ..., 1435002),
        ((*COMPANY, "signerType"), 7, 1435002),
        ((*COMPANY, "signConfig", "signOrder"), 256, 1435002),
        ((*COMPANY, "signConfig", "forcedReadingTime"), "1000", 1435002),
        ((*COMPANY, "signConfig", "forcedReadingTime"), "10", 0),
        ((*COMPANY, "orgSignerInfo", "orgId"), "aa", 1435002),
        ((*COMPANY, "orgSignerInfo", "orgName"), ..., 1435002),
        (TRANSACTOR, ..., 1435002),
        ((*TRANSACTOR, "psnId"), "aa", 1435002),
        ((*TRANSACTOR, "psnAccount"), "12345", 1435002),
        ((*TRANSACTOR, "psnAccount"), "mail@example.com", 0),
        ((*TRANSACTOR, "psnInfo"), ..., 1435002),
        (TRANSACTOR, {"psnId": "aa"}, 1435002),
        ((*COMPANY, "signFields"), [], 1435002),
        ((*AREA, "fileId"), "0" * 32, 1435002),
        (SEAL, ..., 1435002),
        ((*SEAL, "signFieldPosition"), ..., 1435002),
        ((*SEAL, "signFieldPosition", "positionX"), ..., 1435002),
        ((*SEAL, "signFieldPosition", "positionPage"), "3", 1437306),
        ((*SEAL, "signFieldPosition", "positionPage"), "1,2", 0),
        ((*SEAL, "freeMode"), True, 0),
        (SEAL, {"freeMode": True, "autoSign": True}, 1435002),
        ((*SEAL, "autoSign"), True, 1435002),
        ((*PERSON, "psnSignerInfo", "psnId"), "aa", 1435002),
        ((*PERSON, "psnSignerInfo"), ..., 1435002),
        ((*PERSON, "signFields", 0, "normalSignFieldConfig"), {"autoSign": True}, 1435002),
        ((*PERSON, "signerType"), 3, 0),
    ],
)
def test_parameter_checks(site: Site, path: Place, value: Any, code: int) -> None:
    file_id = site.file()
    body = contract(file_id, own(file_id), company(file_id), person(file_id, order=3))
    answer = site.post("/v3/sign-flow/create-by-file", changed(body, path, value))
    assert answer["code"] == code, answer


def test_too_many_signers(site: Site) -> None:
    file_id = site.file()
    body = contract(file_id, *(person(file_id) for _ in range(11)))
    assert site.post("/v3/sign-flow/create-by-file", body)["code"] == 1437608


def test_the_quota_ends(site: Site) -> None:
    file_id = site.file()
    site.act("quota", left=1)
    site.create(contract(file_id, person(file_id)))
    assert site.post("/v3/sign-flow/create-by-file", contract(file_id, person(file_id)))["code"] == 1435404
    draft = site.create(contract(file_id, person(file_id), autoStart=False))
    assert site.post(f"/v3/sign-flow/{draft}/start")["code"] == 1435405


def test_whoever_has_signed_is_known_by_name(site: Site) -> None:
    file_id = site.file()
    flow_id = site.create(contract(file_id, company(file_id)))
    transactor = site.detail(flow_id)["signers"][0]["orgSigner"]["transactor"]
    assert transactor["psnId"] is None
    site.act("sign", flow_id=flow_id)
    assert site.detail(flow_id)["signers"][0]["orgSigner"]["transactor"]["psnId"]
    other = contract(file_id, company(file_id, name="测试丙"))
    assert site.post("/v3/sign-flow/create-by-file", other)["code"] == 1437328
    loose = contract(file_id, company(file_id, name="测试丙"), identityVerify=False)
    assert site.post("/v3/sign-flow/create-by-file", loose)["code"] == 0


# -- the life of a flow ---------------------------------------------------------------------------------


def test_the_own_seal_first_then_the_customer(site: Site) -> None:
    file_id = site.file()
    flow_id = site.create(contract(file_id, own(file_id), company(file_id)))
    detail = site.detail(flow_id)
    assert (detail["signFlowStatus"], [s["signStatus"] for s in detail["signers"]]) == (1, [2, 1])
    assert detail["signers"][0]["signFields"][0]["signFieldStatus"] == "4"
    assert site.get(f"/v3/sign-flow/{flow_id}/file-download-url")["code"] == 1437518
    assert site.act("sign", title="HT-1 示例合同")["status"] == 2
    detail = site.detail(flow_id)
    assert detail["signFlowStatus"] == 2
    assert detail["signFlowFinishTime"] >= detail["signFlowStartTime"]


def test_turns(site: Site) -> None:
    file_id = site.file()
    flow_id = site.create(contract(file_id, company(file_id, order=2), person(file_id, order=1)))
    assert [s["signStatus"] for s in site.detail(flow_id)["signers"]] == [0, 1]
    with pytest.raises(httpx.HTTPStatusError):
        site.act("sign", flow_id=flow_id, signer=0)
    assert site.act("sign", flow_id=flow_id, signer=1)["signers"] == [1, 2]
    assert site.act("sign", flow_id=flow_id)["status"] == 2
    with pytest.raises(httpx.HTTPStatusError):
        site.act("sign", flow_id=flow_id)
    with pytest.raises(httpx.HTTPStatusError):
        site.act("sign", title="none")


def test_drafts(site: Site) -> None:
    file_id = site.file()
    empty = site.create({"signFlowConfig": {"signFlowTitle": "空", "autoStart": "false"}})
    assert site.post(f"/v3/sign-flow/{empty}/start")["code"] == 1435011
    flow_id = site.create(contract(file_id, person(file_id), autoStart=False, autoFinish=False))
    flow = f"/v3/sign-flow/{flow_id}"
    assert site.detail(flow_id)["signFlowStatus"] == 0
    assert site.post(f"{flow}/revoke", {"revokeReason": "x"})["code"] == 1437203
    assert site.post(f"{flow}/sign-url", {"operator": {"psnAccount": "13800000002"}})["code"] == 1437103
    assert site.post(f"{flow}/finish")["code"] == 1437112
    assert site.post(f"{flow}/start") == {"code": 0, "message": "成功", "data": None}
    assert site.post(f"{flow}/start")["code"] == 1435011
    assert site.post(f"{flow}/finish")["code"] == 1437170


def test_without_auto_finish_it_stays_open(site: Site) -> None:
    file_id = site.file()
    both = (person(file_id), company(file_id))
    flow_id = site.create(contract(file_id, *both, autoFinish=False))
    flow = f"/v3/sign-flow/{flow_id}"
    site.act("sign", flow_id=flow_id)
    assert site.post(f"{flow}/finish")["code"] == 1437113
    assert site.act("sign_all", flow_id=flow_id) == {"flow_id": flow_id, "status": 1, "signers": [2, 2]}
    assert site.post(f"{flow}/file-download-url")["code"] == 1437518
    assert site.post(f"{flow}/finish")["code"] == 0
    assert site.post(f"{flow}/finish")["code"] == 1437136
    assert site.post(f"{flow}/revoke", {"revokeReason": "x"})["code"] == 1437203


def test_revoked_after_one_signed(site: Site) -> None:
    file_id = site.file()
    flow_id = site.create(contract(file_id, own(file_id), company(file_id)))
    path = f"/v3/sign-flow/{flow_id}/revoke"
    assert site.post(path, {"revokeReason": "长" * 51})["code"] == 1435002
    assert site.post(path, {"revokeReason": "价格有误"})["data"] == {}
    assert site.post(path, {"revokeReason": "again"})["code"] == 1437168
    detail = site.detail(flow_id)
    assert (detail["signFlowStatus"], detail["revokeReason"]) == (3, "价格有误")
    assert detail["signers"][0]["signStatus"] == 2


def test_declined(site: Site) -> None:
    file_id = site.file()
    flow_id = site.create(contract(file_id, own(file_id), company(file_id)))
    site.act("decline", flow_id=flow_id, reason="条款不同意")
    detail = site.detail(flow_id)
    assert (detail["signFlowStatus"], detail["signFlowDescription"]) == (7, "条款不同意")
    assert [s["signStatus"] for s in detail["signers"]] == [2, 4]


def test_expired_and_revived_once(site: Site) -> None:
    file_id = site.file()
    soon = site.now() + 3600_000
    flow_id = site.create(contract(file_id, person(file_id), signFlowExpireTime=soon))
    path = f"/v3/sign-flow/{flow_id}/delay"
    assert site.post(path, {"signFlowExpireTime": soon - 1})["code"] == 1435002
    assert site.post(path, {"signFlowExpireTime": soon + 91 * DAY * 1000})["code"] == 1435002
    site.control("clock", advance=3601)
    assert site.detail(flow_id)["signFlowStatus"] == 5
    assert site.post(path, {"signFlowExpireTime": str(soon + DAY * 1000)})["code"] == 0
    assert site.detail(flow_id)["signFlowStatus"] == 1
    assert site.post(path, {"signFlowExpireTime": soon + 2 * DAY * 1000})["code"] == 1435011
    site.act("sign", flow_id=flow_id)
    assert site.post(path, {"signFlowExpireTime": soon + 2 * DAY * 1000})["code"] == 1437201


def test_urging(site: Site) -> None:
    file_id = site.file()
    flow_id = site.create(contract(file_id, person(file_id)))
    path = f"/v3/sign-flow/{flow_id}/urge"
    assert site.post(path)["code"] == 1437137
    site.control("clock", advance=1801)
    assert site.post(path, {"urgedOperator": {"psnAccount": "13800000009"}})["code"] == 1439002
    assert site.post(path, {"urgedOperator": {"psnAccount": "13800000002"}})["data"] is None
    assert site.post(path)["code"] == 1437138
    site.control("clock", advance=601)
    assert site.post(path)["code"] == 0
    site.act("sign", flow_id=flow_id)
    assert site.post(path)["code"] == 1437126


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"operator": {"psnAccount": "13800000002"}}, 0),
        ({"operator": {"psnAccount": "13800000009"}}, 1437114),
        ({"operator": {"psnId": "aa"}}, 1437114),
        ({"operator": {}}, 1435002),
        ({"operator": {"psnAccount": "13800000002"}, "urlType": "3"}, 1435002),
    ],
)
def test_sign_url(site: Site, body: dict[str, Any], code: int) -> None:
    file_id = site.file()
    flow_id = site.create(contract(file_id, person(file_id)))
    assert site.post(f"/v3/sign-flow/{flow_id}/sign-url", body)["code"] == code


def test_download_links_run_out(site: Site) -> None:
    file_id = site.file()
    flow_id = site.create(contract(file_id, person(file_id)))
    site.act("sign", flow_id=flow_id)
    path = f"/v3/sign-flow/{flow_id}/file-download-url"
    assert site.post(path, {"urlAvailableDate": "3601"})["code"] == 1435002
    assert site.get(f"{path}?urlAvailableDate=0")["code"] == 1435002
    (file,) = site.get(f"{path}?urlAvailableDate=60")["data"]["files"]
    content = site.http.get(file["downloadUrl"]).content
    assert content.startswith(PDF)
    assert content != PDF
    assert content == site.http.get(file["downloadUrl"]).content
    site.control("clock", advance=61)
    refused = site.http.get(file["downloadUrl"])
    assert (refused.status_code, "<Code>AccessDenied</Code>" in refused.text) == (403, True)


def test_the_list(site: Site) -> None:
    file_id = site.file()
    titles = [f"HT-{number}" for number in range(5)]
    for title in titles:
        site.create(contract(file_id, company(file_id), signFlowTitle=title))
    site.create(contract(file_id, person(file_id), autoStart=False))
    now = site.now()
    window = {"signFlowStartTimeFrom": now - 60_000, "signFlowStartTimeTo": now + 60_000}

    def listed(**query: Any) -> Any:
        return site.post("/v3/sign-flow/sign-flow-list", {"pageNum": 1, "pageSize": 100} | window | query)

    pages = [listed(pageNum=page, pageSize=2)["data"] for page in (1, 2, 3, 4)]
    assert [len(page["signFlowInfos"]) for page in pages] == [2, 2, 1, 0]
    assert {page["total"] for page in pages} == {5}
    assert {row["signFlowTitle"] for page in pages for row in page["signFlowInfos"]} == set(titles)
    site.act("sign", title="HT-3")
    assert [row["signFlowTitle"] for row in listed(signFlowStatus=[2])["data"]["signFlowInfos"]] == ["HT-3"]
    assert listed(operator={"psnAccount": "13800000009"})["data"]["total"] == 0
    assert listed(organization={"orgName": "测试客户有限公司"})["data"]["total"] == 5
    assert listed(signFlowStartTimeTo=now - 59_000)["data"]["total"] == 0
    for wrong in (
        {"pageSize": 101},
        {"pageNum": 0},
        {"signFlowStartTimeTo": None},
        {"signFlowStartTimeFrom": 0},
        {"signFlowStartTimeFrom": None, "signFlowStartTimeTo": None},
    ):
        assert listed(**wrong)["code"] == 1435002
