"""What a connector folder exports: CONNECTOR, a manifest with a settings class and a factory."""

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from connector_kit.send import Sender
from connector_kit.tokens import Tokens
from domain.ports import Clock, Translator


class ConnectionSettings(BaseModel):
    """What a connection is told. Unknown names are refused, and no error quotes what was given."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    requests_per_second: int | None = Field(default=None, ge=1)
    """At most so many calls in any second, by all workers together; None: what the vendor publishes."""


class Manifest(BaseModel):
    """`manifest.toml` of a connector. `capabilities` are names of protocols in domain/ports.py."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    name_zh: str
    name_en: str
    capabilities: tuple[str, ...]
    login: str
    """How it logs in, in words: session, app signature, OAuth, none."""
    hosts: dict[str, str] = {}
    """Environment name to base URL; a connection may name any other."""
    limits: dict[str, int] = {}
    """`requests_per_second` is the budget of a connection that names no other."""
    limits_from: str = ""
    """Who says how often one may call: [S] the vendor, [M] one unofficial source, [U] nobody: our caution."""
    hook_kinds: tuple[str, ...] = ()
    """Kinds of inbox messages that its hook or poll brings."""
    notes: tuple[str, ...] = ()
    """What the vendor has no call for, and similar facts that a person should know."""

    @model_validator(mode="after")
    def _documented(self) -> Self:
        if "requests_per_second" in self.limits and not self.limits_from:
            raise ValueError("requests_per_second without limits_from: who says so?")
        return self


@dataclass(frozen=True, slots=True)
class Tools:
    """What a connection is given to work with."""

    connection: str
    sender: Sender
    tokens: Tokens
    clock: Clock
    mappings: Translator


@dataclass(frozen=True, slots=True)
class Connector:
    manifest: Manifest
    settings: type[ConnectionSettings]
    open: Callable[[Any, Tools], object]
    """(settings, tools) -> an adapter that implements the capabilities. Opens no connection, does no I/O."""


def load_manifest(folder: Path) -> Manifest:
    return Manifest.model_validate(tomllib.loads((folder / "manifest.toml").read_text(encoding="utf-8")))
