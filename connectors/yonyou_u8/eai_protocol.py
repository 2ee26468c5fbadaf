"""Pure: messages to U8's XML door (EAI), and what its answers say."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, TypeVar

from pydantic import ValidationError

from connector_kit import Operation, Reply, Request
from connector_kit.elements import serialise
from connectors.yonyou_u8 import errors
from connectors.yonyou_u8.elements import Element, NotXml, flat, parse
from connectors.yonyou_u8.protocol import Finished, sendable
from connectors.yonyou_u8.settings import U8Settings
from connectors.yonyou_u8.templates import TEMPLATES
from connectors.yonyou_u8.wire import Message
from domain.faults import Fault, Malformed, Misconfigured, Rejected, Transient, UnknownOutcome

ROOTS = ("ufinterface", "finterface")
"""The second was seen at one customer."""
PATH = "U8EAI/import.asp"
ITEMS_LIMIT = 20_000
"""An export of this many records was cut off: U8 says nothing about it."""
VERIFIED = "审核"
SQL = "SQLEXE"

Row = TypeVar("Row", bound=Message)
_LITERAL = re.compile(r"[0-9A-Za-z][0-9A-Za-z._/-]{0,59}")


@dataclass(frozen=True, slots=True)
class Where:
    """One filter of a query: a column of the database, as the vendor's own tool writes it."""

    column: str
    operation: Literal["=", ">=", "<"]
    value: str


def build_add(settings: U8Settings, roottag: str, record: Mapping[str, object], *, docid: str) -> Request:
    """One record per message, so that one item answers it. The same `docid` on every attempt."""
    literal(_code(record, roottag))
    whole = {
        **envelope(settings, roottag, "add"),
        "@docid": docid,
        "@codeexchanged": "Y",
        "@version": "2.0",
    }
    return request(settings, Operation(f"{roottag}.add", "keyed_write"), {**whole, **record})


def build_query(settings: U8Settings, roottag: str, where: Sequence[Where]) -> Request:
    """The filters end up in SQL on the server: values are literals that cannot end the quotes."""
    fields = [
        {
            "@name": each.column,
            "@operation": each.operation,
            "@value": literal(each.value),
            "@logic": "and" if number < len(where) else "",
        }
        for number, each in enumerate(where, start=1)
    ]
    whole = {**envelope(settings, roottag, "Query"), "@codeexchanged": "N", "@paginate": "0"}
    # Without any record everything is exported.
    query = {**whole, roottag: {"@bincrementout": "n", "field": fields}} if fields else whole
    return request(settings, Operation(f"{roottag}.query", "read"), query)


def build_balances(settings: U8Settings, roottag: str, where: Sequence[Where]) -> Request:
    """State and open balance, which no template shows. The statement is ours; only literals vary."""
    tests = [f"{each.column}{each.operation}'{literal(each.value)}'" for each in where]
    statement = f"{TEMPLATES[roottag].balances} and {' and '.join(tests)}"
    query = {**envelope(settings, SQL, "doc"), "@codeexchanged": "N", "sql": {"@value": statement}}
    return request(settings, Operation(f"{roottag}.balances", "read"), query)


def by_code(roottag: str, code: str) -> list[Where]:
    return [Where(TEMPLATES[roottag].code_column, "=", code)]


def by_date(begin: date, end: date | None) -> list[Where]:
    first = Where("dVouchDate", ">=", begin.isoformat())
    return [first] if end is None else [first, Where("dVouchDate", "<", end.isoformat())]


