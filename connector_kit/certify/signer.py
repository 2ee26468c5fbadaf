"""A contract's way through a signing service."""

import base64
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

from connector_kit.certify.hooks import catching
from connector_kit.certify.model import Check, Failed, Level, Skipped
from connector_kit.certify.once import TROUBLE_NAMES
from connector_kit.certify.postings import (
    ATTEMPTS,
    PDF,
    QUICK,
    Trouble,
    contract,
    deliver,
    flow_posting,
)
from connector_kit.certify.stand import Open, Stand
from domain.faults import Fault, Rejected
from domain.ports import Hook, Signer, SigningEvidence, SigningHook
from domain.records import SignedFile, SigningFlow, SigningParty
from domain.states import SigningState

SAME, MANY = 5, 110
Rows = Mapping[str, object]
THIRD = SigningParty(order=3, organisation=None, person="测试乙", phone="+8613800000002")
LOOKS = 5
"""How often evidence is asked for until it must have been made."""
COMPOSED_AFTER = 60
"""Seconds on the sandbox's clock: some services compose the signed file a while after the last signature."""


def checks() -> list[Check]:
    rows: tuple[tuple[str, Level, str, str, Callable[[Stand], Awaitable[None]], bool], ...] = (
        ("flow.created", "bronze", "发起后在签署中", "a flow starts", created, False),
        (
            "flow.signed",
            "bronze",
            "签完后状态为已签署，文件可取",
            "signed, and the file is there",
            signed,
            False,
        ),
        ("flow.declined", "bronze", "拒签读成拒签", "declined reads as declined", declined, False),
        ("flow.revoked", "bronze", "撤销；再撤一次无害", "revoked, and twice is no news", revoked, False),
        ("flow.extended", "silver", "延期", "extended", extended, False),
        (
            "flow.sign_url",
            "bronze",
            "签署链接，各人不同",
            "a link to sign, another one for each",
            sign_url,
            False,
        ),
        ("flow.order", "silver", "按约定的先后签署", "the parties sign in their order", in_order, False),
        ("flow.document", "bronze", "送签的就是这份文件", "the file arrives as it is", document, False),
        ("flow.urged", "silver", "催签，或说明为何不能", "urged, or a reason in words", urged, False),
        (
            "flow.same_title",
            "silver",
            "多个同名流程各自找得回",
            "each of several flows is found",
            same_title,
            False,
        ),
        (
            "flow.found_among_many",
            "silver",
            "流程多到一页放不下也找得回",
            "found among more than fit on a page",
            among_many,
            False,
        ),
        ("flow.unknown", "silver", "不存在的流程是故障", "a flow that is none is a fault", unknown, True),
    )
    plain = [Check(name, "Signer", level, zh, en, run, faults) for name, level, zh, en, run, faults in rows]
    called = Check(
        "flow.callback", "SigningHook", "bronze", "回调指向该流程", "a callback names its flow", callback
    )
    reported = [
        Check(
            "evidence.fetched",
            "SigningEvidence",
            "bronze",
            "签完后取得证据报告",
            "evidence of a signed flow is there",
            evidence,
        ),
        Check(
            "evidence.unfinished",
            "SigningEvidence",
            "silver",
            "未签完的流程没有证据，且说明原因",
            "no evidence of a flow under way, and a reason in words",
            no_evidence,
        ),
    ]
    return [*plain, called, *reported] + [
        Check(
            f"signed_file.{trouble.name}",
            "Signer",
            "silver",
            f"取签署文件时“{TROUBLE_NAMES[trouble.name]}”",
            f"the signed file under {trouble.name}",
            partial(fetched, trouble),
            True,
        )
        for trouble in QUICK
    ]


async def _started(stand: Stand, opened: Open) -> SigningFlow:
    flow: SigningFlow = await deliver(flow_posting(contract(stand)), opened)
    return flow


async def _expect(opened: Open, flow: SigningFlow, *states: SigningState) -> SigningFlow:
    now = await opened.port(Signer).flow(flow.flow_id)
    if now.state not in states:
        raise Failed(f"the flow is {now.state}, not {states[0]}")
    return now


async def created(stand: Stand) -> None:
    async with stand.open() as opened:
        flow = await _started(stand, opened)
        now = await _expect(opened, flow, SigningState.SIGNING, SigningState.PARTLY_SIGNED)
    if now.key != flow.key or now.parties != 2:
        raise Failed(f"started {flow.key} with 2 parties, and it reads as {now}")


