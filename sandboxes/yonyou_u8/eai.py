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
from sandboxes.yonyou_u8 import contracts, eai_vouchers, masters, sql, words
from sandboxes.yonyou_u8.conditions import Condition, Token, test_of, words_of
from sandboxes.yonyou_u8.documents import Kind
from sandboxes.yonyou_u8.fields import refuse_unknown
from sandboxes.yonyou_u8.ledger import Ledger
from sandboxes.yonyou_u8.sales import Sales, Trade
from sandboxes.yonyou_u8.templates import (
    ARCHIVES,
    COLUMNS,
    CONSTANTS,
    DOCUMENTS,
    NEWER,
    TRADES,
    Archive,
)
from sandboxes.yonyou_u8.vouchers import Vouchers
from sandboxes.yonyou_u8.words import Refusal
from sandboxes.yonyou_u8.xml import LIMIT, BadXml, Element, flat, leaf, parse, tag_of, text_of, written

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

    def attributes(self) -> dict[str, str]:
        shown = {"key": self.key, "succeed": self.succeed, "dsc": self.dsc}
        return shown if self.u8key is None else {**shown, "u8key": self.u8key}


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
    def __init__(self, books: Books, ledger: Ledger, sales: Sales, vouchers: Vouchers) -> None:
        self._books = books
        self._ledger = ledger
        self._sales = sales
        self._vouchers = vouchers

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
            if envelope.roottag == eai_vouchers.ROOTTAG:
                return self._import_vouchers(envelope)
            if envelope.roottag not in COLUMNS:
                raise Refusal(words.NOT_OFFERED)
            if envelope.proc == "query":
                return self._query(envelope)
        except Refusal as refusal:
            return _returned(envelope, [Item(refusal.key, REFUSED, refusal.text)])
        return _returned(envelope, self._import(envelope))

    def _import(self, envelope: Envelope) -> list[Item]:
        if keys := self._uploaded_before(envelope):
            return [Item(key, "0", words.UPLOADED_BEFORE) for key in keys]
        items = [self._one(envelope, record) for record in envelope.records]
        if all(item.succeed == "0" for item in items):
            self._remember(envelope, [item.key for item in items])
        return items

    def _import_vouchers(self, envelope: Envelope) -> Element:
        if keys := self._uploaded_before(envelope):
            items = [eai_vouchers.repeated(key) for key in keys]
        else:
            items = eai_vouchers.imported(self._vouchers, envelope.root)
            if all(item["succeed"] == "0" for item in items):
                self._remember(envelope, [item["u8voucher_id"] for item in items])
        return _returned(envelope, items, roottag=eai_vouchers.ANSWER)

    def _uploaded_before(self, envelope: Envelope) -> list[str]:
        """The keys of the message whose `docid` and content come again."""
        seen = self._books.table("_docids").get(envelope.get("docid"))
        return seen["keys"] if seen and seen["fingerprint"] == envelope.fingerprint() else []

    def _remember(self, envelope: Envelope, keys: list[str]) -> None:
        if envelope.get("docid"):
            seen = {"fingerprint": envelope.fingerprint(), "keys": keys}
            self._books.table("_docids")[envelope.get("docid")] = seen

    def _one(self, envelope: Envelope, record: Element) -> Item:
        """Records are independent: one that fails undoes no other."""
        try:
            if tag_of(record) != envelope.roottag:
                raise Refusal(words.bad_field(tag_of(record)))
            if envelope.roottag in ARCHIVES:
                return self._archive(envelope.proc, ARCHIVES[envelope.roottag], record)
            if envelope.roottag in TRADES:
                return self._trade(envelope.proc, TRADES[envelope.roottag], record)
            return self._document(envelope.proc, DOCUMENTS[envelope.roottag], record)
        except Refusal as refusal:
            is_archive = envelope.roottag in ARCHIVES
            return Item(refusal.key, REFUSED_MASTER if is_archive else REFUSED, refusal.text)

    def _document(self, proc: str, kind: Kind, record: Element) -> Item:
        """Changing and deleting AR documents depends on the version: this one does not offer it."""
        if proc != "add":
            raise Refusal(words.NOT_OFFERED)
        body = _document_body(record)
        code = self._ledger.add(kind, body)
        # A receipt of period 0 is skipped without a word: it answers like one that was written.
        return Item(code or body.get(kind.code, ""), "0", "ok", code or None)

    def _trade(self, proc: str, trade: Trade, record: Element) -> Item:
        """An empty tax rate is zero here, other than in the OpenAPI."""
        if proc != "add":
            raise Refusal(words.NOT_OFFERED)
        body = _document_body(record, newer=NEWER[trade.resource])
        sale_type = body.get("typecode") or body.get("saletype")
        if sale_type and sale_type not in self._books.table("saletype"):
            raise Refusal(f"销售类型[{sale_type}]不存在！", key=str(body.get("code", "")))
        body["taxrate"] = body.get("taxrate") or "0"
        code = self._sales.add(trade, body)
        return Item(code, "0", "ok", code)

    def _archive(self, proc: str, archive: Archive, record: Element) -> Item:
        if not archive.is_written:
            raise Refusal(words.NOT_OFFERED)
        body = _archive_body(record, archive)
        code = body.get("code", "")
        if not code:
            # Seen at U8: success for a record without a key, and nothing is written.
            return Item("", "0", "")
        match proc:
            case "add":
                masters.add(self._books, archive.table, body, known=archive.known)
            case "edit" | "diffedit":
                # Neither merges: what is not sent is empty afterwards.
                self._ledger.refuse_locked(archive.table, code)
                masters.edit(self._books, archive.table, body, known=archive.known)
            case "delete":
                self._ledger.refuse_locked(archive.table, code)
                masters.delete(self._books, archive.table, code)
            case _:
                raise Refusal(words.NOT_OFFERED, key=code)
        return Item(code, "0", "ok", code)

    def _query(self, envelope: Envelope) -> Element:
        """Without a record everything is exported; beyond `maxdataitems` the rest is cut off silently."""
        test = test_of([token for record in envelope.records for token in _tokens(record)])
        answer = _answer_root(envelope, envelope.roottag)
        limit = int(self._books.table("_knobs")["knobs"]["eai_max_items"])
        columns = COLUMNS[envelope.roottag]
        rows, newest = self._changed(envelope)
        if newest:
            answer.set("timestamp", f"0x{newest:016X}")
        found = [row for row in rows if test(_by_column(row, columns))]
        for row in found[:limit]:
            _PRINTERS[envelope.roottag](answer, row)
        return answer

    def _changed(self, envelope: Envelope) -> tuple[list[Row], int]:
        """What changed after the request's `timestamp`, and the newest stamp. Documents carry none here."""
        rows = self._rows(envelope.roottag)
        try:
            since = int(envelope.get("timestamp") or "0", 16)
        except ValueError as error:
            raise Refusal(words.bad_field("timestamp")) from error
        stamps = [int(row.get("timestamp", "0")) for row in rows]
        changed = [row for row, stamp in zip(rows, stamps, strict=True) if stamp > since or not since]
        return changed, max(stamps, default=0)

    def _rows(self, roottag: str) -> list[Row]:
        if roottag in DOCUMENTS:
            return [{**CONSTANTS[roottag], **row} for row in self._ledger.rows(DOCUMENTS[roottag])]
        if roottag in TRADES:
            return self._sales.rows(TRADES[roottag])
        table = self._books.table(ARCHIVES[roottag].table)
        return [table[key] for key in sorted(table)]

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


