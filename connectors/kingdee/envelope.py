"""Pure: what all calls to the WebAPI have in common, and how a refusal is told from an answer."""

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, TypeVar

import orjson
from pydantic import ValidationError

from connector_kit import Operation, Reply, Request
from connectors.kingdee import errors
from connectors.kingdee.settings import KingdeeSettings
from connectors.kingdee.wire import Answer, ErrorRow, Message, ResponseStatus
from domain.faults import Fault, Malformed, Misconfigured, SessionExpired, Transient, UnknownOutcome

STUBS = "Kingdee.BOS.WebApi.ServicesStub."
SESSION = "kdservice-sessionid"
ERROR_PREFIX = b"response_error:"
OLD_GATEWAY = 519
"""No app id, an expired timestamp, an unknown call: it lets nothing through. [M]"""

Row = TypeVar("Row", bound=Message)


def refusal_in(body: object) -> dict[str, Any] | None:
    """`[[{"Result": …}]]`, `[{"Result": …}]` or the bare object."""
    while isinstance(body, list) and body:
        body = body[0]
    return body if isinstance(body, dict) and "Result" in body else None


def accepted(body: object, reply: Reply, *, write: bool) -> ResponseStatus:
    status = typed(Answer, body, reply, write=write).Result.ResponseStatus
    if status.IsSuccess:
        return status
    raise fault_in(status, status.Errors, write=write)


def fault_in(status: ResponseStatus, complaints: Sequence[ErrorRow], *, write: bool) -> Fault:
    """What the vendor's complaints, all or those about one document, mean."""
    sentences = [each.Message for each in complaints]
    return errors.fault_from(status.MsgCode, sentences, [each.FieldName for each in complaints], write=write)


def request(
    settings: KingdeeSettings,
    operation: Operation,
    service: str,
    body: object,
    *,
    session: str,
    under: str = STUBS,
) -> Request:
    """Keys keep their order: later fields of a Model may overwrite earlier ones."""
    headers = {"content-type": "application/json"}
    if session:
        # One server reads the header, another the cookie.
        headers |= {SESSION: session, "cookie": f"{SESSION}={session}"}
    return Request(
        operation,
        "POST",
        f"{settings.base_url}{under}{service}.common.kdsvc",
        headers=headers,
        content=orjson.dumps(body, default=_number),
        timeout=settings.timeout_seconds,
        speaks=_speaks,
    )


def _speaks(reply: Reply) -> bool:
    """Some servers put their refusals under HTTP 500 too; the old gateway has a status of its own."""
    body = reply.body.removeprefix(b"\xef\xbb\xbf").strip()
    if reply.status == OLD_GATEWAY or body.startswith(ERROR_PREFIX):
        return True
    try:
        return refusal_in(json.loads(body)) is not None
    except ValueError:
        return False


def _number(value: object) -> orjson.Fragment:
    """An amount leaves as a JSON number with the digits it has."""
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f"))
    raise TypeError(f"{type(value).__name__} cannot be sent to Kingdee")


def parsed(reply: Reply, *, write: bool) -> Any:
    """By content, not by header: the framework's own errors are plain text under HTTP 200."""
    _check_status(reply)
    body = reply.body.removeprefix(b"\xef\xbb\xbf").strip()
    if body.startswith(ERROR_PREFIX):
        raise _framework_error(body.removeprefix(ERROR_PREFIX).decode("utf-8", "replace"), write=write)
    try:
        return json.loads(body, parse_float=Decimal)
    except ValueError as error:
        raise unreadable(reply, "不是 JSON", write=write) from error


def _check_status(reply: Reply) -> None:
    if reply.status == OLD_GATEWAY:
        said = reply.body[:300].decode("utf-8", "replace")
        raise Misconfigured(f"金蝶网关拒绝：请检查 app_id、时钟与地址：{said}", f"HTTP {OLD_GATEWAY}")
    if reply.status in (200, 206) or reply.status >= 500:  # of the latter only the vendor's own words
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


def typed(answer: type[Row], body: object, reply: Reply, *, write: bool) -> Row:
    try:
        return answer.model_validate(body)
    except ValidationError as error:
        names = ", ".join(".".join(map(str, problem["loc"])) for problem in error.errors())
        raise unreadable(reply, f"字段不对：{names}", write=write) from error


def unreadable(reply: Reply, what: str, *, write: bool) -> Malformed | UnknownOutcome:
    """After a write such an answer says nothing about what happened."""
    message = f"金蝶的回答{what}（HTTP {reply.status}）"
    return UnknownOutcome(message) if write else Malformed(message, body=reply.body)
