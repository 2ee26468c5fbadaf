"""How a sandbox's books look on its page, and what a person can do there. Data only."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sandboxes.common.books import Row
from sandboxes.common.clock import CHINA

KEY = ""
"""In `Deed.takes`: the key of the row instead of one of its fields."""


def plain(value: Any) -> str:
    return "" if value is None else str(value)


def millis(value: Any) -> str:
    """A moment in milliseconds, as Shanghai prints it."""
    return seconds(int(value) / 1000) if value else ""


def seconds(value: Any) -> str:
    return f"{datetime.fromtimestamp(float(value), UTC).astimezone(CHINA):%Y-%m-%d %H:%M:%S}" if value else ""


def moment(value: Any) -> str:
    """A moment in ISO 8601, without its offset."""
    return plain(value)[:19].replace("T", " ")


def words(known: Mapping[Any, str]) -> Callable[[Any], str]:
    """The vendor's number or word with its meaning beside it."""
    return lambda value: f"{known[value]} ({value})" if value in known else plain(value)


def each(show: Callable[[Any], str]) -> Callable[[Any], str]:
    return lambda values: "、".join(show(value) for value in values or ())


@dataclass(frozen=True, slots=True)
class Column:
    field: str
    title: str
    show: Callable[[Any], str] = plain


@dataclass(frozen=True, slots=True)
class Blank:
    """One field of a form. `choices`: what may be chosen, with its words; of a row, if it depends on one."""

    name: str
    title: str
    english: str
    value: str = ""
    required: bool = False
    read: Callable[[str], Any] = str
    choices: Callable[[Row], Mapping[str, str]] | None = None


@dataclass(frozen=True, slots=True)
class Deed:
    """An act as a button with its blanks. `takes`: parameters of the act that come from the row."""

    act: str
    title: str
    english: str
    said: str = ""
    """The confirmation, filled in from the act's answer."""
    blanks: tuple[Blank, ...] = ()
    takes: Mapping[str, str] = field(default_factory=dict)
    gives: Mapping[str, Any] = field(default_factory=dict)
    when: Callable[[Row], bool] = lambda row: True


@dataclass(frozen=True, slots=True)
class Screen:
    """One table of the books: titles, columns, and the buttons of each row."""

    title: str
    english: str
    columns: tuple[Column, ...] = ()
    deeds: tuple[Deed, ...] = ()
    front: bool = False
    """Shown on the first page."""


def columns(*given: tuple[str, str] | tuple[str, str, Callable[[Any], str]]) -> tuple[Column, ...]:
    return tuple(Column(*each) for each in given)


def period_deeds(reopen: str) -> tuple[Deed, ...]:
    """An accountant closes a month and opens it again."""
    month = (Blank("month", "月份，如 2026-03", "month", required=True),)
    return (
        Deed("close_period", "结账", "close a month", "已结账 (closed)", month),
        Deed(reopen, "反结账", "open it again", "已反结账 (open again)", month),
    )
