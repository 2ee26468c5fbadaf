"""The connector against the sandbox, over real sockets: the ports, every fault, the callbacks."""

import asyncio
import hashlib
import threading
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from typing import Any

import httpx
import pytest

from connector_kit import MemoryRecorder, MemoryTokens, Redactor, Sender, Tools, new_client, secrets_of
from connectors.esign import CONNECTOR
from connectors.esign.adapter import EsignAdapter
from connectors.esign.settings import EsignSettings
from domain.faults import (
    Fault,
    Malformed,
    Misconfigured,
    Rejected,
    Throttled,
    Transient,
    UnknownOutcome,
    Unmappable,
)
from domain.ports import Hook, HookRequest, Signer, SigningHook
from domain.records import SigningFlow, SigningParty, SigningRequest
from domain.states import SigningState
from mappings import Translator
from sandboxes.common import Running, running
from sandboxes.esign import SANDBOX

PDF = b"%PDF-1.4\n1 0 obj<</Type/Page>>endobj\n2 0 obj<</Type /Page>>endobj\n%%EOF\n"


class Shifted:
    """A clock that tests can set wrong."""

    def __init__(self) -> None:
        self.shift = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.shift


class Desk:
    """The adapter, its clock, what was said, and the sandbox on the other side."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        *,
        url: str,
        adapter: EsignAdapter,
        clock: Shifted,
        said: MemoryRecorder,
    ) -> None:
        self._client = client
        self._url = url
        self.adapter = adapter
        self.clock = clock
        self.said = said

    async def control(self, path: str, body: dict[str, Any]) -> Any:
        answer = await self._client.post(f"{self._url}/_sandbox/{path}", json=body)
        return answer.raise_for_status().json()

    async def fault(self, kind: str, path: str, **more: Any) -> None:
        rule = {"kind": kind, "path": path, "times": 1} | more
        await self.control("faults", {"rules": [rule]})

    async def flows(self) -> dict[str, Any]:
        found: dict[str, Any] = (await self._client.get(f"{self._url}/_sandbox/books/flows")).json()
        return found


@pytest.fixture(scope="module")
def served() -> Iterator[Running]:
    with running(SANDBOX()) as served:
        yield served


@pytest.fixture
async def desk(served: Running) -> AsyncIterator[Desk]:
    async with open_desk(served) as desk:
        await desk.control("reset", {})
        yield desk


class open_desk:
    """A connection's adapter, open for the length of a block."""

    def __init__(self, served: Running, **changes: Any) -> None:
        credentials = served.sandbox.credentials() | {"base_url": served.url, "timeout_seconds": 0.5}
        self._settings = EsignSettings(**(credentials | changes))
        self._served = served
        self._client = new_client()

    async def __aenter__(self) -> Desk:
        said, clock = MemoryRecorder(), Shifted()
        redactor = Redactor(secrets_of(self._settings))
        sender = Sender(self._client, connection="esign-main", redactor=redactor, recorder=said)
        tools = Tools("esign-main", sender, MemoryTokens(), clock, Translator())
        adapter = CONNECTOR.open(self._settings, tools)
        assert isinstance(adapter, EsignAdapter)
        return Desk(self._client, url=self._served.url, adapter=adapter, clock=clock, said=said)

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()


def contract(**changes: Any) -> SigningRequest:
    now = datetime.now(UTC)
    request = SigningRequest(
        key="HT-2026-0042/1",
        contract_number="HT-2026-0042",
        title="示例采购合同",
        file_name="HT-2026-0042.pdf",
        parties=[
            SigningParty(order=1, organisation="示例科技有限公司", person=None, phone=None, own=True),
            SigningParty(order=2, organisation="测试客户有限公司", person="测试甲", phone="+8613800000001"),
            SigningParty(order=3, organisation=None, person="测试乙", phone="+8613800000002"),
        ],
        callback_url="",
        expires_at=now + timedelta(days=30),
        requested_at=now,
    )
    return replace(request, **changes)


