"""EAS over SOAP: zeep as an independent judge of the sandbox, and the connector against it."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

import httpx
import pytest
import zeep
from lxml import etree
from zeep.exceptions import Fault as ZeepFault
from zeep.exceptions import ValidationError
from zeep.transports import Transport

from connector_kit import MemoryRecorder, Reply
from connectors.kingdee_eas import CONNECTOR, protocol
from connectors.kingdee_eas.adapter import KingdeeEasAdapter
from connectors.kingdee_eas.protocol import Imported, Voucher, VoucherLine
from connectors.kingdee_eas.settings import KingdeeEasSettings
from connectors.kingdee_eas.soap import ENCODING_STUB, Service
from domain.faults import (
    Fault,
    Malformed,
    Misconfigured,
    Rejected,
    SessionExpired,
    Transient,
    UnknownOutcome,
)
from domain.money import Money
from domain.ports import ReceivableImport
from domain.records import Receivable, ReceivableLine
from sandboxes.common import Running
from sandboxes.kingdee_eas.wsdl import describe
from tests.connectors.connection import open_connection

VOUCHER = Voucher(
    number="V-1",
    day=date(2026, 3, 17),
    currency="CNY",
    lines=(
        VoucherLine(account="1122", summary="销售", debit=Decimal("11300.00"), customer="CUST9001"),
        VoucherLine(account="6001", summary="销售", credit=Decimal("10000.00")),
        VoucherLine(account="2221", summary="销售", credit=Decimal("1300.00")),
    ),
)
RECEIVABLE = Receivable(
    number="YS-HUB-000317",
    contract_number="HT-2026-0317",
    contract_title="示例设备采购",
    instalment=1,
    customer_code="CUST9001",
    customer_name="示例客户有限公司",
    amount=Money(Decimal("13420.00")),
    document_date=date(2026, 3, 17),
    due_date=date(2026, 4, 16),
    lines=[
        ReceivableLine(
            sku="SKU-A",
            title="示例设备 <A&B>",
            quantity=Decimal(2),
            unit_price=Decimal(6710),
            tax_rate=Decimal("0.13"),
            amount=Money(Decimal("13420.00")),
        )
    ],
)


@dataclass(frozen=True)
class Bench:
    eas: KingdeeEasAdapter
    served: Running
    recorder: MemoryRecorder

    def rows(self, table: str) -> list[dict[str, Any]]:
        return list(self.served.control(f"books/{table}").values())

    def fault(self, kind: str, path: str, **more: object) -> None:
        rule = {"kind": kind, "path": path, "method": "POST", "times": 1, **more}
        self.served.control("faults", {"rules": [rule]})


@pytest.fixture
async def bench(served: Running) -> AsyncIterator[Bench]:
    served.control("reset", {})
    async with connect(served) as found:
        yield found


@asynccontextmanager
async def connect(served: Running, **choices: Any) -> AsyncIterator[Bench]:
    async with open_connection(CONNECTOR, served, **({"timeout_seconds": 2} | choices)) as opened:
        yield Bench(opened.adapter, served, opened.said)


async def test_a_voucher_is_imported(bench: Bench) -> None:
    imported = await bench.eas.import_voucher(VOUCHER)
    assert imported == Imported("V-1", "0001", "VC100001"), "the empty sixth column keeps its place"
    (row,) = bench.rows("vouchers")
    assert (row["state"], len(row["lines"])) == ("提交", 3)
    assert [line["asstActNumber1"] for line in row["lines"]] == ["CUST9001", "", ""]
    assert row["lines"][0]["debitAmount"] == "11300.00"
    assert bench.rows("sessions") == [], "it logs out"


async def test_a_receivable_is_imported_once(bench: Bench) -> None:
    assert await bench.eas.import_receivable(RECEIVABLE) == "OB100001"
    with pytest.raises(Rejected, match="已存在"):
        await bench.eas.import_receivable(RECEIVABLE)
    (row,) = bench.rows("other_bills")
    assert (row["number"], row["customer"], row["amount"]) == ("YS-HUB-000317", "CUST9001", "13420.00")
    assert isinstance(CONNECTOR.open(bench.eas.settings, bench.eas.tools), ReceivableImport)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"lines": VOUCHER.lines[:2]}, "不相等"),
        ({"lines": (replace(VOUCHER.lines[0], account="9999"), *VOUCHER.lines[1:])}, "科目"),
        ({"lines": (replace(VOUCHER.lines[0], customer="NOBODY"), *VOUCHER.lines[1:])}, "客户"),
        ({"day": date(2026, 2, 28)}, "已结账"),
    ],
)
async def test_a_voucher_that_eas_refuses(bench: Bench, change: dict[str, Any], words: str) -> None:
    bench.served.control("act/close_period", {"month": "2026-02"})
    with pytest.raises(Rejected, match=words):
        await bench.eas.import_voucher(replace(VOUCHER, **change))
    assert bench.rows("vouchers") == []
    assert bench.rows("sessions") == []


@pytest.mark.parametrize("wrong", [{"password": "wrong-password"}, {"data_center": "DC99"}])
async def test_a_refused_login(served: Running, wrong: dict[str, str]) -> None:
    served.control("reset", {})
    async with connect(served, **wrong) as bench:
        with pytest.raises(Misconfigured, match="拒绝登录"):
            await bench.eas.import_voucher(VOUCHER)


@pytest.mark.parametrize(
    ("kind", "path", "fault", "kept"),
    [
        ("drop_after", "WSWSVoucher", UnknownOutcome, 1),
        ("drop_before", "WSWSVoucher", UnknownOutcome, 0),
        ("malformed", "WSWSVoucher", UnknownOutcome, 1),
        ("vendor_error", "WSWSVoucher", UnknownOutcome, 0),
        ("vendor_error", "EASLogin", Transient, 0),
        ("malformed", "EASLogin", Malformed, 0),
    ],
)
async def test_faults(bench: Bench, kind: str, path: str, fault: type[Fault], kept: int) -> None:
    bench.fault(kind, path)
    with pytest.raises(fault):
        await bench.eas.import_voucher(VOUCHER)
    assert len(bench.rows("vouchers")) == kept


async def test_a_lost_session_is_renewed_once(bench: Bench) -> None:
    """Axis says so under HTTP 500, as a proxy's page does: the connector tells them apart."""
    bench.fault("expire_session", "WSWSVoucher")
    assert (await bench.eas.import_voucher(VOUCHER)).eas_number == "0001"
    assert [each.status for each in bench.recorder.exchanges].count(500) == 1
    bench.fault("expire_session", "WSWSVoucher", times=2)
    with pytest.raises(SessionExpired, match="未登录"):
        await bench.eas.import_voucher(replace(VOUCHER, number="V-2"))
    bench.fault("status_before", "WSWSVoucher", status=500)
    with pytest.raises(UnknownOutcome):
        await bench.eas.import_voucher(replace(VOUCHER, number="V-3"))
    assert len(bench.rows("vouchers")) == 1


