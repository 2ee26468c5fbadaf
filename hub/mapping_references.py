"""Which mapping is meant: a file, `shipped`, `live`, or a version such as `v3` or `kingdee-main.v3`.

A version that a message or delivery has noted is understood too, with all its layers: `1390ebafdf8c+v3`.
"""

import re
from pathlib import Path

from configuration import did_you_mean
from crm_store import UnitOfWork
from crm_store.mapping_versions import SHIPPED, MappingText, MappingVersion
from domain.faults import Misconfigured
from hub.live_mappings import Layer, LiveMappings, shipped_layer
from hub.publishing import mapping_name
from mappings import CompiledMapping, UnknownMapping, library
from mappings.lines import Source

LIVE = "live"
_INCLUDING = re.compile(r"-[0-9a-f]{6}$")
"""What a version adds when it includes other mappings, with all that lies over these. A digest: what was
included then is not found by it, so what is live now is included instead."""


def is_file(reference: str) -> bool:
    return reference.endswith((".yaml", ".yml"))


def name_of(*references: str, given: str | None) -> str:
    """From a file, from `NAME@version`, or as given. Raises ConfigurationError or Misconfigured."""
    for reference in references:
        if is_file(reference):
            return mapping_name(_text(reference), file=reference)
        if "@" in reference:
            return reference.split("@")[0]
    if given is None:
        raise Misconfigured("哪个映射？写成 kingdee.receivable@live，或加 --mapping (which mapping?)")
    return given


def _text(reference: str) -> str:
    try:
        return Path(reference).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise Misconfigured(f"读不到映射文件 {reference} (cannot read): {error.strerror}") from error


async def resolve(uow: UnitOfWork, reference: str, name: str, connection: str | None) -> CompiledMapping:
    """A file or version lies over what is live below it. Raises ConfigurationError or Misconfigured."""
    live = await LiveMappings.now(uow)
    if is_file(reference):
        content = MappingText(_text(reference), {})
        draft = Layer(Source(content.text, reference, version=Path(reference).name), content)
        return live.having({(name, connection): draft}).compile(name, connection)
    return await _named(uow, live, reference.removeprefix(f"{name}@"), name, connection)


async def _named(
    uow: UnitOfWork, live: LiveMappings, version: str, name: str, connection: str | None
) -> CompiledMapping:
    if version == LIVE:
        return live.find(name, connection)
    try:
        shipped = library.load(name)
    except UnknownMapping as error:
        raise Misconfigured(f"没有映射 {name} ({error})") from error
    if version in (SHIPPED, shipped.version):
        return shipped
    first, *overrides = version.split("+")
    own = _INCLUDING.sub("", first) == _INCLUDING.sub("", shipped.version)
    if not own and not overrides:
        found, layer = await _published(uow, version, name, connection)
        return live.having({(name, found.connection): layer}).compile(name, found.connection)
    layers = [shipped_layer(name) if own else (await _published(uow, first, name, connection))[1]]
    layers += [(await _published(uow, each, name, connection))[1] for each in overrides]
    return live.compile_layers(layers, connection)


async def _published(
    uow: UnitOfWork, version: str, name: str, connection: str | None
) -> tuple[MappingVersion, Layer]:
    listed = await uow.mapping_versions.listed(name, every=True)
    plain = _INCLUDING.sub("", version)
    wanted = (f"{connection}.{version}", version, f"{connection}.{plain}", plain)
    found = next((each for label in wanted for each in listed if each.label == label), None)
    if found is not None:
        return found, Layer.published(found, (await uow.mapping_versions.texts([found.id]))[found.id])
    labels = [each.label for each in listed]
    advice = did_you_mean(version, labels) or f"有 {', '.join([*labels, SHIPPED, LIVE])}"
    raise Misconfigured(f"{name} 没有版本 {version} (no such version): {advice}")
