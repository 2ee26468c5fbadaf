"""Publishing a mapping, making an earlier version live again, and reading mapping files for both."""

import getpass
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import Any

from configuration import ConfigurationError, Node, did_you_mean, load, parse
from crm_store import UnitOfWork
from crm_store.mapping_versions import SHIPPED, MappingText, MappingVersion
from domain.faults import Misconfigured
from hub.live_mappings import Layer, LiveMappings
from mappings import CompiledMapping, check_samples, library
from mappings.lines import Source


def somebody() -> str:
    """Who runs the command: for the record."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


def read_mapping(path: Path) -> MappingText:
    """A mapping or override with the sample files that it names. Raises ConfigurationError."""
    document = load(path)
    names = {node.text() for node in _sample_files(document)}
    return MappingText(
        path.read_text(encoding="utf-8-sig"), {name: _read(path.parent / name) for name in sorted(names)}
    )


def mapping_name(text: str, *, file: str) -> str:
    """The mapping that a file is, or overrides. Raises ConfigurationError."""
    document = parse(text, file=file)
    named = document.get("override") or document.required("mapping")
    if named.text() not in library.files():
        raise named.error(
            f"no connector uses a mapping '{named.text()}'",
            remedy=did_you_mean(named.text(), library.files()) or "see guantong mappings list",
        )
    return named.text()


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"sample cannot be read: {error}", file=str(path), remedy="samples stand beside the mapping"
        ) from error


def _sample_files(document: Node) -> Iterator[Node]:
    samples = document.get("samples")
    for sample in samples.sequence() if samples else ():
        for side in (sample.get("in"), sample.get("out")):
            if side is not None and side.kind == "text":
                yield side


def check(live: LiveMappings, content: MappingText, *, file: str, connection: str | None) -> CompiledMapping:
    """Compiled over what is live below it, and all samples pass. Raises ConfigurationError."""
    draft = Layer(Source(content.text, file), content)
    name = mapping_name(content.text, file=file)
    with tempfile.TemporaryDirectory() as folder:
        for layer in live.layers(name, connection, draft=draft):
            _lay_out(Path(folder), layer)
        mapping = live.compile(name, connection, draft=draft, folder=Path(folder))
        failures = check_samples(mapping)
    if failures:
        raise parse(content.text, file=file).key_error(
            "samples",
            "; ".join(str(failure) for failure in failures),
            remedy="correct the rows, or the sample if this is what you want",
        )
    return mapping


def _lay_out(folder: Path, layer: Layer) -> None:
    """Only what was handed in is read, and what is shipped: never another file of this machine."""
    shipped = layer.source.folder
    for node in _sample_files(parse(layer.source.text, file=layer.source.file)):
        name = node.text()
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or not (shipped or name in layer.content.samples):
            raise node.error(f"sample file '{name}' was not handed in", remedy="put it beside the mapping")
        target, text = folder / path, layer.content.samples.get(name) or _read((shipped or folder) / path)
        if target.exists() and target.read_text(encoding="utf-8") != text:
            raise node.error(f"sample file '{name}' is another one below", remedy="give it another name")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


async def publish(
    uow: UnitOfWork, content: MappingText, *, file: str, connection: str | None, by: str, note: str = ""
) -> tuple[MappingVersion, bool]:
    """The version that is live now, and whether it is a new one: the same text again changes nothing.
    Raises ConfigurationError or Misconfigured."""
    await uow.mapping_versions.lock()
    await _known_connection(uow, connection)
    mapping = check(await LiveMappings.now(uow), content, file=file, connection=connection)
    live = await live_version(uow, mapping.name, connection)
    if live is not None and live.digest == content.digest:
        return live, False
    version = await uow.mapping_versions.publish(
        mapping.name, content, connection=connection, by=by, note=note
    )
    return version, True


async def _known_connection(uow: UnitOfWork, connection: str | None) -> None:
    known = [each.id for each in await uow.connections.all()]
    if connection is not None and connection not in known:
        advice = did_you_mean(connection, known) or f"有 {', '.join(known) or '—'}"
        raise Misconfigured(f"没有连接 {connection} (no such connection): {advice}")


async def live_version(uow: UnitOfWork, name: str, connection: str | None) -> MappingVersion | None:
    """The published one of exactly this connection (None: of all connections)."""
    found = [each for each in await uow.mapping_versions.live() if each.name == name]
    return next((each for each in found if each.connection == connection), None)


async def versions_of(uow: UnitOfWork, name: str | None) -> dict[str, Any]:
    """All published versions of a mapping, or of every one, and who switched to which."""
    live = {each.id for each in await uow.mapping_versions.live()}
    listed = await uow.mapping_versions.listed(name, every=True)
    return {
        "versions": [asdict(each) | {"version": each.label, "live": each.id in live} for each in listed],
        "switches": [asdict(each) for each in await uow.mapping_versions.switches(name)],
    }


async def roll_back(
    uow: UnitOfWork, name: str, *, connection: str | None, to: str | None, by: str, note: str = ""
) -> tuple[str, str]:
    """Makes an earlier version live: `to` ("v2", "shipped"), or the one before the live one.
    Returns the labels before and after. Raises Misconfigured."""
    await uow.mapping_versions.lock()
    live = await live_version(uow, name, connection)
    target = await _target(uow, name, connection, to, live)
    before, after = (each.label if each else SHIPPED for each in (live, target))
    if before == after:
        raise Misconfigured(f"{name} 的 {after} 已经生效，无需回退 (is live already)")
    await uow.mapping_versions.switch(name, target, connection=connection, by=by, note=note)
    return before, after


async def _target(
    uow: UnitOfWork, name: str, connection: str | None, to: str | None, live: MappingVersion | None
) -> MappingVersion | None:
    versions = await uow.mapping_versions.listed(name, connection)
    if to is None:
        if live is None:
            raise Misconfigured(f"{name} 用的已是随程序的版本，无可回退 (nothing published is live)")
        return next((each for each in versions if each.number < live.number), None)
    if to == SHIPPED:
        return None
    found = next((each for each in versions if to in (each.label, f"v{each.number}", str(each.number))), None)
    if found is None:
        known = ", ".join([each.label for each in versions] + [SHIPPED])
        raise Misconfigured(f"{name} 没有版本 {to} (no such version): {known}")
    return found
