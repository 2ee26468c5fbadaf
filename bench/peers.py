"""What the hub is measured beside, each in a process of its own: `python -m bench.peers NAME PLACE…`."""

import asyncio
import sys
import threading
from typing import Any, cast

import asyncpg
import dramatiq
import orjson
import uvicorn
import uvloop
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware.asyncio import AsyncIO
from fastapi import FastAPI, Request, Response

SUCCESS = {"code": 0, "message": "success"}
NAMESPACE = "bench"
QUEUE = "bench"
ACTOR = "mark"


def serve_fastapi(port: int) -> None:
    """Parses the body, answers, stores nothing; uvicorn as the hub starts it."""
    app = FastAPI()

    @app.post("/hooks/{connection}")
    async def take(connection: str, lead: dict[str, Any]) -> dict[str, Any]:
        return SUCCESS

    @app.post("/lean/{connection}")
    async def take_lean(request: Request) -> Response:
        orjson.loads(await request.body())
        return Response(orjson.dumps(SUCCESS), media_type="application/json")

    uvicorn.run(
        app,
        host="127.0.0.1",
        port=port,
        access_log=False,
        log_level="warning",
        loop="uvloop",
        http="httptools",
        ws="none",
    )


class _Nothing(asyncio.Protocol):
    """Answers without reading: shows what the load generator itself can do."""

    ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance

    def data_received(self, data: bytes) -> None:
        self._transport.write(self.ANSWER)


def serve_nothing(port: int) -> None:
    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(_Nothing, "127.0.0.1", port)
        await server.serve_forever()

    uvloop.run(serve())


def bare_broker(redis_url: str) -> RedisBroker:
    broker = RedisBroker(url=redis_url, middleware=[AsyncIO()], namespace=NAMESPACE)  # type: ignore[no-untyped-call]
    broker.declare_queue(QUEUE)
    return broker


def work_dramatiq(redis_url: str, dsn: str) -> None:
    """dramatiq as it comes: the worker's own defaults, an actor that does one INSERT."""
    database: list[asyncpg.Connection] = []

    async def mark(key: str) -> None:
        if not database:
            database.append(await asyncpg.connect(dsn))
        await database[0].execute("INSERT INTO bench_marks (key) VALUES ($1)", key)

    broker = bare_broker(redis_url)
    dramatiq.actor(actor_name=ACTOR, queue_name=QUEUE, broker=broker)(mark)
    dramatiq.Worker(broker).start()
    threading.Event().wait()


if __name__ == "__main__":
    name, *places = sys.argv[1:]
    if name == "dramatiq":
        work_dramatiq(*places)
    else:
        {"fastapi": serve_fastapi, "nothing": serve_nothing}[name](int(places[0]))
