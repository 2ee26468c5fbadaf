"""One row, changed in every way that a slip of the hand would change it, each with its name."""

import ast
import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from configuration import Plain
from expressions import Expression, Path, compile_expression
from mappings.converters import build
from mappings.rows import Constant, Converter, OnMiss, Row

_COMPARISONS: Mapping[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.GtE,
    ast.GtE: ast.Lt,
    ast.Gt: ast.LtE,
    ast.LtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_CALCULATIONS: Mapping[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
}
# A miss that parks and one that fails are told apart by no sample: both are the problem no_code.
_OTHER_MISS: Mapping[OnMiss, OnMiss] = {"park": "pass", "fail": "pass", "default": "pass", "pass": "park"}
_NOWHERE = "nowhere"


@dataclass(frozen=True, slots=True)
class Mutant:
    """`rows` stand in the place of the row; none when it was dropped."""

    target: str
    change: str
    rows: tuple[Row, ...]


def mutants(row: Row, siblings: Sequence[Row]) -> Iterator[Mutant]:
    yield Mutant(row.target, "row dropped", ())
    for change, other in (
        *_source(row, siblings),
        *_converters(row),
        *_table(row),
        *_limits(row),
        *_conditions(row),
    ):
        yield Mutant(row.target, change, (other,))
    for position, inner in enumerate(row.rows or ()):
        assert row.rows is not None
        before, after = row.rows[:position], row.rows[position + 1 :]
        for mutant in mutants(inner, row.rows):
            rows = (replace(row, rows=(*before, *mutant.rows, *after)),)
            yield Mutant(mutant.target, mutant.change, rows)


def _source(row: Row, siblings: Sequence[Row]) -> Iterator[tuple[str, Row]]:
    if isinstance(row.source, Constant):
        changed = _another(row.source.value)
        yield f"value {changed!r}", replace(row, source=Constant(changed))
    elif isinstance(row.source, Expression):
        for change, expression in _expressions(row.source):
            yield f"expr {change}", replace(row, source=expression)
    elif row.rows is None and (other := _neighbour(row, row.source, siblings)):
        yield f"from {other}", replace(row, source=other)


def _neighbour(row: Row, path: Path, siblings: Sequence[Row]) -> Path | None:
    """The path of the next row that reads another one: the slip of a line."""
    start = next((n for n, each in enumerate(siblings) if each.target == row.target), 0)
    paths = [each.source for each in (*siblings[start:], *siblings[:start]) if each.rows is None]
    return next((each for each in paths if isinstance(each, Path) and each != path), None)


def _converters(row: Row) -> Iterator[tuple[str, Row]]:
    for position, converter in enumerate(row.converters):
        before, after = row.converters[:position], row.converters[position + 1 :]
        yield f"without as: {converter.text}", replace(row, converters=(*before, *after))
        if (other := _altered(converter)) is not None:
            yield f"as: {other.text}", replace(row, converters=(*before, other, *after))


def _altered(converter: Converter) -> Converter | None:
    """Other rounding, a pair turned round, or no arguments."""
    call = ast.parse(converter.text.strip(), mode="eval").body
    if not isinstance(call, ast.Call):
        return None
    arguments: list[object] = [
        each.value if isinstance(each, ast.Constant) else ast.unparse(each) for each in call.args
    ]
    match converter.name:
        case "decimal":
            down = len(arguments) > 1 and arguments[1] == "down"
            arguments = [*arguments[:1], "half_up" if down else "down"]
        case "boolean":
            arguments.reverse()
        case _:
            arguments = []
    text = f"{converter.name}({', '.join(map(str, arguments))})"
    try:
        return Converter(converter.name, text, build(converter.name, arguments, {}))
    except ValueError:  # it cannot do without
        return None


def _table(row: Row) -> Iterator[tuple[str, Row]]:
    if row.lookup is None and row.table is None:
        return
    yield f"without {'lookup' if row.lookup else 'table'}", replace(row, lookup=None, table=None)
    yield f"on_miss: {_OTHER_MISS[row.on_miss]}", replace(row, on_miss=_OTHER_MISS[row.on_miss])
    for key in row.table or ():
        fewer = {other: code for other, code in (row.table or {}).items() if other != key}
        yield f"table without {key}", replace(row, table=fewer)


def _limits(row: Row) -> Iterator[tuple[str, Row]]:
    if row.default is not None:
        yield "without default", replace(row, default=None)
        changed = _another(row.default)
        yield f"default: {changed!r}", replace(row, default=changed)
    elif row.required:
        yield "without required", replace(row, required=False)
    if row.max_length is not None:
        yield "without max", replace(row, max_length=None, truncate=False)
        yield f"truncate: {str(not row.truncate).lower()}", replace(row, truncate=not row.truncate)


def _conditions(row: Row) -> Iterator[tuple[str, Row]]:
    for key in ("when", "where"):
        condition: Expression | None = getattr(row, key)
        if condition is None:
            continue
        yield f"without {key}", _with(row, key, None)
        turned = compile_expression(f"not ({condition.source.strip()})")
        yield f"{key} {turned.source}", _with(row, key, turned)
        for change, expression in _expressions(condition):
            yield f"{key} {change}", _with(row, key, expression)


def _with(row: Row, key: str, condition: Expression | None) -> Row:
    return replace(row, when=condition) if key == "when" else replace(row, where=condition)


def _another(value: Plain) -> Plain:
    match value:
        case bool():
            return not value
        case int() | Decimal():
            return value + 1
        case list():
            return [*value, "x"]
        case dict():
            return {**value, "x": "x"}
    return f"{value}x"


def _expressions(expression: Expression) -> Iterator[tuple[str, Expression]]:
    """The text with one part changed: a literal, an operator, a branch, a path that leads nowhere."""
    tree = ast.parse(expression.source.strip(), mode="eval")
    kept = _fixed(tree)
    for position, node in enumerate(ast.walk(tree)):
        if id(node) in kept:
            continue
        for variant in range(_variants(node)):
            changed = copy.deepcopy(tree)
            part = next(each for n, each in enumerate(ast.walk(changed)) if n == position)
            _change(part, variant)
            yield _told(node, part, variant), compile_expression(ast.unparse(changed))


def _told(node: ast.AST, changed: ast.AST, variant: int) -> str:
    if isinstance(node, ast.BoolOp):
        return f"without {ast.unparse(node.values[variant])}"
    return f"{ast.unparse(node)} → {ast.unparse(changed)}"


def _fixed(tree: ast.AST) -> set[int]:
    """Names of functions and steps of paths are no data."""
    calls = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    steps = [node.slice for node in ast.walk(tree) if isinstance(node, ast.Subscript)]
    return calls | {id(each) for step in steps for each in ast.walk(step)}


def _variants(node: ast.AST) -> int:
    match node:
        case ast.BoolOp():
            return len(node.values)
        case ast.Name():
            return int(node.id not in ("none", "item"))
        case ast.BinOp():
            return int(type(node.op) in _CALCULATIONS)
        case ast.Constant():
            return int(node.value is not None)
    return int(isinstance(node, ast.IfExp | ast.Compare))


def _change(node: ast.AST, variant: int) -> None:
    match node:
        case ast.BoolOp():
            del node.values[variant]
        case ast.Constant(value=bool() as value):
            node.value = not value
        case ast.Constant(value=int() | float() as number):
            node.value = number + 1
        case ast.Constant(value=str() as text):
            node.value = f"{text}x"
        case ast.Name():
            node.id = _NOWHERE
        case ast.IfExp():
            node.body, node.orelse = node.orelse, node.body
        case ast.Compare():
            node.ops[0] = _COMPARISONS[type(node.ops[0])]()
        case ast.BinOp():
            node.op = _CALCULATIONS[type(node.op)]()
