"""What would be sent for a record, byte for byte, and what the vendor's stand-in says to it.

The connection's own adapter does the work of the flow, against a sandbox inside this process: the client that
it is given knows no other way, so the vendor cannot be reached. Our database is only read.
"""

import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel, ValidationError
from sqlalchemy import text

from connector_kit import (
    Connector,
    Exchange,
    MemoryRecorder,
    MemoryTokens,
    Redactor,
    Reply,
    Request,
    Sender,
    Tools,
    secrets_of,
)
from crm_store import Store, UnitOfWork
from crm_store.connections import Connection
from crm_store.deliveries import Delivery
from domain.faults import Fault, Misconfigured, Unmappable
from domain.ports import Clock
from flows import cash, contracts, receivables
from flows.context import Context
from hub.bootstrap import Hub, sleep_on
from hub.explain import Unexplained
from hub.keys import sealing_key
from hub.live_mappings import Load
from hub.mapping_references import name_of, resolve
from hub.preview_books import Codes, stock
from hub.registry import installed
from hub.reruns import Only
from hub.work import OPERATIONS
from mappings import CompiledMapping, Translator, both_ways
from sandboxes.common import Outgoing, Sandbox
from sandboxes.common.callbacks import Callbacks
from sandboxes.run import load as load_sandbox

HOST = "stand-in.invalid"
ADDRESS = f"http://{HOST}"
SHARED = ("bank_account",)
"""What a sandbox prints beside its credentials, and is a company's own choice."""
WRITES = ("keyed_write", "blind_write")


class NoPreview(Unexplained):
    """Why there is nothing to preview, in plain words."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call as it would go out; `body` whole, secrets masked. `reply`: the stand-in's."""

    operation: str
    writes: bool
    method: str
    path: str
    headers: dict[str, str]
    body: str
    status: int | None
    reply: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Preview:
    """`verdict`: the stand-in's own words. `step`: where it stopped, the record itself or what it needs."""

    record: str
    step: str
    connection: str
    address: str
    mappings: Sequence[str]
    calls: Sequence[Call]
    accepted: bool
    verdict: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Effect:
    """`at`: when it was asked for, where what is sent runs out some time after."""

    name: str
    operation: str
    subject: int
    connection: str | None
    at: datetime | None = None


class StandIn(httpx.AsyncBaseTransport):
    """The only way out: into one sandbox of this process. There is no socket in it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._inside = httpx.ASGITransport(app=sandbox.app())

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Raises Misconfigured."""
        if request.url.host != HOST:
            raise Misconfigured(
                f"预演只到替身为止，不访问 {request.url.host} (a preview reaches the stand-in only)"
            )
        return await self._inside.handle_async_request(request)


class _Noting(Sender):
    """Notes each call with its whole body; the recorder's is cut."""

    def __init__(self, client: httpx.AsyncClient, *, connection: str, redactor: Redactor) -> None:
        self._made = MemoryRecorder()
        super().__init__(client, connection=connection, redactor=redactor, recorder=self._made)
        self.calls: list[Call] = []

    async def send(self, request: Request) -> Reply:
        try:
            return await super().send(request)
        finally:
            self.calls += [self._call(request, each) for each in self._made.exchanges]
            self._made.exchanges.clear()

    def _call(self, request: Request, exchange: Exchange) -> Call:
        parts = urlsplit(exchange.url)
        return Call(
            operation=exchange.operation,
            writes=request.operation.kind in WRITES,
            method=exchange.method,
            path=parts.path + (f"?{parts.query}" if parts.query else ""),
            headers=exchange.request_headers,
            body=self._shown(request.content),
            status=exchange.status,
            reply=exchange.reply_body,
            outcome=exchange.outcome,
        )

    def _shown(self, body: bytes) -> str:
        with contextlib.suppress(UnicodeDecodeError):
            if not body.startswith(b"%PDF"):
                return self.redactor.text(body.decode())
        return f"<{len(body)} bytes>"


class _Silent(Callbacks):
    """A stand-in of a preview calls nobody back."""

    def send(self, outgoing: Outgoing) -> None:
        return


class _ReadOnly(Store):
    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[UnitOfWork]:
        async with super().transaction() as uow:
            await uow.connection.execute(text("SET TRANSACTION READ ONLY"))
            yield uow


async def preview(
    hub: Hub, record: str, *, connection: str | None = None, draft: str | None = None
) -> Preview:
    """`record`: number of a receivable, receipt or contract, or code of a customer. `draft`: a mapping file
    or version in the place of the live one. Raises NoPreview, Misconfigured or ConfigurationError."""
    settings = hub.settings
    store = _ReadOnly(settings.database_url, key=sealing_key(settings.data), wake=sleep_on, pool_size=2)
    try:
        async with store.transaction() as uow:
            effects = await _effects(uow, record)
            configured = {each.id: each for each in await uow.connections.all()}
            codes = await uow.codes.all()
            name = connection or effects[-1].connection
            if name is None:
                raise NoPreview(f"{record} 还不归任何 ERP，请加 --connection (no ERP yet)")
            mapping = await resolve(uow, draft, name_of(draft, given=None), name) if draft else None
        chosen = configured.get(name)
        if chosen is None:
            raise NoPreview(f"没有连接 {name} (no such connection)")
        return await _Stage(
            replace(hub.context, store=store), chosen, codes, _load(hub, chosen, mapping)
        ).play(effects)
    finally:
        await store.close()


