"""Runs sandboxes under uvicorn on loopback, several in one event loop."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import uvicorn

from sandboxes.common.app import Sandbox

HOST = "127.0.0.1"
PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Loopback has no TLS: this trusts nobody who offers it, and loading the authorities costs 40 ms a client."""


@dataclass(frozen=True, slots=True)
class Running:
    """A sandbox that listens in another thread of this process. For tests."""

    sandbox: Sandbox
    url: str

    def control(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """GET (no body) or POST below /_sandbox/; raises for a refusal."""
        with httpx.Client(base_url=f"{self.url}/_sandbox/", trust_env=False, verify=PLAIN) as client:
            answer = client.get(path) if body is None else client.post(path, json=body)
            answer.raise_for_status()
            return answer.json()


def listen(sandbox: Sandbox, port: int) -> socket.socket:
    """Binds the port (0: any free one) and tells the sandbox its address."""
    # With the protocol named, asyncio sets TCP_NODELAY; without it every answer waits 40 ms for an ACK.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((HOST, port))
    sandbox.address = f"http://{HOST}:{listener.getsockname()[1]}"
    return listener


class _Server(uvicorn.Server):
    """Leaves the process's signals to whoever runs several servers in one loop."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _server(sandbox: Sandbox) -> _Server:
    return _Server(
        uvicorn.Config(
            sandbox.app(),
            log_level="warning",
            access_log=False,
            lifespan="off",
            # Longer than any client's own, as at the vendors: who closes first decides whose call is lost.
            timeout_keep_alive=75,
            timeout_graceful_shutdown=1,
        )
    )


async def serve(listeners: Sequence[tuple[Sandbox, socket.socket]], stop: asyncio.Event) -> None:
    """Serves until `stop` is set."""
    servers = [(_server(sandbox), sandbox, listener) for sandbox, listener in listeners]
    tasks = [asyncio.create_task(server.serve(sockets=[listener])) for server, _, listener in servers]
    await stop.wait()
    for server, sandbox, _ in servers:
        server.should_exit = True
        await sandbox.callbacks.close()
    await asyncio.gather(*tasks)


@contextmanager
def running(sandbox: Sandbox, *, port: int = 0) -> Iterator[Running]:
    """Serves one sandbox in a thread of its own until the block ends."""
    listener = listen(sandbox, port)
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(serve([(sandbox, listener)], stop),))
    thread.start()
    try:
        _wait_until_it_answers(sandbox.address)
        yield Running(sandbox, sandbox.address)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()
        listener.close()
        sandbox.books.close()


def _wait_until_it_answers(url: str) -> None:
    transport = httpx.HTTPTransport(retries=5)
    with httpx.Client(transport=transport, timeout=10) as client:
        client.get(f"{url}/_sandbox/").raise_for_status()
