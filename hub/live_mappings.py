"""The mappings in force: a connection's own live version, else the one for all, else the shipped file.

A version that is an override lies over what would be in force without it. What a piece of work has used is
noted, so that its row can say so.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path

from configuration import ConfigurationError, parse
from crm_store import UnitOfWork
from crm_store.mapping_versions import MappingText, MappingVersion
from domain.faults import Misconfigured
from mappings import CompiledMapping, compile_mapping, library
from mappings.lines import Source

Load = Callable[[str], CompiledMapping]
Place = tuple[str, str | None]
"""The name of a mapping, and the connection that a version is for (None: all)."""

_USED: ContextVar[dict[str, None] | None] = ContextVar("mappings_used", default=None)


@contextmanager
def noting_mappings() -> Iterator[None]:
    """Mappings loaded inside the block are noted, each once."""
    token = _USED.set({})
    try:
        yield
    finally:
        _USED.reset(token)


def mappings_used() -> str | None:
    """`name@version` of all that was noted, in the order of use; None where nothing was."""
    return ", ".join(_USED.get() or ()) or None


def _note(mapping: CompiledMapping) -> None:
    used = _USED.get()
    if used is not None:
        used[f"{mapping.name}@{mapping.version}"] = None


@dataclass(frozen=True, slots=True)
class Layer:
    """A mapping file, or an override, and the sample files beside it."""

    source: Source
    content: MappingText

    @property
    def is_override(self) -> bool:
        return parse(self.source.text, file=self.source.file).get("override") is not None

    @classmethod
    def published(cls, version: MappingVersion, content: MappingText) -> "Layer":
        file = f"{version.name}@{version.label}"
        return cls(Source(content.text, file, version=version.label), content)


class LiveMappings:
    """Texts by their place; compiled when first asked for after a change."""

    def __init__(self) -> None:
        self._ids: dict[Place, int] = {}
        self._layers: dict[Place, Layer] = {}
        self._compiled: dict[Place, CompiledMapping | ConfigurationError] = {}

    @classmethod
    async def now(cls, uow: UnitOfWork) -> "LiveMappings":
        found = cls()
        await found.refresh(uow)
        return found

    async def refresh(self, uow: UnitOfWork) -> None:
        live = {(version.name, version.connection): version for version in await uow.mapping_versions.live()}
        ids = {place: version.id for place, version in live.items()}
        if ids == self._ids:
            return
        fresh = {place: version for place, version in live.items() if self._ids.get(place) != version.id}
        texts = await uow.mapping_versions.texts(version.id for version in fresh.values())
        published = {place: Layer.published(version, texts[version.id]) for place, version in fresh.items()}
        kept = {place: self._layers[place] for place in live.keys() - fresh.keys()}
        self._ids, self._layers, self._compiled = ids, {**kept, **published}, {}

    def of(self, connection: str) -> Load:
        """What a Translator loads from, with what it uses noted."""

        def load(name: str) -> CompiledMapping:
            mapping = self.find(name, connection)
            _note(mapping)
            return mapping

        return load

    def find(self, name: str, connection: str | None) -> CompiledMapping:
        """Raises Misconfigured: to go on with another version instead would send what nobody wants."""
        if not self._layers:
            return library.load(name)
        own = connection if any(place[1] == connection for place in self._layers) else None
        if (name, own) not in self._compiled:
            self._compiled[name, own] = self._tried(name, own)
        found = self._compiled[name, own]
        if isinstance(found, ConfigurationError):
            raise Misconfigured(
                f"已发布的映射不能使用，请修正后重新发布或回退 (published mapping is broken): {found}"
            )
        return found

    def broken(self) -> list[str]:
        """What is wrong with published versions that cannot be used, or with what includes them."""
        found: dict[str, None] = {}
        for name, connection in self.placed(self._layers.keys()):
            try:
                self.find(name, connection)
            except Misconfigured as error:
                found[str(error)] = None
        return list(found)

    def placed(self, published: Collection[Place]) -> Iterator[Place]:
        """Where these count: at their own place, below the versions of one connection, and wherever they are
        included."""
        for connection in (None, *sorted({place[1] for place in self._layers if place[1]})):
            names = {name for name, place in published if place in (None, connection)}
            for name in library.names() if names else ():
                if name in names or self._includes(name, connection, names):
                    yield name, connection

    def _includes(self, name: str, connection: str | None, others: Set[str]) -> bool:
        """Also what cannot be compiled may do so."""
        try:
            # To compile all of them would take a second.
            if not any("include" in layer.source.text for layer in self.layers(name, connection)):
                return False
            return not others.isdisjoint(self.compile(name, connection).includes)
        except ConfigurationError:
            return True

    def _tried(self, name: str, connection: str | None) -> CompiledMapping | ConfigurationError:
        try:
            return self.compile(name, connection)
        except ConfigurationError as error:
            return error

    def having(self, drafts: Mapping[Place, Layer]) -> "LiveMappings":
        """As if these were live."""
        found = LiveMappings()
        found._layers = {**self._layers, **drafts}
        return found

    def compile(self, name: str, connection: str | None, *, folder: Path | None = None) -> CompiledMapping:
        """`folder`: where all sample files lie. Raises ConfigurationError."""
        return self.compile_layers(self.layers(name, connection), connection, folder=folder)

    def compile_layers(
        self, layers: Sequence[Layer], connection: str | None, *, folder: Path | None = None
    ) -> CompiledMapping:
        base, *overrides = (layer.source for layer in layers)
        return compile_mapping(
            base.text,
            file=base.file,
            folder=folder or base.folder,
            version=base.version,
            overrides=overrides,
            find=lambda included: self._included(included, connection),
        )

    def _included(self, name: str, connection: str | None) -> Source:
        base, *overrides = (layer.source for layer in self.layers(name, connection))
        return replace(base, overrides=tuple(overrides))

    def layers(self, name: str, connection: str | None) -> list[Layer]:
        """From the lowest that counts: a whole mapping, and the overrides above it."""
        places: list[str | None] = [None] if connection is None else [None, connection]
        found = [shipped_layer(name)]
        for place in places:
            layer = self._layers.get((name, place))
            if layer is not None:
                found = [*found, layer] if layer.is_override else [layer]
        return found


def shipped_layer(name: str) -> Layer:
    source = library.source(name)
    return Layer(source, MappingText(source.text, {}))
