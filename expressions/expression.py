from collections.abc import Callable, Mapping
from decimal import Decimal

from configuration import did_you_mean
from expressions.errors import ExpressionError, out_of_range
from expressions.generator import Generator, find_paths
from expressions.paths import RECORD, CodeUnit, Scope
from expressions.places import TEXT
from expressions.syntax import Tree

Function = Callable[[Mapping[str, object]], object]


class Expression:
    """A checked expression, compiled on construction and never again."""

    __slots__ = ("_evaluate", "_tree", "names", "paths", "source")

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self.source = tree.source
        paths = find_paths(tree)
        self.paths = frozenset(str(path) for path, _ in paths)
        self.names = frozenset(str(path.steps[0]) for path, _ in paths)
        unit = CodeUnit()
        source = f"def evaluate(r):\n    return {self.inline(unit, RECORD)}\n"
        self._evaluate = define(unit, source, "evaluate", title="expression")

    def __call__(self, data: Mapping[str, object]) -> object:
        result = self._run(data)
        return Decimal(str(result)) if isinstance(result, float) else result

    def __repr__(self) -> str:
        return f"Expression({self.source!r})"

    def test(self, data: Mapping[str, object]) -> bool:
        return bool(self._run(data))

    def _run(self, data: Mapping[str, object]) -> object:
        try:
            return self._evaluate(data)
        except ArithmeticError as error:
            raise out_of_range() from error

    def inline(self, unit: CodeUnit, scope: Scope) -> str:
        """Python source of this expression inside a larger function. Floats of the data may come through."""
        return Generator(self._tree, unit).code(self._tree.root, scope)


def define(unit: CodeUnit, source: str, name: str, *, title: str) -> Callable[..., object]:
    """Compiles generated source once; it sees nothing but the unit's namespace."""
    unit.namespace[TEXT] = source
    exec(compile(source, f"<{title}>", "exec"), unit.namespace)  # noqa: S102 (our own text, literals by repr)
    function = unit.namespace[name]
    assert callable(function)
    return function


def compile_expression(source: str, *, names: frozenset[str] | None = None) -> Expression:
    tree = Tree(source)
    for path, column in find_paths(tree):
        name = str(path.steps[0])
        if names is not None and name not in names:
            advice = did_you_mean(name, names) or f"known: {', '.join(sorted(names))}"
            raise ExpressionError(f"unknown name '{name}'", column, remedy=advice)
    return Expression(tree)
