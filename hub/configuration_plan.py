"""The difference between the configuration as files and as the database has it, in plain words."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from configuration import Node, parse
from crm_store.mapping_versions import MappingText

Place = tuple[str, str | None]
"""The name of a mapping, and the connection that it is for (None: all)."""

RETIRED = "停用：忘掉密钥，不再收发；做过的都保留 (its secrets are forgotten, its history stays)"
SECTIONS: Mapping[str, str] = {"connections": "连接", "code_tables": "对照表", "mappings": "映射"}


@dataclass(frozen=True, slots=True)
class ConnectionState:
    """`secrets`: known values by name, shown to nobody. `named`: those that a file says there are."""

    connector: str
    settings: Mapping[str, object]
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    named: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class CodeTableState:
    title: str
    owner: str
    rows: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class State:
    """A section that is None is left alone."""

    connections: Mapping[str, ConnectionState] | None = None
    code_tables: Mapping[str, CodeTableState] | None = None
    mappings: Mapping[Place, MappingText] | None = None


@dataclass(frozen=True, slots=True)
class FieldChange:
    """None: not there."""

    field: str
    before: object
    after: object


@dataclass(frozen=True, slots=True)
class Change:
    """`destructive`: something that is in force or known now would not be any more."""

    section: str
    name: str
    action: Literal["create", "change", "delete"]
    fields: tuple[FieldChange, ...]
    destructive: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    changes: tuple[Change, ...]
    notes: tuple[str, ...] = ()

    @property
    def destructive(self) -> bool:
        return any(change.destructive for change in self.changes)

    @property
    def digest(self) -> str:
        """The same plan has the same digest: what was approved can be told from what would be done."""
        decided = [(each.section, each.name, each.action, each.fields) for each in self.changes]
        written = json.dumps(decided, default=_plain, sort_keys=True)
        return hashlib.sha256(written.encode()).hexdigest()[:16]

    def as_json(self) -> dict[str, Any]:
        return {
            "digest": self.digest,
            "destructive": self.destructive,
            "changes": [asdict(each) for each in self.changes],
            "notes": list(self.notes),
        }


def _plain(value: object) -> object:
    return asdict(value) if isinstance(value, FieldChange) else str(value)


def plan(wanted: State, found: State, *, shipped: Mapping[str, str], notes: tuple[str, ...] = ()) -> Plan:
    """`shipped`: texts of the mappings that come with the program."""
    changes = [
        *_connections(wanted.connections, found.connections or {}),
        *_code_tables(wanted.code_tables, found.code_tables or {}),
        *_mappings(wanted.mappings, found.mappings or {}, shipped),
    ]
    return Plan(tuple(changes), notes)


def _connections(
    wanted: Mapping[str, ConnectionState] | None, found: Mapping[str, ConnectionState]
) -> Iterator[Change]:
    if wanted is None:
        return
    for name in sorted({*wanted, *found}):
        before, after = found.get(name), wanted.get(name)
        if after is None and before is not None:
            fields = _differences(_shown(before), {})
            yield Change("connections", name, "delete", fields, destructive=True, notes=(RETIRED,))
        elif after is not None:
            fields = _differences(_shown(before), _shown(after)) + _new_secrets(before, after)
            if fields:
                other = before is not None and before.connector != after.connector
                action: Literal["create", "change"] = "change" if before else "create"
                yield Change("connections", name, action, fields, other, _lacking(before, after))


def _shown(state: ConnectionState | None) -> dict[str, object]:
    return {} if state is None else {"connector": state.connector, **state.settings}


def _new_secrets(before: ConnectionState | None, after: ConnectionState) -> tuple[FieldChange, ...]:
    known = before.secrets if before else {}
    return tuple(
        FieldChange(name, "***" if known.get(name) else None, "***")
        for name, value in sorted(after.secrets.items())
        if known.get(name) != value
    )


def lacking(before: ConnectionState | None, after: ConnectionState) -> list[str]:
    """Secrets that the file names and nobody has given."""
    known = {**(before.secrets if before else {}), **after.secrets}
    return sorted(name for name in after.named if not known.get(name))


def _lacking(before: ConnectionState | None, after: ConnectionState) -> tuple[str, ...]:
    names = lacking(before, after)
    if not names:
        return ()
    return (
        f"缺少密钥 {'、'.join(names)}：补上之前连接暂停。在文件里写 {{env: 变量名}} 后再 apply，或"
        " PUT /api/connections (secrets are missing: paused until they are given)",
    )


def _code_tables(
    wanted: Mapping[str, CodeTableState] | None, found: Mapping[str, CodeTableState]
) -> Iterator[Change]:
    if wanted is None:
        return
    for name in sorted({*wanted, *found}):
        before, after = found.get(name), wanted.get(name)
        rows = _differences(before.rows if before else {}, after.rows if after else {})
        if after is None:
            yield Change("code_tables", name, "delete", rows, destructive=True)
            continue
        head = _differences(_head(before), _head(after))
        gone = any(row.after is None for row in rows)
        if before is None or head or rows:
            yield Change("code_tables", name, "change" if before else "create", (*head, *rows), gone)


def _head(state: CodeTableState | None) -> dict[str, object]:
    return {"(title)": state.title, "(owner)": state.owner} if state else {}


def _mappings(
    wanted: Mapping[Place, MappingText] | None,
    found: Mapping[Place, MappingText],
    shipped: Mapping[str, str],
) -> Iterator[Change]:
    """What is published first is compared with the shipped file, and so is what goes back to it."""
    if wanted is None:
        return
    for place in sorted({*wanted, *found}, key=shown_place):
        before, after = found.get(place), wanted.get(place)
        if before == after:
            continue
        texts = [
            each.text if each else _below(before or after, shipped.get(place[0], ""))
            for each in (before, after)
        ]
        fields = _differences(*(rows_of(text) for text in texts))
        if not fields:
            fields = (FieldChange("(text)", *(text[:40] for text in texts)),)
        if after is None:
            notes = ("回到随程序的版本，已发布的都保留 (back to the shipped file; what was published stays)",)
            yield Change("mappings", shown_place(place), "delete", fields, destructive=True, notes=notes)
        else:
            yield Change("mappings", shown_place(place), "change" if before else "create", fields)


def _below(other: MappingText | None, shipped: str) -> str:
    """What a whole mapping replaces is the shipped file; an override replaces nothing."""
    return "" if other and parse(other.text, file="").get("override") else shipped


def shown_place(place: Place) -> str:
    name, connection = place
    return f"{name}@{connection}" if connection else name


def rows_of(text: str) -> dict[str, object]:
    """Each target with its row as written; what is no row (include, remove, root) under its own key."""
    document = parse(text, file="") if text else None
    if document is None:
        return {}
    rows = {key: node.value() for key, node in document.mapping().items() if key not in _NOT_SHOWN}
    fields = document.get("fields")
    return rows | (dict(_rows("", fields)) if fields else {})


_NOT_SHOWN = ("fields", "samples", "version", "mapping", "override")


def _rows(place: str, fields: Node) -> Iterator[tuple[str, object]]:
    for key, node in fields.mapping().items():
        inner = node.get("fields") if node.kind == "mapping" else None
        if inner is None:
            yield place + key, node.value()
            continue
        rest = {name: each.value() for name, each in node.mapping().items() if name != "fields"}
        yield place + key, rest
        yield from _rows(f"{place}{key}[*].", inner)


def _differences(before: Mapping[str, object], after: Mapping[str, object]) -> tuple[FieldChange, ...]:
    return tuple(
        FieldChange(key, before.get(key), after.get(key))
        for key in dict.fromkeys([*before, *after])
        if before.get(key) != after.get(key)
    )
