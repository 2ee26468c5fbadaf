"""What the signing services do alike, each against its sandbox: templates, evidence, order, acts."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from connector_kit import Connector
from connectors.esign import CONNECTOR as ESIGN
from connectors.fadada import CONNECTOR as FADADA
from connectors.tencent_ess import CONNECTOR as TENCENT
from domain.faults import Misconfigured, Rejected, Transient, UnknownOutcome, Unmappable
from domain.money import Money
from domain.ports import SigningEvidence
from domain.records import ContractLine, ContractTerms, Instalment, SigningParty, Trigger
from domain.states import SigningState
from sandboxes import esign, fadada, tencent_ess
from sandboxes.common import Running, running
from sandboxes.esign.templates import HTML_TEMPLATE, PDF_TEMPLATE
from sandboxes.fadada.templates import TEMPLATE as FADADA_TEMPLATE
from sandboxes.tencent_ess.app import RECIPIENTS
from sandboxes.tencent_ess.templates import WITH_FIELDS
from tests.connectors.signing_desk import PDF, Desk, contract, open_desk

OWN = SigningParty(order=1, organisation="示例科技有限公司", person=None, phone=None, own=True)
BUYER = SigningParty(order=2, organisation="测试客户有限公司", person="测试甲", phone="+8613800000001")
TERMS = ContractTerms(
    total=Money(Decimal("11300.50"), "CNY"),
    lines=[
        ContractLine(
            sku="S-1",
            title="测试设备",
            quantity=Decimal(2),
            unit_price=Decimal("5650.25"),
            tax_rate=Decimal("0.13"),
            amount=Money(Decimal("11300.50"), "CNY"),
        )
    ],
    plan=[
        Instalment(number=1, title="全款", amount=Money(Decimal("11300.50"), "CNY"), trigger=Trigger.SIGNED)
    ],
)


@dataclass
class Service:
    connector: Connector
    sandbox: Any
    template: dict[str, Any]
    start: dict[str, Any]
    """The call that makes the contract visible, as the sandbox's faults know it."""
    quick: dict[str, Any] = field(default_factory=dict)
    served: Running | None = None

    def desk(self, **changes: Any) -> Any:
        assert self.served is not None
        return open_desk(self.connector, self.served, **(self.quick | changes))


SERVICES = {
    "esign": Service(ESIGN, esign.SANDBOX, {"doc_template_id": PDF_TEMPLATE}, {"path": "create-by-file"}),
    "tencent_ess": Service(
        TENCENT,
        tencent_ess.SANDBOX,
        {"template_id": WITH_FIELDS, "template_recipients": RECIPIENTS, "document_seconds": 3.1},
        {"path": "^/$", "skip": 2},
        {"compose_seconds": 0.0, "bill_delay_seconds": 0.0},
    ),
    "fadada": Service(FADADA, fadada.SANDBOX, {"doc_template_id": FADADA_TEMPLATE}, {"path": "task/create"}),
}


@pytest.fixture(scope="module", params=SERVICES)
def service(request: pytest.FixtureRequest) -> Iterator[Service]:
    found = SERVICES[request.param]
    with running(found.sandbox()) as served:
        yield replace(found, served=served)


@pytest.fixture
async def desk(service: Service) -> AsyncIterator[Desk]:
    async with service.desk() as desk:
        await desk.control("reset", {})
        yield desk


@pytest.fixture
async def templated(service: Service) -> AsyncIterator[Desk]:
    async with service.desk(**service.template) as desk:
        await desk.control("reset", {})
        yield desk


async def signed(desk: Desk, flow_id: str) -> None:
    await desk.control("act/sign_all", {"flow_id": flow_id})
    await desk.advance(5)


def evidence_of(desk: Desk) -> SigningEvidence:
    assert isinstance(desk.adapter, SigningEvidence)
    return desk.adapter


# --- templates --------------------------------------------------------------------------------------------


async def test_a_contract_from_a_template_holds_its_values(templated: Desk) -> None:
    request = contract(parties=[OWN, BUYER], terms=TERMS)
    created = await templated.adapter.create_flow(request, b"not sent")
    flow = await templated.adapter.flow(created.flow_id)
    assert (flow.key, flow.state, flow.signed_parties) == (request.key, SigningState.PARTLY_SIGNED, 1)
    assert await templated.adapter.find_flow(request) == flow
    await signed(templated, created.flow_id)
    text = (await templated.adapter.signed_file(created.flow_id)).content.decode()
    for value in (
        "contract_number=HT-2026-0042",
        "buyer=测试客户有限公司",
        "total=11300.50",
        "goods=测试设备",
    ):
        assert f"%% {value}" in text
    assert "not sent" not in text


async def test_without_terms_there_is_nothing_to_fill_in(templated: Desk) -> None:
    with pytest.raises(Unmappable, match="total"):
        await templated.adapter.create_flow(contract(parties=[OWN, BUYER]), b"")
    assert not [row for row in (await templated.books()).values() if row["status"] in (1, 2, "sign_progress")]


async def test_a_lost_answer_from_a_template_is_looked_up(service: Service, templated: Desk) -> None:
    request = contract(parties=[OWN, BUYER], terms=TERMS)
    await templated.fault("drop_after", **service.start)
    with pytest.raises((UnknownOutcome, Transient)):
        await templated.adapter.create_flow(request, b"")
    found = await templated.adapter.find_flow(request)
    assert found is not None
    assert found.key == request.key
    assert len(await templated.books()) == 1


