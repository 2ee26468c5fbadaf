"""A lead and its owner over HTTP, and what became of it."""

from typing import Any

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from flows import lead_feedback
from hub.web.parts import HubHere


class LostBody(BaseModel):
    """`invalid`: there never was a customer behind it."""

    model_config = ConfigDict(extra="forbid")

    by: str = Field(min_length=1, max_length=40)
    reason: str = Field(min_length=1, max_length=200)
    invalid: bool = False


def add_routes(api: FastAPI, guarded: list[Any]) -> None:
    @api.get("/api/leads/{connection}/{vendor_id}", dependencies=guarded)
    async def lead(connection: str, vendor_id: str, hub: HubHere) -> dict[str, Any]:
        async with hub.store.transaction() as uow:
            found = await uow.leads.find(connection, vendor_id)
            if found is None:
                raise HTTPException(404, "没有这条线索 (no such lead)")
            assignment = await uow.leads.assignment(found["id"])
        return {"lead": dict(found), "assignment": dict(assignment) if assignment else None}

    @api.post("/api/leads/{connection}/{vendor_id}/contacted", dependencies=guarded)
    async def contacted(connection: str, vendor_id: str, hub: HubHere) -> dict[str, bool]:
        """`reported`: whether its source will be told."""
        await hub.connections.refresh()
        told = await hub.store.run(
            lambda uow: lead_feedback.contacted(uow, connection, vendor_id, hub.context)
        )
        return {"reported": told}

    @api.post("/api/leads/{connection}/{vendor_id}/lost", dependencies=guarded)
    async def lost(connection: str, vendor_id: str, body: LostBody, hub: HubHere) -> dict[str, bool]:
        """`closed` False: it was closed as lost before."""
        await hub.connections.refresh()
        said = body.model_dump()
        return {
            "closed": await hub.store.run(
                lambda uow: lead_feedback.lost(uow, connection, vendor_id, **said, context=hub.context)
            )
        }
