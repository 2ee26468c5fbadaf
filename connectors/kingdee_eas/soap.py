"""Pure: zeep writes the envelopes from the server's own WSDL; replies are read by position, with lxml.

zeep reads neither overloads (the last one in the WSDL wins) nor a String[][] with empty texts (they vanish,
and what follows moves), and would fetch the SOAP encoding schema from the internet.
"""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import zeep
from lxml import etree
from zeep.exceptions import Error as ZeepError
from zeep.transports import Transport

from connector_kit import Reply
from domain.faults import Fault, Malformed, Misconfigured, SessionExpired, Transient, UnknownOutcome

ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
FAULT = f"{{{ENVELOPE}}}Body/{{{ENVELOPE}}}Fault"
SOAP_ENCODING = "http://schemas.xmlsoap.org/soap/encoding/"
LOGIN_NS = "http://login.webservice.bos.kingdee.com"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
PARSER = etree.XMLParser(resolve_entities=False, no_network=True)

ENCODING_STUB = f"""<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:tns="{SOAP_ENCODING}"
 targetNamespace="{SOAP_ENCODING}">
<xs:attribute name="arrayType" type="xs:string"/><xs:attribute name="offset" type="xs:string"/>
<xs:attributeGroup name="commonAttributes"><xs:attribute name="id" type="xs:ID"/>
<xs:attribute name="href" type="xs:anyURI"/><xs:anyAttribute namespace="##other" processContents="lax"/>
</xs:attributeGroup><xs:group name="Array"><xs:sequence>
<xs:any namespace="##any" minOccurs="0" maxOccurs="unbounded" processContents="lax"/></xs:sequence></xs:group>
<xs:complexType name="Array"><xs:group ref="tns:Array" minOccurs="0"/>
<xs:attributeGroup ref="tns:commonAttributes"/></xs:complexType></xs:schema>""".encode()


class Offline(Transport):
    """Answers for the one schema that every Axis service imports, and for nothing else."""

    def load(self, url: str) -> bytes:
        if url.rstrip("/") == SOAP_ENCODING.rstrip("/"):
            return ENCODING_STUB
        raise Misconfigured(f"EAS 的 WSDL 引用了外部地址 {url}")


@dataclass(frozen=True, slots=True)
class Service:
    """A service as its WSDL describes it."""

    client: Any
    binding: str
    namespace: str

    @classmethod
    def described(cls, wsdl: bytes) -> "Service":
        try:
            client = zeep.Client(io.BytesIO(wsdl), transport=Offline())  # type: ignore[no-untyped-call]
        except (ZeepError, etree.XMLSyntaxError) as error:
            raise Malformed(f"EAS 的 WSDL 读不懂：{error}", body=wsdl) from error
        if len(client.wsdl.bindings) != 1:
            raise Malformed("EAS 的 WSDL 不是一个服务的说明", body=wsdl)
        (binding,) = client.wsdl.bindings
        return cls(client, binding, etree.QName(binding).namespace or "")

    def envelope(self, operation: str, values: Sequence[object], *, url: str, session: str = "") -> bytes:
        """`values` in the order of the WSDL. The address in the WSDL is only the server's idea of itself."""
        proxy = self.client.create_service(self.binding, url)
        headers = {"_soapheaders": [_session(session)]} if session else {}
        try:
            message = self.client.create_message(proxy, operation, *values, **headers)
        except (ZeepError, TypeError, AttributeError) as error:
            raise Misconfigured(f"EAS 的服务与约定不符（{operation}）：{error}") from error
        return etree.tostring(message, xml_declaration=True, encoding="utf-8")

    def array(self, kind: str, rows: Sequence[dict[str, object]]) -> object:
        """A plain list will not do: the type of the array must be named."""
        try:
            return self.client.get_type(f"{{{self.namespace}}}{kind}")(list(rows))
        except (ZeepError, LookupError, ValueError) as error:
            raise Misconfigured(f"EAS 的 WSDL 里没有类型 {kind}") from error


def speaks(reply: Reply) -> bool:
    """Axis sends its faults under HTTP 500; a page of a proxy is none."""
    try:
        return etree.fromstring(reply.body, PARSER).find(FAULT) is not None
    except etree.XMLSyntaxError:
        return False


def fault_from(text: str, *, write: bool) -> Fault:
    """The first two were refused at the door. Of any other a write may have got half its way. [U]"""
    message = f"金蝶 EAS 报错：{text}"
    if re.search(r"未登录|会话", text):
        return SessionExpired(message)
    if re.search(r"No such operation|SOAPAction", text):
        return Misconfigured(f"{message}（服务与约定不符，请核对 WSDL）")
    return UnknownOutcome(message) if write else Transient(message)


def result_of(reply: Reply, *, write: bool) -> etree._Element:
    """The `…Return` of the answer, with what it refers to in place."""
    try:
        envelope = etree.fromstring(reply.body, PARSER)
    except etree.XMLSyntaxError as error:
        raise _unreadable(reply, "不是 XML", write=write) from error
    body = envelope.find(f"{{{ENVELOPE}}}Body")
    if body is None or not len(body):
        raise _unreadable(reply, "没有正文", write=write)
    fault = envelope.find(FAULT)
    if fault is not None:
        raise fault_from(fault.findtext("faultstring", ""), write=write)
    if not len(body[0]):
        raise _unreadable(reply, "没有结果", write=write)
    shared = {each.get("id"): each for each in body.iter() if each.get("id")}
    answer = body[0][0]
    return shared.get(answer.get("href", "").removeprefix("#"), answer)


def text_of(element: etree._Element | None) -> str:
    return "" if element is None else (element.text or "").strip()


def _session(session: str) -> etree._Element:
    header = etree.Element(f"{{{LOGIN_NS}}}SessionId", nsmap={None: LOGIN_NS})  # type: ignore[dict-item]
    header.text = session
    return header


def _unreadable(reply: Reply, what: str, *, write: bool) -> Malformed | UnknownOutcome:
    message = f"金蝶 EAS 的回答{what}（HTTP {reply.status}）"
    return UnknownOutcome(message) if write else Malformed(message, body=reply.body)
