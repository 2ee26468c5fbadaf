"""The connector against the sandbox, over real sockets: the ports, every fault, the callbacks."""

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest

from connectors.esign import CONNECTOR
from connectors.esign.settings import EsignSettings
from domain.faults import Rejected, Transient
from domain.ports import HookRequest
from domain.states import SigningState
from sandboxes.common import Running
from tests.connectors.esign.esign_client import Site
from tests.connectors.signing_cases import SigningCases
from tests.connectors.signing_desk import PDF, Desk, Receiver, contract, open_desk


class TestAnySigner(SigningCases):
    connector = CONNECTOR
    create: ClassVar = {"path": "create-by-file"}
    before, upload, detail = "file-upload-url", "oss/upload", "detail"
    cancel, file = "revoke", "oss/signed"
    strangers = ({"app_secret": "f" * 32}, {"app_id": "7438900009"})
    minutes_wrong, longest_reason, too_late = 20, 50, "1437203"
    signs_at, file_name = "https://t.esign.cn/", "HT-2026-0042.pdf"


def test_it_fits_its_manifest() -> None:
    assert CONNECTOR.settings is EsignSettings
    assert set(CONNECTOR.manifest.capabilities) == {"Signer", "SigningEvidence", "Hook", "SigningHook"}


async def test_the_own_seal_stands_on_the_last_page_and_is_signed_by_machine(desk: Desk) -> None:
    created = await desk.adapter.create_flow(contract(), PDF)
    own, company, person = (await desk.books())[created.flow_id]["signers"]
    position = own["signFields"][0]["normalSignFieldConfig"]["signFieldPosition"]
    assert position == {"positionPage": "2", "positionX": 120, "positionY": 160}
    assert [own["signStatus"], company["signStatus"], person["signStatus"]] == [2, 1, 0]
    assert company["company"]["transactorInfo"]["psnAccount"] == "13800000001"
    assert [s["signFields"][0]["customBizNum"] for s in (own, company, person)] == [
        "HT-2026-0042/1:1",
        "HT-2026-0042/1:2",
        "HT-2026-0042/1:3",
    ]


# -- found again ----------------------------------------------------------------------------------------


async def test_not_found_where_the_list_begins_later(desk: Desk) -> None:
    await desk.adapter.create_flow(contract(), PDF)
    later = contract(requested_at=datetime.now(UTC) + timedelta(minutes=16))
    assert await desk.adapter.find_flow(later) is None


async def test_clocks_that_differ_within_the_tolerance(desk: Desk) -> None:
    desk.clock.shift = timedelta(minutes=14)
    request = contract(requested_at=desk.clock.now())
    created = await desk.adapter.create_flow(request, PDF)
    found = await desk.adapter.find_flow(request)
    assert found is not None
    assert found.flow_id == created.flow_id


# -- faults ---------------------------------------------------------------------------------------------


async def test_a_slow_answer_is_an_answer(desk: Desk) -> None:
    await desk.fault("delay", "create-by-file", seconds=0.2)
    assert (await desk.adapter.create_flow(contract(), PDF)).flow_id


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"expires_at": datetime(2020, 1, 1, tzinfo=UTC)}, "1437169"),
        ({"expires_at": datetime(2100, 1, 1, tzinfo=UTC)}, "1435002"),
        ({"file_name": "HT-2026-0042.exe"}, "1430002"),
    ],
)
async def test_refused_by_the_vendor(desk: Desk, changes: dict[str, Any], code: str) -> None:
    with pytest.raises(Rejected) as caught:
        await desk.adapter.create_flow(contract(**changes), PDF)
    assert caught.value.code == code
    assert await desk.books() == {}


async def test_a_file_that_takes_too_long(served: Running, desk: Desk) -> None:
    async with open_desk(CONNECTOR, served, file_wait_seconds=0.01) as hasty:
        with pytest.raises(Transient):
            await hasty.adapter.create_flow(contract(), b"%PDF-slow")


# -- what the sender does -------------------------------------------------------------------------------