async def _signed(stand: Stand, opened: Open) -> SigningFlow:
    if stand.bench.sign is None:
        raise Skipped("the bench does not say how to sign")
    flow = await _started(stand, opened)
    await stand.act(stand.bench.sign(flow.flow_id))
    await stand.advance(COMPOSED_AFTER)
    return await _expect(opened, flow, SigningState.SIGNED)


async def signed(stand: Stand) -> None:
    async with stand.open() as opened:
        flow = await _signed(stand, opened)
        file = await opened.port(Signer).signed_file(flow.flow_id)
    if file.sha256 != hashlib.sha256(file.content).hexdigest() or not file.content.startswith(PDF[:5]):
        raise Failed("the signed file is no PDF or its hash differs")


async def declined(stand: Stand) -> None:
    if stand.bench.decline is None:
        raise Skipped("the bench does not say how to decline")
    async with stand.open() as opened:
        flow = await _started(stand, opened)
        await stand.act(stand.bench.decline(flow.flow_id))
        await _expect(opened, flow, SigningState.DECLINED)


async def revoked(stand: Stand) -> None:
    async with stand.open() as opened:
        flow = await _started(stand, opened)
        for _ in range(2):
            await opened.port(Signer).revoke(flow.flow_id, "合同条款有误")
        await _expect(opened, flow, SigningState.REVOKED)


async def extended(stand: Stand) -> None:
    until = datetime.now(UTC) + timedelta(days=60)
    async with stand.open() as opened:
        flow = await _started(stand, opened)
        before = await stand.rows("flow", flow.key)
        await opened.port(Signer).extend(flow.flow_id, until)
        now = await _expect(opened, flow, SigningState.SIGNING, SigningState.PARTLY_SIGNED)
    if await stand.rows("flow", flow.key) == before:
        raise Failed("nothing has changed in the books")
    if now.expires_at is not None and abs(now.expires_at - until) > timedelta(seconds=1):
        raise Failed(f"extended to {until}, and it expires at {now.expires_at}")


async def sign_url(stand: Stand) -> None:
    phones = ("+8613800000001", str(THIRD.phone))
    async with stand.open() as opened:
        flow = await deliver(flow_posting(contract(stand, more=[THIRD])), opened)
        urls = [await opened.port(Signer).sign_url(flow.flow_id, phone) for phone in phones]
    if not all(url.startswith(("http://", "https://")) for url in urls) or len(set(urls)) < len(urls):
        raise Failed(f"the links of two signers are {urls}")


async def in_order(stand: Stand) -> None:
    """Whoever has signed before the first turn is sealed by a machine."""
    if stand.bench.sign_next is None:
        raise Skipped("the bench does not say how one signs after the other")
    request = contract(stand, more=[THIRD])
    async with stand.open() as opened:
        flow = await deliver(flow_posting(request), opened)
    looks: list[list[object]] = [[]]
    for _ in request.parties:
        try:
            looks.append((await stand.act(stand.bench.sign_next(flow.flow_id)))["signers"])
        except RuntimeError:
            break
    done = looks[-1][-1] if looks[-1] else None
    turns = [[state == done for state in look] for look in looks[1:]]
    if not turns or not all(turns[-1]) or any(turn != sorted(turn, reverse=True) for turn in turns):
        raise Failed(f"the parties were done in another order: {turns}")


async def document(stand: Stand) -> None:
    if stand.bench.uploads is None:
        raise Skipped("the bench does not say where uploaded files are")
    async with stand.open() as opened:
        await _started(stand, opened)
    sent = base64.b64encode(PDF).decode()
    if not any(sent in row.values() for row in (await stand.table(stand.bench.uploads)).values()):
        raise Failed("the file that was to be signed is not there as it was")


async def urged(stand: Stand) -> None:
    async with stand.open() as opened:
        flow = await _started(stand, opened)
        before = len(opened.recorder.exchanges)
        try:
            await opened.port(Signer).urge(flow.flow_id)
        except Rejected as refusal:
            if len(str(refusal)) < 8:
                raise Failed(f"the refusal says only “{refusal}”") from refusal
            return
        if all(each.kind == "read" for each in opened.recorder.exchanges[before:]):
            raise Failed("the vendor was told nothing")


