"""The rest of what the stand-in serves, seen by a stranger: authorisation, forms, stages, subscribers."""

import base64
import hashlib
import hmac
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from sandboxes.common import PLAIN, Running
from sandboxes.douyin_leads import legacy

HTTP = httpx.Client(trust_env=False, verify=PLAIN, limits=httpx.Limits(max_keepalive_connections=0))
ADVERTISER = 1700000000000001
OPEN_API = "/open_api/2/"


@pytest.fixture
def box(served: Running) -> Running:
    served.control("reset", {})
    served.control("act/set_limits", {"qps": 0})
    return served


class Stranger:
    """Authorised, with a lead of the first advertiser."""

    def __init__(self, box: Running) -> None:
        self.box = box
        known = box.sandbox.credentials()
        self.app: dict[str, Any] = {"app_id": int(known["app_id"]), "secret": known["secret"]}
        self.clue_id = str(box.control("act/submit_lead", {"name": "测试", "push": False})["clue_id"])
        self.token = self.exchange(box.control("act/authorize", {})["auth_code"])["data"]["access_token"]

    def exchange(self, code: str) -> Any:
        return self.post("/open_api/oauth2/access_token/", self.app | {"auth_code": code})

    def post(self, path: str, body: object, /, **headers: str) -> Any:
        answer = HTTP.post(self.box.url + path, json=body, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def get(self, path: str, query: dict[str, Any] | None = None, /, **headers: str) -> Any:
        answer = HTTP.get(self.box.url + path, params=query, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def tell(self, path: str, body: object) -> Any:
        return self.post(f"{OPEN_API}tools/clue/{path}/", body, **{"Access-Token": self.token})

    def ask(self, path: str, **query: Any) -> Any:
        return self.get(f"{OPEN_API}{path}/", query, **{"Access-Token": self.token})


@pytest.fixture
def stranger(box: Running) -> Stranger:
    return Stranger(box)


def test_an_operator_agrees_and_the_code_comes_back(stranger: Stranger) -> None:
    page = f"{stranger.box.url}/openapi/audit/oauth.html"
    asked = {
        "app_id": stranger.app["app_id"],
        "state": "s 1",
        "redirect_uri": "https://hub.example.com/back?a=1",
    }
    assert "<form" in HTTP.get(page, params=asked).text
    back = HTTP.post(page, params=asked).headers["location"]
    assert back.startswith("https://hub.example.com/back?a=1&")
    given = parse_qs(urlsplit(back).query)
    assert given["state"] == ["s 1"]
    assert stranger.exchange(given["auth_code"][0])["code"] == 0
    for change in ({"app_id": 1}, {"redirect_uri": "javascript:1"}, {"redirect_uri": "http://["}):
        assert HTTP.post(page, params=asked | change).status_code == 400


def test_the_authorised_accounts_however_the_token_is_sent(stranger: Stranger) -> None:
    path, token = "/open_api/oauth2/advertiser/get/", stranger.token
    in_query = stranger.get(path, {"access_token": token})
    in_header = stranger.get(path, **{"Access-Token": token})
    in_body = HTTP.request("GET", stranger.box.url + path, json=stranger.app | {"access_token": token}).json()
    assert in_query["data"] == in_header["data"] == in_body["data"]
    first = in_query["data"]["list"][0]
    assert (first["account_id"], first["advertiser_id"]) == (ADVERTISER, ADVERTISER)
    assert stranger.get(path)["code"] == 40104


def test_the_form_tells_the_labels_of_the_answers(stranger: Stranger) -> None:
    found = stranger.ask("tools/clue/form/get", advertiser_id=ADVERTISER, page=1, page_size=10)["data"]
    assert found["page_info"] == {"page": 1, "page_size": 10, "total_number": 1, "total_page": 1}
    form = found["list"][0]
    assert form["form_type"] == "NORMAL_FORM"
    shown = stranger.ask("tools/clue/form/detail", advertiser_id=ADVERTISER, instance_id=form["instance_id"])
    labels = {each["type"]: each["label"] for each in shown["data"]["elements"]}
    assert labels["TELEPHONE"] == "电话"
    row = stranger.ask("tools/clue/get", advertiser_ids=f"[{ADVERTISER}]")["data"]["list"][0]
    assert row["module_id"] == str(form["instance_id"])
    assert stranger.ask("tools/clue/form/get")["code"] == 40001
    assert stranger.ask("tools/clue/form/get", advertiser_id=1)["code"] == 40002
    assert stranger.ask("tools/clue/form/get", advertiser_id=ADVERTISER, name="x")["data"]["list"] == []


STAGE = {
    "advertiser_id": ADVERTISER,
    "callback_time": 1777600800,
    "ext_key": "CLUE_INTENTION",
    "ext_value": "高",
    "ext_value_detail": ["中", "高"],
    "clue_event": 1,
}
CHAT = {
    "advertiser_id": ADVERTISER,
    "b_open_id": "b-1",
    "c_open_id": "c-1",
    "client_key": "aw_demo_key",
    "clue_data": {"create_timestamp": 1777600800, "name": "测试", "phone": "13800000001", "tags": ["私信"]},
    "clue_convert_info": {"clue_convert_state": "NEW_CLUE"},
    "event_timestamp": 1777600800,
    "source_type": 1,
}


def test_stages_are_all_kept(stranger: Stranger) -> None:
    body = STAGE | {"clue_id": int(stranger.clue_id)}
    assert [stranger.tell("ext_info/callback", body)["code"] for _ in range(2)] == [0, 0]
    assert len(stranger.box.control("books/stages")) == 2
    for change, code in (
        ({"ext_key": "x"}, 40001),
        ({"ext_value_detail": ["a", 1]}, 40001),
        ({"clue_event": 5}, 40001),
        ({"clue_id": stranger.clue_id}, 40001),
        ({"advertiser_id": 1}, 40002),
    ):
        assert stranger.tell("ext_info/callback", body | change)["code"] == code, change


def test_leads_won_in_a_chat(stranger: Stranger) -> None:
    answer = stranger.tell("private_message/callback", CHAT)
    assert (answer["code"], answer["data"]) == (0, {"status": 0, "message": "success"})
    assert len(stranger.box.control("books/chats")) == 1
    for change in (
        {"clue_data": {"tags": ["x"] * 21}},
        {"clue_convert_info": {"clue_convert_state": 194}},
        {"b_open_id": None},
        {"clue_data": "x"},
    ):
        assert stranger.tell("private_message/callback", CHAT | change)["code"] == 40001, change


@pytest.mark.parametrize("event", ["x", [1], 1])
def test_a_report_of_a_wrong_shape_is_refused_in_the_envelope(stranger: Stranger, event: object) -> None:
    body = {"advertiser_ids": [ADVERTISER], "clue_id": stranger.clue_id, "clue_convert_state": 194}
    assert stranger.tell("callback", body | {"event_data": event})["code"] == 40001
    assert stranger.tell("callback", body | {"clue_convert_state": True})["code"] == 40001


def test_a_report_names_a_foreign_account_or_a_retired_reason(stranger: Stranger) -> None:
    body = {"advertiser_ids": [ADVERTISER], "clue_id": stranger.clue_id, "clue_convert_state": 10000}
    reason = {"event_data": {"reason_code": "MISMATCH_LOW_BUDGET"}}
    assert stranger.tell("callback", body | reason)["code"] == 0
    foreign = stranger.tell("callback", body | reason | {"advertiser_ids": [9]})
    assert foreign["code"] == 40002


def test_numbers_that_are_none(stranger: Stranger) -> None:
    assert stranger.ask("tools/clue/get", page="9" * 5000)["code"] == 40001
    signed = {"Access-Token": legacy.TOKEN, "Timestamp": "9" * 5000, "Signature": "x"}
    assert stranger.get(legacy.PATH, **signed) == {"status": "-2", "msg": "timestamp error"}


@pytest.mark.parametrize(
    "field",
    [{"gender": "男"}, {"gender": 3}, {"promotion_id": "1"}, {"remark_dict": "{}"}, {"flow_type": "X"}],
)
def test_a_lead_that_no_list_could_show_is_not_taken_in(box: Running, field: dict[str, Any]) -> None:
    answer = HTTP.post(f"{box.url}/_sandbox/act/submit_lead", json=field)
    assert answer.status_code == 400
    assert next(iter(field)) in answer.json()["error"]


def old_headers(box: Running, text: str) -> dict[str, str]:
    now = str(int(box.sandbox.clock.now().timestamp()))
    digest = hmac.new(legacy.KEY.encode(), f"{text} {now}".encode(), hashlib.sha256).hexdigest()
    signature = base64.b64encode(digest.encode()).decode()
    return {"Access-Token": legacy.TOKEN, "Timestamp": now, "Signature": signature}


def test_the_old_write_back(stranger: Stranger) -> None:
    def told(body: object) -> Any:
        return stranger.post(legacy.CALLBACK_PATH, body, **old_headers(stranger.box, legacy.CALLBACK_PATH))

    good = {"source": 0, "data": {"clue_id": stranger.clue_id, "clue_convert_state": 3}}
    assert told(good) == {"status": "success"}
    assert len(stranger.box.control("books/old_feedback")) == 1
    wrong: list[object] = [[], {"data": "x"}, {"data": {"clue_id": [], "clue_convert_state": 3}}]
    assert [told(body)["status"] for body in wrong] == ["fail"] * 3
    assert stranger.post(legacy.CALLBACK_PATH, good) == {"status": "-2", "msg": "token error"}


@pytest.mark.parametrize(
    ("start", "page", "text"),
    [("x", "1", "time error"), ("9" * 30, "1", "time error"), ("1777564800", "x", "page error")],
)
def test_the_old_list_says_what_is_wrong(stranger: Stranger, start: str, page: str, text: str) -> None:
    window = {"start_time": start, "end_time": "1777651200"}
    signed = f"{legacy.PATH}?start_time={start}&end_time=1777651200"
    answer = stranger.get(legacy.PATH, {"page": page, **window}, **old_headers(stranger.box, signed))
    assert answer == {"status": "fail", "msg": text}


def test_the_subscription_service_has_a_token_of_its_own(stranger: Stranger) -> None:
    accounts = "/open_api/v3.0/subscribe/accounts/"
    assert stranger.get(f"{accounts}list/", **{"Access-Token": stranger.token})["code"] == 40104
    assert (
        stranger.post("/open_api/oauth2/app_access_token/", stranger.app | {"secret": "x"})["code"] == 40001
    )
    token = stranger.post("/open_api/oauth2/app_access_token/", stranger.app)["data"]["access_token"]
    entered = {"APP-Access-Token": token}
    body = {"app_id": stranger.app["app_id"], "core_user_id": 1, "advertiser_ids": [ADVERTISER, 9]}
    added = stranger.post(f"{accounts}add/", body, **entered)["data"]
    assert added == {"failed_advertiser_ids": [9], "failed_reason": "no such account"}
    listed = stranger.get(f"{accounts}list/", {"count": 1}, **entered)["data"]
    assert [each["advertiser_id"] for each in listed["advertisers"]] == [ADVERTISER]
    rest = stranger.get(f"{accounts}list/", {"cursor": listed["next_cursor"]}, **entered)["data"]
    assert rest["advertisers"] == []
    removed = stranger.post(f"{accounts}remove/", body, **entered)["data"]
    assert removed["failed_advertier_ids"] == [9]
    assert stranger.post(f"{accounts}add/", body | {"advertiser_ids": "x"}, **entered)["code"] == 40001
    assert stranger.get(f"{OPEN_API}spi_task/get/", **entered)["data"]["list"] == []


def test_of_client_tokens_only_the_newest_two_live(stranger: Stranger) -> None:
    known = stranger.box.sandbox.credentials()
    form = {name: known[name] for name in ("client_key", "client_secret")}
    form["grant_type"] = "client_credential"

    def token() -> str:
        answer = HTTP.post(stranger.box.url + "/oauth/client_token/", data=form).json()
        return str(answer["data"]["access_token"])

    def code(access_token: str) -> int:
        path, query = "/goodlife/v1/open_api/crm/clue/query/", {"account_id": known["douyin_account_id"]}
        return int(stranger.get(path, query, **{"access-token": access_token})["data"]["error_code"])

    tokens = [token() for _ in range(3)]
    assert [code(each) for each in tokens] == [2190008, 0, 0]