async def test_expired_and_extended_once(desk: Desk) -> None:
    created = await desk.adapter.create_flow(contract(), PDF)
    await desk.control("act/expire", {"flow_id": created.flow_id})
    assert (await desk.adapter.flow(created.flow_id)).state is SigningState.EXPIRED
    until = datetime.now(UTC) + timedelta(days=40)
    await desk.adapter.extend(created.flow_id, until)
    assert (await desk.adapter.flow(created.flow_id)).state is SigningState.PARTLY_SIGNED
    with pytest.raises(Rejected):
        await desk.adapter.extend(created.flow_id, until - timedelta(days=1))


async def test_urged(desk: Desk) -> None:
    created = await desk.adapter.create_flow(contract(), PDF)
    with pytest.raises(Rejected) as caught:
        await desk.adapter.urge(created.flow_id)
    assert caught.value.code == "1437137"
    await desk.control("clock", {"advance": 1860})
    desk.clock.shift = timedelta(seconds=1860)
    await desk.adapter.urge(created.flow_id)


# -- callbacks ------------------------------------------------------------------------------------------


def kinds(desk: Desk, requests: list[HookRequest]) -> list[str]:
    return sorted(message.kind for request in requests for message in desk.adapter.open(request))


async def test_every_signature_calls_back(desk: Desk, receiver: Receiver) -> None:
    url = f"{receiver.url}?tenant=t01&hook=esign"
    created = await desk.adapter.create_flow(contract(callback_url=url), PDF)
    await desk.control("act/sign_all", {"flow_id": created.flow_id})
    got = await receiver.next(4)
    assert kinds(desk, got) == ["SIGN_FLOW_COMPLETE", *["SIGN_MISSON_COMPLETE"] * 3]
    messages = [desk.adapter.open(request)[0] for request in got]
    hints = [desk.adapter.read_hint(message.kind, message.body) for message in messages]
    assert {hint.flow_id for hint in hints if hint} == {created.flow_id}
    assert len({message.dedupe_key for message in messages}) == 4


async def test_a_refused_callback_comes_again_under_the_same_key(desk: Desk, receiver: Receiver) -> None:
    receiver.answers.extend([500, 302, 503])
    own_only = contract(callback_url=receiver.url, parties=contract().parties[1:2])
    created = await desk.adapter.create_flow(own_only, PDF)
    await desk.adapter.revoke(created.flow_id, "x")
    got = await receiver.next(4)
    assert len({request.body for request in got}) == 1
    assert len({desk.adapter.open(request)[0].dedupe_key for request in got}) == 1


async def test_a_contract_that_is_taken_back(served: Running, desk: Desk, receiver: Receiver) -> None:
    request = contract(callback_url=receiver.url)
    created = await desk.adapter.create_flow(request, PDF)
    await desk.control("act/sign_all", {"flow_id": created.flow_id})
    await receiver.next(4)
    path, body = f"/v3/sign-flow/{created.flow_id}/initiate-rescission", {"rescindReason": "1"}
    site = Site(served)
    with site.http:
        agreement = site.post(path, body)["data"]["signFlowId"]
    await desk.control("act/sign_all", {"flow_id": agreement})
    (message,) = desk.adapter.open((await receiver.next(1))[0])
    hint = desk.adapter.read_hint(message.kind, message.body)
    assert hint is not None
    assert (message.kind, hint.flow_id) == ("SIGN_FILE_RESCINDED", created.flow_id)
    flow = await desk.adapter.find_flow(request)
    assert flow is not None
    assert (flow.flow_id, flow.reason) == (created.flow_id, "已解约 (rescinded)")


async def test_two_addresses_call_twice(desk: Desk, receiver: Receiver) -> None:
    await desk.control("act/subscribe", {"url": receiver.url})
    created = await desk.adapter.create_flow(contract(callback_url=receiver.url), PDF)
    await desk.control("act/decline", {"flow_id": created.flow_id, "reason": "不同意"})
    got = await receiver.next(6)
    assert len({desk.adapter.open(request)[0].dedupe_key for request in got}) == 3
    assert (await desk.adapter.flow(created.flow_id)).state is SigningState.DECLINED
