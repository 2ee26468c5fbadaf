"""The configuration as a folder of files, for git. Secrets are never written; a file may say where one is.

connections/NAME.yaml            connector, settings, and the names of its secrets
code_tables/NAME.csv             key, value; titles and owners in code_tables/tables.yaml
mappings/NAME/mapping.yaml       published for all connections, with its samples
mappings/NAME@CONNECTION/…       published for one
routing.yaml, policy.yaml        as GUANTONG_CONFIG names them
"""

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import cast

import yaml
from pydantic import SecretStr, ValidationError

from configuration import ConfigurationError, Node, Problems, did_you_mean, load
from connector_kit import Connector
from crm_store.code_tables import OWNERS
from crm_store.mapping_versions import MappingText
from flows.policy import Policy
from hub.code_files import read_codes, write_codes
from hub.configuration_plan import CodeTableState, ConnectionState, Place, State, shown_place
from hub.publishing import mapping_name, read_mapping
from hub.registry import installed
from router import RoutingPlan

KEPT = "kept"
"""Written in the place of a secret: the database has it."""
MAPPING_FILE = "mapping.yaml"
TABLES_FILE = "tables.yaml"
RULES = ("routing.yaml", "policy.yaml")


# --- reading ----------------------------------------------------------------------------------------------


def read_folder(folder: Path, found: State) -> State:
    """A section without its folder is left alone. Raises ConfigurationError with every wrong place."""
    if not folder.is_dir():
        raise ConfigurationError("is no folder", file=str(folder), remedy="guantong config export writes one")
    problems = Problems()
    connections: dict[str, ConnectionState] = {}
    tables: dict[str, CodeTableState] = {}
    mappings: dict[Place, MappingText] = {}
    with problems.collecting():
        _check_rules(folder)
    for path in sorted(folder.glob("connections/*.yaml")):
        with problems.collecting():
            connections[path.stem] = _connection(path, (found.connections or {}).get(path.stem))
    with problems.collecting():
        tables = dict(_code_tables(folder / "code_tables"))
    for path in sorted(folder.glob(f"mappings/*/{MAPPING_FILE}")):
        with problems.collecting():
            place, content = _mapping(path)
            mappings[place] = content
    problems.raise_if_any()
    return State(
        connections if (folder / "connections").is_dir() else None,
        tables if (folder / "code_tables").is_dir() else None,
        mappings if (folder / "mappings").is_dir() else None,
    )


def _check_rules(folder: Path) -> None:
    for name, reader in zip(RULES, (RoutingPlan.from_yaml, Policy.from_yaml), strict=True):
        if (folder / name).exists():
            reader(folder / name)


def other_rules(folder: Path, in_use: Path) -> list[str]:
    """Rule files that say something else than those in use."""
    return [
        name
        for name in RULES
        if (folder / name).exists() and (folder / name).read_bytes() != (in_use / name).read_bytes()
    ]


def _connection(path: Path, stored: ConnectionState | None) -> ConnectionState:
    document = load(path)
    document.only({"connector", "settings", "secrets"})
    named = document.required("connector")
    connector = installed().get(named.text())
    if connector is None:
        advice = did_you_mean(named.text(), installed()) or f"known: {', '.join(sorted(installed()))}"
        raise named.error(f"no connector '{named.text()}'", remedy=advice)
    settings = document.get("settings")
    given = cast("dict[str, object]", settings.value()) if settings else {}
    secrets = _secrets(document, connector)
    for name in secret_names(connector) & given.keys():
        assert settings is not None
        raise settings.key_error(
            name,
            f"'{name}' is a secret and does not belong into a file",
            remedy=f"under secrets write '{name}: {{env: A_VARIABLE}}', or '{name}: {KEPT}'",
        )
    known = {**(stored.secrets if stored else {}), **_in_environment(secrets)}
    own = {name: value for name, value in known.items() if name in secret_names(connector)}
    lacks = any(not own.get(name) for name in secrets)
    plain = normalised(connector, given, own, node=settings or document, lacks=lacks)
    return ConnectionState(named.text(), plain, _in_environment(secrets), frozenset(secrets))


def secret_names(connector: Connector) -> set[str]:
    fields = connector.settings.model_fields.items()
    return {name for name, info in fields if SecretStr.__name__ in str(info.annotation)}


def _secrets(document: Node, connector: Connector) -> dict[str, str | None]:
    """Each with the variable that holds it, or None where the database does."""
    node = document.get("secrets")
    found: dict[str, str | None] = {}
    for name, value in node.mapping().items() if node else ():
        if node and name not in secret_names(connector):
            advice = did_you_mean(name, secret_names(connector))
            raise node.key_error(name, f"'{name}' is no secret of this connector", remedy=advice)
        if value.kind == "mapping":
            value.only({"env"})
            found[name] = value.required("env").text()
        elif value.kind == "text" and value.text() == KEPT:
            found[name] = None
        else:
            raise value.error(
                "a secret does not belong into a file", remedy=f"write {{env: A_VARIABLE}}, or {KEPT}"
            )
    return found


def _in_environment(secrets: Mapping[str, str | None]) -> dict[str, str]:
    return {name: os.environ[at] for name, at in secrets.items() if at and os.environ.get(at)}


