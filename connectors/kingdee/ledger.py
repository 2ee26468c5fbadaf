"""Pure: what is asked of the books, and neutral records from and to what they say."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from connector_kit import ConnectionSettings
from connectors.kingdee.protocol import STATES, Query, quoted, state_of
from connectors.kingdee.settings import KingdeeSettings
from connectors.kingdee.wire import BillRow, CustomerRow, ReceivableRow
from domain.faults import Malformed, Misconfigured, Mismatch, Rejected, Transient
from domain.money import Money, NotMoney
from domain.ports import ArchiveKind
from domain.records import Allocation, DocumentState, ErpDocument, Receipt, Receivable, plain

CUSTOMER, RECEIVABLE, RECEIPT = "BD_Customer", "AR_receivable", "AR_RECEIVEBILL"
ARCHIVES: Mapping[str, tuple[str, str]] = {
    "customer": (CUSTOMER, "FCUSTID"),
    "material": ("BD_MATERIAL", "FMATERIALID"),
}
"""Base data by kind: the form, and its id (there is no FID on base data)."""
NOTHING_WRITTEN_OFF, ALL_WRITTEN_OFF = "A", "C"
CANCELLED = "B"
ACCESS = {"base_url", "acct_id", "user_name", "login", "password", "app_id", "app_secret", "org_num"} | set(
    ConnectionSettings.model_fields
)
ENOUGH = 2
"""Rows that a lookup of one document asks for: the second would be a surprise."""


def customer_query(code: str, settings: KingdeeSettings) -> Query:
    columns = {"id": "FCUSTID", "number": "FNumber", "status": "FDocumentStatus", "name": "FName"}
    where = f"FNumber={quoted(code)} and FUseOrgId.FNumber={quoted(settings.organization)}"
    return Query(CUSTOMER, columns, where, "FCUSTID ASC", ENOUGH)


def archive_query(kind: ArchiveKind, after: str, settings: KingdeeSettings) -> Query:
    """What may stand in a document: audited, not forbidden, and used in our organisation."""
    if kind not in ARCHIVES:
        raise Misconfigured(
            f"金蝶连接不能列出“{kind}”档案，可用：{'、'.join(ARCHIVES)} (not an archive of it)"
        )
    form, key = ARCHIVES[kind]
    columns = {"id": key, "number": "FNumber", "status": "FDocumentStatus", "name": "FName"}
    where = (
        f"FDocumentStatus='C' and FForbidStatus='A' and FUseOrgId.FNumber={quoted(settings.organization)}"
        f" and {key}>{after}"
    )
    return Query(form, columns, where, f"{key} ASC", settings.rows_per_page)


def receivable_query(where: str, settings: KingdeeSettings) -> Query:
    """One row for each row of the plan; the head repeats."""
    columns = _bill("FCUSTOMERID", "FALLAMOUNTFOR") | {
        "plan_row": "FEntityPlan_FEntryID",
        "planned": "FPAYAMOUNTFOR",
        "written_off": settings.written_off_field,
    }
    return Query(RECEIVABLE, columns, where, "FID ASC,FEntityPlan_FEntryID ASC", settings.rows_per_page)


def receipt_query(where: str, settings: KingdeeSettings) -> Query:
    """Heads only: a receipt without source rows must not fall out of a join."""
    columns = _bill("FCONTACTUNIT", "FRECAMOUNTFOR") | {"cancelled": "FCancelStatus"}
    return Query(RECEIPT, columns, where, "FID ASC", settings.rows_per_page)


def source_query(receipt_id: str, settings: KingdeeSettings) -> Query:
    columns = {"amount": "FREALRECAMOUNT"}
    where = f"FID={receipt_id}"
    return Query(RECEIPT, columns, where, "FRECEIVEBILLSRCENTRY_FEntryID ASC", settings.rows_per_page)


def by_number(*numbers: str) -> str:
    if len(numbers) == 1:
        return f"FBillNo={quoted(*numbers)}"
    return f"FBillNo in ({','.join(quoted(number) for number in numbers)})"


def since(day: date, organization_field: str, settings: KingdeeSettings) -> str:
    return f"FDATE>={quoted(day)} and {organization_field}.FNumber={quoted(settings.organization)}"


def customer_document(row: CustomerRow) -> ErpDocument:
    return ErpDocument(
        number=row.number, vendor_id=row.id, state=state_of(row.status), customer_code=row.number
    )


def receivable_document(rows: Sequence[ReceivableRow], settings: KingdeeSettings) -> ErpDocument:
    """Raises Transient when rows of its plan are missing: what is open would be told too high."""
    if abs(sum((row.planned for row in rows), Decimal())) < abs(rows[0].amount):
        raise Transient(f"应收单 {rows[0].number} 的收款计划没有读全 (rows of its plan are missing)")
    written_off = sum((row.written_off for row in rows), Decimal())
    return bill_document(rows[0], written_off, settings)


def bill_document(row: BillRow, written_off: Decimal, settings: KingdeeSettings) -> ErpDocument:
    return ErpDocument(
        number=row.number,
        vendor_id=row.id,
        state=state_of(row.status),
        customer_code=row.customer,
        amount=money_of(row.amount, row.currency, settings),
        open=money_of(row.amount - written_off, row.currency, settings),
    )


def needs_sources(row: BillRow) -> bool:
    """Only a partly written-off receipt does not tell by its status how much."""
    return row.write_off not in (NOTHING_WRITTEN_OFF, ALL_WRITTEN_OFF, "")


def is_numbered(row: BillRow) -> bool:
    """A draft has no number, and is nobody's document yet."""
    return bool(row.number)


