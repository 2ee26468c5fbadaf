"""/hooks/{connection}, by any method: verify over the raw bytes, store once, answer as the vendor wants.

A bare ASGI application: FastAPI's own work per request would cost more than all of this.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import asyncpg
import structlog
from prometheus_client import Counter
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from crm_store import Store
from domain.ports import Hook, HookAnswer, HookRefused, HookRequest, Inbound
from hub.registry import OpenConnections
from hub.web.ingest import Ingest, Overloaded

BODY_LIMIT = 2 * 1024 * 1024
KEPT_OF_REFUSED = 64 * 1024
HEADERS_KEPT_OF_REFUSED = ("content-type", "user-agent", "timestamp", "x-forwarded-for")

received = Counter("guantong_hook_messages", "Messages stored or known", ["connection"])
refused = Counter("guantong_hook_refused", "Calls refused", ["connection", "reason"])

NOT_FOUND = HookAnswer(404, b'{"error":"no such hook"}')
TOO_LARGE = HookAnswer(413, b'{"error":"body too large"}')
UNSTORABLE = HookAnswer(400, b'{"error":"cannot be stored"}')
TRY_AGAIN = HookAnswer(503, b'{"error":"try again"}')

log = structlog.get_logger()


class Hooks:
    """Serves scope paths `/hooks/<connection>`."""

    def __init__(self, connections: OpenConnections, ingest: Ingest, store: Store) -> None:
        self._connections = connections
        self._ingest = ingest
        self._store = store

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        name = scope["path"].removeprefix("/hooks/")
        try:
            answer = await self._answer(name, scope, receive)
        except ClientDisconnect:
            return
        except (OSError, SQLAlchemyError) as error:
            log.warning("hook.not_stored", connection=name, error=str(error))
            answer = TRY_AGAIN
        await _send(send, answer)

    async def _answer(self, name: str, scope: Scope, receive: Receive) -> HookAnswer:
        hook = await self._hook(name)
        if hook is None:
            return NOT_FOUND
        request = await _read(scope, receive)
        if request is None:
            await self._keep_refused(name, "malformed", f"body over {BODY_LIMIT} bytes", {}, b"")
            return TOO_LARGE
        try:
            messages = hook.open(request)
        except HookRefused as refusal:
            await self._keep_refused(name, refusal.reason, refusal.detail, request.headers, request.body)
            return refusal.answer
        return await self._store_all(name, hook, request, messages)

    async def _store_all(
        self, name: str, hook: Hook, request: HookRequest, messages: Sequence[Inbound]
    ) -> HookAnswer:
        try:
            await self._ingest.put(name, messages)
        except asyncpg.DataError as error:
            # PostgreSQL cannot hold it (a NUL in an id): asking for it again would not help.
            await self._keep_refused(name, "malformed", str(error), request.headers, request.body)
            return UNSTORABLE
        except (Overloaded, OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            log.warning("hook.not_stored", connection=name, error=str(error))
            return TRY_AGAIN
        received.labels(name).inc()
        return hook.accepted(request)

    async def _hook(self, name: str) -> Hook | None:
        if not self._connections.known(name):
            await self._connections.refresh()
        return self._connections.all(Hook).get(name)

    async def _keep_refused(
        self, name: str, reason: str, detail: str, headers: Mapping[str, str], body: bytes
    ) -> None:
        refused.labels(name, reason).inc()
        kept = {key: value for key, value in headers.items() if key in HEADERS_KEPT_OF_REFUSED}
        async with self._store.transaction() as uow:
            await uow.inbox.refuse(
                name, reason=reason, detail=detail, headers=kept, body=body[:KEPT_OF_REFUSED]
            )


async def _read(scope: Scope, receive: Receive) -> HookRequest | None:
    """None: the body is too large. Raises ClientDisconnect."""
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > BODY_LIMIT:
            return None
        more = message.get("more_body", False)
    return HookRequest(
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"].decode("latin-1"),
        headers={key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]},
        body=b"".join(parts),
        received_at=datetime.now(UTC),
    )


async def _send(send: Send, answer: HookAnswer) -> None:
    headers = [
        (b"content-type", answer.content_type.encode()),
        (b"content-length", str(len(answer.body)).encode()),
    ]
    if answer is TRY_AGAIN:
        headers.append((b"retry-after", b"1"))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
