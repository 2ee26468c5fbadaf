"""Every example of docs/mapping.md is executed."""

import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import cast

import pytest
from lxml import etree

from configuration import parse
from connector_kit.elements import serialise
from expressions import FUNCTIONS, compile_expression
from mappings import CONVERTERS, Source, check_samples, check_text, compile_mapping
from mappings.samples import read_samples
from mappings.schemas import neutral, read

MANUAL = (Path(__file__).parents[3] / "docs/mapping.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", MANUAL, re.DOTALL | re.MULTILINE)
EXPRESSIONS = re.findall(r"^\| `([^`]+)` \| `([^`]+)` \|$", MANUAL, re.MULTILINE)
SHELF = {text.split()[1]: text for text in EXAMPLES if text.startswith("mapping:")}
HEAD = "mapping: manual.example\nfrom: a\nto: b\n"


@pytest.mark.parametrize("text", EXAMPLES)
def test_mapping_example(text: str) -> None:
    whole = text if text.startswith("mapping:") else HEAD + text
    mapping = compile_mapping(whole, file="mapping.md", find=lambda name: Source(SHELF[name], "mapping.md"))
    assert mapping.samples
    assert [str(failure) for failure in check_samples(mapping)] == []


def test_schema_example() -> None:
    (text,) = re.findall(r"^```schema\n(.*?)^```", MANUAL, re.DOTALL | re.MULTILINE)
    schema = read(parse(text, file="mapping.md"), neutral())
    assert schema.shape.fields["Customer"].fields["Code"].kind == "text"
    rows = "fields:\n  Code: {from: number, required: true}\n  Total: number\n"
    mapping = "mapping: t.x\nfrom: neutral.receivable\nto: demo.bill\n" + rows
    (finding,) = check_text(Source(mapping, "mapping.md"), schemas={**neutral(), schema.name: schema})
    assert finding.message == "Total: a text where a number is wanted"


def test_xml_example() -> None:
    (text,) = (text for text in EXAMPLES if "format: xml" in text)
    (written,) = re.findall(r"^```xml\n(.*?)^```", MANUAL, re.DOTALL | re.MULTILINE)
    mapping = compile_mapping(text, file="mapping.md")
    made = serialise(mapping.apply(read_samples(mapping)[0].record).data)
    parser = etree.XMLParser(remove_blank_text=True)
    assert etree.canonicalize(made.decode()) == etree.canonicalize(etree.fromstring(written, parser))


def test_override_example() -> None:
    base = next(text for text in EXAMPLES if "mapping: demo.receivable" in text)
    override = re.findall(r"^```override\n(.*?)^```", MANUAL, re.DOTALL | re.MULTILINE)
    for text in override:
        mapping = compile_mapping(base, file="base.yaml", overrides=[Source(text, "mapping.md")])
        assert len(mapping.samples) == 2
        assert [str(failure) for failure in check_samples(mapping)] == []
    assert override


@pytest.mark.parametrize(("source", "result"), EXPRESSIONS)
def test_expression_example(source: str, result: str) -> None:
    found = re.search(r"^With `(\{.*\})`:$", MANUAL, re.MULTILINE)
    assert found is not None
    record = cast("Mapping[str, object]", parse(found[1], file="mapping.md").value())
    value = compile_expression(source)(record)
    assert value == compile_expression(result)({})
    assert not isinstance(value, Decimal) or str(value) == result


def test_nothing_is_left_out() -> None:
    examples = "\n".join(EXAMPLES)
    written = " ".join(source for source, _ in EXPRESSIONS)
    assert [name for name in CONVERTERS if not re.search(rf"as: .*\b{name}\b", examples)] == []
    assert [name for name in FUNCTIONS if f"{name}(" not in written] == []
