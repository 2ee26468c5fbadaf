"""camt.053 to statements, versions 02 to 08 and beyond, by local names. Pure."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256
from itertools import chain
from typing import Literal
from zoneinfo import ZoneInfo

from connectors.bank_statement.document import BadDocument, Element, parse
from connectors.bank_statement.settings import Settings
from domain.faults import Unmappable
from domain.money import Money, NotMoney
from domain.records import BankLine, Statement

MAPPING = "bank_statement.camt053@1"
CHINA = ZoneInfo("Asia/Shanghai")

_AMOUNT = re.compile(r"\d{1,18}(\.\d{1,5})?", re.ASCII)
_DIRECTIONS: dict[str, Literal["in", "out"]] = {"CRDT": "in", "DBIT": "out"}
_NOT_MONEY = frozenset({"PDNG", "INFO", "FUTR"})
"""Announced, for information, in the future: only BOOK is money."""
_NO_REFERENCE = frozenset({"", "NOTPROVIDED", "NONREF"})


class _Problem(ValueError):
    """One thing that is wrong with a statement, in both languages."""


def read_statements(body: bytes, settings: Settings) -> tuple[Statement, ...]:
    """Raises Unmappable with everything that is wrong: half a statement is worth nothing."""
    try:
        message = _message(parse(body, limit=settings.file_limit_bytes))
    except BadDocument as error:
        raise Unmappable([str(error)]) from error
    statements: list[Statement] = []
    problems: list[str] = []
    for number, element in enumerate(message.findall("Stmt"), start=1):
        try:
            statements.append(_statement(element, settings))
        except _Problem as error:
            problems.append(f"第 {number} 个对账单 (statement {number}): {error}")
    if problems:
        raise Unmappable(problems)
    return _numbered(statements)


def _message(root: Element) -> Element:
    message = root.find("BkToCstmrStmt") if root.tag == "Document" else None
    if message is None:
        kind = root[0].tag if len(root) else root.tag
        raise BadDocument(f"不是 camt.053 对账单，而是 {kind} (not a camt.053 statement)")
    if message.find("Stmt") is None:
        raise BadDocument("文件里没有对账单 (no statement in the file)")
    return message


def _statement(stmt: Element, settings: Settings) -> Statement:
    account = _account_number(stmt.find("Acct")) or ""
    if account not in settings.accounts:
        raise _Problem(f"账号 {account or '(空)'} 不在本连接的账号里 (not one of the connection's accounts)")
    currency = stmt.findtext("Acct/Ccy") or settings.currency
    if currency != settings.currency:
        raise _Problem(f"币种 {currency}，应为 {settings.currency} (unexpected currency)")
    entries = [_entry(element, account, currency) for element in stmt.findall("Ntry")]
    statement = Statement(
        account=account,
        identifier=_text(stmt, "Id"),
        sequence=_text(stmt, "ElctrncSeqNb") or None,
        opening=_balance(stmt, currency, ("OPBD", "PRCD")),
        closing=_balance(stmt, currency, ("CLBD",)),
        lines=tuple(chain.from_iterable(entries)),
    )
    _check_sum(statement)
    return statement


def _balance(stmt: Element, currency: str, codes: Sequence[str]) -> Money | None:
    found = {_text(balance, "Tp/CdOrPrtry/Cd"): balance for balance in reversed(stmt.findall("Bal"))}
    for code in codes:
        if code in found:
            amount = _amount(found[code].find("Amt"), currency)
            return Money(_signed(amount.amount, _direction(found[code])), currency)
    return None


def _check_sum(statement: Statement) -> None:
    if statement.opening is None or statement.closing is None:
        return
    opening, closing = statement.opening.amount, statement.closing.amount
    money_in = _total(line for line in statement.lines if line.direction == "in")
    money_out = _total(line for line in statement.lines if line.direction == "out")
    if opening + money_in - money_out != closing:
        raise _Problem(
            f"余额不平：期初 {opening:,} + 收 {money_in:,} − 付 {money_out:,} ≠ 期末 {closing:,} "
            f"(opening + credits − debits is not the closing balance)"
        )


def _total(lines: Iterator[BankLine]) -> Decimal:
    return sum((line.amount.amount for line in lines), Decimal(0))


@dataclass(frozen=True, slots=True)
class _Booking:
    """What the entry says about each of its payments."""

    element: Element
    account: str
    currency: str
    direction: Literal["in", "out"]
    booked_on: date
    value_on: date | None
    reference: str | None
    reversal: bool


def _entry(entry: Element, account: str, currency: str) -> list[BankLine]:
    """No line for what is not booked; one line each for the payments of a batch that add up to it."""
    status = _text(entry, "Sts/Cd") or _text(entry, "Sts/Prtry") or _text(entry, "Sts")
    amount = _amount(entry.find("Amt"), currency)
    if status in _NOT_MONEY or (status == "BOOK" and not amount.amount):
        return []
    if status != "BOOK":
        raise _Problem(f"未知的记账状态 {status or '(空)'} (unknown entry status)")
    value_on = _date(entry, "ValDt")
    booked_on = _date(entry, "BookgDt") or value_on
    if booked_on is None:
        raise _Problem("记录没有记账日期 (an entry has no booking date)")
    booking = _Booking(
        element=entry,
        account=account,
        currency=currency,
        direction=_direction(entry),
        booked_on=booked_on,
        value_on=value_on,
        reference=_reference(entry, "AcctSvcrRef"),
        reversal=_text(entry, "RvslInd") in ("true", "1"),
    )
    return _lines(booking, amount, entry.findall("NtryDtls/TxDtls"))


def _lines(booking: _Booking, amount: Money, payments: Sequence[Element]) -> list[BankLine]:
    if len(payments) > 1 and (parts := _parts(booking, payments)) is not None:
        total = sum((_signed(part.amount, way) for part, way in parts), Decimal(0))
        if total == _signed(amount.amount, booking.direction):
            return [
                _line(replace(booking, direction=way), part, [payment])
                for payment, (part, way) in zip(payments, parts, strict=True)
                if part.amount
            ]
    return [_line(booking, amount, payments)]


def _parts(booking: _Booking, payments: Sequence[Element]) -> list[tuple[Money, Literal["in", "out"]]] | None:
    """None: some payment has no amount of its own in the account's currency."""
    parts: list[tuple[Money, Literal["in", "out"]]] = []
    for payment in payments:
        element = (
            payment.find("Amt") if payment.find("Amt") is not None else payment.find("AmtDtls/TxAmt/Amt")
        )
        if element is None or element.get("Ccy", booking.currency) != booking.currency:
            return None
        way = _direction(payment) if payment.find("CdtDbtInd") is not None else booking.direction
        parts.append((_amount(element, booking.currency), way))
    return parts