def normalised(
    connector: Connector,
    settings: Mapping[str, object],
    secrets: Mapping[str, str],
    *,
    node: Node | None = None,
    lacks: bool = False,
) -> dict[str, object]:
    """Without what is as the connector would choose it itself. Raises ConfigurationError at the field of
    `node` that is wrong; what only a missing secret makes wrong is let through as it is written."""
    hidden, fields = secret_names(connector), connector.settings.model_fields
    # A default may be what nobody could write, as an empty number.
    chosen = {
        name: value
        for name, value in settings.items()
        if name not in fields or value != fields[name].get_default(call_default_factory=True)
    }
    try:
        model = connector.settings.model_validate({**chosen, **secrets})
    except ValidationError as error:
        wrong = [each for each in error.errors() if each["loc"] or not lacks]
        wrong = [each for each in wrong if not each["loc"] or str(each["loc"][0]) not in hidden]
        if node is not None and wrong:
            problems = Problems()
            for each in wrong:
                place = [str(part) for part in each["loc"]]
                told = f"{'.'.join(place)}: {each['msg']}" if place else each["msg"]
                problems.add(node.key_error(place[0] if place else "", told))
            problems.raise_if_any()
        return chosen
    return model.model_dump(mode="json", exclude=hidden, exclude_defaults=True)


def _code_tables(folder: Path) -> Iterator[tuple[str, CodeTableState]]:
    """Without a line in tables.yaml, a table is called as its file, and IT owns it."""
    heads = load(folder / TABLES_FILE).mapping() if (folder / TABLES_FILE).exists() else {}
    for path in sorted(folder.glob("*.csv")):
        rows = read_codes(path).rows
        head = heads.get(path.stem)
        title, owner = (head.string("title") if head else "", head.get("owner") if head else None)
        if owner is not None and owner.text() not in OWNERS:
            raise owner.error(f"unknown owner '{owner.text()}'", remedy=f"one of {', '.join(OWNERS)}")
        if rows:
            yield path.stem, CodeTableState(title or path.stem, owner.text() if owner else "it", rows)


def _mapping(path: Path) -> tuple[Place, MappingText]:
    name, _, connection = path.parent.name.partition("@")
    content = read_mapping(path)
    written = mapping_name(content.text, file=str(path))
    if written != name:
        raise ConfigurationError(
            f"the folder says '{name}', the file '{written}'",
            file=str(path),
            remedy=f"call the folder '{shown_place((written, connection or None))}'",
        )
    return (name, connection or None), content


# --- writing ----------------------------------------------------------------------------------------------


def write_folder(folder: Path, state: State, *, rules: Path) -> list[Path]:
    """Replaces the three sections and the rule files; other files stay. Returns what was written."""
    written = []
    references = {path.stem: _references(path) for path in folder.glob("connections/*.yaml")}
    for section in ("connections", "code_tables", "mappings"):
        shutil.rmtree(folder / section, ignore_errors=True)
        (folder / section).mkdir(parents=True)
        (
            folder / section / ".gitkeep"
        ).touch()  # git keeps no empty folder, and one that is gone is left alone
    for name, connection in sorted((state.connections or {}).items()):
        path = folder / "connections" / f"{name}.yaml"
        written.append(_dump(path, _connection_file(connection, references.get(name, {}))))
    written += _write_tables(folder / "code_tables", state.code_tables or {})
    for place, content in sorted((state.mappings or {}).items(), key=lambda item: shown_place(item[0])):
        written += _write_mapping(folder / "mappings" / shown_place(place), content)
    for name in RULES:
        if not (folder / name).exists() or not (folder / name).samefile(rules / name):
            shutil.copyfile(rules / name, folder / name)
        written.append(folder / name)
    return written


def _references(path: Path) -> dict[str, str]:
    """What the file that is replaced said about where its secrets are."""
    node = load(path).get("secrets")
    found = node.mapping().items() if node else ()
    return {name: value.string("env") for name, value in found if value.kind == "mapping"}


def _connection_file(state: ConnectionState, references: Mapping[str, str]) -> dict[str, object]:
    kept = {name: KEPT for name, value in sorted(state.secrets.items()) if value}
    secrets: dict[str, object] = {**kept, **{name: {"env": at} for name, at in references.items()}}
    found = {"connector": state.connector, "settings": dict(state.settings), "secrets": secrets}
    return {key: value for key, value in found.items() if value}


def _write_tables(folder: Path, tables: Mapping[str, CodeTableState]) -> list[Path]:
    heads = {name: {"title": table.title, "owner": table.owner} for name, table in sorted(tables.items())}
    written = [_dump(folder / TABLES_FILE, heads)] if heads else []
    for name, table in sorted(tables.items()):
        path = folder / f"{name}.csv"
        write_codes(path, dict(sorted(table.rows.items())))
        written.append(path)
    return written


def _write_mapping(folder: Path, content: MappingText) -> list[Path]:
    texts = {MAPPING_FILE: content.text, **content.samples}
    for name, text in texts.items():
        path = folder / PurePosixPath(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return [folder / name for name in texts]


def _dump(path: Path, value: object) -> Path:
    text = yaml.dump(value, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=110)
    path.write_text(text, encoding="utf-8")
    return path


class _Dumper(yaml.SafeDumper):
    """A text with a line break of any alphabet stands in quotes, where it is written as an escape."""


def _represent(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    quoted = '"' if text.splitlines() not in ([], [text]) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=quoted)


_Dumper.add_representer(str, _represent)
