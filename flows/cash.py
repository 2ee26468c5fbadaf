"""Money arrives: statement → bank lines → receipts → matched → posted and written off in the ERP."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

from connector_kit import exchange_subject
from crm_store import Row, UnitOfWork
from crm_store.deliveries import Delivery
from crm_store.inbox import Message
from domain.matching import MatchResult, OpenItem, match
from domain.money import Money
from domain.ports import ErpLedger, StatementFeed
from domain.records import Allocation, BankLine, DocumentState, ErpDocument, Receipt
from domain.states import ContractEvent, ContractState, move_contract
from flows.context import Context, Outcome
from flows.read_back import look_at_each
from flows.receivables import RECEIVABLE, receivable_key, same_document
from flows.verification import ask_to_verify

RECEIPT = "erp.receipt"
MATCHING = "matching"
UNEXPLAINED = "unexplained_receipt"
WRITE_OFF = "write_off"
PAID_LATELY = timedelta(days=90)
REPEATED_WITHIN = timedelta(days=3)


class WrongAllocation(ValueError):
    """Finance asked for an allocation that does not add up; the text says why."""


async def take_statement(uow: UnitOfWork, message: Message, context: Context) -> str:
    """Returns the reader's version. Raises Unmappable: the file is parked whole, with what is wrong."""
    feed = context.ports.get(message.connection, StatementFeed)
    translated = feed.read_statement(message.body)
    await uow.lock(MATCHING)
    for statement in translated.record:
        for line in statement.lines:
            line_id = await uow.bank.add_line(line, message.id)
            if line_id is not None:
                await _take_line(uow, line_id, line, context)
    return translated.mapping


async def _take_line(uow: UnitOfWork, line_id: int, line: BankLine, context: Context) -> None:
    result = await _match(uow, line, context)
    if line.direction == "out" or result.not_a_receipt:
        await uow.bank.settle_line(line_id, "not_a_receipt")
        return
    receipt_id = await uow.bank.add_receipt(
        receipt_number(line),
        line_id=line_id,
        amount_minor=line.amount.minor,
        currency=line.amount.currency,
        match=_explained(result),
    )
    await uow.bank.settle_line(line_id, "receipt")
    if result.band == "auto" and context.policy.match_automatically:
        await _allocate(uow, receipt_id, result.allocations_minor, decided_by="rule")
    else:
        await _ask_finance(uow, receipt_id, line, result)


def receipt_number(line: BankLine) -> str:
    """Made from the line itself, so that it is the same however often the line is read."""
    digest = hashlib.sha256(f"{line.account}|{line.key}".encode()).hexdigest()
    return f"SK{line.booked_on:%y%m%d}{digest[:10].upper()}"


def receipt_key(erp: str, number: str) -> str:
    return f"{erp}/receipt/{number}"


async def _match(uow: UnitOfWork, line: BankLine, context: Context) -> MatchResult:
    """Lately paid receivables and bookings are shown too: they tell a payment made twice."""
    paid_since = context.clock.now() - PAID_LATELY
    items = [
        OpenItem(
            receivable_id=row["id"],
            contract_number=row["contract_number"],
            instalment=row["instalment"],
            customer_id=row["company_id"],
            customer_name=row["company_name"],
            amount_due=Money.from_minor(row["amount_minor"], row["currency"]),
            open=Money.from_minor(row["amount_minor"] - row["paid_minor"], row["currency"]),
            due_date=row["due_date"],
        )
        for row in await uow.receivables.matchable(paid_since=paid_since)
    ]
    payer = line.payer_account
    own = {payer} if payer and await uow.bank.is_own_account(payer) else frozenset[str]()
    return match(
        line,
        items,
        await uow.customers.payer_accounts(),
        own_accounts=own,
        recent=[_line_of(row) for row in await uow.bank.like_lines(line, REPEATED_WITHIN)],
    )


def _explained(result: MatchResult) -> dict[str, object]:
    return {
        "band": result.band,
        "score": result.score,
        "reasons": list(result.reasons),
        "flags": sorted(result.flags),
        "proposed": {str(item): minor for item, minor in result.allocations_minor.items()},
    }