def same(document: ErpDocument, *, amount: Money, customer: str) -> ErpDocument:
    """What came back must be what went out, before it counts."""
    if document.amount != amount or document.customer_code != customer:
        raise Mismatch(
            f"金蝶单据 {document.number} 是 {document.customer_code} 的 {document.amount}，"
            f"贯通的是 {customer} 的 {amount}"
        )
    return document


def receivable_record(receivable: Receivable, settings: KingdeeSettings) -> dict[str, object]:
    plan = [{"due_date": receivable.due_date, "amount": receivable.amount.amount, "rate": 100}]
    return _record(receivable, settings) | {"plan": plan}


def receipt_record(
    receipt: Receipt, plans: Mapping[str, Sequence[ReceivableRow]], settings: KingdeeSettings
) -> dict[str, object]:
    """Adds the receipt's lines (paid, and paid in advance) and the plan rows that it pays."""
    sources = [source for each in receipt.allocations for source in _sources(each, plans, settings)]
    paid = sum((allocation.amount.amount for allocation in receipt.allocations), Decimal())
    lines = [
        {"amount": paid, "purpose": settings.receipt_purpose},
        {"amount": receipt.amount.amount - paid, "purpose": settings.advance_purpose},
    ]
    return _record(receipt, settings) | {
        "sources": sources,
        "lines": [each for each in lines if each["amount"]],
    }


def _sources(
    allocation: Allocation, plans: Mapping[str, Sequence[ReceivableRow]], settings: KingdeeSettings
) -> list[dict[str, object]]:
    """Pays the plan rows in their order, each as far as it is open."""
    number, left = allocation.receivable_number, allocation.amount.amount
    sources: list[dict[str, object]] = []
    for row in _payable(number, plans.get(number, ()), allocation.amount.currency, settings):
        part = min(left, row.planned - row.written_off)
        if part > 0:
            sources.append(_source(row, part, settings))
            left -= part
    if left:
        raise Rejected(f"应收单 {number} 在金蝶的未核销金额不足，还差 {left}")
    return sources


def _payable(
    number: str, rows: Sequence[ReceivableRow], currency: str, settings: KingdeeSettings
) -> Sequence[ReceivableRow]:
    if not rows:
        raise Rejected(f"金蝶里没有应收单 {number}")
    if STATES.get(rows[0].status) is not DocumentState.DONE:
        raise Rejected(f"应收单 {number} 在金蝶尚未审核，不能收款")
    if _currency(rows[0].currency, settings) != currency:
        raise Mismatch(f"应收单 {number} 在金蝶的币别是 {rows[0].currency}，收款是 {currency}")
    return rows


def _source(row: ReceivableRow, part: Decimal, settings: KingdeeSettings) -> dict[str, object]:
    """The link names the bill and its plan row; the quantity pair is what was and is taken up. [M]"""
    ids = {"bill_id": int(row.id), "plan_row_id": int(row.plan_row), "amount": part}
    return ids | {
        "bill_number": row.number,
        "bill_amount": row.amount,
        "planned": row.planned,
        "links": [ids | {"rule": settings.link_rule}],
    }


def _record(record: Receivable | Receipt, settings: KingdeeSettings) -> dict[str, object]:
    return plain(record) | {"book": choices(settings)}


def choices(settings: KingdeeSettings) -> dict[str, object]:
    """What a mapping may read of the connection: no credentials."""
    return settings.model_dump(exclude=ACCESS)


def _bill(customer: str, total: str) -> dict[str, str]:
    return {
        "id": "FID",
        "number": "FBillNo",
        "status": "FDOCUMENTSTATUS",
        "customer": f"{customer}.FNumber",
        "currency": "FCURRENCYID.FNumber",
        "amount": total,
        "write_off": "FWRITTENOFFSTATUS",
    }


def _currency(number: str, settings: KingdeeSettings) -> str:
    for code, theirs in settings.currencies.items():
        if theirs == number:
            return code
    raise Misconfigured(f"金蝶的币别 {number} 不在连接的币别表 currencies 里")


def money_of(amount: Decimal, number: str, settings: KingdeeSettings) -> Money:
    """An amount with the currency that the books know by `number`."""
    currency = _currency(number, settings)
    try:
        return Money(amount, currency)
    except NotMoney as error:
        raise Malformed(f"金蝶的金额读不懂：{error}") from error
