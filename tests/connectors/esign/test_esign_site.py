"""The sandbox by itself, spoken to as public clients do: its gate, its checks, the life of a flow."""

import time
from copy import deepcopy
from typing import Any

import httpx
import pytest

from tests.connectors.esign.esign_client import JSON_TYPE, PDF, Site, company, contract, md5, own, person

DAY = 24 * 3600


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


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/none"), ("PUT", "/v3/sign-flow/create-by-file")])
def test_what_does_not_exist_is_told_in_the_envelope(site: Site, method: str, path: str) -> None:
    answer = site.send(method, path)
    assert (answer.status_code, answer.json()["code"]) == (404, 404)


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


def test_pages_have_a_size_when_asked(site: Site) -> None:
    file_id = site.file()
    asked = site.get(f"/v3/files/{file_id}?pageSize=true")["data"]
    assert (asked["pageWidth"], asked["pageHeight"]) == (595, 842)
    assert site.get(f"/v3/files/{file_id}")["data"]["pageWidth"] is None


def test_a_file_must_be_ready_and_a_pdf(site: Site) -> None:
    place = site.announce()["data"]
    early = contract(place["fileId"], person(place["fileId"]))
    assert site.post("/v3/sign-flow/create-by-file", early)["code"] == 1437513
    page = site.file(b"<html>", fileName="合同.html")
    assert site.post("/v3/sign-flow/create-by-file", contract(page, person(page)))["code"] == 1437513
    converted = site.file(b"<html>", fileName="合同.html", convertToPDF="true")
    assert site.post("/v3/sign-flow/create-by-file", contract(converted, person(converted)))["code"] == 0
    assert site.post("/v3/sign-flow/create-by-file", contract("0" * 32, person("0" * 32)))["code"] == 1437511


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
        (("docs",), [], 1435011),
        (("docs",), "x", 1435002),
        (("attachments",), [{"fileId": "0" * 32}], 1437511),
        (("signFlowInitiator",), "x", 1435002),
        (("signFlowInitiator",), {"orgInitiator": {"orgId": "", "transactor": {"psnId": ""}}}, 0),
        (("signFlowInitiator",), {"orgInitiator": {"orgId": "aa"}}, 1436116),
        (("signFlowInitiator",), {"psnInitiator": {"psnId": "aa"}}, 1436116),
        (("signFlowInitiator",), {"orgInitiator": {"orgId": "a"}, "psnInitiator": {"psnId": "b"}}, 1435002),
        ((*CONFIG, "signFlowTitle"), 42, 0),
        ((*CONFIG, "redirectConfig"), {"redirectDelayTime": "", "redirectUrl": ""}, 0),
        (("docs", 0, "fileId"), ..., 1435002),
        (("signers",), [], 1435011),
        ((*COMPANY, "signerType"), ..., 1435002),
        ((*COMPANY, "signerType"), 7, 1435002),
        ((*COMPANY, "signConfig", "signOrder"), 256, 1435002),
        ((*COMPANY, "signConfig", "forcedReadingTime"), "1000", 1435002),
        ((*COMPANY, "signConfig", "forcedReadingTime"), "10", 0),
        ((*COMPANY, "signConfig"), "x", 1435002),
        ((*COMPANY, "signConfig", "signTaskType"), 2, 1435002),
        ((*COMPANY, "orgSignerInfo", "orgId"), "aa", 1435002),
        ((*COMPANY, "orgSignerInfo", "orgName"), ..., 1435002),
        (TRANSACTOR, ..., 1435002),
        ((*TRANSACTOR, "psnId"), "aa", 1435002),
        ((*TRANSACTOR, "psnAccount"), "12345", 1435002),
        ((*TRANSACTOR, "psnAccount"), "mail@example.com", 0),
        ((*TRANSACTOR, "psnInfo"), ..., 1435002),
        ((*TRANSACTOR, "psnInfo"), "x", 1435002),
        ((*TRANSACTOR, "psnAccount"), 13800000001, 0),
        ((*TRANSACTOR, "psnAccount"), ["13800000001"], 1435002),
        (TRANSACTOR, {"psnId": "aa"}, 1435002),
        ((*COMPANY, "signFields"), [], 1435002),
        ((*AREA, "fileId"), "0" * 32, 1435002),
        (SEAL, ..., 1435002),
        ((*SEAL, "signFieldPosition"), ..., 1435002),
        ((*SEAL, "signFieldPosition", "positionX"), ..., 1435002),
        ((*SEAL, "signFieldPosition", "positionX"), "left", 1435002),
        ((*SEAL, "signFieldPosition", "positionX"), "12.5", 0),
        ((*AREA, "signFieldType"), 3, 1435002),
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
    nameless = company(file_id)
    del nameless["orgSignerInfo"]["transactorInfo"]["psnInfo"]
    (signer,) = site.detail(site.create(contract(file_id, nameless)))["signers"]
    assert signer["orgSigner"]["transactor"]["psnName"] == "测试甲"


