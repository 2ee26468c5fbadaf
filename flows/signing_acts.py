"""What a person asks of a contract that is out for signature: urge, extend, revoke.

Each is one delivery with one effect. The service may refuse (too soon after the last urging, all have signed
by now): that is an answer, noted on the timeline, and what the flow then says moves the contract.
"""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from crm_store import Row, UnitOfWork
from crm_store.deliveries import Delivery
from domain.faults import Fault, Rejected, UnknownOutcome
from domain.ports import Signer, SigningEvidence
from domain.records import SigningFlow
from domain.states import SIGNING_ACTS, ContractState, SigningAct, SigningState
from flows.context import Context, Outcome
from flows.contracts import Refused
from flows.evidence import ask_for_evidence
from flows.signing import lane, take_news

URGE = "sign.urge"
EXTEND = "sign.extend"
REVOKE = "sign.revoke"
NAMES = {SigningAct.URGE: "催签", SigningAct.EXTEND: "延期", SigningAct.REVOKE: "撤销"}
CHINA = ZoneInfo("Asia/Shanghai")
URGED_LATELY = timedelta(minutes=10)
"""Whoever urges again within this time is told that it has been done; no service allows it more often."""
UNCERTAIN = "结果不明，不再重复 (nobody knows whether it was done; it is not done twice)"


def end_of(day: date) -> datetime:
    """The last second of a day in China."""
    return datetime.combine(day, time(23, 59, 59), CHINA)


async def ask(
    uow: UnitOfWork,
    number: str,
    act: SigningAct,
    *,
    by: str,
    context: Context,
    until: datetime | None = None,
    reason: str | None = None,
) -> bool:
    """True: the service will be told. False: it has been asked already, and that stands. Raises Refused."""
    contract = await uow.contracts.by_number(number, lock=True)
    if contract is None:
        raise Refused(f"没有合同 {number} (no such contract)")
    state = ContractState(contract["state"])
    if state not in SIGNING_ACTS[act]:
        allowed = "、".join(sorted(SIGNING_ACTS[act]))
        raise Refused(f"合同状态为 {state}，只有 {allowed} 的合同可以 {act} (a {state} contract cannot)")
    flow = (await uow.contracts.flows_of(contract["id"]))[-1]
    if act is SigningAct.EVIDENCE:
        if flow["connection"] not in context.ports.all(SigningEvidence):
            raise Refused(f"连接 {flow['connection']} 不提供签署证据 (it gives no evidence)")
        return await ask_for_evidence(uow, flow, context, by=by)
    if await _stands(uow, flow, act, context, until=until):
        return False
    _check_deadline(flow, until, context)
    await _ask(uow, contract, flow, act, by=by, context=context, until=until, reason=reason)
    return True


async def _stands(
    uow: UnitOfWork, flow: Row, act: SigningAct, context: Context, *, until: datetime | None
) -> bool:
    since = context.clock.now() - URGED_LATELY
    return any(
        row["refusal"] is None
        and row["act"] == act
        and row["until"] == until
        and (act is not SigningAct.URGE or row["asked_at"] > since)
        for row in await uow.signing_acts.of_flow(flow["id"])
    )


def _check_deadline(flow: Row, until: datetime | None, context: Context) -> None:
    if until is not None and until <= max(context.clock.now(), flow["expires_at"]):
        raise Refused("新的签署截止时间须晚于现在和原截止时间 (later than now and than the old deadline)")


async def _ask(
    uow: UnitOfWork,
    contract: Row,
    flow: Row,
    act: SigningAct,
    *,
    by: str,
    context: Context,
    until: datetime | None,
    reason: str | None,
) -> None:
    row = await uow.signing_acts.add(
        flow["id"], act, asked_by=by, asked_at=context.clock.now(), until=until, reason=reason
    )
    key = f"{flow['connection']}/flow/{flow['key']}/{act}/{row}"
    what = f"{by} 请求{NAMES[act]}"
    await uow.timeline.note(
        f"{key}/asked",
        kind="signing",
        text=f"{what}：{reason}"
        if reason
        else f"{what}至 {until.astimezone(CHINA):%Y-%m-%d}"
        if until
        else what,
        origin="crm",
        company_id=contract["company_id"],
        contract_id=contract["id"],
    )
    await uow.deliveries.add(
        key,
        connection=flow["connection"],
        operation=f"sign.{act}",
        subject=row,
        ordering_key=lane(flow["id"]),
    )


async def carry_out(context: Context, delivery: Delivery) -> Outcome:
    """Before the call it is noted that the service may have acted, so that a second attempt looks first."""
    async with context.store.transaction() as uow:
        act = await uow.signing_acts.get(delivery.subject)
        flow_row = await uow.contracts.flow(act["flow"])
        first = await uow.signing_acts.try_(act["id"])
    signer = context.ports.get(flow_row["connection"], Signer)
    refusal = None
    try:
        await _act(signer, act, flow_row["flow_id"], in_doubt=not first)
    except Rejected as error:
        refusal = str(error)
    except UnknownOutcome:
        raise
    except Fault:
        if first:
            await _forget(context, act["id"])
        raise
    return await _outcome(context, delivery, act, flow_row, signer, refusal)


async def _forget(context: Context, act: int) -> None:
    """Nothing happened."""
    async with context.store.transaction() as uow:
        await uow.signing_acts.note(act, tried_at=None)


async def _act(signer: Signer, act: Row, flow_id: str, *, in_doubt: bool) -> None:
    """After any doubt the flow is asked first; whether somebody was urged, no service tells."""
    match SigningAct(act["act"]):
        case SigningAct.URGE if in_doubt:
            raise Rejected(UNCERTAIN)
        case SigningAct.URGE:
            await signer.urge(flow_id)
        case SigningAct.EXTEND:
            if not (in_doubt and (await signer.flow(flow_id)).expires_at == act["until"]):
                await signer.extend(flow_id, act["until"])
        case SigningAct.REVOKE:
            if not (in_doubt and (await signer.flow(flow_id)).state == SigningState.REVOKED):
                await signer.revoke(flow_id, act["reason"])


async def _outcome(
    context: Context, delivery: Delivery, act: Row, flow_row: Row, signer: Signer, refusal: str | None
) -> Outcome:
    """After an extension, a revocation and every refusal the flow itself says what is true now."""
    asked = refusal is not None or act["act"] != SigningAct.URGE
    flow: SigningFlow | None = await signer.flow(flow_row["flow_id"]) if asked else None

    async def apply(uow: UnitOfWork) -> None:
        name = NAMES[SigningAct(act["act"])]
        await uow.signing_acts.note(act["id"], refusal=refusal)
        if act["until"] and refusal is None:
            await uow.contracts.note_flow(flow_row["id"], expires_at=act["until"])
        await uow.timeline.note(
            f"{delivery.key}/{'refused' if refusal else 'done'}",
            kind="signing",
            text=f"{name}未成：{refusal}" if refusal else f"已{name}",
            origin=flow_row["connection"],
            contract_id=flow_row["contract_id"],
            delivery_id=delivery.id,
        )
        if flow is not None:
            await take_news(uow, flow_row["id"], flow, context, delivery_id=delivery.id)

    return Outcome(flow_row["flow_id"], apply)
