"""The subscription service and the open platform's webhook: which door, which signature, which answer."""

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import httpx
import orjson
import pytest
import uvicorn
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from connectors.douyin_leads.hooks import LeadHook, door_of
from connectors.douyin_leads.settings import Settings
from connectors.douyin_leads.spi import signatures
from connectors.douyin_leads.webhooks import signature
from domain.ports import HookRefused, HookRequest, Inbound
from hub.web.hooks import Hooks
from sandboxes.common import Running, running
from sandboxes.douyin_leads import SANDBOX
from sandboxes.douyin_leads.doors import judge_spi_check

NOW = datetime(2026, 5, 1, 16, 1, 0, tzinfo=UTC)
SPI_BODY = (
    b'{"message_id":"m-0001","service_label":"demo.label","data":"{}","advertiser_ids":[1700000000000001],'
    b'"subscribe_task_id":1,"publish_time":1777651200,"timestamp":1777651200123,"nonce":42}'
)
SPI_SIGNATURE = "40c0940b1039938a521e8151700da058ebc12752d1a52b4481477b4735238a0e"
CHECK_BODY = b'{"event":"verify_webhook","client_key":"aw_demo_key","content":{"challenge":12345}}'
CHECK_SIGNATURE = "50ad765494b63b763859fd2856c506e409b04662"
CHINESE = '{"message_id":"m-2","data":"{\\"name\\":\\"测试😀\\"}"}'


def configured(**changes: Any) -> Settings:
    given: dict[str, Any] = {
        "app_id": "1800000000000001",
        "secret": "made-up-secret",
        "refresh_token": "made-up-refresh",
        "advertiser_ids": "1700000000000001",
        "push_token": "0123456789abcdef",
        "push_secretkey": "FEIYUKEYDEMO0001",
        "spi_secret": "spi_secret_demo",
        "client_secret": "dy_secret_demo",
    }
    return Settings.model_validate(given | changes)


def call(body: bytes = b"", *, method: str = "POST", query: str = "", **headers: str) -> HookRequest:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HookRequest(method, "/hooks/douyin-main", query, named, body, NOW)


def spi_call(body: bytes, *, form: int = 0, secret: bytes = b"spi_secret_demo") -> HookRequest:
    return call(body, x_open_signature=signatures(secret, body)[form].decode())


def event_call(body: bytes, **headers: str) -> HookRequest:
    return call(body, x_douyin_signature=signature(b"dy_secret_demo", body).decode(), **headers)


def test_the_worked_examples() -> None:
    assert signatures(b"spi_secret_demo", SPI_BODY) == [SPI_SIGNATURE.encode()]
    assert signature(b"dy_secret_demo", CHECK_BODY).decode() == CHECK_SIGNATURE


@pytest.mark.parametrize(
    ("request_", "door"),
    [
        (call(SPI_BODY, x_open_signature="0"), "spi"),
        (call(method="GET", query="event=verify_webhook&challenge=1"), "spi"),
        (call(query="event=verify_webhook&challenge=1"), "spi"),
        (call(b"{}", x_douyin_signature="0"), "webhook"),
        (call(CHECK_BODY), "webhook"),
        (call(CHECK_BODY, access_token="t"), "feiyu"),
        (call(b'{"id":"1","remark":"verify_webhook"}'), "feiyu"),
        (call(b"verify_webhook"), "feiyu"),
        (call(b"{}"), "feiyu"),
        (call(method="GET"), None),
        (call(method="PUT"), None),
        (call(method="GET", query="event=other&challenge=1"), None),
    ],
)
def test_a_call_shows_its_door(request_: HookRequest, door: str | None) -> None:
    assert door_of(request_) == door


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("challenge", [0, 1234567890, 9223372036854775807, -9999999999999999999])
def test_the_spi_check_is_answered_and_keeps_nothing(method: str, challenge: int) -> None:
    hook, check = (
        LeadHook(configured()),
        call(method=method, query=f"event=verify_webhook&challenge={challenge}"),
    )
    assert hook.open(check) == []
    answer = hook.accepted(check)
    assert answer.status == 200
    assert json.loads(answer.body) == {
        "BaseResp": {"StatusCode": 200, "StatusMessage": "ok"},
        "challenge": challenge,
    }


