"""Feiyu CRM push rules: one flat JSON object per lead, judged by the rule's `respSetting`.

Headers and signature of a push are not documented anywhere [U]: here they are those of the legacy pull, with
the receiver's path as the text. A rule with `signed: false` sends none of them.
"""

import base64
import hmac
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson

from sandboxes.common import Books, Callbacks, Clock, Outgoing
from sandboxes.common.callbacks import SCHEDULE
from sandboxes.douyin_leads.clues import NOT_YET, Clues, created_at

TOKEN = "0123456789abcdef0123456789abcdef01234567"  # noqa: S105  (made up)
SECRET_KEY = "U0FOREJPWC1GRUlZVS1LRVk="  # noqa: S105  (made up)
THREE_RETRIES = SCHEDULE[:3]
GENDERS = {0: "未知", 1: "男", 2: "女"}
RENAMED = {
    "clue_id": "id",
    "advertiser_id": "adv_id",
    "advertiser_name": "adv_name",
    "telephone": "telphone",
    "country_name": "county_name",
    "convert_status": "clue_convert_status",
}
PUSHED = (
    "clue_id",
    "advertiser_id",
    "advertiser_name",
    "ad_id",
    "ad_name",
    "promotion_name",
    "site_id",
    "site_name",
    "module_id",
    "module_name",
    "external_url",
    "name",
    "telephone",
    "weixin",
    "qq",
    "email",
    "age",
    "province_name",
    "city_name",
    "country_name",
    "address",
    "location",
    "remark",
    "remark_dict",
    "form_remark",
    "clue_type",
    "clue_source",
    "convert_status",
    "app_name",
    "req_id",
    "date",
)
TEST_LEAD: dict[str, Any] = {
    "id": "7300000000000000000",
    "adv_id": "1700000000000001",
    "adv_name": "示例广告主甲",
    "name": "测试客户😀",
    "telphone": "13800000001",
    "gender": "男",
    "age": 30,
    "location": "浙江+杭州",
    "city": "浙江,杭州",
    "app_name": "抖音",
    "clue_source": "1",
    "clue_convert_status": "广告预览",
    "remark_dict": {"预算": "10-20万"},
    "business_dict": "{}",
}


def default_body(row: Mapping[str, Any], *, fresh: bool) -> dict[str, Any]:
    """A lead under the default keys. Types differ from the pull's, as they do at the vendor."""
    body: dict[str, Any] = {RENAMED.get(name, name): row[name] for name in PUSHED}
    place = [part for part in (row["province_name"], row["city_name"]) if part]
    return body | {
        "promotion_id": str(row["promotion_id"]),
        "gender": GENDERS.get(row["gender"], "未知"),
        "create_time": str(int(created_at(row).timestamp())),
        "clue_convert_status": NOT_YET if fresh else row["convert_status"],
        "location": row["location"] or "+".join(place),
        "city": ",".join(place),
        "cid": 0,
        "store_id": 0,
        "store_name": "",
        "business": "",
        "business_dict": "{}",
        "clue_data_source_detail": "",
    }