async def test_a_logout_that_fails_does_not_undo_the_import(bench: Bench) -> None:
    login = {"kind": "delay", "seconds": 0, "times": 1}
    logout = {"kind": "status_before", "status": 503}
    where = {"path": "EASLogin", "method": "POST"}
    bench.served.control("faults", {"rules": [login | where, logout | where]})
    assert (await bench.eas.import_voucher(VOUCHER)).eas_number == "0001"
    assert len(bench.rows("sessions")) == 1


async def test_no_password_and_no_session_is_kept(bench: Bench) -> None:
    bench.fault("status_before", "EASLogin", skip=1, times=3, status=503)
    await bench.eas.import_voucher(VOUCHER)
    (session,) = bench.served.control("books/sessions")
    for secret in (bench.served.sandbox.credentials()["password"], session):
        assert secret not in repr(bench.recorder.exchanges)


# --- the messages ------------------------------------------------------------------------------------


def described(name: str) -> Service:
    return Service.described(describe(name, f"http://eas.example.com:6888/ormrpc/services/{name}").encode())


SETTINGS = KingdeeEasSettings.model_validate(
    {
        "base_url": "http://127.0.0.1:6888/",
        "user_name": "demo",
        "password": "made-up-password",
        "data_center": "DC01",
        "company": "01",
    }
)


def test_the_login_on_the_wire_is_the_observed_one() -> None:
    request = protocol.build_login(SETTINGS, described("EASLogin"))
    assert request.url == "http://127.0.0.1:6888/ormrpc/services/EASLogin", "not the WSDL's own address"
    assert request.headers["SOAPAction"] == '""'
    (login,) = etree.fromstring(request.content)[0]
    assert etree.QName(login).namespace == "http://login.webservice.bos.kingdee.com"
    assert [(part.tag, part.text) for part in login] == [
        ("userName", "demo"),
        ("password", "made-up-password"),
        ("slnName", "eas"),
        ("dcName", "DC01"),
        ("language", "L2"),
        ("dbType", "0"),
    ]


