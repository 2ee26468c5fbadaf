"""Finds the connectors, and opens the configured connections."""

import asyncio
import importlib
import pkgutil
import time
from collections.abc import Mapping
from functools import cache
from typing import TypeVar, cast

import httpx
import redis.asyncio as redis
import structlog
from pydantic import SecretStr, ValidationError

import connectors
from connector_kit import Breaker, Budget, Connector, MemoryPlaces, Redactor, Sender, Tools, secrets_of
from crm_store import Store, UnitOfWork
from crm_store.connections import Connection
from domain import ports
from domain.faults import Misconfigured
from domain.ports import Clock
from hub.budgets import RedisPlaces
from hub.drift_watch import DriftWatch
from hub.evidence import StoreRecorder
from hub.live_mappings import LiveMappings
from hub.tokens import StoreTokens
from mappings import Translator, both_ways
from mappings.tables import NO_TABLES, CodeTable

Port = TypeVar("Port")

log = structlog.get_logger()

STALE_AFTER = 2.0
"""Seconds after which the configuration is read again."""


@cache
def installed() -> Mapping[str, Connector]:
    """Every folder below connectors/, by the id in its manifest. Raises TypeError if one lacks CONNECTOR."""
    found = {}
    for module in pkgutil.iter_modules(connectors.__path__):
        connector = getattr(importlib.import_module(f"connectors.{module.name}"), "CONNECTOR", None)
        if not isinstance(connector, Connector):
            raise TypeError(f"connectors/{module.name} exports no CONNECTOR")
        found[connector.manifest.id] = connector
    return found


def split_secrets(
    connector: Connector, values: Mapping[str, object]
) -> tuple[dict[str, object], dict[str, str]]:
    """Checks a connection's values; returns what may be shown and what is sealed. Raises Misconfigured."""
    try:
        settings = connector.settings.model_validate(values)
    except ValidationError as error:
        wrong = "；".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise Misconfigured(f"连接设置有误 (wrong settings): {wrong}") from error
    secrets = {
        name: value.get_secret_value()
        for name in type(settings).model_fields
        if isinstance(value := getattr(settings, name), SecretStr)
    }
    plain = settings.model_dump(mode="json", exclude=set(secrets))
    return plain, secrets


class OpenConnections:
    """Implements flows.context.Ports over the connections in the database."""

    def __init__(
        self,
        store: Store,
        client: httpx.AsyncClient,
        clock: Clock,
        *,
        redis_client: redis.Redis | None = None,
    ) -> None:
        self._store = store
        self._client = client
        self._redis = redis_client
        self._clock = clock
        self._adapters: dict[str, object] = {}
        self._redactors: dict[str, Redactor] = {}
        self._able: dict[type, Mapping[str, object]] = {}
        self._opened: dict[str, Connection] = {}
        self._codes: Mapping[str, CodeTable] = NO_TABLES
        self._codes_revision = 0
        self.mappings = LiveMappings()
        self._drift = DriftWatch()
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()

    async def refresh(self, *, stale_after: float = STALE_AFTER) -> None:
        """Reads the configuration when it is older than that, and opens what has changed."""
        async with self._reading:
            if time.monotonic() - self._read_at < stale_after:
                return
            async with self._store.transaction() as uow:
                configured = await uow.connections.all()
                await self._refresh_codes(uow)
                await self.mappings.refresh(uow)
                await self._drift.load(uow)
            for connection in configured:
                if self._opened.get(connection.id) != connection:
                    self._reopen(connection)
            for retired in self._adapters.keys() - {each.id for each in configured}:
                self._close(retired)
            self._read_at = time.monotonic()

    async def _refresh_codes(self, uow: UnitOfWork) -> None:
        revision = await uow.codes.revision()
        if revision != self._codes_revision:
            self._codes = both_ways(await uow.codes.all())
            self._codes_revision, self._opened = revision, {}

    def get(self, connection: str, port: type[Port]) -> Port:
        adapter = self._adapters.get(connection)
        if adapter is None:
            raise Misconfigured(f"没有连接 {connection} (no such connection)")
        if not isinstance(adapter, port):
            raise Misconfigured(f"连接 {connection} 不支持 {port.__name__} (not a capability of it)")
        return adapter

    def all(self, port: type[Port]) -> Mapping[str, Port]:
        """Kept until a connection changes: `isinstance` of a protocol costs more than a signature."""
        if port not in self._able:
            self._able[port] = {
                name: adapter for name, adapter in self._adapters.items() if isinstance(adapter, port)
            }
        return cast(Mapping[str, Port], self._able[port])

    def active(self, connection: str) -> bool:
        """False: paused, with a reason that a person must see to."""
        return connection in self._opened and self._opened[connection].state == "active"

    def known(self, connection: str) -> bool:
        return connection in self._adapters

    def _close(self, connection: str) -> None:
        self._able.clear()
        self._opened.pop(connection, None)
        self._adapters.pop(connection, None)

    def masked(self, text: str) -> str:
        """Without any secret of a connection: a vendor may repeat one in what it refuses."""
        for redactor in self._redactors.values():
            text = redactor.text(text)
        return text

    def _reopen(self, connection: Connection) -> None:
        """One that cannot be opened is missing, and its work is told so; the others go on."""
        self._opened[connection.id] = connection
        self._able.clear()
        self._adapters.pop(connection.id, None)
        try:
            self._adapters[connection.id] = self._open(connection)
        except Misconfigured as fault:
            log.warning("connection.not_opened", connection=connection.id, reason=str(fault))
        except ValidationError as error:  # its own text holds what was given, secrets too
            wrong = error.errors(include_input=False, include_url=False, include_context=False)
            log.warning("connection.not_opened", connection=connection.id, reason=wrong)

    def _open(self, connection: Connection) -> object:
        connector = installed().get(connection.connector)
        if connector is None:
            raise Misconfigured(f"没有安装连接器 {connection.connector} (no such connector)")
        settings = connector.settings.model_validate({**connection.settings, **connection.secrets})
        redactor = self._redactors[connection.id] = Redactor(secrets_of(settings))
        sender = Sender(
            self._client,
            connection=connection.id,
            redactor=redactor,
            recorder=StoreRecorder(self._store),
            budget=self._budget(
                connection.id,
                settings.requests_per_second or connector.manifest.limits.get("requests_per_second"),
            ),
            breaker=Breaker(),
        )
        tools = Tools(
            connection=connection.id,
            sender=sender,
            tokens=StoreTokens(self._store, connection.id, sender.redactor),
            clock=self._clock,
            mappings=Translator(
                self._codes, load=self.mappings.of(connection.id), watch=self._drift.of(connection.id)
            ),
        )
        adapter = connector.open(settings, tools)
        missing = [name for name in connector.manifest.capabilities if not _can(adapter, name)]
        if missing:
            raise TypeError(f"{connector.manifest.id} claims {', '.join(missing)} and does not implement it")
        return adapter

    def _budget(self, connection: str, per_second: int | None) -> Budget | None:
        """Shared by all workers; without Redis, each process counts alone."""
        if per_second is None:
            return None
        own = MemoryPlaces(per_second)
        return Budget(RedisPlaces(self._redis, connection, own) if self._redis else own)


def _can(adapter: object, capability: str) -> bool:
    port = getattr(ports, capability, None)
    return port is not None and isinstance(adapter, port)
