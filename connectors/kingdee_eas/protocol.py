"""Pure: the messages of EASLogin, WSWSVoucher and WSOtherBillFacade."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from lxml import etree

from connector_kit import Operation, Reply, Request
from connectors.kingdee_eas.settings import KingdeeEasSettings
from connectors.kingdee_eas.soap import PARSER, Service, result_of, speaks, text_of
from domain.faults import Misconfigured, Rejected, UnknownOutcome
from domain.records import Receivable

LOGIN, VOUCHERS, BILLS = "EASLogin", "WSWSVoucher", "WSOtherBillFacade"
SAVED = "成功保存"
DEBIT, CREDIT = 1, -1
VOUCHER_COLUMNS = 8
"""number, type, year, period, message, exception, EAS number, id. [M]"""


@dataclass(frozen=True, slots=True, kw_only=True)
class VoucherLine:
    """Debit or credit, the other is zero. `customer` where the account asks for it (辅助核算)."""

    account: str
    summary: str
    debit: Decimal = Decimal()
    credit: Decimal = Decimal()
    customer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Voucher:
    number: str
    day: date
    currency: str
    lines: Sequence[VoucherLine]


@dataclass(frozen=True, slots=True)
class Imported:
    """`eas_number` is the ERP's own."""

    number: str
    eas_number: str
    id: str


def build_description(settings: KingdeeEasSettings, service: str) -> Request:
    operation = Operation(f"{service}.wsdl", "read")
    url = f"{address(settings, service)}?wsdl"
    return Request(operation, "GET", url, timeout=settings.timeout_seconds)


def build_login(settings: KingdeeEasSettings, service: Service) -> Request:
    """Six values: of three overloads zeep knows the last."""
    password = settings.password.get_secret_value()
    values = [settings.user_name, password, settings.solution, settings.data_center, settings.language]
    return _request(settings, service, LOGIN, "login", [*values, settings.database], kind="read")


def read_login(reply: Reply) -> str:
    """The session. A refused login is a normal answer without one."""
    session = text_of(result_of(reply, write=False).find("sessionId"))
    if not session:
        raise Misconfigured("金蝶 EAS 拒绝登录：请检查用户、密码、解决方案与数据中心")
    return session


def build_logout(settings: KingdeeEasSettings, service: Service, session: str) -> Request:
    values = [settings.user_name, settings.solution, settings.data_center, settings.language]
    return _request(settings, service, LOGIN, "logout", values, kind="read", session=session)


def build_voucher(settings: KingdeeEasSettings, service: Service, session: str, voucher: Voucher) -> Request:
    lines = [_line(settings, voucher, at, line) for at, line in enumerate(voucher.lines, start=1)]
    rows = service.array("ArrayOf_tns1_WSWSVoucher", lines)
    values = [rows, settings.voucher_state, 0]
    operation = "importVoucherOfReturnID"
    return _request(settings, service, VOUCHERS, operation, values, kind="blind_write", session=session)


def read_voucher(reply: Reply, voucher: Voucher) -> Imported:
    """By position: an empty text keeps its place here."""
    rows = [[text_of(cell) for cell in row] for row in result_of(reply, write=True)]
    if len(rows) != 1 or len(rows[0]) != VOUCHER_COLUMNS or rows[0][0] != voucher.number:
        raise UnknownOutcome(f"金蝶 EAS 对凭证 {voucher.number} 的回答不是约定的一行")
    number, *_, message, exception, eas_number, key = rows[0]
    if message != SAVED:
        raise Rejected(f"金蝶 EAS 拒绝凭证 {number}：{exception or message}")
    return Imported(number, eas_number, key)


def build_receivable(
    settings: KingdeeEasSettings, service: Service, session: str, receivable: Receivable
) -> Request:
    text = etree.tostring(_other_bill(settings, receivable), encoding="unicode")
    return _request(settings, service, BILLS, "submit", [text], kind="blind_write", session=session)


