"""ExecuteBillQuery: columns, the filter language, order and pages. One row per entry line."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from itertools import product
from typing import Any

from sandboxes.common import Row
from sandboxes.common.lists import cut
from sandboxes.kingdee.archive import Archive
from sandboxes.kingdee.metadata import TYPED, Entity, Field, Form
from sandboxes.kingdee.words import refuse, unknown_field

PAGE_CAP = 2000


@dataclass(frozen=True, slots=True)
class Line:
    """A document with the entry row chosen in each entity that the query touches."""

    head: Row
    entries: dict[str, tuple[int, Row]]


@dataclass(frozen=True, slots=True)
class Column:
    read: Callable[[Line], Any]
    entity: str | None = None
    kind: str = "text"

    def comparable(self, line: Line) -> Any:
        value = self.read(line)
        if self.kind in ("int", "decimal", "ref"):
            return Decimal(value or 0)
        return str(value).strip().casefold()


class Columns:
    """Finds columns by the names a client sends, in any letter case."""

    def __init__(self, form: Form, archive: Archive) -> None:
        self._form = form
        self._archive = archive
        self.used: set[str] = set()

    def find(self, name: str) -> Column:
        column = self._find(name.strip())
        if column.entity:
            self.used.add(column.entity)
        return column

    def _find(self, name: str) -> Column:
        base, _, suffix = name.lower().partition(".")
        form = self._form
        if base == form.key.lower():
            return Column(lambda line: line.head[form.key], kind="int")
        if base in form.head:
            return self._typed(name, form.head[base], suffix, lambda line: line.head, None)
        for entity in form.entities:
            if column := self._of_entity(name, entity, base, suffix):
                return column
        raise unknown_field(name)

    def _of_entity(self, name: str, entity: Entity, base: str, suffix: str) -> Column | None:
        key = entity.key
        if base == f"{key}_fentryid".lower():
            return Column(lambda line: line.entries[key][1].get("FEntryID", 0), key, "int")
        if base == f"{key}_fseq".lower():
            return Column(lambda line: line.entries[key][0], key, "int")
        if base in entity.fields:
            return self._typed(name, entity.fields[base], suffix, lambda line: line.entries[key][1], key)
        return None

    def _typed(
        self, name: str, known: Field, suffix: str, row: Callable[[Line], Row], entity: str | None
    ) -> Column:
        if known.kind != "ref":
            if suffix:
                raise unknown_field(name)
            shown = TYPED.get(known.kind, _shown_text)
            return Column(lambda line: shown(row(line).get(known.key, "")), entity, known.kind)
        target = self._archive.form(known.of)

        def referred(line: Line) -> Row:
            return self._archive.by_number(target, str(row(line).get(known.key, ""))) or {}

        if not suffix:
            return Column(lambda line: referred(line).get(target.key, 0), entity, "ref")
        own = target.head.get(suffix)
        if own is None:
            raise unknown_field(name)
        return Column(lambda line: _shown_text(referred(line).get(own.key, "")), entity)


def _shown_text(value: Any) -> Any:
    """The database keeps one blank where a text is empty."""
    return " " if value == "" else value


Test = Callable[[Line], bool]

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>-?\d+(?:\.\d+)?)|(?P<word>[A-Za-z_][\w.]*)"
    r"|(?P<sign><>|!=|>=|<=|=|<|>|\(|\)|,))"
)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b,
    "<>": lambda a, b: a != b,
    "!=": lambda a, b: a != b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
}


class Filter:
    """A recursive descent over `or`, `and`, `not`, brackets and comparisons."""

    def __init__(self, text: str, columns: Columns) -> None:
        self._text = text
        self._tokens = list(_tokens(text))
        self._columns = columns
        self.equals: dict[str, list[str]] = {}
        """Top-level conjuncts `field = …` and `field in (…)`: a lookup by number reads only its documents."""

    def parse(self) -> Test:
        if not self._tokens:
            return lambda line: True
        test = self._any()
        if self._tokens:
            raise self._wrong()
        return test

    def _any(self) -> Test:
        tests = [self._all()]
        while self._take("or"):
            self.equals.clear()
            tests.append(self._all())
            self.equals.clear()
        return tests[0] if len(tests) == 1 else lambda line: any(test(line) for test in tests)

    def _all(self) -> Test:
        tests = [self._one()]
        while self._take("and"):
            tests.append(self._one())
        return tests[0] if len(tests) == 1 else lambda line: all(test(line) for test in tests)

    def _one(self) -> Test:
        if self._take("not"):
            inner = self._nested(self._one)
            return lambda line: not inner(line)
        if self._take("("):
            inner = self._nested(self._any)
            self._expect(")")
            return inner
        return self._comparison()

    def _nested(self, parse: Callable[[], Test]) -> Test:
        outer, self.equals = self.equals, {}
        try:
            return parse()
        finally:
            self.equals = outer

    def _comparison(self) -> Test:
        name = self._next("word")
        column = self._columns.find(name)
        negated = self._take("not")
        if negated and self._tokens and self._tokens[0][0] == "sign":
            raise self._wrong()
        if not negated:
            return self._operator(name, column)
        test = self._nested(lambda: self._operator(name, column))
        return lambda line: not test(line)

    def _operator(self, name: str, column: Column) -> Test:
        if self._take("is"):
            empty = not self._take("not")
            self._expect("null")
            return lambda line: (column.read(line) in (None, "", " ")) == empty
        if self._take("in"):
            listed = self._list()
            self.equals[name.lower()] = listed
            wanted = [_comparable(column, raw) for raw in listed]
            return lambda line: column.comparable(line) in wanted
        if self._take("between"):
            low = self._literal(column)
            self._expect("and")
            high = self._literal(column)
            return lambda line: column.read(line) is not None and bool(low <= column.comparable(line) <= high)
        if self._take("like"):
            pattern = _like(str(self._raw()))
            return lambda line: pattern.fullmatch(str(column.read(line)).strip()) is not None
        sign = self._next("sign")
        if sign not in _COMPARE:
            raise self._wrong()
        compare = _COMPARE[sign]
        raw = self._raw()
        if sign == "=":
            self.equals[name.lower()] = [raw]
        value = _comparable(column, raw)
        return lambda line: column.read(line) is not None and compare(column.comparable(line), value)

    def _list(self) -> list[str]:
        self._expect("(")
        values = [self._raw()]
        while self._take(","):
            values.append(self._raw())
        self._expect(")")
        return values

    def _literal(self, column: Column) -> Any:
        return _comparable(column, self._raw())

    def _raw(self) -> str:
        if not self._tokens or self._tokens[0][0] not in ("text", "number"):
            raise self._wrong()
        kind, text = self._tokens.pop(0)
        return text[1:-1].replace("''", "'") if kind == "text" else text

    def _take(self, word: str) -> bool:
        if self._tokens and self._tokens[0][0] in ("word", "sign") and self._tokens[0][1].lower() == word:
            self._tokens.pop(0)
            return True
        return False

    def _expect(self, word: str) -> None:
        if not self._take(word):
            raise self._wrong()

    def _next(self, kind: str) -> str:
        if not self._tokens or self._tokens[0][0] != kind:
            raise self._wrong()
        return self._tokens.pop(0)[1]

    def _wrong(self) -> Exception:
        return _bad_filter(self._text)


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    place = 0
    while place < len(text.rstrip()):
        found = _TOKEN.match(text, place)
        if found is None or found.lastgroup is None:
            raise _bad_filter(text)
        yield found.lastgroup, found[found.lastgroup]
        place = found.end()


def _bad_filter(text: str) -> Exception:
    return refuse(f"过滤条件[{text}]语法错误", code=8)


def _comparable(column: Column, raw: str) -> Any:
    try:
        if column.kind in ("int", "decimal", "ref"):
            return Decimal(raw)
        if column.kind == "date":
            return datetime.fromisoformat(raw).replace(tzinfo=None).isoformat().casefold()
    except (ValueError, InvalidOperation) as error:
        raise refuse(f"过滤条件中的值[{raw}]与字段类型不符", code=8) from error
    if column.kind == "bool":
        return str(raw.strip().casefold() in ("1", "true")).casefold()
    return raw.strip().casefold()


def _like(pattern: str) -> re.Pattern[str]:
    parts = (".*" if each == "%" else "." if each == "_" else re.escape(each) for each in pattern)
    return re.compile("".join(parts), re.IGNORECASE | re.DOTALL)


_CONDITIONS = {"67": "= '{}'", "17": "like '%{}%'", "39": ">= '{}'"}
"""Compare codes: only 67 (equals) is certain; 17 (contains) and 39 (on or after) were each seen once."""


def filter_text(given: Any) -> str:
    """The array form, one object a condition, becomes the text form."""
    if not isinstance(given, list):
        return str(given or "")
    parts: list[str] = []
    for number, each in enumerate(given):
        row = {key.lower(): value for key, value in each.items()}
        condition = _CONDITIONS.get(str(row.get("compare")))
        if condition is None:
            raise refuse(f"过滤条件的比较符[{row.get('compare')}]不支持", code=8)
        value = condition.format(str(row.get("value", "")).replace("'", "''"))
        parts.append(f"{row.get('left') or ''}{row.get('fieldname')} {value}{row.get('right') or ''}")
        if number < len(given) - 1:
            parts.append("or" if str(row.get("logic")) == "1" else "and")
    return " ".join(parts)


def run_query(archive: Archive, form: Form, data: Row) -> tuple[list[str], list[list[Any]]]:
    """Names as asked for, and rows in their order."""
    names = [name.strip() for name in str(data.get("fieldkeys") or "").split(",") if name.strip()]
    if not names:
        raise refuse("参数[FieldKeys]不能为空", code=8)
    finder = Columns(form, archive)
    columns = [finder.find(name) for name in names]
    where = Filter(filter_text(data.get("filterstring")), finder)
    test = where.parse()
    order = _order(str(data.get("orderstring") or ""), finder)
    lines = [line for line in _lines(_candidates(archive, form, where), form, finder.used) if test(line)]
    for column, descending in reversed(order):
        lines.sort(key=column.comparable, reverse=descending)
    return names, [[column.read(line) for column in columns] for line in _page(lines, data)]


def _candidates(archive: Archive, form: Form, where: Filter) -> Iterable[Row]:
    numbers = where.equals.get(form.number.lower(), [])
    if numbers and all(number.strip() for number in numbers):  # drafts have no number, and no index
        found = [archive.by_number(form, number) for number in dict.fromkeys(_trimmed(numbers))]
    elif keys := where.equals.get(form.key.lower()):
        found = [archive.get(form, key) for key in dict.fromkeys(_trimmed(keys))]
    else:
        return list(archive.rows(form))
    return [row for row in found if row]


def _trimmed(texts: list[str]) -> list[str]:
    return [text.strip().upper() for text in texts]


def _lines(rows: Iterable[Row], form: Form, used: set[str]) -> Iterator[Line]:
    """A document without rows in an entity that was asked for still shows once."""
    keys = [entity.key for entity in form.entities if entity.key in used]
    for row in rows:
        choices = [[(key, place) for place in enumerate(row[key] or [{}], start=1)] for key in keys]
        for chosen in product(*choices):
            yield Line(row, dict(chosen))


def _order(text: str, finder: Columns) -> list[tuple[Column, bool]]:
    parts = (part.split() for part in text.split(",") if part.strip())
    return [(finder.find(words[0]), words[-1].lower() == "desc") for words in parts]


def _page(lines: list[Line], data: Row) -> Sequence[Line]:
    """TopRowCount is an absolute last row; 0 turns it off."""
    start, limit, top = (int(data.get(key) or 0) for key in ("startrow", "limit", "toprowcount"))
    return cut(lines[:top] if top else lines, start, min(limit or PAGE_CAP, PAGE_CAP)).rows
