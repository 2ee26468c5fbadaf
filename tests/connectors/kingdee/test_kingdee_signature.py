"""Application signature: the worked numbers, the strict server, and the connection that uses it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from connector_kit import MemoryRecorder, Operation, Reply, Request, secrets_of
from connectors.kingdee import CONNECTOR, ledger, protocol, signing
from connectors.kingdee.adapter import KingdeeAdapter
from connectors.kingdee.settings import KingdeeSettings
from domain.faults import Misconfigured, UnknownOutcome
from domain.records import Company, DocumentState
from sandboxes.common import Running
from sandboxes.kingdee import signing as server
from tests.connectors.connection import open_connection

STUBS = "Kingdee.BOS.WebApi.ServicesStub."
ACCT, USER = "6500aa11bb22cc", "demo"
APP, SECRET = "900001_TX3UQwFvx0aB9V+UMz2ObyIDQGiJ6dmL", "0123456789abcdef0123456789abcdef"
URL = f"http://127.0.0.1:18081/k3cloud/{STUBS}DynamicFormService.Save.common.kdsvc"
MOMENT = datetime.fromtimestamp(1795322583, UTC)
SIGNED: dict[str, Any] = {
    "base_url": "http://127.0.0.1:18081",
    "acct_id": ACCT,
    "user_name": USER,
    "login": "signature",
    "app_id": APP,
    "app_secret": SECRET,
    "bank_account": "6222-DEMO-01",
}
SETTINGS = KingdeeSettings.model_validate(SIGNED)


def test_the_headers_of_the_worked_example() -> None:
    assert signing.headers(URL, SETTINGS, now=MOMENT) == {
        "X-Api-ClientID": "900001",
        "X-Api-Auth-Version": "2.0",
        "x-api-timestamp": "1795322583",
        "x-api-nonce": "1795322583",
        "x-api-signheaders": "x-api-timestamp,x-api-nonce",
        "X-Api-Signature": "Mjk3NjQ2ODUzY2NlYzdhYmRhZWUwZTBhYmI4YjY4MDEz"
        "ZjFkOGEzZmRjNGYzZTM4ZmZkZjY0YTg5OTUwMmEzYg==",
        "X-Kd-Appkey": APP,
        "X-Kd-Appdata": "NjUwMGFhMTFiYjIyY2MsZGVtbywyMDUyLDA=",
        "X-Kd-Signature": "NzkyMWJlYWRiNzNlNWEzNDkxNDAzMjQyMTJhYjU4Zjgw"
        "Y2Q0NWNiNmVjYTg2YmEzZWFlNzEwOTY4ZjAzN2M5OQ==",
    }


def test_the_signed_text_and_the_hidden_key_of_the_worked_example() -> None:
    path = f"%2Fk3cloud%2F{STUBS}DynamicFormService.Save.common.kdsvc"
    text = f"POST\n{path}\n\nx-api-nonce:1795322583\nx-api-timestamp:1795322583\n"
    assert signing.path_text(URL, nonce="1795322583", timestamp="1795322583") == text
    hidden = APP.partition("_")[2]
    assert signing.client_secret(hidden) == "fU3hd2dc/nHiw22nBw65V0AzeQvo3r24" == server.client_key(hidden)


@pytest.mark.parametrize("hidden", ["", "too-short", "*" * 32])
def test_an_application_id_that_hides_no_key(hidden: str) -> None:
    assert signing.client_secret(hidden) == ""
    settings = KingdeeSettings.model_validate(SIGNED | {"app_id": f"900001_{hidden}_x"})
    assert signing.headers(URL, settings, now=MOMENT)["X-Api-ClientID"] == ""


def test_the_login_signature_of_the_worked_example() -> None:
    parts = (ACCT, USER, APP, SECRET, "1795322583")
    assert (
        server.login_signature(*parts) == "64bb0d267b997224fa615730d5baf954ade7ec1e85d1bb7ece8b8c18ce16ae39"
    )


def test_signing_keeps_the_request() -> None:
    plain = Request(Operation("x", "read"), "POST", URL, headers={"content-type": "a"}, content=b"body")
    request = signing.signed(plain, SETTINGS, now=MOMENT)
    assert (request.content, request.headers["content-type"]) == (b"body", "a")


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({"login": "session"}, "password"),
        ({"app_secret": ""}, "app_secret"),
        ({"app_id": ""}, "app_id"),
    ],
)
def test_a_connection_without_what_its_login_needs(given: dict[str, str], missing: str) -> None:
    with pytest.raises(ValidationError, match=missing):
        KingdeeSettings.model_validate(SIGNED | given)


def test_credentials_are_secrets_and_no_business_of_a_mapping() -> None:
    assert {APP, SECRET} <= secrets_of(SETTINGS)
    assert not {"app_id", "app_secret", "org_num", "login"} & set(ledger.choices(SETTINGS))


def test_the_first_answer_brings_the_session() -> None:
    cookies = "kdservice-sessionid=aaaabbbb-0001; path=/, ASP.NET_SessionId=zz11; path=/"
    reply = Reply(200, {"set-cookie": cookies}, b"[]")
    assert protocol.read_greeting(reply, SETTINGS, now=MOMENT).value == "aaaabbbb-0001"
    assert protocol.read_greeting(Reply(200, {}, b"[]"), SETTINGS, now=MOMENT).value == ""


# --- against the sandbox ------------------------------------------------------------------------------


@pytest.fixture
def site(served: Running) -> Running:
    served.control("reset", {})
    return served


@asynccontextmanager
async def connect(site: Running, **choices: Any) -> AsyncIterator[tuple[KingdeeAdapter, MemoryRecorder]]:
    async with open_connection(CONNECTOR, site, **({"login": "signature"} | choices)) as opened:
        yield opened.adapter, opened.said


def sessions(site: Running) -> int:
    return len(site.control("books/sessions"))


def calls(site: Running, method: str) -> int:
    return sum(f".{method}." in row["path"] for row in site.control("log"))


@pytest.mark.parametrize("gateway", [False, True])
async def test_a_signing_connection_works_in_one_session(site: Running, gateway: bool) -> None:
    site.control("act/check_gateway", {"on": gateway})
    async with connect(site) as (kingdee, recorder):
        company = Company(code="C000001", name="示例制造（苏州）有限公司")
        document = await kingdee.advance_customer(await kingdee.create_customer(company))
        kept = repr(recorder.exchanges)
    assert document.state is DocumentState.DONE
    assert (sessions(site), calls(site, "ValidateUser")) == (1, 0)
    session = next(iter(site.control("books/sessions")))
    digests = signing.headers(site.url + "/", kingdee.settings, now=MOMENT)
    for secret in (SECRET, APP, session, digests["X-Kd-Signature"]):
        assert secret not in kept


async def test_an_expired_session_is_not_even_noticed(site: Running) -> None:
    async with connect(site) as (kingdee, _):
        assert await kingdee.find_customer("CUST9001")
        site.control("faults", {"rules": [{"kind": "expire_session", "path": "Query", "times": 1}]})
        before = len(site.control("log"))
        assert await kingdee.find_customer("CUST9001")
        assert len(site.control("log")) == before + 1
    assert sessions(site) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"app_secret": "not-the-secret"},
        {"app_id": "900002_x"},
        {"user_name": "clerk"},
        {"acct_id": "elsewhere"},
    ],
)
async def test_a_signature_that_is_refused(site: Running, wrong: dict[str, str]) -> None:
    async with connect(site, **wrong) as (kingdee, _):
        with pytest.raises(Misconfigured):
            await kingdee.find_customer("CUST9001")
    assert sessions(site) == 0


@pytest.mark.parametrize("kind", ["timeout_after", "drop_after"])
async def test_a_lost_answer_under_signature(site: Running, kind: str) -> None:
    async with connect(site, timeout_seconds=0.5) as (kingdee, _):
        site.control("faults", {"rules": [{"kind": kind, "path": "Save", "times": 1, "seconds": 1}]})
        with pytest.raises(UnknownOutcome):
            await kingdee.create_customer(Company(code="C000001", name="示例制造"))
        assert await kingdee.find_customer("C000001")


def post(site: Running, service: str, body: Any, headers: Mapping[str, str] | None = None) -> httpx.Response:
    url = f"{site.url}/k3cloud/{STUBS}{service}.common.kdsvc"
    return httpx.post(url, json=body, headers=headers or {}, trust_env=False)


def query(site: Running, **changed: str) -> httpx.Response:
    """A query whose signature was made by the connector, then changed."""
    service = "DynamicFormService.ExecuteBillQuery"
    url = f"{site.url}/k3cloud/{STUBS}{service}.common.kdsvc"
    headers = signing.headers(url, SETTINGS, now=datetime.now(UTC))
    headers |= {name.replace("_", "-"): value for name, value in changed.items()}
    body = {"data": {"FormId": "BD_Customer", "FieldKeys": "FNumber"}}
    return post(site, service, body, headers)


LOST = "会话信息已丢失，请重新登录"


def test_the_first_signed_answer_sets_two_cookies(site: Running) -> None:
    reply = query(site)
    assert reply.json() == [["CUST9001"]]
    assert [each.partition("=")[0] for each in reply.headers.get_list("set-cookie")] == [
        "kdservice-sessionid",
        "ASP.NET_SessionId",
    ]


def test_a_live_session_is_enough(site: Running) -> None:
    session = query(site).cookies["kdservice-sessionid"]
    again = query(site, kdservice_sessionid=session, X_Kd_Signature="wrong")
    assert again.json() == [["CUST9001"]]
    assert "set-cookie" not in again.headers
    assert sessions(site) == 1


@pytest.mark.parametrize(
    "changed", [{"X_Kd_Signature": "wrong"}, {"X_Kd_Appdata": "NjU="}, {"X_Kd_Appkey": "900001_x"}]
)
def test_what_every_server_refuses(site: Running, changed: dict[str, str]) -> None:
    status = query(site, **changed).json()[0][0]["Result"]["ResponseStatus"]
    assert (status["MsgCode"], status["Errors"][0]["Message"]) == (1, LOST)
    assert sessions(site) == 0


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"X_Api_Signature": "wrong"}, 4003),
        ({"x_api_nonce": "1"}, 4003),
        ({"X_Api_ClientID": ""}, 4002),
        ({"x_api_timestamp": "1795322583"}, 4006),
        ({"x_api_timestamp": "today"}, 4006),
    ],
)
def test_what_only_the_gateway_refuses(site: Running, changed: dict[str, str], code: int) -> None:
    assert query(site, **changed).json() == [["CUST9001"]]
    site.control("act/check_gateway", {"on": True})
    reply = query(site, **changed)
    assert (reply.status_code, reply.json()["errcode"]) == (519, code)
    assert query(site).json() == [["CUST9001"]]


def sign(timestamp: str) -> str:
    return server.login_signature(ACCT, USER, APP, SECRET, timestamp)


NOW = str(int(datetime.now(UTC).timestamp()))


@pytest.mark.parametrize(
    ("method", "body", "kind", "words"),
    [
        ("LoginByAppSecret", {"parameters": [ACCT, USER, APP, SECRET, 2052]}, 1, ""),
        ("LoginByAppSecret", {"parameters": f'["{ACCT}","{USER}","{APP}","{SECRET}","2052"]'}, 1, ""),
        (
            "loginbyappsecret",
            {"acctid": ACCT, "username": USER, "appid": APP, "appsecret": SECRET, "lcid": "2052"},
            1,
            "",
        ),
        ("LoginByAppSecret", {"parameters": [ACCT, USER, APP, "wrong", 2052]}, -1, "密钥不正确"),
        ("LoginByAppSecret", {"parameters": [ACCT, USER, "900002_x", SECRET, 2052]}, -1, "未授权"),
        ("LoginByAppSecret", {"parameters": [ACCT, "clerk", APP, SECRET, 2052]}, -1, "不允许用户clerk 登录"),
        ("LoginBySign", {"parameters": [ACCT, USER, APP, NOW, sign(NOW), 2052]}, 1, ""),
        ("LoginBySign", {"parameters": [ACCT, USER, APP, int(NOW), sign(NOW), 2052]}, 1, ""),
        ("LoginBySign", {"parameters": [ACCT, USER, APP, NOW, sign("1"), 2052]}, -1, "签名验证失败"),
        (
            "LoginBySign",
            {"parameters": [ACCT, USER, APP, "1600000000", sign("1600000000"), 2052]},
            -1,
            "已过期",
        ),
        ("ValidateUser", {"acctID": ACCT, "username": USER, "password": "demo-pass", "lcid": 2052}, 1, ""),
        ("ValidateUser", {"acctID": ACCT, "username": USER, "password": "", "lcid": 2052}, 0, "密码错误"),
    ],
)
def test_logins(site: Running, method: str, body: dict[str, Any], kind: int, words: str) -> None:
    reply = post(site, f"AuthService.{method}", body)
    answer = reply.json()
    assert (answer["LoginResultType"], bool(answer["KDSVCSessionId"])) == (kind, kind == 1)
    assert words in (answer["Message"] or "")
    assert ("kdservice-sessionid" in reply.cookies) == (kind == 1)
