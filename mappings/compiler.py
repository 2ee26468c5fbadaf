"""Rows to one Python function. With tracing, the same text holds calls that record every step.

Generated code looks as a careful person would write it:

    try:
        v = r.get('due_base_date')
        if v or (v is not None and v != ''):
            v = k1(v)
            if v is not None:
                o['FDATE'] = v
    except FAULTS as error:
        problems.append(failed(k0, error, v, ()))
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import NoReturn, cast

from expressions import CodeUnit, EvaluationError, Path, Place, Scope, define, place_of
from expressions.errors import out_of_range
from expressions.operations import items
from expressions.values import LONGEST, text_of
from mappings.converters import FEN, SHORTCUTS, clean
from mappings.problems import ConversionError, Problem, RowFault
from mappings.rows import Constant, Converter, Row

FAULTS = (ValueError, TypeError, ArithmeticError)
ROUNDED = re.compile(r"decimal\((\d{1,2})\)")
# What may leave a mapping unseen. Decimals are looked at: one may be NaN.
PLAIN = frozenset({str, int, bool, date, datetime})

Lookup = Callable[[str], object]


def failed(row: Row, error: Exception, value: object, indexes: Sequence[int]) -> Problem:
    place: Place | None = None
    if isinstance(error, EvaluationError | ArithmeticError):
        place, unfit = place_of(error), error if isinstance(error, EvaluationError) else out_of_range()
        # Nothing was read yet: the variable still holds the value of another row.
        error, value = RowFault("expression", unfit.message, unfit.message_zh), None
    elif not isinstance(error, RowFault):
        error = ConversionError("cannot be converted", "无法转换")
    target, source = _numbered(row.target, indexes), _numbered(row.shown_source, indexes)
    parked = error.kind == "no_code" and row.on_miss != "fail"
    return Problem(
        kind=error.kind,
        target=target,
        source=source,
        value=value,
        message_zh=f"{target}：{error.message_zh}{_where_zh(place, error, source)}",
        message_en=f"{target}: {error.message} {_where_en(place, source)}",
        action="park" if parked else "fail",
        table=row.lookup if parked else None,
    )


def _where_zh(place: Place | None, error: RowFault, source: str) -> str:
    """Who repairs an expression looks for its words in the manual, which is English."""
    if place is None:
        return f"（来源：{source}）"
    return f" ({error.message})（表达式第 {place.column} 列：{place.expression}）"


def _where_en(place: Place | None, source: str) -> str:
    return f"(from {source})" if place is None else f"(column {place.column} of {place.expression})"


def _numbered(text: str, indexes: Sequence[int]) -> str:
    for index in indexes:
        text = text.replace("[*]", f"[{index}]", 1)
    return text


def no_table(name: str) -> Lookup:
    def absent(key: str) -> object:
        raise RowFault("no_code", f"code table '{name}' is not there", f"缺少对照表“{name}”")

    return absent


def missing() -> NoReturn:
    raise RowFault("missing", "is missing", "缺少必填值")


def no_code(table: str) -> NoReturn:
    raise RowFault("no_code", f"has no row in code table '{table}'", f"对照表“{table}”中没有对应项")


def key_of(value: object) -> str:
    key = str(value) if type(value) is int else text_of(value)
    if key is None:
        raise ConversionError("is no key for a code table", "不能作为对照表的键")
    return key


def limited(value: object, maximum: int, truncate: bool) -> object:
    text = text_of(value)
    if text is None or len(text) > maximum:
        if truncate and isinstance(value, str):
            return value[:maximum]
        raise RowFault("too_long", f"is longer than {maximum} characters", f"超过 {maximum} 个字")
    return value


def record_of(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


_HELPERS: Mapping[str, object] = {
    function.__name__: function
    for function in (
        failed,
        no_table,
        missing,
        no_code,
        key_of,
        limited,
        record_of,
        items,
        clean,
        enumerate,
        len,
        str,
    )
} | {
    **{"FAULTS": FAULTS, "FEN": FEN, "LONGEST": LONGEST, "PLAIN": PLAIN, "UTC": UTC},
    **{"bool": bool, "date": date, "int": int, "at_second": datetime.fromtimestamp},
}


def _based(scope: Scope, base: Sequence[str]) -> Scope:
    """The record below, read once for all rows that ask for it."""
    assert scope.hold is not None
    record = scope.records[0]
    for key in base:
        record = scope.hold(record, key)
    return replace(scope, records=(record, *scope.records[1:]), this=record)


@dataclass(frozen=True, slots=True)
class Here:
    """Where generated code stands: its data, the list indexes around it, the object it fills."""

    scope: Scope
    indexes: tuple[str, ...]
    output: str


def compile_rows(
    rows: Sequence[Row], *, name: str, trace: bool = False
) -> tuple[Callable[..., dict[str, object]], str]:
    """The function `(record, tables, problems[, trace]) -> dict` and its text."""
    writer = _Writer(trace=trace)
    source = writer.function(rows)
    writer.unit.namespace.update(_HELPERS)
    apply = define(writer.unit, source, "apply", title=name)
    return cast("Callable[..., dict[str, object]]", apply), source


class _Writer:
    def __init__(self, *, trace: bool) -> None:
        self.unit = CodeUnit()
        self._trace = trace
        self._lines: list[str] = []
        self._indent = 1
        self._lookups: dict[str, str] = {}
        self._below: dict[tuple[str, str], str] = {}

    def function(self, rows: Sequence[Row]) -> str:
        with self._held("r"):
            self._object(rows, Here(Scope(records=("r",), this="r", hold=self._hold), (), "o"))
        head = [f"def apply(r, tables, problems{', trace' if self._trace else ''}):"]
        for table, held in self._lookups.items():
            there = f"tables[{table!r}].lookup if {table!r} in tables"
            head.append(f"    {held} = {there} else no_table({table!r})")
        return "\n".join([*head, "    v = None", "    o = {}", *self._lines, "    return o", ""])

    def _emit(self, line: str) -> None:
        self._lines.append("    " * self._indent + line)

    @contextmanager
    def _block(self, head: str) -> Iterator[None]:
        self._emit(f"{head}:")
        self._indent += 1
        yield
        self._indent -= 1

    @contextmanager
    def _held(self, record: str) -> Iterator[None]:
        """Records below `record` that the block asks for are read at its beginning, each once."""
        start = len(self._lines)
        yield
        indent = "    " * self._indent
        wanted = [(held, key, name) for (held, key), name in self._below.items() if self._top(held) == record]
        lines: list[str] = []
        for held, key, name in wanted:
            lines.append(f"{indent}{name} = {held}.get({key!r})")
            lines.append(f"{indent}if type({name}) is not dict: {name} = record_of({name})")
        self._lines[start:start] = lines

    def _hold(self, record: str, key: str) -> str:
        if (record, key) not in self._below:
            self._below[record, key] = self.unit.temporary()
        return self._below[record, key]

    def _top(self, record: str) -> str:
        """The variable of the whole record that a held variable belongs to."""
        owners = {name: held for (held, _), name in self._below.items()}
        while record in owners:
            record = owners[record]
        return record

    def _object(self, rows: Sequence[Row], here: Here, depth: int = 0) -> None:
        """Targets with a common first part become one object, at the place of the first of them."""
        groups: dict[str, list[Row]] = {}
        for row in rows:
            groups.setdefault(row.keys[depth], []).append(row)
        for key, group in groups.items():
            if len(group) == 1:
                self._row(group[0], here, depth)
                continue
            inner = self.unit.temporary()
            self._emit(f"{inner} = {{}}")
            self._object(group, replace(here, output=inner), depth + 1)
            with self._block(f"if {inner}"):
                self._emit(f"{here.output}[{key!r}] = {inner}")

    def _row(self, row: Row, here: Here, depth: int) -> None:
        key, *nested = row.keys[depth:]
        here = replace(here, scope=_based(here.scope, row.base)) if row.base else here
        opening = "".join(f"{{{part!r}: " for part in nested)
        place = f"{here.output}[{key!r}] = {opening}".replace("%", "%%")
        store = f"{place}%s{'}' * len(nested)}"
        held = self.unit.constant(row)
        trace = self._open_trace(held, here)
        with self._block("try"):
            if row.when is None:
                self._fill(row, here, store, trace)
            else:
                self._when(row, here, store, trace)
        with self._block("except FAULTS as error"):
            self._emit(
                f"problems.append(failed({held}, error, v, ({''.join(f'{i}, ' for i in here.indexes)})))"
            )
            if trace:
                self._emit(f"{trace}.fail(problems[-1])")

    def _open_trace(self, row: str, here: Here) -> str:
        if not self._trace:
            return ""
        trace = self.unit.temporary()
        self._emit(f"{trace} = trace.open({row}, ({''.join(f'{i}, ' for i in here.indexes)}))")
        return trace

    def _step(self, trace: str, label: str, value: str = "v") -> None:
        if trace:
            self._emit(f"{trace}.step({label!r}, {value})")

    def _store(self, store: str, value: str, trace: str) -> None:
        self._emit(store % value)
        if trace:
            self._emit(f"{trace}.done({value})")

    def _when(self, row: Row, here: Here, store: str, trace: str) -> None:
        assert row.when is not None
        test = row.when.inline(self.unit, here.scope)
        with self._block(f"if {test}"):
            self._fill(row, here, store, trace)
        if trace:
            with self._block("else"):
                self._step(trace, f"when {row.when.source}", "False")

    def _fill(self, row: Row, here: Here, store: str, trace: str) -> None:
        if row.rows is not None:
            self._list(row, row.rows, here, store, trace)
            return
        self._emit(f"v = {self._source(row, here)}")
        self._step(trace, f"from {row.shown_source}")
        if row.source == Constant("") and not row.converters and not self._has_table(row):
            # An empty text that somebody wrote is meant.
            self._store(store, "v", trace)
            return
        # Absent is None and the empty text; 0, False and [] are values.
        with self._block("if v or (v is not None and v != '')"):
            self._steps(row, trace)
            if row.default is None and not row.required:
                self._finish(row, store, trace, sure=not row.converters and not self._has_table(row))
                return
            self._emit("pass")
        with self._block("else"):
            self._emit("v = None")
        with self._block("if v is None"):
            self._fall_back(row, trace)
        self._finish(row, store, trace, sure=True)

    def _fall_back(self, row: Row, trace: str) -> None:
        if row.default is None:
            self._emit("missing()")
        else:
            self._emit(f"v = {self._value(row.default)}")
            self._step(trace, "default")

    def _source(self, row: Row, here: Here) -> str:
        if isinstance(row.source, Constant):
            return self._value(row.source.value)
        return row.source.inline(self.unit, here.scope)

    def _value(self, value: object) -> str:
        if value is None or isinstance(value, bool | int | str):
            return repr(value)
        held = self.unit.constant(value)
        # A table or list of the file must not be shared between results.
        return f"clean({held})" if isinstance(value, dict | list) else held

    def _steps(self, row: Row, trace: str) -> None:
        for position, converter in enumerate(row.converters):
            if position:
                self._emit("if v is not None:")
                self._indent += 1
            self._emit(f"v = {self._conversion(converter)}")
            self._step(trace, f"as {converter.text}")
        self._indent -= max(len(row.converters) - 1, 0)
        keyed = self._has_table(row) and row.on_miss != "pass"
        if not (row.converters or keyed or isinstance(row.source, Constant)):
            with self._block("if type(v) is not str and type(v) not in PLAIN"):
                self._emit("v = clean(v)")
        if self._has_table(row):
            self._look_up(row, trace)

    def _conversion(self, converter: Converter) -> str:
        call = f"{self.unit.constant(converter.convert)}(v)"
        shortcut = SHORTCUTS.get(converter.text)
        if found := ROUNDED.fullmatch(converter.text):
            step = self.unit.constant(Decimal((0, (1,), -int(found[1]))))
            # Twenty digits and twelve places always fit: this cannot fail.
            small = "type(v) is Decimal and v.is_finite() and v.adjusted() < 20"
            shortcut = f"v.quantize({step}, HALF_UP, CONTEXT) if {small}"
        return f"{shortcut} else {call}" if shortcut else call

    @staticmethod
    def _has_table(row: Row) -> bool:
        return row.lookup is not None or row.table is not None

    def _look_up(self, row: Row, trace: str) -> None:
        name, table = self._table(row)
        key, code = self.unit.temporary(), self.unit.temporary()
        with self._block("if v is not None"):
            self._emit(f"{key} = v if type(v) is str else key_of(v)")
            self._emit(f"{code} = {table}({key})")
            if trace:
                self._emit(f"{trace}.step({f'lookup {name} '!r} + {key}, {code})")
            if row.on_miss in ("park", "fail"):
                with self._block(f"if {code} is None"):
                    self._emit(f"no_code({name!r})")
            self._emit(f"v = v if {code} is None else {code}" if row.on_miss == "pass" else f"v = {code}")

    def _table(self, row: Row) -> tuple[str, str]:
        if row.lookup is None:
            assert row.table is not None
            return "table", self.unit.constant(row.table.get)
        if row.lookup not in self._lookups:
            self._lookups[row.lookup] = f"x{len(self._lookups)}"
        return row.lookup, self._lookups[row.lookup]

    def _finish(self, row: Row, store: str, trace: str, *, sure: bool) -> None:
        if not sure:
            self._emit("if v is not None:")
            self._indent += 1
        if row.max_length is not None:
            with self._block(f"if type(v) is not str or len(v) > {row.max_length}"):
                self._emit(f"v = limited(v, {row.max_length}, {row.truncate})")
                self._step(trace, f"max {row.max_length}")
        self._store(store, "v", trace)
        self._indent -= 0 if sure else 1

    def _list(self, row: Row, rows: Sequence[Row], here: Here, store: str, trace: str) -> None:
        assert isinstance(row.source, Path)
        this, index, output, found = (self.unit.temporary() for _ in range(4))
        record = self.unit.temporary()
        self._emit(f"v = {row.source.inline(self.unit, here.scope)}")
        self._step(trace, f"each {row.shown_source}")
        with self._block("if v is not None and v != ''"):
            self._emit(f"{found} = []")
            with self._block(f"for {index}, {this} in enumerate(items(v))"):
                self._emit(f"{record} = {this} if type({this}) is dict else record_of({this})")
                scope = Scope(records=(record, *here.scope.records), this=this, hold=self._hold)
                with self._held(record):
                    self._where(row, scope)
                    self._emit(f"{output} = {{}}")
                    self._object(rows, Here(scope, (*here.indexes, index), output))
                self._emit(f"{found}.append({output})")
            if row.required:
                with self._block(f"if not {found}"):
                    self._emit("missing()")
            self._store(store, found, trace)
        if row.required:
            with self._block("else"):
                self._emit("missing()")

    def _where(self, row: Row, scope: Scope) -> None:
        if row.where is not None:
            with self._block(f"if not {row.where.inline(self.unit, scope)}"):
                self._emit("continue")
