"""What a plain value is, read as a text, a number or a date. Each returns None for what it cannot read."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
MAX_DIGITS = 60
MAX_WRITTEN = 100  # characters of a number or date, with blanks around
MAX_PLAIN = 40
LONGEST = 10**MAX_DIGITS

_NUMBER = re.compile(r"[-+]?(?:\d{1,40}|\d{1,3}(?:,\d{3}){1,13})(?:\.\d{1,40})?")
_DATE = re.compile(
    r"(\d{4})(?:-(\d{1,2})-(\d{1,2})|/(\d{1,2})/(\d{1,2})|年(\d{1,2})月(\d{1,2})日|(\d{2})(\d{2}))"
)


def text_of(value: object) -> str | None:
    if isinstance(value, str):
        return str(value)
    if type(value) is int and abs(value) < LONGEST:
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):
        return value.isoformat()
    number = decimal_of(value)
    return None if number is None else format(number, "f")


def decimal_of(value: object) -> Decimal | None:
    """A number as it stands; texts and booleans are not numbers."""
    number = value if type(value) is Decimal else _from_another(value)
    if number is None:
        return None
    return number if number.is_finite() and abs(number.adjusted()) <= MAX_DIGITS else None


def _from_another(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    return Decimal(str(value)) if isinstance(value, float) else Decimal(value)


def parse_number(text: str) -> Decimal | None:
    """`1234.50`, `1,234.50`, `１２３`."""
    if len(text) > MAX_WRITTEN:
        return None
    whole, point, places = text.partition(".")
    if whole.isdigit() and (places.isdigit() or not point) and text.isascii() and len(text) <= MAX_PLAIN:
        return Decimal(text)
    text = text.strip()
    return Decimal(text.replace(",", "")) if _NUMBER.fullmatch(text) else None


def date_of(value: object) -> date | None:
    """A date; a moment becomes its date in China."""
    if isinstance(value, datetime):
        return (value if value.tzinfo is None else value.astimezone(SHANGHAI)).date()
    if isinstance(value, date):
        return value
    return parse_date(value) if isinstance(value, str) else None


def moment_of(value: object) -> datetime | None:
    """A moment; a date is its first, and what has no zone is in China."""
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)  # noqa: DTZ001 (the zone follows)
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=SHANGHAI)
    return parse_moment(value, SHANGHAI) if isinstance(value, str) else None


def parse_date(text: str) -> date | None:
    """`2026-01-05`, `2026/1/5`, `20260105`, `2026年1月5日`, or any of them followed by a time."""
    text = text[: MAX_WRITTEN + 1].strip()
    if (found := _DATE.fullmatch(text)) is None:
        moment = parse_moment(text, SHANGHAI)
        return moment and moment.astimezone(SHANGHAI).date()
    year, month, day = (int(part) for part in found.groups() if part is not None)
    try:
        return date(year, month, day)
    except ValueError:
        return None


def parse_moment(text: str, zone: ZoneInfo) -> datetime | None:
    """ISO 8601, or a date of `parse_date` alone or before a time; without an offset it is in `zone`."""
    if len(text) > MAX_WRITTEN:
        return None
    head, _, tail = text.strip().replace("T", " ").partition(" ")
    try:
        day = parse_date(head) if _DATE.fullmatch(head) else None
        moment = datetime.fromisoformat(f"{day} {tail.strip() or '00:00'}" if day else text.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def kind_of(value: object) -> tuple[str, str]:
    """What to call a value in a message, in English and Chinese."""
    kinds: tuple[tuple[type | tuple[type, ...], str, str], ...] = (
        (type(None), "nothing", "空值"),
        (str, "text", "文本"),
        (bool, "true/false", "是/否"),
        ((int, float, Decimal), "number", "数字"),
        (datetime, "moment", "时间"),
        (date, "date", "日期"),
        ((list, tuple), "list", "列表"),
        (Mapping, "record", "记录"),
    )
    return next(((en, zh) for kind, en, zh in kinds if isinstance(value, kind)), ("unknown value", "未知值"))
