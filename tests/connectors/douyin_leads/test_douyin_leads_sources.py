"""Every list of leads that the vendor has: requests, answers, and pulls against the stand-in."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import orjson
import pytest
from pydantic import ValidationError

from connector_kit import MemoryRecorder, MemoryTokens, Redactor, Reply, Sender, Tools, new_client, secrets_of
from connectors.douyin_leads import legacy, open_platform
from connectors.douyin_leads.adapter import DouyinLeads
from connectors.douyin_leads.errors import open_fault_from
from connectors.douyin_leads.protocol import build_life_clues, read_life_clues
from connectors.douyin_leads.settings import Settings
from domain.faults import Fault, Malformed, Misconfigured, Rejected, SessionExpired, Throttled, Transient
from domain.ports import Inbound
from domain.records import Lead
from mappings import Translator
from sandboxes.common import PLAIN, Running
from sandboxes.douyin_leads.clues import LOCAL_ACCOUNTS
from tests.connectors.connection import SystemClock

# Loopback and no TLS: loading the certificates anew would cost 40 ms a call.
HTTP = httpx.Client(trust_env=False, verify=PLAIN, limits=httpx.Limits(max_keepalive_connections=0))
ALL = "ads,life,douyin,feiyu"
LOCAL = next(iter(LOCAL_ACCOUNTS))
SINCE = datetime(2026, 4, 30, 16, 0, 0, tzinfo=UTC)
GIVEN: dict[str, Any] = {
    "app_id": "1800000000000001",
    "secret": "made-up-secret",
    "refresh_token": "made-up-refresh",
    "advertiser_ids": "1700000000000001",
    "local_account_ids": "1700000000000001",
    "client_key": "aw_demo_key",
    "client_secret": "dy_secret_demo",
    "douyin_account_id": "7600000000000000001",
    "life_account_ids": "1,2",
    "feiyu_key": "FEIYUKEYDEMO0001",
    "feiyu_token": "made-up-token",
}


def configured(**changes: Any) -> Settings:
    return Settings.model_validate(GIVEN | changes)


def reply(body: object) -> Reply:
    return Reply(200, {}, body if isinstance(body, bytes) else orjson.dumps(body))


# --- bytes in, values out


def test_the_request_for_local_life() -> None:
    request = build_life_clues(
        configured(), access_token="at-1", since=SINCE, until=SINCE + timedelta(hours=1), page=1
    )
    assert (request.method, urlsplit(request.url).path) == ("POST", "/open_api/2/tools/clue/life/get/")
    assert request.headers["Access-Token"] == "at-1"
    assert orjson.loads(request.content) == {
        "local_account_ids": [1700000000000001],
        "start_time": "2026-05-01 00:00:00",
        "end_time": "2026-05-01 01:00:00",
        "page": 1,
        "page_size": 100,
        "encrypt_sensitive_fields": False,
    }


def test_the_request_to_the_open_platform() -> None:
    request = open_platform.build_clues(
        configured(), access_token="clt-1", since=SINCE, until=SINCE + timedelta(hours=1), page=2
    )
    assert request.headers["access-token"] == "clt-1"
    assert parse_qs(urlsplit(request.url).query) == {
        "account_id": ["7600000000000000001"],
        "life_account_id": ["1", "2"],
        "start_time": ["2026-05-01 00:00:00"],
        "end_time": ["2026-05-01 01:00:00"],
        "page": ["2"],
        "page_size": ["20"],
    }


def test_the_request_to_the_old_list_is_the_worked_example() -> None:
    request = legacy.build_clues(
        configured(),
        since=datetime.fromtimestamp(1777564800, UTC),
        until=datetime.fromtimestamp(1777651200, UTC),
        page=1,
        now=datetime.fromtimestamp(1777651260, UTC),
    )
    assert request.url.endswith(
        "/crm/v2/openapi/pull-clues/?page=1&page_size=100&start_time=1777564800&end_time=1777651200"
    )
    assert (request.headers["Timestamp"], request.headers["Access-Token"]) == ("1777651260", "made-up-token")
    assert request.headers["Signature"] == (
        "NWFiMDgxMmRmMWFlYTM1NDM2NTk0OTJjNGNlMmQ4NzE1NTM1MjYzM2I1OGI5Yjg3YjRkYmI0YzE4ZTk4YTFiNg=="
    )


def test_the_answers() -> None:
    life = read_life_clues(
        reply(
            {
                "code": 0,
                "data": {
                    "list": [{"clue_id": "1"}],
                    "page_info": {"page_number": 1, "page_size": 100, "page_total": 2, "total": 137},
                },
            }
        )
    )
    assert (life.rows, life.total, life.last) == ([{"clue_id": "1"}], 137, True)
    found = open_platform.read_clues(
        reply(
            {
                "data": {
                    "error_code": 0,
                    "description": "success",
                    "clue_data": [],
                    "page": {"page_number": 1, "page_size": 20, "page_total": 0, "total": 0},
                },
                "extra": {"error_code": 0, "now": "1777651200"},
            }
        )
    )
    assert (found.rows, found.total, found.last) == ([], 0, True)
    old = legacy.read_clues(reply({"status": "success", "count": 2, "data": [{"clue_id": "1"}]}), size=1)
    assert (len(old.rows), old.total, old.last) == (1, 2, False)


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        (2190008, SessionExpired),
        (2190002, SessionExpired),
        (2190004, Misconfigured),
        (10013, Misconfigured),
        (10020, Throttled),
        (2100004, Transient),
        (2100005, Rejected),
    ],
)
def test_the_open_platforms_codes(code: int, fault: type[Fault]) -> None:
    assert type(open_fault_from(code, "…")) is fault
    told = {"error_code": code, "description": "…"}
    none = {"clue_data": [], "page": {"page_size": 20, "total": 0}}
    for body in ({"data": told}, {"err_no": code, "err_msg": "…"}, {"data": none, "extra": told}):
        with pytest.raises(fault):
            open_platform.read_clues(reply(body))


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", {"data": {}}, {"data": {"error_code": "x"}}, {"data": {"error_code": None}}],
)
def test_no_answer_of_the_open_platform_looks_like_no_leads(body: object) -> None:
    with pytest.raises(Malformed):
        open_platform.read_clues(reply(body))


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b"<html>", Malformed),
        (b"{}", Malformed),
        ({"status": "-2", "msg": "signature error"}, Rejected),
        ({"status": -2, "msg": {"error": "x"}}, Rejected),
        ({"status": "fail", "msg": ""}, Rejected),
    ],
)
def test_no_answer_of_the_old_list_looks_like_no_leads(body: object, fault: type[Fault]) -> None:
    with pytest.raises(fault):
        legacy.read_clues(reply(body), size=100)


@pytest.mark.parametrize(
    ("sources", "without"),
    [
        ("ads", "advertiser_ids"),
        ("life", "local_account_ids"),
        ("douyin", "client_secret"),
        ("douyin", "douyin_account_id"),
        ("feiyu", "feiyu_key"),
        ("ads,feiyu", "feiyu_token"),
    ],
)
def test_a_source_needs_its_account(sources: str, without: str) -> None:
    given = {name: value for name, value in GIVEN.items() if name != without}
    with pytest.raises(ValidationError, match=without):
        Settings.model_validate(given | {"sources": sources})
    assert Settings.model_validate({"sources": ""}).sources == ()


# --- against the stand-in


@pytest.fixture
def box(served: Running) -> Running:
    served.control("reset", {})
    served.control("act/set_limits", {"qps": 0, "late_seconds": 0})
    return served


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with new_client() as opened:
        yield opened


def connected(box: Running, client: httpx.AsyncClient, **changes: Any) -> DouyinLeads:
    places = {"base_url": box.url, "open_url": box.url, "feiyu_url": box.url}
    settings = Settings.model_validate({**box.sandbox.credentials(), **places, **changes})
    sender = Sender(
        client, connection="k", redactor=Redactor(secrets_of(settings)), recorder=MemoryRecorder()
    )
    return DouyinLeads(settings, Tools("k", sender, MemoryTokens(), SystemClock(), Translator()))


async def pull(adapter: DouyinLeads) -> list[Inbound]:
    now = datetime.now(UTC)
    return [each async for page in adapter.pull_leads(now - timedelta(days=1), now) for each in page]


def submit(box: Running, count: int, **more: Any) -> list[str]:
    fields = {"local_account_id": LOCAL, "push": False, "telephone": "13800000001", **more}
    leads = [{"name": f"测试{number}", **fields} for number in range(count)]
    found: list[str] = box.control("act/submit_leads", {"leads": leads})["clue_ids"]
    return found


def read(adapter: DouyinLeads, message: Inbound) -> Lead:
    return adapter.read_lead(message.kind, message.body).record


@pytest.mark.parametrize("source", ["ads", "life", "douyin", "feiyu"])
async def test_each_source_is_read_page_by_page(box: Running, client: httpx.AsyncClient, source: str) -> None:
    submitted = submit(box, 23, remark_dict={"预算": "10万"}, auto_city_name="杭州")
    adapter = connected(box, client, sources=source, page_size=5)
    messages = await pull(adapter)
    leads = [read(adapter, message) for message in messages]
    assert sorted(lead.vendor_id for lead in leads) == submitted
    assert {lead.phone for lead in leads} == {"+8613800000001"}
    assert {str(lead.answers) for lead in leads} == {"{'预算': '10万'}"}
    assert all(abs(lead.created_at - datetime.now(UTC)) < timedelta(minutes=1) for lead in leads)
    assert await pull(adapter) == messages


async def test_a_lead_says_the_same_by_every_door(box: Running, client: httpx.AsyncClient) -> None:
    (clue_id,) = submit(box, 1, province_name="浙江", city_name="杭州", remark="下午联系", weixin="demo_wx")
    adapter = connected(box, client, sources=ALL)
    leads = [read(adapter, message) for message in await pull(adapter)]
    assert [lead.vendor_id for lead in leads] == [clue_id] * 4
    same = {(lead.name, lead.phone, lead.wechat, lead.region, lead.city, lead.message) for lead in leads}
    assert same == {("测试0", "+8613800000001", "demo_wx", "浙江", "杭州", "下午联系")}
    assert len({lead.created_at for lead in leads}) == 1


async def test_leads_without_an_advertiser_are_only_local_lifes(
    box: Running, client: httpx.AsyncClient
) -> None:
    (organic,) = submit(box, 1, advertiser_id="", flow_type="NATURE")
    (paid,) = submit(box, 1, local_account_id="")
    by_source = {
        source: {read(adapter, each).vendor_id for each in await pull(adapter)}
        for source in ALL.split(",")
        if (adapter := connected(box, client, sources=source))
    }
    assert by_source == {"ads": {paid}, "life": {organic}, "douyin": {organic}, "feiyu": {paid}}


async def test_a_refund_hides_the_number_and_is_news(box: Running, client: httpx.AsyncClient) -> None:
    (clue_id,) = submit(box, 1)
    adapter = connected(box, client, sources="life,douyin")
    before = await pull(adapter)
    box.control("clock", {"advance": 2})
    await asyncio.to_thread(box.control, "act/refund", {"clue_id": clue_id})
    after = await pull(adapter)
    assert [read(adapter, message).phone for message in before] == ["+8613800000001"] * 2
    assert [read(adapter, message).phone for message in after] == [None, None]
    assert not {each.dedupe_key for each in before} & {each.dedupe_key for each in after}


async def test_one_source_that_fails_does_not_stop_the_others(
    box: Running, client: httpx.AsyncClient
) -> None:
    submitted = submit(box, 3)
    adapter = connected(box, client, sources="douyin,feiyu", client_secret="wrong")
    messages: list[Inbound] = []

    async def collect() -> None:
        now = datetime.now(UTC)
        async for page in adapter.pull_leads(now - timedelta(days=1), now):
            messages.extend(page)

    with pytest.raises(Misconfigured, match="10013"):
        await collect()
    assert sorted(read(adapter, message).vendor_id for message in messages) == submitted


@pytest.mark.parametrize("source", ["life", "douyin", "feiyu"])
@pytest.mark.parametrize("kind", ["drop_after", "status_before", "expire_session"])
async def test_a_passing_fault_is_survived(
    box: Running, client: httpx.AsyncClient, source: str, kind: str
) -> None:
    submit(box, 3)
    adapter = connected(box, client, sources=source)
    await pull(adapter)
    box.control("faults", {"rules": [{"kind": kind, "path": "clue", "times": 1}]})
    assert len(await pull(adapter)) == 3


@pytest.mark.parametrize("source", ["life", "douyin", "feiyu"])
async def test_half_an_answer_is_never_an_empty_list(
    box: Running, client: httpx.AsyncClient, source: str
) -> None:
    submit(box, 3)
    box.control("faults", {"rules": [{"kind": "malformed", "path": "clue", "times": 1}]})
    with pytest.raises(Malformed):
        await pull(connected(box, client, sources=source))


@pytest.mark.parametrize(
    ("source", "change", "fault"),
    [
        ("life", {"local_account_ids": "1799999999999999"}, Misconfigured),
        ("douyin", {"life_account_ids": "1799999999999999"}, Misconfigured),
        ("douyin", {"client_key": "other"}, Misconfigured),
        ("feiyu", {"feiyu_key": "b3RoZXI="}, Rejected),
        ("feiyu", {"feiyu_token": "other-token"}, Rejected),
    ],
)
async def test_a_wrong_account_is_refused(
    box: Running, client: httpx.AsyncClient, source: str, change: dict[str, str], fault: type[Fault]
) -> None:
    with pytest.raises(fault):
        await pull(connected(box, client, sources=source, **change))


def test_the_stand_in_is_strict(box: Running) -> None:
    known = box.sandbox.credentials()
    body = {"app_id": known["app_id"], "secret": known["secret"], "refresh_token": known["refresh_token"]}
    tokens = HTTP.post(box.url + "/open_api/oauth2/refresh_token/", json=body).json()["data"]
    good = {"local_account_ids": [int(LOCAL)], "start_time": "2026-05-01", "end_time": "2026-05-02"}
    for change, code in (
        ({}, 0),
        ({"local_account_ids": [LOCAL]}, 40001),
        ({"local_account_ids": [1] * 51}, 40001),
        ({"local_account_ids": [1799999999999999]}, 40002),
        ({"start_time": "x"}, 40001),
        ({"encrypt_sensitive_fields": True}, 40001),
    ):
        answer = HTTP.post(
            box.url + "/open_api/2/tools/clue/life/get/",
            json={**good, **change},
            headers={"Access-Token": tokens["access_token"]},
        )
        assert answer.json()["code"] == code, change
    old = HTTP.get(box.url + "/crm/v2/openapi/pull-clues/", params={"start_time": 1, "end_time": 2})
    assert old.json() == {"status": "-2", "msg": "token error"}


def test_client_tokens_die_five_minutes_after_the_next(box: Running) -> None:
    known = box.sandbox.credentials()
    body = {name: known[name] for name in ("client_key", "client_secret")}
    body["grant_type"] = "client_credential"

    def token() -> str:
        answer = HTTP.post(box.url + "/oauth/client_token/", json=body).json()
        return str(answer["data"]["access_token"])

    def code(access_token: str) -> int:
        answer = HTTP.get(
            box.url + "/goodlife/v1/open_api/crm/clue/query/",
            params={"account_id": known["douyin_account_id"]},
            headers={"access-token": access_token},
        )
        return int(answer.json()["data"]["error_code"])

    first, second = token(), token()
    assert [code(first), code(second), code("x")] == [0, 0, 2190002]
    box.control("clock", {"advance": 301})
    assert [code(first), code(second)] == [2190008, 0]
    box.control("clock", {"advance": 7000})
    assert code(second) == 2190008
