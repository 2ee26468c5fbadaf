"""Contracts through the XML door: the worked message against the sandbox, and the connector against both."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import httpx
import pytest

from connector_kit import Reply
from connectors.yonyou_u8 import contracts as u8
from connectors.yonyou_u8.contracts import Contracts, SalesContract
from connectors.yonyou_u8.eai import Eai
from domain.faults import Malformed, Misconfigured, Mismatch, Rejected, UnknownOutcome, Unmappable
from domain.money import Money
from domain.records import ContractLine, ContractTerms, Instalment, Trigger
from sandboxes.common import Running
from tests.connectors.yonyou_u8.test_yonyou_u8_sandbox import opened

WORKED = """<ufinterface roottag="u8api" receiver="u8" sender="021" proc="add"><u8apiservice>
 <apiurl value="U8API/CM/SaveVouch"/>
 <apiParams>
  <param name="oHeadGY" datatype="bo"><head type="bo">
   <field name="strContractID" value="HT-2025-0031" row="0"/>
   <field name="strContractName" value="年度维保合同" row="0"/>
   <field name="cTypeName" value="销售合同" row="0"/>
   <field name="strBisectionUnitName" value="K00017" row="0"/>
   <field name="strCurrency" value="RMB" row="0"/><field name="strContractType" value="001" row="0"/>
   <field name="strContractKind" value="销售类合同" row="0"/><field name="cBusType" value="" row="0"/>
   <field name="dblExchange" value="1" row="0"/><field name="intPre" value="0" row="0"/>
   <field name="strWay" value="收" row="0"/><field name="strSource" value="C" row="0"/></head></param>
  <param name="oHeadSetUp" datatype="bo"><head type="bo">
   <field name="strContractID" value="HT-2025-0031" row="0"/>
   <field name="strSource" value="0" row="0"/></head></param>
  <param name="oBodyBD" datatype="bo"><body type="bo"><field name="strName" value="年度维保" row="0"/>
   <field name="dblSum" value="10600.00" row="0"/></body></param>
  <param name="oBodySF" datatype="bo"><body type="bo"></body></param>
  <param name="oBodyTK" datatype="bo"/><param name="oBodyDSJ" datatype="bo"/>
  <param name="sRetMsg" datatype="string"/><param name="IsAdd" value="true" datatype="bool"/>
  <param name="bEAI" value="true" datatype="bool"/>
 </apiParams></u8apiservice></ufinterface>"""


def yuan(text: str) -> Money:
    return Money(Decimal(text), "CNY")


CONTRACT = SalesContract(
    number="HT-2026-0031",
    title="年度维保合同 <测试> & “引号”",
    customer_code="K00017",
    terms=ContractTerms(
        total=yuan("13790.01"),
        lines=[
            ContractLine(
                sku="HW-01",
                title="测试网关",
                quantity=Decimal(2),
                unit_price=Decimal("5650.005"),
                tax_rate=Decimal("0.13"),
                amount=yuan("11300.01"),
            ),
            ContractLine(
                sku="SV-02",
                title="年度维保",
                quantity=Decimal(1),
                unit_price=Decimal(2490),
                tax_rate=Decimal("0.06"),
                amount=yuan("2490"),
            ),
        ],
        plan=[
            Instalment(
                number=1,
                title="首付",
                amount=yuan("4790.01"),
                trigger=Trigger.DATE,
                on_date=date(2026, 6, 30),
            ),
            Instalment(number=2, title="尾款", amount=yuan("9000"), trigger=Trigger.SIGNED),
        ],
    ),
)


@pytest.fixture
async def door(served: Running) -> AsyncIterator[Contracts]:
    served.control("reset", {})
    async with opened(served, door="eai") as bench:
        assert isinstance(bench.u8.door, Eai)
        yield Contracts(bench.u8.door)


def saved(sandbox: Running) -> Any:
    return sandbox.control("books/contract")


def post(sandbox: Running, message: str) -> str:
    answer = httpx.post(f"{sandbox.url}/u8eai/import.asp", content=message.encode(), trust_env=False)
    return answer.text


def test_the_worked_message(served: Running) -> None:
    served.control("reset", {})
    assert '<param name="sRetMsg"><![CDATA[HT-2025-0031]]></param>' in post(served, WORKED)
    assert "已经存在" in post(served, WORKED)
    row = saved(served)["HT-2025-0031"]
    assert (row["strContractName"], row["goods"][0]["strName"]) == ("年度维保合同", "年度维保")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"K00017": "K99999"}, "客户编码[K99999]不存在"),
        ({'value="RMB"': 'value="CNY"'}, "数据库没有提供的字段(strCurrency)"),
        ({'name="cBusType"': 'name="cOther"'}, "数据库没有提供的字段(cOther)"),
        ({'value="年度维保合同"': 'value=""'}, "strContractName不能为空"),
        ({"10600.00": "much"}, "数据库没有提供的字段(dblSum)"),
        ({"SaveVouch": "DeleteVouch"}, "暂不提供此项功能"),
        ({'proc="add"': 'proc="edit"'}, "暂不提供此项功能"),
        ({"021": "999"}, "注册号不正确"),
    ],
)
def test_refused_in_words(served: Running, changed: dict[str, str], said: str) -> None:
    served.control("reset", {})
    message = WORKED
    for old, new in changed.items():
        message = message.replace(old, new)
    assert said in post(served, message)
    assert saved(served) == {}


async def test_saved_and_found(served: Running, door: Contracts) -> None:
    assert await door.find(CONTRACT.number) is None
    row = await door.save(CONTRACT)
    assert (row.strcontractid, row.strcontractname, row.strbisectionunitname, row.strcurrency) == (
        CONTRACT.number,
        CONTRACT.title,
        "K00017",
        "RMB",
    )
    assert row.dbltotalcurrency == Decimal("13790.01")
    assert await door.save(CONTRACT) == row, "twice is once"
    (kept,) = saved(served).values()
    assert [line["dblUntaxSum"] for line in kept["goods"]] == ["10000.01", "2349.06"]
    assert kept["plan"] == [{"dtPayDate": "2026-06-30", "dblPayCurrency": "4790.01", "dblPayRatio": "34.74"}]


@pytest.mark.parametrize("kind", ["drop_after", "timeout_after", "malformed"])
async def test_a_lost_answer_makes_no_second_contract(served: Running, door: Contracts, kind: str) -> None:
    rule = {"kind": kind, "path": "import.asp", "skip": 1, "times": 1, "seconds": 2}
    served.control("faults", {"rules": [rule]})
    with pytest.raises(UnknownOutcome):
        await door.save(CONTRACT)
    assert (await door.save(CONTRACT)).strcontractid == CONTRACT.number
    assert len(saved(served)) == 1


async def test_another_customer_under_our_number_is_a_mismatch(door: Contracts) -> None:
    await door.save(CONTRACT)
    with pytest.raises(Mismatch, match="K00018"):
        await door.save(replace(CONTRACT, customer_code="K00018"))


async def test_refusals_come_as_they_are(door: Contracts) -> None:
    with pytest.raises(Rejected, match="K99999"):
        await door.save(replace(CONTRACT, customer_code="K99999"))
    with pytest.raises(Rejected, match="查询"):
        await door.save(replace(CONTRACT, number="HT'; drop"))
    with pytest.raises(Unmappable, match=r"strCurrency|CHF"):
        await door.save(replace(CONTRACT, terms=replace(CONTRACT.terms, total=Money(Decimal(1), "CHF"))))


def reply(inner: str) -> Reply:
    body = f'<ufinterface roottag="u8api" proc="add">{inner}</ufinterface>'
    return Reply(200, {}, body.encode())


def test_answers() -> None:
    u8.read_saved(reply('<returns><param name="sRetMsg" value="HT-1"/></returns>'), "HT-1")
    with pytest.raises(UnknownOutcome):
        u8.read_saved(reply("<returns/>"), "HT-1")
    with pytest.raises(Rejected, match="合同编码重复"):
        u8.read_saved(reply('<returns><param name="sRetMsg">合同编码重复</param></returns>'), "HT-1")
    with pytest.raises(Misconfigured):
        u8.read_saved(reply('<item succeed="1" dsc="注册号不正确!"/>'), "HT-1")
    assert u8.read_rows(reply('<returns><param name="domHead"/></returns>')) == []
    with pytest.raises(Malformed):
        u8.read_rows(reply("<returns/>"))
    with pytest.raises(Malformed):
        u8.read_rows(reply('<param name="domHead">&lt;rs:data&gt;</param>'))
    with pytest.raises(Malformed):
        u8.read_rows(reply('<param name="domHead">&lt;z:row other="1"/&gt;</param>'))
