"""The connector against the sandbox, over real sockets: the ports, every fault, the callbacks."""

import hashlib
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest

from connectors.tencent_ess import CONNECTOR
from domain.faults import (
    Rejected,
    Transient,
)
from domain.records import SigningParty
from domain.states import SigningState
from sandboxes.common import Running, running
from sandboxes.tencent_ess import SANDBOX
from tests.connectors.signing_cases import SigningCases
from tests.connectors.signing_desk import PDF, Desk, Receiver, contract, open_desk

QUICK = {"compose_seconds": 0.0, "bill_delay_seconds": 0.0}


class TestAnySigner(SigningCases):
    """All actions have one path; the second request of a creation creates."""

    connector = CONNECTOR
    create: ClassVar = {"skip": 1}
    before, detail, cancel, file = ".*", ".*", ".*", "cos/flow"
    strangers = (
        {"secret_key": "another"},
        {"secret_id": "AKIDanother"},
        {"operator_id": "yDxSomebodyElse"},
    )
    minutes_wrong, longest_reason, too_late = 6, 200, "OperationDenied.FlowCancelForbid"


@pytest.fixture(scope="module")
def served() -> Iterator[Running]:
    with running(SANDBOX()) as served:
        yield served


@pytest.fixture
async def desk(served: Running) -> AsyncIterator[Desk]:
    async with open_desk(CONNECTOR, served, **QUICK) as desk:
        await desk.control("reset", {})
        yield desk


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


async def test_from_the_upload_to_the_signed_file(desk: Desk) -> None:
    request = contract()
    created = await desk.adapter.create_flow(request, PDF)
    assert (created.key, created.state, created.parties) == (request.key, SigningState.SIGNING, 3)
    seen = await desk.adapter.flow(created.flow_id)
    assert (seen.state, seen.signed_parties, seen.key) == (SigningState.PARTLY_SIGNED, 1, request.key)
    assert (await desk.adapter.sign_url(created.flow_id, "+8613800000001")).startswith("https://")
    with pytest.raises(Rejected):
        await desk.adapter.signed_file(created.flow_id)

    await desk.control("act/sign", {"flow_id": created.flow_id})
    assert (await desk.adapter.flow(created.flow_id)).signed_parties == 2
    await desk.control("act/sign", {"title": "HT-2026-0042 示例采购合同"})
    done = await desk.adapter.flow(created.flow_id)
    assert (done.state, done.signed_parties, done.parties) == (SigningState.SIGNED, 3, 3)
    assert done.finished_at is not None

    await desk.advance(2)
    file = await desk.adapter.signed_file(created.flow_id)
    assert file.name == "HT-2026-0042 示例采购合同.pdf"
    assert file.content.startswith(PDF)
    assert file.content.count(b"%% signature") == 3
    assert file.sha256 == hashlib.sha256(file.content).hexdigest()


async def test_a_signed_file_is_awaited_until_it_is_composed(served: Running, desk: Desk) -> None:
    created = await desk.adapter.create_flow(contract(), PDF)
    await desk.control("act/sign_all", {"flow_id": created.flow_id})
    with pytest.raises(Transient):
        await desk.adapter.signed_file(created.flow_id)
    async with open_desk(CONNECTOR, served, compose_seconds=2.0) as patient:
        assert (await patient.adapter.signed_file(created.flow_id)).content.startswith(PDF)


async def test_the_own_seal_is_set_by_machine_and_the_others_choose_their_place(desk: Desk) -> None:
    created = await desk.adapter.create_flow(contract(), PDF)
    flow = (await desk.books())[created.flow_id]
    own, company, person = flow["approvers"]
    assert [own["status"], company["status"], person["status"]] == [3, 2, 1]
    assert own["components"][0]["ComponentPage"] == -1
    assert (company["mobile"], company["components"]) == ("13800000001", [])
    assert (flow["title"], flow["description"]) == ("HT-2026-0042 示例采购合同", "HT-2026-0042/1")


# -- found again ----------------------------------------------------------------------------------------


async def test_another_sending_of_the_same_contract_is_another_flow(desk: Desk) -> None:
    first, second = contract(), contract(key="HT-2026-0042/2")
    one = await desk.adapter.create_flow(first, PDF)
    two = await desk.adapter.create_flow(second, PDF)
    await desk.adapter.revoke(one.flow_id, "重发")
    found = [await desk.adapter.find_flow(request) for request in (first, second)]
    assert [flow and flow.flow_id for flow in found] == [one.flow_id, two.flow_id]
    assert await desk.adapter.find_flow(contract(key="HT-2026-0042/3")) is None
    await desk.advance(360)
    assert await desk.adapter.find_flow(contract(requested_at=desk.clock.now())) is None


async def test_not_found_is_no_answer_while_the_bill_may_lag(served: Running, desk: Desk) -> None:
    async with open_desk(CONNECTOR, served, bill_delay_seconds=60) as careful:
        with pytest.raises(Transient):
            await careful.adapter.find_flow(contract())
        old = contract(requested_at=datetime.now(UTC) - timedelta(seconds=61))
        assert await careful.adapter.find_flow(old) is None


