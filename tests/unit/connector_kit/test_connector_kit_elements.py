"""Nested data to XML: order, attributes, texts, namespaces, repeated and empty elements."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from connector_kit.elements import serialise

HEAD = b"<?xml version='1.0' encoding='utf-8'?>\n"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"a": {}}, "<a/>"),
        ({"a": {"b": "", "c": None}}, "<a><b/><c/></a>"),
        ({"a": {"c": "1", "b": "2"}}, "<a><c>1</c><b>2</b></a>"),
        ({"a": {"@x": 1, "#text": "t"}}, '<a x="1">t</a>'),
        ({"a": {"b": [{"@n": 1}, "x", 2]}}, '<a><b n="1"/><b>x</b><b>2</b></a>'),
        ({"a": {"b": []}}, "<a/>"),
        ({"a": {"b": Decimal("1E+2"), "c": date(2026, 1, 5), "d": True, "e": 0}},
         "<a><b>100</b><c>2026-01-05</c><d>true</d><e>0</e></a>"),
        ({"a": "<示例> & \x07"}, "<a>&lt;示例&gt; &amp; </a>"),
        ({"s:a": {"@xmlns:s": "urn:s", "s:b": "x", "c": {"@s:k": "y", "@l": "z"}}},
         '<s:a xmlns:s="urn:s"><s:b>x</s:b><c s:k="y" l="z"/></s:a>'),
        ({"a": {"@xmlns": "urn:d", "b": {"@k": "v"}}}, '<a xmlns="urn:d"><b k="v"/></a>'),
        ({"a": {"@xml:lang": "zh"}}, '<a xml:lang="zh"/>'),
    ],
)  # fmt: skip
def test_written(data: dict[str, object], text: str) -> None:
    assert serialise(data).removeprefix(HEAD).decode() == text


@given(st.text())
def test_any_text_makes_well_formed_xml(text: str) -> None:
    root = etree.fromstring(serialise({"a": {"@k": text, "b": text}}))
    kept = "".join(each for each in text if each >= " " or each in "\t\n\r")
    kept = "".join(each for each in kept if each not in "\ufffe\uffff" and not "\ud800" <= each <= "\udfff")
    assert (root.findtext("b") or "") == kept