def _returned(
    envelope: Envelope, items: Iterable[Item | Mapping[str, str]], *, roottag: str = "return"
) -> Element:
    root = _answer_root(envelope, roottag)
    for item in items:
        etree.SubElement(root, "item", item.attributes() if isinstance(item, Item) else dict(item))
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


def _document_body(record: Element, *, newer: frozenset[str] = frozenset()) -> dict[str, Any]:
    """`header` and `body/entry`, as the dictionary that the ledger reads."""
    header, body = record.find("header"), record.find("body")
    if header is None or body is None:
        raise Refusal(words.MISSING_FIELD)
    entries = [flat(entry, without=newer) for entry in body.iterchildren("entry")]
    return {**flat(header, without=newer), "entry": entries}


def _archive_body(record: Element, archive: Archive) -> dict[str, Any]:
    head = record.find("header") if archive.has_header else record
    rows = record.find(archive.rows_in) if archive.rows_in else None
    given = {} if head is None else flat(head, without=(archive.rows_in,))
    refuse_unknown(given, archive.elements)
    body: dict[str, Any] = {archive.book_name(name): value for name, value in given.items()}
    return body if rows is None else {**body, archive.rows_to: [flat(row) for row in rows]}


def _tokens(record: Element) -> Iterable[Token]:
    for field in record.iterchildren("field"):
        yield Condition(
            field.get("name", "").lower(), field.get("operation", "=").strip().lower(), field.get("value", "")
        )
        yield from words_of(field.get("logic", ""))


def _by_column(row: Row, columns: Mapping[str, str]) -> dict[str, str]:
    return {column: str(row.get(field, "")) for column, field in columns.items()}


def _print_archive(roottag: str, archive: Archive) -> Callable[[Element, Row], None]:
    def show(parent: Element, row: Row) -> None:
        record = etree.SubElement(parent, roottag)
        head = etree.SubElement(record, "header") if archive.has_header else record
        for name in archive.elements:
            leaf(head, name, row.get(archive.book_name(name), ""))
        if archive.has_header:
            etree.SubElement(record, "body")

    return show


def _print_document(kind: Kind | Trade) -> Callable[[Element, Row], None]:
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
    **{roottag: _print_archive(roottag, archive) for roottag, archive in ARCHIVES.items()},
    **{roottag: _print_document(kind) for roottag, kind in DOCUMENTS.items()},
    **{roottag: _print_document(trade) for roottag, trade in TRADES.items()},
}
