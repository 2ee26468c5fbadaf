"""Urging, extending, revoking and evidence over HTTP."""

from datetime import date
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field

from domain.states import SigningAct
from hub.signing_acts import ask
from hub.web.parts import HubHere


class ActBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    by: str = Field(min_length=1, max_length=40)


class ExtendBody(ActBody):
    """`until`: the last day, in China."""

    until: date


class RevokeBody(ActBody):
    reason: str = Field(min_length=1, max_length=50)


def add_routes(api: FastAPI, guarded: list[Any]) -> None:
    @api.post("/api/contracts/{number}/urge", dependencies=guarded)
    async def urge(number: str, body: ActBody, hub: HubHere) -> dict[str, Any]:
        return await ask(hub, number, SigningAct.URGE, by=body.by)

    @api.post("/api/contracts/{number}/extend", dependencies=guarded)
    async def extend(number: str, body: ExtendBody, hub: HubHere) -> dict[str, Any]:
        return await ask(hub, number, SigningAct.EXTEND, by=body.by, until=body.until)

    @api.post("/api/contracts/{number}/revoke", dependencies=guarded)
    async def revoke(number: str, body: RevokeBody, hub: HubHere) -> dict[str, Any]:
        return await ask(hub, number, SigningAct.REVOKE, by=body.by, reason=body.reason)

    @api.post("/api/contracts/{number}/evidence", dependencies=guarded)
    async def evidence(number: str, body: ActBody, hub: HubHere) -> dict[str, Any]:
        return await ask(hub, number, SigningAct.EVIDENCE, by=body.by)