def _line(booking: _Booking, amount: Money, payments: Sequence[Element]) -> BankLine:
    """`payments` are one, none, or those of a batch that does not add up and so stays one line."""
    only = payments[0] if len(payments) == 1 else None
    name, account = _counterparty(only, booking) if only is not None else (None, None)
    own = _reference(only, "Refs/AcctSvcrRef") if only is not None else None
    line = BankLine(
        key="",
        account=booking.account,
        amount=amount,
        direction=booking.direction,
        booked_on=booking.booked_on,
        value_on=booking.value_on,
        payer_name=name,
        payer_account=account,
        bank_reference=own or booking.reference,
        text=_remittance(booking.element, payments),
        end_to_end=_reference(only, "Refs/EndToEndId") if only is not None else None,
        is_reversal=booking.reversal,
        charges=_charges([booking.element] if len(payments) < 2 else [], payments, booking.currency),
    )
    return replace(line, key=_key(line))


def _key(line: BankLine) -> str:
    """A serial may start again every day, and a fee may share its payment's: so it does not stand alone."""
    what = (line.booked_on.isoformat(), line.direction, str(line.amount.amount))
    if line.bank_reference:
        return "/".join((line.account, line.bank_reference, *what))
    rest = (line.value_on, line.payer_name, line.payer_account, line.text, line.end_to_end, line.is_reversal)
    return f"{line.account}/{sha256(repr((what, rest)).encode()).hexdigest()}"


def _numbered(statements: Sequence[Statement]) -> tuple[Statement, ...]:
    """Lines that are equal in all that the key looks at are counted, so that each stays a line."""
    counts: Counter[str] = Counter()

    def counted(line: BankLine) -> BankLine:
        counts[line.key] += 1
        return line if counts[line.key] == 1 else replace(line, key=f"{line.key}#{counts[line.key]}")

    return tuple(
        replace(statement, lines=tuple(counted(line) for line in statement.lines)) for statement in statements
    )


