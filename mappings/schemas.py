"""What a record looks like: neutral ones from their dataclasses, the vendors' from files beside the library.

A vendor's file says only what is known: unless it says `closed: true`, other fields may exist.
"""

import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, is_dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import cache

from configuration import Node, did_you_mean, load
from domain import records
from mappings.shipped import LIBRARY

Kind = typing.Literal[
    "text", "number", "integer", "boolean", "date", "datetime", "record", "list", "any", "nothing"
]
KINDS: tuple[Kind, ...] = typing.get_args(Kind)[:-1]
_KEYS = frozenset({"schema", "adds_to", "closed", "fields"})
_FIELD_KEYS = frozenset({"type", "required", "max", "fields", "closed"})
_SCALARS: Mapping[type, Kind] = {
    str: "text",
    bool: "boolean",
    int: "integer",
    Decimal: "number",
    datetime: "datetime",
    date: "date",
}


@dataclass(frozen=True, slots=True)
class Shape:
    """`fields` are those of a record, `item` is what a list holds; `closed`: there are no other fields."""

    kind: Kind
    required: bool = False
    max_length: int | None = None
    fields: Mapping[str, "Shape"] = field(default_factory=dict)
    item: "Shape | None" = None
    closed: bool = False

    def at(self, keys: Sequence[str]) -> "Shape | None":
        """What stands at a target; None if nothing is known of it."""
        shape: Shape | None = self
        for key in keys:
            shape = shape.fields.get(key) if shape else None
        return shape


ANY = Shape("any")


@dataclass(frozen=True, slots=True)
class Schema:
    name: str
    shape: Shape


@cache
def neutral() -> Mapping[str, Schema]:
    """`neutral.receivable` and so on."""
    found = {}
    for name, record in vars(records).items():
        if is_dataclass(record) and isinstance(record, type) and record.__module__ == records.__name__:
            written = f"neutral.{_snake(name)}"
            found[written] = Schema(written, _of_dataclass(record))
    return found


@cache
def shipped(vendor: str) -> Mapping[str, Schema]:
    """The neutral schemas, with what the vendor's connector adds to them, and the vendor's own."""
    found = dict(neutral())
    for path in sorted((LIBRARY / vendor / "schemas").glob("*.yaml")):
        schema = read(load(path), found)
        found[schema.name] = schema
    return found


def read(document: Node, known: Mapping[str, Schema]) -> Schema:
    document.only(_KEYS)
    closed = document.boolean("closed")
    own = _record(document.required("fields"), closed=closed)
    base = document.get("adds_to")
    if base is None:
        return Schema(document.required("schema").text(), own)
    if base.text() not in known:
        raise base.error(f"unknown schema '{base.text()}'", remedy=did_you_mean(base.text(), known))
    return Schema(base.text(), _merged(known[base.text()].shape, own))


def _snake(name: str) -> str:
    return "".join(f"_{each.lower()}" if each.isupper() else each for each in name).lstrip("_")


def _of_dataclass(record: type) -> Shape:
    hints = typing.get_type_hints(record)
    found = {}
    for each in fields(record):
        shape = _of_type(hints[each.name])
        given = each.default is MISSING and each.default_factory is MISSING
        found[each.name] = replace(shape, required=given and shape.required)
    return Shape("record", required=True, fields=found, closed=True)


def _of_type(hint: object) -> Shape:
    """`required`: the value is never None."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        (known,) = (each for each in arguments if each is not type(None))
        return replace(_of_type(known), required=False)
    if origin is typing.Literal:
        return Shape("text", required=True)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return Shape("record", required=True)
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return Shape("list", required=True, item=_of_type(arguments[0]))
    if isinstance(hint, type) and is_dataclass(hint):
        return _of_dataclass(hint)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return Shape("text", required=True)
    return Shape(_SCALARS.get(typing.cast("type", hint), "any"), required=True)


def _record(node: Node, *, closed: bool) -> Shape:
    shape = Shape("record", closed=closed)
    for entry in node.entries:
        shape = _put(shape, tuple(entry.key.split(".")), _field(entry.value))
    return shape


def _put(shape: Shape, keys: tuple[str, ...], value: Shape) -> Shape:
    """With the field below dotted keys; records on the way are made."""
    name, *rest = keys
    held = shape.fields.get(name, Shape("record", closed=shape.closed))
    inner = (
        replace(_put(held, tuple(rest), value), required=held.required or value.required) if rest else value
    )
    return replace(shape, fields={**shape.fields, name: inner})


def _field(node: Node) -> Shape:
    """`text`, or a table that says more."""
    if node.kind == "text":
        return Shape(_kind(node))
    node.only(_FIELD_KEYS)
    kind, inner = node.get("type"), node.get("fields")
    chosen: Kind = _kind(kind) if kind else "record" if inner else "any"
    shape = _record(inner, closed=node.boolean("closed")) if inner else None
    return Shape(
        chosen,
        required=node.boolean("required"),
        max_length=node.integer("max") or None,
        fields=shape.fields if shape and chosen == "record" else {},
        item=(shape or ANY) if chosen == "list" else None,
        closed=node.boolean("closed"),
    )


def _kind(node: Node) -> Kind:
    found = next((kind for kind in KINDS if kind == node.text()), None)
    if found is None:
        advice = did_you_mean(node.text(), KINDS) or f"one of {', '.join(KINDS)}"
        raise node.error(f"unknown type '{node.text()}'", remedy=advice)
    return found


def _merged(base: Shape, more: Shape) -> Shape:
    """Fields of both; lists and records that both have are merged."""
    found = dict(base.fields)
    for name, shape in more.fields.items():
        old = found.get(name)
        if old is None or old.kind != shape.kind or shape.kind not in ("record", "list"):
            found[name] = shape
        elif shape.kind == "record":
            found[name] = _merged(old, shape)
        else:
            found[name] = replace(old, item=_merged(old.item or ANY, shape.item or ANY))
    return replace(base, fields=found)
