"""The story, decided beforehand: the same seed gives the same leads, contracts and payments."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from stdnum.cn import uscc

CONTRACTS = 40
FORGED = 5
REFUSED_AS_MALFORMED = ("broken_json", "not_an_object", "no_id", "oversize")
PARKED = 2
"""Leads whose phone is none: accepted, and kept for repair."""
UNEXPLAINED = 3
STATEMENTS = 3

KINGDEE_REGIONS = ("上海", "江苏", "浙江", "安徽", "山东")
U8_REGIONS = ("广东", "福建", "四川", "湖北", "北京")
PRODUCTS = (
    ("MAT-0001", "示例设备", Decimal("12800.00"), Decimal("0.13")),
    ("MAT-0002", "示例配件", Decimal("399.90"), Decimal("0.13")),
    ("SRV-0001", "安装服务", Decimal("2650.00"), Decimal("0.06")),
)
TRADES = ("机械", "仪表", "电子", "纺织", "食品", "包装", "物流", "化工")

Outcome = Literal["sign", "decline", "expire"]


@dataclass(frozen=True, slots=True)
class PlannedLead:
    fields: dict[str, object]
    again: int
    """How often it is pushed once more."""


@dataclass(frozen=True, slots=True)
class PlannedInstalment:
    title: str
    amount: Decimal
    trigger: str
    on_date: str | None = None
    due_in_story: bool = True
    """Comes due while the story is played."""


@dataclass(frozen=True, slots=True)
class PlannedContract:
    number: str
    lead: int
    company: str
    credit_code: str
    region: str
    outcome: Outcome
    lines: Sequence[dict[str, str]]
    plan: Sequence[PlannedInstalment]

    @property
    def owed(self) -> dict[str, Decimal]:
        """Receivable number to amount: what must stand in the ERP once the contract is signed."""
        return {
            f"{self.number}-{number}": row.amount
            for number, row in enumerate(self.plan, start=1)
            if self.outcome == "sign" and row.due_in_story
        }


@dataclass(frozen=True, slots=True)
class PlannedPayment:
    """`parts`: what a person would say that it pays; empty for an unexplained one."""

    payer: str
    account: str
    amount: Decimal
    text: str
    statement: int
    parts: dict[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    leads: Sequence[PlannedLead]
    contracts: Sequence[PlannedContract]
    payments: Sequence[PlannedPayment]
    deleted_by_hand: str
    """A receivable in Kingdee that an accountant deletes; nobody has paid it."""

    @property
    def owed(self) -> dict[str, Decimal]:
        return {number: amount for contract in self.contracts for number, amount in contract.owed.items()}

    @property
    def explained(self) -> list[PlannedPayment]:
        return [payment for payment in self.payments if payment.parts]


def make_plan(leads: int, seed: int, today: datetime) -> Plan:
    """`today`: aware; dated instalments count from it."""
    chance = random.Random(seed)  # noqa: S311  # a story, not a secret
    contracts = [_contract(chance, index, today) for index in range(CONTRACTS)]
    return Plan(
        leads=[_lead(chance, index) for index in range(leads)],
        contracts=contracts,
        payments=_payments(chance, contracts),
        deleted_by_hand=f"{contracts[0].number}-1",
    )


def _lead(chance: random.Random, index: int) -> PlannedLead:
    late = index >= CONTRACTS and chance.random() < 0.08
    region = chance.choice(KINGDEE_REGIONS + U8_REGIONS)
    # One lead in twenty is somebody who has asked before: another lead, the same person.
    phone = 13800000000 + (index - 1 if index > CONTRACTS and index % 20 == 0 else index)
    fields: dict[str, object] = {
        "name": f"测试客户{index}",
        "telephone": str(phone),
        "province_name": region,
        "remark": chance.choice(("想了解报价", "请尽快联系", "需要上门演示")),
        "remark_dict": {"预算": chance.choice(("5万以下", "5-20万", "20万以上"))},
        "app_name": chance.choice(("抖音", "今日头条")),
        "push": not late,
    }
    return PlannedLead(fields, again=int(chance.random() < 0.15))


def _contract(chance: random.Random, index: int, today: datetime) -> PlannedContract:
    # The second of each of the last two pairs belongs to the company of the first.
    company = index - 2 if index >= CONTRACTS - 2 else index
    lines = _lines(chance)
    total = sum((Decimal(line["amount"]) for line in lines), Decimal(0))
    outcome: Outcome = "decline" if index in (7, 15, 23, 31) else "expire" if index in (11, 27) else "sign"
    return PlannedContract(
        number=f"HT-2026-{index + 1:04d}",
        lead=index,
        company=f"示例{TRADES[company % len(TRADES)]}{company + 1:02d}号有限公司",
        credit_code=credit_code(company),
        region=(KINGDEE_REGIONS, U8_REGIONS)[company % 2][company // 2 % 5],
        outcome=outcome,
        lines=lines,
        plan=_instalments(index, outcome, total, today),
    )


def credit_code(number: int) -> str:
    """A made-up unified social credit code with a true check digit."""
    body = f"91310000MA{number + 1:07d}"
    return body + str(uscc.calc_check_digit(body))


def _lines(chance: random.Random) -> list[dict[str, str]]:
    lines = []
    for sku, title, price, tax_rate in chance.sample(PRODUCTS, chance.randint(1, 3)):
        quantity = chance.randint(1, 12)
        lines.append(
            {
                "sku": sku,
                "title": title,
                "quantity": str(quantity),
                "unit_price": str(price),
                "tax_rate": str(tax_rate),
                "amount": str(price * quantity),
            }
        )
    return lines


def _instalments(index: int, outcome: Outcome, total: Decimal, today: datetime) -> list[PlannedInstalment]:
    third = (total * Decimal("0.3")).quantize(Decimal("0.01"))
    rest = total - third
    later = (today + timedelta(days=180)).date().isoformat()
    match index % 5:
        case 1:
            return [PlannedInstalment("首付", third, "signed"), PlannedInstalment("尾款", rest, "signed")]
        case 2 if outcome == "sign":
            return [
                PlannedInstalment("发出即付", third, "sent"),
                PlannedInstalment("签署即付", rest, "signed"),
            ]
        case 3:
            return [
                PlannedInstalment("首付", third, "signed"),
                PlannedInstalment("半年后", rest, "date", on_date=later, due_in_story=False),
            ]
        case 4:
            now = today.date().isoformat()
            return [
                PlannedInstalment("首付", third, "signed"),
                PlannedInstalment("到期款", rest, "date", on_date=now),
            ]
        case _:
            return [PlannedInstalment("全款", total, "signed")]


def _payments(chance: random.Random, contracts: Sequence[PlannedContract]) -> list[PlannedPayment]:
    payments: list[PlannedPayment] = []
    for contract in contracts[1 : CONTRACTS - 4]:
        payments += _payments_of(chance, contract)
    payments += _combined(contracts[-4], contracts[-2])
    payments += _combined(contracts[-3], contracts[-1])
    payments += [
        PlannedPayment(
            payer=f"测试个人{number}",
            account=f"9999{number:08d}",
            amount=Decimal(chance.randint(100, 9999)) + Decimal("0.37"),
            text="往来款",
            statement=number % STATEMENTS,
        )
        for number in range(UNEXPLAINED)
    ]
    return payments


def _payments_of(chance: random.Random, contract: PlannedContract) -> list[PlannedPayment]:
    owed = contract.owed
    if len(owed) == 2 and chance.random() < 0.3:
        return [_payment(contract, sum(owed.values(), Decimal(0)), 0, owed)]
    payments = []
    for number, amount in owed.items():
        part = (amount * Decimal("0.4")).quantize(Decimal("0.01"))
        match chance.random():
            case x if x < 0.55:
                payments.append(_payment(contract, amount, 0, {number: amount}))
            case x if x < 0.70 and len(owed) == 1:
                payments.append(_payment(contract, part, 0, {number: part}))
                payments.append(_payment(contract, amount - part, 1, {number: amount - part}))
            case x if x < 0.85 and len(owed) == 1:
                payments.append(_payment(contract, part, 1, {number: part}))
            case _:
                continue
    return payments


def _payment(
    contract: PlannedContract, amount: Decimal, statement: int, parts: dict[str, Decimal]
) -> PlannedPayment:
    return PlannedPayment(
        payer=contract.company,
        account=f"6222{contract.credit_code[-8:-1]}",
        amount=amount,
        text=f"付{contract.number}合同款",
        statement=statement,
        parts=dict(parts),
    )


def _combined(first: PlannedContract, second: PlannedContract) -> list[PlannedPayment]:
    """One payment for two contracts of one company."""
    owed = first.owed | second.owed
    if not (first.owed and second.owed):
        return []
    total = sum(owed.values(), Decimal(0))
    payment = _payment(first, total, 2, owed)
    return [
        PlannedPayment(payment.payer, payment.account, total, f"货款{first.number}/{second.number}", 2, owed)
    ]