def _counterparty(payment: Element, booking: _Booking) -> tuple[str | None, str | None]:
    """The other side: the debtor of money that came in, also when its booking is reversed."""
    incoming = (booking.direction == "in") != booking.reversal
    for role in ("Dbtr", "Cdtr") if incoming else ("Cdtr", "Dbtr"):
        party = payment.find(f"RltdPties/{role}")
        name = _text(party, "Pty/Nm") or _text(party, "Nm")
        name = (
            name
            or _text(payment, f"RltdPties/Ultmt{role}/Pty/Nm")
            or _text(payment, f"RltdPties/Ultmt{role}/Nm")
        )
        account = _account_number(payment.find(f"RltdPties/{role}Acct"))
        if name or account:
            return name or None, account
    return None, None


def _party(payment: Element, role: str) -> str:
    return _text(payment, f"RltdPties/{role}/Pty/Nm") or _text(payment, f"RltdPties/{role}/Nm")


def _remittance(entry: Element, payments: Sequence[Element]) -> str:
    """The contract number may stand in any of these; a text is cut into pieces of 140 wherever it ends."""
    parts: list[str] = []
    for payment in payments:
        parts.append("".join(piece.text or "" for piece in payment.findall("RmtInf/Ustrd")))
        for path in (
            "RmtInf/Strd/RfrdDocInf/Nb",
            "RmtInf/Strd/CdtrRefInf/Ref",
            "RmtInf/Strd/AddtlRmtInf",
            "RtrInf/Rsn/Cd",
            "RtrInf/AddtlInf",
            "AddtlTxInf",
        ):
            parts.extend(piece.text or "" for piece in payment.findall(path))
    parts.append(_text(entry, "AddtlNtryInf"))
    return " ".join(dict.fromkeys(stripped for part in parts if (stripped := part.strip())))


def _charges(entries: Sequence[Element], payments: Sequence[Element], currency: str) -> Money | None:
    """What the banks kept of the amount. Version 02 is flat, later ones have a total and records."""
    for holder in (*entries, *payments):
        if total := sum((_charge(charges, currency) for charges in holder.findall("Chrgs")), Decimal(0)):
            return Money(total, currency)
    return None


def _charge(charges: Element, currency: str) -> Decimal:
    records = charges.findall("Rcrd") or ([charges] if charges.find("Amt") is not None else [])
    inside = [record for record in records if _text(record, "ChrgInclInd") not in ("false", "0")]
    amounts = [record.find("Amt") for record in inside] if records else [charges.find("TtlChrgsAndTaxAmt")]
    ours = [amount for amount in amounts if amount is not None and amount.get("Ccy", currency) == currency]
    return sum((_amount(amount, currency).amount for amount in ours), Decimal(0))


def _amount(element: Element | None, currency: str) -> Money:
    text = (element.text or "").strip() if element is not None else ""
    if element is None or not _AMOUNT.fullmatch(text):
        raise _Problem(f"金额无法读取：{text[:30] or '(空)'} (unreadable amount)")
    if element.get("Ccy", currency) != currency:
        raise _Problem(f"金额币种 {element.get('Ccy')}，账户为 {currency} (amount in another currency)")
    try:
        return Money(Decimal(text), currency)
    except NotMoney as error:
        raise _Problem(
            f"金额 {text} 不合 {currency} 的最小单位或过大 (not an amount of {currency})"
        ) from error


def _direction(element: Element) -> Literal["in", "out"]:
    """The sign comes from here alone. A reversal's indicator is already the real direction."""
    word = _text(element, "CdtDbtInd")
    if word not in _DIRECTIONS:
        raise _Problem(f"借贷标志无法识别：{word or '(空)'} (CdtDbtInd is neither CRDT nor DBIT)")
    return _DIRECTIONS[word]


def _signed(amount: Decimal, direction: Literal["in", "out"]) -> Decimal:
    return amount if direction == "in" else -amount


def _date(entry: Element, name: str) -> date | None:
    """The bank's own day is the Chinese one, whatever zone a time is written in."""
    text = _text(entry, f"{name}/Dt") or _text(entry, f"{name}/DtTm")
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise _Problem(f"日期无法读取：{text[:40]} (unreadable date)") from error
    return (moment.astimezone(CHINA) if moment.tzinfo else moment).date()


def _reference(element: Element, path: str) -> str | None:
    text = _text(element, path)
    return None if text.upper() in _NO_REFERENCE else text


def _account_number(account: Element | None) -> str | None:
    return "".join((_text(account, "Id/IBAN") or _text(account, "Id/Othr/Id")).split()) or None


def _text(element: Element | None, path: str) -> str:
    return (element.findtext(path) or "").strip() if element is not None else ""
