"""Made-up customers, contracts and vendors for tests."""

import base64
import itertools
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, TypeVar

from crm_store import Store, UnitOfWork
from domain.faults import Fault, Misconfigured
from domain.money import Money
from domain.ports import Inbound, SigningHint, Translated
from domain.records import (
    BankLine,
    Company,
    ContractLine,
    DocumentState,
    ErpDocument,
    Instalment,
    Lead,
    Receipt,
    Receivable,
    SignedFile,
    SigningFlow,
    SigningRequest,
    Statement,
    Trigger,
)
from domain.states import SigningState
from flows.context import Context
from flows.policy import Policy
from hub.settings import DEFAULTS
from router import RoutingPlan

KEY = base64.urlsafe_b64encode(b"k" * 32)
NOW = datetime(2026, 5, 8, 2, 0, tzinfo=UTC)
TODAY = date(2026, 5, 8)
CREDIT_CODE = "91310000MA1FL0000T"

Port = TypeVar("Port")
_numbers = itertools.count(1)


def yuan(text: str | int, currency: str = "CNY") -> Money:
    return Money(Decimal(text), currency)


@dataclass
class FixedClock:
    moment: datetime = NOW

    def now(self) -> datetime:
        return self.moment


SECRET = "made-up-secret-7"


class FakePorts:
    """Implements flows.context.Ports, and what the workbench asks of its connections."""

    def __init__(self, **adapters: object) -> None:
        self.adapters = {name.replace("_", "-"): adapter for name, adapter in adapters.items()}

    def get(self, connection: str, port: type[Port]) -> Port:
        adapter = self.adapters.get(connection)
        if not isinstance(adapter, port):
            raise Misconfigured(f"no {port.__name__} at {connection}")
        return adapter

    def all(self, port: type[Port]) -> Mapping[str, Port]:
        return {name: each for name, each in self.adapters.items() if isinstance(each, port)}

    def known(self, connection: str) -> bool:
        return connection in self.adapters

    async def refresh(self, *, stale_after: float = 0) -> None:
        return

    def masked(self, text: str) -> str:
        return text.replace(SECRET, "***")


def context_of(store: Store, ports: FakePorts, clock: FixedClock | None = None) -> Context:
    return Context(
        store=store,
        ports=ports,
        routing=RoutingPlan.from_yaml(DEFAULTS / "routing.yaml"),
        policy=Policy.from_yaml(DEFAULTS / "policy.yaml"),
        clock=clock or FixedClock(),
        hook_url=lambda connection: f"http://127.0.0.1/hooks/{connection}",
    )


# --- rows -------------------------------------------------------------------------------------------------


async def connect(uow: UnitOfWork, *names: str) -> None:
    for name in names:
        await uow.connections.save(
            name, connector="test", settings={}, secrets={"password": "made-up-secret"}
        )


async def message(uow: UnitOfWork, connection: str, body: bytes = b"{}", kind: str = "test") -> int:
    """A new inbox message."""
    (number,) = await uow.inbox.add_once(connection, [Inbound(kind, f"m{next(_numbers)}", body, {})])
    return number


@dataclass(frozen=True)
class Contracted:
    contract_id: int
    company_id: int
    number: str
    flow: int


def part(
    number: int, amount: str, trigger: Trigger = Trigger.SIGNED, on_date: date | None = None
) -> Instalment:
    return Instalment(
        number=number, title=f"第{number}期", amount=yuan(amount), trigger=trigger, on_date=on_date
    )


