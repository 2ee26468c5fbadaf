"""Text to a syntax tree in which nothing but the whitelist is left."""

import ast
import re
import warnings
from decimal import Decimal

from configuration import did_you_mean
from expressions.errors import ExpressionError
from expressions.functions import FUNCTIONS
from expressions.paths import Step

MAX_SOURCE = 2_000
MAX_NODES = 200
MAX_DEPTH = 30
# A path adds its steps to the depth where it stands: generated code keeps below Python's 200 brackets.
MAX_DEPTH_OF_STEPS = 35

_LITERAL = re.compile(r"\d{1,40}(\.\d{0,40})?|\.\d{1,40}")
_OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div)
_REFUSED: dict[type[ast.AST], tuple[str, str]] = {
    ast.Pow: ("'**'", "multiply instead"),
    ast.Mod: ("'%'", "allowed are + - * /"),
    ast.FloorDiv: ("'//'", "allowed are + - * /"),
    ast.BitOr: ("'|'", "write or"),
    ast.BitAnd: ("'&'", "write and"),
    ast.Invert: ("'~'", "write not"),
    ast.JoinedStr: ("an f-text", "use concat()"),
    ast.Lambda: ("a lambda", "write any(list, condition on item)"),
    ast.ListComp: ("a loop", "use any(), all(), sum() or count()"),
    ast.GeneratorExp: ("a loop", "use any(), all(), sum() or count()"),
    ast.NamedExpr: ("':='", "compare with =="),
    ast.Dict: ("a table", "use a row with 'table:'"),
}


