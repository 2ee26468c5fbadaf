"""Urging, extending, revoking and evidence: at the store, over HTTP, and against each signer's sandbox."""

import io
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from rich.console import Console
from sqlalchemy import text

from connector_kit import Connector
from connectors.esign import CONNECTOR as ESIGN
from connectors.fadada import CONNECTOR as FADADA
from connectors.tencent_ess import CONNECTOR as TENCENT
from crm_store import Row, Store
from domain.faults import Rejected, Transient, UnknownOutcome
from domain.records import SignedFile
from domain.states import SIGNING_ACTS, ContractState, SigningAct, SigningState
from flows import evidence, signing, signing_acts
from flows.contracts import Refused
from hub.bootstrap import Hub
from hub.reports import trace_contract
from hub.screens import show_trace
from hub.settings import Settings
from hub.web.app import add_routes
from hub.work import Workbench
from sandboxes import esign, fadada, tencent_ess
from sandboxes.common import Running, running
from tests.connectors.signing_desk import PDF, Desk, open_desk
from tests.connectors.signing_desk import contract as request_of
from tests.factories import NOW, Contracted, FakePorts, FakeSigner, FixedClock, context_of, contract

LATER = NOW + timedelta(days=60)
ASKED: dict[SigningAct, dict[str, Any]] = {
    SigningAct.URGE: {},
    SigningAct.EXTEND: {"until": LATER},
    SigningAct.REVOKE: {"reason": "条款有误"},
}


@dataclass
class Service(FakeSigner):
    """A signing service that counts what it did. `failing`: (did it act?, what it says) of the next calls."""

    did: list[str] = field(default_factory=list)
    failing: list[tuple[bool, Exception]] = field(default_factory=list)
    wants_evidence: bool = False
    reports: list[SignedFile | None] = field(default_factory=list)

    def _turn(self, what: str, flow_id: str = "", **change: Any) -> None:
        acts, error = self.failing.pop(0) if self.failing else (True, None)
        if acts:
            self.did.append(what)
            if change:
                self.flows[flow_id] = replace(self.flows[flow_id], **change)
        if error is not None:
            raise error

    async def urge(self, flow_id: str) -> None:
        self._turn("urge")

    async def extend(self, flow_id: str, until: datetime) -> None:
        self._turn("extend", flow_id, state=SigningState.SIGNING, expires_at=until)

    async def revoke(self, flow_id: str, reason: str) -> None:
        self._turn("revoke", flow_id, state=SigningState.REVOKED, reason=reason)

    async def apply_for_evidence(self, flow_id: str) -> str:
        self._turn("evidence")
        return f"R{self.did.count('evidence')}"

    async def evidence(self, flow_id: str, number: str) -> SignedFile | None:
        return self.reports.pop(0) if self.reports else SignedFile.of(f"{number}.zip", b"PK")


class House:
    """A workbench with one signing service."""

    def __init__(self, store: Store, service: object) -> None:
        self.store, self.clock = store, FixedClock()
        ports = FakePorts(esign_main=service)
        self.context = context_of(store, ports, self.clock)
        settings = Settings(backoff_base=0.001, backoff_cap=0.001, delivery_attempts=3)
        self.hub = Hub(settings, store, ports, self.context)  # type: ignore[arg-type]
        self.bench = Workbench(self.hub)

    async def ask(self, owner: Contracted, act: SigningAct, **more: Any) -> bool:
        given = ASKED.get(act, {}) | more
        return await self.store.run(
            lambda uow: signing_acts.ask(uow, owner.number, act, by="张三", context=self.context, **given)
        )

    async def work(self, rounds: int = 3) -> list[Row]:
        """Whatever is due, again and again; waiting times have passed. Oldest first."""
        for _ in range(rounds):
            async with self.store.transaction() as uow:
                await uow.connection.execute(text("UPDATE deliveries SET due_at = now()"))
                ids = [row["id"] for row in await uow.deliveries.listed()]
            await self.bench.run_deliveries(sorted(ids))
        async with self.store.transaction() as uow:
            return sorted(await uow.deliveries.listed(), key=lambda row: int(row["id"]))

    async def seen(self, owner: Contracted) -> tuple[str, str, datetime, list[str]]:
        """State of the contract and of its flow, the deadline, and what the timeline says."""
        async with self.store.transaction() as uow:
            row = await uow.contracts.get(owner.contract_id)
            flow = await uow.contracts.flow(owner.flow)
            notes = [each["text"] for each in await uow.timeline.of_contract(owner.contract_id)]
            return row["state"], flow["state"], flow["expires_at"], notes

    async def acts(self, owner: Contracted) -> list[Row]:
        async with self.store.transaction() as uow:
            return await uow.signing_acts.of_flow(owner.flow)


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def house(store: Store, service: Service) -> House:
    return House(store, service)


