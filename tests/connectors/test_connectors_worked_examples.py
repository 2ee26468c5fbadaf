"""The worked requests of the vendors' papers, byte for byte, by plain HTTP: the sandboxes take them.

No client of ours has a hand in these: neither a connector nor a signature is computed here.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from sandboxes.common import PLAIN, Running, running
from sandboxes.douyin_leads import doors, legacy
from sandboxes.esign.notices import callback_signature
from sandboxes.fadada.app import APP_SECRET as FASC_SECRET
from sandboxes.run import load

# Loopback and no TLS; no connection is kept.
HTTP = httpx.Client(trust_env=False, verify=PLAIN, limits=httpx.Limits(max_keepalive_connections=0))
VENDORS = ("esign", "fadada", "tencent_ess", "yonyou_u8", "douyin_leads")


class Site:
    """A sandbox, reset, and a client that adds nothing of its own."""

    def __init__(self, served: Running) -> None:
        served.control("reset", {})
        self.served = served

    def at(self, seconds: float) -> None:
        """The examples carry their time."""
        now = self.served.sandbox.clock.now().timestamp()
        self.served.control("clock", {"advance": seconds - now})

    def send(self, method: str, path: str, body: str = "", **headers: str) -> httpx.Response:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return HTTP.request(method, self.served.url + path, content=body.encode() or None, headers=given)

    def act(self, name: str, /, **body: Any) -> Any:
        return self.served.control(f"act/{name}", body)


@pytest.fixture(scope="module")
def served() -> Iterator[dict[str, Running]]:
    with ExitStack() as stack:
        yield {name: stack.enter_context(running(load(name)())) for name in VENDORS}


# --- e签宝


@pytest.fixture
def esign(served: dict[str, Running]) -> Site:
    site = Site(served["esign"])
    site.at(1760000000.123)
    return site


ESIGN = {
    "X-Tsign-Open-App-Id": "7438900001",
    "X-Tsign-Open-Auth-Mode": "Signature",
    "X-Tsign-Open-Ca-Timestamp": "1760000000123",
    "Accept": "*/*",
}
ANNOUNCEMENT = (
    '{"fileName":"示例采购合同.pdf","fileSize":20480,"contentType":"application/pdf",'
    '"contentMd5":"zLbrXZRy63VltQ3kqRGBXg=="}'
)
FLOW = "/v3/sign-flow/3f5d0c6e7a9b4b1f8d2e6c4a1b0f9e8d"
UTF8 = {"Content-Type": "application/json; charset=UTF-8"}


@pytest.mark.parametrize(
    "more",
    [
        {"X-Tsign-Open-Ca-Signature": "GUm5R9oPIk5vZQxBA11efH9CgZ9DIgG5CzVg2y/y1EY="},
        {
            "X-Tsign-Open-Ca-Signature-Headers": "X-Tsign-Open-App-Id,X-Tsign-Open-Ca-Timestamp",
            "X-Tsign-Open-Ca-Signature": "uFXwbG4OSgIbYip7+IGAkjZLlzBBGWs3y4u5mqdnv4g=",
        },
    ],
    ids=["plain", "extra signed headers"],
)
def test_esign_announces_a_file(esign: Site, more: dict[str, str]) -> None:
    headers = ESIGN | UTF8 | {"Content-MD5": "utN0xdUbI/wle5Hc3I28Aw=="} | more
    answer = esign.send("POST", "/v3/files/file-upload-url", ANNOUNCEMENT, **headers)
    assert answer.status_code == 200
    assert (answer.json()["code"], len(answer.json()["data"]["fileId"])) == (0, 32)


@pytest.mark.parametrize(
    ("path", "signature", "more"),
    [
        (f"{FLOW}/detail", "CDnom1mAHTRosxA23fIgeZRnuoniMQOyLjl+5qbA2Qs=", {}),
        (f"{FLOW}/detail", "NI3xiU99L03w3pGns5wZwuk0Quwfd+IW4CckY1UT5i0=", UTF8),
        (
            f"{FLOW}/file-download-url?urlAvailableDate=600",
            "5/Ukci7wKWgvhFxLjZFKU+dkbmvQ5HPTG2W9GohZ6VU=",
            {},
        ),
    ],
)
def test_esign_lets_the_reads_in(esign: Site, path: str, signature: str, more: dict[str, str]) -> None:
    """Past the gate: it is the flow that is unknown, not the caller."""
    answer = esign.send("GET", path, **ESIGN, **more, **{"X-Tsign-Open-Ca-Signature": signature})
    assert (answer.status_code, answer.json()["code"]) == (200, 1435011)


def test_esign_signs_its_callbacks_like_the_example() -> None:
    body = (
        '{"action":"SIGN_FLOW_COMPLETE","timestamp":1760000100456,'
        '"signFlowId":"3f5d0c6e7a9b4b1f8d2e6c4a1b0f9e8d","signFlowTitle":"示例采购合同",'
        '"signFlowStatus":"2","statusDescription":"完成","signFlowCreateTime":1760000000123,'
        '"signFlowStartTime":1760000000500,"signFlowFinishTime":1760000100000}'
    ).encode()
    secret, stamp = "0f1e2d3c4b5a69788796a5b4c3d2e1f0", "1760000100789"
    signed = [
        callback_signature(secret, stamp, f"https://hub.example.com/hooks{query}", body)
        for query in ("", "?tenant=t01&hook=esign")
    ]
    assert signed == [
        "7fa9f884d1db4bd4cd38894dee62d98c1fcb75dd8c153f1d691d21fef176158f",
        "3d89b87c61833b08da9fff17c9e437704ef7da8fa2336fdbac8908f6accbc824",
    ]


# --- 法大大 and 腾讯电子签

FASC = {
    "Content-Type": "application/x-www-form-urlencoded",
    "X-FASC-App-Id": "80009999",
    "X-FASC-Sign-Type": "HMAC-SHA256",
    "X-FASC-Timestamp": "1760000000123",
    "X-FASC-Nonce": "00000000000000000000000000000001",
    "X-FASC-Api-SubVersion": "5.1",
}


@pytest.mark.parametrize("body", ["", "bizContent="])
def test_fadada_gives_a_token(served: dict[str, Running], body: str) -> None:
    assert FASC_SECRET == "FASCEXAMPLESECRET000000000000001"
    site = Site(served["fadada"])
    site.at(1760000000.123)
    sign = "f41d64403184827f5127dd0c054fe859bc3f6551c57e83385399935d317924d5"
    more = {"X-FASC-Grant-Type": "client_credential", "X-FASC-Sign": sign}
    answer = site.send("POST", "/service/get-access-token", body, **FASC, **more).json()
    assert (answer["code"], answer["data"]["expiresIn"]) == ("100000", "7200")


def test_fadada_takes_a_call(served: dict[str, Running]) -> None:
    site = Site(served["fadada"])
    site.at(1760000000.123)
    site.served.sandbox.books.table("tokens")["tok-example"] = {"until": 1760000001000}
    more = {
        "X-FASC-AccessToken": "tok-example",
        "X-FASC-Sign": "888d0e4dd40eee59169b02a4c6e0b0b98a0b0c61092a4d012e706b224aaa4e47",
    }
    body = "bizContent=%7B%22signTaskId%22%3A%221760000000000000001%22%7D"
    answer = site.send("POST", "/sign-task/app/get-detail", body, **FASC, **more)
    assert (answer.status_code, answer.json()["code"]) == (200, "211001")


def test_tencent_takes_a_call(served: dict[str, Running]) -> None:
    site = Site(served["tencent_ess"])
    site.at(1760000000)
    body = '{"Operator": {"UserId": "yDxExampleOperatorId"}, "FlowIds": ["yDxExampleFlowId0000000000000001"]}'
    authorization = (
        "TC3-HMAC-SHA256 Credential=AKIDexampleMadeUp0000000000000000000/2025-10-09/ess/tc3_request, "
        "SignedHeaders=content-type;host, "
        "Signature=005efe47d12c3e6111f42e8cbe620232b4f15a76f62110ada7da6e78ddb251d8"
    )
    headers = {
        "Host": "ess.tencentcloudapi.com",
        "Content-Type": "application/json",
        "X-TC-Action": "DescribeFlowBriefs",
        "X-TC-Version": "2020-11-11",
        "X-TC-Timestamp": "1760000000",
        "Authorization": authorization,
    }
    answer = site.send("POST", "/", body, **headers)
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["Response"]["FlowBriefs"] == []


# --- 用友 U8


@pytest.fixture
def u8(served: dict[str, Running]) -> Site:
    site = Site(served["yonyou_u8"])
    site.at(1742270400)
    return site


def u8_caller(site: Site) -> str:
    secret = site.served.sandbox.credentials()["app_secret"]
    asked = f"from_account=dev_demo&app_key=opa0f1e2d3c4b5a697&app_secret={secret}"
    token = site.send("GET", f"/system/token?{asked}").json()["token"]
    assert (token["appKey"], token["expiresIn"]) == ("opa0f1e2d3c4b5a697", 7200)
    return f"from_account=dev_demo&to_account=test_corp01&app_key=opa0f1e2d3c4b5a697&token={token['id']}"


def test_u8_by_openapi(u8: Site) -> None:
    caller = u8_caller(u8)
    trade = u8.send("GET", f"/system/tradeid?{caller}").json()["trade"]["id"]
    body = (
        '{"saleorder":{"code":"","date":"2025-03-18","custcode":"K00017",'
        '"entry":[{"inventorycode":"SV-01","quantity":1,"taxunitprice":10600}]}}'
    )
    add = f"/api/saleorder/add?{caller}&tradeid={trade}&sync=1"
    added = u8.send("POST", add, body, Content_Type="application/json").json()
    assert (added["errcode"], added["errmsg"]) == ("0", "")
    customer = u8.send("GET", f"/api/customer/get?{caller}&ds_sequence=1&id=K00017").json()
    assert customer["customer"]["name"] == "示例机械（宁波）有限公司"
    window = "page_index=1&rows_per_page=20&date_begin=2025-03-01&date_end=2025-03-31"
    empty = u8.send("GET", f"/api/oughtreceivelist/batch_get?{caller}&{window}").json()
    assert empty["errcode"] == "20002"
    listed = u8.send("GET", f"/api/saleorderlist/batch_get?{caller}&{window}").json()
    assert [listed[name] for name in ("page_index", "page_count", "row_count")] == ["1", "1", "1"]


def test_u8_takes_the_worked_voucher(u8: Site) -> None:
    body = (
        '{"voucher":{"voucher_type":"记","fiscal_year":"2025","accounting_period":"3","voucher_id":"",'
        '"date":"2025-03-18","enter":"财务接口","attachment_number":"1","voucher_making_system":"CDM",'
        '"reserve2":"HUB-V-000128","debit":{"entry":[{"entry_id":"1","account_code":"1122",'
        '"abstract":"确认应收","currency":"人民币","natural_debit_currency":"10600.00",'
        '"auxiliary":{"cust_id":"K00017"}}]},"credit":{"entry":[{"entry_id":"1","account_code":"600101",'
        '"abstract":"确认应收","natural_credit_currency":"10600.00"}]}}}'
    )
    add = f"/api/voucher/add?{u8_caller(u8)}&biz_id=HUB-V-000128&sync=1"
    assert u8.send("POST", add, body, Content_Type="application/json").json()["errcode"] == "0"


def test_u8_by_xml(u8: Site) -> None:
    """The worked receivable, receipt and customer query stand in test_yonyou_u8_eai_door.py."""
    sql = (
        '<ufinterface sender="021" receiver="u8" roottag="SQLEXE" proc="doc" codeexchanged="N">'
        "<sql value=\"select cVouchID,iAmount_f from Ap_Vouch where cVouchID='AR2503000042'\"/></ufinterface>"
    )
    answer = u8.send("POST", "/U8EAI/import.asp", sql, Content_Type="application/x-www-form-urlencoded")
    assert answer.status_code == 200
    assert 'request-roottag="SQLEXE"' in answer.text
    assert "item" not in answer.text
    assert u8.send("GET", "/u8eai/Import.asp").text == "正常"


# --- 巨量引擎, 抖音 and 飞鱼


@pytest.fixture
def ads(served: dict[str, Running]) -> Site:
    return Site(served["douyin_leads"])


def ads_token(site: Site) -> str:
    given = site.served.sandbox.credentials()
    code = site.act("authorize")["auth_code"]
    body = f'{{"app_id":{given["app_id"]},"secret":"{given["secret"]}","auth_code":"{code}"}}'
    granted = site.send("POST", "/open_api/oauth2/access_token/", body, Content_Type="application/json")
    assert granted.json()["code"] == 0
    token: str = granted.json()["data"]["access_token"]
    return token


LIFE = (
    '{"local_account_ids":[1700000000000101],"start_time":"2026-05-01 00:00:00",'
    '"end_time":"2026-05-01 01:00:00","page":1,"page_size":100,"encrypt_sensitive_fields":false}'
)
FEEDBACK = (
    '{"advertiser_ids":[1700000000000001],"clue_id":"7300000000000000001","source":1,'
    '"clue_convert_state":194,"source_type":1,'
    '"event_data":{"reason_code":"OTHER","reason_message":"…","deal_sub_amount":0}}'
)
LIFE_FEEDBACK = (
    '{"local_account_ids":["1700000000000101"],"clue_id":"7300000000000000001",'
    '"clue_convert_state":"CLUE_CONFIRM","event_data":{}}'
)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "tools/clue/get/?advertiser_ids=%5B1700000000000001%2C+1700000000000002%5D", ""),
        ("GET", "tools/clue/get/?advertiser_ids=%5B%221700000000000001%22%5D&page=1&page_size=100", ""),
        ("POST", "tools/clue/life/get/", LIFE),
        ("POST", "tools/clue/callback/", FEEDBACK),
        ("POST", "tools/clue/life/callback/", LIFE_FEEDBACK),
    ],
)
def test_ocean_engine(ads: Site, method: str, path: str, body: str) -> None:
    ads.act("submit_lead", name="测试", telephone="13800000001", local_account_id="1700000000000101")
    headers = {"Access-Token": ads_token(ads), "Content-Type": "application/json"}
    answer = ads.send(method, f"/open_api/2/{path}", body, **headers)
    assert (answer.status_code, answer.json()["code"], answer.json()["message"]) == (200, 0, "OK")


def test_the_open_platform(ads: Site) -> None:
    given = ads.served.sandbox.credentials()
    body = (
        f'{{"client_key":"{given["client_key"]}","client_secret":"{given["client_secret"]}",'
        '"grant_type":"client_credential"}'
    )
    token = ads.send("POST", "/oauth/client_token/", body, Content_Type="application/json").json()
    query = (
        f"account_id={given['douyin_account_id']}&start_time=2026-05-01 00:00:00"
        "&end_time=2026-05-01 01:00:00&page=1&page_size=20"
    )
    path = f"/goodlife/v1/open_api/crm/clue/query/?{query}"
    answer = ads.send("GET", path, access_token=token["data"]["access_token"]).json()
    assert (answer["data"]["error_code"], answer["data"]["clue_data"]) == (0, [])


def test_the_old_pull(ads: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sandbox is given the key of the example."""
    monkeypatch.setattr(legacy, "KEY", "FEIYUKEYDEMO0001")
    ads.at(1777651260)
    headers = {
        "Content-Type": "application/json;charset=UTF-8",
        "Access-Token": legacy.TOKEN,
        "Timestamp": "1777651260",
        "Signature": (
            "NWFiMDgxMmRmMWFlYTM1NDM2NTk0OTJjNGNlMmQ4NzE1NTM1MjYzM2I1OGI5Yjg3YjRkYmI0YzE4ZTk4YTFiNg=="
        ),
    }
    path = "/crm/v2/openapi/pull-clues/?page=1&page_size=100&start_time=1777564800&end_time=1777651200"
    assert ads.send("GET", path, **headers).json() == {"status": "success", "count": 0, "data": []}


def test_the_platforms_sign_like_the_examples() -> None:
    event = b'{"event":"verify_webhook","client_key":"aw_demo_key","content":{"challenge":12345}}'
    message = (
        b'{"message_id":"m-0001","service_label":"demo.label","data":"{}",'
        b'"advertiser_ids":[1700000000000001],"subscribe_task_id":1,"publish_time":1777651200,'
        b'"timestamp":1777651200123,"nonce":42}'
    )
    assert doors.webhook_signature("dy_secret_demo", event) == "50ad765494b63b763859fd2856c506e409b04662"
    assert doors.spi_signature("spi_secret_demo", message) == (
        "40c0940b1039938a521e8151700da058ebc12752d1a52b4481477b4735238a0e"
    )