async def same_title(stand: Stand) -> None:
    first = contract(stand)
    requests = [replace(first, key=f"{first.contract_number}/{n}") for n in range(1, SAME + 1)]
    async with stand.open() as opened:
        made = {request.key: await deliver(flow_posting(request), opened) for request in requests}
        for request in requests:
            found = await opened.port(Signer).find_flow(request)
            if found is None or found.flow_id != made[request.key].flow_id:
                raise Failed(f"{request.key} is {made[request.key].flow_id}, found {found}")


async def among_many(stand: Stand) -> None:
    """Copies of one flow stand on several pages, in whatever order the vendor lists them."""
    request = contract(stand)
    async with stand.open() as opened:
        flow = await deliver(flow_posting(request), opened)
        copies = {f"{request.contract_number}/copy{n}": f"{flow.flow_id[:-4]}c{n:03}" for n in range(MANY)}
        await stand.seed(
            {
                name: _copied(table, request.key, flow.flow_id, copies)
                for name, table in (await stand.tables()).items()
            }
        )
        first, *_, last = copies.items()
        for key, copy in (first, last):
            found = await opened.port(Signer).find_flow(replace(request, key=key))
            if found is None or found.flow_id != copy:
                raise Failed(f"among {MANY} flows, {key} was found as {found}")


def _copied(table: Mapping[str, object], key: str, flow_id: str, copies: Mapping[str, str]) -> Rows:
    """The rows about a flow, once for each other key and id."""
    about = {name: text for name, row in table.items() if flow_id in (text := json.dumps(row))}
    return {
        name.replace(flow_id, copy_id) if flow_id in name else f"{name}-{copy_id}": json.loads(
            text.replace(json.dumps(key)[1:-1], copy_key).replace(flow_id, copy_id)
        )
        for name, text in about.items()
        for copy_key, copy_id in copies.items()
    }


async def callback(stand: Stand) -> None:
    if stand.bench.sign is None:
        raise Skipped("the bench does not say how to sign")
    async with stand.open() as opened, catching() as catcher:
        if stand.bench.subscribe:
            await stand.act(stand.bench.subscribe(catcher.url, stand.settings()))
        flow = await deliver(flow_posting(contract(stand, hook=catcher.url)), opened)
        await stand.act(stand.bench.sign(flow.flow_id))
        messages = opened.port(Hook).open(await catcher.first())
        hints = [opened.port(SigningHook).read_hint(each.kind, each.body) for each in messages]
    if flow.flow_id not in {hint.flow_id for hint in hints if hint}:
        raise Failed(f"the callback about {flow.flow_id} says {hints}")


async def unknown(stand: Stand) -> None:
    async with stand.open() as opened:
        try:
            found = await opened.port(Signer).flow("0" * 32)
        except Fault:
            return
    raise Failed(f"a flow that does not exist was read as {found}")


async def evidence(stand: Stand) -> None:
    async with stand.open() as opened:
        file = await _evidence(stand, opened, await _signed(stand, opened))
    if not file.content or file.sha256 != hashlib.sha256(file.content).hexdigest():
        raise Failed("the evidence is empty or its hash differs")


async def no_evidence(stand: Stand) -> None:
    """Whether the application is refused already, or only the report, is the service's matter."""
    async with stand.open() as opened:
        flow = await _started(stand, opened)
        try:
            file = await _evidence(stand, opened, flow)
        except Rejected as refusal:
            if len(str(refusal)) < 8:
                raise Failed(f"the refusal says only “{refusal}”") from refusal
            return
    raise Failed(f"nobody has signed, and there is evidence: {file.name}")


async def _evidence(stand: Stand, opened: Open, flow: SigningFlow) -> SignedFile:
    port = opened.port(SigningEvidence)
    number = await port.apply_for_evidence(flow.flow_id)
    for _ in range(LOOKS):
        file = await port.evidence(flow.flow_id, number)
        if file is not None:
            return file
        await stand.advance(COMPOSED_AFTER)
    raise Failed(f"after {LOOKS} looks the report is still being made")


async def fetched(trouble: Trouble, stand: Stand) -> None:
    async with stand.open() as opened:
        flow = await _signed(stand, opened)
        signer = opened.port(Signer)
        true = await signer.signed_file(flow.flow_id)
        await stand.faults([{**trouble.rule, "times": 2}])
        for _ in range(ATTEMPTS):
            try:
                again = await signer.signed_file(flow.flow_id)
            except Fault as fault:
                if not isinstance(fault, trouble.allowed):
                    raise Failed(f"met {fault.kind}: {fault}") from fault
                continue
            if again.sha256 != true.sha256:
                raise Failed("half a file was taken for the signed one")
            return
    raise Failed("the file was never fetched")
