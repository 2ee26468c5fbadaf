"""Every code in a vendor's papers, provoked at its sandbox, reaches us as the fault it means."""

from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from connector_kit import Connector
from connectors.douyin_leads import CONNECTOR as DOUYIN
from connectors.esign import CONNECTOR as ESIGN
from connectors.fadada import CONNECTOR as FADADA
from connectors.kingdee import CONNECTOR as KINGDEE
from connectors.tencent_ess import CONNECTOR as TENCENT
from connectors.yonyou_u8 import CONNECTOR as U8
from domain.faults import (
    Fault,
    Malformed,
    Misconfigured,
    Rejected,
    SessionExpired,
    Throttled,
    Transient,
    UnknownOutcome,
)
from domain.records import Company
from sandboxes.common import Running, running
from sandboxes.common.codes import Code
from sandboxes.run import load
from tests.connectors.connection import open_connection
from tests.connectors.signing_desk import PDF, contract

Ask = Callable[[Any], Awaitable[object]]
FOR_EVER = 1000
NEVER_LISTED = "424242"
REFUSED_ADS = ["40002", *(f"40{each}" for each in (101, 103, 104, 106, 107, 108, 110, 118, 300, 301))]


@dataclass(frozen=True)
class Door:
    """One way in, a read and a write through it, and what its codes mean by the papers when they come again
    and again.

    A key of `means` is a code, or a code and a piece of its sentence; everything else is a plain refusal.
    `unsure` are those after which a write may have happened.
    """

    vendor: str
    connector: Connector
    where: str
    ask: Ask
    path: str
    means: Mapping[str, type[Fault]]
    tell: Ask | None = None
    told_at: str = ""
    unsure: Collection[str] = ()
    choices: Mapping[str, Any] = field(default_factory=dict)
    unlisted: type[Fault] = Rejected

    def meaning(self, code: Code) -> type[Fault]:
        return next((fault for key, fault in self.means.items() if _names(key, code)), Rejected)

    def meaning_of_a_write(self, code: Code) -> type[Fault]:
        return UnknownOutcome if any(_names(key, code) for key in self.unsure) else self.meaning(code)


def _names(key: str, code: Code) -> bool:
    number, _, piece = key.partition("|")
    return code.code == number and piece in code.message


async def _flow(adapter: Any) -> object:
    return await adapter.flow("1760000000000000001")


async def _receivable(adapter: Any) -> object:
    return await adapter.find_receivable("HT-2026-0042-1")


async def _new_flow(adapter: Any) -> object:
    return await adapter.create_flow(contract(), PDF)


async def _new_customer(adapter: Any) -> object:
    return await adapter.create_customer(Company(code="C9001", name="示例客户有限公司"))


async def _report(adapter: Any) -> object:
    return await adapter.report("7300000000000000001", "qualified", datetime.now(UTC))


async def _leads(adapter: Any) -> object:
    now = datetime.now(UTC)
    return [page async for page in adapter.pull_leads(now - timedelta(hours=1), now)]