def test_the_reply_as_axis_writes_it() -> None:
    body = b"""<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"
 xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>
 <ns1:loginResponse xmlns:ns1="http://login.webservice.bos.kingdee.com"><loginReturn href="#id0"/>
 </ns1:loginResponse>
 <multiRef id="id0" xsi:type="ns2:WSContext" xmlns:ns2="urn:client"><dbType xsi:type="xsd:int">0</dbType>
 <sessionId xsi:type="xsd:string">SID-0001</sessionId></multiRef></soapenv:Body></soapenv:Envelope>"""
    assert protocol.read_login(Reply(200, {}, body)) == "SID-0001"
    with pytest.raises(Misconfigured):
        protocol.read_login(Reply(200, {}, body.replace(b"SID-0001", b"")))


def test_the_session_travels_in_the_header() -> None:
    request = protocol.build_voucher(SETTINGS, described("WSWSVoucher"), "SID-0001", VOUCHER)
    header = etree.fromstring(request.content)[0]
    (session,) = header
    assert session.tag == "{http://login.webservice.bos.kingdee.com}SessionId"
    assert session.text == "SID-0001"
    assert request.operation.kind == "blind_write"


def test_another_wsdl_is_told_by_name() -> None:
    with pytest.raises(Misconfigured, match="ArrayOf_tns1_WSWSVoucher"):
        protocol.build_voucher(SETTINGS, described("EASLogin"), "SID-0001", VOUCHER)
    with pytest.raises(Malformed):
        Service.described(b"<html>busy</html>")


# --- zeep alone, as anybody would use it -------------------------------------------------------------


class Offline(Transport):
    def load(self, url: str) -> Any:
        if "schemas.xmlsoap.org" in url:
            return ENCODING_STUB
        return super().load(url)  # type: ignore[no-untyped-call]


@pytest.fixture
def zeep_clients(served: Running) -> Iterator[tuple[Any, Any]]:
    served.control("reset", {})
    transport = Offline()  # type: ignore[no-untyped-call]
    transport.session.trust_env = False
    place = f"{served.url}/ormrpc/services"
    yield (
        zeep.Client(f"{place}/EASLogin?wsdl", transport=transport),  # type: ignore[no-untyped-call]
        zeep.Client(f"{place}/WSWSVoucher?wsdl", transport=transport),  # type: ignore[no-untyped-call]
    )
    transport.session.close()


def zeep_rows(vouchers: Any, served: Running) -> Any:
    """A balanced voucher; every number of the bean must be there."""
    whole = {
        "companyNumber": "01",
        "bookedDate": "2026-03-17",
        "periodYear": 2026,
        "periodNumber": 3,
        "voucherType": "记",
        "voucherNumber": "V-1",
        "currencyNumber": "BB01",
        "localRate": 1,
        "isCheck": False,
    }
    whole |= dict.fromkeys(("asstSeq", "attaches", "itemFlag", "qty", "price"), 0)
    debit = {"entrySeq": 1, "entryDC": 1, "accountNumber": "1002", "debitAmount": 5.5, "creditAmount": 0}
    credit = {"entrySeq": 2, "entryDC": -1, "accountNumber": "1122", "debitAmount": 0, "creditAmount": 5.5}
    kind = f"{{{served.url}/ormrpc/services/WSWSVoucher}}ArrayOf_tns1_WSWSVoucher"
    return vouchers.get_type(kind)([whole | side | {"originalAmount": 5.5} for side in (debit, credit)])


def test_zeep_logs_in_by_the_last_overload_only(zeep_clients: tuple[Any, Any], served: Running) -> None:
    login, _ = zeep_clients
    context = login.service.login("hub", "hub-demo-pass", "eas", "DC01", "L2", 0)
    assert context.sessionId in served.control("books/sessions")
    assert login.service.login("hub", "wrong", "eas", "DC01", "L2", 0).sessionId is None
    with pytest.raises(TypeError):
        login.service.login("hub", "hub-demo-pass", "eas", "DC01", "L2", 0, "BaseDB")