def read_receivable(reply: Reply) -> str:
    """What the facade answers differs by project: here an XML text with success, id and message. [U]"""
    text = text_of(result_of(reply, write=True))
    try:
        found = etree.fromstring(text.encode(), PARSER)
    except etree.XMLSyntaxError as error:
        raise UnknownOutcome(f"金蝶 EAS 的回答读不懂：{text[:200]}") from error
    if found.findtext("success") != "true":
        raise Rejected(f"金蝶 EAS 拒绝应收单：{found.findtext('message')}")
    return found.findtext("id", "")


def address(settings: KingdeeEasSettings, service: str) -> str:
    return f"{settings.base_url}/ormrpc/services/{service}"


def currency_of(settings: KingdeeEasSettings, code: str) -> str:
    if code not in settings.currencies:
        raise Misconfigured(f"币别 {code} 不在连接的币别表 currencies 里")
    return settings.currencies[code]


def _line(settings: KingdeeEasSettings, voucher: Voucher, at: int, line: VoucherLine) -> dict[str, object]:
    """Every number must be there, or zeep refuses; texts that are left out go as nil."""
    customer = {"asstActType1": "客户", "asstActNumber1": line.customer} if line.customer else {}
    return customer | {
        "companyNumber": settings.company,
        "bookedDate": voucher.day.isoformat(),
        "bizDate": voucher.day.isoformat(),
        "periodYear": voucher.day.year,
        "periodNumber": voucher.day.month,
        "voucherType": settings.voucher_type,
        "voucherNumber": voucher.number,
        "entrySeq": at,
        "voucherAbstract": line.summary,
        "currencyNumber": currency_of(settings, voucher.currency),
        "entryDC": DEBIT if line.debit else CREDIT,
        "accountNumber": line.account,
        "originalAmount": line.debit or line.credit,
        "localRate": 1,
        "debitAmount": line.debit,
        "creditAmount": line.credit,
        "asstSeq": 1 if line.customer else 0,
        "creator": settings.user_name,
        "attaches": 0,
        "isCheck": False,
        "itemFlag": 0,
        "qty": 0,
        "price": 0,
    }


def _other_bill(settings: KingdeeEasSettings, receivable: Receivable) -> etree._Element:
    bill = etree.Element("OtherBill")
    head = {
        "CU": settings.company,
        "number": receivable.number,
        "bizDate": receivable.document_date.isoformat(),
        "company": settings.company,
        "asstActType": "客户",
        "asstActNumber": receivable.customer_code,
        "currency": currency_of(settings, receivable.amount.currency),
        "amount": str(receivable.amount.amount),
        "billType": settings.bill_type,
    }
    _add(bill, "billHead", head)
    entries = etree.SubElement(bill, "billEntries")
    for at, line in enumerate(receivable.lines, start=1):
        entry = {
            "seq": str(at),
            "material": line.sku,
            "remark": line.title,
            "amount": str(line.amount.amount),
        }
        _add(entries, "entry", entry)
    plan = {
        "seq": "1",
        "receivePayDate": receivable.due_date.isoformat(),
        "receivePayAmount": str(receivable.amount.amount),
    }
    _add(etree.SubElement(bill, "receivePlans"), "ReceivePlan", plan)
    return bill


def _add(parent: etree._Element, name: str, texts: dict[str, str]) -> None:
    element = etree.SubElement(parent, name)
    for key, text in texts.items():
        etree.SubElement(element, key).text = text


def _request(
    settings: KingdeeEasSettings,
    service: Service,
    name: str,
    operation: str,
    values: Sequence[object],
    *,
    kind: Literal["read", "blind_write"],
    session: str = "",
) -> Request:
    url = address(settings, name)
    return Request(
        Operation(f"{name}.{operation}", kind),
        "POST",
        url,
        # Axis refuses a call whose SOAPAction is missing, not one whose SOAPAction is empty.
        headers={"content-type": "text/xml; charset=utf-8", "SOAPAction": '""'},
        content=service.envelope(operation, values, url=url, session=session),
        timeout=settings.timeout_seconds,
        speaks=speaks,
    )
