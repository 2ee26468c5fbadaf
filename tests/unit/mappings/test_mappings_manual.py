"""Every example of docs/mapping.md is executed."""

import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import cast

import pytest

from configuration import parse
from expressions import FUNCTIONS, compile_expression
from mappings import CONVERTERS, check_samples, compile_mapping

MANUAL = (Path(__file__).parents[3] / "docs/mapping.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", MANUAL, re.DOTALL | re.MULTILINE)
EXPRESSIONS = re.findall(r"^\| `([^`]+)` \| `([^`]+)` \|$", MANUAL, re.MULTILINE)
HEAD = "mapping: manual.example\nfrom: a\nto: b\n"


@pytest.mark.parametrize("text", EXAMPLES)
def test_mapping_example(text: str) -> None:
    whole = text if text.startswith("mapping:") else HEAD + text
    mapping = compile_mapping(whole, file="mapping.md")
    assert mapping.samples
    assert [str(failure) for failure in check_samples(mapping)] == []


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
