"""What the pages are put together from: forms, cells, links."""

import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from sandboxes.common.books import Row
from sandboxes.common.markup import Markup, both, join, tag
from sandboxes.common.screens import Blank, Column, Deed, plain

HOME = "/_sandbox/page/"
ROWS_PER_PAGE = 25
LONGEST_CELL = 120
LONGEST_KEY = 20
MOST_COLUMNS = 7


def section(title: object, *inside: object) -> Markup:
    return tag("section", tag("h2", title) if title else "", *inside)


def nothing(chinese: str, english: str) -> Markup:
    return tag("p", both(chinese, english), class_="nothing")


def button(chinese: str, english: str) -> Markup:
    return tag("button", both(chinese, english))


def form_of(action: str, blanks: Iterable[Blank], *rest: object, row: Row | None = None) -> Markup:
    return tag("form", *(labelled(blank, row or {}) for blank in blanks), *rest, method="post", action=action)


def labelled(blank: Blank, row: Row) -> Markup:
    return tag("label", tag("span", both(blank.title, blank.english)), control(blank, row))


def control(blank: Blank, row: Row) -> Markup:
    if blank.choices is None:
        return tag("input", name=blank.name, value=blank.value, required=blank.required)
    options = [
        tag("option", words, value=value, selected=value == blank.value)
        for value, words in blank.choices(row).items()
    ]
    return tag("select", *options, name=blank.name, required=blank.required)


def deed_form(action: str, deed: Deed, key: str, row: Row, *, back: str) -> Markup:
    """A button, or a button that opens its blanks first."""
    hidden = [
        tag("input", type="hidden", name=name, value=value) for name, value in (("key", key), ("back", back))
    ]
    form = form_of(action, deed.blanks, *hidden, button(deed.title, deed.english), row=row)
    if not deed.blanks:
        return form
    return tag("details", tag("summary", both(deed.title, deed.english)), form)


def filled(blanks: Iterable[Blank], form: Mapping[str, str], row: Row | None = None) -> dict[str, Any]:
    """What was filled in; an empty blank is left out. Raises ValueError in plain words."""
    filled: dict[str, Any] = {}
    for blank in blanks:
        text = form.get(blank.name, "").strip()
        if not text:
            if blank.required:
                raise ValueError(f"“{blank.title}”要填 ({blank.english} is required)")
            continue
        if blank.choices is not None and text not in blank.choices(row or {}):
            raise ValueError(f"“{blank.title}”不能是 {text} ({blank.english}: not one of the choices)")
        try:
            filled[blank.name] = blank.read(text)
        except (ValueError, ArithmeticError) as error:
            raise ValueError(f"“{blank.title}”不能是 {text} ({blank.english}: not a value)") from error
    return filled


def guessed(rows: Iterable[Row]) -> tuple[Column, ...]:
    """The plain fields of a table that nobody has given columns."""
    fields: dict[str, None] = {}
    for row in rows:
        fields |= {
            name: None
            for name, value in row.items()
            if not name.startswith("_") and not isinstance(value, dict | list) and value not in ("", None)
        }
    return tuple(Column(name, name) for name in list(fields)[:MOST_COLUMNS])


def cell(column: Column, row: Row) -> Markup:
    value = row.get(column.field)
    shown = column.show(value)
    if isinstance(value, dict | list) and column.show is plain:
        shown = json.dumps(value, ensure_ascii=False)
    return short(shown)


def short(text: str, longest: int = LONGEST_CELL) -> Markup:
    if len(text) <= longest:
        return join((text,))
    return tag("span", f"{text[: longest - 4]}…", title=text)


def whole(value: object) -> Markup:
    if isinstance(value, dict | list):
        return tag("pre", json.dumps(value, ensure_ascii=False, indent=2))
    return join((plain(value),))


def matches(item: tuple[str, Row], wanted: str) -> bool:
    key, row = item
    text = f"{key} {json.dumps(row, ensure_ascii=False, default=str)}".replace('\\"', '"')
    return wanted.lower() in text.lower()


def page_number(given: str, rows: int) -> int:
    last = max(1, -(-rows // ROWS_PER_PAGE))
    return min(max(int(given), 1), last) if given.isascii() and given.isdigit() else 1


def pager(name: str, wanted: str, number: int, rows: int) -> Markup:
    last = max(1, -(-rows // ROWS_PER_PAGE))

    def link(page: int, words: Markup) -> Markup:
        url = f"{table_url(name)}?{urlencode({'q': wanted, 'page': page})}"
        return tag("a", words, href=url) if 1 <= page <= last and page != number else tag("span", words)

    return tag(
        "p",
        link(number - 1, both("更新的", "newer")),
        f" 第 {number}/{last} 页，共 {rows} 行 ",
        link(number + 1, both("更早的", "older")),
        class_="pager",
    )


def table_url(name: str) -> str:
    return f"{HOME}books/{quote(name)}"


def row_url(name: str, key: str) -> str:
    return f"{HOME}row/{quote(name)}?{urlencode({'key': key})}"
