"""HTML made of nested calls. Every text is escaped unless it is markup already."""

from collections.abc import Iterable
from html import escape


class Markup(str):
    """Text that may stand in a page as it is."""

    __slots__ = ()


def safe(value: object) -> Markup:
    return value if isinstance(value, Markup) else Markup(escape(str(value)))


def join(parts: Iterable[object]) -> Markup:
    return Markup("".join(safe(part) for part in parts))


def tag(name: str, /, *inside: object, **attributes: str | bool) -> Markup:
    """`class_` and `for_` lose their underscore; True is an attribute without a value, False is none."""
    shown = "".join(
        f" {key.rstrip('_')}" + ("" if value is True else f'="{escape(value)}"')
        for key, value in attributes.items()
        if not isinstance(value, bool) or value
    )
    closing = "" if name in ("input", "meta", "link") else f"</{name}>"
    return Markup(f"<{name}{shown}>{join(inside)}{closing}")


def both(chinese: str, english: str) -> Markup:
    """Chinese first, English beside it in small."""
    return join((chinese, " ", tag("small", english)))
