"""The adapter against the stand-in, over a real socket."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest

from connector_kit import MemoryRecorder, MemoryTokens, Redactor, Sender, Tools, new_client, secrets_of
from connectors.douyin_leads import CONNECTOR
from connectors.douyin_leads.adapter import DouyinLeads
from connectors.douyin_leads.settings import Settings
from domain.faults import Malformed, Misconfigured, Transient, Unmappable
from domain.ports import HookRefused, HookRequest, Inbound
from mappings import Translator
from sandboxes.common import Running
from tests.connectors.connection import SystemClock

CLUES = "tools/clue/get"


@pytest.fixture
def box(served: Running) -> Running:
    served.control("reset", {})
    return served


class Connected:
    def __init__(self, box: Running, client: httpx.AsyncClient, **changes: Any) -> None:
        given: dict[str, Any] = {"base_url": box.url, **box.sandbox.credentials(), **changes}
        self.settings = Settings.model_validate(given)
        self.recorder = MemoryRecorder()
        sender = Sender(
            client,
            connection="feiyu-main",
            redactor=Redactor(secrets_of(self.settings)),
            recorder=self.recorder,
        )
        self.tools = Tools("feiyu-main", sender, MemoryTokens(), SystemClock(), Translator())
        self.adapter = CONNECTOR.open(self.settings, self.tools)

    async def pull(self, **window: datetime) -> list[Inbound]:
        assert isinstance(self.adapter, DouyinLeads)
        now = datetime.now(UTC)
        since, until = window.get("since", now - timedelta(days=1)), window.get("until", now)
        return [message async for page in self.adapter.pull_leads(since, until) for message in page]

    def written(self) -> str:
        return repr(self.recorder.exchanges)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with new_client() as opened:
        yield opened


@pytest.fixture
def connected(box: Running, client: httpx.AsyncClient) -> Connected:
    return Connected(box, client)


def submit(box: Running, count: int, **more: Any) -> list[str]:
    leads = [{"name": f"测试{n}", "telephone": "13800000001", "push": False, **more} for n in range(count)]
    found: list[str] = box.control("act/submit_leads", {"leads": leads})["clue_ids"]
    return found


def fault(box: Running, kind: str, **more: Any) -> None:
    box.control("faults", {"rules": [{"kind": kind, "path": CLUES, "times": 1, "seconds": 1, **more}]})


def ids(messages: list[Inbound]) -> list[str]:
    return [orjson.loads(message.body)["clue_id"] for message in messages]


async def test_a_window_is_read_page_by_page(box: Running, connected: Connected) -> None:
    box.control("act/set_limits", {"page_cap": 7, "qps": 0})
    submitted = submit(box, 30)
    messages = await connected.pull()
    assert ids(messages) == sorted(submitted, reverse=True)
    assert {message.kind for message in messages} == {"lead.pull"}
    assert len({message.dedupe_key for message in messages}) == 30


async def test_a_full_last_page_and_an_empty_window(box: Running, connected: Connected) -> None:
    assert await connected.pull() == []
    box.control("act/set_limits", {"page_cap": 5})
    submit(box, 10)
    assert len(await connected.pull()) == 10
    past = datetime(2026, 1, 1, tzinfo=UTC)
    assert await connected.pull(since=past, until=past + timedelta(hours=1)) == []


async def test_rows_that_arrive_between_pages_are_not_lost(box: Running, connected: Connected) -> None:
    box.control("act/set_limits", {"page_cap": 5, "qps": 0})
    submitted = submit(box, 12)
    assert isinstance(connected.adapter, DouyinLeads)
    now = datetime.now(UTC)
    messages: list[Inbound] = []
    async for page in connected.adapter.pull_leads(now - timedelta(days=1), now + timedelta(minutes=5)):
        messages.extend(page)
        if len(submitted) < 18:
            submitted += await asyncio.to_thread(submit, box, 3)
    assert set(ids(messages)) == set(submitted)


async def test_rows_that_vanish_between_pages_hide_no_others(box: Running, connected: Connected) -> None:
    """The first page's rows are deleted, so that others move onto a page that was already read."""
    box.control("act/set_limits", {"page_cap": 4, "qps": 0})
    submitted = submit(box, 12)
    assert isinstance(connected.adapter, DouyinLeads)
    now = datetime.now(UTC)
    messages: list[Inbound] = []
    async for page in connected.adapter.pull_leads(now - timedelta(days=1), now):
        if not messages:
            for clue_id in ids(list(page))[:3]:
                del box.sandbox.books.table("leads")[clue_id]
        messages.extend(page)
    assert set(ids(messages)) == set(submitted)


