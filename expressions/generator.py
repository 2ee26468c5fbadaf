"""Checked syntax tree to Python source. Data never becomes code: every literal is a repr or a constant."""

import ast
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

from expressions.functions import FUNCTIONS, MAX_PLACES
from expressions.paths import CodeUnit, Path, Scope, Step, path_of
from expressions.places import Place
from expressions.syntax import Tree, runs_over_list, steps_of

_ARITHMETIC: dict[type[ast.operator], str] = {
    ast.Add: "add",
    ast.Sub: "subtract",
    ast.Mult: "multiply",
    ast.Div: "divide",
}
_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Eq: "equal",
    ast.NotEq: "unequal",
    ast.Lt: "less",
    ast.LtE: "less_or_equal",
    ast.Gt: "greater",
    ast.GtE: "greater_or_equal",
}
_SIGNS = {"less": "<", "less_or_equal": "<=", "greater": ">", "greater_or_equal": ">="}


def find_paths(tree: Tree) -> list[tuple[Path, int]]:
    """Every data path the expression reads, with its column; inside list functions as `lines[*].amount`."""
    return list(_paths(tree, tree.root, None))


def _paths(tree: Tree, node: ast.expr, items: Path | None) -> Iterator[tuple[Path, int]]:
    if isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
        steps = _absolute(steps_of(tree, node), items)
        if steps:
            yield path_of(steps), tree.column(node)
        return
    children = node.args if isinstance(node, ast.Call) else ast.iter_child_nodes(node)
    below = items
    for child in children:
        if isinstance(child, ast.expr):
            yield from _paths(tree, child, below)
        if isinstance(node, ast.Call) and runs_over_list(node) and child is node.args[0]:
            below = next((path for path, _ in _paths(tree, child, None)), UNKNOWN)


def _absolute(steps: tuple[Step, ...], items: Path | None) -> tuple[Step, ...]:
    if items is not None and steps[0] == "item":
        return (*items.steps, None, *steps[1:]) if items.steps else ()
    return steps[1:] if steps[0] == "this" else steps


UNKNOWN = Path((), "")


