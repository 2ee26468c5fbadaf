"""The connector against the sandbox, over real sockets: the ports, every fault, the callbacks."""

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest

from connectors.tencent_ess import CONNECTOR
from domain.faults import Rejected, Transient
from domain.records import SigningParty
from sandboxes.common import Running
from tests.connectors.signing_cases import ExpiryIsTheEnd, SigningCases
from tests.connectors.signing_desk import PDF, Desk, Receiver, contract, open_desk

QUICK = {"compose_seconds": 0.0, "bill_delay_seconds": 0.0}


class TestAnySigner(SigningCases, ExpiryIsTheEnd):
    """All actions have one path; the second request of a creation creates."""

    connector = CONNECTOR
    create: ClassVar = {"skip": 1}
    before, upload, detail, cancel, file = ".*", ".*", ".*", ".*", "cos/flow"
    strangers = (
        {"secret_key": "another"},
        {"secret_id": "AKIDanother"},
        {"operator_id": "yDxSomebodyElse"},
    )
    minutes_wrong, longest_reason, too_late = 6, 200, "OperationDenied.FlowCancelForbid"
    expired = "OperationDenied.FlowStatusForbid"
    secrets = ("secret_key", "callback_key", "callback_token")


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


async def test_not_found_where_the_bill_begins_later(desk: Desk) -> None:
    await desk.adapter.create_flow(contract(), PDF)
    await desk.advance(360)
    assert await desk.adapter.find_flow(contract(requested_at=desk.clock.now())) is None


async def test_not_found_is_no_answer_while_the_bill_may_lag(served: Running, desk: Desk) -> None:
    async with open_desk(CONNECTOR, served, bill_delay_seconds=60) as careful:
        with pytest.raises(Transient):
            await careful.adapter.find_flow(contract())
        old = contract(requested_at=datetime.now(UTC) - timedelta(seconds=61))
        assert await careful.adapter.find_flow(old) is None


# -- faults ---------------------------------------------------------------------------------------------


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
