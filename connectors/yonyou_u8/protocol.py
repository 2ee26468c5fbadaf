"""Pure: how a call to U8's OpenAPI is written, and what its answers say."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlencode, urlsplit

import orjson
from pydantic import ValidationError

from connector_kit import Operation, Reply, Request, Token
from connectors.yonyou_u8 import errors
from connectors.yonyou_u8.settings import U8Settings
from connectors.yonyou_u8.wire import (
    AddAnswer,
    Envelope,
    Message,
    Page,
    ReceiptRow,
    ReceivableRow,
    TokenAnswer,
)
from domain.faults import Malformed, Transient, UnknownOutcome
from domain.money import Money, NotMoney
from domain.records import DocumentState, ErpDocument

RENEW_EARLY = timedelta(minutes=4)
"""The vendor's advice is 1 h 55 min; the token cache takes off the fifth minute itself."""

STATES = {
    "审核": DocumentState.DONE,
    "已审核": DocumentState.DONE,
    "关闭": DocumentState.DONE,
    # [U] only 审核 and 关闭 were seen; the words of a document before its audit are inferred.
    "": DocumentState.DRAFT,
    "新增": DocumentState.DRAFT,
    "开立": DocumentState.DRAFT,
    "未审核": DocumentState.DRAFT,
}
RECEIPT = "48"
RED = ("0", "false", "False")

Answer = TypeVar("Answer", bound=Message)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_BEYOND_BMP = re.compile(r"[^\u0000-\ud7ff\ue000-\ufffd]")


@dataclass(frozen=True, slots=True)
class Finished:
    """The record was written; `number` is empty if U8 did not say which."""

    number: str


@dataclass(frozen=True, slots=True)
class Pending:
    """Accepted, and still to be asked for."""

    request_id: str


def build_token(settings: U8Settings) -> Request:
    query = {
        "from_account": settings.from_account,
        "app_key": settings.app_key,
        "app_secret": settings.app_secret.get_secret_value(),
    }
    return _request(settings, Operation("token", "read"), "GET", "system/token", query)


def build_get(settings: U8Settings, token: str, resource: str, code: str) -> Request:
    query = _caller(settings, token) | {"id": code}
    return _request(settings, Operation(f"{resource}.get", "read"), "GET", f"api/{resource}/get", query)


def build_page(
    settings: U8Settings, token: str, resource: str, page: int, filters: Mapping[str, str]
) -> Request:
    paging = {"page_index": str(page), "rows_per_page": str(settings.rows_per_page)}
    query = _caller(settings, token) | paging | dict(filters)
    operation = Operation(f"{resource}.batch_get", "read")
    return _request(settings, operation, "GET", f"api/{resource}/batch_get", query)


def build_add(
    settings: U8Settings, token: str, resource: str, record: Mapping[str, object], *, biz_id: str
) -> Request:
    """The same `biz_id` on every attempt: a fresh one would defeat the platform's own protection."""
    query = _caller(settings, token) | {"biz_id": biz_id, "sync": "1" if settings.synchronous else "0"}
    operation = Operation(f"{resource}.add", "keyed_write")
    return _request(settings, operation, "POST", f"api/{resource}/add", query, {resource: record})


def build_verify(settings: U8Settings, token: str, resource: str, code: str) -> Request:
    body: dict[str, object] = {"voucher_code": code}
    if resource == "accept":
        body["voucher_type"] = RECEIPT
    if settings.auditor:
        body["user_id"] = settings.auditor
    operation = Operation(f"{resource}.verify", "keyed_write")
    path, query = f"api/{resource}/verify", _caller(settings, token)
    return _request(settings, operation, "POST", path, query, {resource: body})


def build_cancel(settings: U8Settings, token: str, resource: str, code: str) -> Request:
    operation = Operation(f"{resource}.cancel", "keyed_write")
    path, query = f"api/{resource}/cancel", _caller(settings, token)
    return _request(settings, operation, "POST", path, query, {resource: {"id": code}})


