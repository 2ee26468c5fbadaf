"""What goes into a converter, a function or a target, and what comes out, as far as it is known before."""

import ast
from collections.abc import Callable, Iterable, Mapping

from expressions.paths import Step
from expressions.syntax import Tree, steps_of
from mappings.rows import Constant, Converter, Row
from mappings.schemas import ANY, Kind, Shape

NUMBERS = frozenset({"number", "integer"})
MOMENTS = frozenset({"date", "datetime"})
SCALARS = NUMBERS | MOMENTS | {"text", "boolean"}
_DAY = MOMENTS | {"text"}

# For each converter: what it takes, and the kind that it makes.
CONVERSIONS: Mapping[str, tuple[frozenset[str], Kind]] = {
    **dict.fromkeys(("integer", "fen"), (NUMBERS | {"text"}, "integer")),
    **dict.fromkeys(("decimal", "yuan"), (NUMBERS | {"text"}, "number")),
    "rmb_upper": (NUMBERS | {"text"}, "text"),
    "boolean": (NUMBERS | {"text", "boolean"}, "boolean"),
    "date": (_DAY, "date"),
    "datetime": (_DAY, "datetime"),
    "format_date": (_DAY, "text"),
    **dict.fromkeys(("to_epoch_seconds", "to_epoch_millis"), (_DAY, "integer")),
    **dict.fromkeys(("epoch_seconds", "epoch_millis"), (NUMBERS | {"text", "datetime"}, "datetime")),
    **dict.fromkeys(("phone", "region_of_phone", "credit_code"), (NUMBERS | {"text"}, "text")),
    "region_of_address": (frozenset({"text"}), "text"),
    **dict.fromkeys(
        ("text", "upper", "lower", "strip", "squeeze", "digits", "halfwidth", "pad", "replace"),
        (SCALARS, "text"),
    ),
    **dict.fromkeys(("substring", "prefix", "suffix"), (SCALARS, "text")),
    "join": (SCALARS | {"list"}, "text"),
    "split": (SCALARS | {"list"}, "list"),
    "item": (frozenset({"list"}), "any"),
    "json": (SCALARS | {"list", "record"}, "any"),
}  # fmt: skip

# What each function of an expression gives; those that hand on their arguments give anything.
FUNCTIONS: Mapping[str, Kind] = {
    **dict.fromkeys(("upper", "lower", "strip", "concat", "replace", "substring", "text", "join"), "text"),
    **dict.fromkeys(("number", "round", "abs", "sum", "ceil", "floor", "minutes_between"), "number"),
    **dict.fromkeys(("len", "count", "year", "month", "day", "hour", "weekday", "days_between"), "integer"),
    **dict.fromkeys(("starts_with", "ends_with", "contains", "like", "any", "all"), "boolean"),
    **dict.fromkeys(("date", "add_days", "add_months", "month_end"), "date"),
    **dict.fromkeys(("split", "each"), "list"),
}

# For each kind of target: what fits, and what to write where something else comes.
FITS: Mapping[str, tuple[frozenset[str], str]] = {
    "text": (frozenset({"text"}), "as: text"),
    "number": (NUMBERS, "as: decimal"),
    "integer": (frozenset({"integer"}), "as: integer"),
    "boolean": (frozenset({"boolean"}), "as: boolean"),
    "date": (frozenset({"date"}), "as: date"),
    "datetime": (frozenset({"datetime"}), "as: datetime"),
    "list": (frozenset({"list"}), "each: … with fields:"),
    "record": (frozenset({"record"}), "its fields one by one, as 'Target.Field'"),
}

CALLED: Mapping[str, str] = {
    "text": "a text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "date": "a date",
    "datetime": "a moment",
    "list": "a list",
    "record": "a record",
    "any": "anything",
    "nothing": "nothing",
}

Look = Callable[[tuple[Step, ...]], Shape]


def of_constant(constant: Constant) -> Kind:
    match constant.value:
        case None | "":
            return "nothing"
        case bool():
            return "boolean"
        case str():
            return "text"
        case int():
            return "integer"
        case list():
            return "list"
        case dict():
            return "record"
    return "number"


def of_expression(source: str, look: Look) -> Kind:
    tree = Tree(source)
    return _of(tree, tree.root, look)


def _of(tree: Tree, node: ast.expr, look: Look) -> Kind:
    match node:
        case ast.Constant():
            value = node.value
            return of_constant(Constant(value if isinstance(value, str | bool | int | None) else []))
        case ast.Name() | ast.Attribute() | ast.Subscript():
            return look(steps_of(tree, node)).kind
        case ast.Compare() | ast.UnaryOp(op=ast.Not()):
            return "boolean"
        case ast.BinOp(op=ast.Add()):
            sides = {_of(tree, side, look) for side in (node.left, node.right)}
            return "text" if "text" in sides else "number" if sides <= NUMBERS else "any"
        case ast.BinOp() | ast.UnaryOp():
            return "number"
        case ast.BoolOp():
            return _common(_of(tree, value, look) for value in node.values)
        case ast.IfExp():
            return _common(_of(tree, part, look) for part in (node.body, node.orelse))
        case ast.Call(func=ast.Name(id=name)):
            return FUNCTIONS.get(name, "any")
        case ast.List() | ast.Tuple():
            return "list"
    return "any"


def _common(kinds: Iterable[Kind]) -> Kind:
    """The kind of all of them; nothing is left out."""
    found = {kind for kind in kinds if kind != "nothing"}
    if found and found <= NUMBERS:
        return "number" if len(found) > 1 else found.pop()
    return found.pop() if len(found) == 1 else "any"


def converted(shape: Shape, converter: Converter) -> Shape:
    kind = CONVERSIONS[converter.name][1]
    if converter.name == "item":
        return shape.item or ANY
    return Shape(kind, item=Shape("text") if kind == "list" else None)


def after_table(row: Row, kind: Kind) -> Kind:
    """A code table of the hub gives texts; one in the row gives what is written there."""
    if row.table is None:
        codes: set[Kind] = {"text"}
    else:
        codes = {of_constant(Constant(value)) for value in row.table.values()}
    return _common([*codes, kind] if row.on_miss == "pass" else codes)