DOORS = {
    "esign": Door(
        "esign",
        ESIGN,
        "",
        _flow,
        "/detail",
        {
            **dict.fromkeys(("401", "403", "1430802", "1436116"), Misconfigured),
            "1437513": Transient,
            "1480013": Transient,
        },
        tell=_new_flow,
        told_at="create-by-file",
    ),
    "fadada": Door(
        "fadada",
        FADADA,
        "",
        _flow,
        "get-detail",
        {**dict.fromkeys(("100001", "100012", "100016", "211118"), Misconfigured), "100002": Misconfigured},
        tell=_new_flow,
        told_at="sign-task/create",
        unlisted=Malformed,
    ),
    "tencent": Door(
        "tencent_ess",
        TENCENT,
        "",
        _flow,
        "/",
        {
            **dict.fromkeys(
                (
                    "AuthFailure",
                    "AuthFailure.SignatureFailure",
                    "AuthFailure.SignatureExpire",
                    "AuthFailure.SecretIdNotFound",
                    "OperationDenied.NoFlowPermission",
                    "OperationDenied.UserNotInOrganization",
                ),
                Misconfigured,
            ),
            "OperationDenied.DocumentNoAvailable": Transient,
            "ResourceNotFound.Resource": Transient,
            "RequestLimitExceeded": Throttled,
        },
        tell=_new_flow,
        told_at="/",
        unlisted=Malformed,
    ),
    "u8": Door(
        "yonyou_u8",
        U8,
        "^/(api|system|result)",
        _receivable,
        "oughtreceive/get",
        {
            "10001": Transient,
            "10002": SessionExpired,
            "10003": Misconfigured,
            "10004": Misconfigured,
            "10005": Transient,
            "10006": Throttled,
            "30021": Misconfigured,
            "30025": Transient,
            "20005|注册号不正确": Misconfigured,
            "20005|其他人正在修改": Transient,
            "20005|An error occurred": Transient,
        },
        tell=_new_customer,
        told_at="customer/add",
        unsure=("10001", "30025", "20005|An error occurred"),
    ),
    "eai": Door(
        "yonyou_u8",
        U8,
        "(?i)u8eai/import.asp",
        _receivable,
        "import.asp",
        {
            "1|注册号不正确": Misconfigured,
            "1|暂不提供此项功能": Misconfigured,
            "1|加密点数已饱和": Transient,
            "1|受控科目": Misconfigured,
            "false|其他人正在修改": Transient,
        },
        tell=_new_customer,
        told_at="import.asp",
        choices={"door": "eai"},
    ),
    "kingdee": Door(
        "kingdee",
        KINGDEE,
        "(?i)dynamicformservice",
        _receivable,
        "(?i)dynamicformservice",
        {
            "1": SessionExpired,
            "2": Misconfigured,
            "4": Misconfigured,
            "6": Transient,
            "7": Misconfigured,
            "9": Misconfigured,
            "11|已被其他用户修改": Transient,
            "13": Transient,
            "14": Throttled,
            "15": Misconfigured,
        },
        tell=_new_customer,
        told_at=r"(?i)\.save\.",
        unsure=("6",),
    ),
    "kingdee login": Door(
        "kingdee",
        KINGDEE,
        "(?i)authservice",
        _receivable,
        "(?i)authservice",
        {f"LoginResultType {kind}": Misconfigured for kind in range(-7, 1)},
        unlisted=Misconfigured,
    ),
    "kingdee gateway": Door(
        "kingdee",
        KINGDEE,
        "(?i)kdsvc",
        _receivable,
        "(?i)kdsvc",
        dict.fromkeys(("4002", "4003", "4006", "5001"), Misconfigured),
        unlisted=Misconfigured,
    ),
    "ads": Door(
        "douyin_leads",
        DOUYIN,
        "^/open_api/",
        _leads,
        "tools/clue/get",
        {
            **dict.fromkeys(
                [
                    "40002",
                    "40101",
                    "40103",
                    "40104",
                    "40106",
                    "40107",
                    "40108",
                    "40110",
                    "40118",
                    "40300",
                    "40301",
                ],
                Misconfigured,
            ),
            "40100": Throttled,
            "40102": SessionExpired,
            "40105": SessionExpired,
            "50000": Transient,
            "51010": Transient,
        },
        tell=_report,
        told_at="callback",
        unlisted=Malformed,
    ),
    "open platform": Door(
        "douyin_leads",
        DOUYIN,
        "^/(goodlife|oauth)/",
        _leads,
        "goodlife",
        {
            **dict.fromkeys(["10002", "10003", "10013", "2190004"], Misconfigured),
            **dict.fromkeys(["10008", "2190002", "2190008"], SessionExpired),
            **dict.fromkeys(["10020", "2190001"], Throttled),
            "2100004": Transient,
        },
        choices={"sources": "douyin"},
    ),
    "old pull": Door(
        "douyin_leads",
        DOUYIN,
        "/crm/v2/openapi/pull-clues/",
        _leads,
        "pull-clues",
        {},
        choices={"sources": "feiyu"},
    ),
}
NO_FAULT = {("u8", "20002")}
"""Nothing found: an answer."""
ALREADY_THERE = ("kingdee", "编码唯一")
"""It is looked up, and what was found is told instead."""