async def test_an_unknown_template_is_refused(service: Service) -> None:
    wrong = {name: "0" * 32 for name in service.template if name.endswith("template_id")}
    async with service.desk(**(service.template | wrong)) as desk:
        await desk.control("reset", {})
        with pytest.raises(Rejected, match="模板"):
            await desk.adapter.create_flow(contract(parties=[OWN, BUYER], terms=TERMS), b"")


async def test_an_html_template_ripens_first() -> None:
    with running(esign.SANDBOX()) as served:
        async with open_desk(ESIGN, served, doc_template_id=HTML_TEMPLATE) as desk:
            flow = await desk.adapter.create_flow(contract(parties=[OWN, BUYER], terms=TERMS), b"")
            assert (await desk.adapter.flow(flow.flow_id)).state == SigningState.PARTLY_SIGNED


async def test_every_party_needs_its_place_in_the_template() -> None:
    tencent = SERVICES["tencent_ess"]
    with running(tencent.sandbox()) as served:
        async with open_desk(TENCENT, served, **tencent.quick, **tencent.template) as desk:
            with pytest.raises(Misconfigured, match="template_recipients 有 2 个，而合同有 3 个签署方"):
                await desk.adapter.create_flow(contract(terms=TERMS), b"")
            assert await desk.books() == {}


async def test_a_document_that_is_still_composed_is_waited_for() -> None:
    tencent = SERVICES["tencent_ess"]
    settings = tencent.quick | tencent.template | {"document_seconds": 2.5}
    with running(tencent.sandbox()) as served:
        async with open_desk(TENCENT, served, **settings) as desk:
            flow = await desk.adapter.create_flow(contract(parties=[OWN, BUYER], terms=TERMS), b"")
            assert (await desk.adapter.flow(flow.flow_id)).state == SigningState.PARTLY_SIGNED


# --- evidence ---------------------------------------------------------------------------------------------


async def test_the_report_on_a_signed_flow_is_kept_with_its_hash(desk: Desk) -> None:
    flow = await desk.adapter.create_flow(contract(parties=[OWN, BUYER]), PDF)
    await signed(desk, flow.flow_id)
    evidence = evidence_of(desk)
    assert not evidence.wants_evidence
    number = await evidence.apply_for_evidence(flow.flow_id)
    report = await evidence.evidence(flow.flow_id, number) or await evidence.evidence(flow.flow_id, number)
    assert report is not None
    assert report.content.startswith((b"PK", b"%PDF"))
    assert len(report.sha256) == 64


async def test_there_is_no_report_on_a_flow_that_nobody_has_signed(desk: Desk) -> None:
    flow = await desk.adapter.create_flow(contract(parties=[OWN, BUYER]), PDF)
    evidence = evidence_of(desk)
    number = await evidence.apply_for_evidence(flow.flow_id)

    async def look_twice() -> None:
        for _ in range(2):
            assert await evidence.evidence(flow.flow_id, number) is None

    with pytest.raises(Rejected):
        await look_twice()


# --- signers in order -------------------------------------------------------------------------------------


async def test_people_and_companies_sign_in_their_order(desk: Desk) -> None:
    """A person, our own seal, a company, another person."""
    parties = [
        SigningParty(order=1, organisation=None, person="测试乙", phone="+8613800000002"),
        replace(OWN, order=2),
        replace(BUYER, order=3),
        SigningParty(order=4, organisation=None, person="测试丙", phone="+8613800000003"),
    ]
    request = contract(parties=parties)
    flow_id = (await desk.adapter.create_flow(request, PDF)).flow_id
    seen = [await desk.adapter.flow(flow_id)]
    for turn in (0, 2, 3):
        for other in {0, 1, 2, 3} - {turn}:
            early = await desk.client.post(
                f"{desk.url}/_sandbox/act/sign", json={"flow_id": flow_id, "signer": other}
            )
            assert early.status_code == 400, f"{other} may not sign when it is the turn of {turn}"
        await desk.control("act/sign", {"flow_id": flow_id, "signer": turn})
        seen.append(await desk.adapter.flow(flow_id))
    assert [(flow.state, flow.signed_parties, flow.parties) for flow in seen] == [
        (SigningState.SIGNING, 0, 4),
        (SigningState.PARTLY_SIGNED, 2, 4),
        (SigningState.PARTLY_SIGNED, 3, 4),
        (SigningState.SIGNED, 4, 4),
    ]


async def test_each_person_has_a_link_of_their_own(desk: Desk) -> None:
    flow_id = (await desk.adapter.create_flow(contract(), PDF)).flow_id
    links = {await desk.adapter.sign_url(flow_id, phone) for phone in ("+8613800000001", "+8613800000002")}
    assert len(links) == 2
    with pytest.raises(Rejected):
        await desk.adapter.sign_url(flow_id, "+8613800000009")


# --- acts -------------------------------------------------------------------------------------------------


async def test_an_extension_that_comes_twice_is_no_news(desk: Desk) -> None:
    request = contract()
    flow_id = (await desk.adapter.create_flow(request, PDF)).flow_id
    later = (request.expires_at + timedelta(days=20)).replace(microsecond=0)
    for _ in range(2):
        await desk.adapter.extend(flow_id, later)
    assert (await desk.adapter.flow(flow_id)).expires_at in (later, None)
    with pytest.raises(Rejected):
        await desk.adapter.extend(flow_id, request.expires_at)


async def test_a_signed_flow_is_not_taken_back(desk: Desk) -> None:
    flow_id = (await desk.adapter.create_flow(contract(), PDF)).flow_id
    await signed(desk, flow_id)
    with pytest.raises(Rejected):
        await desk.adapter.revoke(flow_id, "晚了")
    assert (await desk.adapter.flow(flow_id)).state == SigningState.SIGNED