def test_what_other_clients_leave_empty(site: Site) -> None:
    """Typed clients send every field they know: null, "" and zero where nothing was meant."""
    file_id = site.file()
    typed = person(file_id) | {"orgSignerInfo": None, "noticeConfig": {"noticeTypes": ""}}
    typed["psnSignerInfo"] |= {"psnId": ""}
    typed["signConfig"] |= {"forcedReadingTime": "", "agreeSkipWillingness": None}
    typed["signFields"][0] |= {"customBizNum": "", "remarkSignFieldConfig": None}
    body = contract(file_id, typed, notifyUrl="", redirectConfig=None, signFlowExpireTime=None)
    flow_id = site.create(body | {"attachments": None, "copiers": None, "signFlowInitiator": None})
    assert site.detail(flow_id)["signFlowStatus"] == 1


def test_an_account_and_a_number_of_ours_may_be_numbers(site: Site) -> None:
    file_id = site.file()
    signer, machine = person(file_id, order=2), own(file_id)
    machine["signFields"][0]["customBizNum"] = 20260001
    signer["psnSignerInfo"]["psnAccount"] = 13800000002
    flow_id = site.create(contract(file_id, machine, signer))
    first, second = site.detail(flow_id)["signers"]
    assert first["signFields"][0]["customBizNum"] == "20260001"
    assert second["psnSigner"]["psnAccount"] == {"accountMobile": "13800000002", "accountEmail": None}
    url = f"/v3/sign-flow/{flow_id}/sign-url"
    assert site.post(url, {"operator": {"psnAccount": 13800000002}})["code"] == 0


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
        ({"operator": {"psnAccount": "13800000002"}, "organization": {"orgName": "", "orgId": ""}}, 0),
        ({"operator": {"psnAccount": "13800000002"}, "organization": {"orgName": "别家公司"}}, 1437114),
        ({"operator": {}}, 1435002),
        ({"operator": "13800000002"}, 1435002),
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
    assert listed(organization={"orgName": "测试客户有限公司", "orgId": ""})["data"]["total"] == 5
    assert listed(operator={"psnAccount": "13800000001", "psnId": ""}, signStatus=["2"])["data"]["total"] == 1
    assert listed(initiator={"initiatorOrgId": "aa"})["data"]["total"] == 0
    assert listed(signFlowStartTimeTo=now - 59_000)["data"]["total"] == 0
    for wrong in (
        {"pageSize": 101},
        {"pageNum": 0},
        {"signFlowStartTimeTo": None},
        {"signFlowStartTimeFrom": 0},
        {"signFlowStatus": 1},
        {"signFlowStatus": ["signed"]},
        {"operator": "13800000001"},
        {"signFlowStartTimeFrom": None, "signFlowStartTimeTo": None},
    ):
        assert listed(**wrong)["code"] == 1435002
