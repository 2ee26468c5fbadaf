"""Publishing a mapping, making an earlier version live again, and reading mapping files for both."""

import getpass
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from configuration import ConfigurationError, Node, Problems, did_you_mean, load, parse
from crm_store import UnitOfWork
from crm_store.code_tables import INVERSE
from crm_store.mapping_versions import SHIPPED, MappingText, MappingVersion
from domain.faults import Misconfigured
from hub.live_mappings import Layer, LiveMappings, Place
from mappings import Finding, SampleFailure, check, check_samples, library
from mappings.lines import Source


class Published(NamedTuple):
    """The version that is live now, and whether it is a new one: the same text again changes nothing."""

    version: MappingVersion
    new: bool
    warnings: tuple[Finding, ...]


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


class _Checks:
    """Whether mappings in force make sense and do what their samples say."""

    def __init__(self, live: LiveMappings, tables: Collection[str]) -> None:
        """`tables`: the code tables of the hub."""
        self._live, self._tables = live, tables

    def findings(self, place: Place) -> list[Finding]:
        """Warnings. Raises ConfigurationError for what is wrong, without regard to samples."""
        name, connection = place
        found = check(self._live.compile(name, connection), tables=[*self._tables, *_brought(name)])
        problems = Problems()
        for each in found:
            if each.severity == "error":
                problems.add(each.as_error())
        problems.raise_if_any()
        return found

    def failures(self, place: Place) -> list[SampleFailure]:
        """Samples that fail. Raises ConfigurationError for one that cannot be read."""
        with tempfile.TemporaryDirectory() as folder:
            for layer in self._live.layers(*place):
                _lay_out(Path(folder), layer)
            return check_samples(self._live.compile(*place, folder=Path(folder)))

    def faults(self, place: Place) -> list[str]:
        """All of this in words."""
        try:
            self.findings(place)
            return [str(each) for each in self.failures(place)]
        except ConfigurationError as error:
            return [str(each) for each in error.errors]


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
) -> Published:
    """Raises ConfigurationError or Misconfigured."""
    draft = Layer(Source(content.text, file), content)
    place = (mapping_name(content.text, file=file), connection)
    return (await publish_together(uow, {place: draft}, by=by, note=note))[0]


async def publish_together(
    uow: UnitOfWork, drafts: Mapping[Place, Layer], *, by: str, note: str = ""
) -> list[Published]:
    """All or none: each is checked as if all were live, and so is what stands on them.
    Raises ConfigurationError or Misconfigured."""
    await uow.mapping_versions.lock()
    connections = [None, *(each.id for each in await uow.connections.all())]
    for _, connection in drafts:
        _refuse_unknown(connection, connections)
    before, tables = await LiveMappings.now(uow), await uow.codes.names()
    after = before.having(drafts)
    warnings = _checked(drafts, _Checks(after, tables))
    others = [place for place in after.placed(drafts) if place not in drafts and place[1] in connections]
    for place in others:
        # What was wrong before is nobody's fault here.
        broken = _Checks(after, tables).faults(place)
        if broken and not _Checks(before, tables).faults(place):
            raise _breaking(
                next(drafts[each] for each in drafts if place in after.placed([each])), place, broken
            )
    return [await _put(uow, place, drafts[place], found, by, note) for place, found in warnings.items()]


def _checked(drafts: Mapping[Place, Layer], checks: _Checks) -> dict[Place, tuple[Finding, ...]]:
    """The warnings about each. Raises ConfigurationError."""
    problems = Problems()
    warnings = {}
    for place, draft in drafts.items():
        with problems.collecting():
            warnings[place] = tuple(checks.findings(place))
            if failures := checks.failures(place):
                raise _document(draft).key_error(
                    "samples",
                    "; ".join(str(failure) for failure in failures),
                    remedy="correct the rows, or the sample if this is what you want",
                )
    problems.raise_if_any()
    return warnings


def _breaking(draft: Layer, place: Place, broken: Iterable[str]) -> ConfigurationError:
    name, connection = place
    document = _document(draft)
    return document.key_error(
        "override" if draft.is_override else "mapping",
        f"would break {name}{f' of {connection}' if connection else ''}: {'; '.join(broken)}",
        remedy=f"correct the rows, or publish {name} together with this one by guantong config apply",
    )


def _document(layer: Layer) -> Node:
    return parse(layer.source.text, file=layer.source.file)


async def _put(
    uow: UnitOfWork, place: Place, draft: Layer, warnings: tuple[Finding, ...], by: str, note: str
) -> Published:
    name, connection = place
    live = await live_version(uow, name, connection)
    if live is not None and live.digest == draft.content.digest:
        return Published(live, False, warnings)
    version = await uow.mapping_versions.publish(name, draft.content, connection=connection, by=by, note=note)
    return Published(version, True, warnings)


def _brought(name: str) -> frozenset[str]:
    """The code tables that a connector hands over with a record: what its shipped mappings look up."""
    vendor, _, _ = name.partition(".")
    shipped = [each for each in library.names() if each.startswith(f"{vendor}.")]
    return frozenset(table.removesuffix(INVERSE) for each in shipped for table in library.load(each).tables)


def _refuse_unknown(connection: str | None, connections: Collection[str | None]) -> None:
    if connection is not None and connection not in connections:
        known = [each for each in connections if each is not None]
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