async def sent(
    house: House, service: Service, *, state: str = "sent", number: str = "HT-2026-0001"
) -> Contracted:
    async with house.store.transaction() as uow:
        owner = await contract(uow, number, state=state)
        await uow.contracts.note_flow(owner.flow, state=SigningState.SIGNING)
    service.put(f"{number}/flow-1", f"{number}#1", SigningState.SIGNING)
    return owner


async def test_each_act_may_be_asked_in_its_states_only(house: House, service: Service) -> None:
    for number, state in enumerate(ContractState, start=1):
        owner = await sent(house, service, state=state, number=f"HT-2026-{number:04}")
        for act, states in SIGNING_ACTS.items():
            if state in states:
                assert await house.ask(owner, act)
            else:
                with pytest.raises(Refused, match=f"合同状态为 {state}"):
                    await house.ask(owner, act)
    with pytest.raises(Refused, match="没有合同 HT-0"):
        await house.ask(replace(owner, number="HT-0"), SigningAct.URGE)


@pytest.mark.parametrize("act", ASKED)
async def test_one_effect_and_a_note_of_who_asked(house: House, service: Service, act: SigningAct) -> None:
    owner = await sent(house, service)
    assert await house.ask(owner, act)
    assert not await house.ask(owner, act), "it has been asked already"
    (delivery,) = await house.work()
    assert (delivery["state"], delivery["operation"]) == ("done", f"sign.{act}")
    assert service.did == [act]
    state, flow, deadline, notes = await house.seen(owner)
    wanted = {
        SigningAct.URGE: ("sent", "signing", NOW + timedelta(days=30), ["张三 请求催签", "已催签"]),
        SigningAct.EXTEND: ("sent", "signing", LATER, ["张三 请求延期至 2026-07-07", "已延期"]),
        SigningAct.REVOKE: (
            "revoked",
            "revoked",
            NOW + timedelta(days=30),
            ["张三 请求撤销：条款有误", "已撤销", "签署已撤销：条款有误"],
        ),
    }
    assert (state, flow, deadline, notes) == wanted[act]


FAILURES: dict[str, list[tuple[bool, Exception]]] = {
    "never arrived": [(False, Transient("no connection"))],
    "answer lost after it acted": [(True, UnknownOutcome("no answer"))],
    "lost on the way": [(False, UnknownOutcome("no answer"))],
    "lost twice": [(False, UnknownOutcome("no answer")), (False, Transient("no connection"))],
}


@pytest.mark.parametrize("act", ASKED)
@pytest.mark.parametrize("failure", FAILURES)
async def test_under_faults_there_is_at_most_one_effect(
    house: House, service: Service, act: SigningAct, failure: str
) -> None:
    """Nobody can be asked whether somebody was urged: after a doubt it is not done again."""
    owner = await sent(house, service)
    service.failing = list(FAILURES[failure])
    await house.ask(owner, act)
    (delivery,) = await house.work(rounds=5)
    assert delivery["state"] == "done"
    unsure = act is SigningAct.URGE and "lost" in failure
    assert service.did == ([] if unsure and "after" not in failure else [act])
    (row,) = await house.acts(owner)
    assert ("结果不明" in (row["refusal"] or "")) == unsure


async def test_a_worker_that_died_in_the_middle_is_followed_by_one_that_looks(
    house: House, service: Service
) -> None:
    owner = await sent(house, service)
    await house.ask(owner, SigningAct.REVOKE)
    (act,) = await house.acts(owner)
    async with house.store.transaction() as uow:
        assert await uow.signing_acts.try_(act["id"])
    await service.revoke(f"{owner.number}/flow-1", "条款有误")
    await house.work()
    assert service.did == ["revoke"]
    assert (await house.seen(owner))[0] == "revoked"


