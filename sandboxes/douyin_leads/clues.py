"""Leads as the open API shows them: filled forms, late fields, and pages that move while leads arrive."""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from sandboxes.common import Books, Clock, Row
from sandboxes.common.clock import CHINA
from sandboxes.common.lists import cut
from sandboxes.douyin_leads import envelope
from sandboxes.douyin_leads.envelope import Refusal

ADVERTISERS = {"1700000000000001": "示例广告主甲", "1700000000000002": "示例广告主乙"}
LOCAL_ACCOUNTS = {"1700000000000101": "示例门店甲", "1700000000000102": "示例门店乙"}
FIRST_CLUE_ID = 7300000000000000001
NOT_YET = "数据获取中"
TIMES = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d")
_NUMBER = re.compile("[0-9]{1,9}")
_UNIX = re.compile("[0-9]{1,11}")

FIELDS: dict[str, Any] = {
    "advertiser_id": "1700000000000001",
    "ad_id": "0",
    "ad_name": "",
    "creative_id": "",
    "promotion_id": 0,
    "promotion_name": "",
    "project_id": "",
    "mid_info": "{}",
    "site_id": "7200000000000000001",
    "site_name": "示例落地页",
    "module_id": "7100000000000000001",
    "module_name": "预约表单",
    "external_url": "https://page.example.com/p/1",
    "clue_type": 0,
    "clue_source": 1,
    "name": "",
    "telephone": "",
    "telephone_address": "",
    "email": "",
    "weixin": "",
    "qq": "",
    "gender": 0,
    "age": 0,
    "province_name": "",
    "city_name": "",
    "country_name": "",
    "address": "",
    "location": "",
    "remark": "",
    "remark_dict": {},
    "form_remark": "",
    "ext_info": "",
    "extra_info": {},
    "app_name": "抖音",
    "convert_status": "合法转化",
    "intention_estimation": "高",
    "req_id": "",
    "search_bid_word": "",
    "clue_state": 1,
    "clue_state_name": "新线索",
    "follow_state_name": "未联系",
    "clue_owner_name": "",
    "allocation_status": 0,
    "clue_return_status": "正常",
    "system_tags": [],
    "tags": [],
    "store": {},
}
"""What a visitor's form and the delivery fill in, with its default; `country_name` is the district."""

LIFE_FIELDS: dict[str, Any] = {
    "local_account_id": "",
    "flow_type": "AD",
    "flow_entrance": "FEED",
    "action_type": "SHORT_VIDEO",
    "leads_page": "SITE",
    "product_type": "CLUE_COLLECTOR",
    "product_id": "",
    "product_name": "",
    "order_id": 0,
    "order_status": "",
    "intention_life_account_name": "",
    "intention_poi_id": "",
    "follow_life_account_type": "HEAD",
    "follow_life_account_id": "",
    "follow_life_account_name": "",
    "follow_poi_id": "",
    "is_private_clue": "NO",
    "auto_province_name": "",
    "auto_city_name": "",
}
"""More about a lead of local life; without `local_account_id` it is none."""

COMPUTED = ("clue_id", "advertiser_name", "create_time", "create_time_detail", "date")


class Clues:
    """Table `leads`: the row of the open API, and since when it can be seen there (`visible_at`, unix)."""

    def __init__(self, books: Books, clock: Clock) -> None:
        self._books = books
        self._clock = clock

    def submit(self, fields: Mapping[str, Any], *, visible_after: float = 0) -> str:
        """A visitor fills the form. `create_time_detail` may be given, for an old one that comes late."""
        unknown = set(fields) - set(FIELDS) - set(LIFE_FIELDS) - {"create_time_detail"}
        if unknown:
            raise ValueError(f"unknown lead fields: {', '.join(sorted(unknown))}")
        row = FIELDS | LIFE_FIELDS | dict(fields)
        _check_types(row)
        _check_accounts(row)
        created = _moment(row.get("create_time_detail")) or self._clock.china()
        text = created.strftime(TIMES[0])
        clue_id = str(self._books.next_number("clues", start=FIRST_CLUE_ID))
        self._books.table("leads")[clue_id] = row | {
            "clue_id": clue_id,
            "advertiser_name": ADVERTISERS.get(row["advertiser_id"], ""),
            "create_time": text[:10],
            "create_time_detail": text,
            "date": text[:10],
            "modify_time": text,
            "refunded": False,
            "visible_at": self._clock.now().timestamp() + visible_after,
        }
        return clue_id

    def find(self, clue_id: str) -> dict[str, Any]:
        return self._books.table("leads")[clue_id]

    def refund(self, clue_id: str) -> None:
        """The group-buy order is paid back: local life gives the number in clear no longer."""
        leads = self._books.table("leads")
        changed = {"refunded": True, "modify_time": self._clock.china().strftime(TIMES[0])}
        leads[clue_id] = leads[clue_id] | changed

    def page(self, query: Mapping[str, str], *, page_cap: int, late_seconds: float) -> dict[str, Any]:
        """Newest first, so that a page moves while leads arrive; a larger page than the cap is cut."""
        found = paged(self._matching(query), query, page_cap=page_cap)
        return found | {"list": [self._shown(row, late_seconds=late_seconds) for row in found["list"]]}

    def _matching(self, query: Mapping[str, str]) -> list[dict[str, Any]]:
        accounts = _ids(query, "advertiser_ids") or set(ADVERTISERS)
        check_owned(accounts, ADVERTISERS)
        if query.get("encrypt_sensitive_fields", "false").lower() != "false":
            raise Refusal(envelope.BAD_PARAMETER, "encrypt_sensitive_fields: not enabled for this app.")
        wanted = _ids(query, "clue_ids")
        since, until = bound(query, "start_time"), bound(query, "end_time")
        rows = self.listed("advertiser_id", accounts, since=since, until=until)
        return [row for row in rows if not wanted or row["clue_id"] in wanted]

    def listed(
        self, account: str, accounts: Collection[str], *, since: str | None, until: str | None
    ) -> list[dict[str, Any]]:
        """What can be seen of these accounts, newest first; the bounds are comparable texts."""
        now = self._clock.now().timestamp()
        rows = [
            row
            for row in self._books.table("leads").values()
            if row["visible_at"] <= now
            and row[account] in accounts
            and (not since or row["create_time_detail"] >= since)
            and (not until or row["create_time_detail"] <= until)
        ]
        return sorted(rows, key=lambda row: (row["create_time_detail"], row["clue_id"]), reverse=True)

    def _shown(self, row: Mapping[str, Any], *, late_seconds: float) -> dict[str, Any]:
        shown = {name: row[name] for name in (*FIELDS, *COMPUTED) if name in row}
        if self.is_fresh(row, late_seconds=late_seconds):
            shown |= {"app_name": "", "convert_status": NOT_YET, "intention_estimation": ""}
        return shown

    def is_fresh(self, row: Mapping[str, Any], *, late_seconds: float) -> bool:
        """The late fields have not arrived yet."""
        age = self._clock.china() - created_at(row)
        return age.total_seconds() < late_seconds


