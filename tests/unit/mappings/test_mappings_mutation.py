"""The mutation check: what a good sample notices and a poor one does not; the floor of the shipped files."""

import pytest

from mappings import check_samples, compile_mapping, load, names
from mappings.mutation import Score, score

FLOOR = 90

HEAD = "mapping: a.b\nfrom: a\nto: b\nfields:\n"


def scored(rows: str, samples: str) -> Score:
    mapping = compile_mapping(f"{HEAD}{rows}\nsamples:\n{samples}", file="x.yaml")
    assert check_samples(mapping) == []
    return score(mapping)


def unnoticed(rows: str, samples: str) -> list[str]:
    return [f"{each.target}: {each.change}" for each in scored(rows, samples).unnoticed]


def test_without_samples_nothing_is_noticed() -> None:
    found = score(compile_mapping(f"{HEAD}  A: {{from: b, required: true}}", file="x.yaml"))
    assert (found.total, found.percent) == (2, 0)


@pytest.mark.parametrize(
    ("row", "poor", "blind_to", "better"),
    [
        ("A: b", "{in: {}, out: {}}", "A: row dropped", "{in: {b: 1}, out: {A: 1}}"),
        ("A: {value: x}", "{in: {}, out: {A: x}}", None, None),
        (
            "A: {from: b, required: true}",
            "{in: {b: 1}, out: {A: 1}}",
            "A: without required",
            "{in: {}, out: {}, problems: [missing A]}",
        ),
        (
            "A: {from: b, as: strip}",
            "{in: {b: x}, out: {A: x}}",
            "A: without as: strip",
            "{in: {b: ' x'}, out: {A: x}}",
        ),
        (
            "A: {from: b, as: decimal(2)}",
            "{in: {b: 1.5}, out: {A: '1.50'}}",
            "A: as: decimal(2, down)",
            "{in: {b: 1.005}, out: {A: 1.01}}",
        ),
        (
            "A: {from: b, as: 'boolean(是的, 不是)'}",
            "{in: {b: 是的}, out: {A: true}}",
            None,
            None,
        ),
        (
            "A: {from: b, default: 无}",
            "{in: {b: x}, out: {A: x}}",
            "A: without default",
            "{in: {}, out: {A: 无}}",
        ),
        (
            "A: {from: b, max: 2}",
            "{in: {b: xy}, out: {A: xy}}",
            "A: without max",
            "{in: {b: xyz}, out: {}, problems: [too_long A]}",
        ),
        (
            "A: {from: b, max: 2, truncate: true}",
            "{in: {b: xy}, out: {A: xy}}",
            "A: truncate: false",
            "{in: {b: xyz}, out: {A: xy}}",
        ),
        (
            "A: {from: b, table: {x: X, y: Y}, on_miss: pass}",
            "{in: {b: x}, out: {A: X}}",
            "A: table without y",
            "{in: {b: y}, out: {A: Y}}",
        ),
        (
            "A: {from: b, table: {x: X}}",
            "{in: {b: x}, out: {A: X}}",
            "A: on_miss: pass",
            "{in: {b: y}, out: {}, problems: [no_code A]}",
        ),
        (
            "A: {from: b, when: c}",
            "{in: {b: 1, c: 1}, out: {A: 1}}",
            "A: without when",
            "{in: {b: 1}, out: {}}",
        ),
        (
            'A: {expr: "1 if b == 2 else 3"}',
            "{in: {b: 2}, out: {A: 1}}",
            "A: expr 3 → 4",
            "{in: {b: 1}, out: {A: 3}}",
        ),
        ("A: {expr: b or c}", "{in: {b: 1}, out: {A: 1}}", "A: expr without c", "{in: {c: 2}, out: {A: 2}}"),
        ("A: {expr: b * 100}", "{in: {b: 2}, out: {A: 200}}", None, None),
        (
            "A: {each: b, where: c > 0, fields: {D: {from: c, required: true}}}",
            "{in: {b: [{c: 1}]}, out: {A: [{D: 1}]}}",
            "A: without where",
            "{in: {b: [{c: 0}]}, out: {A: []}}",
        ),
    ],
)
def test_what_a_sample_notices(row: str, poor: str, blind_to: str | None, better: str | None) -> None:
    found = unnoticed(f"  {row}", f"  - {poor}\n")
    if blind_to is None:
        assert found == []
        return
    assert blind_to in found
    assert blind_to not in unnoticed(f"  {row}", f"  - {poor}\n  - {better}\n")


def test_the_slip_of_a_line() -> None:
    rows = "  A: b\n  C: d\n"
    assert unnoticed(rows, "  - {in: {b: 1, d: 1}, out: {A: 1, C: 1}}") == ["A: from d", "C: from b"]
    assert unnoticed(rows, "  - {in: {b: 1, d: 2}, out: {A: 1, C: 2}}") == []


def test_rows_inside_lists_and_objects_are_changed_too() -> None:
    rows = "  H.A: b\n  H.B: c\n  L: {each: l, fields: {D: {from: e, as: strip}, E: f}}\n"
    sample = "  - {in: {b: 1, c: 2, l: [{e: x, f: y}]}, out: {H: {A: 1, B: 2}, L: [{D: x, E: y}]}}"
    assert unnoticed(rows, sample) == ["L[*].D: without as: strip"]


def test_the_names_of_functions_and_fields_are_left_alone() -> None:
    changes = [
        each.change for each in scored("""  A: {expr: 'upper(b["c"])'}""", "  - {in: {}, out: {}}").unnoticed
    ]
    assert changes == ["row dropped", "expr b → nowhere"]


@pytest.mark.parametrize("name", names())
def test_the_samples_of_the_shipped_mappings_notice_what_is_changed(name: str) -> None:
    found = score(load(name))
    missed = "\n".join(f"{each.target} · {each.change}" for each in found.unnoticed)
    assert found.percent >= FLOOR, f"{name}: {found.percent} %\n{missed}"
