"""Wrong mapping files: each is answered with file, place, and what to do."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from configuration import ConfigurationError
from mappings import (
    CompiledMapping,
    UnknownMapping,
    check_samples,
    compile_mapping,
    library,
    load,
    names,
    shipped,
)

HEAD = "mapping: a.b\nfrom: a\nto: b\nfields:\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("from: a\nto: b\nfields: {A: b}", "x.yaml:1:1: 'mapping' is missing — add 'mapping: …'"),
        ("mapping: a\nfrom: a\nfields: {A: b}", "'to' is missing — add 'to: …'"),
        (HEAD, "x.yaml:4:1: 'fields' is missing"),
        (HEAD + "  {}", "x.yaml:5:3: no fields — add a line 'target: source'"),
        ("mapping: a\nfeilds: {A: b}", "x.yaml:2:1: unknown key 'feilds' — did you mean 'fields'?"),
        (HEAD + "  A: {form: b}", "x.yaml:5:7: A: unknown key 'form' — did you mean 'from'?"),
        (HEAD + "  A: {lookup: t}", "x.yaml:5:3: 'A' has no source — give one of from, expr, value, each"),
        (HEAD + "  A: {from: b, expr: c}", "x.yaml:5:3: 'A' has from and expr — give one of"),
        (
            HEAD + "  A: 5",
            "x.yaml:5:3: A: expected a path or a row, found the number 5 — write 'Target: source.path'",
        ),
        (HEAD + "  A:", "x.yaml:5:3: A: expected a path or a row, found nothing"),
        (HEAD + "  A: [b]", "x.yaml:5:3: A: expected a path or a row, found a list"),
        (HEAD + "  A: b..c", "x.yaml:5:7: A: 'b..c' is not a path — write it like lines[0].sku"),
        (HEAD + "  A: {from: 'b[x]'}", "x.yaml:5:15: A: 'b[x]' is not a path"),
        (HEAD + "  A: b\n  A: c", "x.yaml:6:3: key 'A' is repeated — it is already in line 5; keep one"),
        (HEAD + "  A.B: b\n  A . B: c", "x.yaml:6:3: target 'A . B' is repeated — it is already in line 5"),
        (
            HEAD + "  A: b\n  A.B: c",
            "x.yaml:6:3: 'A' is a value and an object at once — line 5 fills 'A'; keep one",
        ),
        (HEAD + "  A.B.C: b\n  A.B: c", "x.yaml:6:3: 'A.B' is a value and an object at once"),
        (HEAD + "  A..B: b", "x.yaml:5:3: 'A..B' is not a target"),
        (HEAD + "  A[0]: b", "x.yaml:5:3: 'A[0]' has a bracket — write a list with each: and fields:"),
        (
            HEAD + "  A: {from: b, as: decimol(2)}",
            "x.yaml:5:20: A: unknown converter 'decimol' — did you mean 'decimal'?",
        ),
        (
            HEAD + "  A: {from: b, as: qqqq}",
            "x.yaml:5:20: A: unknown converter 'qqqq' — known: boolean, credit_code",
        ),
        (
            HEAD + "  A: {from: b, as: decimal(two)}",
            "decimal: 'places' is of the wrong type — write decimal(places, r",
        ),
        (HEAD + "  A: {from: b, as: decimal(20)}", "decimal: 'places' is 0 to 12"),
        (
            HEAD + "  A: {from: b, as: 'decimal(2, near)'}",
            "decimal: 'rounding' is one of 05up, ceiling, down",
        ),
        (HEAD + "  A: {from: b, as: upper(1)}", "upper: too many positional arguments — write upper"),
        (
            HEAD + "  A: {from: b, as: 'date(zon=1)'}",
            "date: got an unexpected keyword argument 'zon' — write date(f",
        ),
        (
            HEAD + "  A: {from: b, as: 'date(zone=\"Mars\")'}",
            "date: unknown time zone 'Mars', write it like Asia/Shang",
        ),
        (HEAD + "  A: {from: b, as: phone(ZZ)}", "phone: unknown region 'ZZ', write it like CN"),
        (
            HEAD + "  A: {from: b, as: 'decimal('}",
            "x.yaml:5:20: A: 'decimal(' is not a converter — write it like dec",
        ),
        (HEAD + "  A: {from: b, as: 'decimal(1+1)'}", "decimal: arguments are numbers and texts"),
        (HEAD + "  A: {from: b, as: 'os.system(1)'}", "'os.system(1)' is not a converter"),
        (HEAD + "  A: {expr: 'a = 1'}", "x.yaml:5:16: A: a single = does not compare — write =="),
        (
            HEAD + "  A: {expr: a + uper(b)}",
            "x.yaml:5:17: A: unknown function 'uper' — did you mean 'upper'?",
        ),
        (HEAD + "  A: {from: b, when: c.__class__}", "x.yaml:5:22: A: '__class__' is not allowed"),
        (
            HEAD + "  A: {from: b, on_miss: park}",
            "x.yaml:5:16: A: 'on_miss' goes with lookup or table — remove it",
        ),
        (
            HEAD + "  A: {from: b, lookup: t, on_miss: prak}",
            "x.yaml:5:36: A: unknown on_miss 'prak' — did you mean 'park'?",
        ),
        (
            HEAD + "  A: {from: b, lookup: t, on_miss: default}",
            "'on_miss: default' has no default — add 'default: …'",
        ),
        (
            HEAD + "  A: {from: b, lookup: t, table: {a: b}}",
            "x.yaml:5:27: A: has lookup and table — keep one of them",
        ),
        (
            HEAD + "  A: {from: b, required: yes}",
            "x.yaml:5:26: A: expected true or false, found the text 'yes'",
        ),
        (
            HEAD + "  A: {from: b, max: long}",
            "x.yaml:5:21: A: expected a whole number, found the text 'long'",
        ),
        (HEAD + "  A: {from: b, max: 0}", "x.yaml:5:21: A: 'max' is at least 1"),
        (HEAD + "  A: {from: b, truncate: true}", "x.yaml:5:16: A: 'truncate' goes with max — add 'max: …'"),
        (
            HEAD + "  A: {from: b, fields: {B: c}}",
            "x.yaml:5:16: A: 'fields' goes with each: — add 'each: list.path'",
        ),
        (HEAD + "  A: {each: b}", "x.yaml:5:6: A: 'fields' is missing"),
        (HEAD + "  A: {each: b, as: text, fields: {B: c}}", "x.yaml:5:16: A: 'as' does not go with each:"),
        (HEAD + "  A: {each: 'b[*].c', fields: {B: c}}", "each: goes over one list"),
        (
            HEAD + "  A: {each: b, fields: {B: {from: c, as: txt}}}",
            "x.yaml:5:42: A[*].B: unknown converter 'txt'",
        ),
        (HEAD + "  A: {from: !!python/name:os.system b}", "is not allowed — remove it"),
        (HEAD + "  A: b\nsamples:\n  - {in: {}}", "x.yaml:7:5: 'out' is missing — add 'out: …'"),
        (
            HEAD + "  A: b\nsamples:\n  - {in: {}, out: {}, inn: 1}",
            "x.yaml:7:23: unknown key 'inn' — did you mean 'in'?",
        ),
    ],
)
def test_wrong_file(text: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        compile_mapping(text, file="x.yaml")
    assert message in str(caught.value)
    assert str(caught.value).startswith("x.yaml:")


def test_all_wrong_rows_are_told_at_once() -> None:
    rows = (
        "  A: b..c\n  B: {from: x, as: txt}\n  C: c\n  D: {each: l, fields: {E: {form: x}, F: {expr: 1 +}}}"
    )
    text = HEAD + rows
    with pytest.raises(ConfigurationError) as caught:
        compile_mapping(text, file="x.yaml")
    assert [error.line for error in caught.value.errors] == [5, 6, 8, 8]


def nested(depth: int) -> str:
    return "{A: b}" if depth == 0 else f"{{A: {{each: b, fields: {nested(depth - 1)}}}}}"


def test_lists_in_lists_have_a_limit() -> None:
    compile_mapping(f"mapping: a\nfrom: a\nto: b\nfields: {nested(5)}", file="x.yaml")
    with pytest.raises(ConfigurationError, match="more than 5 lists inside each other"):
        compile_mapping(f"mapping: a\nfrom: a\nto: b\nfields: {nested(6)}", file="x.yaml")


SAMPLES = """
samples:
  - in: {n: 1.50, day: 2026-01-05, code: a}
    out: {N: "1.50", Day: 2026-01-05, Code: A1}
    tables: {codes: {a: A1}}
  - {name: miss, in: {n: 2, code: b}, out: {N: 2}, problems: [no_code Code]}
  - {in: in.json, out: out.json}
