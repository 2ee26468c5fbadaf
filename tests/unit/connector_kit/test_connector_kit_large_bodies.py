"""A body beyond aiohttp's liking goes out in pieces, with its length and without a warning."""

import hashlib

import pytest
from aiohttp import web

from connector_kit import MemoryRecorder, Operation, Redactor, Request, Sender, new_client


@pytest.mark.parametrize("size", [0, 1, 1 << 19, (1 << 19) + 1, 3_000_001])
async def test_a_body_arrives_whole_with_its_length(size: int) -> None:
    body = bytes(n % 251 for n in range(1000)) * (size // 1000 + 1)
    body = body[:size]

    async def digest(request: web.Request) -> web.Response:
        got = await request.read()
        answer = {
            "sha": hashlib.sha256(got).hexdigest(),
            "length": request.headers.get("Content-Length", "0"),
        }
        answer["coding"] = request.headers.get("Transfer-Encoding", "")
        return web.json_response(answer)

    app = web.Application(client_max_size=1 << 24)
    app.router.add_put("/", digest)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        async with new_client() as client:
            sender = Sender(client, connection="test", redactor=Redactor(), recorder=MemoryRecorder())
            request = Request(
                Operation("upload", "keyed_write"),
                "PUT",
                f"http://127.0.0.1:{port}/",
                headers={"content-length": str(size)} if size > 1 << 20 else {},
                content=body,
            )
            reply = await sender.send(request)
    finally:
        await runner.cleanup()
    assert hashlib.sha256(body).hexdigest().encode() in reply.body
    assert f'"length": "{size}"'.encode() in reply.body
    assert b'"coding": ""' in reply.body