async def test_found_on_a_later_page(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.tencent_ess.protocol.PAGE_SIZE", 2)
    requests = [contract(key=f"HT-{n}/1", contract_number=f"HT-{n}") for n in range(5)]
    flows = [await desk.adapter.create_flow(request, PDF) for request in requests]
    found = [await desk.adapter.find_flow(request) for request in requests]
    assert [flow and flow.flow_id for flow in found] == [flow.flow_id for flow in flows]


# -- faults ---------------------------------------------------------------------------------------------


async def test_a_read_is_repeated_and_an_upload_too(desk: Desk) -> None:
    await desk.fault("drop_after")
    created = await desk.adapter.create_flow(contract(), PDF)
    assert len(await desk.books()) == 1
    await desk.fault("status_before")
    assert (await desk.adapter.flow(created.flow_id)).flow_id == created.flow_id


@pytest.mark.parametrize(
    ("changes", "content", "code"),
    [
        ({"expires_at": datetime(2020, 1, 1, tzinfo=UTC)}, PDF, "InvalidParameter.FlowDeadLine"),
        ({"file_name": "HT-2026-0042.exe"}, PDF, "InvalidParameter.FileType"),
        ({}, b"not a pdf", "InvalidParameter.FileType"),
        (
            {
                "parties": [
                    SigningParty(order=1, organisation=None, person="测试乙", phone="12345"),
                ]
            },
            PDF,
            "InvalidParameter.Mobile",
        ),
        (
            {
                "parties": [
                    SigningParty(order=n, organisation=None, person="测试乙", phone="13800000002")
                    for n in (1, 2)
                ]
            },
            PDF,
            "OperationDenied.ApproverRepeat",
        ),
    ],
)
async def test_refused_by_the_vendor(desk: Desk, changes: dict[str, Any], content: bytes, code: str) -> None:
    with pytest.raises(Rejected) as caught:
        await desk.adapter.create_flow(contract(**changes), content)
    assert caught.value.code == code
    assert await desk.books() == {}


# -- what the sender and the signers do -----------------------------------------------------------------


async def test_extended_while_it_runs_and_not_after_it_expired(desk: Desk) -> None:
    created = await desk.adapter.create_flow(contract(), PDF)
    until = datetime.now(UTC) + timedelta(days=40)
    await desk.adapter.extend(created.flow_id, until)
    with pytest.raises(Rejected):
        await desk.adapter.extend(created.flow_id, until - timedelta(days=1))
    await desk.control("act/expire", {"flow_id": created.flow_id})
    assert (await desk.adapter.flow(created.flow_id)).state is SigningState.EXPIRED
    with pytest.raises(Rejected) as caught:
        await desk.adapter.extend(created.flow_id, until + timedelta(days=1))
    assert caught.value.code == "OperationDenied.FlowStatusForbid"


async def test_it_expires_by_itself(desk: Desk) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=100)
    created = await desk.adapter.create_flow(contract(expires_at=soon), PDF)
    await desk.advance(200)
    assert (await desk.adapter.flow(created.flow_id)).state is SigningState.EXPIRED


async def test_urged_three_times(desk: Desk) -> None:
    created = await desk.adapter.create_flow(contract(), PDF)
    for _ in range(3):
        await desk.adapter.urge(created.flow_id)
    with pytest.raises(Rejected):
        await desk.adapter.urge(created.flow_id)


async def test_a_flow_that_is_not_there(desk: Desk) -> None:
    with pytest.raises(Rejected) as caught:
        await desk.adapter.flow("yDnone")
    assert caught.value.code == "ResourceNotFound.Flow"


async def test_no_secret_in_what_is_kept(desk: Desk) -> None:
    created = await desk.adapter.create_flow(contract(), PDF)
    await desk.control("act/sign_all", {"flow_id": created.flow_id})
    await desk.advance(2)
    await desk.adapter.signed_file(created.flow_id)
    made = SANDBOX().credentials()
    assert desk.said.exchanges
    for secret in (made["secret_key"], made["callback_key"], made["callback_token"]):
        assert not any(secret in repr(exchange) for exchange in desk.said.exchanges)


# -- callbacks ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encrypted", [True, False])
async def test_every_signature_calls_back(desk: Desk, receiver: Receiver, encrypted: bool) -> None:
    await desk.control("act/subscribe", {"url": receiver.url, "encrypted": encrypted})
    created = await desk.adapter.create_flow(contract(), PDF)
    await desk.control("act/sign_all", {"flow_id": created.flow_id})
    got = await receiver.next(4)
    messages = [desk.adapter.open(request)[0] for request in got]
    assert {message.kind for message in messages} == {"FlowStatusChange"}
    hints = [desk.adapter.read_hint(message.kind, message.body) for message in messages]
    assert {hint.flow_id for hint in hints if hint} == {created.flow_id}
    assert sorted(hint.action for hint in hints if hint) == ["finish", "sign", "sign", "start"]
    assert len({message.dedupe_key for message in messages}) == 4
    assert all(b"HT-2026-0042" in message.body for message in messages)


async def test_a_refused_callback_comes_again_under_the_same_key(desk: Desk, receiver: Receiver) -> None:
    receiver.answers.extend([500, 302, 202])
    created = await desk.adapter.create_flow(contract(), PDF)
    await desk.control("act/subscribe", {"url": receiver.url})
    await desk.adapter.revoke(created.flow_id, "x")
    got = await receiver.next(4)
    assert len({request.body for request in got}) == 1
    assert len({desk.adapter.open(request)[0].dedupe_key for request in got}) == 1
