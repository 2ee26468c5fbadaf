"""YAML text to nodes, event by event: no tag, no recursion, no surprise type gets through."""

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import yaml

from configuration.errors import ConfigurationError
from configuration.nodes import Entry, Kind, Node

MAX_BYTES = 1_000_000
MAX_NODES = 50_000
MAX_DEPTH = 40

# Leading zeros stay text: 0571 is an area code, not a number.
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,39})")
_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]{0,39})\.[0-9]{1,40}")
_NULLS = {"", "~", "null"}
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def load(path: Path) -> Node:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigurationError(f"cannot be read: {error.strerror}", file=str(path)) from error
    except UnicodeDecodeError as error:
        raise ConfigurationError("is not UTF-8", file=str(path), remedy="save it as UTF-8") from error
    return parse(text, file=str(path))


def parse(text: str, *, file: str) -> Node:
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise ConfigurationError(f"is larger than {MAX_BYTES:,} bytes", file=file)
    try:
        return _Reader(text, file).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        message = error.problem or error.context or "is not YAML"
        raise ConfigurationError(message, file=file, line=line, column=column) from error
    except (yaml.YAMLError, UnicodeEncodeError) as error:
        raise ConfigurationError("holds characters that YAML does not allow", file=file) from error


class _Reader:
    def __init__(self, text: str, file: str) -> None:
        self._file = file
        self._events: Iterator[yaml.Event] = yaml.parse(text, Loader=_LOADER)
        self._anchors: dict[str, tuple[Node, int]] = {}
        self._count = 0

    def document(self) -> Node:
        node = None
        for event in self._events:
            if isinstance(event, yaml.StreamStartEvent | yaml.StreamEndEvent | yaml.DocumentEndEvent):
                continue
            if isinstance(event, yaml.DocumentStartEvent):
                if node is not None:
                    raise self._error(event, "holds more than one document", "keep one document in a file")
                continue
            node = self._node(event, 0)
        if node is None:
            raise ConfigurationError("is empty", file=self._file)
        return node

    def _node(self, event: yaml.Event, depth: int) -> Node:
        before = self._count
        self._count += 1
        if self._count > MAX_NODES or depth > MAX_DEPTH:
            raise self._error(event, "too many or too deeply nested values", "split the file")
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        assert isinstance(event, yaml.NodeEvent)
        tag = getattr(event, "tag", None)
        if tag not in (None, "!"):
            raise self._error(event, f"tag '{tag}' is not allowed", "remove it")
        node = self._build(event, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = (node, self._count - before)
        return node

    def _build(self, event: yaml.Event, depth: int) -> Node:
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if isinstance(event, yaml.SequenceStartEvent):
            items = tuple(self._node(each, depth + 1) for each in self._until(yaml.SequenceEndEvent))
            return Node(self._file, *_place(event), "sequence", items=items)
        return Node(self._file, *_place(event), "mapping", entries=tuple(self._entries(depth)))

    def _entries(self, depth: int) -> Iterator[Entry]:
        seen: dict[str, int] = {}
        for event in self._until(yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise self._error(event, "a key must be a plain text", None)
            line, column = _place(event)
            key = str(event.value)
            if key in seen:
                raise self._error(
                    event, f"key '{key}' is repeated", f"it is already in line {seen[key]}; keep one"
                )
            seen[key] = line
            yield Entry(key, line, column, self._node(next(self._events), depth + 1))

    def _until(self, end: type[yaml.Event]) -> Iterator[yaml.Event]:
        while not isinstance(event := next(self._events), end):
            yield event

    def _alias(self, event: yaml.AliasEvent) -> Node:
        if event.anchor not in self._anchors:
            raise self._error(event, f"'*{event.anchor}' is not defined above", f"add '&{event.anchor}'")
        node, size = self._anchors[event.anchor]
        self._count += size
        return node

    def _scalar(self, event: yaml.ScalarEvent) -> Node:
        value = str(event.value)
        quoted = event.style in ("'", '"')
        block = event.style in ("|", ">")
        kind, scalar = ("text", value) if quoted or block or event.tag == "!" else _resolve(value)
        return Node(self._file, *_place(event), kind, scalar=scalar, quoted=quoted, written=value)

    def _error(self, event: yaml.Event, message: str, remedy: str | None) -> ConfigurationError:
        line, column = _place(event)
        return ConfigurationError(message, file=self._file, line=line, column=column, remedy=remedy)


def _resolve(value: str) -> tuple[Kind, str | int | Decimal | bool | None]:
    if value in _NULLS:
        return "null", None
    if value in ("true", "false"):
        return "boolean", value == "true"
    if _INTEGER.fullmatch(value):
        return "number", int(value)
    if _DECIMAL.fullmatch(value):
        return "number", Decimal(value)
    return "text", value


def _place(event: yaml.Event) -> tuple[int, int]:
    mark = event.start_mark
    assert mark is not None
    return mark.line + 1, mark.column + 1