def voucher(
    day: date, *, kind: str, operator: str, external: str, debit: Sequence[object], credit: Sequence[object]
) -> dict[str, object]:
    """`reserve2` is our number, and with it the making system has to be CDM."""
    return {
        "voucher_type": kind,
        "fiscal_year": str(day.year),
        "accounting_period": str(day.month),
        "date": day,
        "enter": operator,
        "voucher_making_system": "CDM",
        "reserve2": external,
        "debit": {"entry": debit},
        "credit": {"entry": credit},
    }


def build_result(settings: U8Settings, request_id: str) -> Request:
    """The id is taken out of the vendor's address: we call no host but our own setting."""
    return _request(settings, Operation("result", "read"), "GET", "result", {"requestid": request_id})


def read_token(reply: Reply, *, now: datetime) -> Token:
    token = _read(reply, TokenAnswer, write=False).token
    return Token(token.id, now + timedelta(seconds=token.expiresIn) - RENEW_EARLY)


def read_add(reply: Reply) -> Finished | Pending:
    """The first answer to a write. An acknowledgement may come without any errcode."""
    body = _object(reply, write=True)
    answer = _typed(AddAnswer, body, reply, write=True)
    if answer.url and answer.errcode in ("", errors.OK):
        return Pending(_request_id(answer.url))
    _refuse(answer, reply, write=True)
    return Finished(answer.id)


def read_result(reply: Reply) -> Finished | None:
    """A polled answer; None while it runs."""
    body = _object(reply, write=True)
    answer = _typed(AddAnswer, body, reply, write=True)
    if answer.errcode == errors.RUNNING:
        return None
    _refuse(answer, reply, write=True)
    return Finished(answer.id)


def read_done(reply: Reply) -> None:
    """The answer to verify: it says yes or no, and nothing else."""
    _read(reply, Envelope, write=True)


def read_record(reply: Reply, resource: str, row: type[Answer]) -> Answer | None:
    """One record; None if there is none."""
    body = _object(reply, write=False)
    envelope = _typed(Envelope, body, reply, write=False)
    if envelope.errcode == errors.NOTHING_FOUND:
        return None
    _refuse(envelope, reply, write=False)
    return _typed(row, body.get(resource), reply, write=False)


def read_page(reply: Reply, resource: str, row: type[Answer]) -> tuple[Page, Sequence[Answer]]:
    """An empty list is an error code of its own."""
    body = _object(reply, write=False)
    envelope = _typed(Envelope, body, reply, write=False)
    if envelope.errcode == errors.NOTHING_FOUND:
        return Page(page_index=1, page_count=0, row_count=0), ()
    _refuse(envelope, reply, write=False)
    page = _typed(Page, body, reply, write=False)
    rows = body.get(resource)
    if isinstance(rows, dict):  # The voucher list sits one level deeper.
        rows = rows.get("entry")
    if not isinstance(rows, list):
        raise Malformed(f"U8 的列表里没有 {resource}", body=reply.body)
    return page, [_typed(row, item, reply, write=False) for item in rows]


def receivable_document(row: ReceivableRow, settings: U8Settings) -> ErpDocument:
    sign = -1 if row.bdebitcredit in RED else 1
    amount = row.amount if row.currency_name or row.natamount is None else row.natamount
    return _document(row, settings, row.code, row.cust_vendor_code, row.currency_name, amount, sign=sign)


def receipt_document(row: ReceiptRow, settings: U8Settings) -> ErpDocument:
    sign = 1 if row.vouchtype == RECEIPT else -1
    if row.originalamount is None:
        amount, currency = row.amount, ""
    else:
        amount = row.originalamount if row.foreigncurrency else row.amount
        currency = row.foreigncurrency
    return _document(row, settings, row.vouchcode, row.customercode, currency, amount, sign=sign)


def _document(
    row: ReceivableRow | ReceiptRow,
    settings: U8Settings,
    number: str,
    customer: str,
    currency_name: str,
    amount: Decimal,
    *,
    sign: int,
) -> ErpDocument:
    """Without a currency's name the amounts are those in local currency."""
    currency = currency_of(currency_name, settings)
    field = settings.balance_field if currency_name else settings.local_balance_field
    left = (row.model_extra or {}).get(field)
    return ErpDocument(
        number=number,
        vendor_id=number,
        state=state_of(row.state),
        customer_code=customer,
        amount=_money(sign * amount, currency),
        open=None if left is None else _money(sign * Decimal(str(left)), currency),
    )