async def _ask_finance(uow: UnitOfWork, receipt_id: int, line: BankLine, result: MatchResult) -> None:
    number = receipt_number(line)
    await uow.open_items.open_task(
        f"{UNEXPLAINED}/{number}",
        kind=UNEXPLAINED,
        owner="finance",
        title=f"收款 {line.amount} 未能自动匹配：{line.payer_name or '付款人未知'} {line.text}",
        detail={"receipt": number, "receipt_id": receipt_id, **_explained(result)},
    )


async def _allocate(uow: UnitOfWork, receipt_id: int, parts: dict[int, int], *, decided_by: str) -> None:
    """The receipt is spoken for; its posting in the ERP is due once its receivables are there."""
    for receivable_id, minor in parts.items():
        await uow.bank.allocate(receipt_id, receivable_id, minor, decided_by=decided_by)
    receipt = await uow.bank.receipt(receipt_id)
    allocated = await uow.bank.allocations_of(receipt_id)
    company_id, erp = allocated[0]["company_id"], allocated[0]["connection"]
    await uow.bank.note_receipt(receipt_id, state="matched", company_id=company_id, connection=erp)
    needs = [await _receivable_delivery(uow, row) for row in allocated]
    await uow.deliveries.add(
        receipt_key(erp, receipt["number"]),
        connection=erp,
        operation=RECEIPT,
        subject=receipt_id,
        ordering_key=receipt_key(erp, receipt["number"]),
        needs=needs,
    )
    await _note_payment(uow, receipt, allocated, decided_by)


async def _receivable_delivery(uow: UnitOfWork, row: Row) -> int:
    delivery = await uow.deliveries.by_key(receivable_key(row["connection"], row["receivable_number"]))
    assert delivery is not None
    assert delivery["operation"] == RECEIVABLE
    return int(delivery["id"])


async def _note_payment(uow: UnitOfWork, receipt: Row, allocated: Sequence[Row], decided_by: str) -> None:
    line = await uow.bank.line(receipt["bank_line_id"])
    account = line["facts"].get("payer_account")
    if account:
        await uow.customers.learn_payer(account, allocated[0]["company_id"])
    for row in allocated:
        part = Money.from_minor(row["amount_minor"], receipt["currency"])
        await uow.timeline.note(
            f"receipt/{receipt['number']}/{row['receivable_number']}",
            kind="payment",
            text=f"收款 {receipt['number']}：{part} 对应 {row['receivable_number']}",
            origin="bank" if decided_by == "rule" else decided_by,
            company_id=row["company_id"],
            contract_id=row["contract_id"],
            inbox_id=line["inbox_id"],
        )
        await fulfil(uow, row["contract_id"])


async def fulfil(uow: UnitOfWork, contract_id: int) -> None:
    """A signed contract whose whole plan has come due and is paid is fulfilled."""
    contract = await uow.contracts.get(contract_id, lock=True)
    due = await uow.receivables.of_contract(contract_id)
    plan = await uow.contracts.plan(contract_id)
    if len(due) < len(plan) or any(row["paid_minor"] < row["amount_minor"] for row in due):
        return
    step = move_contract(ContractState(contract["state"]), ContractEvent.ALL_PAID)
    if step.changed:
        await uow.contracts.set_state(contract_id, step.state)


async def allocate_by_hand(uow: UnitOfWork, number: str, parts: Mapping[str, Money], *, by: str) -> None:
    """Finance decides, by receivable number. What an over-payment leaves, when all that it names is paid in
    full, is an advance. Raises WrongAllocation with what is wrong.
    """
    await uow.lock(MATCHING)
    receipt = await uow.bank.receipt_by_number(number, lock=True)
    if receipt is None or receipt["state"] != "unmatched":
        raise WrongAllocation(f"收款 {number} 不存在或已匹配 (no such unmatched receipt)")
    found = {name: await uow.receivables.by_number(name) for name in parts}
    missing = [name for name, row in found.items() if row is None]
    if missing or not parts:
        raise WrongAllocation(f"没有这些应收：{', '.join(missing)} (no such receivables)")
    rows = [row for row in found.values() if row is not None]
    _check_parts(receipt, rows, parts)
    contracts = [await uow.contracts.get(row["contract_id"]) for row in rows]
    if len({contract["company_id"] for contract in contracts}) != 1:
        raise WrongAllocation("一笔收款只能分配给同一客户 (one customer per receipt)")
    minor = {row["id"]: parts[row["number"]].minor for row in rows}
    await _allocate(uow, receipt["id"], minor, decided_by=by)
    await uow.open_items.close_task(f"{UNEXPLAINED}/{number}", by)