@pytest.mark.parametrize(("body", "form"), [(SPI_BODY, 0), (CHINESE.encode(), 0), (CHINESE.encode(), 1)])
def test_a_signed_spi_message_is_kept_once(body: bytes, form: int) -> None:
    hook, message = LeadHook(configured()), spi_call(body, form=form)
    (kept,) = hook.open(message)
    number = orjson.loads(body)["message_id"]
    assert (kept.kind, kept.dedupe_key, kept.body) == ("event.spi", f"spi/{number}", body)
    assert hook.accepted(message).body == b'{"BaseResp":{"StatusCode":200,"StatusMessage":"ok"}}'


def test_the_escaped_form_is_that_of_a_json_encoder() -> None:
    escaped = json.dumps(json.loads(CHINESE), separators=(",", ":")).encode()
    assert signatures(b"k", CHINESE.encode())[1] == signatures(b"k", escaped)[0]


@pytest.mark.parametrize("signed", [True, False])
def test_the_webhook_check_needs_no_signature(signed: bool) -> None:
    hook = LeadHook(configured())
    check = event_call(CHECK_BODY) if signed else call(CHECK_BODY)
    assert hook.open(check) == []
    assert hook.accepted(check).body == b'{"challenge":12345}'


@pytest.mark.parametrize("challenge", ['"\\ud83d"', "1" * 30, '"text"', "-1"])
def test_whatever_was_asked_goes_back(challenge: str) -> None:
    hook = LeadHook(configured())
    surrogate = "\\ud83d"  # makes the fast reader give up, so that long numbers stay numbers
    body = f'{{"event":"verify_webhook","x":"{surrogate}","content":{{"challenge":{challenge}}}}}'.encode()
    assert hook.open(call(body)) == []
    assert hook.accepted(call(body)).body == f'{{"challenge":{challenge}}}'.encode()


def test_an_event_is_named_by_its_msg_id() -> None:
    hook = LeadHook(configured())
    event = event_call(b'{"event":"x","content":"{}"}', msg_id="ab-1")
    (kept,) = hook.open(event)
    assert (kept.kind, kept.dedupe_key) == ("event.douyin", "douyin/ab-1")
    assert hook.open(event) == [kept]
    assert hook.accepted(event).status == 200
    (unnamed,) = hook.open(event_call(b'{"event":"x","content":"{}"}'))
    assert unnamed.dedupe_key.startswith("douyin/")


@pytest.mark.parametrize(
    ("request_", "reason", "status"),
    [
        (spi_call(SPI_BODY, secret=b"other"), "forged", 401),
        (call(SPI_BODY, x_open_signature=""), "forged", 401),
        (call(SPI_BODY, x_open_signature="é"), "forged", 401),
        (spi_call(b"{"), "malformed", 400),
        (spi_call(b"\xff"), "malformed", 400),
        (spi_call(b"{}"), "malformed", 400),
        (spi_call(b'{"message_id":"a b"}'), "malformed", 400),
        (spi_call(b'{"message_id":"a\\u0000b"}'), "malformed", 400),
        (call(method="GET", query="event=verify_webhook"), "malformed", 400),
        (call(method="GET", query="event=verify_webhook&challenge=x"), "malformed", 400),
        (call(method="GET", query="event=verify_webhook&challenge=" + "9" * 40), "malformed", 400),
        (call(b"{}", x_douyin_signature="0" * 40), "forged", 401),
        (call(CHECK_BODY, x_douyin_signature="0" * 40), "forged", 401),
        (event_call(b"[]"), "malformed", 400),
        (event_call(b"{}", msg_id="a b"), "malformed", 400),
        (event_call(b'{"event":"verify_webhook","content":{}}'), "malformed", 400),
        (call(b'{"event":"verify_webhook","content":{"challenge":true}}'), "malformed", 400),
        (call(method="GET"), "malformed", 405),
        (call(method="DELETE"), "malformed", 405),
        (call(b"{}" + b" " * 1_000_000), "malformed", 413),
    ],
)
def test_refused_calls(request_: HookRequest, reason: str, status: int) -> None:
    with pytest.raises(HookRefused) as refused:
        LeadHook(configured()).open(request_)
    assert (refused.value.reason, refused.value.answer.status) == (reason, status)
    assert orjson.loads(refused.value.answer.body)["BaseResp"]["StatusCode"] == status