def _load(hub: Hub, connection: Connection, draft: CompiledMapping | None) -> Load:
    live = hub.connections.mappings.of(connection.id)
    return lambda name: draft if draft and draft.name == name else live(name)


async def _effects(uow: UnitOfWork, record: str) -> list[Effect]:
    """The record's own last; before it, what it refers to at the vendor."""
    for find in (_of_receivable, _of_receipt, _of_contract, _of_customer):
        effects = await find(uow, record)
        if effects:
            return effects
    raise NoPreview(f"没有 {record}：给应收、收款、合同的编号，或客户编码 (no such record)")


async def _of_receivable(uow: UnitOfWork, number: str) -> list[Effect]:
    row = await uow.receivables.by_number(number)
    if row is None:
        return []
    contract = await uow.contracts.get(row["contract_id"])
    company = await uow.customers.company(contract["company_id"])
    erp = row["connection"]
    return [
        Effect(company["code"], receivables.CUSTOMER, company["id"], erp),
        Effect(number, receivables.RECEIVABLE, row["id"], erp),
    ]


async def _of_receipt(uow: UnitOfWork, number: str) -> list[Effect]:
    row = await uow.bank.receipt_by_number(number)
    if row is None:
        return []
    paid = [each["receivable_number"] for each in await uow.bank.allocations_of(row["id"])]
    if not paid:
        raise NoPreview(f"收款 {number} 还没有匹配到应收，不会发往 ERP (not matched yet)")
    needed = [each for number in paid for each in await _of_receivable(uow, number)]
    return [*dict.fromkeys(needed), Effect(number, cash.RECEIPT, row["id"], row["connection"])]


async def _of_contract(uow: UnitOfWork, number: str) -> list[Effect]:
    row = await uow.contracts.by_number(number)
    if row is None:
        return []
    flows = await uow.contracts.flows_of(row["id"])
    if not flows:
        raise NoPreview(f"合同 {number} 还没有批准，没有要发出的文件 (not approved yet)")
    last = flows[-1]
    return [Effect(number, contracts.SEND, last["id"], last["connection"], at=last["requested_at"])]


async def _of_customer(uow: UnitOfWork, code: str) -> list[Effect]:
    row = await uow.customers.company_by_code(code)
    if row is None:
        return []
    return [Effect(code, receivables.CUSTOMER, row["id"], row["erp"])]


@dataclass(frozen=True, slots=True)
class _Stage:
    context: Context
    connection: Connection
    codes: Codes
    load: Load

    async def play(self, effects: Sequence[Effect]) -> Preview:
        sandbox, connector = _sandbox(self.connection.connector), installed()[self.connection.connector]
        if effects[-1].at is not None:
            sandbox.clock.advance((effects[-1].at - datetime.now(UTC)).total_seconds())
        settings, address = _settings(self.connection, connector, sandbox)
        stock(sandbox, settings, self.codes)
        used: list[str] = []
        async with httpx.AsyncClient(transport=StandIn(sandbox)) as client:
            sender = _Noting(client, connection=self.connection.id, redactor=Redactor(secrets_of(settings)))
            adapter = connector.open(settings, self._tools(sender, sandbox.clock, used))
            for effect in effects:
                sender.calls.clear()
                used.clear()
                accepted, verdict = await self._carry_out(effect, adapter)
                if not accepted:
                    break
        return Preview(
            record=effects[-1].name,
            step=effect.name,
            connection=self.connection.id,
            address=address,
            mappings=tuple(used),
            calls=tuple(sender.calls),
            accepted=accepted,
            verdict=verdict,
        )

    def _tools(self, sender: Sender, clock: Clock, used: list[str]) -> Tools:
        def load(name: str) -> CompiledMapping:
            mapping = self.load(name)
            used.append(f"{mapping.name}@{mapping.version}")
            return mapping

        mappings = Translator(both_ways(self.codes), load=load)
        return Tools(self.connection.id, sender, MemoryTokens(), clock, mappings)

    async def _carry_out(self, effect: Effect, adapter: object) -> tuple[bool, str]:
        """What follows at home from a success is left out: the outcome is not applied."""
        context = replace(self.context, ports=Only(adapter))
        key = f"preview/{effect.name}"
        delivery = Delivery(
            0, key, self.connection.id, effect.operation, effect.subject, 1, 0, context.clock.now()
        )
        try:
            outcome = await OPERATIONS[effect.operation](context, delivery)
        except (Fault, Unmappable) as refusal:
            return False, str(refusal)
        return True, outcome.vendor_id or ""


def _sandbox(name: str) -> Sandbox:
    try:
        sandbox = load_sandbox(name)()
    except KeyError as error:
        raise NoPreview(f"{name} 没有替身可试 (it has no stand-in)") from error
    sandbox.address = ADDRESS
    sandbox.callbacks = _Silent(sandbox.books, sandbox.clock)
    return sandbox


def _settings(connection: Connection, connector: Connector, sandbox: Sandbox) -> tuple[BaseModel, str]:
    """With the address and credentials of the stand-in, which knows no others; and the true address."""
    values = {**connection.settings, **connection.secrets}
    known = connector.settings.model_fields.keys() - set(SHARED)
    access = {"base_url": ADDRESS} | {k: v for k, v in sandbox.credentials().items() if k in known}
    try:
        true = connector.settings.model_validate(values)
        return connector.settings.model_validate({**values, **access}), str(getattr(true, "base_url", ""))
    except ValidationError as error:
        raise NoPreview(f"连接 {connection.id} 的设置有误 (wrong settings): {error}") from error