class Tree:
    """A checked expression and where its parts stand in the text."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._text = re.sub(r"[\r\n\t\f\v]", " ", source).strip()
        self._offset = len(source) - len(source.lstrip())
        self.root = _Checker(self).check(self._parse())

    def column(self, node: ast.expr) -> int:
        return self._offset + self._characters(node.col_offset) + 1

    def column_of_sign(self, left: ast.expr, right: ast.expr) -> int:
        """Of what stands between two operands."""
        assert left.end_col_offset is not None
        start, end = self._characters(left.end_col_offset), self._characters(right.col_offset)
        between = self._text[start:end]
        return self._offset + start + len(between) - len(between.lstrip(" )")) + 1

    def error(self, node: ast.expr, message: str, remedy: str | None = None) -> ExpressionError:
        return ExpressionError(message, self.column(node), remedy=remedy)

    def number(self, node: ast.Constant) -> int | Decimal:
        """A number as written: the parser has already made a float of it."""
        assert node.end_col_offset is not None
        start, end = self._characters(node.col_offset), self._characters(node.end_col_offset)
        written = self._text[start:end]
        if not _LITERAL.fullmatch(written):
            raise self.error(node, f"'{written[:40]}' is not a plain number", "write it like 1200 or 0.06")
        return Decimal(written) if "." in written else int(written)

    def _characters(self, utf8_offset: int) -> int:
        return len(self._text.encode()[:utf8_offset].decode())

    def _parse(self) -> ast.expr:
        if len(self.source) > MAX_SOURCE:
            raise ExpressionError(f"is longer than {MAX_SOURCE:,} characters", MAX_SOURCE)
        if not self._text:
            raise ExpressionError("the expression is empty", 1)
        if "\0" in self._text:  # releases of Python 3.11 tell it in different ways
            raise ExpressionError("null bytes are not allowed", self.source.index("\0") + 1)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                return ast.parse(self._text, mode="eval").body
        except SyntaxError as error:
            message, remedy = _syntax_advice(error.msg, self._text)
            raise ExpressionError(message, self._offset + self._place(error), remedy=remedy) from error
        except (ValueError, RecursionError, MemoryError) as error:
            raise ExpressionError("the expression cannot be read", 1) from error

    def _place(self, error: SyntaxError) -> int:
        offset = max(error.offset or 1, 1)
        # Of this one error Python counts the bytes.
        offset = self._characters(offset - 1) + 1 if "leading zeros" in error.msg else offset
        return min(offset, len(self._text) + 1)


def _syntax_advice(message: str, text: str) -> tuple[str, str | None]:
    if "leading zeros" in message:
        return "a number does not begin with 0", "write 7, or quote it if it is a code"
    if "=" in message or re.search(r"[^=!<>]=[^=]", text):
        return "a single = does not compare", "write =="
    if "&&" in text or "||" in text:
        return "&& and || are not known", "write and, or"
    if any(mark in text for mark in "“”‘’，（）"):
        return "full-width quotes, commas or brackets", 'write " , ( )'
    if text[-1] in "+-*/<>=([," or text.endswith((" and", " or", " not", " in")):
        return "the expression ends too early", None
    return message, None


class _Checker:
    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._nodes = 0

    def check(self, root: ast.expr) -> ast.expr:
        self._check(root, 1, False)
        return root

    def _check(self, node: ast.expr, depth: int, in_list: bool) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES or depth > MAX_DEPTH:
            raise self._tree.error(
                node, f"more than {MAX_NODES} parts or {MAX_DEPTH} levels", "split the expression"
            )
        for child in self._children(node, in_list, depth):
            self._check(child, depth + 1, in_list or _runs_per_item(node, child))

    def _children(self, node: ast.expr, in_list: bool, depth: int) -> list[ast.expr]:
        """What stands below an allowed node; anything else is refused."""
        match node:
            case ast.BoolOp():
                return node.values
            case ast.IfExp():
                return [node.test, node.body, node.orelse]
            case ast.UnaryOp(op=ast.Not() | ast.USub() | ast.UAdd()):
                return [node.operand]
            case ast.BinOp():
                return self._binary(node)
            case ast.Compare():
                return self._compare(node)
            case ast.Call():
                return self._call(node, in_list)
            case ast.List() | ast.Tuple():
                return self._literals(node)
            case ast.Constant() | ast.Name() | ast.Attribute() | ast.Subscript():
                return self._leaf(node, depth)
        raise self._refused(node)

    def _refused(self, node: ast.expr) -> ExpressionError:
        for part in (getattr(node, "op", node), node):
            if type(part) in _REFUSED:
                name, remedy = _REFUSED[type(part)]
                return self._tree.error(node, f"{name} is not allowed here", remedy)
        return self._tree.error(node, f"{type(node).__name__.lower()} is not allowed here")

    def _binary(self, node: ast.BinOp) -> list[ast.expr]:
        if not isinstance(node.op, _OPERATORS):
            raise self._refused(node)
        sides = [node.left, node.right]
        if not isinstance(node.op, ast.Add) and any(_is_text(side) for side in sides):
            raise self._tree.error(node, "a text cannot be calculated with", "use number()")
        return sides

    def _compare(self, node: ast.Compare) -> list[ast.expr]:
        for operator, right in zip(node.ops, node.comparators, strict=True):
            if isinstance(operator, ast.Is | ast.IsNot) and not _is_none(right):
                raise self._tree.error(node, "'is' compares with None only", "write == or !=")
        return [node.left, *node.comparators]

    def _call(self, node: ast.Call, in_list: bool) -> list[ast.expr]:
        if not isinstance(node.func, ast.Name):
            raise self._tree.error(
                node, "only registered functions can be called", ", ".join(sorted(FUNCTIONS))
            )
        function = FUNCTIONS.get(node.func.id)
        if function is None:
            advice = did_you_mean(node.func.id, FUNCTIONS) or f"known: {', '.join(sorted(FUNCTIONS))}"
            raise self._tree.error(node, f"unknown function '{node.func.id}'", advice)
        if node.keywords or any(isinstance(argument, ast.Starred) for argument in node.args):
            raise self._tree.error(node, "arguments are given by position", f"write {function.signature}")
        if not function.minimum <= len(node.args) <= function.maximum:
            raise self._tree.error(
                node, f"wrong number of arguments for {function.name}()", function.signature
            )
        if function.over_list and in_list:
            raise self._tree.error(node, f"{function.name}() inside a list function", "use two rows or rules")
        return node.args

    def _literals(self, node: ast.List | ast.Tuple) -> list[ast.expr]:
        for element in node.elts:
            if not isinstance(element, ast.Constant | ast.UnaryOp):
                raise self._tree.error(element, "a list holds literals only", "write each comparison out")
        return node.elts

    def _leaf(self, node: ast.expr, depth: int) -> list[ast.expr]:
        if isinstance(node, ast.Constant):
            self._constant(node)
            return []
        if isinstance(node, ast.Name):
            return []
        steps = len(steps_of(self._tree, node))
        if depth + steps > MAX_DEPTH_OF_STEPS:
            raise self._tree.error(node, f"more than {MAX_DEPTH} levels", "split the expression")
        self._nodes += steps - 1
        return []

    def _constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, int | float | complex) and not isinstance(node.value, bool):
            self._tree.number(node)
        elif not isinstance(node.value, str | bool | None):
            raise self._tree.error(node, f"{type(node.value).__name__} is not allowed here")


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def runs_over_list(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Name) and FUNCTIONS[call.func.id].over_list


def _runs_per_item(node: ast.expr, child: ast.expr) -> bool:
    return isinstance(node, ast.Call) and runs_over_list(node) and child is not node.args[0]


def steps_of(tree: Tree, node: ast.expr) -> tuple[Step, ...]:
    """A chain of names and subscripts as a data path."""
    steps: list[Step] = []
    while not isinstance(node, ast.Name):
        if len(steps) >= MAX_DEPTH:
            raise tree.error(node, f"a path has at most {MAX_DEPTH} steps")
        if isinstance(node, ast.Attribute):
            steps.append(node.attr)
        elif isinstance(node, ast.Subscript):
            steps.append(_subscript(tree, node))
        else:
            raise tree.error(node, "fields can be read from a path only, as in customer.region")
        node = node.value
    steps.append(node.id)
    for each in steps:
        if isinstance(each, str) and each.startswith("__"):
            raise tree.error(node, f"'{each}' is not allowed", "names do not start with __")
    return tuple(reversed(steps))


def _subscript(tree: Tree, node: ast.Subscript) -> Step:
    key: object = node.slice
    sign = 1
    if isinstance(key, ast.UnaryOp) and isinstance(key.op, ast.USub):
        sign, key = -1, key.operand
    if isinstance(key, ast.Constant) and type(key.value) is int and key.value < 1_000_000:
        return sign * key.value
    if sign == 1 and isinstance(key, ast.Constant) and isinstance(key.value, str):
        return key.value
    remedy = "use substring()" if isinstance(key, ast.Slice) else 'write [0] or ["name"]'
    raise tree.error(node, "a subscript is a number or a text in quotes", remedy)
