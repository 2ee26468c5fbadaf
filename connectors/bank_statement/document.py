"""Untrusted bytes to elements: no DTD, no entities, no network, bounded, in the declared encoding."""

import re

from lxml import etree

Element = etree._Element

_DECLARATION = re.compile(rb"""^\xef\xbb\xbf|^<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
_CODECS = {"utf-8": "utf-8", "us-ascii": "ascii", "gbk": "gbk", "gb2312": "gbk", "gb18030": "gb18030"}
_CHINESE = frozenset({"gbk", "gb18030"})


class BadDocument(ValueError):
    """The message says in both languages what is wrong."""


def parse(body: bytes, *, limit: int) -> Element:
    """The root, with tags reduced to local names: banks differ in version and prefix."""
    if len(body) > limit:
        raise BadDocument(f"文件过大：{len(body)} 字节 (the file is larger than {limit} bytes)")
    _check_encoding(body)
    if b"<!DOCTYPE" in body:
        raise BadDocument("文件含 DOCTYPE，拒绝读取 (a DOCTYPE is refused)")
    root = _parsed(body)
    for element in root.iter():
        element.tag = etree.QName(element).localname
    return root


def _parsed(body: bytes) -> Element:
    parser = etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        recover=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        raise BadDocument(f"不是完整的 XML (not well-formed XML): {error.msg}") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise BadDocument("文件含 DOCTYPE，拒绝读取 (a DOCTYPE is refused)")
    return root


def _check_encoding(body: bytes) -> None:
    """Bytes that only seem to fit would turn names and contract numbers into noise."""
    if b"\x00" in body:
        raise BadDocument("文件不是 UTF-8 或 GBK 文本 (neither UTF-8 nor GBK text)")
    declared = _declared(body)
    codec = _CODECS.get(declared)
    if codec is None:
        raise BadDocument(f"不支持的编码声明 {declared} (unsupported encoding)")
    if codec in _CHINESE and not body.isascii() and _fits(body, "utf-8"):
        raise BadDocument(f"声明编码 {declared}，内容却是 UTF-8 (the bytes are UTF-8, not {declared})")
    if not _fits(body, codec):
        hint = "，看起来是 GBK (it looks like GBK)" if codec == "utf-8" and _fits(body, "gb18030") else ""
        raise BadDocument(f"声明编码 {declared}，内容却不是 (the bytes are not {declared}){hint}")


def _declared(body: bytes) -> str:
    found = _DECLARATION.match(body)
    return found[1].decode().lower() if found and found[1] else "utf-8"


def _fits(body: bytes, codec: str) -> bool:
    try:
        body.decode(codec)
    except UnicodeDecodeError:
        return False
    return True
