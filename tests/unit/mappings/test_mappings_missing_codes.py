import pytest

from domain.faults import MissingCode, Unmappable
from mappings import DictTable, Translator, both_ways, compile_mapping
from mappings.tables import layered

MAPPING = compile_mapping(
    """
mapping: test.receivable
from: neutral.receivable
to: erp.receivable
fields:
  customer: {from: customer, lookup: customers}
  currency: {from: currency, lookup: currencies.inverse}
  unit: {from: unit, table: {件: Pcs}}
  number: {from: number, required: true}
  rate: {from: rate, lookup: rates, on_miss: fail}
  lines:
    each: lines
    fields:
      material: {from: sku, as: strip, lookup: materials}
""",
    file="test.yaml",
)


def _missing(**record: object) -> tuple[tuple[MissingCode, ...], bool]:
    translator = Translator({"customers": DictTable({"C1": "K1"})}, load=lambda name: MAPPING)
    with pytest.raises(Unmappable) as caught:
        translator.translate("test.receivable", {"number": "1", **record})
    return caught.value.lacks, caught.value.lacks_only_codes


@pytest.mark.parametrize(
    ("record", "lacks", "only_codes"),
    [
        ({"customer": "C2"}, [MissingCode("customers", "C2")], True),
        ({"customer": 7}, [MissingCode("customers", "7")], True),
        ({"currency": "PRE9"}, [MissingCode("currencies.inverse", "PRE9")], True),
        (
            {"lines": [{"sku": " A "}, {"sku": "B"}, {"sku": "A"}]},
            [MissingCode("materials", key) for key in "ABA"],
            True,
        ),
        ({"customer": "C2", "number": None}, [MissingCode("customers", "C2")], False),
        ({"unit": "箱"}, [], False),
        ({"rate": "13"}, [], False),
    ],
)
def test_what_a_row_in_a_code_table_would_solve_is_named(
    record: dict[str, object], lacks: list[MissingCode], only_codes: bool
) -> None:
    assert _missing(**record) == (tuple(lacks), only_codes)


def test_a_row_of_the_hub_comes_first_and_hides_no_other_of_the_connections_own() -> None:
    above, below = both_ways({"t": {"USD": "PRE7"}}), both_ways({"t": {"USD": "PRE2", "CNY": "PRE1"}})
    both = layered(above, {**below, "own": DictTable({"x": "1"})})
    assert [both["t"].lookup(key) for key in ("USD", "CNY", "EUR")] == ["PRE7", "PRE1", None]
    assert both["t.inverse"].lookup("PRE1") == "CNY"
    assert both["own"].lookup("x") == "1"
