"""XML out of the EAI door: bytes we do not trust become elements."""

import re

from lxml import etree

Element = etree._Element
LIMIT = 32 * 1024 * 1024
"""Bytes of an answer. U8 itself cuts exports long before."""

_DECLARED = re.compile(rb"""^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w.-]{1,40})["']""")
_DECLARATION = re.compile(r"^\s*<\?xml[^>]{0,200}\?>")
_CODECS = {
    **dict.fromkeys(("utf-8", "utf8"), "utf-8"),
    **dict.fromkeys(("gb2312", "gbk", "gb18030"), "gb18030"),
}


class NotXml(ValueError):
    """No well-formed XML, or XML that no honest server sends."""


def parse(body: bytes) -> Element:
    """No DTD, no entities, no network, bounded; in the declared encoding (gb2312 means gb18030)."""
    if len(body) > LIMIT:
        raise NotXml(f"{len(body)} 字节，超过上限 (too large)")
    text = _DECLARATION.sub("", _decoded(body), count=1)
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise NotXml("含 DTD (a DTD is refused)")
    parser = etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        return etree.fromstring(text.encode(), parser)
    except etree.XMLSyntaxError as error:
        raise NotXml(f"不是完整的 XML (not well-formed): {error.msg}") from error


def _decoded(body: bytes) -> str:
    body = body.removeprefix(b"\xef\xbb\xbf")
    found = _DECLARED.match(body)
    name = found[1].decode().lower() if found else "utf-8"
    codec = _CODECS.get(name)
    if codec is None:
        raise NotXml(f"不支持的编码 {name} (unsupported encoding)")
    try:
        return body.decode(codec)
    except UnicodeDecodeError as error:
        raise NotXml(f"内容不是 {name} (the bytes are not {name})") from error


def flat(element: Element) -> dict[str, str]:
    """Child elements with content, by name; columns come padded with blanks."""
    texts = {str(child.tag): (child.text or "").strip() for child in element}
    return {name: text for name, text in texts.items() if text}