@pytest.mark.parametrize(
    ("shut", "request_"),
    [
        ("spi_secret", spi_call(SPI_BODY, secret=b"")),
        ("spi_secret", call(method="GET", query="event=verify_webhook&challenge=1")),
        ("client_secret", call(b"{}", x_douyin_signature=signature(b"", b"{}").decode())),
        ("client_secret", call(CHECK_BODY)),
        ("push_token", call(b'{"id":"1"}', access_token="")),
        ("push_token", call(b'{"id":"1"}')),
    ],
)
def test_a_door_without_a_secret_is_shut(shut: str, request_: HookRequest) -> None:
    with pytest.raises(HookRefused) as refused:
        LeadHook(configured(**{shut: ""}, verification="token")).open(request_)
    assert refused.value.reason == "forged"


def test_signed_with_an_empty_key_is_not_signed() -> None:
    with pytest.raises(ValidationError):
        configured(push_secretkey="")


TEXTS = ["event", "verify_webhook", "content", "challenge", "message_id", "x"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(TEXTS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(TEXTS), inner, max_size=4),
    max_leaves=8,
)


@given(
    body=st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()),
    method=st.sampled_from(["GET", "POST", "HEAD"]),
    query=st.sampled_from(["", "event=verify_webhook&challenge=1", "event=verify_webhook&challenge=%00"]),
    door=st.sampled_from(["spi", "webhook", "bare"]),
)
@settings(max_examples=150, deadline=None)
def test_any_call_is_kept_answered_or_refused(body: bytes, method: str, query: str, door: str) -> None:
    headers = {
        "spi": {"x-open-signature": signatures(b"spi_secret_demo", body)[0].decode()},
        "webhook": {"x-douyin-signature": signature(b"dy_secret_demo", body).decode()},
        "bare": {},
    }[door]
    request = HookRequest(method, "/hooks/k", query, headers, body, NOW)
    hook = LeadHook(configured())
    try:
        kept = hook.open(request)
    except HookRefused:
        return
    assert hook.accepted(request).status == 200
    assert all(message.kind.startswith("event.") and message.body == body for message in kept)


# --- over real sockets, through the hub's own hooks -------------------------------------------------------


class Hub:
    """The hub's hooks over a store that only remembers."""

    def __init__(self, hook: LeadHook) -> None:
        self.kept: dict[str, Inbound] = {}
        self.refused: list[str] = []
        connections: Any = SimpleNamespace(known=lambda name: True, all=lambda port: {"douyin-main": hook})
        store: Any = SimpleNamespace(transaction=self._transaction)
        ingest: Any = SimpleNamespace(put=self._put)
        self.app = Hooks(connections, ingest, store)

    async def _put(self, connection: str, messages: Sequence[Inbound]) -> None:
        self.kept |= {message.dedupe_key: message for message in messages}

    async def _refuse(self, name: str, *, reason: str, **kept: object) -> None:
        self.refused.append(reason)

    @asynccontextmanager
    async def _transaction(self) -> Any:
        yield SimpleNamespace(inbox=SimpleNamespace(refuse=self._refuse))


@contextmanager
def served(app: Any) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off", ws="none"))
        thread = threading.Thread(target=asyncio.run, args=(server.serve(sockets=[listener]),))
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/hooks/douyin-main"
        server.should_exit = True
        thread.join()


