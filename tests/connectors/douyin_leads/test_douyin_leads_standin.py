"""The Ocean Engine stand-in, seen by a stranger with a plain HTTP client."""

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from sandboxes.common import PLAIN, Running
from sandboxes.douyin_leads.feiyu import signature

# Loopback and no TLS: loading the certificates anew would cost 40 ms a call.
HTTP = httpx.Client(trust_env=False, verify=PLAIN, limits=httpx.Limits(max_keepalive_connections=0))
PULL = "/open_api/2/tools/clue/get/"


@pytest.fixture
def box(served: Running) -> Running:
    served.control("reset", {})
    return served


class Receiver:
    """Keeps what is pushed to it and answers what it is told."""

    def __init__(self) -> None:
        self.calls: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[dict[str, Any]] = []
        self.most_at_once = 0
        self._active = 0
        self._lock = threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(handler) -> None:
                length = int(handler.headers["content-length"])
                self.calls.append(
                    ({k.lower(): v for k, v in handler.headers.items()}, handler.rfile.read(length))
                )
                with self._being_answered():
                    body = json.dumps(self.answers.pop(0) if self.answers else {"code": 0}).encode()
                handler.send_response(200)
                handler.send_header("content-length", str(len(body)))
                handler.end_headers()
                handler.wfile.write(body)

            def log_message(handler, *args: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hooks/feiyu/k-1"

    @contextmanager
    def _being_answered(self) -> Iterator[None]:
        """Takes a moment, so that calls at the same time are seen as such."""
        with self._lock:
            self._active += 1
            self.most_at_once = max(self.most_at_once, self._active)
        threading.Event().wait(0.01)
        yield
        with self._lock:
            self._active -= 1

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    listening = Receiver()
    yield listening
    listening.close()


def until(condition: Callable[[], bool], *, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        pause.wait(0.01)


def settled(box: Running) -> None:
    until(lambda: box.control("callbacks")["pending"] == 0)


def token(box: Running) -> str:
    return str(refresh(box, box.sandbox.credentials()["refresh_token"])["data"]["access_token"])


def refresh(box: Running, refresh_token: str, **more: Any) -> Any:
    known = box.sandbox.credentials()
    body = {"app_id": int(known["app_id"]), "secret": known["secret"], "refresh_token": refresh_token} | more
    return HTTP.post(box.url + "/open_api/oauth2/refresh_token/", json=body).json()


def pull(box: Running, access: str, **query: Any) -> Any:
    answer = HTTP.get(box.url + PULL, params=query, headers={"Access-Token": access})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    return answer.json()


def test_a_code_works_once_and_a_refresh_kills_what_was_before(box: Running) -> None:
    known = box.sandbox.credentials()
    code = box.control("act/authorize", {})["auth_code"]
    body = {"app_id": known["app_id"], "secret": known["secret"], "auth_code": code}
    first = HTTP.post(box.url + "/open_api/oauth2/access_token/", json=body).json()
    assert first["message"] == "OK"
    assert first["data"]["expires_in"] == 86399
    assert first["data"]["advertiser_ids"]
    assert HTTP.post(box.url + "/open_api/oauth2/access_token/", json=body).json()["code"] == 40110

    second = refresh(box, first["data"]["refresh_token"])
    assert second["data"]["refresh_token"] != first["data"]["refresh_token"]
    assert refresh(box, first["data"]["refresh_token"])["code"] == 40107
    assert pull(box, first["data"]["access_token"])["code"] == 40105
    assert pull(box, second["data"]["access_token"])["code"] == 0


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"secret": "wrong"}, 40001),
        ({"grant_type": "auth_code"}, 40108),
        ({"grant_type": "refresh_token"}, 0),
    ],
)
def test_refresh_checks_app_and_grant_type(box: Running, change: dict[str, Any], code: int) -> None:
    assert refresh(box, box.sandbox.credentials()["refresh_token"], **change)["code"] == code


def test_tokens_run_out(box: Running) -> None:
    access = token(box)
    box.control("clock", {"advance": 86400})
    assert pull(box, access)["code"] == 40102
    box.control("clock", {"advance": 30 * 86400})
    assert refresh(box, box.sandbox.credentials()["refresh_token"])["code"] == 40103
    assert pull(box, "")["code"] == 40104


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"advertiser_ids": "[1700000000000001]"}, 0),
        ({"advertiser_ids": '["1700000000000001"]'}, 0),
        ({"advertiser_ids": "1700000000000001,"}, 40001),
        ({"advertiser_ids": "[1799999999999999]"}, 40002),
        ({"start_time": "2026-05-01T00:00:00"}, 40001),
        ({"page": "0"}, 40001),
        ({"page_size": "x"}, 40001),
        ({"encrypt_sensitive_fields": "true"}, 40001),
    ],
)
def test_parameters_are_checked(box: Running, query: dict[str, str], code: int) -> None:
    assert pull(box, token(box), **query)["code"] == code


def test_a_path_without_its_last_slash_is_refused(box: Running) -> None:
    assert HTTP.get(box.url + PULL[:-1], headers={"Access-Token": "x"}).json()["code"] == 40000


def test_too_many_requests_in_a_second(box: Running) -> None:
    box.control("act/set_limits", {"qps": 2})
    access = token(box)
    assert [pull(box, access)["code"] for _ in range(3)] == [0, 0, 40100]