async def test_late_rows_and_late_fields_are_news_of_their_own(box: Running, connected: Connected) -> None:
    submit(box, 1)
    (late,) = submit(box, 1, visible_after=60)
    first = await connected.pull()
    assert late not in ids(first)
    box.control("clock", {"advance": 700})
    second = await connected.pull()
    assert late in ids(second)
    assert len(second) == 2
    assert not {message.dedupe_key for message in first} & {message.dedupe_key for message in second}
    assert await connected.pull() == second


async def test_pulled_and_pushed_leads_are_read(box: Running, connected: Connected) -> None:
    (clue_id,) = submit(box, 1, remark_dict={"预算": "10万"}, location="浙江+杭州", app_name="抖音")
    (message,) = await connected.pull()
    assert isinstance(connected.adapter, DouyinLeads)
    translated = connected.adapter.read_lead(message.kind, message.body)
    lead = translated.record
    assert translated.mapping.startswith("douyin_leads.pull@")
    assert (lead.vendor_id, lead.phone, lead.region, lead.city) == (clue_id, "+8613800000001", "浙江", "杭州")
    assert lead.answers == {"预算": "10万"}
    assert abs(lead.created_at - datetime.now(UTC)) < timedelta(minutes=1)


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'{"id":"1"}', b'{"id":"1","create_time":"1","telphone":"12"}']
)
async def test_an_unreadable_lead_is_parked_with_its_reason(connected: Connected, body: bytes) -> None:
    assert isinstance(connected.adapter, DouyinLeads)
    with pytest.raises(Unmappable) as parked:
        connected.adapter.read_lead("lead.push", body)
    assert parked.value.problems


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("drop_before", {}),
        ("drop_after", {}),
        ("status_before", {"status": 502}),
        ("status_after", {"status": 503}),
        ("expire_session", {}),
        ("delay", {"seconds": 0.1}),
    ],
)
async def test_a_passing_fault_is_survived(box: Running, connected: Connected, kind: str, more: Any) -> None:
    submit(box, 3)
    await connected.pull()
    fault(box, kind, **more)
    assert len(await connected.pull()) == 3


@pytest.mark.parametrize(
    ("kind", "more", "expected"),
    [
        ("vendor_error", {}, Transient),
        ("malformed", {}, Malformed),
        ("status_before", {"status": 502, "times": 9}, Transient),
    ],
)
async def test_a_fault_is_named(
    box: Running, connected: Connected, kind: str, more: Any, expected: type[Exception]
) -> None:
    submit(box, 3)
    fault(box, kind, **more)
    with pytest.raises(expected):
        await connected.pull()


async def test_a_rate_limit_is_waited_out(box: Running, connected: Connected) -> None:
    box.control("act/set_limits", {"page_cap": 2, "qps": 3})
    submit(box, 9)
    assert len(await connected.pull()) == 9


async def test_many_at_once_refresh_once(box: Running, connected: Connected) -> None:
    submit(box, 2)
    await asyncio.gather(*(connected.pull() for _ in range(5)))
    box.sandbox.expire_sessions()
    found = await asyncio.gather(*(connected.pull() for _ in range(4)))
    assert [len(messages) for messages in found] == [2, 2, 2, 2]
    refreshes = [row for row in box.control("log") if "refresh_token" in row["path"]]
    assert len(refreshes) == 2


async def test_a_lost_grant_needs_a_person(box: Running, client: httpx.AsyncClient) -> None:
    """The answer to a refresh is lost, so the token is used up; a new one goes into the settings."""
    connected = Connected(box, client)
    box.control("faults", {"rules": [{"kind": "drop_after", "path": "refresh_token", "times": 1}]})
    with pytest.raises(Transient):
        await connected.pull()
    with pytest.raises(Misconfigured) as lost:
        await connected.pull()
    assert lost.value.code == "40107"
    await Connected(box, client).pull()


