"""The connector against the sandbox, over real sockets: the ports, every fault, the callbacks."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest

from connectors.fadada import CONNECTOR
from domain.faults import (
    Rejected,
)
from domain.states import SigningState
from sandboxes.common import Running, running
from sandboxes.fadada import SANDBOX
from tests.connectors.signing_cases import SigningCases
from tests.connectors.signing_desk import PDF, Desk, Receiver, contract, open_desk

CREATE, DETAIL = "sign-task/create", "get-detail"


class TestAnySigner(SigningCases):
    connector = CONNECTOR
    create: ClassVar = {"path": CREATE}
    before, detail, cancel, file = "file/process", DETAIL, "sign-task/cancel", "cos/signed"
    strangers = ({"app_secret": "another"}, {"app_id": "80009998"})
    minutes_wrong, longest_reason, too_late = 6, 100, "211126"


@pytest.fixture(scope="module")
def served() -> Iterator[Running]:
    with running(SANDBOX()) as served:
        yield served


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


async def test_from_the_upload_to_the_signed_file(desk: Desk) -> None:
    request = contract()
    created = await desk.adapter.create_flow(request, PDF)
    assert (created.key, created.state, created.parties) == (request.key, SigningState.SIGNING, 3)
    seen = await desk.adapter.flow(created.flow_id)
    assert (seen.state, seen.signed_parties, seen.key) == (SigningState.PARTLY_SIGNED, 1, request.key)
    assert (await desk.adapter.sign_url(created.flow_id, "+8613800000001")).startswith("https://")
    with pytest.raises(Rejected):
        await desk.adapter.sign_url(created.flow_id, "+8613800000009")
    with pytest.raises(Rejected):
        await desk.adapter.signed_file(created.flow_id)

    await desk.control("act/sign", {"flow_id": created.flow_id})
    assert (await desk.adapter.flow(created.flow_id)).signed_parties == 2
    await desk.control("act/sign", {"title": "HT-2026-0042 示例采购合同"})
    done = await desk.adapter.flow(created.flow_id)
    assert (done.state, done.signed_parties, done.parties) == (SigningState.SIGNED, 3, 3)
    assert done.finished_at is not None

    file = await desk.adapter.signed_file(created.flow_id)
    assert file.name == "HT-2026-0042 示例采购合同.pdf"
    assert file.content.startswith(PDF)
    assert file.content.count(b"%% signature") == 3
    assert file.sha256 == hashlib.sha256(file.content).hexdigest()


async def test_under_the_path_of_the_public_address(served: Running, desk: Desk) -> None:
    async with open_desk(CONNECTOR, served, base_url=f"{served.url}/api/v5/") as public:
        assert (await public.adapter.create_flow(contract(), PDF)).flow_id


async def test_the_own_seal_stands_on_the_last_page_and_is_set_by_machine(desk: Desk) -> None:
    created = await desk.adapter.create_flow(contract(), PDF)
    flow = (await desk.books())[created.flow_id]
    own, company, person = flow["actors"]
    assert [own["signStatus"], company["signStatus"], person["signStatus"]] == ["signed", *["wait_sign"] * 2]
    assert own["signFields"] == [{"fieldDocId": "1", "fieldId": "own_seal"}]
    assert (company["account"], person["orderNo"]) == ("13800000001", 3)
    assert (flow["title"], flow["transReferenceId"]) == ("HT-2026-0042 示例采购合同", "HT-2026-0042/1")


async def test_without_a_scene_somebody_of_ours_seals(served: Running, desk: Desk) -> None:
    async with open_desk(CONNECTOR, served, free_sign_scene=None) as manual:
        created = await manual.adapter.create_flow(contract(), PDF)
        assert (await manual.adapter.flow(created.flow_id)).signed_parties == 0


# -- found again ----------------------------------------------------------------------------------------


async def test_another_sending_of_the_same_contract_is_another_flow(desk: Desk) -> None:
    first, second = contract(), contract(key="HT-2026-0042/2")
    one = await desk.adapter.create_flow(first, PDF)
    two = await desk.adapter.create_flow(second, PDF)
    await desk.adapter.revoke(one.flow_id, "重发")
    found = [await desk.adapter.find_flow(request) for request in (first, second)]
    assert [flow and flow.flow_id for flow in found] == [one.flow_id, two.flow_id]
    assert await desk.adapter.find_flow(contract(key="HT-2026-0042/3")) is None


async def test_found_on_a_later_page(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.fadada.protocol.PAGE_SIZE", 2)
    requests = [contract(key=f"HT-2026-0042/{n}") for n in range(5)]
    flows = [await desk.adapter.create_flow(request, PDF) for request in requests]
    found = [await desk.adapter.find_flow(request) for request in requests]
    assert [flow and flow.flow_id for flow in found] == [flow.flow_id for flow in flows]


# -- the token ------------------------------------------------------------------------------------------


async def test_an_expired_token_is_renewed_and_the_write_happens_once(desk: Desk) -> None:
    await desk.adapter.create_flow(contract(), PDF)
    await desk.fault("expire_session", CREATE)
    created = await desk.adapter.create_flow(contract(key="HT-2026-0042/2"), PDF)
    assert len(await desk.books()) == 2
    await desk.fault("expire_session", DETAIL)
    assert (await desk.adapter.flow(created.flow_id)).flow_id == created.flow_id


async def test_many_at_once_fetch_one_token(desk: Desk) -> None:
    created = await desk.adapter.create_flow(contract(), PDF)
    await desk.fault("expire_session", DETAIL)
    before = len(desk.said.exchanges)
    await asyncio.gather(*(desk.adapter.flow(created.flow_id) for _ in range(20)))
    fetched = [e for e in desk.said.exchanges[before:] if e.operation.endswith("get-access-token")]
    assert len(fetched) == 1


# -- faults ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["get-upload-url", "cos/upload", "file/process", "get-access-token"])
async def test_what_comes_before_the_task_is_repeated(desk: Desk, path: str) -> None:
    """Each time with a nonce of its own, or the sandbox would refuse the repetition."""
    await desk.fault("drop_after", path)
    assert (await desk.adapter.create_flow(contract(), PDF)).flow_id
    assert len(await desk.books()) == 1


@pytest.mark.parametrize(
    ("changes", "settings", "content", "code"),
    [
        ({"expires_at": datetime(2020, 1, 1, tzinfo=UTC)}, {}, PDF, "100011"),
        ({"file_name": "HT-2026-0042.exe"}, {}, PDF, "100011"),
        ({}, {}, b"not a pdf", "100011"),
        ({}, {"open_corp_id": "somebody else"}, PDF, "100011"),
        ({}, {"seal_page": 9}, PDF, "100011"),
    ],
)
async def test_refused_by_the_vendor(
    served: Running, desk: Desk, changes: dict[str, Any], settings: dict[str, Any], content: bytes, code: str
) -> None:
    async with open_desk(CONNECTOR, served, **settings) as other:
        with pytest.raises(Rejected) as caught:
            await other.adapter.create_flow(contract(**changes), content)
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
    assert caught.value.code == "211126"


async def test_it_expires_by_itself(desk: Desk) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=100)
    created = await desk.adapter.create_flow(contract(expires_at=soon), PDF)
    await desk.advance(200)
    assert (await desk.adapter.flow(created.flow_id)).state is SigningState.EXPIRED


async def test_urged_twice_a_day_two_hours_apart(desk: Desk) -> None:
    created = await desk.adapter.create_flow(contract(), PDF)
    await desk.adapter.urge(created.flow_id)
    for passed, allowed in ((0, False), (7201, True), (7201, False), (86400, True)):
        await desk.advance(passed)
        if allowed:
            await desk.adapter.urge(created.flow_id)
        else:
            with pytest.raises(Rejected):
                await desk.adapter.urge(created.flow_id)


async def test_a_flow_that_is_not_there(desk: Desk) -> None:
    with pytest.raises(Rejected):
        await desk.adapter.flow("1")


async def test_no_secret_in_what_is_kept(desk: Desk) -> None:
    created = await desk.adapter.create_flow(contract(), PDF)
    await desk.control("act/sign_all", {"flow_id": created.flow_id})
    await desk.adapter.signed_file(created.flow_id)
    assert desk.said.exchanges
    (token,) = await desk.books("tokens")
    for secret in (SANDBOX().credentials()["app_secret"], token):
        assert not any(secret in repr(exchange) for exchange in desk.said.exchanges)


# -- callbacks ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("own_address", [True, False])
async def test_every_signature_calls_back(desk: Desk, receiver: Receiver, own_address: bool) -> None:
    url = receiver.url if own_address else ""
    await desk.control("act/subscribe", {"url": None if own_address else receiver.url})
    created = await desk.adapter.create_flow(contract(callback_url=url), PDF)
    await desk.control("act/sign_all", {"flow_id": created.flow_id})
    messages = [desk.adapter.open(request)[0] for request in await receiver.next(5)]
    assert sorted(message.kind for message in messages) == [
        "sign-task-finished",
        *["sign-task-signed"] * 3,
        "sign-task-start",
    ]
    hints = [desk.adapter.read_hint(message.kind, message.body) for message in messages]
    assert {hint.flow_id for hint in hints if hint} == {created.flow_id}
    assert len({message.dedupe_key for message in messages}) == 5


async def test_a_refused_callback_comes_again_under_the_same_key(desk: Desk, receiver: Receiver) -> None:
    receiver.answers.extend([500, 302, 202])
    only_person = contract(parties=contract().parties[2:])
    created = await desk.adapter.create_flow(only_person, PDF)
    await desk.control("act/subscribe", {"url": receiver.url})
    await desk.adapter.revoke(created.flow_id, "x")
    got = await receiver.next(4)
    assert len({request.headers["x-fasc-nonce"] for request in got}) == 4
    assert len({desk.adapter.open(request)[0].dedupe_key for request in got}) == 1