def months(since: date, today: date) -> Iterator[tuple[date, date | None]]:
    """Half-open stretches; the last one is open, for documents dated ahead. Big exports burst U8's buffer."""
    begin = since
    while (begin.year, begin.month) < (today.year, today.month):
        end = date(begin.year + begin.month // 12, begin.month % 12 + 1, 1)
        yield begin, end
        begin = end
    yield begin, None


def read_add(reply: Reply, *, docid: str) -> Finished:
    """Written only if every item says zero. A repeated message says so too, without a number."""
    root = answer_root(reply, write=True)
    if root.get("docid", docid) not in ("", docid):
        raise UnknownOutcome(f"U8 的回答属于另一条消息 {root.get('docid')}")
    items = list(root.iter("item"))
    if not items:
        raise UnknownOutcome("U8 的回答里没有 item")
    for item in items:
        refuse(item, write=True)
    number = items[0].get("u8key") or items[0].get("u8voucher_id") or ""
    return Finished(number.strip())


def read_rows(reply: Reply, roottag: str) -> list[dict[str, str]]:
    """Head elements with content; lines are not needed to tell what a document is."""
    root = _export(reply, roottag)
    template = TEMPLATES[roottag]
    found = list(root.iterchildren(roottag))
    if len(found) >= ITEMS_LIMIT:
        raise Malformed(f"U8 一次导出了 {len(found)} 条 {roottag}，可能被截断")
    rows = [flat(each) if template.is_flat else flat(_head(each, reply)) for each in found]
    return [row for row in rows if template.fixed.items() <= row.items()]


def read_documents(reply: Reply, roottag: str) -> list[dict[str, object]]:
    """Heads with their lines below `entry`, as the OpenAPI shows a single document."""
    heads = read_rows(reply, roottag)
    documents = _export(reply, roottag).iterchildren(roottag)
    lines = ([flat(line) for line in each.iterfind("body/entry")] for each in documents)
    return [{**head, "entry": entries} for head, entries in zip(heads, lines, strict=True)]


def read_balances(reply: Reply, settings: U8Settings) -> dict[str, dict[str, str]]:
    """Document number to what the OpenAPI would have shown; a NULL column is absent."""
    rows = [flat(row) for row in _export(reply, SQL).iter("doc")]
    names = {"iRAmount_f": settings.balance_field, "iRAmount": settings.local_balance_field}
    return {
        row["cVouchID"]: {
            "state": VERIFIED if row.get("cCheckMan") else "",
            **{ours: row[theirs] for theirs, ours in names.items() if theirs in row},
        }
        for row in rows
        if "cVouchID" in row
    }


def typed(row: Mapping[str, object], message: type[Row]) -> Row:
    try:
        return message.model_validate(row)
    except ValidationError as error:
        names = ", ".join(".".join(map(str, problem["loc"])) for problem in error.errors())
        raise Malformed(f"U8 的回答字段不对：{names}") from error


def _code(record: Mapping[str, object], roottag: str) -> str:
    """What the record is looked up by, in an archive itself or in a document's header."""
    content = record.get(roottag)
    head = content.get("header", content) if isinstance(content, Mapping) else {}
    return str(head.get(TEMPLATES[roottag].code, ""))


def envelope(settings: U8Settings, roottag: str, proc: str) -> dict[str, object]:
    return {"@sender": settings.sender, "@receiver": "u8", "@roottag": roottag, "@proc": proc}


def request(settings: U8Settings, operation: Operation, message: Mapping[str, object]) -> Request:
    return Request(
        operation,
        "POST",
        f"{settings.base_url.rstrip('/')}/{PATH}",
        headers={"content-type": "text/xml; charset=utf-8"},
        content=serialise({"ufinterface": sendable(message)}),
        timeout=settings.timeout_seconds,
    )


def literal(value: str) -> str:
    if not _LITERAL.fullmatch(value):
        raise Rejected(f"“{value}”不能用来查询 U8：只允许字母、数字和 . _ / - (cannot be looked up safely)")
    return value


def _head(document: Element, reply: Reply) -> Element:
    header = document.find("header")
    if header is None:
        raise Malformed("U8 导出的单据没有 header", body=reply.body)
    return header


def refuse(item: Element, *, write: bool) -> None:
    """Zero is success; everything else failed, numeric or not."""
    succeed = item.get("succeed", "").strip()
    if succeed != "0":
        raise errors.item_fault(succeed, item.get("dsc", ""), write=write)


def _export(reply: Reply, roottag: str) -> Element:
    """Without records it says that there are none, which has consequences: it must be what it claims."""
    root = answer_root(reply, write=False)
    for item in root.iter("item"):
        refuse(item, write=False)
    if root.get("roottag", roottag).lower() != roottag.lower():
        raise Malformed(f"U8 的回答是 {root.get('roottag')}，不是 {roottag}", body=reply.body)
    return root


def answer_root(reply: Reply, *, write: bool) -> Element:
    if reply.status in (401, 403, 404, 405):
        raise Misconfigured(f"U8 服务器不提供 {PATH} (HTTP {reply.status})")
    try:
        root = parse(reply.body)
    except NotXml as error:
        raise _unreadable(reply, str(error), write=write) from error
    if root.tag not in ROOTS:
        raise _unreadable(reply, f"根元素是 {root.tag}", write=write)
    return root


def _unreadable(reply: Reply, why: str, *, write: bool) -> Fault:
    """A page of text instead of XML: the server crashed, and nobody knows how far it had got."""
    message = f"U8 的回答读不懂（HTTP {reply.status}）：{why}"
    if write:
        return UnknownOutcome(message)
    is_page = b"ufinterface" not in reply.body[:2000]
    return Transient(message) if is_page else Malformed(message, body=reply.body)
