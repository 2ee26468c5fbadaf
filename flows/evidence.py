"""The service's own report on a signed flow: applied for once, fetched when made, kept with its hash."""

from datetime import timedelta

from crm_store import Row, UnitOfWork
from crm_store.deliveries import Delivery
from domain.faults import Rejected, Throttled, UnknownOutcome
from domain.ports import SigningEvidence
from domain.states import SigningAct
from flows.context import Context, Outcome

APPLY = "sign.evidence"
FETCH = "sign.evidence_file"
LOOK_AGAIN = timedelta(seconds=30)
IN_DOUBT = (
    "出证申请的结果不明：请在电子签控制台核对，已有报告则取消本投递，没有则重放 "
    "(look in the service's console: cancel this if there is a report, replay it if there is none)"
)


async def ask_for_evidence(uow: UnitOfWork, flow: Row, context: Context, *, by: str = "系统") -> bool:
    """False: it has been asked for already."""
    acts = await uow.signing_acts.of_flow(flow["id"])
    if any(row["act"] == SigningAct.EVIDENCE for row in acts):
        return False
    act = await uow.signing_acts.add(
        flow["id"], SigningAct.EVIDENCE, asked_by=by, asked_at=context.clock.now()
    )
    await _add(uow, flow, act, APPLY)
    return True


async def _add(uow: UnitOfWork, flow: Row, act: int, operation: str) -> None:
    """In a lane of its own: a report that cannot be had keeps no news of the flow back."""
    await uow.deliveries.add(
        f"{flow['connection']}/flow/{flow['key']}/{operation.removeprefix('sign.')}/{act}",
        connection=flow["connection"],
        operation=operation,
        subject=act,
        ordering_key=f"flow/{flow['id']}/evidence",
    )


async def apply_for_evidence(context: Context, delivery: Delivery) -> Outcome:
    """No service can be asked whether it took an application whose answer was lost: a person looks."""
    async with context.store.transaction() as uow:
        act = await uow.signing_acts.get(delivery.subject)
        flow = await uow.contracts.flow(act["flow"])
        first = await uow.signing_acts.try_(act["id"])
    if not first:
        await _forget(context, act["id"])
        raise Rejected(IN_DOUBT)
    try:
        number = await context.ports.get(flow["connection"], SigningEvidence).apply_for_evidence(
            flow["flow_id"]
        )
    except UnknownOutcome as doubt:
        await _forget(context, act["id"])
        raise Rejected(IN_DOUBT) from doubt
    except Exception:
        await _forget(context, act["id"])
        raise

    async def apply(uow: UnitOfWork) -> None:
        await uow.signing_acts.note(act["id"], result=number)
        await _add(uow, flow, act["id"], FETCH)

    return Outcome(number, apply)


async def _forget(context: Context, act: int) -> None:
    """The next attempt applies: either nothing happened, or a person has looked."""
    async with context.store.transaction() as uow:
        await uow.signing_acts.note(act, tried_at=None)


async def fetch_evidence(context: Context, delivery: Delivery) -> Outcome:
    async with context.store.transaction() as uow:
        act = await uow.signing_acts.get(delivery.subject)
        flow = await uow.contracts.flow(act["flow"])
    port = context.ports.get(flow["connection"], SigningEvidence)
    file = await port.evidence(flow["flow_id"], act["result"])
    if file is None:
        raise Throttled("出证报告还在生成 (the report is being made)", wait=LOOK_AGAIN)

    async def apply(uow: UnitOfWork) -> None:
        await uow.contracts.keep_file(file.sha256, name=file.name, content=file.content)
        await uow.signing_acts.note(act["id"], file=file.sha256)
        await uow.timeline.note(
            f"{delivery.key}/kept",
            kind="signing",
            text=f"签署证据已归档：{file.name}，SHA-256 {file.sha256}",
            origin=flow["connection"],
            contract_id=flow["contract_id"],
            delivery_id=delivery.id,
        )

    return Outcome(act["result"], apply)
