"""Writes camt.053.001.02 and .08. The order of the elements is the schema's."""

from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree as ET

Row = Mapping[str, Any]
VERSIONS = ("02", "08")
PIECE = 140


def document(
    statements: Sequence[Row],
    bookings: Mapping[str, Row],
    *,
    version: str,
    message_id: str,
    created_at: str,
    duplicate: bool = False,
    encoding: str = "utf-8",
) -> bytes:
    """`encoding` is that of the bytes; the declaration says UTF-8 whatever they are."""
    root = ET.Element("Document", {"xmlns": f"urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}"})
    message = ET.SubElement(root, "BkToCstmrStmt")
    header = ET.SubElement(message, "GrpHdr")
    _put(header, "MsgId", message_id)
    _put(header, "CreDtTm", created_at)
    _put(header, "MsgPgntn/PgNb", "1")
    _put(header, "MsgPgntn/LastPgInd", "true")
    for statement in statements:
        _statement(message, statement, bookings, version=version, created_at=created_at, duplicate=duplicate)
    text = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'.encode(encoding)


def _statement(
    message: ET.Element,
    statement: Row,
    bookings: Mapping[str, Row],
    *,
    version: str,
    created_at: str,
    duplicate: bool,
) -> None:
    rows = {serial: bookings[serial] for serial in statement["bookings"]}
    days = sorted(row["booked_at"][:10] for row in rows.values()) or [created_at[:10]]
    stmt = ET.SubElement(message, "Stmt")
    _put(stmt, "Id", f"STMT-{statement['account'][-6:]}-{statement['sequence']}")
    _put(stmt, "ElctrncSeqNb", str(statement["sequence"]))
    _put(stmt, "CreDtTm", created_at)
    _put(stmt, "FrToDt/FrDtTm", f"{days[0]}T00:00:00+08:00")
    _put(stmt, "FrToDt/ToDtTm", f"{days[-1]}T23:59:59+08:00")
    if duplicate:
        _put(stmt, "CpyDplctInd", "DUPL")
    account = ET.SubElement(stmt, "Acct")
    _put(account, "Id/Othr/Id", statement["account"])
    _put(account, "Ccy", statement["currency"])
    _put(account, "Ownr/Nm", statement["owner"])
    _put(account, f"Svcr/FinInstnId/{'BICFI' if version == '08' else 'BIC'}", "DEMOCNBJ")
    for code, amount, day in (
        ("OPBD", statement["opening"], days[0]),
        ("CLBD", statement["closing"], days[-1]),
    ):
        _balance(stmt, code, amount, statement["currency"], day)
    for number, (serial, row) in enumerate(rows.items(), start=1):
        _entry(stmt, number, serial, row, version=version)


def _balance(stmt: ET.Element, code: str, amount: str, currency: str, day: str) -> None:
    balance = ET.SubElement(stmt, "Bal")
    _put(balance, "Tp/CdOrPrtry/Cd", code)
    _put(balance, "Amt", amount.removeprefix("-"), Ccy=currency)
    _put(balance, "CdtDbtInd", "DBIT" if amount.startswith("-") else "CRDT")
    _put(balance, "Dt/Dt", day)


def _entry(stmt: ET.Element, number: int, serial: str, row: Row, *, version: str) -> None:
    entry = ET.SubElement(stmt, "Ntry")
    _put(entry, "NtryRef", str(number))
    _put(entry, "Amt", row["amount"], Ccy=row["currency"])
    _put(entry, "CdtDbtInd", row["direction"])
    if row["reversal"]:
        _put(entry, "RvslInd", "true")
    _put(entry, "Sts/Cd" if version == "08" else "Sts", row["status"])
    _put(entry, "BookgDt/DtTm", row["booked_at"])
    _put(entry, "ValDt/Dt", row["booked_at"][:10])
    _put(entry, "AcctSvcrRef", serial)
    _bank_code(entry, row)
    if row["charges"]:
        _charges(entry, row, version=version)
    if row["details"] or row["payer_name"] or row["end_to_end"]:
        _details(entry, serial, row, version=version)
    elif row["text"]:
        _put(entry, "AddtlNtryInf", row["text"])


def _bank_code(entry: ET.Element, row: Row) -> None:
    if row["code"] == "FEE":
        _put(entry, "BkTxCd/Prtry/Cd", "FEE")
        return
    _put(entry, "BkTxCd/Domn/Cd", "PMNT")
    _put(entry, "BkTxCd/Domn/Fmly/Cd", "RCDT")
    _put(entry, "BkTxCd/Domn/Fmly/SubFmlyCd", row["code"])


def _charges(entry: ET.Element, row: Row, *, version: str) -> None:
    """Already taken off `Amt`. Version 02 has one flat element per charge."""
    charges = ET.SubElement(entry, "Chrgs")
    if version == "08":
        _put(charges, "TtlChrgsAndTaxAmt", row["charges"], Ccy=row["currency"])
        charges = ET.SubElement(charges, "Rcrd")
    _put(charges, "Amt", row["charges"], Ccy=row["currency"])
    _put(charges, "CdtDbtInd", "DBIT")
    if version == "08":
        _put(charges, "ChrgInclInd", "true")


def _details(entry: ET.Element, serial: str, row: Row, *, version: str) -> None:
    details = ET.SubElement(entry, "NtryDtls")
    if row["details"]:
        _put(details, "Btch/NbOfTxs", str(len(row["details"])))
        _put(details, "Btch/TtlAmt", row["amount"], Ccy=row["currency"])
        _put(details, "Btch/CdtDbtInd", row["direction"])
    for payment in row["details"] or [row]:
        _payment(details, serial, row, payment, version=version)


def _payment(details: ET.Element, serial: str, row: Row, payment: Row, *, version: str) -> None:
    tx = ET.SubElement(details, "TxDtls")
    if payment is row:
        _put(tx, "Refs/AcctSvcrRef", serial)
    _put(tx, "Refs/EndToEndId", payment["end_to_end"] or "NOTPROVIDED")
    if version == "08":
        _put(tx, "Amt", payment["amount"], Ccy=row["currency"])
        _put(tx, "CdtDbtInd", row["direction"])
    else:
        _put(tx, "AmtDtls/TxAmt/Amt", payment["amount"], Ccy=row["currency"])
    if payment["payer_name"]:
        _put(tx, "RltdPties/Dbtr/Pty/Nm" if version == "08" else "RltdPties/Dbtr/Nm", payment["payer_name"])
    if payment["payer_account"]:
        _put(tx, "RltdPties/DbtrAcct/Id/Othr/Id", payment["payer_account"])
    for start in range(0, len(payment["text"]), PIECE):
        _put(tx, "RmtInf/Ustrd", payment["text"][start : start + PIECE])


def _put(parent: ET.Element, path: str, text: str, **attributes: str) -> None:
    """Writes a leaf; parents on the way are taken up again if they are there already."""
    *above, leaf = path.split("/")
    for name in above:
        found = parent.find(name)
        parent = ET.SubElement(parent, name) if found is None else found
    ET.SubElement(parent, leaf, attributes).text = text