async def test_all_had_signed_before_the_revocation_came(house: House, service: Service) -> None:
    owner = await sent(house, service)
    await house.ask(owner, SigningAct.REVOKE)
    service.put(f"{owner.number}/flow-1", f"{owner.number}#1", SigningState.SIGNED)
    service.failing = [(False, Rejected("流程不在签署中，不能撤销", "1437203"))]
    await house.work()
    state, _, _, notes = await house.seen(owner)
    assert state == "signed"
    assert "撤销未成：[1437203] 流程不在签署中，不能撤销" in notes
    async with house.store.transaction() as uow:
        assert await uow.open_items.tasks("dead_letter") == []


async def test_what_was_refused_may_be_asked_again(house: House, service: Service) -> None:
    owner = await sent(house, service)
    service.failing = [(False, Rejected("发起后30分钟内不能催签", "1437137"))]
    await house.ask(owner, SigningAct.URGE)
    await house.work()
    assert await house.ask(owner, SigningAct.URGE)
    await house.work()
    assert service.did == ["urge"]


async def test_urged_again_only_after_a_while(house: House, service: Service) -> None:
    owner = await sent(house, service)
    assert await house.ask(owner, SigningAct.URGE)
    house.clock.moment += timedelta(minutes=9)
    assert not await house.ask(owner, SigningAct.URGE)
    house.clock.moment += timedelta(minutes=2)
    assert await house.ask(owner, SigningAct.URGE)
    await house.work()
    assert service.did == ["urge", "urge"]


@pytest.mark.parametrize("until", [NOW - timedelta(days=1), NOW + timedelta(days=30)])
async def test_an_extension_must_bring_more_time(house: House, service: Service, until: datetime) -> None:
    owner = await sent(house, service)
    with pytest.raises(Refused, match="须晚于"):
        await house.ask(owner, SigningAct.EXTEND, until=until)


@pytest.mark.parametrize("by_hand", [False, True])
async def test_an_expired_contract_is_revived_by_an_extension(
    house: House, service: Service, by_hand: bool
) -> None:
    """Here, or by somebody at the service's own pages."""
    owner = await sent(house, service, state="expired")
    async with house.store.transaction() as uow:
        await uow.contracts.note_flow(owner.flow, state=SigningState.EXPIRED)
        await uow.open_items.open_task(
            f"{signing.WITHOUT_CONTRACT}/{owner.number}",
            kind=signing.WITHOUT_CONTRACT,
            owner="finance",
            title="处理应收",
            detail={},
        )
    if by_hand:
        async with house.store.transaction() as uow:
            await uow.deliveries.add(
                "fetch",
                connection="esign-main",
                operation=signing.FETCH,
                subject=owner.flow,
                ordering_key="f",
            )
    else:
        await house.ask(owner, SigningAct.EXTEND)
    await house.work()
    state, flow, _, notes = await house.seen(owner)
    assert (state, flow) == ("sent", "signing")
    assert "签署已延期，合同重新在签" in notes
    async with house.store.transaction() as uow:
        assert [row["id"] for row in await uow.contracts.flows_under_way("esign-main")] == [owner.flow]
        assert await uow.open_items.tasks(signing.WITHOUT_CONTRACT) == []


# --- evidence ---------------------------------------------------------------------------------------------