def check_owned(accounts: Collection[str], owned: Collection[str]) -> None:
    if foreign := set(accounts) - set(owned):
        text = f"Account {min(foreign)} doesn't exist or the role is wrong"
        raise Refusal(envelope.NO_PERMISSION, text)


def paged(rows: Sequence[Row], query: Mapping[str, str], *, page_cap: int) -> dict[str, Any]:
    number = positive(query, "page", 1)
    size = min(positive(query, "page_size", 10), page_cap)
    shown, total = cut(rows, (number - 1) * size, size)
    info = {"page": number, "page_size": size, "total_number": total, "total_page": -(-total // size)}
    return {"list": list(shown), "page_info": info}


def moment(text: str) -> str:
    """Unix seconds or a date, as comparable text. Raises ValueError."""
    if _UNIX.fullmatch(text):
        return datetime.fromtimestamp(int(text), CHINA).strftime(TIMES[0])
    return datetime.strptime(text, TIMES[1]).replace(tzinfo=CHINA).strftime(TIMES[0])


def _check_types(row: Mapping[str, Any]) -> None:
    """What the open API would never show is not taken in either."""
    for name, usual in (FIELDS | LIFE_FIELDS).items():
        if type(row[name]) is not type(usual):
            raise ValueError(f"{name} must be of the type {type(usual).__name__}, like {usual!r}")
    if row["gender"] not in (0, 1, 2):
        raise ValueError("gender must be 0 unknown, 1 male or 2 female")


def _check_accounts(row: Mapping[str, Any]) -> None:
    """A lead of local life may come without any advertising account."""
    local, advertiser = row["local_account_id"], row["advertiser_id"]
    if advertiser not in ADVERTISERS and not (local and advertiser == ""):
        raise ValueError(f"advertiser_id must be one of {', '.join(ADVERTISERS)}")
    if local and local not in LOCAL_ACCOUNTS:
        raise ValueError(f"local_account_id must be one of {', '.join(LOCAL_ACCOUNTS)}")


def created_at(row: Mapping[str, Any]) -> datetime:
    created = _moment(row["create_time_detail"])
    assert created is not None
    return created


def _moment(text: object) -> datetime | None:
    """China time; None for nothing given; ValueError for anything else."""
    if text is None:
        return None
    for form in TIMES:
        try:
            return datetime.strptime(str(text), form).replace(tzinfo=CHINA)
        except ValueError:
            continue
    raise ValueError(f"not a time: {text}")


def bound(query: Mapping[str, str], name: str) -> str | None:
    """As comparable text. A bare date means its midnight: the vendor leaves open whether it means the day."""
    try:
        moment = _moment(query.get(name))
    except ValueError as error:
        raise Refusal(envelope.BAD_PARAMETER, f"{name}: {error}") from error
    return moment.strftime(TIMES[0]) if moment else None


def positive(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not _NUMBER.fullmatch(text) or int(text) < 1:
        raise Refusal(envelope.BAD_PARAMETER, f"{name}: must be a positive integer.")
    return int(text)


def _ids(query: Mapping[str, str], name: str) -> set[str]:
    """One JSON array as text; some clients put strings into it."""
    try:
        found = orjson.loads(query.get(name, "[]"))
    except orjson.JSONDecodeError as error:
        raise Refusal(envelope.BAD_PARAMETER, f"{name}: must be a JSON array.") from error
    if not isinstance(found, list) or not all(str(item).isdigit() for item in found):
        raise Refusal(envelope.BAD_PARAMETER, f"{name}: must be a JSON array of ids.")
    return {str(item) for item in found}
