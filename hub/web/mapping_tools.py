"""Explain, record and preview over HTTP."""

import json
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from hub.explain import Unexplained, bring_delivery, bring_message
from hub.web.parts import HubHere


def add_routes(api: FastAPI, guarded: list[Any]) -> None:
    @api.exception_handler(Unexplained)
    async def nothing_there(request: Request, error: Unexplained) -> JSONResponse:
        return JSONResponse({"error": str(error)}, status_code=404)

    @api.get("/api/inbox/{message_id}/explain", dependencies=guarded)
    async def explain_message(message_id: int, hub: HubHere) -> Response:
        return _exact((await bring_message(hub, message_id)).as_json())

    @api.get("/api/inbox/{message_id}/sample", dependencies=guarded)
    async def sample(message_id: int, hub: HubHere) -> PlainTextResponse:
        return PlainTextResponse((await bring_message(hub, message_id)).as_sample(f"message {message_id}"))

    @api.get("/api/explain", dependencies=guarded)
    async def explain_delivery(delivery: str, hub: HubHere) -> Response:
        return _exact((await bring_delivery(hub, delivery)).as_json())

    @api.get("/api/preview", dependencies=guarded)
    async def preview_record(record: str, hub: HubHere, connection: str | None = None) -> Response:
        from hub.preview import preview

        return _exact((await preview(hub, record, connection=connection)).as_json())


def _exact(value: object) -> Response:
    """Amounts as texts: FastAPI would make floats of them."""
    return Response(json.dumps(value, default=str, ensure_ascii=False), media_type="application/json")
