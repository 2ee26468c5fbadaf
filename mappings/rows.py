"""A mapping file as rows, and everything that can be wrong with it."""

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Literal, TypeVar

from configuration import ConfigurationError, ConfigurationErrors, Node, Plain, Problems, did_you_mean
from expressions import Expression, ExpressionError, Path, compile_expression, parse_path
from mappings.converters import CONVERTERS, Convert, build, written
from mappings.lines import Line

T = TypeVar("T")

MAX_EACH = 5
OnMiss = Literal["park", "default", "pass", "fail"]

_ON_MISS: tuple[OnMiss, ...] = ("park", "default", "pass", "fail")
_SOURCES = ("from", "expr", "value", "each")
_VALUE_KEYS = frozenset(
    {
        "from",
        "expr",
        "value",
        "as",
        "lookup",
        "table",
        "on_miss",
        "default",
        "required",
        "max",
        "truncate",
        "when",
    }
)
_EACH_KEYS = frozenset({"each", "fields", "include", "where", "when", "required"})


@dataclass(frozen=True, slots=True)
class Constant:
    value: Plain


@dataclass(frozen=True, slots=True)
class Converter:
    name: str
    text: str
    convert: Convert


@dataclass(frozen=True, slots=True)
class Row:
    """One target. `target` and `shown_source` hold a `[*]` for each list around them."""

    target: str
    keys: tuple[str, ...]
    source: Path | Expression | Constant
    shown_source: str
    converters: tuple[Converter, ...] = ()
    lookup: str | None = None
    table: Mapping[str, Plain] | None = None
    on_miss: OnMiss = "park"
    default: Plain = None
    required: bool = False
    max_length: int | None = None
    truncate: bool = False
    when: Expression | None = None
    where: Expression | None = None
    rows: tuple["Row", ...] | None = None
    base: tuple[str, ...] = ()
    line: Line | None = field(default=None, compare=False, repr=False)
    """Where it is written."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row stands: inside which lists."""

    target: str = ""
    source: str = ""
    depth: int = 0
    problems: Problems = field(default_factory=Problems)


def read_rows(lines: Iterable[Line], *, problems: Problems) -> tuple[Row, ...]:
    return _read_rows(lines, Place(problems=problems))


def all_rows(rows: Iterable[Row]) -> list[Row]:
    """The rows and, each after its list, the rows inside."""
    return [found for row in rows for found in (row, *all_rows(row.rows or ()))]


def _read_rows(lines: Iterable[Line], place: Place) -> tuple[Row, ...]:
    rows: list[Row] = []
    for line in lines:
        with place.problems.collecting(), _naming(f"{place.target}{line.target}"):
            rows.append(_Reader(line, place).row())
    return tuple(rows)


@contextmanager
def _naming(target: str) -> Iterator[None]:
    """Every message says which target it is about."""
    try:
        yield
    except ConfigurationError as error:
        raise ConfigurationErrors([_named(target, each) for each in error.errors]) from error


def _named(target: str, error: ConfigurationError) -> ConfigurationError:
    said = error.message if f"'{target}'" in error.message else f"{target}: {error.message}"
    return ConfigurationError(
        said, file=error.file, line=error.line, column=error.column, remedy=error.remedy
    )


