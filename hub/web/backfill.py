"""Backfills over HTTP."""

from datetime import date
from typing import Any

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, ConfigDict

from hub import backfill
from hub.web.parts import HubHere


class BackfillBody(BaseModel):
    """Whole days in China, both included."""

    model_config = ConfigDict(extra="forbid")

    connection: str
    first: date
    last: date
    kind: str = "leads"


def add_routes(api: FastAPI, guarded: list[Any]) -> None:
    @api.post("/api/backfills", dependencies=guarded)
    async def start(body: BackfillBody, hub: HubHere) -> dict[str, int]:
        await hub.connections.refresh()
        return {"id": await backfill.start(hub, body.connection, body.kind, body.first, body.last)}

    @api.get("/api/backfills", dependencies=guarded)
    async def listed(hub: HubHere) -> list[dict[str, Any]]:
        async with hub.store.transaction() as uow:
            return [dict(row) for row in await uow.backfills.all()]

    @api.get("/api/backfills/{number}", dependencies=guarded)
    async def one(number: int, hub: HubHere) -> dict[str, Any]:
        async with hub.store.transaction() as uow:
            found = await uow.backfills.get(number)
        if found is None:
            raise HTTPException(404, f"没有补拉 {number} (no such backfill)")
        return dict(found)

    @api.post("/api/backfills/{number}/{act}", dependencies=guarded)
    async def steer(number: int, act: backfill.Act, hub: HubHere) -> dict[str, bool]:
        """`changed` false: it is not in a state from which that is possible."""
        async with hub.store.transaction() as uow:
            return {"changed": await backfill.steer(uow, number, act)}
