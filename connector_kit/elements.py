"""XML out of nested data, as mappings with `format: xml` make it."""

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import cast

from lxml import etree

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def serialise(document: Mapping[str, object]) -> bytes:
    """One root; `@name` is an attribute, `#text` the text, a list repeats its element, order as given."""
    ((name, content),) = document.items()
    return etree.tostring(_element(None, name, content, {}), encoding="utf-8", xml_declaration=True)


def as_text(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case Decimal():
            return format(value, "f")
        case date():
            return value.isoformat()
        case _:
            return _NOT_XML.sub("", str(value))


Spaces = Mapping[str | None, str]


def _element(parent: etree._Element | None, name: str, content: object, spaces: Spaces) -> etree._Element:
    given = content if isinstance(content, Mapping) else {"#text": content}
    declared = {
        key.removeprefix("@xmlns").removeprefix(":") or None: str(uri)
        for key, uri in given.items()
        if _declares(key)
    }
    spaces, named = {**spaces, **declared}, cast("dict[str, str]", declared)
    tag = _qualified(name, spaces, plain=spaces.get(None))
    element = (
        etree.Element(tag, nsmap=named) if parent is None else etree.SubElement(parent, tag, nsmap=named)
    )
    for key, value in given.items():
        if key == "#text":
            element.text = as_text(value) or None
        elif key.startswith("@"):
            if not _declares(key):
                element.set(_qualified(key[1:], spaces, plain=None), as_text(value))
        else:
            for each in value if isinstance(value, list) else [value]:
                _element(element, key, each, spaces)
    return element


def _declares(key: str) -> bool:
    return key == "@xmlns" or key.startswith("@xmlns:")


def _qualified(name: str, spaces: Spaces, *, plain: str | None) -> str:
    """Attributes without a prefix are in no namespace, elements in the one declared for all."""
    prefix, colon, local = name.rpartition(":")
    uri = spaces[prefix] if colon and prefix != "xml" else plain
    if prefix == "xml":
        uri = "http://www.w3.org/XML/1998/namespace"
    return f"{{{uri}}}{local}" if uri else local
