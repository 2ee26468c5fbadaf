"""An opportunity becomes a contract: drafted, submitted, approved, and handed to the signing service."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from crm_store import Row, UnitOfWork
from domain.money import Money
from domain.records import Company, ContractLine, ContractText, Instalment
from domain.states import ContractEvent, ContractState, IllegalCommand, move_contract
from flows.context import Context

SEND = "sign.send"


class Refused(ValueError):
    """What a person asked for cannot be done; the text says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractDraft:
    number: str
    title: str
    lead_connection: str
    lead_vendor_id: str
    company: Company
    """Its `code` is ignored: a new company gets our next one."""
    signatory: str
    signatory_phone: str
    lines: Sequence[ContractLine]
    plan: Sequence[Instalment]

    @property
    def total(self) -> Money:
        first, *rest = (line.amount for line in self.lines)
        return sum(rest, first)


def check_draft(draft: ContractDraft) -> None:
    """Raises Refused."""
    if not draft.lines or not draft.plan:
        raise Refused("合同至少要有一行明细和一期付款计划 (a contract needs a line and an instalment)")
    if any(row.amount.minor <= 0 for row in draft.plan):
        raise Refused("付款计划的金额必须大于零 (instalments must be positive)")
    first, *rest = (row.amount for row in draft.plan)
    planned = sum(rest, first)
    if planned != draft.total:
        raise Refused(
            f"付款计划合计 {planned} 与合同金额 {draft.total} 不一致 (the plan does not add up to the total)"
        )
    if [row.number for row in draft.plan] != list(range(1, len(draft.plan) + 1)):
        raise Refused("付款计划的期次必须从 1 连续编号 (instalments must be numbered 1, 2, 3 …)")


async def draft_contract(uow: UnitOfWork, draft: ContractDraft, context: Context) -> bool:
    """False: this contract exists already, nothing was changed. Raises Refused."""
    check_draft(draft)
    if await uow.contracts.by_number(draft.number):
        return False
    lead = await uow.leads.find(draft.lead_connection, draft.lead_vendor_id)
    opportunity = await uow.leads.opportunity_of(lead["id"]) if lead else None
    if opportunity is None:
        raise Refused("线索还没有变成商机 (the lead has no opportunity yet)")
    company_id = await _company(uow, draft.company)
    erp = await _owning_erp(uow, company_id, context)
    contract_id = await uow.contracts.create(
        draft.number,
        title=draft.title,
        opportunity_id=opportunity["id"],
        company_id=company_id,
        total_minor=draft.total.minor,
        currency=draft.total.currency,
        signatory=draft.signatory,
        signatory_phone=draft.signatory_phone,
        signer=context.policy.signer,
        erp=erp,
        lines=draft.lines,
        plan=draft.plan,
    )
    if contract_id is None:
        return False
    await uow.customers.join_company(opportunity["person_id"], company_id)
    await uow.leads.move_opportunity(opportunity["id"], "contracting", company_id)
    await uow.timeline.note(
        f"contract/{draft.number}/drafted",
        kind="contract",
        text=f"起草合同 {draft.number}，{draft.total}",
        origin="crm",
        person_id=opportunity["person_id"],
        company_id=company_id,
        contract_id=contract_id,
    )
    return True


async def _company(uow: UnitOfWork, company: Company) -> int:
    code = await uow.customers.next_code()
    return await uow.customers.company_for(
        Company(
            code=code,
            name=company.name,
            credit_code=company.credit_code,
            phone=company.phone,
            email=company.email,
            region=company.region,
            city=company.city,
            address=company.address,
        )
    )


async def _owning_erp(uow: UnitOfWork, company_id: int, context: Context) -> str:
    company = await uow.customers.company(company_id)
    if company["erp"]:
        return str(company["erp"])
    names = ("region", "city", "name", "code", "credit_code")
    erp = context.policy.erp_for({name: company[name] for name in names})
    if erp is None:
        raise Refused("没有规则决定该客户归哪个 ERP，请补充 policy.yaml 的 erp_owner (no ERP rule fits)")
    return await uow.customers.give_to_erp(company_id, erp)


async def submit_contract(uow: UnitOfWork, number: str) -> bool:
    """Draft → approving. False: it is past that. Raises Refused."""
    return await _command(uow, number, ContractEvent.SUBMIT, past=ContractState.APPROVING) is not None


async def approve_contract(uow: UnitOfWork, number: str, context: Context) -> bool:
    """Approving → approved; in the same transaction the sending to the signing service is due."""
    from flows.contract_pdf import render_contract  # its library loads slowly; most processes never draw

    contract = await _command(uow, number, ContractEvent.APPROVE, past=ContractState.APPROVED)
    if contract is None:
        return False
    now = context.clock.now()
    content = render_contract(await _text(uow, contract, context))
    digest = hashlib.sha256(content).hexdigest()
    await uow.contracts.keep_file(digest, name=f"{number}.pdf", content=content)
    attempt = len(await uow.contracts.flows_of(contract["id"])) + 1
    key = f"{number}#{attempt}"
    flow = await uow.contracts.add_flow(
        key,
        contract_id=contract["id"],
        connection=contract["signer"],
        file=digest,
        requested_at=now,
        expires_at=now + context.policy.signing_time,
    )
    await uow.deliveries.add(
        f"{contract['signer']}/flow/{key}",
        connection=contract["signer"],
        operation=SEND,
        subject=flow,
        ordering_key=f"flow/{flow}",
    )
    return True


async def _command(uow: UnitOfWork, number: str, event: ContractEvent, *, past: ContractState) -> Row | None:
    """Moves the contract; None when a repeated command finds that it was done. Raises Refused."""
    contract = await uow.contracts.by_number(number, lock=True)
    if contract is None:
        raise Refused(f"没有合同 {number} (no such contract)")
    state = ContractState(contract["state"])
    order = list(ContractState)
    if state == past or (order.index(state) > order.index(past) and state != ContractState.TERMINATED):
        return None
    try:
        step = move_contract(state, event)
    except IllegalCommand as error:
        raise Refused(str(error)) from error
    await uow.contracts.set_state(contract["id"], step.state)
    await uow.timeline.note(
        f"contract/{number}/{event}/{step.state}",
        kind="contract",
        text={ContractEvent.SUBMIT: "合同提交审批", ContractEvent.APPROVE: "合同审批通过"}[event],
        origin="crm",
        company_id=contract["company_id"],
        contract_id=contract["id"],
    )
    return contract


async def _text(uow: UnitOfWork, contract: Row, context: Context) -> ContractText:
    company = await uow.customers.company(contract["company_id"])
    currency = contract["currency"]
    lines = await uow.contracts.lines(contract["id"])
    plan = await uow.contracts.plan(contract["id"])
    return ContractText(
        number=contract["number"],
        title=contract["title"],
        seller=context.policy.own_company,
        buyer=company["name"],
        total=Money.from_minor(contract["total_minor"], currency),
        lines=[
            (row["title"], str(row["quantity"].normalize()), Money.from_minor(row["amount_minor"], currency))
            for row in lines
        ],
        plan=[(row["title"], Money.from_minor(row["amount_minor"], currency)) for row in plan],
    )
