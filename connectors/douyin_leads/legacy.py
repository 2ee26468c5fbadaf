"""Feiyu's old list of leads, with a static key, as functions of bytes."""

from datetime import datetime, timedelta
from urllib.parse import urlencode

from connector_kit import Operation, Page, Reply, Request
from connectors.douyin_leads.protocol import decode, feiyu_signature
from connectors.douyin_leads.settings import Settings
from connectors.douyin_leads.wire import LegacyPage, Row, page
from domain.faults import Malformed, Rejected

PATH = "/crm/v2/openapi/pull-clues/"
CLUES = Operation("feiyu.pull_clues", "read")


def build_clues(settings: Settings, *, since: datetime, until: datetime, page: int, now: datetime) -> Request:
    """The window is signed exactly as it is sent; the page is not."""
    end = until + timedelta(microseconds=999_999)
    window = urlencode({"start_time": int(since.timestamp()), "end_time": int(end.timestamp())})
    timestamp = str(int(now.timestamp()))
    key = settings.feiyu_key.get_secret_value().encode()
    headers = {
        "Content-Type": "application/json;charset=UTF-8",
        "Access-Token": settings.feiyu_token.get_secret_value(),
        "Timestamp": timestamp,
        "Signature": feiyu_signature(key, f"{PATH}?{window} {timestamp}".encode()).decode(),
    }
    query = f"page={page}&page_size={settings.page_size}&{window}"
    return Request(CLUES, "GET", f"{settings.feiyu_url}{PATH}?{query}", headers)


def read_clues(reply: Reply, *, size: int) -> Page[Row]:
    """`size`: the page that was asked for; the answer does not tell."""
    try:
        found = LegacyPage.model_validate(decode(reply.body))
    except ValueError as error:
        message = f"飞鱼的回答不合协议 (the answer breaks the protocol): HTTP {reply.status}"
        raise Malformed(message, body=reply.body) from error
    if found.status != "success":
        raise Rejected(f"飞鱼拒绝 (refused): {found.msg}", str(found.status))
    return page(found.data, size=size, total=found.count)
