"""How a form is described: fields with their kinds, tables below the head."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, cast

Kind = Literal["text", "int", "decimal", "date", "bool", "ref"]


@dataclass(frozen=True, slots=True)
class Field:
    key: str
    kind: Kind
    title: str
    of: str = ""
    """The form a reference points to."""
    size: int | None = None
    required: bool = False
    server: bool = False
    """Set by the server alone; a sent value is ignored."""


@dataclass(frozen=True, slots=True)
class Entity:
    """A table below the head. `first_id` starts the series of its FEntryID."""

    key: str
    fields: dict[str, Field]
    first_id: int
    view_name: str
    linked: bool = False
    """Rows may carry `<key>_Link`: where they come from."""


@dataclass(frozen=True, slots=True)
class Form:
    id: str
    title: str
    key: str
    number: str
    prefix: str
    head: dict[str, Field]
    status: str = "FDOCUMENTSTATUS"
    first_id: int = 100001
    sub_heads: dict[str, frozenset[str]] = field(default_factory=dict)
    """Sub-heads nest in a Model and are flat everywhere else: key -> lower-case fields."""
    entities: tuple[Entity, ...] = ()
    read_only: bool = False
    """Kept by the server from other documents."""

    def entity(self, key: str) -> Entity | None:
        return next((each for each in self.entities if each.key.lower() == key.lower()), None)


def _decimal(value: Any) -> Decimal:
    number = Decimal(value or 0)
    return number if number.as_tuple().exponent else number.quantize(Decimal("0.0"))


TYPED: dict[Kind, Callable[[Any], Any]] = {
    "decimal": _decimal,
    "int": lambda value: value or 0,
    "bool": bool,
    "date": lambda value: value or None,
}
"""From the books, where amounts are text and what is empty is an empty text, to an answer."""


def typed(known: Field | None, value: Any) -> Any:
    return TYPED.get(known.kind, _same)(value) if known else value


def _same(value: Any) -> Any:
    return value


def fields_of(table: str) -> dict[str, Field]:
    """One field a line: key, kind[:form | :size], Chinese name, then `required` or `server`."""
    fields = {}
    for line in table.strip().splitlines():
        key, kind, title, *flags = line.split()
        kind, _, detail = kind.partition(":")
        fields[key.lower()] = Field(
            key,
            cast(Kind, kind),
            title,
            of=detail if kind == "ref" else "",
            size=int(detail) if kind == "text" and detail else None,
            required="required" in flags,
            server="server" in flags,
        )
    return fields


HISTORY = fields_of("""
FCREATEDATE   date          创建日期  server
FMODIFYDATE   date          修改日期  server
FAPPROVEDATE  date          审核日期  server
FCREATORID    ref:SEC_User  创建人    server
FMODIFIERID   ref:SEC_User  修改人    server
FAPPROVERID   ref:SEC_User  审核人    server
""")
"""When, and by whom."""