def state_of(word: str) -> DocumentState:
    if word not in STATES:
        raise Malformed(f"U8 的单据状态“{word}”不认识")
    return STATES[word]


def currency_of(name: str, settings: U8Settings) -> str:
    """人民币 on the wire, CNY with us. No name: the account set's own currency."""
    codes = {local: code for code, local in settings.currency_names.items()} | {"": "CNY"}
    if name not in codes:
        raise Malformed(f"U8 的币种“{name}”不在连接的币种表里")
    return codes[name]


def _money(amount: Decimal, currency: str) -> Money:
    try:
        return Money(amount, currency)
    except NotMoney as error:
        raise Malformed(f"U8 的金额读不懂：{error}") from error


def _caller(settings: U8Settings, token: str) -> dict[str, str]:
    return {
        "from_account": settings.from_account,
        "to_account": settings.to_account,
        "app_key": settings.app_key,
        "token": token,
        "ds_sequence": str(settings.ds_sequence),
    }


def _request(
    settings: U8Settings,
    operation: Operation,
    method: str,
    path: str,
    query: Mapping[str, str],
    body: object = None,
) -> Request:
    return Request(
        operation,
        method,
        f"{settings.base_url.rstrip('/')}/{path}?{urlencode(query)}",
        headers={} if body is None else {"content-type": "application/json"},
        content=b"" if body is None else orjson.dumps(sendable(body), default=_number),
        timeout=settings.timeout_seconds,
    )


def sendable(value: object) -> object:
    """U8 keeps GBK text: control characters go, what lies beyond becomes a question mark."""
    if isinstance(value, str):
        return _BEYOND_BMP.sub("?", _CONTROL.sub("", value))
    if isinstance(value, Mapping):
        return {str(name): sendable(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [sendable(item) for item in value]
    return value


def _number(value: object) -> orjson.Fragment:
    """An amount leaves as a JSON number with the digits it has."""
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f"))
    raise TypeError(f"{type(value).__name__} cannot be sent to U8")


def _request_id(url: str) -> str:
    found = parse_qs(urlsplit(url).query).get("requestid")
    if not found:
        raise UnknownOutcome(f"U8 已受理，但没有给出查询号：{url[:200]}")
    return found[0]


def _read(reply: Reply, answer: type[Answer], *, write: bool) -> Answer:
    body = _object(reply, write=write)
    _refuse(_typed(Envelope, body, reply, write=write), reply, write=write)
    return _typed(answer, body, reply, write=write)


def _object(reply: Reply, *, write: bool) -> dict[str, Any]:
    """By content, not by header: some answers are JSON under text/html."""
    try:
        body = json.loads(reply.body, parse_float=Decimal)
    except ValueError as error:
        raise _unreadable(reply, "不是 JSON", write=write) from error
    if not isinstance(body, dict):
        raise _unreadable(reply, "不是 JSON 对象", write=write)
    return body


def _typed(answer: type[Answer], body: object, reply: Reply, *, write: bool) -> Answer:
    try:
        return answer.model_validate(body)
    except ValidationError as error:
        names = ", ".join(".".join(map(str, problem["loc"])) for problem in error.errors())
        raise _unreadable(reply, f"字段不对：{names}", write=write) from error


def _unreadable(reply: Reply, what: str, *, write: bool) -> Malformed | Transient | UnknownOutcome:
    """After a write such an answer says nothing about what happened; an error page is no protocol at all."""
    message = f"U8 的回答{what}（HTTP {reply.status}）"
    if write:
        return UnknownOutcome(message)
    return Malformed(message, body=reply.body) if reply.status < 400 else Transient(message)


def _refuse(envelope: Envelope, reply: Reply, *, write: bool) -> None:
    if envelope.errcode == errors.OK:
        return
    if not envelope.errcode:
        raise _unreadable(reply, "没有 errcode", write=write)
    raise errors.fault_from(envelope.errcode, envelope.errmsg, write=write)