def translated(body: dict[str, Any], translate: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """The rule's own names. A name with a dot stays a flat key with a dot."""
    names = translate.get("mapNormal", {})
    answers = body.get("remark_dict", {})
    form = {key: answers[label] for label, key in translate.get("mapForm", {}).items() if label in answers}
    renamed = {names.get(name, name): value for name, value in body.items()}
    return renamed | form | dict(translate.get("mapCustom", {}))


def signature(secretkey: str, path: str, timestamp: int) -> str:
    digest = hmac.new(secretkey.encode(), f"{path} {timestamp}".encode(), "sha256").hexdigest()
    return base64.b64encode(digest.encode()).decode()


def is_success(response: httpx.Response, *, setting: Mapping[str, Any]) -> bool:
    """HTTP 200 and, under `codeKey`, one of the rule's values, as text or as number."""
    if response.status_code != 200:
        return False
    try:
        value = orjson.loads(response.content)[setting["codeKey"]]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return False
    return any(str(value) == status["codeValue"] for status in setting["respStatusList"])


def new_rule(body: Mapping[str, Any], *, number: str) -> dict[str, Any]:
    """The rule as the portal keeps it, from the short form of the act `add_rule`."""
    value = str(body.get("code_value", "0"))
    return {
        "id": number,
        "enable": 1,
        "ruleName": str(body.get("name", f"规则{number}")),
        "translateMap": body.get("translate_map", {}),
        "postConfig": {
            "url": str(body["url"]),
            "token": str(body.get("token", TOKEN)),
            "secretkey": str(body.get("secretkey", SECRET_KEY)),
            "enable": 1,
        },
        "respSetting": {
            "codeKey": str(body.get("code_key", "code")),
            "msgKey": "message",
            "respStatusList": [{"codeValue": value, "msgValue": "success", "statusValue": "成功"}],
        },
        "signed": bool(body.get("signed", True)),
    }


class Feiyu:
    """Tables `rules` and `pushes`. A push is accepted once the receiver's answer satisfied the rule."""

    def __init__(self, books: Books, clock: Clock, callbacks: Callbacks, clues: Clues) -> None:
        self._books = books
        self._clock = clock
        self._callbacks = callbacks
        self._clues = clues

    def add_rule(self, body: Mapping[str, Any]) -> str:
        number = str(self._books.next_number("rules", start=100001))
        self._books.table("rules")[number] = new_rule(body, number=number)
        return number

    def push_lead(self, clue_id: str, *, label: str, late_seconds: float) -> None:
        row = self._clues.find(clue_id)
        self.push(default_body(row, fresh=self._clues.is_fresh(row, late_seconds=late_seconds)), label=label)

    def push_test(self, rule_id: str) -> None:
        body = TEST_LEAD | {"create_time": str(int(self._clock.now().timestamp()))}
        rule = self._books.table("rules")[rule_id]
        self._send(rule, orjson.dumps(translated(body, rule["translateMap"])), body["id"], label="test")

    def push(self, body: dict[str, Any], *, label: str) -> None:
        """By every enabled rule, in the background, again until the receiver accepts."""
        for rule in self._books.table("rules").values():
            if rule["enable"]:
                raw = orjson.dumps(translated(body, rule["translateMap"]))
                self._send(rule, raw, str(body["id"]), label=label, schedule=SCHEDULE)

    def push_raw(self, raw: bytes, clue_id: str, *, label: str) -> None:
        for rule in self._books.table("rules").values():
            self._send(rule, raw, clue_id, label=label, schedule=THREE_RETRIES)

    def push_forged(self, body: dict[str, Any]) -> None:
        """An attacker who knows the address and the shape, but neither token nor key; he does not retry."""
        for rule in self._books.table("rules").values():
            config = rule["postConfig"] | {"token": "f" * 40, "secretkey": "not-the-key"}
            raw = orjson.dumps(translated(body, rule["translateMap"]))
            self._send(rule | {"postConfig": config, "signed": True}, raw, str(body["id"]), label="forged")

    def _send(
        self,
        rule: Mapping[str, Any],
        raw: bytes,
        clue_id: str,
        *,
        label: str,
        schedule: tuple[float, ...] = (),
    ) -> None:
        key = str(self._books.next_number("pushes"))
        pushes = self._books.table("pushes")
        pushes[key] = {"clue_id": clue_id, "rule_id": rule["id"], "label": label, "accepted": False}
        self._callbacks.send(
            Outgoing(
                url=rule["postConfig"]["url"],
                body=raw,
                headers=partial(self._headers, rule),
                label=f"{label} {clue_id}",
                accepted=self._judge(key, rule["respSetting"]),
                schedule=schedule,
            )
        )

    def _judge(self, key: str, setting: Mapping[str, Any]) -> Callable[[httpx.Response], bool]:
        def judge(response: httpx.Response) -> bool:
            accepted = is_success(response, setting=setting)
            if accepted:
                pushes = self._books.table("pushes")
                pushes[key] = pushes[key] | {"accepted": True}
            return accepted

        return judge

    def _headers(self, rule: Mapping[str, Any]) -> dict[str, str]:
        headers = {"Content-Type": "application/json"}
        if not rule["signed"]:
            return headers
        config, now = rule["postConfig"], int(self._clock.now().timestamp())
        return headers | {
            "Access-Token": config["token"],
            "Timestamp": str(now),
            "Signature": signature(config["secretkey"], urlsplit(config["url"]).path, now),
        }