def test_it_fits_its_manifest(served: Running) -> None:
    adapter = open_desk(served)._settings
    assert CONNECTOR.settings is type(adapter)
    assert set(CONNECTOR.manifest.capabilities) == {"Signer", "Hook", "SigningHook"}


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
    own, company, person = (await desk.flows())[created.flow_id]["signers"]
    position = own["signFields"][0]["normalSignFieldConfig"]["signFieldPosition"]
    assert position == {"positionPage": "2", "positionX": 120, "positionY": 160}
    assert [own["signStatus"], company["signStatus"], person["signStatus"]] == [2, 1, 0]
    assert company["company"]["transactorInfo"]["psnAccount"] == "13800000001"
    assert [s["signFields"][0]["customBizNum"] for s in (own, company, person)] == [
        "HT-2026-0042/1:1",
        "HT-2026-0042/1:2",
        "HT-2026-0042/1:3",
    ]


async def test_the_ports(desk: Desk) -> None:
    for port in (Signer, Hook, SigningHook):
        assert isinstance(desk.adapter, port)


# -- found again ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["timeout_after", "drop_after", "status_after", "malformed"])
async def test_a_lost_answer_is_found_by_our_key(desk: Desk, kind: str) -> None:
    await desk.fault(kind, "create-by-file", seconds=1)
    request = contract()
    with pytest.raises(UnknownOutcome):
        await desk.adapter.create_flow(request, PDF)
    found = await desk.adapter.find_flow(request)
    assert found is not None
    assert [found.flow_id] == list(await desk.flows())
    assert found.key == request.key


@pytest.mark.parametrize("kind", ["timeout_before", "drop_before", "status_before", "vendor_error"])
async def test_what_never_happened_is_not_found(desk: Desk, kind: str) -> None:
    await desk.fault(kind, "create-by-file", seconds=1)
    with pytest.raises(UnknownOutcome):
        await desk.adapter.create_flow(contract(), PDF)
    assert await desk.adapter.find_flow(contract()) is None
    created = await desk.adapter.create_flow(contract(), PDF)
    assert list(await desk.flows()) == [created.flow_id]


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


async def look(adapter: EsignAdapter, flow_id: str) -> object:
    return await adapter.flow(flow_id)


async def withdraw(adapter: EsignAdapter, flow_id: str) -> object:
    await adapter.revoke(flow_id, "价格有误")
    return None


@pytest.mark.parametrize(
    ("kind", "more", "read", "write"),
    [
        ("timeout_before", {"seconds": 1}, Transient, UnknownOutcome),
        ("timeout_after", {"seconds": 1}, Transient, UnknownOutcome),
        ("status_before", {"status": 503}, Transient, UnknownOutcome),
        ("status_before", {"status": 429}, Throttled, Throttled),
        ("status_after", {"status": 500}, Transient, UnknownOutcome),
        ("vendor_error", {}, Transient, UnknownOutcome),
        ("drop_before", {}, Transient, UnknownOutcome),
        ("drop_after", {}, Transient, UnknownOutcome),
        ("malformed", {}, Malformed, UnknownOutcome),
    ],
)
async def test_each_fault(
    desk: Desk, kind: str, more: dict[str, Any], read: type[Fault], write: type[Fault]
) -> None:
    created = await desk.adapter.create_flow(contract(), PDF)
    calls: list[tuple[Call, str, type[Fault]]] = [(look, "detail", read), (withdraw, "revoke", write)]
    for call, path, expected in calls:
        # More often than reads are repeated; the transport repeats a GET once more by itself.
        await desk.fault(kind, path, times=10, **more)
        with pytest.raises(expected) as caught:
            await call(desk.adapter, created.flow_id)
        assert type(caught.value) is expected


async def test_a_slow_answer_is_an_answer(desk: Desk) -> None:
    await desk.fault("delay", "create-by-file", seconds=0.2)
    assert (await desk.adapter.create_flow(contract(), PDF)).flow_id


async def test_a_read_is_repeated_and_an_upload_too(desk: Desk) -> None:
    await desk.fault("drop_after", "oss/upload")
    created = await desk.adapter.create_flow(contract(), PDF)
    await desk.fault("status_before", "detail")
    assert (await desk.adapter.flow(created.flow_id)).flow_id == created.flow_id


async def test_before_the_flow_exists_a_failure_is_no_doubt(desk: Desk) -> None:
    await desk.fault("drop_after", "file-upload-url", times=3)
    with pytest.raises(Transient):
        await desk.adapter.create_flow(contract(), PDF)
    assert await desk.flows() == {}


async def test_half_a_file_is_not_filed(desk: Desk) -> None:
    created = await desk.adapter.create_flow(contract(), PDF)
    await desk.control("act/sign_all", {"flow_id": created.flow_id})
    await desk.fault("malformed", "oss/signed")
    with pytest.raises(Malformed):
        await desk.adapter.signed_file(created.flow_id)


