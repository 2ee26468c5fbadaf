"""`guantong up`: everything in one process tree."""

import asyncio
import signal
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

import httpx
from rich.console import Console

from hub.keys import api_token, sealing_key
from hub.servers import servers
from hub.settings import Settings
from hub.standins import Cast, connect_sandboxes
from hub.supervise import Part, Supervisor
from hub.world import World

PATIENCE = 90.0
"""Seconds: a machine that is busy with other things starts a process slowly."""

SANDBOX_PORTS = {"douyin_leads": 8711, "esign": 8712, "kingdee": 8713, "yonyou_u8": 8714, "bank": 8715}


def parts(settings: Settings, sandbox_ports: Mapping[str, int]) -> list[Part]:
    """The sandboxes, the API and the workers, as the supervisor starts them."""
    wanted = [f"{name}:{port}" for name, port in sandbox_ports.items()]
    books = str(settings.data / "sandboxes")
    return [
        Part("sandboxes", ["sandboxes", *wanted, "--data", books]),
        *(Part("api" if n == 1 else f"api-{n}", ["hub", "api"]) for n in range(1, settings.apis + 1)),
        *(Part(f"worker-{number}", ["hub", "worker"]) for number in range(1, settings.workers + 1)),
    ]


def environment(settings: Settings) -> dict[str, str]:
    """What the children need to know beside what they inherit."""
    return {
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "GUANTONG_DATA": str(settings.data.resolve()),
        "GUANTONG_CONFIG": str(settings.config.resolve()),
        "GUANTONG_PORT": str(settings.port),
        "GUANTONG_APIS": str(settings.apis),
        "GUANTONG_KEY": sealing_key(settings.data).decode(),
    }


def wait_until_up(url: str, patience: float = PATIENCE) -> None:
    """Raises TimeoutError with where to look."""
    deadline = time.monotonic() + patience
    with httpx.Client(trust_env=False) as client:
        while time.monotonic() < deadline:
            try:
                if client.get(url, timeout=2).is_success:
                    return
            except httpx.HTTPError:
                time.sleep(0.05)
    raise TimeoutError(
        f"{url} 没有起来，请看数据目录下 logs/ (did not come up, see logs/ in the data folder)"
    )


def run_up(settings: Settings, screen: Console, sandbox_ports: Mapping[str, int] = SANDBOX_PORTS) -> None:
    with screen.status("启动数据库…") as status, servers(settings) as ready:
        status.update("启动各进程…")
        logs: Path = ready.data / "logs"
        with Supervisor(parts(ready, sandbox_ports), environment=environment(ready), logs=logs):
            wait_until_up(f"http://{ready.host}:{ready.port}/health")
            asyncio.run(_connect(ready, sandbox_ports))
            status.stop()
            screen.print(f"[green]就绪[/green] 接口 http://{ready.host}:{ready.port}/docs  日志 {logs}")
            screen.print(f"API 令牌 (bearer token)：{ready.data / 'api.token'}")
            for name, port in sandbox_ports.items():
                screen.print(f"沙箱 {name}: http://127.0.0.1:{port}/_sandbox/")
            _until_told()
            screen.print("停止中…")


async def _connect(settings: Settings, sandbox_ports: Mapping[str, int]) -> None:
    """A hub without connections gets the sandboxes; one that has some is left alone."""
    world = World(
        hub=f"http://{settings.host}:{settings.port}",
        token=api_token(settings.data),
        sandboxes={name: f"http://127.0.0.1:{port}" for name, port in sandbox_ports.items()},
    )
    try:
        for name in sandbox_ports:
            await world.until_answering(name)
        if not await world.hub("GET", "/api/connections"):
            await connect_sandboxes(world, statements=settings.data.resolve() / "statements", cast=Cast())
    finally:
        await world.close()


def _until_told() -> None:
    told = threading.Event()

    def tell(number: int, frame: FrameType | None) -> None:
        told.set()

    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, tell)
    told.wait()
