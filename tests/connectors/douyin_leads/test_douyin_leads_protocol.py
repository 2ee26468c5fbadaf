"""Bytes in, values out."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector_kit import Reply
from connectors.douyin_leads import CONNECTOR
from connectors.douyin_leads.adapter import DouyinLeads
from connectors.douyin_leads.errors import fault_from
from connectors.douyin_leads.hooks import LeadHook
from connectors.douyin_leads.protocol import (
    build_clues,
    build_refresh,
    decode,
    default_names,
    feiyu_signature,
    pulled,
    read_clues,
    read_token,
    tidy,
    unfolded,
)
from connectors.douyin_leads.settings import Settings
from domain.faults import (
    Fault,
    Malformed,
    Misconfigured,
    Rejected,
    SessionExpired,
    Throttled,
    Transient,
)
from domain.ports import Hook, HookRefused, HookRequest, LeadReader, LeadSource

NOW = datetime(2026, 5, 1, 16, 1, 0, tzinfo=UTC)
PATH = "/hooks/feiyu/k-1"
KEY = "FEIYUKEYDEMO0001"
TOKEN = "0123456789abcdef"


def configured(**changes: Any) -> Settings:
    given: dict[str, Any] = {
        "base_url": "http://vendor.example",
        "app_id": "1800000000000001",
        "secret": "made-up-secret",
        "refresh_token": "made-up-refresh",
        "advertiser_ids": "1700000000000001, 1700000000000002",
        "push_token": TOKEN,
        "push_secretkey": KEY,
    }
    return Settings.model_validate(given | changes)


def reply(body: object) -> Reply:
    return Reply(200, {}, body if isinstance(body, bytes) else orjson.dumps(body))


def push(body: bytes, *, at: datetime = NOW, token: str = TOKEN, **headers: str) -> HookRequest:
    timestamp = str(int(at.timestamp()))
    signature = feiyu_signature(KEY.encode(), f"{PATH} {timestamp}".encode()).decode()
    given = {"access-token": token, "timestamp": timestamp, "signature": signature} | headers
    return HookRequest("POST", PATH, "", given, body, NOW)


@pytest.mark.parametrize(
    ("text", "signature"),
    [
        (
            "/crm/v2/openapi/pull-clues/?start_time=1777564800&end_time=1777651200 1777651260",
            "NWFiMDgxMmRmMWFlYTM1NDM2NTk0OTJjNGNlMmQ4NzE1NTM1MjYzM2I1OGI5Yjg3YjRkYmI0YzE4ZTk4YTFiNg==",
        ),
        (
            "/crm/v2/openapi/clue/callback/ 1777651260",
            "Yzk1YjFkNjZiZWJhOTdhYTU2YzIwYTA1NTMxYWNkMThiMTQ5MzgyZGZkMzg2OGI5MGRmODY2NDY3MjY2OGYzOA==",
        ),
    ],
)
def test_signature_of_the_worked_examples(text: str, signature: str) -> None:
    assert feiyu_signature(KEY.encode(), text.encode()).decode() == signature


def test_the_connector_declares_what_it_is() -> None:
    assert set(CONNECTOR.manifest.capabilities) == {"Hook", "LeadReader", "LeadSource", "LeadFeedback"}
    assert CONNECTOR.settings is Settings
    assert configured().advertiser_ids == ("1700000000000001", "1700000000000002")
    assert "made-up-secret" not in repr(configured())


def test_requests_on_the_wire() -> None:
    refresh = build_refresh(configured(), "rt-1")
    assert refresh.url == "http://vendor.example/open_api/oauth2/refresh_token/"
    assert refresh.operation.kind == "blind_write"
    assert orjson.loads(refresh.content)["app_id"] == 1800000000000001

    since = datetime(2026, 5, 1, 2, 0, 0, 500, tzinfo=UTC)
    clues = build_clues(
        configured(), access_token="at-1", since=since, until=since + timedelta(hours=1), page=2
    )
    assert clues.headers == {"Access-Token": "at-1"}
    assert clues.operation.kind == "read"
    assert urlsplit(clues.url).path == "/open_api/2/tools/clue/get/"
    assert parse_qs(urlsplit(clues.url).query) == {
        "advertiser_ids": ["[1700000000000001,1700000000000002]"],
        "start_time": ["2026-05-01 10:00:00"],
        "end_time": ["2026-05-01 11:00:01"],
        "page": ["2"],
        "page_size": ["100"],
    }


def test_the_token_answer() -> None:
    body = b"""{"code":0,"message":"OK","request_id":"20260501100000000000000000000A01",
     "data":{"access_token":"at-demo","refresh_token":"rt-demo","expires_in":86399,
             "refresh_token_expires_in":2591999,"advertiser_ids":[1700000000000001]}}"""
    token = read_token(reply(body), now=NOW)
    assert (token.value, token.refresh) == ("at-demo", "rt-demo")
    assert token.expires_at == NOW + timedelta(seconds=86399)


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        (40001, Rejected),
        (40002, Misconfigured),
        (40100, Throttled),
        (40102, SessionExpired),
        (40103, Misconfigured),
        (40105, SessionExpired),
        (40107, Misconfigured),
        (40999, Rejected),
        (50000, Transient),
        (51010, Transient),
        (7, Malformed),
    ],
)
def test_codes_become_faults(code: int, fault: type[Fault]) -> None:
    assert type(fault_from(code, "…")) is fault
    with pytest.raises(fault):
        read_clues(reply({"code": code, "message": "…", "data": {}}))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>busy</html>",
        b'{"code":0,"data":{"list":[],"page_in',
        b"[]",
        {"code": 0, "message": "OK", "data": {}},
        {"code": 0, "data": {"list": [], "page_info": {"page": 1}}},
    ],
)
def test_anything_else_is_never_an_empty_list(body: object) -> None:
    with pytest.raises(Malformed):
        read_clues(reply(body))


def test_a_pulled_row_is_news_only_when_it_changed() -> None:
    row = {"clue_id": "7300000000000000001", "promotion_id": 7400000000000000123, "app_name": ""}
    assert pulled(row) == pulled(dict(reversed(row.items())))
    assert pulled(row).dedupe_key.startswith("pull/7300000000000000001/")
    assert pulled(row).dedupe_key != pulled(row | {"app_name": "抖音"}).dedupe_key
    assert b"7400000000000000123" in pulled(row).body
    with pytest.raises(Malformed):
        pulled({"telephone": "13800000001"})


def test_a_push_is_verified_and_named() -> None:
    hook = LeadHook(configured())
    body = '{"id":"7300000000000000001","name":"测试😀"}'.encode()
    (message,) = hook.open(push(body))
    assert (message.kind, message.body, message.headers) == ("lead.push", body, {})
    assert message.dedupe_key.startswith("push/7300000000000000001/")
    assert hook.open(push(body))[0] == message
    assert hook.open(push(body + b" "))[0].dedupe_key != message.dedupe_key
    assert hook.accepted(push(body)).body == b'{"code":0,"message":"success"}'


GOOD = b'{"id":"7300000000000000001"}'


@pytest.mark.parametrize(
    ("request_", "reason", "status"),
    [
        (push(GOOD, token="other"), "forged", 401),
        (push(GOOD, token="é中"), "forged", 401),
        (push(GOOD, signature="AAAA"), "forged", 401),
        (push(GOOD, signature=""), "forged", 401),
        (push(GOOD, timestamp=str(int(NOW.timestamp()) + 1)), "forged", 401),
        (push(GOOD, at=NOW - timedelta(seconds=301)), "stale", 401),
        (push(GOOD, at=NOW + timedelta(seconds=301)), "stale", 401),
        (push(b"{"), "malformed", 400),
        (push(b"[1]"), "malformed", 400),
        (push(b'{"name":"x"}'), "malformed", 400),
        (push(b'{"id":""}'), "malformed", 400),
        (push(b'{"id":"a\\u0000b"}'), "malformed", 400),
        (push(b'{"id":true}'), "malformed", 400),
        (push(b'{"id":{"a":1}}'), "malformed", 400),
        (push(b'{"id":"1","name":"\xff"}'), "malformed", 400),
        (push(b"[" * 100_000), "malformed", 400),
        (push(b'{"id":"1","remark":"' + b"x" * 1_000_000 + b'"}'), "malformed", 413),
    ],
)
def test_refused_pushes(request_: HookRequest, reason: str, status: int) -> None:
    with pytest.raises(HookRefused) as refused:
        LeadHook(configured()).open(request_)
    assert (refused.value.reason, refused.value.answer.status) == (reason, status)
    assert orjson.loads(refused.value.answer.body)["code"] == -1
    assert TOKEN not in str(refused.value)


def test_a_request_without_any_header_is_refused() -> None:
    bare = HookRequest("POST", PATH, "", {}, GOOD, NOW)
    for verification in ("signature", "token"):
        with pytest.raises(HookRefused):
            LeadHook(configured(verification=verification)).open(bare)


def test_token_verification_and_the_tolerance_are_settings() -> None:
    only_token = LeadHook(configured(verification="token"))
    assert only_token.open(push(GOOD, signature="none", timestamp="0"))
    patient = LeadHook(configured(clock_tolerance_seconds=600))
    assert patient.open(push(GOOD, at=NOW - timedelta(seconds=599)))


def test_a_rule_may_rename_the_fields() -> None:
    renamed = configured(push_names={"id": "clueId", "telphone": "mobile"})
    (message,) = LeadHook(renamed).open(push(b'{"clueId":7300000000000000001,"mobile":"13800000001"}'))
    assert message.dedupe_key.startswith("push/7300000000000000001/")
    with pytest.raises(HookRefused):
        LeadHook(renamed).open(push(GOOD))
    assert default_names({"clueId": 1, "mobile": 2, "x": 3}, renamed.push_names) == {
        "id": 1,
        "telphone": 2,
        "x": 3,
    }


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (r'{"id":"1","name":"a\u0000b"}', "ab"),
        (r'{"id":"1","name":"a\ud83d"}', "a\ufffd"),
        (r'{"id":"1","name":"😀"}', "😀"),
    ],
)
def test_odd_text_is_made_storable(body: str, name: str) -> None:
    lead = tidy(decode(body.encode()))
    assert isinstance(lead, dict)
    assert lead["name"] == name
    assert LeadHook(configured()).open(push(body.encode()))


@pytest.mark.parametrize(
    ("lead", "expected"),
    [
        ({"remark_dict": '{"预算":"10万"}'}, {"remark_dict": {"预算": "10万"}}),
        ({"remark_dict": {"预算": "10万"}}, {"remark_dict": {"预算": "10万"}}),
        ({"remark_dict": "预算 10万"}, {"remark_dict": {"": "预算 10万"}}),
        ({"location": "浙江+杭州"}, {"province_name": "浙江", "city_name": "杭州"}),
        ({"location": "-", "city": "浙江,杭州"}, {"province_name": "浙江", "city_name": "杭州"}),
        ({"location": "浙江+杭州", "province_name": "上海", "city_name": ""}, {"province_name": "上海"}),
    ],
)
def test_objects_as_text_and_places_in_one_field(
    lead: Mapping[str, object], expected: Mapping[str, object]
) -> None:
    found = unfolded(lead)
    assert {name: found[name] for name in expected} == expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "name"]), inner, max_size=2)
    ),
    max_leaves=8,
)


@given(body=st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
@settings(max_examples=150, deadline=None)
def test_any_body_is_either_named_or_refused(body: bytes) -> None:
    try:
        (message,) = LeadHook(configured()).open(push(body))
    except HookRefused:
        return
    assert message.body == body
    assert message.dedupe_key.isascii()


def test_the_adapter_serves_its_ports() -> None:
    for port in (Hook, LeadReader, LeadSource):
        assert issubclass(DouyinLeads, port)
