from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from configuration import ConfigurationError
from hub.code_files import read_codes, write_codes


def _file(folder: Path, body: bytes, name: str = "codes.csv") -> Path:
    path = folder / name
    path.write_bytes(body)
    return path


Cell = str | int | float | date | None


def _sheet(folder: Path, *rows: tuple[Cell, ...]) -> Path:
    book = Workbook()
    for row in rows:
        assert book.active is not None
        book.active.append(row)
    book.save(folder / "codes.xlsx")
    return folder / "codes.xlsx"


PLAIN = "商品,物料编码\n设备甲,007\n"


@pytest.mark.parametrize(
    "body",
    [
        PLAIN.encode(),
        PLAIN.encode("utf-8-sig"),
        PLAIN.encode("gbk"),
        PLAIN.encode("utf-16"),
        PLAIN.replace("\n", "\r\n").encode(),
        PLAIN.replace(",", ";").encode(),
        PLAIN.replace(",", "\t").encode(),
        b"\n" + PLAIN.encode() + b"\n,\n\n",
        ' 商品 ,物料编码\n"设备甲"," 007 "\n'.encode(),
    ],
)
def test_every_way_that_people_save_a_csv(body: bytes, tmp_path: Path) -> None:
    found = read_codes(_file(tmp_path, body))
    assert (dict(found.rows), found.columns) == ({"设备甲": "007"}, ("商品", "物料编码"))


def test_columns_are_found_by_name_and_may_stand_anywhere(tmp_path: Path) -> None:
    path = _file(tmp_path, "备注,key,value\nx,A,1\n".encode())
    assert read_codes(path).rows == {"A": "1"}
    assert read_codes(path, key="备注", value="key").rows == {"x": "A"}


def test_excel_texts_and_whole_numbers_are_taken(tmp_path: Path) -> None:
    path = _sheet(tmp_path, ("商品", "编码"), ("设备甲", "007"), (None, None), ("设备乙", 1001), (12.0, 3.5))
    assert read_codes(path).rows == {"设备甲": "007", "设备乙": "1001", "12": "3.5"}


@pytest.mark.parametrize(
    ("text", "line", "column", "words", "remedy"),
    [
        ("a,b\nA,1\nA,1\n", 3, 1, "“A”与第 2 行重复", "删掉"),
        ("a,b\nA,1\nB,2\nA,3\n", 4, 1, "“A”是“3”，第 2 行却是“1”", "留下对的一行"),
        ("a,b\nA,\n", 2, 2, "编码 (code)是空的", "填上"),
        ('a,b\n"x\ny",1\n,2\n', 4, 1, "键 (key)是空的", "填上"),
        ("a,b\nA\n", 2, 2, "是空的", "填上"),
        ("a,b\nA,1.23E+12\n", 2, 2, "科学计数", "设为文本"),
        ("a,b\nA,1\x002\n", 2, 2, "NUL", "文本"),
        ("a,b,c\nA,1,2\n", 1, 1, "没有列“key”", "--key"),
        ("key,valeu,c\nA,1,2\n", 1, 1, "没有列“value”", "did you mean 'valeu'"),
        ("key,key,value\nA,1,2\n", 1, 1, "不止一列叫“key”", "--key"),
        ("", 1, 1, "空的", "第一行是列名"),
        ('a,b\nA,"1"x\n', 2, 1, "不是 CSV", "引号"),
    ],
)
def test_what_is_wrong_is_told_with_its_line_column_and_remedy(
    text: str, line: int, column: int, words: str, remedy: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_codes(_file(tmp_path, text.encode()))
    (error,) = caught.value.errors
    assert (error.line, error.column) == (line, column)
    assert words in error.message
    assert remedy in (error.remedy or "")


def test_all_wrong_lines_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_codes(_file(tmp_path, b"a,b\nA,\n,1\nB,2\nB,2\n"))
    assert [error.line for error in caught.value.errors] == [2, 3, 5]


@pytest.mark.parametrize(
    ("cell", "words"),
    [(1234567890123456789, "15 位"), (date(2026, 5, 1), "不是文本"), (True, "不是文本"), (1e20, "15 位")],
)
def test_what_excel_has_made_of_a_code_is_not_taken_for_it(cell: Cell, words: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=words):
        read_codes(_sheet(tmp_path, ("a", "b"), ("A", cell)))


@pytest.mark.parametrize(
    ("name", "body", "words"),
    [
        ("x.csv", b"\xff\x81\x00\xff", "既不是 UTF-8 也不是 GBK"),
        ("x.xlsx", b"PK but no workbook", "不是 Excel 工作簿"),
    ],
)
def test_other_files_are_refused(name: str, body: bytes, words: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=words):
        read_codes(_file(tmp_path, body, name))
    with pytest.raises(ConfigurationError, match="没有这个文件"):
        read_codes(tmp_path / "absent.csv")


texts = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=12).filter(
    lambda text: "E+" not in text.upper()
)


@pytest.mark.parametrize("name", ["codes.csv", "codes.xlsx"])
@given(rows=st.dictionaries(texts, texts, max_size=8))
def test_what_is_exported_is_imported_again_as_it_was(
    rows: dict[str, str], name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("codes") / name
    write_codes(path, rows)
    assert read_codes(path).rows == rows