async def test_a_newly_given_grant_replaces_a_dead_cached_one(
    box: Running, client: httpx.AsyncClient
) -> None:
    old = Connected(box, client)
    await old.pull()
    other = Connected(box, client)
    await other.pull()
    renewed = Connected(box, client)
    renewed.tools.tokens._tokens = dict(old.tools.tokens._tokens)  # type: ignore[attr-defined]
    assert await renewed.pull() == []
    with pytest.raises(Misconfigured):
        await old.pull()


async def test_an_unauthorised_account_pauses_the_connection(box: Running, client: httpx.AsyncClient) -> None:
    with pytest.raises(Misconfigured):
        await Connected(box, client, advertiser_ids="1799999999999999").pull()


async def test_no_secret_is_kept(box: Running, connected: Connected) -> None:
    submit(box, 1)
    await connected.pull()
    fault(box, "expire_session")
    await connected.pull()
    tables = ("access_tokens", "refresh_tokens")
    secrets = {token for table in tables for token in box.sandbox.books.table(table)}
    secrets |= secrets_of(connected.settings)
    assert len(connected.recorder.exchanges) >= 5
    assert not [secret for secret in secrets if secret in connected.written()]


def received(connected: Connected, path: str, headers: Any, body: bytes) -> HookRequest:
    named = {name.lower(): value for name, value in headers.items()}
    return HookRequest("POST", path, "", named, body, datetime.now(UTC))


async def test_what_the_vendor_pushes_is_accepted_and_what_an_attacker_pushes_is_not(
    box: Running, connected: Connected
) -> None:
    """A receiver on a real socket that asks the hook, as the hub does."""
    adapter = connected.adapter
    assert isinstance(adapter, DouyinLeads)
    accepted: list[Inbound] = []
    refused: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while start := await reader.readline():
                headers: dict[str, str] = {}
                while line := (await reader.readline()).decode().strip():
                    name, _, value = line.partition(":")
                    headers[name.lower()] = value.strip()
                body = await reader.readexactly(int(headers["content-length"]))
                request = received(connected, start.decode().split()[1], headers, body)
                try:
                    accepted.extend(adapter.open(request))
                    reply = adapter.accepted(request)
                except HookRefused as refusal:
                    refused.append(refusal.reason)
                    reply = refusal.answer
                writer.write(
                    f"HTTP/1.1 {reply.status} X\r\ncontent-length: {len(reply.body)}\r\n\r\n".encode()
                    + reply.body
                )
                await writer.drain()
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, limit=1 << 20)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hooks/feiyu/k-1"
        (rule,) = (await asyncio.to_thread(box.control, "act/add_rule", {"url": url})).values()
        submitted = (
            await asyncio.to_thread(
                box.control,
                "act/submit_leads",
                {"leads": [{"name": f"测试{n}", "telephone": "13800000001"} for n in range(20)]},
            )
        )["clue_ids"]
        await asyncio.to_thread(box.control, "act/test_rule", {"rule_id": rule})
        for kind in ("broken_json", "not_an_object", "no_id", "oversize", "bad_phone"):
            await asyncio.to_thread(box.control, "act/push_malformed", {"kind": kind})
        await asyncio.to_thread(box.control, "act/push_forged", {"clue_id": submitted[0]})
        async with asyncio.timeout(15):
            while (await asyncio.to_thread(box.control, "callbacks"))["pending"]:
                continue
    pushes = box.control("books/pushes").values()
    agreed = sorted(row["clue_id"] for row in pushes if row["accepted"])
    assert sorted(orjson.loads(message.body)["id"] for message in accepted) == agreed
    assert set(submitted) < set(agreed)
    assert len(agreed) == 22
    assert refused.count("forged") == 1
    assert refused.count("malformed") == 16
    lead = adapter.read_lead("lead.push", accepted[0].body).record
    assert lead.phone == "+8613800000001"
    by_id = {orjson.loads(message.body)["id"]: message for message in accepted}
    assert adapter.read_lead("lead.push", by_id["7300000000000000000"].body).record.test
