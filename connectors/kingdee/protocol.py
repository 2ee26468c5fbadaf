"""Pure: how a call to the WebAPI is written, and what its answers say."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import groupby
from typing import Any, TypeVar

import orjson
from pydantic import ValidationError

from connector_kit import Operation, Reply, Request, Token
from connectors.kingdee import errors
from connectors.kingdee.settings import KingdeeSettings
from connectors.kingdee.wire import Answer, DocumentRow, LoginAnswer, Message, ResponseStatus
from domain.faults import Fault, Malformed, Misconfigured, SessionExpired, Transient, UnknownOutcome
from domain.records import DocumentState

STUBS = "Kingdee.BOS.WebApi.ServicesStub."
SESSION = "kdservice-sessionid"
ERROR_PREFIX = b"response_error:"
LOGGED_IN = 1
USABLE_WITH_SESSION = (LOGGED_IN, -4, -5)
"""A licence warning or an open form still lets one work, if a session came along."""


class Step(StrEnum):
    SUBMIT = "Submit"
    AUDIT = "Audit"
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
    return _request(settings, Operation("login", "read"), service, {"parameters": values}, session="")


def build_save(settings: KingdeeSettings, session: str, form: str, model: Mapping[str, object]) -> Request:
    """The number that we chose is in the model and unique: the key of this write."""
    data = {
        "IsDeleteEntry": "true",
        # Or an unknown reference is silently left empty.
        "IsVerifyBaseDataField": "true",
        "ValidateFlag": "true",
        "NumberSearch": "true",
        "IsAutoSubmitAndAudit": "false",
        "Model": model,
    }
    operation = Operation(f"{form}.Save", "keyed_write")
    return _request(
        settings, operation, "DynamicFormService.Save", {"formid": form, "data": data}, session=session
    )


def build_step(settings: KingdeeSettings, session: str, step: Step, form: str, vendor_id: str) -> Request:
    body = {"formid": form, "data": {"Ids": vendor_id}}
    operation = Operation(f"{form}.{step}", "keyed_write")
    return _request(settings, operation, f"DynamicFormService.{step}", body, session=session)


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
    return _request(settings, operation, service, {"data": data}, session=session)


def read_login(reply: Reply, settings: KingdeeSettings, *, now: datetime) -> Token:
    """IsSuccessByAPI is true even on refusals: only the result type and the session id count."""
    answer = _typed(LoginAnswer, _json(reply, write=False), reply, write=False)
    if answer.LoginResultType not in USABLE_WITH_SESSION or not answer.KDSVCSessionId:
        raise errors.login_refused(answer.LoginResultType, answer.Message)
    return Token(answer.KDSVCSessionId, now + timedelta(minutes=settings.session_minutes))


def read_save(reply: Reply) -> Saved:
    status = read_done(reply)
    if not status.SuccessEntitys:
        raise UnknownOutcome("金蝶说保存成功，却没有给出单据")
    return Saved(status.SuccessEntitys[0].Id, status.SuccessEntitys[0].Number)


def read_done(reply: Reply) -> ResponseStatus:
    """The answer to a write; raises what a refusal means."""
    return _accepted(_json(reply, write=True), reply, write=True)


def read_rows(reply: Reply, query: Query, row: type[Row]) -> list[Row]:
    """A refusal looks like data: an object in the first cell of the first row."""
    body = _json(reply, write=False)
    if refusal := _refusal(body):
        _accepted(refusal, reply, write=False)
    if not isinstance(body, list):
        raise _unreadable(reply, "不是列表", write=False)
    return [_typed(row, _named(cells, query, reply), reply, write=False) for cells in body]


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
        raise _unreadable(reply, f"每行不是 {len(query.columns)} 列", write=False)
    return dict(zip(query.columns, cells, strict=True))


def _refusal(body: object) -> dict[str, Any] | None:
    """`[[{"Result": …}]]`, `[{"Result": …}]` or the bare object."""
    while isinstance(body, list) and body:
        body = body[0]
    return body if isinstance(body, dict) and "Result" in body else None


def _accepted(body: object, reply: Reply, *, write: bool) -> ResponseStatus:
    status = _typed(Answer, body, reply, write=write).Result.ResponseStatus
    if status.IsSuccess:
        return status
    raise errors.fault_from(
        status.MsgCode,
        [error.Message for error in status.Errors],
        [error.FieldName for error in status.Errors],
        write=write,
    )


def _request(
    settings: KingdeeSettings, operation: Operation, service: str, body: object, *, session: str
) -> Request:
    """Keys keep their order: later fields of a Model may overwrite earlier ones."""
    headers = {"content-type": "application/json"}
    if session:
        # One server reads the header, another the cookie.
        headers |= {SESSION: session, "cookie": f"{SESSION}={session}"}
    return Request(
        operation,
        "POST",
        f"{settings.base_url}{STUBS}{service}.common.kdsvc",
        headers=headers,
        content=orjson.dumps(body, default=_number),
        timeout=settings.timeout_seconds,
    )


def _number(value: object) -> orjson.Fragment:
    """An amount leaves as a JSON number with the digits it has."""
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f"))
    raise TypeError(f"{type(value).__name__} cannot be sent to Kingdee")


def _json(reply: Reply, *, write: bool) -> Any:
    """By content, not by header: the framework's own errors are plain text under HTTP 200."""
    _check_status(reply)
    body = reply.body.removeprefix(b"\xef\xbb\xbf").strip()
    if body.startswith(ERROR_PREFIX):
        raise _framework_error(body.removeprefix(ERROR_PREFIX).decode("utf-8", "replace"), write=write)
    try:
        return json.loads(body, parse_float=Decimal)
    except ValueError as error:
        raise _unreadable(reply, "不是 JSON", write=write) from error


def _check_status(reply: Reply) -> None:
    if reply.status in (200, 206):
        return
    if reply.status == 401:
        raise SessionExpired("会话已失效", "HTTP 401")
    raise Misconfigured("地址不对，或被金蝶前面的网关拦截：请检查连接的 base_url", f"HTTP {reply.status}")


def _framework_error(text: str, *, write: bool) -> Fault:
    """The server caught an exception. Whether it acted before that, it does not say."""
    fault = errors.fault_from(0, [text[:500]], [], write=write)
    if isinstance(fault, SessionExpired | Misconfigured):
        return fault
    message = f"金蝶服务端异常：{text[:500]}"
    return UnknownOutcome(message, "response_error") if write else Transient(message, "response_error")


def _typed(answer: type[Row], body: object, reply: Reply, *, write: bool) -> Row:
    try:
        return answer.model_validate(body)
    except ValidationError as error:
        names = ", ".join(".".join(map(str, problem["loc"])) for problem in error.errors())
        raise _unreadable(reply, f"字段不对：{names}", write=write) from error


def _unreadable(reply: Reply, what: str, *, write: bool) -> Malformed | UnknownOutcome:
    """After a write such an answer says nothing about what happened."""
    message = f"金蝶的回答{what}（HTTP {reply.status}）"
    return UnknownOutcome(message) if write else Malformed(message, body=reply.body)


def documents(rows: Sequence[Document]) -> list[list[Document]]:
    """Rows in order of their document, one list each."""
    return [list(group) for _, group in groupby(rows, key=lambda row: row.id)]