def _check_parts(receipt: Row, rows: Sequence[Row], parts: Mapping[str, Money]) -> None:
    if {row["currency"] for row in [receipt, *rows]} != {part.currency for part in parts.values()}:
        raise WrongAllocation("收款、应收与分配必须是同一币种 (one currency)")
    if any(part.minor <= 0 for part in parts.values()):
        raise WrongAllocation("每一笔分配都必须大于零 (each part must be positive)")
    left = [row["amount_minor"] - row["paid_minor"] - parts[row["number"]].minor for row in rows]
    if min(left) < 0:
        raise WrongAllocation("分配金额超过应收余额 (more than is open)")
    rest = receipt["amount_minor"] - sum(part.minor for part in parts.values())
    if rest < 0 or (rest and any(left)):
        raise WrongAllocation(
            "分配合计必须等于收款金额；所列应收全部付清时，多出部分作预收"
            " (the parts must add up to the receipt; a rest may only stay when all of them are paid in full)"
        )


async def match_again(uow: UnitOfWork, context: Context) -> int:
    """Receivables may appear after the money: unmatched receipts are looked at again. Returns the matches."""
    if not context.policy.match_automatically:
        return 0
    await uow.lock(MATCHING)
    found = 0
    for receipt in await uow.bank.in_state("unmatched"):
        line = _line_of(await uow.bank.line(receipt["bank_line_id"]))
        result = await _match(uow, line, context)
        if result.band == "auto":
            await uow.bank.note_receipt(receipt["id"], match=_explained(result))
            await _allocate(uow, receipt["id"], result.allocations_minor, decided_by="rule")
            await uow.open_items.close_task(f"{UNEXPLAINED}/{receipt['number']}", "rule")
            found += 1
    return found


def _line_of(row: Row) -> BankLine:
    facts = row["facts"]
    charges = facts.get("charges")
    return BankLine(
        key=row["line_key"],
        account=row["account"],
        amount=Money.from_minor(row["amount_minor"], row["currency"]),
        direction=row["direction"],
        booked_on=row["booked_on"],
        value_on=date.fromisoformat(facts["value_on"]) if facts.get("value_on") else None,
        payer_name=facts["payer_name"],
        payer_account=facts["payer_account"],
        bank_reference=facts["bank_reference"],
        text=facts["text"],
        end_to_end=facts["end_to_end"],
        is_reversal=facts["is_reversal"],
        charges=Money(Decimal(charges["amount"]), charges["currency"]) if charges else None,
    )


async def post_receipt(context: Context, delivery: Delivery) -> Outcome:
    async with context.store.transaction() as uow:
        record = await _record(uow, delivery.subject)
    ledger = context.ports.get(delivery.connection, ErpLedger)
    found = await ledger.find_receipt(record.number) if delivery.sent_before else None
    document = found or await ledger.create_receipt(record)
    same_document(record.amount, record.customer_code, document)
    if document.state != DocumentState.DONE:
        document = await ledger.advance_receipt(document)

    async def apply(uow: UnitOfWork) -> None:
        await _take_back_write_off(uow, delivery.subject)
        await uow.bank.note_receipt(delivery.subject, state="posted", vendor_id=document.vendor_id)
        await _note_posted(uow, delivery, record, document.vendor_id)
        await ask_to_verify(uow, delivery, record, document)
        if _is_written_off(document, record):
            await _wrote_off(uow, delivery.subject, "系统" if ledger.writes_off == "on_audit" else "财务")
        elif ledger.writes_off == "by_person":
            await _ask_to_write_off(uow, delivery.connection, record, document)

    return Outcome(document.vendor_id, apply)


async def _record(uow: UnitOfWork, receipt_id: int) -> Receipt:
    receipt = await uow.bank.receipt(receipt_id)
    line = _line_of(await uow.bank.line(receipt["bank_line_id"]))
    company = await uow.customers.company(receipt["company_id"])
    currency = receipt["currency"]
    return Receipt(
        number=receipt["number"],
        customer_code=company["code"],
        customer_name=company["name"],
        amount=Money.from_minor(receipt["amount_minor"], currency),
        received_on=line.booked_on,
        payer_name=line.payer_name or "",
        payer_account=line.payer_account,
        bank_reference=line.bank_reference or line.key,
        text=line.text,
        allocations=[
            Allocation(
                receivable_number=row["receivable_number"],
                contract_number=row["contract_number"],
                receivable_amount=Money.from_minor(row["receivable_minor"], currency),
                amount=Money.from_minor(row["amount_minor"], currency),
            )
            for row in await uow.bank.allocations_of(receipt_id)
        ],
    )


