"""A worker dies with work in hand: another goes on with it within seconds, and it happens once."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from flows.contracts import SEND
from hub.bootstrap import Hub, open_hub
from hub.demo.run import QUICK, free_ports
from hub.demo.story import contract_number
from hub.keys import api_token
from hub.servers import servers
from hub.settings import Settings
from hub.standins import DOUYIN, Cast, connect_sandboxes
from hub.supervise import Supervisor
from hub.up import environment, parts, wait_until_up
from hub.world import World

NAMES = Cast().sandboxes
PROMISE = 10.0
"""Seconds after which claimed work must be in other hands."""


def contract(lead: str) -> dict[str, Any]:
    return {
        "number": "HT-2026-0001",
        "title": "测试合同",
        "lead_connection": DOUYIN,
        "lead_id": lead,
        "company": {"name": "示例机械有限公司", "region": "上海"},
        "signatory": "测试甲",
        "signatory_phone": "13900000001",
        "lines": [
            {
                "sku": "MAT-0001",
                "title": "示例设备",
                "quantity": "1",
                "unit_price": "100.00",
                "tax_rate": "0.13",
                "amount": "100.00",
            }
        ],
        "plan": [{"title": "全款", "amount": "100.00", "trigger": "signed"}],
    }


async def reached(hub: Hub, wanted: Callable[[Any], bool], *, within: float) -> float:
    """Waits for the sending's row; returns the seconds that it took."""
    started = time.monotonic()
    while time.monotonic() - started < within:
        async with hub.store.transaction() as uow:
            rows = await uow.deliveries.of(SEND, 1)
        if rows and wanted(rows[0]):
            return time.monotonic() - started
        await asyncio.sleep(0.02)
    raise AssertionError(f"not within {within} s: {rows}")


async def play(
    settings: Settings, world: World, kill: Callable[[], Awaitable[bool]]
) -> tuple[float, list[str]]:
    await connect_sandboxes(world, statements=settings.data / "statements", cast=Cast())
    lead = (await world.act("douyin_leads", "submit_lead", {"name": "测试甲", "telephone": "13800000001"}))[
        "clue_id"
    ]
    slow = {"kind": "delay", "path": "create-by-file", "seconds": 2.5, "times": 1}
    await world.tell("esign", "faults", {"rules": [slow]})

    async def owned() -> bool:
        return bool((await world.hub("GET", "/api/summary"))["leads"].get("assigned"))

    await world.until(owned, "no owner")
    await world.hub("POST", "/api/contracts", contract(lead))
    await world.hub("POST", "/api/contracts/HT-2026-0001/submit")
    await world.hub("POST", "/api/contracts/HT-2026-0001/approve")
    async with open_hub(settings, pool_size=2) as hub:
        await reached(hub, lambda row: row["state"] == "sending", within=30)
        assert await kill()
        took = await reached(hub, lambda row: row["attempts"] >= 2, within=30)
        await reached(hub, lambda row: row["state"] == "done", within=30)
    flows = (await world.books("esign", "flows")).values()
    return took, [contract_number(flow) for flow in flows]


@pytest.mark.timeout(180)
def test_claimed_work_of_a_killed_worker_goes_on(tmp_path: Path) -> None:
    port, *others = free_ports(1 + len(NAMES))
    ports = dict(zip(NAMES, others, strict=True))
    with servers(Settings(data=tmp_path, port=port, database_url="", redis_url="")) as settings:
        tree = parts(settings, ports)
        with Supervisor(
            tree, environment=environment(settings) | QUICK, logs=tmp_path / "logs"
        ) as supervisor:
            wait_until_up(f"http://127.0.0.1:{settings.port}/health")

            async def story() -> tuple[float, list[str]]:
                world = World(
                    hub=f"http://127.0.0.1:{settings.port}",
                    token=api_token(settings.data),
                    sandboxes={name: f"http://127.0.0.1:{port}" for name, port in ports.items()},
                )
                try:
                    for name in NAMES:
                        await world.until_answering(name)
                    return await play(settings, world, lambda: asyncio.to_thread(supervisor.kill, "worker-1"))
                finally:
                    await world.close()

            took, flows = asyncio.run(story())
    assert took <= PROMISE
    assert flows == ["HT-2026-0001"]
