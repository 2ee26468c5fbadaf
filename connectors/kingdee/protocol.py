"""Pure: how a call to the WebAPI is written, and what its answers say."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import groupby
from typing import TypeVar

from connector_kit import Operation, Reply, Request, Token
from connectors.kingdee import envelope, errors
from connectors.kingdee.envelope import SESSION
from connectors.kingdee.settings import KingdeeSettings
from connectors.kingdee.wire import DocumentRow, LoginAnswer, Message, ResponseStatus
from domain.faults import Malformed, SessionExpired, UnknownOutcome
from domain.records import DocumentState

LOGGED_IN = 1
USABLE_WITH_SESSION = (LOGGED_IN, -4, -5)
"""A licence warning or an open form still lets one work, if a session came along."""
SAVE_OPTIONS = {
    "IsDeleteEntry": "true",
    # Or an unknown reference is silently left empty.
    "IsVerifyBaseDataField": "true",
    "ValidateFlag": "true",
    "NumberSearch": "true",
    "IsAutoSubmitAndAudit": "false",
}
SESSION_COOKIE = re.compile(rf"{SESSION}=([^;,\s]+)", re.IGNORECASE)


class Step(StrEnum):
    SUBMIT = "Submit"
    AUDIT = "Audit"
    UNAUDIT = "UnAudit"
    RECALL = "CancelAssign"
    DELETE = "Delete"


STATES = {
    "Z": DocumentState.DRAFT,
    "A": DocumentState.DRAFT,
    "D": DocumentState.DRAFT,
    "B": DocumentState.SUBMITTED,
    "C": DocumentState.DONE,
}

Row = TypeVar("Row", bound=Message)
Document = TypeVar("Document", bound=DocumentRow)


@dataclass(frozen=True, slots=True)
class Query:
    """`columns`: our name → field key, in the order of the answer's cells."""

    form: str
    columns: Mapping[str, str]
    where: str
    order: str
    limit: int


@dataclass(frozen=True, slots=True)
class Saved:
    vendor_id: str
    number: str


def build_login(settings: KingdeeSettings) -> Request:
    password = settings.password.get_secret_value()
    values = [settings.acct_id, settings.user_name, password, settings.lcid]
    service = "AuthService.ValidateUser"
    return envelope.request(settings, Operation("login", "read"), service, {"parameters": values}, session="")


def build_greeting(settings: KingdeeSettings) -> Request:
    """The first signed request: any read does, its answer brings the session along."""
    query = Query("BD_Currency", {"number": "FNumber"}, "", "FNumber ASC", 1)
    return build_query(settings, "", query)


def build_save(settings: KingdeeSettings, session: str, form: str, model: Mapping[str, object]) -> Request:
    """The number that we chose is in the model and unique: the key of this write."""
    data = SAVE_OPTIONS | {"Model": model}
    operation = Operation(f"{form}.Save", "keyed_write")
    return envelope.request(
        settings, operation, "DynamicFormService.Save", {"formid": form, "data": data}, session=session
    )


def build_step(settings: KingdeeSettings, session: str, step: Step, form: str, vendor_id: str) -> Request:
    body = {"formid": form, "data": {"Ids": vendor_id}}
    operation = Operation(f"{form}.{step}", "keyed_write")
    return envelope.request(settings, operation, f"DynamicFormService.{step}", body, session=session)


def build_query(settings: KingdeeSettings, session: str, query: Query) -> Request:
    """TopRowCount stays 0: it is an absolute last row."""
    data = {
        "FormId": query.form,
        "FieldKeys": ",".join(query.columns.values()),
        "FilterString": query.where,
        "OrderString": query.order,
        "TopRowCount": 0,
        "StartRow": 0,
        "Limit": query.limit,
    }
    operation = Operation(f"{query.form}.ExecuteBillQuery", "read")
    service = "DynamicFormService.ExecuteBillQuery"
    return envelope.request(settings, operation, service, {"data": data}, session=session)


def read_login(reply: Reply, settings: KingdeeSettings, *, now: datetime) -> Token:
    """IsSuccessByAPI is true even on refusals: only the result type and the session id count."""
    answer = envelope.typed(LoginAnswer, envelope.parsed(reply, write=False), reply, write=False)
    if answer.LoginResultType not in USABLE_WITH_SESSION or not answer.KDSVCSessionId:
        raise errors.login_refused(answer.LoginResultType, answer.Message)
    return Token(answer.KDSVCSessionId, now + timedelta(minutes=settings.session_minutes))


def read_greeting(reply: Reply, settings: KingdeeSettings, *, now: datetime) -> Token:
    """No session in the request, so "session lost" can only mean that the signature was refused."""
    try:
        if refusal := envelope.refusal_in(envelope.parsed(reply, write=False)):
            envelope.accepted(refusal, reply, write=False)
    except SessionExpired as error:
        raise errors.signature_refused(error) from error
    found = SESSION_COOKIE.search(reply.headers.get("set-cookie", ""))
    return Token(found[1] if found else "", now + timedelta(minutes=settings.session_minutes))


def read_save(reply: Reply) -> Saved:
    status = read_done(reply)
    if not status.SuccessEntitys:
        raise UnknownOutcome("金蝶说保存成功，却没有给出单据")
    return Saved(status.SuccessEntitys[0].Id, status.SuccessEntitys[0].Number)


def read_done(reply: Reply) -> ResponseStatus:
    """The answer to a write; raises what a refusal means."""
    return envelope.accepted(envelope.parsed(reply, write=True), reply, write=True)


def read_rows(reply: Reply, query: Query, row: type[Row]) -> list[Row]:
    """A refusal looks like data: an object in the first cell of the first row."""
    body = envelope.parsed(reply, write=False)
    if refusal := envelope.refusal_in(body):
        envelope.accepted(refusal, reply, write=False)
    if not isinstance(body, list):
        raise envelope.unreadable(reply, "不是列表", write=False)
    return [envelope.typed(row, _named(cells, query, reply), reply, write=False) for cells in body]


def state_of(letter: str) -> DocumentState:
    if letter not in STATES:
        raise Malformed(f"金蝶的单据状态“{letter}”不认识")
    return STATES[letter]


def quoted(value: str | date) -> str:
    """A literal in a filter."""
    text = value.isoformat() if isinstance(value, date) else value
    return "'" + text.replace("'", "''") + "'"


def _named(cells: object, query: Query, reply: Reply) -> dict[str, object]:
    if not isinstance(cells, list) or len(cells) != len(query.columns):
        raise envelope.unreadable(reply, f"每行不是 {len(query.columns)} 列", write=False)
    return dict(zip(query.columns, cells, strict=True))


def documents(rows: Sequence[Document]) -> list[list[Document]]:
    """Rows in order of their document, one list each."""
    return [list(group) for _, group in groupby(rows, key=lambda row: row.id)]