"""


def sampled(samples: str, folder: Path | None = None) -> CompiledMapping:
    rows = "  N: {from: n, as: decimal}\n  Day: {from: day, as: date}\n  Code: {from: code, lookup: codes}\n"
    return compile_mapping(HEAD + rows + samples, file="x.yaml", folder=folder)


def test_samples_pass(tmp_path: Path) -> None:
    (tmp_path / "in.json").write_text('{"n": 12.30, "day": "2026/1/5"}', encoding="utf-8")
    (tmp_path / "out.json").write_text('{"N": 12.3, "Day": "2026-01-05"}', encoding="utf-8")
    assert check_samples(sampled(SAMPLES, tmp_path)) == []


@pytest.mark.parametrize(
    ("sample", "difference"),
    [
        ("{in: {n: 1}, out: {N: 2}}", "N: expected 2, found Decimal('1')"),
        ("{in: {n: 1}, out: {}}", "N: expected None, found Decimal('1')"),
        ("{in: {}, out: {Day: 2026-01-05}}", "Day: expected '2026-01-05', found None"),
        ("{in: {code: a}, out: {}}", "problems: expected [], found ['no_code Code']"),
        ("{in: {}, out: {}, problems: [missing N]}", "problems: expected ['missing N'], found []"),
    ],
)
def test_samples_fail(sample: str, difference: str) -> None:
    failures = check_samples(sampled(f"samples:\n  - {sample}\n"))
    assert [failure.differences for failure in failures] == [(difference,)]
    assert "sample in line 9" in str(failures[0])


def test_sample_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "in.json").write_text("{", encoding="utf-8")
    for folder in (None, tmp_path):
        with pytest.raises(ConfigurationError, match=r"x\.yaml:9:"):
            check_samples(sampled("samples:\n  - {in: in.json, out: {}}\n", folder))


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(shipped, "LIBRARY", tmp_path / "library")
    library.load.cache_clear()
    shipped.files.cache_clear()
    (tmp_path / "library/vendor").mkdir(parents=True)
    yield tmp_path / "library/vendor"
    library.load.cache_clear()
    shipped.files.cache_clear()


def test_library(shelf: Path) -> None:
    (shelf / "one.yaml").write_text(HEAD + "  A: b\n", encoding="utf-8")
    (shelf / "two.yaml").write_text("mapping: c.d\nfields: [wrong\n", encoding="utf-8")
    assert names() == ["a.b", "c.d"]
    assert load("a.b") is load("a.b")
    assert load("a.b").apply({"b": 1}).data == {"A": 1}
    with pytest.raises(UnknownMapping, match=r"no mapping 'a\.c': did you mean 'a\.b'\?"):
        load("a.c")
    with pytest.raises(ConfigurationError, match=r"library/vendor/two\.yaml"):
        load("c.d")


def test_two_files_with_one_name(shelf: Path) -> None:
    for name in ("one", "two"):
        (shelf / f"{name}.yaml").write_text(HEAD + "  A: b\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"mapping 'a\.b' is in one\.yaml too — rename one"):
        names()


@pytest.mark.parametrize("name", names())
def test_the_shipped_mappings_agree_with_their_samples(name: str) -> None:
    assert [str(failure) for failure in check_samples(load(name))] == []
