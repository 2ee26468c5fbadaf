"""The connector against the sandbox, over real sockets: the ports, every fault, the callbacks."""

import asyncio
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest

from connectors.fadada import CONNECTOR
from domain.faults import Rejected
from sandboxes.common import Running
from tests.connectors.signing_cases import ExpiryIsTheEnd, SigningCases
from tests.connectors.signing_desk import PDF, Desk, Receiver, contract, open_desk

CREATE, DETAIL = "sign-task/create", "get-detail"


class TestAnySigner(SigningCases, ExpiryIsTheEnd):
    connector = CONNECTOR
    create: ClassVar = {"path": CREATE}
    before, upload, detail = "file/process", "cos/upload", DETAIL
    cancel, file = "sign-task/cancel", "cos/signed"
    strangers = ({"app_secret": "another"}, {"app_id": "80009998"})
    minutes_wrong, longest_reason, too_late, expired = 6, 100, "211126", "211126"


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


# -- the token ------------------------------------------------------------------------------------------


async def test_an_expired_token_is_renewed_and_the_write_happens_once(desk: Desk) -> None:
    await desk.adapter.create_flow(contract(), PDF)
    await desk.fault("expire_session", CREATE)
    created = await desk.adapter.create_flow(contract(key="HT-2026-0042/2"), PDF)
    assert len(await desk.books()) == 2
    await desk.fault("expire_session", DETAIL)
    assert (await desk.adapter.flow(created.flow_id)).flow_id == created.flow_id


async def test_no_token_in_what_is_kept(desk: Desk) -> None:
    await desk.adapter.create_flow(contract(), PDF)
    (token,) = await desk.books("tokens")
    assert desk.said.exchanges
    assert not any(token in repr(exchange) for exchange in desk.said.exchanges)


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
