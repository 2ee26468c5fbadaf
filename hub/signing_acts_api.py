"""Urging, extending, revoking and evidence over HTTP."""

from datetime import date
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field

from domain.states import SigningAct
from flows import signing_acts
from hub.api_parts import HubHere
from hub.bootstrap import Hub


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


async def ask(
    hub: Hub,
    number: str,
    act: SigningAct,
    *,
    by: str,
    until: date | None = None,
    reason: str | None = None,
) -> dict[str, Any]:
    """`asked` False: it had been asked already, and that stands. Raises flows.contracts.Refused."""
    await hub.connections.refresh()
    moment = signing_acts.end_of(until) if until else None
    asked = await hub.store.run(
        lambda uow: signing_acts.ask(
            uow, number, act, by=by, context=hub.context, until=moment, reason=reason
        )
    )
    return {"number": number, "act": act, "asked": asked}
