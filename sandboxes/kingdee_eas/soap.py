"""SOAP 1.1 as Axis 1.4 reads and writes it: by position and local name, answers with multiRef."""

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from lxml import etree
from starlette.responses import Response

ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
SOAP_ENCODING = "http://schemas.xmlsoap.org/soap/encoding/"
ENCODED = f'soapenv:encodingStyle="{SOAP_ENCODING}"'
PARSER = etree.XMLParser(
    resolve_entities=False, no_network=True, huge_tree=False, remove_comments=True, remove_pis=True
)
"""A request written by hand is full of comments ("Optional:"): they stand for nothing."""


class FaultError(Exception):
    """Answered as a SOAP fault under HTTP 500."""


@dataclass(frozen=True, slots=True)
class Call:
    operation: str
    namespace: str
    parts: list[etree._Element]
    session: str
    """SessionId of the SOAP header."""
    shared: dict[str, etree._Element]
    """Elements by id: a client may refer to them instead of nesting them."""

    def texts(self) -> list[str]:
        return [self.text(part) for part in self.parts]

    def text(self, element: etree._Element) -> str:
        found = self.resolved(element)
        return "" if found.get(f"{{{XSI}}}nil") in ("true", "1") else (found.text or "").strip()

    def resolved(self, element: etree._Element) -> etree._Element:
        return self.shared.get(element.get("href", "").removeprefix("#"), element)

    def rows(self, part: etree._Element) -> list[dict[str, str]]:
        """An array of beans. Items may have any name and no type."""
        items = (self.resolved(item) for item in self.resolved(part))
        return [{etree.QName(each).localname: self.text(each) for each in item} for item in items]


def read_call(body: bytes) -> Call:
    try:
        envelope = etree.fromstring(body, PARSER)
    except etree.XMLSyntaxError as error:
        raise FaultError(f"org.xml.sax.SAXParseException: {error}") from error
    found = envelope.find(f"{{{ENVELOPE}}}Body")
    if found is None or not len(found):
        raise FaultError("no SOAPAction header or body")
    header = envelope.find(f"{{{ENVELOPE}}}Header")
    sessions = [] if header is None else [each.text or "" for each in header if _local(each) == "SessionId"]
    shared = {each.get("id", ""): each for each in found.iter() if each.get("id")}
    name = etree.QName(found[0])
    return Call(name.localname, name.namespace or "", list(found[0]), "".join(sessions[:1]), shared)


def _local(element: etree._Element) -> str:
    return etree.QName(element).localname


Bean = dict[str, str | int | None]


def bean(call: Call, kind: str, namespace: str, fields: Bean) -> Response:
    """A bean, written apart from the place that refers to it."""
    return _answer(call, f'<{call.operation}Return href="#id0"/>', _apart(0, kind, namespace, fields))


def beans(call: Call, kind: str, namespace: str, rows: Sequence[Bean]) -> Response:
    """An array of references to beans."""
    name = f"{call.operation}Return"
    items = "".join(f'<{name} href="#id{at}"/>' for at in range(len(rows)))
    array = _array(name, f"ns2:{kind}[{len(rows)}]", items, more=f' xmlns:ns2="{namespace}"')
    return _answer(call, array, "".join(_apart(at, kind, namespace, row) for at, row in enumerate(rows)))


def _apart(at: int, kind: str, namespace: str, fields: Bean) -> str:
    members = "".join(_member(name, value) for name, value in fields.items())
    return (
        f'<multiRef id="id{at}" soapenc:root="0" {ENCODED} xsi:type="ns2:{kind}" '
        f'xmlns:soapenc="{SOAP_ENCODING}" xmlns:ns2="{namespace}">{members}</multiRef>'
    )


def scalar(call: Call, kind: str, value: str) -> Response:
    return _answer(
        call, f'<{call.operation}Return xsi:type="xsd:{kind}">{escape(value)}</{call.operation}Return>'
    )


def table(call: Call, rows: Sequence[Sequence[str]]) -> Response:
    """String[][]: an empty text is an empty element."""
    name = f"{call.operation}Return"
    written = "".join(_array(name, f"xsd:string[{len(row)}]", _cells(name, row)) for row in rows)
    return _answer(call, _array(name, f"xsd:string[][{len(rows)}]", written))


def fault(text: str, *, code: str = "soapenv:Server.userException") -> Response:
    body = (
        f"<soapenv:Fault><faultcode>{escape(code)}</faultcode>"
        f"<faultstring>{escape(text)}</faultstring><detail>"
        '<ns1:fault xmlns:ns1="http://webservice.bos.kingdee.com"/>'
        '<ns2:hostname xmlns:ns2="http://xml.apache.org/axis/">eas-demo</ns2:hostname></detail></soapenv:Fault>'
    )
    return _envelope(body, status=500)


def busy() -> Response:
    return _envelope(
        "<soapenv:Fault><faultcode>soapenv:Server.userException</faultcode>"
        "<faultstring>系统繁忙，请稍候再试</faultstring></soapenv:Fault>",
        status=200,
    )


def _array(name: str, kind: str, items: str, *, more: str = "") -> str:
    declared = f'soapenc:arrayType="{kind}" xsi:type="soapenc:Array" xmlns:soapenc="{SOAP_ENCODING}"{more}'
    return f"<{name} {declared}>{items}</{name}>"


def _cells(name: str, row: Sequence[str]) -> str:
    return "".join(f'<{name} xsi:type="xsd:string">{escape(cell)}</{name}>' for cell in row)


def _member(name: str, value: str | int | None) -> str:
    if value is None:
        return f'<{name} xsi:nil="true"/>'
    kind = "int" if isinstance(value, int) else "string"
    return f'<{name} xsi:type="xsd:{kind}">{escape(str(value))}</{name}>'


def _answer(call: Call, inner: str, beside: str = "") -> Response:
    name = f"ns1:{call.operation}Response"
    return _envelope(f'<{name} {ENCODED} xmlns:ns1="{call.namespace}">{inner}</{name}>{beside}', status=200)


def _envelope(body: str, *, status: int) -> Response:
    text = (
        f'<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="{ENVELOPE}" '
        f'xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="{XSI}">'
        f"<soapenv:Body>{body}</soapenv:Body></soapenv:Envelope>"
    )
    return Response(text.encode(), status_code=status, media_type="text/xml; charset=utf-8")
