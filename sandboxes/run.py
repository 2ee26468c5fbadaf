"""Runs sandboxes in one process until it is told to stop."""

import asyncio
import importlib
import pkgutil
import signal
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

import sandboxes
from sandboxes.common import Sandbox
from sandboxes.common.serve import listen, serve


def available() -> list[str]:
    """Every folder but the common one is a sandbox of that name."""
    return sorted(
        module.name
        for module in pkgutil.iter_modules(sandboxes.__path__)
        if module.ispkg and module.name != "common"
    )


def load(name: str) -> type[Sandbox]:
    """Raises KeyError for an unknown name."""
    if name not in available():
        raise KeyError(name)
    found: type[Sandbox] = importlib.import_module(f"sandboxes.{name}").SANDBOX
    return found


def run_sandboxes(
    wanted: Sequence[tuple[str, int]],
    *,
    data: Path | None = None,
    tell: Callable[[Sandbox], None] = lambda sandbox: None,
) -> None:
    """`wanted`: name and port (0: any free one). `data`: folder of the books; None keeps them in memory.

    `tell` is called with each sandbox once it listens. Raises KeyError for an unknown name, OSError for a
    port in use.
    """
    if data:
        data.mkdir(parents=True, exist_ok=True)
    opened = [(load(name)(path=data / f"{name}.sqlite" if data else None), port) for name, port in wanted]
    asyncio.run(_serve([(sandbox, listen(sandbox, port)) for sandbox, port in opened], tell))


async def _serve(listeners: list[tuple[Sandbox, socket.socket]], tell: Callable[[Sandbox], None]) -> None:
    stop = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, stop.set)
    for sandbox, _ in listeners:
        tell(sandbox)
    await serve(listeners, stop)
