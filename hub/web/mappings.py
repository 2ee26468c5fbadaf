"""Mapping versions over HTTP: what is live, publish, roll back."""

from dataclasses import asdict
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from configuration import ConfigurationError
from crm_store.mapping_versions import MappingText
from hub.publishing import mapping_name, publish, roll_back, versions_of
from hub.web.parts import HubHere


class _Decision(BaseModel):
    model_config = ConfigDict(extra="forbid")

    connection: str | None = None
    by: str = Field(min_length=1, max_length=40)
    note: str = Field(default="", max_length=500)


class PublishBody(_Decision):
    text: str = Field(min_length=1, max_length=1_000_000)
    samples: dict[str, str] = {}
    """Sample files by the path that the text calls them by."""


class RollbackBody(_Decision):
    to: str | None = None
    """`v2` or `shipped`; without it, the version before the live one."""


def add_routes(api: FastAPI, guarded: list[Any]) -> None:
    @api.exception_handler(ConfigurationError)
    async def wrong_file(request: Request, error: ConfigurationError) -> JSONResponse:
        places = [
            {"file": each.file, "line": each.line, "column": each.column}
            | {"message": each.message, "remedy": each.remedy}
            for each in error.errors
        ]
        return JSONResponse({"error": str(error), "places": places}, status_code=422)

    @api.get("/api/mappings/versions", dependencies=guarded)
    async def versions(hub: HubHere, name: str | None = None) -> dict[str, Any]:
        async with hub.store.transaction() as uow:
            return await versions_of(uow, name)

    @api.post("/api/mappings/publish", dependencies=guarded)
    async def put(body: PublishBody, hub: HubHere) -> dict[str, Any]:
        file = f"{mapping_name(body.text, file='text')}.yaml"
        async with hub.store.transaction() as uow:
            version, new, warnings = await publish(
                uow,
                MappingText(body.text, body.samples),
                file=file,
                connection=body.connection,
                by=body.by,
                note=body.note,
            )
        told = {"version": version.label, "new": new, "warnings": [asdict(each) for each in warnings]}
        return asdict(version) | told

    @api.post("/api/mappings/{name}/rollback", dependencies=guarded)
    async def put_back(name: str, body: RollbackBody, hub: HubHere) -> dict[str, str]:
        async with hub.store.transaction() as uow:
            before, after = await roll_back(
                uow, name, connection=body.connection, to=body.to, by=body.by, note=body.note
            )
        return {"name": name, "before": before, "after": after}
