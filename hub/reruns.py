"""What a stored message or delivery gave to its mapping, found by running it again up to that moment.

A message is read again from its bytes. A delivery is carried out again against the answers that its vendor
gave at the time: nothing is sent, and it stops where the connector asks for its mapping.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import NoReturn, TypeVar

import httpx
from pydantic import ValidationError

from connector_kit import MemoryRecorder, Redactor, Reply, Request, Sender, Token, Tools
from connector_kit.tokens import Fetch
from crm_store import Row, Store
from crm_store.connections import Connection
from crm_store.deliveries import delivery_of
from domain.faults import Fault, Misconfigured, Unmappable
from domain.ports import LeadReader, Translated
from hub.bootstrap import Hub
from hub.registry import installed
from hub.work import OPERATIONS

Port = TypeVar("Port")

UNABLE = (Unmappable, Fault, LookupError, ValidationError)
"""Also: the connection or its connector is gone, or its settings are not what they were."""
AT_ONCE = 16
"""Deliveries that are run again together: some connectors wait between two looks at a vendor."""


@dataclass(frozen=True, slots=True)
class Given:
    """A record as its mapping got it, with the connector's own code tables. `subject`: whose it is."""

    subject: str
    mapping: str
    record: Mapping[str, object]
    tables: Mapping[str, Mapping[str, str]]


class _Stop(BaseException):
    """Nothing in a connector or flow may catch it."""


class _Asked(_Stop):
    def __init__(
        self, mapping: str, record: Mapping[str, object], tables: Mapping[str, Mapping[str, str]]
    ) -> None:
        self.mapping, self.record, self.tables = mapping, record, tables


class _NotKept(_Stop):
    """The vendor's answer of that time is not there any more."""


class _Asking:
    """Implements domain.ports.Translator."""

    def translate(
        self,
        mapping: str,
        record: Mapping[str, object],
        *,
        tables: Mapping[str, Mapping[str, str]] | None = None,
    ) -> Translated[dict[str, object]]:
        raise _Asked(mapping, record, tables or {})


class _Answers(Sender):
    """Answers each operation with what the vendor said to it, in the order of that time."""

    def __init__(
        self, client: httpx.AsyncClient, connection: Connection, *, store: Store, subject: str
    ) -> None:
        super().__init__(client, connection=connection.id, redactor=Redactor(), recorder=MemoryRecorder())
        self._store, self._subject = store, subject
        self._kept: list[Row] | None = None

    async def send(self, request: Request) -> Reply:
        if self._kept is None:
            async with self._store.transaction() as uow:
                self._kept = await uow.deliveries.exchanges(self._subject)
        for position, kept in enumerate(self._kept):
            if kept["operation"] == request.operation.name and kept["outcome"] == "answered":
                del self._kept[position]
                return Reply(kept["status"], kept["reply_headers"], kept["reply_body"].encode())
        raise _NotKept


class _NoLogin:
    """Implements connector_kit.Tokens: nobody is asked, so anything will do."""

    async def get(self, name: str, fetch: Fetch, *, refused: str | None = None) -> Token:
        return Token("none", datetime.now(UTC) + timedelta(days=1))


@dataclass(frozen=True, slots=True)
class Only:
    """Implements flows.context.Ports with the one connection that is run again."""

    adapter: object

    def get(self, connection: str, port: type[Port]) -> Port:
        if not isinstance(self.adapter, port):
            raise Misconfigured(f"连接 {connection} 不支持 {port.__name__} (not a capability of it)")
        return self.adapter

    def all(self, port: type[Port]) -> Mapping[str, Port]:
        return {}


class Reruns:
    """`skipped` counts by reason what could not be brought back."""

    def __init__(self, hub: Hub, connections: Sequence[Connection]) -> None:
        self._hub = hub
        self._connections = {each.id: each for each in connections}
        self._readers: dict[str, object] = {}
        self._client = httpx.AsyncClient(transport=httpx.MockTransport(_nobody))
        self.skipped: dict[str, int] = {}

    def message(self, row: Row) -> Given | None:
        """None: it does not come to its mapping; counted in `skipped`."""
        name = row["connection"]
        try:
            if name not in self._readers:
                self._readers[name] = self._open(name, "")
            reader = self._readers[name]
            if isinstance(reader, LeadReader):
                reader.read_lead(row["kind"], bytes(row["body"]))
            self._skip("这类消息不经过映射文件 (such messages come to no mapping)")
        except _Asked as asked:
            return _given(f"收件 {row['id']}", asked)
        except UNABLE as error:
            self._skip(f"{type(error).__name__}: {error}")
        return None

    async def delivery(self, row: Row) -> Given | None:
        """As `message`. It counts as never sent: nothing is looked up first."""
        delivery = replace(delivery_of(row), attempts=1)
        try:
            adapter = self._open(delivery.connection, f"delivery/{delivery.id}")
            context = replace(self._hub.context, ports=Only(adapter))
            await OPERATIONS[delivery.operation](context, delivery)
            self._skip("这类投递不经过映射文件 (such deliveries come to no mapping)")
        except _Asked as asked:
            return _given(delivery.key, asked)
        except _NotKept:
            self._skip("对方当时的答复已清除 (the vendor's answers are not kept any more)")
        except UNABLE as error:
            self._skip(f"{type(error).__name__}: {error}")
        return None

    def _open(self, name: str, subject: str) -> object:
        connection = self._connections[name]
        connector = installed()[connection.connector]
        settings = connector.settings.model_validate({**connection.settings, **connection.secrets})
        sender = _Answers(self._client, connection, store=self._hub.store, subject=subject)
        clock = self._hub.context.clock
        return connector.open(settings, Tools(connection.id, sender, _NoLogin(), clock, _Asking()))

    def _skip(self, reason: str) -> None:
        self.skipped[reason] = self.skipped.get(reason, 0) + 1


def _nobody(request: httpx.Request) -> NoReturn:
    raise _NotKept


def _given(subject: str, asked: _Asked) -> Given:
    return Given(subject, asked.mapping, asked.record, asked.tables)


async def recent(hub: Hub, reruns: Reruns, name: str, *, last: int, connection: str | None) -> list[Given]:
    """What the last messages and deliveries gave to the mapping `name`, newest first."""
    async with hub.store.transaction() as uow:
        messages = await uow.inbox.mapped_with(name, last, connection)
        deliveries = await uow.deliveries.mapped_with(name, last, connection)
    read = [reruns.message(row) for row in messages]
    places = asyncio.Semaphore(AT_ONCE)

    async def carried_out(row: Row) -> Given | None:
        async with places:
            return await reruns.delivery(row)

    read += await asyncio.gather(*(carried_out(row) for row in deliveries))
    return [given for given in read if given is not None and given.mapping == name]
