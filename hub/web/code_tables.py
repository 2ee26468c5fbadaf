"""Code tables over HTTP: read, write, decide, and see what changed and what is missing."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Query
from pydantic import BaseModel, ConfigDict, Field

from crm_store.code_tables import NoSuchCode, Owner
from flows import code_suggestions, code_tables
from hub.web.parts import HubHere

Filled = Annotated[str, Field(min_length=1)]


class TableBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    title: str | None = Field(default=None, min_length=1, max_length=100)
    owner: Owner | None = None


class DecisionBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    key: Filled
    value: Filled
    by: str = Field(min_length=1, max_length=40)


class RestoreBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    key: Filled
    change: int | None = None
    by: str = Field(min_length=1, max_length=40)


def add_routes(api: FastAPI, guarded: list[Any]) -> None:
    _table_routes(api, guarded)
    _decision_routes(api, guarded)


def _table_routes(api: FastAPI, guarded: list[Any]) -> None:
    @api.get("/api/code-tables", dependencies=guarded)
    async def tables(hub: HubHere) -> list[dict[str, Any]]:
        async with hub.store.transaction() as uow:
            return [dict(row) for row in await uow.codes.listed()]

    @api.get("/api/code-tables/{name}", dependencies=guarded)
    async def rows(name: str, hub: HubHere) -> dict[str, str]:
        async with hub.store.transaction() as uow:
            return await uow.codes.rows(name)

    @api.put("/api/code-tables/{name}", dependencies=guarded)
    async def write(
        name: str, codes: dict[Filled, Filled], hub: HubHere, by: Annotated[str, Query(max_length=40)] = "api"
    ) -> dict[str, Any]:
        decided = await hub.store.run(lambda uow: code_tables.write_codes(uow, name, codes, by=by))
        return {"rows": len(codes)} | decided.as_json()

    @api.patch("/api/code-tables/{name}", dependencies=guarded)
    async def define(name: str, body: TableBody, hub: HubHere) -> dict[str, str]:
        async with hub.store.transaction() as uow:
            await uow.codes.define(name, title=body.title, owner=body.owner)
        return {"name": name}

    @api.get("/api/code-tables/{name}/history", dependencies=guarded)
    async def history(
        name: str, hub: HubHere, key: str | None = None, limit: Annotated[int, Query(le=1000)] = 100
    ) -> list[dict[str, Any]]:
        async with hub.store.transaction() as uow:
            return [asdict(each) for each in await uow.codes.history(name, key, limit=limit)]


def _decision_routes(api: FastAPI, guarded: list[Any]) -> None:
    @api.get("/api/code-misses", dependencies=guarded)
    async def misses(hub: HubHere, table: str | None = None) -> list[dict[str, Any]]:
        async with hub.store.transaction() as uow:
            tables = await uow.codes.all()
            return [code_suggestions.shown_miss(row, tables) for row in await uow.misses.listed(table)]

    @api.post("/api/code-tables/{name}/decide", dependencies=guarded)
    async def decide(name: str, body: DecisionBody, hub: HubHere) -> dict[str, Any]:
        """Writes the row; everything that waited for it goes on."""
        rows = {body.key: body.value}
        decided = await hub.store.run(lambda uow: code_tables.write_codes(uow, name, rows, by=body.by))
        return decided.as_json()

    @api.post("/api/code-tables/{name}/restore", dependencies=guarded)
    async def restore(name: str, body: RestoreBody, hub: HubHere) -> dict[str, Any]:
        try:
            decided = await hub.store.run(
                lambda uow: code_tables.put_back(uow, name, body.key, change=body.change, by=body.by)
            )
        except NoSuchCode as error:
            raise HTTPException(404, str(error)) from error
        return decided.as_json()
