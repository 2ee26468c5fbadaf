"""The hub's own HTTP interface: for the console, the command line and the company's other programs."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import date
from decimal import Decimal
from typing import Annotated, Any

import asyncpg
import structlog
from fastapi import Depends, FastAPI, HTTPException, Query, Request
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import DBAPIError, InterfaceError
from starlette.types import ASGIApp, Receive, Scope, Send

from domain.faults import Fault, Misconfigured
from domain.identifiers import normalise_credit_code, normalise_phone
from domain.money import Money, NotMoney
from domain.records import Company, ContractLine, Instalment, Trigger
from flows import cash, contracts, reconciliation
from flows.contracts import ContractDraft, Refused
from hub import reports
from hub.announce import Announcer, new_broker
from hub.bootstrap import open_hub
from hub.keys import api_token
from hub.registry import installed, split_secrets
from hub.settings import Settings
from hub.settlement import DEAD_LETTER
from hub.web import backfill, code_tables, drift, leads, mapping_tools, mappings, signing_acts
from hub.web.hooks import Hooks
from hub.web.ingest import Ingest
from hub.web.parts import HubHere

log = structlog.get_logger()


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CompanyBody(Strict):
    name: str = Field(min_length=2, max_length=120)
    credit_code: str | None = None
    phone: str | None = None
    email: str | None = None
    region: str | None = None
    city: str | None = None
    address: str | None = None


class LineBody(Strict):
    sku: str = Field(min_length=1, max_length=60)
    title: str = Field(min_length=1, max_length=200)
    quantity: Decimal = Field(gt=0, le=Decimal(10) ** 9)
    unit_price: Decimal = Field(ge=0, le=Decimal(10) ** 12)
    tax_rate: Decimal = Field(ge=0, lt=1)
    amount: Decimal = Field(ge=0)


class InstalmentBody(Strict):
    title: str = Field(min_length=1, max_length=100)
    amount: Decimal
    trigger: Trigger
    due_days: int = Field(default=0, ge=0, le=3650)
    on_date: date | None = None


class ContractBody(Strict):
    number: str = Field(pattern=r"^[A-Z0-9][A-Z0-9-]{3,24}$")
    title: str = Field(min_length=1, max_length=80)
    lead_connection: str
    lead_id: str
    company: CompanyBody
    signatory: str = Field(min_length=1, max_length=40)
    signatory_phone: str
    currency: str = "CNY"
    lines: list[LineBody] = Field(min_length=1, max_length=200)
    plan: list[InstalmentBody] = Field(min_length=1, max_length=60)


class ConnectionBody(Strict):
    connector: str
    values: dict[str, Any]


class AllocationBody(Strict):
    parts: dict[str, Decimal]
    by: str = Field(min_length=1, max_length=40)
    currency: str = "CNY"


def create_app(settings: Settings) -> ASGIApp:
    """FastAPI for people and programs; the hooks go past it."""
    state: dict[str, Hooks] = {}

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        announcer = Announcer(new_broker(settings.redis_url))
        async with open_hub(settings, wake=announcer) as hub:
            ingest = Ingest(settings.database_url, announcer)
            storing = asyncio.create_task(ingest.run())
            app.state.hub = hub
            state["hooks"] = Hooks(hub.connections, ingest, hub.store)
            yield
            storing.cancel()
            await ingest.close()
        announcer.close()

    api = FastAPI(title="Guantong 贯通", lifespan=lifespan, docs_url="/docs", redoc_url=None)
    add_routes(api, api_token(settings.data))

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/hooks/"):
            await state["hooks"](scope, receive, send)
        else:
            await api(scope, receive, send)

    return app


def add_routes(api: FastAPI, token: str) -> None:
    def allowed(request: Request) -> None:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not secrets.compare_digest(given.encode(), token.encode()):
            raise HTTPException(401, "需要 API 令牌 (bearer token needed)")

    @api.exception_handler(Refused)
    @api.exception_handler(NotMoney)
    async def refused(request: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"error": str(error)}, status_code=422)

    @api.exception_handler(Fault)
    async def fault(request: Request, error: Fault) -> JSONResponse:
        status = 422 if isinstance(error, Misconfigured) else 502
        said = request.app.state.hub.connections.masked(str(error))
        return JSONResponse({"error": said, "fault": error.kind}, status_code=status)

    @api.exception_handler(ConnectionError)
    @api.exception_handler(asyncpg.OperatorInterventionError)
    @api.exception_handler(DBAPIError)
    async def database_away(request: Request, error: Exception) -> JSONResponse:
        """It is being started again, or the network to it is gone: no bug, and nothing was done."""
        if isinstance(error, DBAPIError) and not (
            error.connection_invalidated or isinstance(error, InterfaceError)
        ):
            raise error
        log.warning("api.database", path=request.url.path, error=str(error))
        said = "数据库暂时连不上，请稍后再试 (the database is away, try again)"
        return JSONResponse({"error": said}, status_code=503, headers={"Retry-After": "5"})

    @api.get("/health")
    async def health(hub: HubHere) -> dict[str, str]:
        async with hub.store.transaction() as uow:
            await uow.schedule.all()
        return {"status": "ok"}

    @api.get("/metrics")
    async def metrics() -> PlainTextResponse:
        return PlainTextResponse(generate_latest().decode(), media_type=CONTENT_TYPE_LATEST)

    guarded = [Depends(allowed)]
    _connection_routes(api, guarded)
    _contract_routes(api, guarded)
    _repair_routes(api, guarded)
    _delivery_routes(api, guarded)
    backfill.add_routes(api, guarded)
    code_tables.add_routes(api, guarded)
    drift.add_routes(api, guarded)
    leads.add_routes(api, guarded)
    signing_acts.add_routes(api, guarded)
    mappings.add_routes(api, guarded)
    mapping_tools.add_routes(api, guarded)


def _connection_routes(api: FastAPI, guarded: list[Any]) -> None:
    @api.get("/api/connectors", dependencies=guarded)
    async def connectors() -> list[dict[str, Any]]:
        return [connector.manifest.model_dump() for connector in installed().values()]

    @api.put("/api/connections/{name}", dependencies=guarded)
    async def save_connection(name: str, body: ConnectionBody, hub: HubHere) -> dict[str, Any]:
        connector = installed().get(body.connector)
        if connector is None:
            raise HTTPException(422, f"没有连接器 {body.connector} (known: {', '.join(sorted(installed()))})")
        plain, sealed = split_secrets(connector, body.values)
        async with hub.store.transaction() as uow:
            await uow.connections.save(name, connector=body.connector, settings=plain, secrets=sealed)
            await uow.open_items.close_about("connection_paused", {"connection": name}, "settings")
        await hub.connections.refresh(stale_after=0)
        return {"name": name, "connector": body.connector, "settings": plain}

    @api.get("/api/connections", dependencies=guarded)
    async def connections(hub: HubHere) -> list[dict[str, Any]]:
        async with hub.store.transaction() as uow:
            found = await uow.connections.all()
        return [
            {"name": each.id, "connector": each.connector, "state": each.state, "reason": each.reason}
            for each in found
        ]

    @api.post("/api/connections/{name}/resume", dependencies=guarded)
    async def resume(name: str, hub: HubHere) -> dict[str, bool]:
        async with hub.store.transaction() as uow:
            await uow.open_items.close_about("connection_paused", {"connection": name}, "resume")
            return {"resumed": await uow.connections.resume(name)}


def _contract_routes(api: FastAPI, guarded: list[Any]) -> None:
    @api.post("/api/contracts", dependencies=guarded)
    async def draft(body: ContractBody, hub: HubHere) -> dict[str, Any]:
        record = _draft(body)
        created = await hub.store.run(lambda uow: contracts.draft_contract(uow, record, hub.context))
        return {"number": body.number, "created": created}

    @api.post("/api/contracts/{number}/submit", dependencies=guarded)
    async def submit(number: str, hub: HubHere) -> dict[str, Any]:
        changed = await hub.store.run(lambda uow: contracts.submit_contract(uow, number))
        return {"number": number, "changed": changed}

    @api.post("/api/contracts/{number}/approve", dependencies=guarded)
    async def approve(number: str, hub: HubHere) -> dict[str, Any]:
        changed = await hub.store.run(lambda uow: contracts.approve_contract(uow, number, hub.context))
        return {"number": number, "changed": changed}

    @api.get("/api/contracts", dependencies=guarded)
    async def listed(hub: HubHere, state: str | None = None) -> list[dict[str, Any]]:
        async with hub.store.transaction() as uow:
            return _rows(await uow.contracts.listed(state))

    @api.get("/api/contracts/{number}/trace", dependencies=guarded)
    async def trace(number: str, hub: HubHere) -> dict[str, Any]:
        async with hub.store.transaction() as uow:
            found = await reports.trace_contract(uow, number)
        if found is None:
            raise HTTPException(404, f"没有合同 {number} (no such contract)")
        return found

    @api.post("/api/receipts/{number}/allocations", dependencies=guarded)
    async def allocate(number: str, body: AllocationBody, hub: HubHere) -> dict[str, str]:
        parts = {name: Money(amount, body.currency) for name, amount in body.parts.items()}
        try:
            await hub.store.run(lambda uow: cash.allocate_by_hand(uow, number, parts, by=body.by))
        except cash.WrongAllocation as error:
            raise HTTPException(422, str(error)) from error
        return {"receipt": number}


def _repair_routes(api: FastAPI, guarded: list[Any]) -> None:
    @api.get("/api/summary", dependencies=guarded)
    async def summary(hub: HubHere) -> dict[str, Any]:
        async with hub.store.transaction() as uow:
            return await reports.summarise(uow)

    @api.get("/api/inbox", dependencies=guarded)
    async def inbox(
        hub: HubHere, state: str | None = None, limit: Annotated[int, Query(le=1000)] = 100
    ) -> list[dict[str, Any]]:
        async with hub.store.transaction() as uow:
            return [reports.shown_message(row) for row in await uow.inbox.listed(state, limit)]

    @api.get("/api/refused", dependencies=guarded)
    async def refused(hub: HubHere) -> list[dict[str, Any]]:
        async with hub.store.transaction() as uow:
            return [reports.shown_message(row) for row in await uow.inbox.refused_listed()]

    @api.post("/api/inbox/{message_id}/replay", dependencies=guarded)
    async def replay_message(message_id: int, request: Request, hub: HubHere) -> dict[str, bool]:
        """With a body: the repaired message, in place of the parked one."""
        body = await request.body()
        async with hub.store.transaction() as uow:
            if body:
                await uow.inbox.replace_body(message_id, body)
            return {"replayed": bool(await uow.inbox.replay(message_id=message_id))}


def _delivery_routes(api: FastAPI, guarded: list[Any]) -> None:
    @api.get("/api/deliveries", dependencies=guarded)
    async def deliveries(hub: HubHere, state: str | None = None) -> list[dict[str, Any]]:
        async with hub.store.transaction() as uow:
            return _rows(await uow.deliveries.listed(state))

    @api.post("/api/deliveries/replay", dependencies=guarded)
    async def replay_deliveries(
        hub: HubHere, key: str | None = None, connection: str | None = None
    ) -> dict[str, int]:
        async with hub.store.transaction() as uow:
            return {"replayed": len(await uow.deliveries.replay(key=key, connection=connection))}

    @api.post("/api/deliveries/{delivery_id}/cancel", dependencies=guarded)
    async def cancel(delivery_id: int, hub: HubHere, reason: str) -> dict[str, bool]:
        async with hub.store.transaction() as uow:
            key = await uow.deliveries.cancel(delivery_id, reason)
            if key is not None:
                await uow.open_items.close_about(DEAD_LETTER, {"delivery": key}, "cancel")
            return {"cancelled": key is not None}

    @api.get("/api/tasks", dependencies=guarded)
    async def tasks(hub: HubHere, kind: str | None = None) -> list[dict[str, Any]]:
        async with hub.store.transaction() as uow:
            return _rows(await uow.open_items.tasks(kind))

    @api.post("/api/tasks/{task_id}/close", dependencies=guarded)
    async def close_task(task_id: int, by: str, hub: HubHere) -> dict[str, bool]:
        async with hub.store.transaction() as uow:
            return {"closed": await uow.open_items.close_by_hand(task_id, by)}

    @api.get("/api/jobs", dependencies=guarded)
    async def jobs(hub: HubHere) -> list[dict[str, Any]]:
        async with hub.store.transaction() as uow:
            return _rows(await uow.schedule.all())

    @api.post("/api/reconcile", dependencies=guarded)
    async def reconcile(hub: HubHere) -> list[dict[str, Any]]:
        await reconciliation.reconcile(hub.context)
        async with hub.store.transaction() as uow:
            return _rows(await uow.open_items.disagreements())

    @api.post("/api/disagreements/{number}/repair", dependencies=guarded)
    async def repair(number: int, hub: HubHere) -> dict[str, bool]:
        async with hub.store.transaction() as uow:
            found = [row for row in await uow.open_items.disagreements() if row["id"] == number]
            if not found:
                raise HTTPException(404, "没有这条差异 (no such open disagreement)")
            return {"started": await reconciliation.repair(uow, found[0])}


def _rows(rows: list[Any]) -> list[dict[str, Any]]:
    return [dict(row) for row in rows]


def _draft(body: ContractBody) -> ContractDraft:
    """Raises Refused or NotMoney."""
    phone = normalise_phone(body.signatory_phone)
    if phone is None:
        raise Refused(f"签署人手机号无效：{body.signatory_phone} (not a phone number)")
    return ContractDraft(
        number=body.number,
        title=body.title,
        lead_connection=body.lead_connection,
        lead_vendor_id=body.lead_id,
        company=_company(body.company),
        signatory=body.signatory,
        signatory_phone=phone,
        lines=[_line(line, body.currency) for line in body.lines],
        plan=[_instalment(row, number, body.currency) for number, row in enumerate(body.plan, start=1)],
    )


def _company(body: CompanyBody) -> Company:
    code = normalise_credit_code(body.credit_code) if body.credit_code else None
    if body.credit_code and code is None:
        raise Refused(f"统一社会信用代码无效：{body.credit_code} (check digit does not fit)")
    values: Mapping[str, Any] = body.model_dump() | {"credit_code": code}
    return Company(code="", **values)


def _line(body: LineBody, currency: str) -> ContractLine:
    amount = Money(body.amount, currency)
    if abs(body.quantity * body.unit_price - amount.amount) > amount.unit:
        raise Refused(f"明细「{body.title}」金额与单价×数量不符 (amount is not price times quantity)")
    return ContractLine(**body.model_dump(exclude={"amount"}), amount=amount)


def _instalment(body: InstalmentBody, number: int, currency: str) -> Instalment:
    if (body.trigger == Trigger.DATE) != (body.on_date is not None):
        raise Refused(f"第 {number} 期：只有按日期触发才填写 on_date (on_date belongs to the trigger 'date')")
    return Instalment(
        **body.model_dump(exclude={"amount"}), number=number, amount=Money(body.amount, currency)
    )
