"""XML as an import page meets it: any bytes may come, and none may reach a file, an address or all memory."""

import re
from collections.abc import Iterable

from lxml import etree

Element = etree._Element
LIMIT = 8 * 1024 * 1024
"""Bytes of a request: beyond it IIS itself refuses."""

_DECLARED = re.compile(rb"""^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w.-]{1,40})["']""")
_DECLARATION = re.compile(r"^\s*<\?xml.*?\?>", re.DOTALL)
_CODECS = {"utf-8": "utf-8", "utf8": "utf-8", "us-ascii": "ascii", "utf-16": "utf-16"}
_CHINESE = ("gb2312", "gbk", "gb18030")
_UNPRINTABLE = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class BadXml(ValueError):
    """The page crashes on it."""


def parse(body: bytes) -> Element:
    """Byte order mark, then declaration, else UTF-8; gb2312 is read as gb18030, its superset."""
    text = _DECLARATION.sub("", _decoded(body), count=1)
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise BadXml("a DTD")
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
    except (etree.XMLSyntaxError, UnicodeEncodeError) as error:
        raise BadXml(str(error)) from error


def _decoded(body: bytes) -> str:
    try:
        if body.startswith((b"\xff\xfe", b"\xfe\xff")):
            return body.decode("utf-16")
        body = body.removeprefix(b"\xef\xbb\xbf")
        found = _DECLARED.match(body)
        name = found[1].decode().lower() if found else "utf-8"
        codec = "gb18030" if name in _CHINESE else _CODECS.get(name)
        if codec is None:
            raise BadXml(f"encoding {name}")
        return body.decode(codec)
    except UnicodeDecodeError as error:
        raise BadXml(str(error)) from error


def written(root: Element, *, encoding: str = "utf-8") -> bytes:
    """The vendor declares gb2312 and writes what is more than that."""
    text = etree.tostring(root, encoding="unicode")
    declaration = f'<?xml version="1.0" encoding="{encoding}"?>\n'
    return (declaration + text).encode("gb18030" if encoding == "gb2312" else encoding)


def leaf(parent: Element, name: str, value: str = "") -> Element:
    child = etree.SubElement(parent, name)
    child.text = _UNPRINTABLE.sub("", value) or None
    return child


def flat(element: Element, *, without: Iterable[str] = ()) -> dict[str, str]:
    return {tag_of(child): text_of(child) for child in element if child.tag not in {*without}}


def text_of(element: Element) -> str:
    return (element.text or "").strip()


def tag_of(element: Element) -> str:
    assert isinstance(element.tag, str)
    return element.tag