async def contract(
    uow: UnitOfWork,
    number: str = "HT-2026-0001",
    *,
    company: str = "示例机械有限公司",
    plan: Sequence[Instalment] = (part(1, "1000"),),
    state: str = "sent",
    flow_id: str | None = "flow-1",
    erp: str = "kingdee-main",
) -> Contracted:
    """With everything that a contract needs, and its signing flow under way."""
    await connect(uow, "ads", "esign-main", "kingdee-main", "u8-main", "bank-main")
    unique = next(_numbers)
    person = await uow.customers.person_for(
        name="张三", phone=f"+8613800{unique:06d}", email=None, wechat=None
    )
    lead = await uow.leads.save(
        connection="ads",
        vendor_id=f"lead-{unique}",
        inbox_id=await message(uow, "ads"),
        person_id=person,
        facts={},
        submitted_at=NOW,
    )
    await uow.leads.assign(
        lead.id, owner="zhao", rule=None, pool="east", weights={"zhao": 0}, explanation={"reason_zh": "轮到"}
    )
    opportunity = await uow.leads.open_opportunity(lead.id, person_id=person, title="商机", owner="zhao")
    company_id = await uow.customers.company_for(Company(code=await uow.customers.next_code(), name=company))
    erp = await uow.customers.give_to_erp(company_id, erp)
    total = sum(row.amount.minor for row in plan)
    contract_id = await uow.contracts.create(
        number,
        title="示例合同",
        opportunity_id=opportunity,
        company_id=company_id,
        total_minor=total,
        currency="CNY",
        signatory="张三",
        signatory_phone="+8613800000001",
        signer="esign-main",
        erp=erp,
        lines=[
            ContractLine(
                sku="S1",
                title="设备",
                quantity=Decimal(1),
                unit_price=Money.from_minor(total).amount,
                tax_rate=Decimal("0.13"),
                amount=Money.from_minor(total),
            )
        ],
        plan=plan,
    )
    assert contract_id is not None
    await uow.contracts.keep_file("a" * 64, name="c.pdf", content=b"%PDF")
    flow = await uow.contracts.add_flow(
        f"{number}#1",
        contract_id=contract_id,
        connection="esign-main",
        file="a" * 64,
        requested_at=NOW,
        expires_at=NOW + timedelta(days=30),
    )
    if flow_id:
        await uow.contracts.note_flow(flow, flow_id=f"{number}/{flow_id}")
    await uow.contracts.set_state(contract_id, state)  # type: ignore[arg-type]
    return Contracted(contract_id, company_id, number, flow)


async def receivable(
    uow: UnitOfWork, owner: Contracted, instalment: int = 1, *, minor: int = 100_000, currency: str = "CNY"
) -> int:
    """Open, with a delivery that is done."""
    number = f"{owner.number}-{instalment}"
    found = await uow.receivables.open_once(
        number,
        contract_id=owner.contract_id,
        instalment=instalment,
        connection="kingdee-main",
        amount_minor=minor,
        currency=currency,
        document_date=TODAY,
        due_date=TODAY,
    )
    assert found is not None
    delivery = await uow.deliveries.add(
        f"kingdee-main/receivable/{number}",
        connection="kingdee-main",
        operation="erp.receivable",
        subject=found,
        ordering_key=f"kingdee-main/receivable/{number}",
    )
    claimed = await uow.deliveries.claim(delivery)
    assert claimed is not None
    await uow.deliveries.finish(claimed, vendor_id=f"V{found}")
    await uow.receivables.posted(found, f"V{found}")
    return found


def line(
    amount: str = "1000",
    *,
    key: str | None = None,
    text: str = "",
    payer: str | None = "示例机械有限公司",
    booked_on: date = TODAY,
    account: str = "6222000000000001",
    **more: Any,
) -> BankLine:
    values: dict[str, Any] = {
        "key": key or f"L{next(_numbers)}",
        "account": account,
        "amount": yuan(amount, more.pop("currency", "CNY")),
        "direction": "in",
        "booked_on": booked_on,
        "value_on": booked_on,
        "payer_name": payer,
        "payer_account": None,
        "bank_reference": None,
        "text": text,
    }
    return BankLine(**(values | more))


# --- vendors ----------------------------------------------------------------------------------------------


