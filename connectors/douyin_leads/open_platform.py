"""The Douyin open platform's own list of local-life leads, as functions of bytes."""

from datetime import datetime, timedelta
from typing import TypeVar
from urllib.parse import urlencode

import orjson
from pydantic import BaseModel

from connector_kit import Operation, Page, Reply, Request, Token
from connectors.douyin_leads.errors import open_fault_from
from connectors.douyin_leads.protocol import china, decode
from connectors.douyin_leads.settings import Settings
from connectors.douyin_leads.wire import ClientToken, OpenEnvelope, OpenPage, Row, page
from domain.faults import Malformed

# A new client token leaves the last one five minutes: asking again is harmless.
TOKEN = Operation("oauth.client_token", "read")
CLUES = Operation("crm.clue.query", "read")
PAGE_SIZE = 20

Data = TypeVar("Data", bound=BaseModel)


def build_client_token(settings: Settings) -> Request:
    body = {
        "client_key": settings.client_key,
        "client_secret": settings.client_secret.get_secret_value(),
        "grant_type": "client_credential",
    }
    url = f"{settings.open_url}/oauth/client_token/"
    return Request(TOKEN, "POST", url, {"Content-Type": "application/json"}, orjson.dumps(body))


def read_client_token(reply: Reply, *, now: datetime) -> Token:
    data = _data(reply, ClientToken)
    return Token(data.access_token, now + timedelta(seconds=data.expires_in))


def build_clues(
    settings: Settings, *, access_token: str, since: datetime, until: datetime, page: int
) -> Request:
    query = {
        "account_id": settings.douyin_account_id,
        "life_account_id": settings.life_account_ids,
        "start_time": china(since),
        "end_time": china(until + timedelta(microseconds=999_999)),
        "page": page,
        "page_size": PAGE_SIZE,
    }
    url = f"{settings.open_url}/goodlife/v1/open_api/crm/clue/query/?{urlencode(query, doseq=True)}"
    headers = {"access-token": access_token, "content-type": "application/json"}
    return Request(CLUES, "GET", url, headers)


def read_clues(reply: Reply) -> Page[Row]:
    found = _data(reply, OpenPage)
    return page(found.clue_data, size=found.page.page_size, total=found.page.total)


def _data(reply: Reply, kind: type[Data]) -> Data:
    try:
        envelope = OpenEnvelope.model_validate(decode(reply.body))
        if envelope.err_no:
            raise open_fault_from(envelope.err_no, envelope.err_msg)
        for part in (envelope.data, envelope.extra):
            if code := int(part.get("error_code", 0)):
                raise open_fault_from(code, str(part.get("description", "")))
        return kind.model_validate(envelope.data)
    except (ValueError, TypeError) as error:  # not JSON, or not of this shape
        message = f"抖音开放平台的回答不合协议 (the answer breaks the protocol): HTTP {reply.status}"
        raise Malformed(message, body=reply.body) from error
