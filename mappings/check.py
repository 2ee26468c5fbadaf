"""Whether a mapping makes sense before any record comes: paths, kinds, required targets, idle rows."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from configuration import ConfigurationError, Node, did_you_mean
from expressions import Expression, ExpressionError, Path
from expressions.generator import find_paths
from expressions.paths import Step
from expressions.syntax import Tree
from expressions.values import text_of
from mappings.kinds import CALLED, CONVERSIONS, FITS, after_table, converted, of_constant, of_expression
from mappings.lines import Find, Source
from mappings.mapping import CompiledMapping, compile_mapping
from mappings.problems import RowFault
from mappings.rows import Constant, Row
from mappings.schemas import ANY, Schema, Shape
from mappings.schemas import shipped as shipped_schemas
from mappings.shipped import source as shipped_source

# Where other names may exist, only these are remarked upon.
_SLIP = 85
Severity = Literal["error", "warning"]
# Converters whose results they would leave as they are: a key of a table that changes is never met.
_SETTLED = frozenset({"upper", "lower", "strip", "squeeze", "digits", "halfwidth", "integer", "boolean"})


@dataclass(frozen=True, slots=True)
class Finding:
    severity: Severity
    message: str
    file: str
    line: int
    column: int
    remedy: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.severity}: {self.message} — {self.remedy}"

    def as_error(self) -> ConfigurationError:
        return ConfigurationError(
            self.message, file=self.file, line=self.line, column=self.column, remedy=self.remedy
        )


def check(
    mapping: CompiledMapping,
    *,
    schemas: Mapping[str, Schema] | None = None,
    tables: Collection[str] | None = None,
) -> list[Finding]:
    """`schemas`: by name, else the shipped ones; `tables`: the code tables that exist, if that is known."""
    known = shipped_schemas(mapping.name.partition(".")[0]) if schemas is None else schemas
    return _Checker(mapping, known, tables).check()


def check_text(
    source: Source,
    *,
    overrides: Sequence[Source] = (),
    find: Find = shipped_source,
    schemas: Mapping[str, Schema] | None = None,
    tables: Collection[str] | None = None,
) -> list[Finding]:
    """The same for a text that may not even compile."""
    try:
        mapping = compile_mapping(
            source.text, file=source.file, folder=source.folder, overrides=overrides, find=find
        )
    except ConfigurationError as error:
        return [_finding("error", each) for each in error.errors]
    return check(mapping, schemas=schemas, tables=tables)


def _finding(severity: Severity, error: ConfigurationError) -> Finding:
    remedy = error.remedy or "see docs/mapping.md"
    return Finding(severity, error.message, error.file, error.line, error.column, remedy)


@dataclass(frozen=True, slots=True)
class _Here:
    """The shapes of the record and of those around it, innermost first; the shape to be filled."""

    records: tuple[Shape, ...]
    target: Shape | None
    this: Shape


class _Checker:
    def __init__(
        self, mapping: CompiledMapping, schemas: Mapping[str, Schema], tables: Collection[str] | None
    ) -> None:
        self._mapping = mapping
        self._schemas = schemas
        self._tables = tables
        self._found: list[Finding] = []
        self._depth = 1 if mapping.root else 0

    def check(self) -> list[Finding]:
        document = self._mapping.document
        source = self._schema(document, "from")
        target = self._schema(document, "to")
        shape = source.shape if source else ANY
        rows = [row for row in self._mapping.rows if row.line is not None]
        self._rows(rows, _Here((shape,), target.shape if target else None, shape), self._depth)
        if target is not None:
            at = document.key_error("fields" if document.get("fields") else "include", "")
            self._required(target.shape, rows, "", at, self._depth)
        return sorted(self._found, key=lambda each: (each.file, each.line, each.column))

    def _schema(self, document: Node, key: str) -> Schema | None:
        node = document.required(key)
        found = self._schemas.get(node.text())
        vendor, _, thing = node.text().partition(".")
        near = [name.partition(".")[2] for name in self._schemas if name.startswith(f"{vendor}.")]
        if found is None and (advice := did_you_mean(thing, near, alike=_SLIP)):
            self._warn(node.error(f"no schema '{node.text()}', so its fields are not checked", remedy=advice))
        return found

    def _error(self, error: ConfigurationError) -> None:
        self._found.append(_finding("error", error))

    def _warn(self, error: ConfigurationError) -> None:
        self._found.append(_finding("warning", error))

    def _rows(self, rows: Iterable[Row], here: _Here, depth: int) -> None:
        for row in rows:
            _RowChecker(self, row, _based(here, row.base), depth).check()

    def _required(
        self,
        shape: Shape,
        rows: Sequence[Row],
        place: str,
        at: ConfigurationError,
        depth: int,
        above: tuple[str, ...] = (),
    ) -> None:
        """Each required target has a row, where the record or list that holds it has one."""
        for name, inner in shape.fields.items():
            keys = (*above, name)
            below = [row for row in rows if row.keys[depth : depth + len(keys)] == keys]
            whole = any(row.keys[depth:] == keys[: len(row.keys) - depth] for row in rows)
            if inner.required and not below and not whole:
                written = ".".join(keys)
                advice = f"add '{written}: …'"
                message = f"the required target '{place}{written}' has no source"
                error = ConfigurationError(
                    message, file=at.file, line=at.line, column=at.column, remedy=advice
                )
                self._error(error)
            elif inner.kind == "record" and below and not whole:
                self._required(inner, rows, place, at, depth, keys)


def _based(here: _Here, base: tuple[str, ...]) -> _Here:
    if not base:
        return here
    record = here.records[0].at(base) or ANY
    return replace(here, records=(record, *here.records[1:]), this=record)


class _RowChecker:
    """One row. What is said once about a value is not said again about what follows from it."""

    def __init__(self, checker: _Checker, row: Row, here: _Here, depth: int) -> None:
        assert row.line is not None
        self._checker = checker
        self._row = row
        self._line = row.line
        self._node = row.line.node
        self._here = here
        self._keys = row.keys[depth:]

    def check(self) -> None:
        target = self._target()
        self._condition("when", "the row is never filled")
        if self._row.rows is not None:
            self._list(self._row.rows, target)
            return
        shape = self._value(self._source())
        self._idle()
        if target is not None and shape.kind not in ("any", "nothing"):
            self._fits(shape, target)

    def _at(self, key: str) -> Node:
        """The value of a key of the row; the row itself where it is only a path."""
        return self._node.get(key) or self._node if self._node.kind == "mapping" else self._node

    def _error(self, node: Node, message: str, remedy: str, *, offset: int = 0) -> None:
        said = f"{self._row.target}: {message}"
        self._checker._error(node.error(said, remedy=remedy, offset=offset))

    def _warn(self, node: Node, message: str, remedy: str) -> None:
        self._checker._warn(node.error(f"{self._row.target}: {message}", remedy=remedy))

    def _target(self) -> Shape | None:
        shape = self._here.target
        for position, key in enumerate(self._keys):
            if shape is None or shape.kind == "any":
                return None
            if shape.kind != "record":
                above = ".".join(self._keys[:position])
                error = self._line.error(
                    f"'{self._row.target}': '{above}' is {CALLED[shape.kind]}, it has no fields",
                    remedy=f"write '{above}: …'" if shape.kind != "list" else f"write '{above}: {{each: …}}'",
                )
                self._checker._error(error)
                return None
            if key not in shape.fields:
                self._unknown_target(key, shape)
                return None
            shape = shape.fields[key]
        return shape

    def _unknown_target(self, key: str, shape: Shape) -> None:
        advice = did_you_mean(key, shape.fields, alike=60 if shape.closed else _SLIP)
        if not shape.closed and not advice:
            return
        error = self._line.error(
            f"'{self._row.target}' is not a field of {self._checker._mapping.target}",
            remedy=advice or _known(shape),
        )
        (self._checker._error if shape.closed else self._checker._warn)(error)

    def _condition(self, key: str, consequence: str) -> None:
        condition: Expression | None = getattr(self._row, key)
        if condition is None:
            return
        node = self._at(key)
        records = self._here if key == "when" else self._inner()
        self._expression(node, condition, records)
        if condition.paths:
            return
        try:
            always = condition.test({})
        except ExpressionError:
            return
        if always:
            self._warn(node, f"'{key}' is always true", f"remove '{key}'")
        else:
            self._error(node, f"'{key}' is always false: {consequence}", f"remove the row, or '{key}'")

    def _source(self) -> Shape:
        source = self._row.source
        if isinstance(source, Constant):
            return Shape(of_constant(source))
        if isinstance(source, Path):
            return self._look(source.steps, self._here, self._at("from"))
        self._expression(self._at("expr"), source, self._here)
        kind = of_expression(source.source, lambda steps: self._known(steps) or ANY)
        return Shape(kind)

    def _expression(self, node: Node, expression: Expression, here: _Here) -> None:
        for path, column in find_paths(Tree(expression.source)):
            if path.steps != ("none",):
                self._look(path.steps, here, node, offset=column - 1)

    def _known(self, steps: tuple[Step, ...]) -> Shape | None:
        try:
            return _walk(steps, self._here)
        except _Lost:
            return None

    def _look(self, steps: tuple[Step, ...], here: _Here, node: Node, *, offset: int = 0) -> Shape:
        try:
            return _walk(steps, here)
        except _Lost as lost:
            if lost.certain:
                self._error(node, lost.message, lost.remedy, offset=offset)
            elif lost.remedy:
                self._warn(node, lost.message, lost.remedy)
            return ANY

    def _value(self, shape: Shape) -> Shape:
        nodes = self._at("as")
        written = nodes.items if nodes.kind == "sequence" else (nodes,) * len(self._row.converters)
        for node, converter in zip(written, self._row.converters, strict=True):
            accepted = CONVERSIONS[converter.name][0]
            if shape.kind in CALLED and shape.kind not in accepted | {"any", "nothing"}:
                self._error(node, f"{converter.name} cannot read {CALLED[shape.kind]}", _advice(shape))
                return ANY
            shape = converted(shape, converter)
        if self._row.lookup is None and self._row.table is None:
            return shape
        if shape.kind in ("list", "record"):
            key = "lookup" if self._row.lookup else "table"
            self._error(self._at(key), f"{CALLED[shape.kind]} is no key of a code table", _advice(shape))
        self._table()
        return Shape(after_table(self._row, shape.kind))

    def _table(self) -> None:
        tables, name = self._checker._tables, self._row.lookup
        if name is not None and tables is not None and name.removesuffix(".inverse") not in tables:
            advice = did_you_mean(name.removesuffix(".inverse"), tables)
            self._error(
                self._at("lookup"), f"no code table '{name}'", advice or "add it, or write 'table: …'"
            )
        last = self._row.converters[-1] if self._row.converters else None
        if last is None or last.name not in _SETTLED:
            return
        table = self._at("table")
        for key in self._row.table or ():
            try:
                settled = text_of(last.convert(key))
            except RowFault:
                settled = None
            if settled != key:
                error = table.key_error(
                    key,
                    f"{self._row.target}: the row '{key}' is never reached after {last.text}",
                    remedy=f"write '{settled}'" if settled else "remove it",
                )
                self._checker._warn(error)

    def _idle(self) -> None:
        """Parts of a row that can never act."""
        row = self._row
        if row.default is not None and row.required:
            self._warn(
                self._at("required"), "'required' never acts: there is a default", "remove one of them"
            )
        sure = isinstance(row.source, Constant) and row.source.value not in (None, "")
        if sure and row.default is not None and not (row.converters or row.lookup or row.table):
            self._warn(self._at("default"), "'default' never acts: the value is given", "remove it")

    def _fits(self, shape: Shape, target: Shape) -> None:
        node = self._at("as" if self._row.converters else _source_key(self._row))
        self._may_lack(shape, target, node)
        fitting, advice = FITS.get(target.kind, (frozenset({shape.kind}), ""))
        if shape.kind not in fitting:
            self._error(
                node, f"{CALLED[shape.kind]} where {CALLED[target.kind]} is wanted", _instead(shape, advice)
            )
        if target.max_length is None or self._row.max_length is None:
            return
        if self._row.max_length > target.max_length:
            self._error(
                self._at("max"), f"takes {target.max_length} characters", f"write max: {target.max_length}"
            )

    def _may_lack(self, shape: Shape, target: Shape, node: Node) -> None:
        """A required target whose source may be absent; known only of a path without steps after it."""
        row = self._row
        plain = isinstance(row.source, Path) and not (row.converters or row.lookup or row.table or row.when)
        if plain and target.required and not shape.required and not row.required and row.default is None:
            self._warn(node, "the target is required, but the source may be absent", "add required: true")

    def _inner(self) -> _Here:
        """Inside the list."""
        assert isinstance(self._row.source, Path)
        shape = self._known(self._row.source.steps) or ANY
        item = (shape.item or ANY) if shape.kind == "list" else shape
        return replace(self._here, records=(item, *self._here.records), this=item)

    def _list(self, rows: Sequence[Row], target: Shape | None) -> None:
        assert isinstance(self._row.source, Path)
        node = self._at("each")
        shape = self._look(self._row.source.steps, self._here, node)
        if shape.kind not in ("list", "record", "any"):
            self._error(node, f"{CALLED[shape.kind]} is no list", "take the path of a list")
        self._condition("where", "the list is always empty")
        if target is not None and target.kind not in ("list", "any"):
            error = self._line.error(
                f"'{self._row.target}': a list where {CALLED[target.kind]} is wanted",
                remedy="write rows 'Target.Field', without each:",
            )
            self._checker._error(error)
        item = target.item if target and target.kind == "list" else None
        self._checker._rows(rows, replace(self._inner(), target=item), 0)
        if item is not None:
            at = self._line.error("", remedy="")
            self._checker._required(item, rows, f"{self._row.target}[*].", at, 0)


class _Lost(Exception):
    """A path that leads nowhere; `certain` where the schema is closed."""

    def __init__(self, message: str, remedy: str, *, certain: bool = True) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.certain = certain


def _walk(steps: tuple[Step, ...], here: _Here) -> Shape:
    if steps[0] == "this":
        return _down(steps[1:], here.this if len(steps) == 1 else here.records[0])
    up = 0
    while up < min(len(steps), len(here.records) - 1) and steps[up] == "parent":
        up += 1
    return _down(steps[up:], here.records[up])


def _down(steps: tuple[Step, ...], shape: Shape) -> Shape:
    for position, step in enumerate(steps):
        if shape.kind == "any":
            return ANY
        if step is None:
            if shape.kind != "list":
                raise _Lost(f"{CALLED[shape.kind]} is no list", "leave out [*]")
            rest = _down(steps[position + 1 :], shape.item or ANY)
            return rest if rest.kind == "list" else Shape("list", item=rest)
        shape = _index(shape, step) if isinstance(step, int) else _field(shape, step)
    return shape


def _index(shape: Shape, step: int) -> Shape:
    if shape.kind != "list":
        raise _Lost(f"{CALLED[shape.kind]} is no list", f"leave out [{step}]")
    return shape.item or ANY


def _field(shape: Shape, name: str) -> Shape:
    if shape.kind == "list":
        raise _Lost(
            f"'{name}' is looked for in a list",
            f"take one, [0].{name}, all, [*].{name}, or write rows inside each:",
        )
    if shape.kind != "record":
        raise _Lost(f"'{name}' is looked for in {CALLED[shape.kind]}", f"leave out .{name}")
    if name in shape.fields:
        return shape.fields[name]
    advice = did_you_mean(name, shape.fields, alike=60 if shape.closed else _SLIP)
    known = _known(shape)
    raise _Lost(
        f"'{name}' is not a field of the source",
        advice or (known if shape.closed else ""),
        certain=shape.closed,
    )


def _known(shape: Shape) -> str:
    names = sorted(shape.fields)
    return f"known: {', '.join(names[:12])}{', …' if len(names) > 12 else ''}"


def _source_key(row: Row) -> str:
    return "value" if isinstance(row.source, Constant) else "from" if isinstance(row.source, Path) else "expr"


def _advice(shape: Shape) -> str:
    if shape.kind == "list":
        return "take one of it with [0], join it with 'as: join', or write each:"
    return "take a field of it" if shape.kind == "record" else "take another source or converter"


def _instead(shape: Shape, advice: str) -> str:
    if shape.kind in ("list", "record") and advice.startswith("as:"):
        return _advice(shape)
    if shape.kind in ("date", "datetime") and advice == "as: text":
        return "write as: format_date"
    return f"write {advice}"
