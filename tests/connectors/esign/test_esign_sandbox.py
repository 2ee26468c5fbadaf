"""The connector against the sandbox, over real sockets: the ports, every fault, the callbacks."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest

from connectors.esign import CONNECTOR
from connectors.esign.adapter import EsignAdapter
from connectors.esign.settings import EsignSettings
from domain.faults import (
    Rejected,
    Transient,
)
from domain.ports import HookRequest, Signer
from domain.states import SigningState
from sandboxes.common import Running, running
from sandboxes.esign import SANDBOX
from tests.connectors.signing_cases import SigningCases
from tests.connectors.signing_desk import PDF, Desk, Receiver, contract, open_desk


@pytest.fixture(scope="module")
def served() -> Iterator[Running]:
    with running(SANDBOX()) as served:
        yield served


class TestAnySigner(SigningCases):
    connector = CONNECTOR
    create: ClassVar = {"path": "create-by-file"}
    before, detail, cancel, file = "file-upload-url", "detail", "revoke", "oss/signed"
    strangers = ({"app_secret": "f" * 32}, {"app_id": "7438900009"})
    minutes_wrong, longest_reason, too_late = 20, 50, "1437203"


@pytest.fixture
async def desk(served: Running) -> AsyncIterator[Desk]:
    async with open_desk(CONNECTOR, served) as desk:
        await desk.control("reset", {})
        yield desk


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


def test_it_fits_its_manifest() -> None:
    assert CONNECTOR.settings is EsignSettings
    assert set(CONNECTOR.manifest.capabilities) == {"Signer", "SigningEvidence", "Hook", "SigningHook"}


async def test_from_the_upload_to_the_signed_file(desk: Desk) -> None:
    signer: Signer = desk.adapter
    request = contract()
    created = await signer.create_flow(request, PDF)
    assert (created.key, created.state, created.parties) == (request.key, SigningState.SIGNING, 3)
    seen = await signer.flow(created.flow_id)
    assert (seen.state, seen.signed_parties, seen.key) == (SigningState.PARTLY_SIGNED, 1, request.key)
    assert (await signer.sign_url(created.flow_id, "+8613800000001")).startswith("https://t.esign.cn/")

    await desk.control("act/sign", {"flow_id": created.flow_id})
    assert (await signer.flow(created.flow_id)).signed_parties == 2
    await desk.control("act/sign", {"title": "HT-2026-0042 示例采购合同"})
    done = await signer.flow(created.flow_id)
    assert (done.state, done.signed_parties, done.parties) == (SigningState.SIGNED, 3, 3)
    assert done.finished_at is not None

    file = await signer.signed_file(created.flow_id)
    assert file.name == "HT-2026-0042.pdf"
    assert file.content.startswith(PDF)
    assert file.content != PDF
    assert file.sha256 == hashlib.sha256(file.content).hexdigest()


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


async def test_another_sending_of_the_same_contract_is_another_flow(desk: Desk) -> None:
    first, second = contract(), contract(key="HT-2026-0042/2")
    one = await desk.adapter.create_flow(first, PDF)
    two = await desk.adapter.create_flow(second, PDF)
    found = [await desk.adapter.find_flow(request) for request in (first, second)]
    assert [flow and flow.flow_id for flow in found] == [one.flow_id, two.flow_id]
    assert await desk.adapter.find_flow(contract(key="HT-2026-0042/3")) is None
    later = contract(requested_at=datetime.now(UTC) + timedelta(minutes=16))
    assert await desk.adapter.find_flow(later) is None


async def test_clocks_that_differ_within_the_tolerance(desk: Desk) -> None:
    desk.clock.shift = timedelta(minutes=14)
    request = contract(requested_at=desk.clock.now())
    created = await desk.adapter.create_flow(request, PDF)
    found = await desk.adapter.find_flow(request)
    assert found is not None
    assert found.flow_id == created.flow_id


async def test_found_on_a_later_page(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.esign.protocol.PAGE_SIZE", 2)
    flows = [
        await desk.adapter.create_flow(contract(key=f"HT-{n}/1", contract_number=f"HT-{n}"), PDF)
        for n in range(5)
    ]
    found = [
        await desk.adapter.find_flow(contract(key=f"HT-{n}/1", contract_number=f"HT-{n}")) for n in range(5)
    ]
    assert [flow and flow.flow_id for flow in found] == [flow.flow_id for flow in flows]


# -- faults ---------------------------------------------------------------------------------------------

Call = Callable[[EsignAdapter, str], Awaitable[object]]


async def test_a_slow_answer_is_an_answer(desk: Desk) -> None:
    await desk.fault("delay", "create-by-file", seconds=0.2)
    assert (await desk.adapter.create_flow(contract(), PDF)).flow_id


async def test_a_read_is_repeated_and_an_upload_too(desk: Desk) -> None:
    await desk.fault("drop_after", "oss/upload")
    created = await desk.adapter.create_flow(contract(), PDF)
    await desk.fault("status_before", "detail")
    assert (await desk.adapter.flow(created.flow_id)).flow_id == created.flow_id


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


async def test_no_secret_in_what_is_kept(desk: Desk) -> None:
    created = await desk.adapter.create_flow(contract(), PDF)
    await desk.control("act/sign_all", {"flow_id": created.flow_id})
    await desk.adapter.signed_file(created.flow_id)
    secret = SANDBOX().credentials()["app_secret"]
    assert desk.said.exchanges
    assert not any(secret in repr(exchange) for exchange in desk.said.exchanges)
    assert not any("%PDF" in exchange.reply_body for exchange in desk.said.exchanges)


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


async def test_two_addresses_call_twice(desk: Desk, receiver: Receiver) -> None:
    await desk.control("act/subscribe", {"url": receiver.url})
    created = await desk.adapter.create_flow(contract(callback_url=receiver.url), PDF)
    await desk.control("act/decline", {"flow_id": created.flow_id, "reason": "不同意"})
    got = await receiver.next(6)
    assert len({desk.adapter.open(request)[0].dedupe_key for request in got}) == 3
    assert (await desk.adapter.flow(created.flow_id)).state is SigningState.DECLINED