@dataclass
class FakeLedger:
    """CustomerArchive and ErpLedger over dicts. `failing`: raised by the next calls, in turn."""

    writes_off: Literal["on_audit", "by_person"] = "by_person"
    state: DocumentState = DocumentState.DONE
    """Of what is created, for there are no calls to change it."""
    customers: dict[str, ErpDocument] = field(default_factory=dict)
    receivables: dict[str, ErpDocument] = field(default_factory=dict)
    receipts: dict[str, ErpDocument] = field(default_factory=dict)
    failing: list[Exception] = field(default_factory=list)
    creations: list[str] = field(default_factory=list)

    def _turn(self) -> None:
        if self.failing:
            raise self.failing.pop(0)

    async def find_customer(self, code: str) -> ErpDocument | None:
        self._turn()
        return self.customers.get(code)

    async def create_customer(self, company: Company) -> ErpDocument:
        self._turn()
        self.creations.append(company.code)
        document = ErpDocument(number=company.code, vendor_id=company.code, state=DocumentState.DONE)
        self.customers[company.code] = document
        return document

    async def advance_customer(self, document: ErpDocument) -> ErpDocument:
        return document

    async def find_receivable(self, number: str) -> ErpDocument | None:
        self._turn()
        return self.receivables.get(number)

    async def create_receivable(self, receivable: Receivable) -> ErpDocument:
        self._turn()
        self.creations.append(receivable.number)
        self.receivables[receivable.number] = document(receivable.number, receivable.amount, state=self.state)
        return self.receivables[receivable.number]

    async def advance_receivable(self, document: ErpDocument) -> ErpDocument:
        return document

    async def find_receipt(self, number: str) -> ErpDocument | None:
        self._turn()
        return self.receipts.get(number)

    async def create_receipt(self, receipt: Receipt) -> ErpDocument:
        self._turn()
        self.creations.append(receipt.number)
        self.receipts[receipt.number] = document(receipt.number, receipt.amount, state=self.state)
        return self.receipts[receipt.number]

    async def advance_receipt(self, document: ErpDocument) -> ErpDocument:
        return document

    async def list_receivables(self, since: date) -> AsyncIterator[ErpDocument]:
        for each in self.receivables.values():
            yield each

    async def list_receipts(self, since: date) -> AsyncIterator[ErpDocument]:
        for each in self.receipts.values():
            yield each


def document(
    number: str,
    amount: Money,
    *,
    left: Money | None = None,
    state: DocumentState = DocumentState.DONE,
) -> ErpDocument:
    return ErpDocument(
        number=number,
        vendor_id=f"V-{number}",
        state=state,
        amount=amount,
        open=amount if left is None else left,
    )


@dataclass
class FakeSigner:
    """Signer and SigningHook over a dict of flows."""

    flows: dict[str, SigningFlow] = field(default_factory=dict)

    def put(self, flow_id: str, key: str, state: SigningState, reason: str | None = None) -> None:
        self.flows[flow_id] = SigningFlow(flow_id=flow_id, key=key, state=state, reason=reason)

    async def find_flow(self, request: SigningRequest) -> SigningFlow | None:
        return next((flow for flow in self.flows.values() if flow.key == request.key), None)

    async def create_flow(self, request: SigningRequest, content: bytes) -> SigningFlow:
        self.put(f"{request.key}/new", request.key, SigningState.SIGNING)
        return self.flows[f"{request.key}/new"]

    async def flow(self, flow_id: str) -> SigningFlow:
        return self.flows[flow_id]

    async def signed_file(self, flow_id: str) -> SignedFile:
        return SignedFile(name="signed.pdf", content=b"%PDF signed", sha256="b" * 64)

    async def extend(self, flow_id: str, until: datetime) -> None:
        self.flows[flow_id] = replace(self.flows[flow_id], state=SigningState.SIGNING)

    async def revoke(self, flow_id: str, reason: str) -> None: ...

    async def urge(self, flow_id: str) -> None: ...

    async def sign_url(self, flow_id: str, phone: str) -> str:
        return "https://sign.example.com/"

    def read_hint(self, kind: str, body: bytes) -> SigningHint | None:
        return SigningHint(body.decode(), kind)


@dataclass
class FakeFeed:
    """A statement's body is the name of lines that were put here."""

    lines: dict[bytes, Sequence[BankLine]] = field(default_factory=dict)

    async def new_statements(self) -> AsyncIterator[Inbound]:
        for body in self.lines:
            yield Inbound("statement", body.decode(), body, {})

    def read_statement(self, body: bytes) -> Translated[Sequence[Statement]]:
        statement = Statement(
            account="6222000000000001",
            identifier="S1",
            sequence=None,
            opening=None,
            closing=None,
            lines=self.lines[body],
        )
        return Translated([statement], "test@1")


@dataclass
class FakeReader:
    """A lead reader that does what it is told."""

    read: Callable[[bytes], Lead]

    def read_lead(self, kind: str, body: bytes) -> Translated[Lead]:
        return Translated(self.read(body), "test@1")


def fault_of(kind: type[Fault], **more: Any) -> Fault:
    return kind("made up", **more)
