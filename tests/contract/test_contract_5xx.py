"""What a vendor says under HTTP 5xx is read; what a proxy in front says is no answer."""

import json

import httpx
import pytest

from connector_kit import MemoryRecorder, MemoryTokens, Redactor, Sender, Tools, secrets_of
from connector_kit.certify.postings import PDF, company, contract
from connector_kit.certify.stand import Stand, SystemClock
from domain.faults import Fault, Misconfigured, Rejected, SessionExpired, Transient, UnknownOutcome
from domain.ports import CustomerArchive, Signer
from hub.registry import installed
from mappings import Translator
from sandboxes.run import load

PAGE = "<html><h1>502 Bad Gateway</h1></html>"


def refusal(code: int, text: str) -> str:
    status = {"ErrorCode": 500, "IsSuccess": False, "MsgCode": code, "Errors": [{"Message": text}]}
    return json.dumps({"Result": {"ResponseStatus": status}}, ensure_ascii=False)


def said(code: int) -> str:
    return json.dumps({"code": code, "message": "示例", "data": None})


class Numbers:
    """All that `company` and `contract` ask of a stand."""

    def number(self, prefix: str) -> str:
        return f"{prefix}-0001"


NUMBERS: Stand = Numbers()  # type: ignore[assignment]


async def asked(connector: str, status: int, body: str, *, write: bool) -> Fault:
    def answer(request: httpx.Request) -> httpx.Response:
        if "ValidateUser" in request.url.path:
            return httpx.Response(200, json={"LoginResultType": 1, "KDSVCSessionId": "session-0001"})
        return httpx.Response(status, text=body)

    found = installed()[connector]
    given = load(connector)().credentials() | {"base_url": "http://vendor.example.com"}
    fields = found.settings.model_fields
    settings = found.settings.model_validate({name: given[name] for name in given if name in fields})
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        redactor = Redactor(secrets_of(settings))
        sender = Sender(client, connection="one", redactor=redactor, recorder=MemoryRecorder())
        tools = Tools("one", sender, MemoryTokens(), SystemClock(), Translator())
        with pytest.raises(Fault) as caught:
            await call(found.open(settings, tools), write=write)
    return caught.value


async def call(adapter: object, *, write: bool) -> object:
    if isinstance(adapter, CustomerArchive):
        return await (adapter.create_customer(company(NUMBERS)) if write else adapter.find_customer("C1"))
    assert isinstance(adapter, Signer)
    request = contract(NUMBERS)
    return await (adapter.create_flow(request, PDF) if write else adapter.find_flow(request))


@pytest.mark.parametrize(
    ("connector", "status", "body", "read", "write"),
    [
        ("kingdee", 500, refusal(1, "会话信息已丢失，请重新登录"), SessionExpired, SessionExpired),
        ("kingdee", 500, refusal(9, "字段不存在"), Misconfigured, Misconfigured),
        ("kingdee", 500, refusal(0, "名称是必录字段"), Rejected, Rejected),
        ("kingdee", 500, "response_error:示例异常", Transient, UnknownOutcome),
        (
            "kingdee",
            519,
            '{"errcode":4006,"description":"timestamp expired[GW]"}',
            Misconfigured,
            Misconfigured,
        ),
        ("kingdee", 502, PAGE, Transient, UnknownOutcome),
        ("kingdee", 500, "{}", Transient, UnknownOutcome),
        ("esign", 500, said(401), Misconfigured, Misconfigured),
        ("esign", 503, said(1437513), Transient, Transient),
        ("esign", 502, PAGE, Transient, Transient),
        ("esign", 500, said(0), Transient, Transient),
    ],
)
async def test_under_5xx(
    connector: str, status: int, body: str, read: type[Fault], write: type[Fault]
) -> None:
    """The first call of a signing is the announcement of a file, which may be repeated."""
    assert type(await asked(connector, status, body, write=False)) is read
    assert type(await asked(connector, status, body, write=True)) is write