def test_leads_come_newest_first_in_capped_pages_within_a_window(box: Running) -> None:
    times = [f"2026-05-01 10:00:{second:02}" for second in range(5)]
    ids = box.control(
        "act/submit_leads",
        {"leads": [{"name": "测试", "create_time_detail": moment, "push": False} for moment in times]},
    )["clue_ids"]
    box.control("act/set_limits", {"page_cap": 2})
    access = token(box)
    window = {"start_time": "2026-05-01 10:00:01", "end_time": "2026-05-01 10:00:03"}
    first = pull(box, access, page_size=50, **window)["data"]
    assert first["page_info"] == {"page": 1, "page_size": 2, "total_number": 3, "total_page": 2}
    assert [row["clue_id"] for row in first["list"]] == [ids[3], ids[2]]
    second = pull(box, access, page=2, page_size=50, **window)["data"]
    assert [row["clue_id"] for row in second["list"]] == [ids[1]]
    assert isinstance(second["list"][0]["promotion_id"], int)
    assert "visible_at" not in second["list"][0]


def test_late_leads_and_late_fields(box: Running) -> None:
    box.control("act/submit_lead", {"name": "测试", "visible_after": 300})
    access = token(box)
    assert pull(box, access)["data"]["list"] == []
    box.control("clock", {"advance": 301})
    fresh = pull(box, access)["data"]["list"][0]
    assert (fresh["app_name"], fresh["convert_status"]) == ("", "数据获取中")
    box.control("clock", {"advance": 600})
    later = pull(box, access)["data"]["list"][0]
    assert (later["app_name"], later["convert_status"]) == ("抖音", "合法转化")


def test_a_push_is_flat_signed_and_repeated_until_accepted(box: Running, receiver: Receiver) -> None:
    receiver.answers = [{"code": -1}, {"code": 500}, {"code": "0"}]
    translate = {
        "mapNormal": {"id": "clueId"},
        "mapForm": {"预算": "form.budget"},
        "mapCustom": {"source": "x"},
    }
    rule = box.control("act/add_rule", {"url": receiver.url, "secretkey": "k1", "translate_map": translate})
    clue = box.control(
        "act/submit_lead",
        {"name": "测试😀", "telephone": "13800000001", "gender": 1, "remark_dict": {"预算": "10万"}},
    )["clue_id"]
    settled(box)
    assert len(receiver.calls) == 3
    headers, raw = receiver.calls[-1]
    body = json.loads(raw)
    assert (body["clueId"], body["telphone"], body["gender"]) == (clue, "13800000001", "男")
    assert (body["form.budget"], body["source"], "id" in body) == ("10万", "x", False)
    assert body["create_time"].isdigit()
    digest = hmac.new(b"k1", f"/hooks/feiyu/k-1 {headers['timestamp']}".encode(), hashlib.sha256).hexdigest()
    assert headers["signature"] == base64.b64encode(digest.encode()).decode()
    assert list(box.control("books/pushes").values()) == [
        {"clue_id": clue, "rule_id": rule["rule_id"], "label": "new", "accepted": True}
    ]
    assert [row["accepted"] for row in box.control("books/callbacks").values()] == [False, False, True]


def test_the_signature_of_the_legacy_pull() -> None:
    path = "/crm/v2/openapi/clue/callback/"
    expected = "Yzk1YjFkNjZiZWJhOTdhYTU2YzIwYTA1NTMxYWNkMThiMTQ5MzgyZGZkMzg2OGI5MGRmODY2NDY3MjY2OGYzOA=="
    assert signature("FEIYUKEYDEMO0001", path, 1777651260) == expected


def test_pull_only_leads_are_not_pushed_and_others_can_be_pushed_again(
    box: Running, receiver: Receiver
) -> None:
    rule = box.control("act/add_rule", {"url": receiver.url})["rule_id"]
    box.control("act/submit_lead", {"name": "测试", "push": False})
    clue = box.control("act/submit_lead", {"name": "测试"})["clue_id"]
    box.control("act/push_again", {"clue_id": clue})
    box.control("act/test_rule", {"rule_id": rule})
    settled(box)
    assert sorted(row["label"] for row in box.control("books/pushes").values()) == ["again", "new", "test"]
    assert len(box.control("books/leads")) == 2


def test_an_attacker_and_broken_bodies(box: Running, receiver: Receiver) -> None:
    box.control("act/add_rule", {"url": receiver.url})
    box.control("act/push_forged", {})
    for kind in ("broken_json", "not_an_object", "no_id", "oversize", "bad_phone"):
        box.control("act/push_malformed", {"kind": kind})
    settled(box)
    assert box.control("books/leads") == {}
    known = box.sandbox.credentials()["push_token"]
    assert sum(headers["access-token"] != known for headers, _ in receiver.calls) == 1
    assert max(len(raw) for _, raw in receiver.calls) > 1_000_000
    with pytest.raises(httpx.HTTPStatusError):
        box.control("act/push_malformed", {"kind": "other"})


def test_at_most_so_many_pushes_on_the_wire(box: Running, receiver: Receiver) -> None:
    box.control("act/set_limits", {"concurrency": 4})
    box.control("act/add_rule", {"url": receiver.url})
    ids = box.control("act/submit_leads", {"leads": [{"name": f"测试{n}"} for n in range(60)]})["clue_ids"]
    settled(box)
    assert receiver.most_at_once == 4
    pushed = box.control("books/pushes").values()
    assert {row["clue_id"] for row in pushed if row["accepted"]} == set(ids)