def test_zeep_imports_with_the_cookie_and_loses_the_empty_text(
    zeep_clients: tuple[Any, Any], served: Running
) -> None:
    login, vouchers = zeep_clients
    rows = zeep_rows(vouchers, served)
    with pytest.raises(ZeepFault, match="未登录"):
        vouchers.service.importVoucherOfReturnID(rows, 3, 0)
    login.service.login("hub", "hub-demo-pass", "eas", "DC01", "L2", 0)
    answer = vouchers.service.importVoucherOfReturnID(rows, 3, 0)
    assert answer[0]._value_1 == ["V-1", "记", "2026", "3", "成功保存", "0001", "VC100001"], "eight were sent"
    assert len(served.control("books/vouchers")) == 1
    with pytest.raises(ValidationError):
        vouchers.service.importVoucherOfReturnID([{}], 3, 0)


def by_hand(served: Running, service: str, body: str, **headers: str) -> httpx.Response:
    envelope = (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
        + body
        + "</e:Body></e:Envelope>"
    )
    url = f"{served.url}/ormrpc/services/{service}"
    return httpx.post(url, content=envelope.encode(), headers=headers, trust_env=False)


def login_by_hand(*values: str) -> str:
    parts = "".join(f"<in{at}>{value}</in{at}>" for at, value in enumerate(values))
    return f'<!-- ? --><l:login xmlns:l="http://login.webservice.bos.kingdee.com">{parts}</l:login>'


ACCESS = ("hub", "hub-demo-pass", "eas", "DC01", "L2")


def test_a_data_base_that_is_no_number_is_a_fault(served: Running) -> None:
    answer = by_hand(served, "EASLogin", login_by_hand(*ACCESS, "x"), SOAPAction='""')
    assert answer.status_code == 500
    assert "NumberFormatException" in answer.text


def test_a_logout_by_name_ends_the_sessions_of_the_user(served: Running) -> None:
    served.control("reset", {})
    by_hand(served, "EASLogin", login_by_hand(*ACCESS, "0"), SOAPAction='""')
    values = "<userName>hub</userName><slnName>eas</slnName><dcName>DC01</dcName><language>L2</language>"
    body = f'<l:logout xmlns:l="http://login.webservice.bos.kingdee.com">{values}</l:logout>'
    for answer in ("true", "false"):
        assert f">{answer}<" in by_hand(served, "EASLogin", body, SOAPAction='""').text
    assert served.control("books/sessions") == {}


def test_the_other_overloads_and_references_between_parts(served: Running) -> None:
    """What an Axis client sends: seven values, and beans apart from where they belong."""
    served.control("reset", {})
    login = login_by_hand(*ACCESS, "0", "BaseDB")
    assert by_hand(served, "EASLogin", login).status_code == 500, "SOAPAction is missing"
    session = by_hand(served, "EASLogin", login, SOAPAction='""').cookies["JSESSIONID"]
    line = {
        "companyNumber": "01",
        "bookedDate": "2026-03-17",
        "periodYear": "2026",
        "periodNumber": "3",
        "voucherType": "记",
        "currencyNumber": "BB01",
    }
    sides = (("1", "1002", "debitAmount"), ("0", "1122", "creditAmount"))
    beans = "".join(
        f'<multiRef id="id{at}"><!--Optional:-->'
        + "".join(f"<{key}>{value}</{key}>" for key, value in line.items())
        + f"<entryDC>{side}</entryDC><accountNumber>{account}</accountNumber><{amount}>5.0</{amount}>"
        + "</multiRef>"
        for at, (side, account, amount) in enumerate(sides)
    )
    for flags in ("<b>0</b><c>0</c>", "<b>false</b><c>true</c><d>false</d>"):
        imported = (
            '<v:importVoucher xmlns:v="http://webservice.app.gl.fi.eas.kingdee.com">'
            f'<a><a href="#id0"/><a href="#id1"/></a>{flags}</v:importVoucher>{beans}'
        )
        answer = by_hand(
            served, "WSWSVoucher", imported, SOAPAction='""', Cookie=f"JSESSIONID={session}"
        ).text
        assert "成功保存" in answer
        assert ("WSWSRtnInfo" in answer) == ("<d>" in flags)
    states = [(kept["state"], len(kept["lines"])) for kept in served.control("books/vouchers").values()]
    assert states == [("暂存", 2), ("提交", 2)]
