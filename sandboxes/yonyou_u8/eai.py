"""The XML door (EAI): `ufinterface` documents posted to import.asp, on the same ledger as the OpenAPI.

Nobody logs in: the `sender` code alone decides the account set. Every record of an envelope is answered by an
item of its own, and `succeed` is zero when it worked.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lxml import etree
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from sandboxes.common import Books, Row
from sandboxes.yonyou_u8 import contracts, masters, sql, words
from sandboxes.yonyou_u8.conditions import Condition, Token, test_of, words_of
from sandboxes.yonyou_u8.documents import Kind
from sandboxes.yonyou_u8.fields import refuse_unknown
from sandboxes.yonyou_u8.ledger import Ledger
from sandboxes.yonyou_u8.templates import (
    COLUMNS,
    CONSTANTS,
    CUSTOMER,
    CUSTOMER_TO_BOOKS,
    DOCUMENTS,
    INVOICE_CUSTOMERS,
)
from sandboxes.yonyou_u8.words import Refusal
from sandboxes.yonyou_u8.xml import LIMIT, BadXml, Element, leaf, parse, tag_of, text_of, written

PATH = "u8eai/import.asp"
SENDER = "021"
CRASHED = (
    "An error occurred on the server when processing the URL. Please contact the system administrator."
    "<p/>If you are the system administrator please click here to find out more about this error."
)
REFUSED_MASTER, REFUSED = "101", "1"


@dataclass(frozen=True, slots=True)
class Item:
    key: str
    succeed: str
    dsc: str
    u8key: str | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    root: Element

    def get(self, name: str) -> str:
        return self.root.get(name, "")

    @property
    def roottag(self) -> str:
        return self.get("roottag")

    @property
    def proc(self) -> str:
        return self.get("proc").lower()

    @property
    def records(self) -> list[Element]:
        return list(self.root)

    def fingerprint(self) -> str:
        """What makes a repeated message the same message: its records, whatever the blanks between them."""
        content = b"".join(_canonical(record) for record in self.records)
        return hashlib.sha256(content).hexdigest()


class EaiDoor:
    def __init__(self, books: Books, ledger: Ledger) -> None:
        self._books = books
        self._ledger = ledger

    async def __call__(self, request: Request) -> Response:
        if request.method != "POST":
            return PlainTextResponse("正常")
        body = await request.body()
        if len(body) > LIMIT:
            return PlainTextResponse("Request Entity Too Large", status_code=413)
        try:
            root = parse(body)
        except BadXml:
            return Response(CRASHED, status_code=500, media_type="text/html")
        return self._reply(self._answer(Envelope(root)))

    def refusal(self, succeed: str, text: str, body: bytes) -> Response:
        """One item for the whole message; nothing is read but its envelope."""
        try:
            envelope = Envelope(parse(body))
        except BadXml:
            return Response(CRASHED, status_code=500, media_type="text/html")
        return self._reply(_returned(envelope, [Item("", succeed, text)]))

    def _reply(self, answer: Element) -> Response:
        encoding = "gb2312" if self._books.table("_knobs")["knobs"]["eai_gb2312"] else "utf-8"
        content = written(answer, encoding=encoding)
        return Response(content, headers={"content-type": f"text/xml; charset={encoding}"})

    def _answer(self, envelope: Envelope) -> Element:
        if envelope.get("sender") != SENDER:
            return _returned(envelope, [Item("", REFUSED, words.NOT_REGISTERED)])
        try:
            if envelope.roottag.upper() == "SQLEXE":
                return self._sql(envelope)
            if envelope.roottag == contracts.ROOTTAG:
                answer = _answer_root(envelope, envelope.roottag)
                return contracts.answered(self._books, envelope.root, proc=envelope.proc, answer=answer)
            if envelope.roottag not in COLUMNS:
                raise Refusal(words.NOT_OFFERED)
            if envelope.proc == "query":
                return self._query(envelope)
        except Refusal as refusal:
            return _returned(envelope, [Item(refusal.key, REFUSED, refusal.text)])
        return _returned(envelope, self._import(envelope))

    def _import(self, envelope: Envelope) -> list[Item]:
        docid, seen = envelope.get("docid"), self._books.table("_docids")
        if docid in seen and seen[docid]["fingerprint"] == envelope.fingerprint():
            return [Item(key, "0", words.UPLOADED_BEFORE) for key in seen[docid]["keys"]]
        items = [self._one(envelope, record) for record in envelope.records]
        if docid and items and all(item.succeed == "0" for item in items):
            seen[docid] = {"fingerprint": envelope.fingerprint(), "keys": [item.key for item in items]}
        return items

    def _one(self, envelope: Envelope, record: Element) -> Item:
        """Records are independent: one that fails undoes no other."""
        try:
            if tag_of(record) != envelope.roottag:
                raise Refusal(words.bad_field(tag_of(record)))
            if envelope.roottag == "customer":
                return self._customer(envelope.proc, record)
            return self._document(envelope.proc, DOCUMENTS[envelope.roottag], record)
        except Refusal as refusal:
            master = envelope.roottag == "customer"
            return Item(refusal.key, REFUSED_MASTER if master else REFUSED, refusal.text)

    def _document(self, proc: str, kind: Kind, record: Element) -> Item:
        """Changing and deleting AR documents depends on the version: this one does not offer it."""
        if proc != "add":
            raise Refusal(words.NOT_OFFERED)
        body = _document_body(record)
        fixed = {"oughtreceive": ("vouchertype", "R0"), "accept": ("flag", "AR")}[kind.resource]
        if body.get(fixed[0]) not in (None, fixed[1]):
            raise Refusal(words.bad_field(fixed[0]), key=str(body.get(kind.code, "")))
        code = self._ledger.add(kind, body)
        # A receipt of period 0 is skipped without a word: it answers like one that was written.
        return Item(code or body[kind.code], "0", "ok", code or None)

    def _customer(self, proc: str, record: Element) -> Item:
        body = _customer_body(record)
        code = body.get("code", "")
        if not code:
            # Seen at U8: success for a record without a key, and nothing is written.
            return Item("", "0", "")
        match proc:
            case "add":
                masters.add_customer(self._books, body, known=_CUSTOMER_FIELDS)
            case "edit":
                self._ledger.refuse_locked("customer", code)
                masters.edit_customer(self._books, body, known=_CUSTOMER_FIELDS)
            case "delete":
                self._ledger.refuse_locked("customer", code)
                self._delete_customer(code)
            case _:
                raise Refusal(words.NOT_OFFERED, key=code)
        return Item(code, "0", "ok", code)

    def _delete_customer(self, code: str) -> None:
        if code not in self._books.table("customer"):
            raise Refusal(f"客户编码[{code}]不存在！", key=code)
        for kind in DOCUMENTS.values():
            if any(row[kind.customer] == code for row in self._ledger.rows(kind)):
                raise Refusal(f"客户[{code}]已经使用！不可删除！", key=code)
        del self._books.table("customer")[code]

    def _query(self, envelope: Envelope) -> Element:
        """Without a record everything is exported; beyond `maxdataitems` the rest is cut off silently."""
        test = test_of([token for record in envelope.records for token in _tokens(record)])
        answer = _answer_root(envelope, envelope.roottag)
        limit = int(self._books.table("_knobs")["knobs"]["eai_max_items"])
        columns = COLUMNS[envelope.roottag]
        found = [row for row in self._rows(envelope.roottag) if test(_by_column(row, columns))]
        for row in found[:limit]:
            _PRINTERS[envelope.roottag](answer, row)
        return answer

    def _rows(self, roottag: str) -> list[Row]:
        if roottag in DOCUMENTS:
            return [{**CONSTANTS[roottag], **row} for row in self._ledger.rows(DOCUMENTS[roottag])]
        return masters.select(self._books, roottag, {})

    def _sql(self, envelope: Envelope) -> Element:
        """`proc` names the element of a row."""
        statement = next((record.get("value", "") for record in envelope.records), "")
        answer = _answer_root(envelope, envelope.roottag)
        rows = etree.SubElement(answer, "NewDataSet")
        for row in sql.select(self._books, statement):
            shown = etree.SubElement(rows, envelope.get("proc") or "doc")
            for name, value in row.items():
                leaf(shown, name, value)
        return answer


def _returned(envelope: Envelope, items: Iterable[Item]) -> Element:
    root = _answer_root(envelope, "return")
    for item in items:
        attributes = {"key": item.key, "succeed": item.succeed, "dsc": item.dsc}
        if item.u8key is not None:
            attributes["u8key"] = item.u8key
        etree.SubElement(root, "item", attributes)
    return root


def _answer_root(envelope: Envelope, roottag: str) -> Element:
    attributes = {
        "roottag": roottag,
        "docid": envelope.get("docid"),
        "proc": envelope.get("proc"),
        "sender": envelope.get("receiver") or "u8",
        "receiver": envelope.get("sender"),
        "request-roottag": envelope.roottag,
    }
    return etree.Element("ufinterface", attributes)


def _canonical(record: Element) -> bytes:
    lines = [f"{element.tag}={text_of(element)}{sorted(element.attrib.items())}" for element in record.iter()]
    return "\n".join(lines).encode()


def _flat(element: Element) -> dict[str, str]:
    return {tag_of(child): text_of(child) for child in element}


def _document_body(record: Element) -> dict[str, Any]:
    """`header` and `body/entry`, as the dictionary that the ledger reads; empty elements are left out."""
    header, body = record.find("header"), record.find("body")
    if header is None or body is None:
        raise Refusal(words.MISSING_FIELD)
    entries = [_flat(entry) for entry in body.iterchildren("entry")]
    return {**_flat(header), "entry": entries}


def _customer_body(record: Element) -> dict[str, Any]:
    given = _flat(record)
    refuse_unknown(given, CUSTOMER, also=(INVOICE_CUSTOMERS,))
    table = record.find(INVOICE_CUSTOMERS)
    given.pop(INVOICE_CUSTOMERS, None)
    body: dict[str, Any] = {CUSTOMER_TO_BOOKS.get(name, name): value for name, value in given.items()}
    if table is not None:
        body["invoicecustomers"] = [_flat(row) for row in table]
    return body


def _tokens(record: Element) -> Iterable[Token]:
    for field in record.iterchildren("field"):
        yield Condition(
            field.get("name", "").lower(), field.get("operation", "=").strip().lower(), field.get("value", "")
        )
        yield from words_of(field.get("logic", ""))


def _by_column(row: Row, columns: Mapping[str, str]) -> dict[str, str]:
    return {column: str(row.get(field, "")) for column, field in columns.items()}


def _print_customer(parent: Element, row: Row) -> None:
    shown = etree.SubElement(parent, "customer")
    for name in CUSTOMER:
        leaf(shown, name, row.get(CUSTOMER_TO_BOOKS.get(name, name), ""))


def _print_document(kind: Kind) -> Callable[[Element, Row], None]:
    def show(parent: Element, row: Row) -> None:
        document = etree.SubElement(parent, kind.resource)
        header = etree.SubElement(document, "header")
        for name in kind.head:
            leaf(header, name, row.get(name, ""))
        body = etree.SubElement(document, "body")
        for number, line in enumerate(row["entry"], start=1):
            entry = etree.SubElement(body, "entry")
            link = {"headid": row.get("id", "1"), "mainid": str(number)}
            for name in kind.entry:
                leaf(entry, name, line.get(name) or link.get(name, ""))

    return show


_PRINTERS: Mapping[str, Callable[[Element, Row], None]] = {
    "customer": _print_customer,
    **{roottag: _print_document(kind) for roottag, kind in DOCUMENTS.items()},
}
_CUSTOMER_FIELDS = {CUSTOMER_TO_BOOKS.get(name, name): field for name, field in CUSTOMER.items()}