async def test_a_link_that_ran_out_is_asked_for_again(desk: Desk) -> None:
    created = await desk.adapter.create_flow(contract(), PDF)
    await desk.control("act/sign_all", {"flow_id": created.flow_id})
    await desk.fault("status_before", "oss/signed", status=403)
    assert (await desk.adapter.signed_file(created.flow_id)).content.startswith(PDF)
    await desk.fault("status_before", "oss/signed", status=403, times=2)
    with pytest.raises(Transient):
        await desk.adapter.signed_file(created.flow_id)


async def test_wrong_credentials_and_a_wrong_clock(served: Running, desk: Desk) -> None:
    for changes in ({"app_secret": "f" * 32}, {"app_id": "7438900009"}):
        async with open_desk(served, **changes) as stranger:
            with pytest.raises(Misconfigured):
                await stranger.adapter.flow("none")
    desk.clock.shift = timedelta(minutes=20)
    with pytest.raises(Misconfigured):
        await desk.adapter.flow("none")


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
    assert await desk.flows() == {}


async def test_refused_by_the_mapping(desk: Desk) -> None:
    nobody = SigningParty(order=1, organisation="测试客户有限公司", person="测试甲", phone=None)
    with pytest.raises(Unmappable) as caught:
        await desk.adapter.create_flow(contract(parties=[nobody]), PDF)
    assert caught.value.problems


async def test_a_file_that_takes_too_long(served: Running, desk: Desk) -> None:
    async with open_desk(served, file_wait_seconds=0.01) as hasty:
        with pytest.raises(Transient):
            await hasty.adapter.create_flow(contract(), b"%PDF-slow")


# -- what the sender does -------------------------------------------------------------------------------


async def state(desk: Desk, created: SigningFlow) -> SigningFlow:
    return await desk.adapter.flow(created.flow_id)


async def test_revoked(desk: Desk) -> None:
    created = await desk.adapter.create_flow(contract(), PDF)
    await desk.adapter.revoke(created.flow_id, "价格有误" * 20)
    await desk.adapter.revoke(created.flow_id, "again")
    seen = await state(desk, created)
    assert seen.state is SigningState.REVOKED
    assert seen.reason == ("价格有误" * 20)[:50]


async def test_too_late_to_revoke(desk: Desk) -> None:
    created = await desk.adapter.create_flow(contract(), PDF)
    await desk.control("act/sign_all", {"flow_id": created.flow_id})
    with pytest.raises(Rejected) as caught:
        await desk.adapter.revoke(created.flow_id, "x")
    assert caught.value.code == "1437203"


async def test_declined(desk: Desk) -> None:
    created = await desk.adapter.create_flow(contract(), PDF)
    await desk.control("act/decline", {"flow_id": created.flow_id, "reason": "条款不同意"})
    seen = await state(desk, created)
    assert (seen.state, seen.reason) == (SigningState.DECLINED, "条款不同意")
    with pytest.raises(Rejected):
        await desk.adapter.signed_file(created.flow_id)


async def test_expired_and_extended_once(desk: Desk) -> None:
    created = await desk.adapter.create_flow(contract(), PDF)
    await desk.control("act/expire", {"flow_id": created.flow_id})
    assert (await state(desk, created)).state is SigningState.EXPIRED
    until = datetime.now(UTC) + timedelta(days=40)
    await desk.adapter.extend(created.flow_id, until)
    assert (await state(desk, created)).state is SigningState.PARTLY_SIGNED
    with pytest.raises(Rejected):
        await desk.adapter.extend(created.flow_id, until)


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


class Receiver:
    """Takes callbacks, gives the answers it was told to give (200 when there are none left)."""

    def __init__(self) -> None:
        self._came: Queue[HookRequest] = Queue()
        self.answers: deque[int] = deque()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                path, _, query = self.path.partition("?")
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver._came.put(HookRequest("POST", path, query, headers, body, datetime.now(UTC)))
                self.send_response(receiver.answers.popleft() if receiver.answers else 200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/hooks/esign"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    async def next(self, count: int) -> list[HookRequest]:
        """Raises queue.Empty when they stay away."""
        return [await asyncio.to_thread(self._came.get, timeout=10) for _ in range(count)]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


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
    assert (await state(desk, created)).state is SigningState.DECLINED
