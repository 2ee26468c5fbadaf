from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configuration import ConfigurationError, Node, Problems, load, parse


def read(text: str) -> Node:
    return parse(text, file="routing.yaml")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.50", Decimal("1.50")),
        ("-3", -3),
        ("0", 0),
        ("0571", "0571"),
        ("6222000000000000001", 6222000000000000001),
        ("2026-01-05", "2026-01-05"),
        ("12:30", "12:30"),
        ("1e5", "1e5"),
        ("yes", "yes"),
        ("on", "on"),
        ("true", True),
        ("'true'", "true"),
        ("~", None),
        ("[1, a, {b: 2.0}]", [1, "a", {"b": Decimal("2.0")}]),
        ("1: x", {"1": "x"}),
        ("客户: 测试", {"客户": "测试"}),
        ("a: &x [1]\nb: *x", {"a": [1], "b": [1]}),
        ("<<: x", {"<<": "x"}),
        ("a: |\n  two\n  lines\n", {"a": "two\nlines\n"}),
    ],
)
def test_plain_value(text: str, value: object) -> None:
    found = read(text).value()
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "routing.yaml:1:1: is empty"),
        (
            "a: 1\nb: 2\na: 3",
            "routing.yaml:3:1: key 'a' is repeated — it is already in line 1; keep one",
        ),
        ("a: !!python/name:os.system x", "tag 'tag:yaml.org,2002:python/name:os.system' is not allowed"),
        ("a: !secret x", "routing.yaml:1:4: tag '!secret' is not allowed — remove it"),
        ("a: *b", "'*b' is not defined above — add '&b'"),
        ("a: &b [*b]", "'*b' is not defined above"),
        ("--- 1\n--- 2", "holds more than one document"),
        ("? [a]\n: b", "a key must be a plain text"),
        ("a: [1", "did not find expected"),
        ("a: \x00", "characters that YAML does not allow"),
        ("[" * 60, "too many or too deeply nested values — split the file"),
        ("x" * 1_000_001, "is larger than 1,000,000 bytes"),
    ],
)
def test_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(text)
    assert message in str(caught.value)


def test_aliases_cannot_explode() -> None:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 8)}]" for n in range(1, 12)]
    with pytest.raises(ConfigurationError, match="too many"):
        read("\n".join(rows))


def test_places_of_keys_and_values() -> None:
    node = read("rules:\n  - name: 'x'\n    seats: 3\n")
    rule = node.required("rules").sequence()[0]
    assert (rule.required("seats").line, rule.required("seats").column) == (3, 12)
    assert str(rule.key_error("seats", "no")) == "routing.yaml:3:5: no"
    assert str(rule.key_error("owner", "no")) == "routing.yaml:2:5: no"
    assert str(rule.required("name").error("bad", offset=2, remedy="mend")) == (
        "routing.yaml:2:14: bad — mend"
    )


def test_unknown_keys_are_told_together_with_a_suggestion() -> None:
    with pytest.raises(ConfigurationError) as caught:
        read("produkt: 1\nteam: 2\n\nzzzz: 3").only({"product", "team"})
    assert str(caught.value).splitlines() == [
        "routing.yaml:1:1: unknown key 'produkt' — did you mean 'product'?",
        "routing.yaml:4:1: unknown key 'zzzz' — allowed: product, team",
    ]
    assert len(caught.value.errors) == 2


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (
            lambda node: node.required("number").text(),
            "a text, found the number 5 — put it in quotes",
        ),
        (
            lambda node: node.required("text").mapping(),
            "table of 'key: value' lines, found the text",
        ),
        (lambda node: node.required("text").sequence(), "expected a list, found the text 'hello'"),
        (lambda node: node.integer("decimal"), "expected a whole number, found the number 1.5"),
        (lambda node: node.decimal("text"), "expected a number, found the text 'hello'"),
        (lambda node: node.boolean("text"), "expected true or false"),
        (lambda node: node.required("empty"), "'empty' is missing — add 'empty: …'"),
        (
            lambda node: node.required("list").only({"a"}),
            "table of 'key: value' lines, found a list",
        ),
    ],
)
def test_strict_accessors(ask: object, message: str) -> None:
    node = read("{number: 5, text: hello, decimal: 1.5, empty: ~, list: []}")
    assert callable(ask)
    with pytest.raises(ConfigurationError) as caught:
        ask(node)
    assert message in str(caught.value)


def test_typed_values_and_defaults() -> None:
    node = read("{n: 5, d: 1.5, s: hello, b: true}")
    assert (node.integer("n"), node.integer("x", default=7)) == (5, 7)
    assert (node.decimal("d"), node.decimal("n")) == (Decimal("1.5"), Decimal(5))
    assert (node.string("s"), node.string("x", default="y")) == ("hello", "y")
    assert (node.boolean("b"), node.boolean("x", default=True)) == (True, True)
    assert node.get("x") is None


def test_problems_are_collected_in_order() -> None:
    node = read("a: 1\nb: 2")
    problems = Problems()
    for key in ("b", "a"):
        with problems.collecting():
            node.required(key).text()
    with pytest.raises(ConfigurationError) as caught:
        problems.raise_if_any()
    assert [error.line for error in caught.value.errors] == [1, 2]
    Problems().raise_if_any()


def test_load_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes("\ufeffa: 1".encode())
    assert load(path).integer("a") == 1
    path.write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(ConfigurationError, match="is not UTF-8 — save it as UTF-8"):
        load(path)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load(tmp_path / "none.yaml")


@settings(max_examples=150)
@given(st.text(alphabet="ab:-[]{}&*!|>'\"#,\n \t?%@`~01.", max_size=60))
def test_any_text_is_read_or_refused_at_a_place(text: str) -> None:
    try:
        outcome = str(read(text))
    except ConfigurationError as error:
        outcome = str(error)
    assert "routing.yaml" in outcome
