import pytest

from domain.ports import ArchiveEntry
from flows.code_suggestions import kind_of, suggestions

ARCHIVE = [
    ArchiveEntry("MAT-1", "示例设备"),
    ArchiveEntry("MAT-2", "示例配件"),
    ArchiveEntry("MAT-3", "示例配件"),
    ArchiveEntry("SKU-C", "安装服务"),
]


def _suggested(key: str, *names: str, now: str | None = None) -> tuple[list[str], bool, bool]:
    found = suggestions({key: names}, {key: now} if now else {}, ARCHIVE)
    return (
        [entry.code for each in found for entry in each.entries],
        any(each.certain for each in found),
        any(each.conflicting for each in found),
    )


@pytest.mark.parametrize(
    ("asked", "codes", "certain", "conflicting"),
    [
        (("SKU-A", "示例设备"), ["MAT-1"], True, False),
        (("SKU-C",), ["SKU-C"], True, False),
        (("示例设备",), ["MAT-1"], True, False),
        (("SKU-B", "示例配件"), ["MAT-2", "MAT-3"], False, True),
        (("SKU-C", "示例设备"), ["MAT-1", "SKU-C"], False, True),
        (("SKU-A", "示例设备 "), [], False, False),
        (("sku-c",), [], False, False),
    ],
)
def test_only_the_same_code_or_name_counts_and_two_are_for_a_person(
    asked: tuple[str, ...], codes: list[str], certain: bool, conflicting: bool
) -> None:
    assert _suggested(*asked) == (codes, certain, conflicting)


def test_a_row_that_stands_is_never_suggested_anew() -> None:
    assert _suggested("SKU-A", "示例设备", now="MAT-1") == (["MAT-1"], False, False)
    assert _suggested("SKU-A", "示例设备", now="MAT-9") == (["MAT-1"], False, True)


def test_the_kind_of_a_table_is_in_its_name() -> None:
    assert [kind_of(name) for name in ("kingdee_material", "u8_customer", "region")] == [
        "material",
        "customer",
        None,
    ]