class _Reader:
    """Reads one row."""

    def __init__(self, line: Line, place: Place) -> None:
        self._line = line
        self._node = line.node
        self._place = place
        self._target = f"{place.target}{line.target}"

    def row(self) -> Row:
        return replace(self._row(self._line.keys), base=self._line.base, line=self._line)

    def _row(self, keys: tuple[str, ...]) -> Row:
        if self._node.kind == "text":
            path = self._path(self._node)
            return Row(self._target, keys, path, self._shown(path))
        if self._node.kind != "mapping":
            raise self._line.error(
                f"expected a path or a row, found {self._node.describe()}",
                remedy="write 'Target: source.path' or 'Target: {from: source.path}'",
            )
        return self._value(keys) if self._line.rows is None else self._each(keys, self._line.rows)

    def _value(self, keys: tuple[str, ...]) -> Row:
        self._node.only(_VALUE_KEYS | _EACH_KEYS)
        self._refuse(_EACH_KEYS - _VALUE_KEYS, "goes with each:", "add 'each: list.path'")
        source, shown = self._source()
        maximum = self._maximum()
        lookup, table = self._tables()
        return Row(
            self._target,
            keys,
            source,
            shown,
            converters=self._converters(),
            lookup=lookup,
            table=table,
            on_miss=self._on_miss(lookup is not None or table is not None),
            default=self._default(),
            required=self._node.boolean("required"),
            max_length=maximum,
            truncate=self._truncate(maximum),
            when=self._expression("when"),
        )

    def _each(self, keys: tuple[str, ...], lines: Iterable[Line]) -> Row:
        self._node.only(_VALUE_KEYS | _EACH_KEYS)
        self._refuse(_VALUE_KEYS - _EACH_KEYS, "does not go with each:", "put it on a row inside fields:")
        node = self._node.required("each")
        path = self._path(node)
        if None in path.steps:
            raise node.error(
                "each: goes over one list", remedy="write an each: inside the fields: of another"
            )
        if self._place.depth == MAX_EACH:
            raise node.error(f"more than {MAX_EACH} lists inside each other", remedy="split the mapping")
        shown = self._shown(path)
        inside = Place(f"{self._target}[*].", f"{shown}[*].", self._place.depth + 1, self._place.problems)
        if self._node.get("include") is None:
            self._node.required("fields")
        rows = _read_rows(lines, inside)
        return Row(
            self._target,
            keys,
            path,
            shown,
            required=self._node.boolean("required"),
            when=self._expression("when"),
            where=self._expression("where"),
            rows=rows,
        )

    def _refuse(self, keys: Iterable[str], message: str, remedy: str) -> None:
        for entry in self._node.entries:
            if entry.key in keys:
                raise self._node.key_error(entry.key, f"'{entry.key}' {message}", remedy=remedy)

    def _shown(self, path: Path) -> str:
        if path.steps[0] == "parent":
            return str(path)
        return self._place.source + ".".join([*self._line.base, str(path)])

    def _source(self) -> tuple[Path | Expression | Constant, str]:
        given = [entry.key for entry in self._node.entries if entry.key in _SOURCES]
        if len(given) != 1:
            message = f"has {' and '.join(given)}" if given else "has no source"
            raise self._line.error(
                f"'{self._target}' {message}", remedy="give one of from, expr, value, each"
            )
        if given[0] == "value":
            value = self._node.required("value").value()
            return Constant(value), f"value {value!r}"
        if given[0] == "from":
            path = self._path(self._node.required("from"))
            return path, self._shown(path)
        expression = self._expression("expr")
        assert expression is not None
        return expression, expression.source

    def _path(self, node: Node) -> Path:
        return _located(node, parse_path)

    def _expression(self, key: str) -> Expression | None:
        node = self._node.get(key)
        if node is not None and node.kind in ("number", "boolean"):
            return compile_expression(node.written.capitalize())
        return None if node is None else _located(node, compile_expression)

    def _converters(self) -> tuple[Converter, ...]:
        node = self._node.get("as")
        if node is None:
            return ()
        nodes = node.sequence() if node.kind == "sequence" else [node]
        return tuple(_read_converter(each) for each in nodes)

    def _tables(self) -> tuple[str | None, Mapping[str, Plain] | None]:
        lookup, table = self._node.get("lookup"), self._node.get("table")
        if lookup is not None and table is not None:
            raise self._node.key_error("table", "has lookup and table", remedy="keep one of them")
        if table is None:
            return (None if lookup is None else lookup.text()), None
        return None, {key: each.value() for key, each in table.mapping().items()}

    def _on_miss(self, has_table: bool) -> OnMiss:
        node = self._node.get("on_miss")
        if node is None:
            return "park"
        if not has_table:
            raise self._node.key_error("on_miss", "'on_miss' goes with lookup or table", remedy="remove it")
        chosen = next((known for known in _ON_MISS if known == node.text()), None)
        if chosen is None:
            advice = did_you_mean(node.text(), _ON_MISS) or f"one of {', '.join(_ON_MISS)}"
            raise node.error(f"unknown on_miss '{node.text()}'", remedy=advice)
        if chosen == "default" and self._default() is None:
            raise node.error("'on_miss: default' has no default", remedy="add 'default: …'")
        return chosen

    def _default(self) -> Plain:
        node = self._node.get("default")
        return None if node is None else node.value()

    def _maximum(self) -> int | None:
        node = self._node.get("max")
        if node is None:
            return None
        if (maximum := self._node.integer("max")) < 1:
            raise node.error("'max' is at least 1", remedy="write 1 or more")
        return maximum

    def _truncate(self, maximum: int | None) -> bool:
        if maximum is None and self._node.get("truncate") is not None:
            raise self._node.key_error("truncate", "'truncate' goes with max", remedy="add 'max: …'")
        return self._node.boolean("truncate")


def _located(node: Node, read: Callable[[str], T]) -> T:
    """Gives an error its place in the file."""
    try:
        return read(node.text())
    except ExpressionError as error:
        raise node.error(error.message, remedy=error.remedy, offset=error.column - 1) from error


def _read_converter(node: Node) -> Converter:
    """`decimal(6)`, `datetime(zone="UTC")`, `decimal(2, half_even)`."""
    text = node.text()
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise node.error(f"'{text}' is not a converter", remedy="write it like decimal(2)") from error
    call = tree if isinstance(tree, ast.Call) else ast.Call(func=tree, args=[], keywords=[])
    if not isinstance(call.func, ast.Name):
        raise node.error(f"'{text}' is not a converter", remedy="write it like decimal(2)")
    name = call.func.id
    if name not in CONVERTERS:
        advice = did_you_mean(name, CONVERTERS) or f"known: {', '.join(sorted(CONVERTERS))}"
        raise node.error(f"unknown converter '{name}'", remedy=advice)
    try:
        arguments = [_argument(argument) for argument in call.args]
        options = {str(keyword.arg): _argument(keyword.value) for keyword in call.keywords}
        return Converter(name, text, build(name, arguments, options))
    except ValueError as error:
        raise node.error(f"{name}: {error}", remedy=f"write {written(name)}") from error


def _argument(node: ast.expr) -> object:
    """A literal; a bare word counts as a text."""
    if isinstance(node, ast.Name):
        return node.id
    if (
        isinstance(node, ast.UnaryOp)
        and isinstance(node.op, ast.USub)
        and isinstance(node.operand, ast.Constant)
    ):
        number = node.operand.value
        if type(number) is int:
            return -number
    if isinstance(node, ast.Constant) and isinstance(node.value, str | int):
        return node.value
    raise ValueError("arguments are numbers and texts")