async def _note_posted(uow: UnitOfWork, delivery: Delivery, record: Receipt, vendor_id: str) -> None:
    for row in await uow.bank.allocations_of(delivery.subject):
        await uow.timeline.note(
            f"{delivery.key}/posted/{row['contract_number']}",
            kind="erp",
            text=f"收款单 {record.number}（{record.amount}）已在 {delivery.connection} 生成：{vendor_id}",
            origin=delivery.connection,
            company_id=row["company_id"],
            contract_id=row["contract_id"],
            delivery_id=delivery.id,
        )


async def _ask_to_write_off(uow: UnitOfWork, connection: str, record: Receipt, document: ErpDocument) -> None:
    """At once, whatever is still to be verified: not every connection can read that it has been."""
    order = "" if document.state is DocumentState.DONE else "审核后"
    await uow.open_items.open_task(
        f"{WRITE_OFF}/{record.number}",
        kind=WRITE_OFF,
        owner="finance",
        title=f"请在 {connection} {order}核销收款单 {record.number}（{record.amount}）",
        detail={
            "connection": connection,
            "receipt": record.number,
            "customer": record.customer_name,
            "parts": [
                {"receivable": part.receivable_number, "amount": str(part.amount.amount)}
                for part in record.allocations
            ],
        },
        reopen=True,
    )


async def _take_back_write_off(uow: UnitOfWork, receipt_id: int) -> None:
    """A receipt that is posted again was deleted in the ERP, and its write-off with it."""
    receipt = await uow.bank.receipt(receipt_id, lock=True)
    if receipt["state"] == "written_off":
        for row in await uow.bank.allocations_of(receipt_id):
            await uow.receivables.wrote_off(row["receivable_id"], -row["amount_minor"])


async def _wrote_off(uow: UnitOfWork, receipt_id: int, by: str) -> None:
    receipt = await uow.bank.receipt(receipt_id, lock=True)
    if receipt["state"] == "written_off":
        return
    await uow.bank.note_receipt(receipt_id, state="written_off")
    await uow.open_items.close_task(f"{WRITE_OFF}/{receipt['number']}", by)
    for row in await uow.bank.allocations_of(receipt_id):
        await uow.receivables.wrote_off(row["receivable_id"], row["amount_minor"])
        part = Money.from_minor(row["amount_minor"], receipt["currency"])
        await uow.timeline.note(
            f"receipt/{receipt['number']}/{row['receivable_number']}/written_off",
            kind="erp",
            text=f"{row['receivable_number']} 已核销 {part}（{by}）",
            origin=row["connection"],
            company_id=row["company_id"],
            contract_id=row["contract_id"],
        )


def _is_written_off(document: ErpDocument, record: Receipt) -> bool:
    """All that is allocated; an advance stays open in the ERP until somebody uses it."""
    allocated = sum(part.amount.minor for part in record.allocations)
    return document.open is not None and document.open.minor <= record.amount.minor - allocated


def read_back(number: str) -> str:
    """The subject under which the evidence of a write-off is kept."""
    return f"write_off/{number}"


async def check_write_offs(context: Context, connection: str) -> int:
    """Reads back the balance of posted receipts: it tells that somebody has written them off."""
    ledger = context.ports.get(connection, ErpLedger)
    async with context.store.transaction() as uow:
        posted = [
            (row["id"], await _record(uow, row["id"]))
            for row in await uow.bank.in_state("posted", connection)
        ]

    async def look(each: tuple[int, Receipt]) -> bool:
        receipt_id, record = each
        with exchange_subject(read_back(record.number)):
            document = await ledger.find_receipt(record.number)
        if document is None or not _is_written_off(document, record):
            return False
        async with context.store.transaction() as uow:
            await _wrote_off(uow, receipt_id, "财务")
        return True

    return await look_at_each(posted, look)