@pytest.fixture(scope="module")
def served() -> Iterator[dict[str, Running]]:
    with ExitStack() as stack:
        vendors = {door.vendor for door in DOORS.values()}
        yield {name: stack.enter_context(running(load(name)())) for name in vendors}


def listed(door: Door) -> list[Code]:
    return [code for code in load(door.vendor).codes if not door.where or code.where == door.where]


def cases(names: Collection[str]) -> list[Any]:
    return [
        pytest.param(name, code, id=f"{name} {code.code} {code.message[:24]}")
        for name in names
        for code in listed(DOORS[name])
    ]


async def met(door: Door, site: Running, code: Code, ask: Ask, path: str) -> Fault | None:
    site.control("reset", {})
    known = door.connector.settings.model_fields
    hosts: dict[str, Any] = {name: site.url for name in ("open_url", "feiyu_url") if name in known}
    async with open_connection(door.connector, site, **hosts, **door.choices) as connection:
        body = {"code": code.code, "message": code.message, "path": path, "times": FOR_EVER}
        site.control("act/provoke", body)
        try:
            await ask(connection.adapter)
        except Fault as fault:
            return fault
    return None


def is_told(fault: Fault | None, code: Code, meaning: type[Fault]) -> None:
    assert fault is not None
    kind = next(each for each in type(fault).__mro__ if each.__module__ == Fault.__module__)
    assert kind is meaning, fault
    assert code.code in fault.code or code.message.strip() in fault.message


@pytest.mark.parametrize(("name", "code"), cases(DOORS))
async def test_a_listed_code(served: dict[str, Running], name: str, code: Code) -> None:
    door = DOORS[name]
    fault = await met(door, served[door.vendor], code, door.ask, door.path)
    if (name, code.code) in NO_FAULT:
        assert fault is None
        return
    is_told(fault, code, door.meaning(code))


@pytest.mark.parametrize(("name", "code"), cases([name for name, door in DOORS.items() if door.tell]))
async def test_a_listed_code_that_a_write_meets(served: dict[str, Running], name: str, code: Code) -> None:
    door = DOORS[name]
    assert door.tell is not None
    fault = await met(door, served[door.vendor], code, door.tell, door.told_at)
    if name == ALREADY_THERE[0] and ALREADY_THERE[1] in code.message:
        assert type(fault) is Rejected
        return
    is_told(fault, code, door.meaning_of_a_write(code))


@pytest.mark.parametrize("name", DOORS)
async def test_a_code_that_nobody_has_listed_is_a_fault(served: dict[str, Running], name: str) -> None:
    door = DOORS[name]
    code = Code(NEVER_LISTED, "没有人见过的话")
    fault = await met(door, served[door.vendor], code, door.ask, door.path)
    assert type(fault) is door.unlisted


@pytest.mark.parametrize("name", DOORS)
def test_each_meaning_belongs_to_a_listed_code(name: str) -> None:
    door = DOORS[name]
    known = listed(door)
    for key in (*door.means, *door.unsure):
        assert any(_names(key, code) for code in known), key


def test_no_listed_code_is_left_out() -> None:
    for vendor in {door.vendor for door in DOORS.values()}:
        doors = [door for door in DOORS.values() if door.vendor == vendor]
        asked = {code for door in doors for code in listed(door)}
        assert asked == set(load(vendor).codes)


def test_the_list_is_published_and_a_code_needs_a_sentence(served: dict[str, Running]) -> None:
    for site in served.values():
        codes = site.control("codes")
        assert len(codes) == len(site.sandbox.codes)
        assert {"code", "message", "status", "where"} == set(codes[0])
    with pytest.raises(httpx.HTTPStatusError):
        served["esign"].control("act/provoke", {"code": NEVER_LISTED})