def until(condition: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(1000):
        if condition():
            return
        pause.wait(0.01)
    raise AssertionError("the condition did not come true in time")


def settled(box: Running) -> None:
    until(lambda: box.control("callbacks")["pending"] == 0)


@pytest.fixture(scope="module")
def box() -> Iterator[Running]:
    with running(SANDBOX()) as opened:
        yield opened


def test_both_platforms_check_the_address_and_deliver(box: Running) -> None:
    known = box.sandbox.credentials()
    hub = Hub(LeadHook(configured(spi_secret=known["spi_secret"], client_secret=known["client_secret"])))
    with served(hub.app) as url:
        for method in ("GET", "POST"):
            assert box.control("act/subscribe", {"url": url, "method": method})["verified"]
        for signed in (True, False):
            assert box.control("act/add_webhook", {"url": url, "signed": signed})["verified"]
        assert hub.kept == {}
        first = box.control("act/publish", {"data": {"名称": "测试😀"}})["message_id"]
        second = box.control("act/publish", {"data": {"名称": "测试😀"}, "escaped": True})["message_id"]
        event = box.control("act/send_event", {"content": {"action": "测试"}})["msg_id"]
        box.control("act/publish_forged", {"message_id": "f-1"})
        box.control("act/send_event_forged", {"msg_id": "f-2"})
        settled(box)
    assert set(hub.kept) == {f"spi/{first}", f"spi/{second}", f"douyin/{event}"}
    assert hub.refused == ["forged"] * 4
    states = {(row["id"], row["state"]) for row in box.control("books/messages").values()}
    assert states == {
        (first, "accepted"),
        (second, "accepted"),
        (event, "accepted"),
        ("f-1", "rejected"),
        ("f-2", "rejected"),
    }
    token = replay_token(box)
    tasks = replayed(box, token)
    assert {(task["task_id"], task["status"]) for task in tasks} == {
        (first, "SUCCESS"),
        (second, "SUCCESS"),
        ("f-1", "FAIL"),
    }
    assert orjson.loads(orjson.loads(tasks[0]["data"])["data"]) == {"名称": "测试😀"}
    assert replayed(box, token, service_label="x") == []
    box.control("clock", {"advance": 2 * 86400 + 60})
    assert replayed(box, replay_token(box)) == []


def replay_token(box: Running) -> str:
    known = box.sandbox.credentials()
    url = f"{box.url}/open_api/oauth2/app_access_token/"
    body = {"app_id": int(known["app_id"]), "secret": known["secret"]}
    return str(httpx.post(url, json=body, trust_env=False).json()["data"]["access_token"])


def replayed(box: Running, token: str, **query: str) -> Any:
    answer = httpx.get(
        f"{box.url}/open_api/2/spi_task/get/",
        params=query,
        headers={"APP-Access-Token": token},
        trust_env=False,
    )
    return answer.json()["data"]["list"]


def test_a_shut_door_does_not_pass_the_check(box: Running) -> None:
    box.control("reset", {})
    hub = Hub(LeadHook(configured(spi_secret="", client_secret="")))
    with served(hub.app) as url:
        assert not box.control("act/subscribe", {"url": url})["verified"]
        assert not box.control("act/add_webhook", {"url": url})["verified"]
    box.control("act/publish", {})
    settled(box)
    assert len(box.control("books/messages")) == 0
    assert hub.refused == ["forged", "forged"]


@pytest.mark.parametrize(
    ("body", "verified", "warned"),
    [
        ({"BaseResp": {"StatusCode": 200, "StatusMessage": "ok"}, "challenge": "C"}, True, False),
        ({"base_resp": {"status_code": 200, "status_message": "ok"}, "challenge": "C"}, True, True),
        ({"BaseResp": {"StatusCode": 200}, "Challenge": "C"}, True, True),
        ({"BaseResp": {"StatusCode": 500}, "challenge": "C"}, False, False),
        ({"BaseResp": {"StatusCode": 200}, "challenge": 0}, False, False),
        ({"challenge": "C"}, False, False),
        ([], False, False),
    ],
)
def test_the_stand_in_judges_the_answer_to_its_check(body: Any, verified: bool, warned: bool) -> None:
    raw = orjson.dumps(body).replace(b'"C"', b"77")
    found, warning = judge_spi_check(httpx.Response(200, content=raw), 77)
    assert (found, bool(warning)) == (verified, warned)
