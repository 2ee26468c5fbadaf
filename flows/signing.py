"""A contract at the signing service: sent, watched, archived. A callback is a hint: the flow is fetched."""

from crm_store import Row, UnitOfWork
from crm_store.deliveries import Delivery
from crm_store.inbox import Message
from domain.faults import Mismatch
from domain.money import Money
from domain.ports import Signer, SigningEvidence, SigningHook
from domain.records import (
    ContractLine,
    ContractTerms,
    Instalment,
    SigningFlow,
    SigningParty,
    SigningRequest,
    Trigger,
)
from domain.states import ContractEvent, ContractState, move_contract, signing_events
from flows import lead_feedback
from flows.cash import fulfil
from flows.context import Context, NotYet, Outcome
from flows.evidence import ask_for_evidence
from flows.receivables import open_receivables

FETCH = "sign.fetch"
ARCHIVE = "sign.archive"
WITHOUT_CONTRACT = "receivable_without_contract"
NOT_SIGNED = (ContractState.DECLINED, ContractState.EXPIRED, ContractState.REVOKED)

REVIVED = "签署已延期，合同重新在签"
TEXTS = {
    ContractState.SENT: "合同已发往电子签",
    ContractState.PARTLY_SIGNED: "一方已签署",
    ContractState.SIGNED: "合同签署完成",
    ContractState.DECLINED: "对方拒签",
    ContractState.EXPIRED: "签署过期",
    ContractState.REVOKED: "签署已撤销",
}


async def send_contract(context: Context, delivery: Delivery) -> Outcome:
    """The services know no idempotency key: after any doubt the flow is looked up by our key in its title."""
    async with context.store.transaction() as uow:
        flow_row = await uow.contracts.flow(delivery.subject)
        contract = await uow.contracts.get(flow_row["contract_id"])
        company = await uow.customers.company(contract["company_id"])
        content = (await uow.contracts.file(flow_row["file"]))["content"]
        terms = await _terms(uow, contract)
    request = _request(context, flow_row, contract, company["name"], terms)
    signer = context.ports.get(flow_row["connection"], Signer)
    flow = await signer.find_flow(request) if delivery.sent_before else None
    if flow is None:
        flow = await signer.create_flow(request, content)

    async def apply(uow: UnitOfWork) -> None:
        await uow.contracts.note_flow(delivery.subject, flow_id=flow.flow_id)
        await take_news(uow, delivery.subject, flow, context, delivery_id=delivery.id)

    return Outcome(flow.flow_id, apply)


async def _terms(uow: UnitOfWork, contract: Row) -> ContractTerms:
    currency = contract["currency"]
    return ContractTerms(
        total=Money.from_minor(contract["total_minor"], currency),
        lines=[
            ContractLine(
                sku=row["sku"],
                title=row["title"],
                quantity=row["quantity"],
                unit_price=row["unit_price"],
                tax_rate=row["tax_rate"],
                amount=Money.from_minor(row["amount_minor"], currency),
            )
            for row in await uow.contracts.lines(contract["id"])
        ],
        plan=[
            Instalment(
                number=row["number"],
                title=row["title"],
                amount=Money.from_minor(row["amount_minor"], currency),
                trigger=Trigger(row["trigger"]),
                due_days=row["due_days"],
                on_date=row["on_date"],
            )
            for row in await uow.contracts.plan(contract["id"])
        ],
    )


def _request(
    context: Context, flow_row: Row, contract: Row, buyer: str, terms: ContractTerms
) -> SigningRequest:
    return SigningRequest(
        key=flow_row["key"],
        contract_number=contract["number"],
        title=contract["title"],
        file_name=f"{contract['number']}.pdf",
        parties=(
            SigningParty(order=1, organisation=context.policy.own_company, person=None, phone=None, own=True),
            SigningParty(
                order=2,
                organisation=buyer,
                person=contract["signatory"],
                phone=contract["signatory_phone"],
            ),
        ),
        callback_url=context.hook_url(flow_row["connection"]),
        expires_at=flow_row["expires_at"],
        requested_at=flow_row["requested_at"],
        terms=terms,
    )


async def take_hint(uow: UnitOfWork, message: Message, context: Context) -> bool:
    """A callback came: the flow will be fetched. False: nothing that concerns signatures. Raises NotYet."""
    hint = context.ports.get(message.connection, SigningHook).read_hint(message.kind, message.body)
    if hint is None:
        return False
    flow = await uow.contracts.flow_by_vendor(message.connection, hint.flow_id)
    if flow is None:
        raise NotYet(f"还不知道签署流程 {hint.flow_id} (unknown flow)")
    await uow.timeline.note(
        f"callback/{message.id}",
        kind="signing",
        text=f"电子签回调 {hint.action}",
        origin=message.connection,
        contract_id=flow["contract_id"],
        inbox_id=message.id,
        at=message.received_at,
    )
    await _ask(uow, flow, f"callback/{message.id}")
    return True


async def ask_about_flows(uow: UnitOfWork, connection: str, context: Context) -> None:
    """Callbacks may stay away: flows under way are asked about, unless a question is still on its way."""
    cause = f"poll/{context.clock.now():%Y%m%dT%H%M%S}"
    for flow in await uow.contracts.flows_under_way(connection):
        if await uow.deliveries.lane_is_free(lane(flow["id"])):
            await _ask(uow, flow, cause)


