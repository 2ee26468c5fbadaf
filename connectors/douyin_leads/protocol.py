"""What goes over the wire, as functions of bytes."""

import base64
import hmac
import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, TypeVar
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import orjson
from pydantic import BaseModel

from connector_kit import Operation, Page, Reply, Request, Token
from connectors.douyin_leads.errors import fault_from
from connectors.douyin_leads.settings import Settings, Source
from connectors.douyin_leads.wire import CluePage, Envelope, LifePage, Nothing, Row, TokenData
from domain.faults import Malformed, Misconfigured, Rejected
from domain.ports import Inbound

CHINA = ZoneInfo("Asia/Shanghai")
# The old refresh token dies with the first use, so a repeat is not harmless.
REFRESH = Operation("oauth2.refresh_token", "blind_write")
CLUES = Operation("tools.clue.get", "read")
LIFE_CLUES = Operation("tools.clue.life.get", "read")
_LONE_SURROGATES = re.compile("[\ud800-\udfff]")

Data = TypeVar("Data", bound=BaseModel)


def build_refresh(settings: Settings, refresh_token: str) -> Request:
    body = {
        "app_id": int(settings.app_id),
        "secret": settings.secret.get_secret_value(),
        "grant_type": "refresh_token",
        "refresh_token": refresh_token,
    }
    return Request(
        REFRESH,
        "POST",
        f"{settings.base_url}/open_api/oauth2/refresh_token/",
        {"Content-Type": "application/json"},
        orjson.dumps(body),
    )


def read_token(reply: Reply, *, now: datetime) -> Token:
    """Whatever is refused here is wrong in the connection: its app, its secret, its authorisation."""
    try:
        data = _data(reply, TokenData)
    except Rejected as fault:
        raise Misconfigured(fault.message, fault.code) from fault
    return Token(data.access_token, now + timedelta(seconds=data.expires_in), data.refresh_token)


def build_clues(
    settings: Settings, *, access_token: str, since: datetime, until: datetime, page: int
) -> Request:
    """Lists are one JSON text. Times are whole seconds, so the window is widened to them."""
    query = {
        "advertiser_ids": "[" + ",".join(settings.advertiser_ids) + "]",
        "end_time": china(until + timedelta(microseconds=999_999)),
        "page": page,
        "page_size": settings.page_size,
        "start_time": china(since),
    }
    url = f"{settings.base_url}/open_api/2/tools/clue/get/?{urlencode(query)}"
    return Request(CLUES, "GET", url, {"Access-Token": access_token})


def read_clues(reply: Reply) -> Page[Row]:
    return _data(reply, CluePage).page()


def build_life_clues(
    settings: Settings, *, access_token: str, since: datetime, until: datetime, page: int
) -> Request:
    body = {
        "local_account_ids": [int(account) for account in settings.local_account_ids],
        "start_time": china(since),
        "end_time": china(until + timedelta(microseconds=999_999)),
        "page": page,
        "page_size": settings.page_size,
        "encrypt_sensitive_fields": False,
    }
    url = f"{settings.base_url}/open_api/2/tools/clue/life/get/"
    headers = {"Access-Token": access_token, "Content-Type": "application/json"}
    return Request(LIFE_CLUES, "POST", url, headers, orjson.dumps(body))


def read_life_clues(reply: Reply) -> Page[Row]:
    return _data(reply, LifePage).page()


def read_report(reply: Reply) -> None:
    _data(reply, Nothing)


def pulled(row: Mapping[str, Any], source: Source = "ads") -> Inbound:
    """A row that changed later (app name, conversion) is a new message, an unchanged one is not."""
    body = orjson.dumps(row, option=orjson.OPT_SORT_KEYS)
    number = clue_id(row)
    if not number:
        raise Malformed("拉取的线索没有 clue_id (a pulled row has no clue_id)", body=body)
    name = "pull" if source == "ads" else source
    return Inbound(f"lead.{name}", f"{name}/{number}/{sha256(body).hexdigest()}", body, {})


def clue_id(row: Mapping[str, Any]) -> str:
    return str(row.get("clue_id") or "")


def feiyu_signature(secretkey: bytes, text: bytes) -> bytes:
    """Base64 of the 64 hex characters, not of the digest."""
    return base64.b64encode(hmac.digest(secretkey, text, "sha256").hex().encode())


def decode(body: bytes) -> object:
    """JSON as senders really write it: orjson refuses lone surrogates, which the standard library takes.

    Raises ValueError.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        try:
            return json.loads(body)
        except RecursionError as error:
            raise ValueError("nested too deeply") from error


def tidy(value: object) -> object:
    """Text that a database can hold: without NUL, and without halves of characters."""
    if isinstance(value, str):
        return _LONE_SURROGATES.sub("\ufffd", value.replace("\x00", ""))
    if isinstance(value, list):
        return [tidy(item) for item in value]
    if isinstance(value, dict):
        return {str(tidy(name)): tidy(item) for name, item in value.items()}
    return value


def default_names(lead: Mapping[str, object], renamed: Mapping[str, str]) -> dict[str, object]:
    """A pushed lead with the rule's renaming (`mapNormal`) undone."""
    original = {pushed: name for name, pushed in renamed.items()}
    return {original.get(name, name): value for name, value in lead.items()}


def unfolded(lead: Mapping[str, object]) -> dict[str, object]:
    """`remark_dict` is an object or JSON text; the place is two fields, or `浙江+杭州`, or `浙江,杭州`."""
    answers = lead.get("remark_dict")
    province, city = _place(lead)
    return {
        **lead,
        "remark_dict": _object(answers) if isinstance(answers, str) else answers,
        "province_name": lead.get("province_name") or province,
        "city_name": lead.get("city_name") or city,
    }


def shown(answer: object) -> str:
    """An answer of several choices is a list; anything deeper is shown as JSON."""
    if isinstance(answer, list):
        return "、".join(map(shown, answer))
    return answer if isinstance(answer, str) else orjson.dumps(answer, default=str).decode()


def _object(text: str) -> object:
    try:
        return decode(text.encode())
    except ValueError:
        return {"": text}


def _place(lead: Mapping[str, object]) -> tuple[str | None, str | None]:
    for name in ("location", "city"):
        text = lead.get(name)
        if isinstance(text, str) and len(parts := re.split(r"[+,，\s]+", text.strip())) == 2:
            return parts[0] or None, parts[1] or None
    return None, None


def china(moment: datetime) -> str:
    return moment.astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S")


def _data(reply: Reply, kind: type[Data]) -> Data:
    """HTTP 200 may mean "no"; an HTML page of a gateway must never look like "no leads"."""
    try:
        envelope = Envelope.model_validate(decode(reply.body))
        if envelope.code != 0:
            raise fault_from(envelope.code, envelope.message)
        return kind.model_validate(envelope.data)
    except ValueError as error:  # not JSON, or not of this shape
        message = f"巨量引擎的回答不合协议 (the answer breaks the protocol): HTTP {reply.status}"
        raise Malformed(message, body=reply.body) from error