async def test_the_report_follows_the_archive_and_stands_in_the_trace(house: House, service: Service) -> None:
    owner = await sent(house, service)
    service.wants_evidence = True
    service.reports = [None, None, SignedFile.of("R1.zip", b"PK report")]
    async with house.store.transaction() as uow:
        await uow.deliveries.add(
            "archive",
            connection="esign-main",
            operation=signing.ARCHIVE,
            subject=owner.flow,
            ordering_key="a",
        )
    rows = await house.work(rounds=6)
    assert [(row["operation"], row["state"]) for row in rows] == [
        (signing.ARCHIVE, "done"),
        (evidence.APPLY, "done"),
        (evidence.FETCH, "done"),
    ]
    async with house.store.transaction() as uow:
        found = await trace_contract(uow, owner.number)
        assert found is not None
        (act,) = found["signing"][0]["acts"]
        kept = await uow.contracts.file(act["file"])
    assert (act["act"], act["result"], act["asked_by"]) == ("evidence", "R1", "系统")
    assert (kept["name"], bytes(kept["content"]), kept["sha256"]) == ("R1.zip", b"PK report", act["file"])
    assert [row["operation"] for row in act["deliveries"]] == [evidence.APPLY, evidence.FETCH]
    assert any(f"SHA-256 {act['file']}" in row["text"] for row in found["timeline"])
    page = Console(record=True, width=200, file=io.StringIO())
    show_trace(found, page)
    assert f"证据 SHA-256 {act['file']}" in page.export_text()


async def test_without_the_wish_nobody_applies(house: House, service: Service) -> None:
    owner = await sent(house, service)
    async with house.store.transaction() as uow:
        await uow.deliveries.add(
            "archive",
            connection="esign-main",
            operation=signing.ARCHIVE,
            subject=owner.flow,
            ordering_key="a",
        )
    assert len(await house.work()) == 1


async def test_an_application_in_doubt_is_for_a_person_to_look_at(house: House, service: Service) -> None:
    owner = await sent(house, service, state="signed")
    service.failing = [(True, UnknownOutcome("no answer"))]
    assert await house.ask(owner, SigningAct.EVIDENCE)
    assert not await house.ask(owner, SigningAct.EVIDENCE)
    (row,) = await house.work()
    assert (row["state"], service.did) == ("failed", ["evidence"])
    async with house.store.transaction() as uow:
        (task,) = await uow.open_items.tasks("dead_letter")
        assert "出证申请的结果不明" in task["title"]
        await uow.deliveries.replay(delivery_id=row["id"])
    await house.work()
    assert service.did == ["evidence", "evidence"]
    assert (await house.acts(owner))[0]["file"] is not None


# --- over HTTP --------------------------------------------------------------------------------------------


@pytest.fixture
async def client(house: House) -> AsyncIterator[httpx.AsyncClient]:
    api = FastAPI()
    add_routes(api, "made-up-token")
    api.state.hub = house.hub
    transport = httpx.ASGITransport(app=api, raise_app_exceptions=False)
    headers = {"Authorization": "Bearer made-up-token"}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://hub.example.com", headers=headers
    ) as c:
        yield c


async def test_over_http(client: httpx.AsyncClient, house: House, service: Service) -> None:
    owner = await sent(house, service)
    path = f"/api/contracts/{owner.number}"
    bodies = {
        "urge": {"by": "张三"},
        "extend": {"by": "张三", "until": "2026-08-31"},
        "revoke": {"by": "张三", "reason": "条款有误"},
    }
    for asked in (True, False):
        for act, body in bodies.items():
            answer = await client.post(f"{path}/{act}", json=body)
            assert (answer.status_code, answer.json()) == (
                200,
                {"number": owner.number, "act": act, "asked": asked},
            )
    await house.work()
    assert service.did == ["urge", "extend", "revoke"]
    assert (await house.seen(owner))[2] == datetime.fromisoformat("2026-08-31T23:59:59+08:00")
    late = await client.post(f"{path}/urge", json={"by": "张三"})
    assert (late.status_code, "合同状态为 revoked" in late.json()["error"]) == (422, True)
    for act in bodies:
        assert (await client.post(f"{path}/{act}", json={"who": "张三"})).status_code == 422


# --- against the sandboxes --------------------------------------------------------------------------------


SANDBOXES: dict[str, tuple[Connector, Any, dict[str, Any]]] = {
    "esign": (ESIGN, esign.SANDBOX, {}),
    "tencent_ess": (TENCENT, tencent_ess.SANDBOX, {"compose_seconds": 0.0, "bill_delay_seconds": 0.0}),
    "fadada": (FADADA, fadada.SANDBOX, {}),
}
HALF_AN_HOUR = 1900
"""e签宝 lets nobody be urged earlier."""