async def _ask(uow: UnitOfWork, flow: Row, cause: str) -> None:
    await uow.deliveries.add(
        f"{flow['connection']}/flow/{flow['key']}/fetch/{cause}",
        connection=flow["connection"],
        operation=FETCH,
        subject=flow["id"],
        ordering_key=lane(flow["id"]),
    )


def lane(flow_row: int) -> str:
    return f"flow/{flow_row}"


async def fetch_flow(context: Context, delivery: Delivery) -> Outcome:
    async with context.store.transaction() as uow:
        flow_row = await uow.contracts.flow(delivery.subject)
    flow = await context.ports.get(flow_row["connection"], Signer).flow(flow_row["flow_id"])
    if flow.key != flow_row["key"]:
        raise Mismatch(f"流程 {flow.flow_id} 的标识是 {flow.key}，应为 {flow_row['key']} (another flow)")

    async def apply(uow: UnitOfWork) -> None:
        await take_news(uow, delivery.subject, flow, context, delivery_id=delivery.id)

    return Outcome(flow.flow_id, apply)


async def take_news(
    uow: UnitOfWork, flow_row: int, flow: SigningFlow, context: Context, *, delivery_id: int
) -> None:
    """What the flow says now moves the contract, and with it everything that waited for it."""
    known = await uow.contracts.flow(flow_row, lock=True)
    contract = await uow.contracts.get(known["contract_id"], lock=True)
    if await _superseded(uow, known):
        return
    await uow.contracts.note_flow(
        flow_row,
        state=flow.state,
        reason=flow.reason,
        finished_at=flow.finished_at,
        expires_at=flow.expires_at or known["expires_at"],
    )
    state = ContractState(contract["state"])
    for event in signing_events(state, flow.state):
        step = move_contract(state, event)
        if step.changed:
            state = step.state
            await _moved(uow, contract, known, event, state, flow, delivery_id=delivery_id)
            await _consequences(uow, contract, known, state, context)


async def _moved(
    uow: UnitOfWork,
    contract: Row,
    known: Row,
    event: ContractEvent,
    state: ContractState,
    flow: SigningFlow,
    *,
    delivery_id: int,
) -> None:
    extended = event == ContractEvent.FLOW_EXTENDED
    mark = f"{event}/{flow.expires_at}" if extended else state
    await uow.contracts.set_state(contract["id"], state)
    await uow.timeline.note(
        f"contract/{contract['number']}/{known['key']}/{mark}",
        kind="signing",
        text=(REVIVED if extended else TEXTS[state]) + (f"：{flow.reason}" if flow.reason else ""),
        origin=known["connection"],
        company_id=contract["company_id"],
        contract_id=contract["id"],
        delivery_id=delivery_id,
        at=flow.finished_at if state == ContractState.SIGNED else None,
    )


async def _superseded(uow: UnitOfWork, flow: Row) -> bool:
    """A contract may be sent again; news of an earlier flow no longer counts."""
    flows = await uow.contracts.flows_of(flow["contract_id"])
    return bool(flows[-1]["id"] != flow["id"])


async def _consequences(
    uow: UnitOfWork, contract: Row, flow: Row, state: ContractState, context: Context
) -> None:
    if state in NOT_SIGNED:
        await _ask_about_receivables(uow, contract, state)
        return
    await uow.open_items.close_task(f"{WITHOUT_CONTRACT}/{contract['number']}", "系统")
    await open_receivables(uow, contract, Trigger.SENT, context)
    if state == ContractState.SIGNED:
        await open_receivables(uow, contract, Trigger.SIGNED, context)
        await fulfil(uow, contract["id"])
        await uow.leads.end(contract["opportunity_id"], "won")
        await lead_feedback.won(uow, contract["opportunity_id"], context)
        await uow.deliveries.add(
            f"{flow['connection']}/flow/{flow['key']}/archive",
            connection=flow["connection"],
            operation=ARCHIVE,
            subject=flow["id"],
            ordering_key=lane(flow["id"]),
        )


async def _ask_about_receivables(uow: UnitOfWork, contract: Row, state: ContractState) -> None:
    """What became due on sending stands in the ERP; whether it is reversed is for finance to say."""
    numbers = [row["number"] for row in await uow.receivables.of_contract(contract["id"])]
    if not numbers:
        return
    await uow.open_items.open_task(
        f"{WITHOUT_CONTRACT}/{contract['number']}",
        kind=WITHOUT_CONTRACT,
        owner="finance",
        title=f"合同未签成，请处理已生成的应收 {'、'.join(numbers)}（{TEXTS[state]}）",
        detail={"contract": contract["number"], "state": state, "receivables": numbers},
    )


async def archive_flow(context: Context, delivery: Delivery) -> Outcome:
    """The signed file is ours to keep: its bytes and their hash."""
    async with context.store.transaction() as uow:
        flow_row = await uow.contracts.flow(delivery.subject)
    signer = context.ports.get(flow_row["connection"], Signer)
    file = await signer.signed_file(flow_row["flow_id"])

    async def apply(uow: UnitOfWork) -> None:
        await uow.contracts.keep_file(file.sha256, name=file.name, content=file.content)
        await uow.contracts.note_flow(delivery.subject, signed_file=file.sha256)
        if isinstance(signer, SigningEvidence) and signer.wants_evidence:
            await ask_for_evidence(uow, flow_row, context)

    return Outcome(flow_row["flow_id"], apply)
