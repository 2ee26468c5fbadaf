"""Drift over HTTP."""

from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Query

from flows import drift
from flows.drift import NoSuchFinding
from hub.web.parts import HubHere


def add_routes(api: FastAPI, guarded: list[Any]) -> None:
    @api.get("/api/drift", dependencies=guarded)
    async def found(hub: HubHere, every: bool = False) -> list[dict[str, Any]]:
        async with hub.store.transaction() as uow:
            return [drift.shown_finding(row) for row in await uow.drift.listed(open_only=not every)]

    @api.post("/api/drift/{finding}/accept", dependencies=guarded)
    async def accept(
        finding: int, hub: HubHere, by: Annotated[str, Query(min_length=1, max_length=40)]
    ) -> dict[str, int]:
        try:
            released = await hub.store.run(lambda uow: drift.accept(uow, finding, by=by))
        except NoSuchFinding as error:
            raise HTTPException(404, str(error)) from error
        return {"released": released}