@pytest.fixture(scope="module", params=SANDBOXES)
def served(request: pytest.FixtureRequest) -> Iterator[tuple[str, Running]]:
    with running(SANDBOXES[request.param][1]()) as running_one:
        yield request.param, running_one


@pytest.fixture
async def desk(served: tuple[str, Running]) -> AsyncIterator[Desk]:
    name, one = served
    connector, _, settings = SANDBOXES[name]
    async with open_desk(connector, one, **(settings | {"evidence_report": True})) as desk:
        await desk.control("reset", {})
        yield desk


async def out_for_signature(store: Store, desk: Desk) -> tuple[House, Contracted, str]:
    house = House(store, desk.adapter)
    house.clock.moment = desk.clock.now()
    async with store.transaction() as uow:
        owner = await contract(uow, state="sent", flow_id=None)
    flow = await desk.adapter.create_flow(request_of(key=f"{owner.number}#1"), PDF)
    async with store.transaction() as uow:
        await uow.contracts.note_flow(owner.flow, flow_id=flow.flow_id, state=SigningState.SIGNING)
    return house, owner, flow.flow_id


async def test_urged_extended_and_taken_back_there(store: Store, desk: Desk) -> None:
    house, owner, flow_id = await out_for_signature(store, desk)
    await desk.advance(HALF_AN_HOUR)
    until = desk.clock.now().replace(microsecond=0) + timedelta(days=60)
    await house.ask(owner, SigningAct.URGE)
    await house.ask(owner, SigningAct.EXTEND, until=until)
    await house.work()
    assert [row["refusal"] for row in await house.acts(owner)] == [None, None]
    assert (await house.seen(owner))[:3] == ("partly_signed", "partly_signed", until)
    await house.ask(owner, SigningAct.REVOKE)
    rows = await house.work()
    assert {row["state"] for row in rows} == {"done"}
    assert (await house.seen(owner))[0] == "revoked"
    assert (await desk.adapter.flow(flow_id)).state == SigningState.REVOKED


@pytest.mark.parametrize("act", [SigningAct.EXTEND, SigningAct.REVOKE])
async def test_a_lost_answer_there_is_looked_up(store: Store, desk: Desk, act: SigningAct) -> None:
    house, owner, _ = await out_for_signature(store, desk)
    until = desk.clock.now().replace(microsecond=0) + timedelta(days=60)
    await house.ask(owner, act, **({"until": until} if act is SigningAct.EXTEND else {}))
    await desk.fault("drop_after")
    rows = await house.work()
    assert [row["state"] for row in rows] == ["done"]
    (row,) = await house.acts(owner)
    assert row["refusal"] is None
    assert (await house.seen(owner))[0] == ("revoked" if act is SigningAct.REVOKE else "partly_signed")


async def test_urged_too_often_is_an_answer(store: Store, desk: Desk) -> None:
    house, owner, _ = await out_for_signature(store, desk)
    await desk.advance(HALF_AN_HOUR)
    for _ in range(4):
        assert await house.ask(owner, SigningAct.URGE)
        await house.work(rounds=1)
        house.clock.moment += timedelta(minutes=11)
    refusals = [row["refusal"] for row in await house.acts(owner)]
    assert refusals[0] is None
    assert refusals[-1]
    assert (await house.seen(owner))[0] in ("sent", "partly_signed")


async def test_the_services_own_evidence_is_kept(store: Store, desk: Desk) -> None:
    house, owner, flow_id = await out_for_signature(store, desk)
    await desk.control("act/sign_all", {"flow_id": flow_id})
    await desk.advance(5)
    async with store.transaction() as uow:
        await uow.deliveries.add(
            "fetch", connection="esign-main", operation=signing.FETCH, subject=owner.flow, ordering_key="f"
        )
    await house.work(rounds=6)
    (act,) = await house.acts(owner)
    async with store.transaction() as uow:
        flow = await uow.contracts.flow(owner.flow)
        report = await uow.contracts.file(act["file"])
    assert flow["signed_file"] is not None
    assert bytes(report["content"]).startswith((b"PK", b"%PDF"))
    assert report["sha256"] == act["file"] != flow["signed_file"]
