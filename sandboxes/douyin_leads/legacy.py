"""Feiyu's old list with a static key: signed headers, and other names for the same things."""

import hmac
import re
from collections.abc import Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from sandboxes.common import Books, Clock
from sandboxes.common.lists import cut
from sandboxes.douyin_leads.clues import ADVERTISERS, NOT_YET, Clues, created_at, moment, positive
from sandboxes.douyin_leads.envelope import Refusal
from sandboxes.douyin_leads.feiyu import signature

KEY = "U0FOREJPWC1MRUdBQ1ktS0VZ"
TOKEN = "89abcdef0123456789abcdef0123456789abcdef"  # noqa: S105  (made up)
PATH = "/crm/v2/openapi/pull-clues/"
CALLBACK_PATH = "/crm/v2/openapi/clue/callback/"
STATES = (1, 2, 3, 4)
"""Invalid, potential, high value, paid."""
SKEW = 300
_UNIX = re.compile("[0-9]{1,11}")
RENAMED = {
    "advertiser_id": "adv_id",
    "advertiser_name": "adv_name",
    "ad_id": "ad_plan_id",
    "ad_name": "ad_plan_name",
    "telephone": "telphone",
    "app_name": "appname",
}
GIVEN = (
    "clue_id",
    "advertiser_id",
    "advertiser_name",
    "ad_id",
    "ad_name",
    "site_id",
    "module_id",
    "module_name",
    "external_url",
    "clue_type",
    "clue_source",
    "convert_status",
    "name",
    "telephone",
    "weixin",
    "qq",
    "email",
    "gender",
    "age",
    "location",
    "province_name",
    "city_name",
    "address",
    "remark",
    "remark_dict",
    "form_remark",
    "app_name",
    "req_id",
    "store",
)


def legacy_row(row: Mapping[str, Any], *, fresh: bool) -> dict[str, Any]:
    shown = {RENAMED.get(name, name): row[name] for name in GIVEN}
    late = {"appname": "", "convert_status": NOT_YET} if fresh else {}
    created = str(int(created_at(row).timestamp()))
    return shown | late | {"create_time": created, "date": None, "cid": 0, "store_id": 0, "store_name": ""}


def pull(request: Request, clues: Clues, clock: Clock, *, page_cap: int, late_seconds: float) -> Response:
    query = request.query_params
    window = f"start_time={query.get('start_time', '')}&end_time={query.get('end_time', '')}"
    if wrong := _unsigned(request.headers, f"{PATH}?{window}", clock.now().timestamp()):
        return refusal("-2", wrong)
    try:
        number = positive(query, "page", 1)
        size = min(positive(query, "page_size", 10), page_cap)
        since, until = (moment(query.get(name, "")) for name in ("start_time", "end_time"))
    except Refusal:
        return refusal("fail", "page error")
    except ValueError:
        return refusal("fail", "time error")
    found = clues.listed("advertiser_id", ADVERTISERS, since=since, until=until)
    shown, total = cut(found, (number - 1) * size, size)
    rows = [legacy_row(row, fresh=clues.is_fresh(row, late_seconds=late_seconds)) for row in shown]
    return _answer({"status": "success", "count": total, "data": rows})


async def callback(request: Request, books: Books, clock: Clock) -> Response:
    """The old write-back; what it answers is [U]. Table `old_feedback`, by lead and state."""
    if wrong := _unsigned(request.headers, CALLBACK_PATH, clock.now().timestamp()):
        return refusal("-2", wrong)
    try:
        data = orjson.loads(await request.body())["data"]
        clue_id, state = data["clue_id"], data["clue_convert_state"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return refusal("fail", "data error")
    if not isinstance(clue_id, str) or clue_id not in books.table("leads") or state not in STATES:
        return refusal("fail", "data error")
    books.table("old_feedback")[f"{clue_id}/{state}"] = {"clue_id": clue_id, "state": state}
    return _answer({"status": "success"})


def refusal(status: str, text: str) -> Response:
    return _answer({"status": status, "msg": text})


def _unsigned(headers: Mapping[str, str], text: str, now: float) -> str | None:
    timestamp = headers.get("timestamp", "")
    if headers.get("access-token") != TOKEN:
        return "token error"
    if not _UNIX.fullmatch(timestamp) or abs(int(timestamp) - now) > SKEW:
        return "timestamp error"
    expected = signature(KEY, text, int(timestamp))
    if not hmac.compare_digest(headers.get("signature", "").encode(), expected.encode()):
        return "signature error"
    return None


def _answer(body: dict[str, Any]) -> Response:
    return Response(orjson.dumps(body), media_type="application/json")
