"""Leads of local life: words for enums at Ocean Engine, numbers at the open platform, JSON inside texts."""

import json
import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from starlette.datastructures import QueryParams
from starlette.responses import Response

from sandboxes.common import Books, Clock
from sandboxes.common.lists import cut
from sandboxes.douyin_leads import envelope
from sandboxes.douyin_leads.clues import LIFE_FIELDS, LOCAL_ACCOUNTS, Clues, bound, check_owned, positive
from sandboxes.douyin_leads.doors import CLIENT_KEY, CLIENT_SECRET
from sandboxes.douyin_leads.envelope import Refusal

MOST_ACCOUNTS = 50
LAST_TOKEN_SECONDS = 300
ROOT_ACCOUNT = "7600000000000000001"
LIFE_ACCOUNTS = {
    account: str(int(ROOT_ACCOUNT) + number) for number, account in enumerate(LOCAL_ACCOUNTS, start=1)
}
"""Advertising account of local life to shop account of the open platform."""

GENDERS = ("UNKNOWN", "MALE", "FEMALE")
KINDS = {0: "FORM", 1: "CONSULT", 2: "SMARTPHONE", 4: "GROUP_BUYING"}
NUMBERS = {
    "clue_type": ("FORM", "CONSULT", "SMARTPHONE", "GROUP_BUYING", "ENT_WECHAT"),
    "flow_type": ("NATURE", "AD"),
    "flow_entrance": ("OTHER", "SEARCH", "FEED"),
    "action_type": (
        "SHORT_VIDEO",
        "LIVE_VIDEO",
        "HOME_PAGE",
        "IM_MESSAGE",
        "GROUPON_ORDER",
        "ALIEN_CARD",
        "OTHERS",
    ),
    "leads_page": ("OTHER", "POI", "PRODUCT_DETAIL", "SITE"),
    "gender": GENDERS,
    "allocation_status": ("NOT_ASSIGN", "ASSIGNED"),
    "follow_state_name": ("NOT_CALLED", "NOT_ANSWERED", "SHORT_ANSWERED", "ANSWERED", "DEEP_ANSWERED"),
    "follow_life_account_type": ("HEAD", "REGION", "SINGLE"),
    "is_private_clue": ("NO", "YES"),
}
"""The open platform's numbers are not public [U]: here they count these words."""
TEXT_IDS = ("promotion_id", "order_id", "product_id", "req_id", "intention_poi_id", "follow_poi_id")
SAME = (
    "clue_id",
    "promotion_name",
    "name",
    "weixin",
    "age",
    "province_name",
    "city_name",
    "country_name",
    "address",
    "remark",
    "search_bid_word",
    "req_id",
    "tags",
    "system_tags",
    "clue_owner_name",
    "clue_return_status",
    "create_time_detail",
    "modify_time",
    *LIFE_FIELDS,
)


def check_words(fields: Mapping[str, Any]) -> None:
    """Raises ValueError."""
    for name in NUMBERS.keys() & LIFE_FIELDS.keys() & fields.keys():
        if fields[name] not in NUMBERS[name]:
            raise ValueError(f"{name} must be one of {', '.join(NUMBERS[name])}")


def life_row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in SAME} | {
        "promotion_id": int(row["promotion_id"]),
        "telephone": _masked(row["telephone"]) if row["refunded"] else row["telephone"],
        "county_name": row["country_name"],
        "gender": GENDERS[row["gender"]],
        "clue_type": KINDS.get(row["clue_type"], "FORM"),
        "allocation_status": "ASSIGNED" if row["allocation_status"] else "NOT_ASSIGN",
        "follow_state_name": "NOT_CALLED",
        "effective_state": 0,
        "effective_state_name": "NOT_MARKED",
        "convert_status": 1,
        "remark_dict": json.dumps(row["remark_dict"], ensure_ascii=False),
        "clue_intention": "{}",
        "ext_info": "{}",
        "qcpx_ticket_status": "NOTICKET",
        "ad_type": 1,
    }


def open_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """The same in the open platform's dress: numbers for words, texts for ids."""
    words = life_row(row)
    numbers = {name: known.index(words[name]) for name, known in NUMBERS.items()}
    texts = {name: str(words[name] or "") for name in TEXT_IDS}
    dropped = ("local_account_id", "country_name", "effective_state_name")
    return {name: value for name, value in words.items() if name not in dropped} | {
        **numbers,
        **texts,
        "root_life_account_id": ROOT_ACCOUNT,
        "advertiser_id": row["advertiser_id"],
        "ad_id": row["ad_id"],
        "tel_addr": row["telephone_address"],
    }