class Generator:
    def __init__(self, tree: Tree, unit: CodeUnit) -> None:
        self._tree = tree
        self._unit = unit

    def code(self, node: ast.expr, scope: Scope) -> str:
        match node:
            case ast.Constant():
                return self._constant(node)
            case ast.Name() | ast.Attribute() | ast.Subscript():
                return path_of(steps_of(self._tree, node)).inline(self._unit, scope)
            case ast.BoolOp():
                word = " and " if isinstance(node.op, ast.And) else " or "
                return f"({word.join(self.code(value, scope) for value in node.values)})"
            case ast.IfExp():
                body, test, other = (self.code(part, scope) for part in (node.body, node.test, node.orelse))
                return f"({body} if {test} else {other})"
            case ast.UnaryOp():
                return self._unary(node, scope)
            case ast.BinOp():
                return self._arithmetic(node, scope)
            case ast.Compare():
                return self._compare(node, scope)
            case ast.List() | ast.Tuple():
                return f"[{', '.join(self.code(element, scope) for element in node.elts)}]"
            case ast.Call():
                return self._call(node, scope)
        raise AssertionError(f"unchecked {node}")

    def _marked(self, name: str, column: int) -> str:
        return self._unit.marked(name, Place(self._tree.source, column))

    def _constant(self, node: ast.Constant) -> str:
        if node.value is None or isinstance(node.value, bool | str):
            return repr(node.value)
        number = self._tree.number(node)
        return self._unit.constant(number) if isinstance(number, Decimal) else repr(number)

    def _arithmetic(self, node: ast.BinOp, scope: Scope) -> str:
        """Two decimals, the common case, are calculated without a Python call."""
        name, column = _ARITHMETIC[type(node.op)], self._tree.column_of_sign(node.left, node.right)
        careful, exact = (self._marked(each, column) for each in (name, f"exact_{name}"))
        sides = [(side, self._operand(side, scope)) for side in (node.left, node.right)]
        if all(_is_number(side) for side, _ in sides):
            return f"{careful}({', '.join(code for _, code in sides)})"
        values, tests = [], []
        for side, code in sides:
            values.append(code if _is_number(side) else self._unit.temporary())
            if not _is_number(side):
                tests.append(f"(type({values[-1]} := {code}) is Decimal)")
        operands = ", ".join(values)
        # With & and not with and: both sides must be read.
        test = " & ".join(tests)
        if name == "divide":
            test += f" and {values[1]}"
        return f"({exact}({operands}) if {test} else {careful}({operands}))"

    def _operand(self, node: ast.expr, scope: Scope) -> str:
        if _is_number(node):
            assert isinstance(node, ast.Constant)
            return self._unit.constant(Decimal(self._tree.number(node)))
        return self.code(node, scope)

    def _unary(self, node: ast.UnaryOp, scope: Scope) -> str:
        if isinstance(node.op, ast.Not):
            return f"(not {self.code(node.operand, scope)})"
        if _is_number(node.operand):
            assert isinstance(node.operand, ast.Constant)
            sign = -1 if isinstance(node.op, ast.USub) else 1
            return self._unit.constant(sign * self._tree.number(node.operand))
        value = self.code(node.operand, scope)
        if isinstance(node.op, ast.UAdd):
            return value
        return f"{self._marked('negate', self._tree.column(node))}({value})"

    def _compare(self, node: ast.Compare, scope: Scope) -> str:
        """A chain `a < b < c` evaluates b once."""
        parts = []
        left_node, left = node.left, self.code(node.left, scope)
        for position, (operator, right_node) in enumerate(zip(node.ops, node.comparators, strict=True)):
            right = self.code(right_node, scope)
            again = right
            if position < len(node.ops) - 1 and not isinstance(
                right_node, ast.Constant | ast.List | ast.Tuple
            ):
                again = self._unit.temporary()
                right = f"({again} := {right})"
            parts.append(self._comparison(operator, (left_node, left), (right_node, right)))
            left_node, left = right_node, again
        return parts[0] if len(parts) == 1 else f"({' and '.join(parts)})"

    def _comparison(
        self, operator: ast.cmpop, left: tuple[ast.expr, str], right: tuple[ast.expr, str]
    ) -> str:
        (left_node, left_code), (right_node, right_code) = left, right
        if isinstance(operator, ast.Is | ast.IsNot):
            if isinstance(left_node, ast.Constant):  # Python warns of a literal there
                return repr((left_node.value is None) is isinstance(operator, ast.Is))
            return f"({left_code} {'is' if isinstance(operator, ast.Is) else 'is not'} None)"
        if isinstance(operator, ast.In | ast.NotIn):
            column = self._tree.column_of_sign(left_node, right_node)
            found = self._membership(left_code, right_node, right_code, column)
            return found if isinstance(operator, ast.In) else f"(not {found})"
        if isinstance(operator, ast.Eq | ast.NotEq) and (_is_plain(left_node) or _is_plain(right_node)):
            return f"({left_code} {'==' if isinstance(operator, ast.Eq) else '!='} {right_code})"
        name, column = _COMPARISONS[type(operator)], self._tree.column_of_sign(left_node, right_node)
        careful = self._marked(name, column)
        if name in _SIGNS and _is_number(right_node):
            held = self._marked(self._unit.temporary(), column)
            fast = f"{held} {_SIGNS[name]} {right_code}"
            return f"({fast} if type({held} := {left_code}) in NUMBERS else {careful}({held}, {right_code}))"
        return f"{careful}({left_code}, {right_code})"

    def _membership(self, value: str, container: ast.expr, code: str, column: int) -> str:
        if isinstance(container, ast.List | ast.Tuple) and all(_is_plain(each) for each in container.elts):
            texts = tuple(each.value for each in container.elts if isinstance(each, ast.Constant))
            return f"({value} in {texts!r})"
        return f"{self._marked('contains', column)}({code}, {value})"

    def _call(self, node: ast.Call, scope: Scope) -> str:
        assert isinstance(node.func, ast.Name)
        function = FUNCTIONS[node.func.id]
        column = self._tree.column(node)
        if function.name == "concat" and scope.item is None:
            return self._concat(node.args, scope, column)
        if function.name == "round" and len(node.args) == 2 and _places(node.args[1]) is not None:
            return self._round(node.args, scope, column)
        name = self._marked(f"f_{function.name}", column)
        if not function.over_list or len(node.args) == 1:
            return f"{name}({', '.join(self.code(argument, scope) for argument in node.args)})"
        item = self._unit.temporary()
        body = self.code(node.args[1], replace(scope, item=item))
        return f"{name}({self.code(node.args[0], scope)}, lambda {item}: {body})"

    def _concat(self, parts: list[ast.expr], scope: Scope, column: int) -> str:
        """Texts, the common case, are joined without a Python call."""
        piece, bounded = (self._marked(each, column) for each in ("piece", "bounded"))
        pieces = []
        for part in parts:
            code = self.code(part, scope)
            if not (isinstance(part, ast.Constant) and isinstance(part.value, str)):
                held = self._unit.temporary()
                code = f"({held} if type({held} := {code}) is str else {piece}({held}))"
            pieces.append(code)
        joined = self._unit.temporary()
        whole = f"{joined} := ''.join(({', '.join(pieces)},))"
        return f"({joined} if len({whole}) <= MAX_TEXT else {bounded}({joined}))"

    def _round(self, parts: list[ast.expr], scope: Scope, column: int) -> str:
        """A decimal to a written number of places is rounded without a Python call."""
        held, careful = (self._marked(each, column) for each in (self._unit.temporary(), "f_round"))
        value, places = self.code(parts[0], scope), _places(parts[1])
        step = self._unit.constant(Decimal((0, (1,), -(places or 0))))
        fast = f"{held}.quantize({step}, HALF_UP, CONTEXT)"
        return f"({fast} if type({held} := {value}) is Decimal else {careful}({held}, {places}))"


def _places(node: ast.expr) -> int | None:
    """Written decimal places that round() takes."""
    if isinstance(node, ast.Constant) and type(node.value) is int and 0 <= node.value <= MAX_PLACES:
        return node.value
    return None


def _is_number(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) in (int, float)


def _is_plain(node: ast.expr) -> bool:
    """A literal that Python's own == compares rightly with whatever the data holds."""
    return isinstance(node, ast.Constant) and (node.value is None or isinstance(node.value, str))
