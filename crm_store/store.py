"""The store and its unit of work: one transaction, and what must be woken once it is committed."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import orjson
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from crm_store.backfills import Backfills
from crm_store.bank import Bank
from crm_store.code_tables import CodeMisses, CodeTables
from crm_store.connections import Connections
from crm_store.contracts import Contracts
from crm_store.customers import Customers
from crm_store.deliveries import Deliveries
from crm_store.drift import Drift
from crm_store.holds import Holds
from crm_store.inbox import Inbox
from crm_store.leads import Leads
from crm_store.mapping_versions import MappingVersions
from crm_store.open_items import OpenItems
from crm_store.receivables import Receivables
from crm_store.schedule import Schedule
from crm_store.sealing import Sealer
from crm_store.signing_acts import SigningActs
from crm_store.timeline import Timeline

T = TypeVar("T")

COLLISIONS = ("40001", "40P01")
"""Serialisation failure and deadlock: the transaction did nothing and may be run again."""
ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Wake:
    """Rows that a worker should look at now. Only a hint: the sweep finds them as well."""

    inbox: tuple[int, ...] = ()
    deliveries: tuple[int, ...] = ()


@dataclass
class UnitOfWork:
    """Repositories that share one transaction."""

    connection: AsyncConnection
    sealer: Sealer
    woken_inbox: list[int] = field(default_factory=list)
    woken_deliveries: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.connections = Connections(self.connection, self.sealer)
        self.mapping_versions = MappingVersions(self.connection)
        self.codes = CodeTables(self.connection)
        self.misses = CodeMisses(self.connection)
        self.holds = Holds(self.connection)
        self.signing_acts = SigningActs(self.connection)
        self.drift = Drift(self.connection)
        self.inbox = Inbox(self.connection, self.woken_inbox)
        self.deliveries = Deliveries(self.connection, self.woken_deliveries)
        self.customers = Customers(self.connection)
        self.leads = Leads(self.connection)
        self.contracts = Contracts(self.connection)
        self.receivables = Receivables(self.connection)
        self.bank = Bank(self.connection)
        self.timeline = Timeline(self.connection)
        self.open_items = OpenItems(self.connection)
        self.schedule = Schedule(self.connection)
        self.backfills = Backfills(self.connection)

    async def lock(self, name: str) -> None:
        """Until the end of the transaction nobody else holds `name`."""
        await self.connection.execute(
            text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": name}
        )


class Store:
    def __init__(
        self, database_url: str, *, key: bytes, wake: Callable[[Wake], None], pool_size: int = 10
    ) -> None:
        """`wake` is called after each commit that left work; it must not block and must not raise."""
        self._engine = create_async_engine(
            database_url,
            pool_size=pool_size,
            max_overflow=0,
            json_serializer=lambda value: orjson.dumps(value, default=str).decode(),
            json_deserializer=orjson.loads,
        )
        self._wake = wake
        self.sealer = Sealer(key)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[UnitOfWork]:
        async with self._engine.connect() as connection:
            async with connection.begin():
                uow = UnitOfWork(connection, self.sealer)
                yield uow
        if uow.woken_inbox or uow.woken_deliveries:
            self._wake(Wake(tuple(uow.woken_inbox), tuple(uow.woken_deliveries)))

    async def run(self, work: Callable[[UnitOfWork], Awaitable[T]]) -> T:
        """`work` in one transaction; again when it collided with another. It must have no other effect."""
        for _ in range(ATTEMPTS - 1):
            try:
                async with self.transaction() as uow:
                    return await work(uow)
            except DBAPIError as error:
                if getattr(error.orig, "sqlstate", None) not in COLLISIONS:
                    raise
        async with self.transaction() as uow:
            return await work(uow)

    async def close(self) -> None:
        await self._engine.dispose()
