"""A code table as a file: CSV in the encodings that people have, or an Excel sheet; every wrong row told."""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from pathlib import Path
from zipfile import BadZipFile

from configuration import ConfigurationError, Problems, did_you_mean

EXCEL = (".xlsx", ".xlsm")
SAFE_DIGITS = 15
"""Excel keeps numbers as binary fractions: from the sixteenth digit on they are others."""
STEP = 1000
_ROUNDED = re.compile(r"[+-]?\d(\.\d+)?[eE]\+\d+")

Line = tuple[int, Sequence[object]]


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns hold the key and the code, by their position."""

    key: int
    value: int


@dataclass(frozen=True, slots=True)
class CodeFile:
    rows: Mapping[str, str]
    columns: tuple[str, str]


def read_codes(
    path: Path,
    *,
    key: str | None = None,
    value: str | None = None,
    progress: Callable[[int], None] = lambda read: None,
) -> CodeFile:
    """Raises ConfigurationError with every line that is wrong. `progress`: lines read, now and then."""
    lines = (line for line in _lines(path) if any(cell not in (None, "") for cell in line[1]))
    number, header = next(lines, (1, ()))
    names = [_name(cell) for cell in header]
    columns = _columns(names, key, value, file=str(path), line=number)
    return CodeFile(
        _rows(_counted(lines, progress), columns, file=str(path)), (names[columns.key], names[columns.value])
    )


def _counted(lines: Iterable[Line], progress: Callable[[int], None]) -> Iterator[Line]:
    for line in lines:
        if line[0] % STEP == 0:
            progress(STEP)
        yield line


def write_codes(path: Path, rows: Mapping[str, str], *, columns: tuple[str, str] = ("key", "value")) -> None:
    if path.suffix.lower() in EXCEL:
        _write_excel(path, [columns, *rows.items()])
    else:
        path.write_text(csv_text(rows, columns=columns), encoding="utf-8-sig", newline="")


def csv_text(rows: Mapping[str, str], *, columns: tuple[str, str] = ("key", "value")) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([columns, *rows.items()])
    return text.getvalue()


def _write_excel(path: Path, rows: Iterable[Sequence[str]]) -> None:
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    book = Workbook(write_only=True)
    sheet = book.create_sheet("codes")
    for row in rows:
        cells = [WriteOnlyCell(sheet, value=text) for text in row]
        for cell in cells:
            # As text: 007 stays 007, and what begins with = is no formula.
            cell.data_type, cell.number_format = "s", "@"
        sheet.append(cells)
    book.save(path)


# --- lines ------------------------------------------------------------------------------------------------


def _lines(path: Path) -> Iterator[Line]:
    if not path.is_file():
        raise ConfigurationError("没有这个文件 (no such file)", file=str(path))
    return _excel(path) if path.suffix.lower() in EXCEL else _csv(path)


def _excel(path: Path) -> Iterator[Line]:
    # Imported late: it takes longer than most commands.
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except (InvalidFileException, BadZipFile, OSError, KeyError, ValueError) as error:
        raise _unreadable(path, "不是 Excel 工作簿 (not a workbook)") from error
    try:
        yield from enumerate(book.worksheets[0].iter_rows(values_only=True), start=1)
    finally:
        book.close()


def _csv(path: Path) -> Iterator[Line]:
    text = _decoded(path)
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max("\t;,", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    start = 1
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise ConfigurationError(
                f"不是 CSV (not CSV): {error}", file=str(path), line=start, remedy="检查这一行的引号"
            ) from error
        if cells is None:
            return
        yield start, cells
        start = reader.line_num + 1


def _decoded(path: Path) -> str:
    body = path.read_bytes()
    encodings = ("utf-16",) if body[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "gb18030")
    for encoding in encodings:
        try:
            return body.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise _unreadable(path, "编码既不是 UTF-8 也不是 GBK (neither UTF-8 nor GBK)")


def _unreadable(path: Path, message: str) -> ConfigurationError:
    return ConfigurationError(message, file=str(path), remedy="另存为 .xlsx，或 UTF-8 的 .csv")


# --- columns ----------------------------------------------------------------------------------------------


def _name(cell: object) -> str:
    return "" if cell is None else str(cell).strip()


def _columns(names: Sequence[str], key: str | None, value: str | None, *, file: str, line: int) -> Columns:
    if not names:
        raise ConfigurationError("文件是空的 (empty)", file=file, remedy="第一行是列名，其后每行一个编码")
    filled = [name for name in names if name]
    if key is None and value is None and len(filled) == len(names) == 2:
        return Columns(0, 1)
    wanted = (key or "key", value or "value")
    positions = [_position(name, names, file=file, line=line) for name in wanted]
    return Columns(*positions)


def _position(name: str, names: Sequence[str], *, file: str, line: int) -> int:
    if names.count(name) == 1:
        return names.index(name)
    known = [other for other in names if other]
    advice = f"用 --key 列名 --value 列名 指定；文件有：{'、'.join(known)}"
    if name in known:
        raise ConfigurationError(f"不止一列叫“{name}” (several)", file=file, line=line, remedy=advice)
    near = did_you_mean(name, known)
    raise ConfigurationError(f"没有列“{name}” (no such column)", file=file, line=line, remedy=near or advice)


# --- rows -------------------------------------------------------------------------------------------------


def _rows(lines: Iterable[Line], columns: Columns, *, file: str) -> dict[str, str]:
    rows: dict[str, str] = {}
    seen: dict[str, int] = {}
    problems = Problems()
    for number, cells in lines:
        with problems.collecting():
            key = _cell(cells, columns.key, "键 (key)", file=file, line=number)
            value = _cell(cells, columns.value, "编码 (code)", file=file, line=number)
            if key in seen:
                raise _repeated(key, (rows[key], value), seen[key], file=file, line=number)
            rows[key], seen[key] = value, number
    problems.raise_if_any()
    return rows


def _repeated(key: str, values: tuple[str, str], first: int, *, file: str, line: int) -> ConfigurationError:
    if values[0] == values[1]:
        return ConfigurationError(
            f"“{key}”与第 {first} 行重复 (duplicate)", file=file, line=line, remedy="删掉其中一行"
        )
    return ConfigurationError(
        f"“{key}”是“{values[1]}”，第 {first} 行却是“{values[0]}” (conflict)",
        file=file,
        line=line,
        remedy="留下对的一行",
    )


def _cell(cells: Sequence[object], position: int, what: str, *, file: str, line: int) -> str:
    cell = cells[position] if position < len(cells) else None
    text, problem = _text(cell)
    if problem:
        raise ConfigurationError(
            f"{what}{problem}", file=file, line=line, column=position + 1, remedy="把这一列设为文本后重新填写"
        )
    if not text:
        raise ConfigurationError(
            f"{what}是空的 (empty)", file=file, line=line, column=position + 1, remedy="填上，或删掉这一行"
        )
    return text


def _text(cell: object) -> tuple[str, str]:
    """The cell as text, and what is wrong with it."""
    if cell is None:
        return "", ""
    if isinstance(cell, bool | date | time):
        return "", f"“{cell}”不是文本 (not a text)"
    if isinstance(cell, int | float):
        text = str(int(cell)) if cell == int(cell) else repr(cell)
        return text, "超过 15 位，Excel 已改了它 (Excel has rounded it)" if len(text) > SAFE_DIGITS else ""
    text = str(cell).strip()
    if "\x00" in text:
        return "", "含有 NUL 字符 (contains NUL)"
    return text, f"“{text}”被 Excel 改成了科学计数 (rounded by Excel)" if _ROUNDED.fullmatch(text) else ""