class LocalLife:
    """Table `client_tokens`: the open platform's, with their end (`until`, unix)."""

    def __init__(self, books: Books, clock: Clock, clues: Clues) -> None:
        self._books = books
        self._clock = clock
        self._clues = clues

    def page(self, body: Mapping[str, Any], *, page_cap: int) -> dict[str, Any]:
        """`tools/clue/life/get`: both times, the page and its size are always sent."""
        accounts = _accounts(body.get("local_account_ids"))
        texts = {
            name: str(body[name]) for name in ("start_time", "end_time", "page", "page_size") if name in body
        }
        for name in ("start_time", "end_time"):
            if name not in texts:
                raise Refusal(envelope.BAD_PARAMETER, f"{name}: Missing data for required field.")
        if body.get("encrypt_sensitive_fields"):
            raise Refusal(envelope.BAD_PARAMETER, "encrypt_sensitive_fields: not enabled for this app.")
        rows, info = self._cut(accounts, texts, default=10, page_cap=page_cap)
        return {"list": [life_row(row) for row in rows], "page_info": info}

    def open_page(self, query: QueryParams, token: str, *, page_cap: int) -> Response:
        """`crm/clue/query`."""
        if refusal := self._refusal(query, token):
            return open_answer({}, *refusal)
        shops = set(query.getlist("life_account_id")) or set(LIFE_ACCOUNTS.values())
        accounts = {account for account, shop in LIFE_ACCOUNTS.items() if shop in shops}
        try:
            rows, info = self._cut(accounts, query, default=20, page_cap=page_cap)
        except Refusal as refused:
            return open_answer({}, 2100005, refused.message)
        return open_answer({"clue_data": [open_row(row) for row in rows], "page": info})

    def client_token(self, body: Mapping[str, Any]) -> Response:
        """A new token leaves the last one 5 minutes, and the ones before it nothing."""
        if body.get("grant_type") != "client_credential":
            return token_refusal(10002, "grant_type is invalid")
        if body.get("client_key") != CLIENT_KEY or body.get("client_secret") != CLIENT_SECRET:
            return token_refusal(10013, "client_key or client_secret error")
        now = self._clock.now().timestamp()
        tokens = self._books.table("client_tokens")
        last = next(reversed(list(tokens)), None)
        for known, row in list(tokens.items()):
            tokens[known] = row | {
                "until": min(row["until"], now + (LAST_TOKEN_SECONDS if known == last else 0))
            }
        token = f"clt.{secrets.token_hex(16)}"
        tokens[token] = {"until": now + 7200}
        return _token_answer(
            {"access_token": token, "description": "", "error_code": 0, "expires_in": 7200}, "success"
        )

    def expire_tokens(self) -> None:
        tokens = self._books.table("client_tokens")
        for token, row in list(tokens.items()):
            tokens[token] = row | {"until": 0}

    def _cut(
        self, accounts: set[str], texts: Mapping[str, str], *, default: int, page_cap: int
    ) -> tuple[Sequence[dict[str, Any]], dict[str, int]]:
        number = positive(texts, "page", 1)
        size = min(positive(texts, "page_size", default), page_cap)
        found = self._clues.listed(
            "local_account_id", accounts, since=bound(texts, "start_time"), until=bound(texts, "end_time")
        )
        shown, total = cut(found, (number - 1) * size, size)
        info = {
            "page_number": number,
            "page_size": size,
            "page_total": -(-total // size),
            "total": total,
        }
        return shown, info

    def _refusal(self, query: QueryParams, token: str) -> tuple[int, str] | None:
        """Codes of the open platform's usual list [U]."""
        row = self._books.table("client_tokens").get(token)
        if row is None:
            return 2190002, "access_token无效"
        if row["until"] <= self._clock.now().timestamp():
            return 2190008, "access_token过期,请刷新或重新授权"
        if query.get("account_id") != ROOT_ACCOUNT or set(query.getlist("life_account_id")) - set(
            LIFE_ACCOUNTS.values()
        ):
            return 2190004, "应用未获得该能力"
        return None


def open_answer(data: dict[str, Any], code: int = 0, text: str = "success") -> Response:
    extra = {
        "error_code": code,
        "description": "" if code == 0 else text,
        "sub_error_code": 0,
        "sub_description": "",
        "logid": secrets.token_hex(16).upper(),
        "now": str(int(time.time())),
    }
    body = {"data": {"error_code": code, "description": text} | data, "extra": extra}
    return Response(orjson.dumps(body), media_type="application/json")


def token_refusal(code: int, text: str) -> Response:
    return _token_answer({"error_code": code, "description": text}, "error")


def _token_answer(data: dict[str, Any], message: str) -> Response:
    return Response(orjson.dumps({"data": data, "message": message}), media_type="application/json")


def _accounts(given: object) -> set[str]:
    """Here a list of integers; the write-back wants texts."""
    if not isinstance(given, list) or not given or not all(type(each) is int for each in given):
        raise Refusal(envelope.BAD_PARAMETER, "local_account_ids: must be a list of integers.")
    if len(given) > MOST_ACCOUNTS:
        raise Refusal(envelope.BAD_PARAMETER, f"local_account_ids: at most {MOST_ACCOUNTS}.")
    accounts = {str(each) for each in given}
    check_owned(accounts, LOCAL_ACCOUNTS)
    return accounts


def _masked(number: str) -> str:
    return f"{number[:3]}****{number[-4:]}" if number else ""
