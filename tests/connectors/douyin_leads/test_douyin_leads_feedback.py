"""What became of a lead, reported back to the vendor (线索回传)."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import orjson
import pytest
from pydantic import ValidationError

from connectors.douyin_leads import CONNECTOR
from connectors.douyin_leads.adapter import DouyinLeads
from connectors.douyin_leads.feedback import build_report, doors_of
from connectors.douyin_leads.settings import Settings
from domain.faults import Rejected, Transient, UnknownOutcome
from domain.ports import LeadFeedback, LeadOutcome
from sandboxes.common import PLAIN, Running
from sandboxes.douyin_leads.clues import LOCAL_ACCOUNTS
from tests.connectors.connection import open_connection

# Loopback and no TLS: loading the certificates anew would cost 40 ms a call.
HTTP = httpx.Client(trust_env=False, verify=PLAIN, limits=httpx.Limits(max_keepalive_connections=0))
NOW = datetime(2026, 5, 1, 2, 0, tzinfo=UTC)
LOCAL = next(iter(LOCAL_ACCOUNTS))


def configured(**changes: Any) -> Settings:
    given: dict[str, Any] = {
        "app_id": "1800000000000001",
        "secret": "made-up-secret",
        "refresh_token": "made-up-refresh",
        "advertiser_ids": "1700000000000001",
        "local_account_ids": "1700000000000101",
    }
    return Settings.model_validate(given | changes)


@pytest.mark.parametrize(
    ("outcome", "reason", "ads", "life", "event"),
    [
        ("contacted", None, 194, "CLUE_CONFIRM", None),
        ("qualified", None, 196, "CLUE_HIGH_INTENTION", None),
        ("won", None, 285, "CONVERSION_CLASS", None),
        ("invalid", "INVALID_NUMBER", 10000, "INVALID_EVENT", {"reason_code": "INVALID_NUMBER"}),
        (
            "invalid",
            "空号",
            10000,
            "INVALID_EVENT",
            {"reason_code": "OTHER", "reason_message": "空号"},
        ),
    ],
)
def test_the_reports_on_the_wire(
    outcome: LeadOutcome, reason: str | None, ads: int, life: str, event: object
) -> None:
    about: dict[str, Any] = {"access_token": "at-1", "clue_id": "7300000000000000001"}
    first = build_report(configured(), "ads", outcome=outcome, reason=reason, **about)
    assert first.url == "https://api.oceanengine.com/open_api/2/tools/clue/callback/"
    assert first.headers["Access-Token"] == "at-1"
    more = {"event_data": event} if event else {}
    assert orjson.loads(first.content) == {
        "advertiser_ids": [1700000000000001],
        "clue_id": "7300000000000000001",
        "source": 1,
        "clue_convert_state": ads,
        "source_type": 1,
        **more,
    }
    second = build_report(configured(), "life", outcome=outcome, reason=reason, **about)
    assert second.url == "https://api.oceanengine.com/open_api/2/tools/clue/life/callback/"
    assert orjson.loads(second.content) == {
        "local_account_ids": ["1700000000000101"],
        "clue_id": "7300000000000000001",
        "clue_convert_state": life,
        **more,
    }


def test_it_is_off_unless_asked_for_and_needs_an_account() -> None:
    assert not configured().feedback
    assert doors_of(configured()) == ["ads", "life"]
    assert doors_of(configured(advertiser_ids="", sources="life")) == ["life"]
    with pytest.raises(ValidationError, match="advertiser_ids"):
        Settings.model_validate(
            {
                "sources": "",
                "feedback": True,
                "app_id": "1",
                "secret": "made-up",
                "refresh_token": "rt-made-up",
            }
        )


@pytest.fixture
def box(served: Running) -> Running:
    served.control("reset", {})
    return served


@pytest.fixture
async def adapter(box: Running) -> AsyncIterator[DouyinLeads]:
    async with open_connection(CONNECTOR, box, feedback=True) as opened:
        yield opened.adapter


def submit(box: Running, **fields: Any) -> str:
    return str(box.control("act/submit_lead", {"name": "测试", "push": False, **fields})["clue_id"])


def reports(box: Running) -> list[tuple[Any, ...]]:
    rows = box.control("books/feedback").values()
    return [(row["clue_id"], row["door"], row["state"], row["times"]) for row in rows]


async def test_a_report_finds_the_door_that_knows_the_lead(box: Running, adapter: DouyinLeads) -> None:
    assert isinstance(adapter, LeadFeedback)
    assert adapter.feeds_back
    paid = submit(box)
    organic = submit(box, local_account_id=LOCAL, advertiser_id="")
    for clue_id in (paid, organic):
        await adapter.report(clue_id, "contacted", NOW)
        await adapter.report(clue_id, "won", NOW)
    await adapter.report(paid, "won", NOW)
    assert reports(box) == [
        (paid, "ads", 194, 1),
        (paid, "ads", 285, 2),
        (organic, "life", "CLUE_CONFIRM", 1),
        (organic, "life", "CONVERSION_CLASS", 1),
    ]


async def test_an_invalid_lead_is_reported_with_its_reason(box: Running, adapter: DouyinLeads) -> None:
    clue_id = submit(box)
    await adapter.report(clue_id, "invalid", NOW, "空号")
    (row,) = box.control("books/feedback").values()
    assert (row["state"], row["reason_code"], row["reason_message"]) == (10000, "OTHER", "空号")


async def test_an_unknown_lead_is_refused(adapter: DouyinLeads) -> None:
    with pytest.raises(Rejected, match="40001"):
        await adapter.report("7300000000000000999", "contacted", NOW)


@pytest.mark.parametrize(
    ("kind", "fault", "times"),
    [
        ("drop_before", UnknownOutcome, 1),
        ("drop_after", UnknownOutcome, 2),
        ("status_before", UnknownOutcome, 1),
        ("vendor_error", Transient, 1),
    ],
)
async def test_a_report_in_doubt_may_be_repeated(
    box: Running, adapter: DouyinLeads, kind: str, fault: type[Exception], times: int
) -> None:
    clue_id = submit(box)
    await adapter.report(clue_id, "won", NOW)
    box.sandbox.books.table("feedback").clear()
    box.control("faults", {"rules": [{"kind": kind, "path": "clue/callback", "times": 1}]})
    with pytest.raises(fault):
        await adapter.report(clue_id, "won", NOW)
    await adapter.report(clue_id, "won", NOW)
    assert reports(box) == [(clue_id, "ads", 285, times)]


async def test_an_expired_token_is_renewed(box: Running, adapter: DouyinLeads) -> None:
    clue_id = submit(box)
    await adapter.report(clue_id, "contacted", NOW)
    box.sandbox.expire_sessions()
    await asyncio.gather(*(adapter.report(clue_id, "won", NOW) for _ in range(3)))
    assert [state for _, _, state, _ in reports(box)] == [194, 285]


def test_the_stand_in_is_strict(box: Running) -> None:
    clue_id = submit(box, local_account_id=LOCAL)
    known = box.sandbox.credentials()
    grant = {name: known[name] for name in ("app_id", "secret", "refresh_token")}
    token = HTTP.post(box.url + "/open_api/oauth2/refresh_token/", json=grant).json()["data"]["access_token"]

    def code(path: str, body: dict[str, Any]) -> int:
        url = f"{box.url}/open_api/2/tools/clue/{path}/"
        return int(HTTP.post(url, json=body, headers={"Access-Token": token}).json()["code"])

    box.control("act/set_limits", {"qps": 0})
    good = {
        "advertiser_ids": [1700000000000001],
        "clue_id": clue_id,
        "source": 1,
        "clue_convert_state": 194,
        "source_type": 1,
    }
    wrong: list[dict[str, Any]] = [
        {"advertiser_ids": ["1700000000000001"]},
        {"advertiser_ids": []},
        {"advertiser_ids": [1700000000000002]},
        {"clue_id": int(clue_id)},
        {"source": 0},
        {"source_type": 3},
        {"clue_convert_state": "194"},
        {"clue_convert_state": 10000},
        {"clue_convert_state": 10000, "event_data": {"reason_code": "x"}},
    ]
    assert code("callback", good) == 0
    assert [code("callback", good | change) for change in wrong] == [40001] * len(wrong)
    life = {"local_account_ids": [LOCAL], "clue_id": clue_id, "clue_convert_state": "ARRIVAL"}
    assert code("life/callback", life) == 0
    assert code("life/callback", life | {"local_account_ids": [int(LOCAL)]}) == 40001
    assert code("life/callback", life | {"clue_convert_state": 194}) == 40001
