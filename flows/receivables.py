"""A payment plan's instalment comes due → a receivable in the ERP that owns the customer."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

from crm_store import Row, UnitOfWork
from crm_store.deliveries import Delivery
from domain.faults import Mismatch
from domain.money import Money
from domain.ports import CustomerArchive, ErpLedger
from domain.records import Company, DocumentState, ErpDocument, Receivable, ReceivableLine, Trigger
from flows.context import Context, Outcome
from flows.verification import ask_to_verify

CUSTOMER = "erp.customer"
RECEIVABLE = "erp.receivable"

CHINA = ZoneInfo("Asia/Shanghai")


async def open_receivables(uow: UnitOfWork, contract: Row, trigger: Trigger, context: Context) -> None:
    """For each instalment that `trigger` makes due; those that have a receivable keep it."""
    today = context.clock.now().astimezone(CHINA).date()
    for instalment in await uow.contracts.plan(contract["id"]):
        if instalment["trigger"] != trigger or (instalment["on_date"] or today) > today:
            continue
        await _open(uow, contract, instalment, today)


async def open_dated_receivables(uow: UnitOfWork, context: Context) -> int:
    """Instalments whose date has come. Returns the number of contracts looked at."""
    today = context.clock.now().astimezone(CHINA).date()
    due = await uow.contracts.with_dated_instalments_due(today)
    for contract_id in due:
        contract = await uow.contracts.get(contract_id, lock=True)
        await open_receivables(uow, contract, Trigger.DATE, context)
    return len(due)


async def _open(uow: UnitOfWork, contract: Row, instalment: Row, today: date) -> None:
    number = f"{contract['number']}-{instalment['number']}"
    erp = contract["erp"]
    receivable = await uow.receivables.open_once(
        number,
        contract_id=contract["id"],
        instalment=instalment["number"],
        connection=erp,
        amount_minor=instalment["amount_minor"],
        currency=contract["currency"],
        document_date=today,
        due_date=(instalment["on_date"] or today) + timedelta(days=instalment["due_days"]),
    )
    if receivable is None:
        return
    company = await uow.customers.company(contract["company_id"])
    customer = await uow.deliveries.add(
        f"{erp}/customer/{company['code']}",
        connection=erp,
        operation=CUSTOMER,
        subject=company["id"],
        ordering_key=f"{erp}/customer/{company['code']}",
    )
    await uow.deliveries.add(
        receivable_key(erp, number),
        connection=erp,
        operation=RECEIVABLE,
        subject=receivable,
        ordering_key=receivable_key(erp, number),
        needs=[customer],
    )


def receivable_key(erp: str, number: str) -> str:
    return f"{erp}/receivable/{number}"


async def post_customer(context: Context, delivery: Delivery) -> Outcome:
    async with context.store.transaction() as uow:
        row = await uow.customers.company(delivery.subject)
    company = Company(
        code=row["code"],
        name=row["name"],
        credit_code=row["credit_code"],
        phone=row["phone"],
        email=row["email"],
        region=row["region"],
        city=row["city"],
        address=row["address"],
    )
    archive = context.ports.get(delivery.connection, CustomerArchive)
    document = await archive.find_customer(company.code) if delivery.sent_before else None
    if document is None:
        document = await archive.create_customer(company)
    if document.state != DocumentState.DONE:
        document = await archive.advance_customer(document)
    vendor_id = document.vendor_id

    async def apply(uow: UnitOfWork) -> None:
        await uow.timeline.note(
            f"{delivery.connection}/customer/{company.code}",
            kind="erp",
            text=f"客户档案 {company.code} 已在 {delivery.connection}",
            origin=delivery.connection,
            company_id=delivery.subject,
            delivery_id=delivery.id,
        )

    return Outcome(vendor_id, apply)


async def post_receivable(context: Context, delivery: Delivery) -> Outcome:
    async with context.store.transaction() as uow:
        row = await uow.receivables.get(delivery.subject)
        contract = await uow.contracts.get(row["contract_id"])
        record = await _record(uow, row)
    ledger = context.ports.get(delivery.connection, ErpLedger)
    found = await ledger.find_receivable(record.number) if delivery.sent_before else None
    document = found or await ledger.create_receivable(record)
    same_document(record.amount, record.customer_code, document)
    if document.state != DocumentState.DONE:
        document = await ledger.advance_receivable(document)

    async def apply(uow: UnitOfWork) -> None:
        vendor_id = document.vendor_id
        await uow.receivables.posted(delivery.subject, vendor_id)
        await uow.timeline.note(
            f"{delivery.key}/posted",
            kind="erp",
            text=f"应收 {record.number}（{record.amount}）已在 {delivery.connection} 生成：{vendor_id}",
            origin=delivery.connection,
            company_id=contract["company_id"],
            contract_id=row["contract_id"],
            delivery_id=delivery.id,
        )
        await ask_to_verify(uow, delivery, record, document)

    return Outcome(document.vendor_id, apply)


def same_document(amount: Money, customer_code: str, document: ErpDocument) -> None:
    """What came back is compared with what went out. Raises Mismatch."""
    if document.amount is not None and document.amount != amount:
        raise Mismatch(
            f"单据 {document.number} 金额不符：应为 {amount}，ERP 为 {document.amount} (amount differs)"
        )
    if document.customer_code is not None and document.customer_code != customer_code:
        raise Mismatch(
            f"单据 {document.number} 客户不符：应为 {customer_code}，ERP 为 {document.customer_code}"
            " (customer differs)"
        )


async def _record(uow: UnitOfWork, row: Row) -> Receivable:
    contract = await uow.contracts.get(row["contract_id"])
    company = await uow.customers.company(contract["company_id"])
    lines = await uow.contracts.lines(contract["id"])
    return Receivable(
        number=row["number"],
        contract_number=contract["number"],
        contract_title=contract["title"],
        instalment=row["instalment"],
        customer_code=company["code"],
        customer_name=company["name"],
        amount=Money.from_minor(row["amount_minor"], row["currency"]),
        document_date=row["document_date"],
        due_date=row["due_date"],
        lines=share_lines(lines, row["amount_minor"], row["currency"]),
    )


def share_lines(lines: Sequence[Row], amount_minor: int, currency: str) -> list[ReceivableLine]:
    """Each contract line's part of an instalment, to the fen: the running total is cut, no rounding is lost.

    An instalment over the whole contract keeps quantities and prices; a part of it bills one unit per line.
    """
    total = sum(line["amount_minor"] for line in lines)
    reached = [0]
    for line in lines:
        reached.append(reached[-1] + line["amount_minor"])
    cuts = [round_half_up(amount_minor * point, total) for point in reached]
    return [
        _share(line, end - start, currency, whole=amount_minor == total)
        for line, (start, end) in zip(lines, pairwise(cuts), strict=True)
        if end > start
    ]


def _share(line: Row, minor: int, currency: str, *, whole: bool) -> ReceivableLine:
    amount = Money.from_minor(minor, currency)
    keeps = whole and line["quantity"] * line["unit_price"] == amount.amount
    return ReceivableLine(
        sku=line["sku"],
        title=line["title"],
        quantity=line["quantity"] if keeps else Decimal(1),
        unit_price=line["unit_price"] if keeps else amount.amount,
        tax_rate=line["tax_rate"],
        amount=amount,
    )


def round_half_up(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)
