"""`guantong demo`: starts hub, worker and sandboxes on the embedded default, plays the story, reckons."""

import asyncio
import math
import shutil
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import yaml
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from hub.bootstrap import open_hub
from hub.demo.chaos import Chaos
from hub.demo.plan import make_plan
from hub.demo.reckoning import Reckoning, reckon
from hub.demo.story import Story
from hub.keys import api_token
from hub.servers import servers
from hub.settings import Settings
from hub.standins import Cast
from hub.supervise import Supervisor
from hub.table import Table
from hub.up import environment, parts, wait_until_up
from hub.world import PATIENCE, StoryStuck, World

QUICK = {
    "GUANTONG_WORKER_POLL_MS": "50",
    "GUANTONG_PULL_EVERY": "2",
    "GUANTONG_STATEMENTS_EVERY": "1",
    "GUANTONG_FLOWS_EVERY": "5",
    "GUANTONG_WRITE_OFFS_EVERY": "1",
    "GUANTONG_MATCHING_EVERY": "2",
    "GUANTONG_ROUTING_EVERY": "2",
    "GUANTONG_DATED_EVERY": "2",
    "GUANTONG_BACKOFF_BASE": "0.2",
    "GUANTONG_BACKOFF_CAP": "2",
    "GUANTONG_DELIVERY_ATTEMPTS": "30",
}
"""A story of a minute has no time for a company's intervals, and need not be quick to the millisecond."""

LEADS_FOR_THE_TEAM = 400
"""Open leads that the people of the default rules have room for, however the regions fall."""


@dataclass(frozen=True, slots=True)
class DemoOptions:
    leads: int = 200
    seed: int = 1
    chaos: bool = False
    data: Path | None = None
    """None: a folder that is thrown away afterwards."""
    cast: Cast = field(default_factory=Cast)
    patience: float = PATIENCE
    """Seconds that one step may take before the story counts as stuck."""
    steps: int | None = None
    """Only the first so many steps; None: the whole story."""
    disturb: Callable[[Settings], None] | None = None
    """Called every second while the story is played."""
    commands: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Another command line for a part: how the tests run a hub that is wrong on purpose."""


ITEMS = {
    "leads_sent": "推送的线索",
    "leads_unique": "其中不同的",
    "leads_stored": "入库的线索",
    "leads_assigned": "分配的线索",
    "forged_refused": "拒收的伪造推送",
    "parked": "停放待修的收件",
    "contracts_signed": "签署完成的合同",
    "receivables_expected": "应有的应收单",
    "receivables_in_erp": "ERP 里的应收单",
    "receipts_expected": "应有的收款单",
    "receipts_in_erp": "ERP 里的收款单",
    "written_off": "核销的收款单",
    "disagreements": "对账差异",
    "lost": "丢失",
    "duplicated": "重复",
    "end_state": "终态指纹",
    "kills": "被杀的进程",
    "seconds": "秒",
}


@dataclass(frozen=True, slots=True)
class DemoResult:
    reckoning: Reckoning
    disagreements: list[str]
    kills: int
    seconds: float
    stuck: str = ""

    @property
    def sound(self) -> bool:
        return not (self.stuck or self.reckoning.lost or self.reckoning.duplicated)

    def as_json(self) -> dict[str, object]:
        found = self.reckoning
        return {
            **found.counts,
            "disagreements": self.disagreements,
            "lost": len(found.lost),
            "duplicated": len(found.duplicated),
            "lost_things": found.lost,
            "duplicated_things": found.duplicated,
            "end_state": found.end_state,
            "kills": self.kills,
            "seconds": round(self.seconds, 1),
            "stuck": self.stuck,
        }


def run_demo(options: DemoOptions, *, screen: Console) -> DemoResult:
    with _data_folder(options) as data:
        config = _enough_people(Settings().config, options.leads, data / "config")
        # At once: two calls may name one port twice.
        port, *ports = free_ports(1 + len(options.cast.sandboxes))
        settings = Settings(data=data, config=config, port=port, database_url="", redis_url="")
        with servers(settings) as ready:
            return _play_with(ready, options, dict(zip(options.cast.sandboxes, ports, strict=True)), screen)


def _enough_people(config: Path, leads: int, folder: Path) -> Path:
    """The company's rules, with room for so many open leads: in the story nobody closes one."""
    shutil.copytree(config, folder, dirs_exist_ok=True)
    routing = folder / "routing.yaml"
    plan = yaml.safe_load(routing.read_text(encoding="utf-8"))
    for person in plan["people"]:
        person["capacity"] *= math.ceil(leads / LEADS_FOR_THE_TEAM)
    routing.write_text(yaml.safe_dump(plan, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return folder


@contextmanager
def _data_folder(options: DemoOptions) -> Iterator[Path]:
    if options.data:
        yield options.data
        return
    with tempfile.TemporaryDirectory(prefix="guantong-demo-") as folder:
        yield Path(folder)


def _play_with(
    settings: Settings, options: DemoOptions, ports: Mapping[str, int], screen: Console
) -> DemoResult:
    tree = parts(settings, ports)
    for part in tree:
        part.command = options.commands.get(part.name, part.command)
    started = time.monotonic()
    with Supervisor(
        tree, environment=environment(settings) | QUICK, logs=settings.data / "logs"
    ) as supervisor:
        wait_until_up(f"http://{settings.host}:{settings.port}/health")
        for port in ports.values():
            wait_until_up(f"http://127.0.0.1:{port}/_sandbox/")
        result = asyncio.run(_play(settings, options, supervisor, ports, screen, started))
    _show(result, screen)
    return result


async def _play(
    settings: Settings,
    options: DemoOptions,
    supervisor: Supervisor,
    ports: Mapping[str, int],
    screen: Console,
    started: float,
) -> DemoResult:
    plan = make_plan(options.leads, options.seed, datetime.now(UTC))
    async with _world(settings, options, ports) as world, open_hub(settings, pool_size=2) as hub:
        story = Story(plan, world, hub.store, folder=settings.data / "statements", cast=options.cast)
        await story.connect()
        health = f"http://{settings.host}:{settings.port}/health"
        chaos = Chaos(world, supervisor, health=health, seed=options.seed)
        stuck = ""
        try:
            async with _disturbed(settings, options):
                await _tell_under(chaos if options.chaos else None, story, screen, options.steps)
            await story.finish()
        except StoryStuck as error:
            stuck = str(error)
        found = await reckon(plan, world, hub.store, signer=options.cast.signer)
    return DemoResult(found, story.disagreements, chaos.kills, time.monotonic() - started, stuck)


async def _tell_under(chaos: Chaos | None, story: Story, screen: Console, steps: int | None) -> None:
    if chaos is None:
        await _tell(story, screen, steps)
        return
    await chaos.start()
    try:
        await _tell(story, screen, steps)
    finally:
        await chaos.stop()


@asynccontextmanager
async def _disturbed(settings: Settings, options: DemoOptions) -> AsyncIterator[None]:
    async def again_and_again(disturb: Callable[[Settings], None]) -> None:
        while True:
            await asyncio.sleep(1)
            await asyncio.to_thread(disturb, settings)

    task = asyncio.create_task(again_and_again(options.disturb)) if options.disturb else None
    try:
        yield
    finally:
        if task:
            task.cancel()


@asynccontextmanager
async def _world(settings: Settings, options: DemoOptions, ports: Mapping[str, int]) -> AsyncIterator[World]:
    world = World(
        hub=f"http://{settings.host}:{settings.port}",
        token=api_token(settings.data),
        sandboxes={name: f"http://127.0.0.1:{port}" for name, port in ports.items()},
        patience=options.patience,
    )
    try:
        yield world
    finally:
        await world.close()


async def _tell(story: Story, screen: Console, count: int | None) -> None:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    steps = story.steps()[:count]
    with Progress(*columns, console=screen) as progress:
        bar = progress.add_task("准备", total=len(steps))
        for name, play in steps:
            progress.update(bar, description=name)
            begun = time.monotonic()
            facts = await play()
            told = "，".join(f"{key} {value}" for key, value in facts.items())
            progress.console.print(
                f"[green]✓[/green] {name}：{told}  [dim]{time.monotonic() - begun:.1f} s[/dim]"
            )
            progress.advance(bar)


def _show(result: DemoResult, screen: Console) -> None:
    if result.stuck:
        screen.print(f"[red]故事没有演完[/red]：{result.stuck}")
    table = Table("项 item", "数 count", title="结算 reckoning（对方的数来自对方的账本）")
    found = result.as_json()
    for name, words in ITEMS.items():
        value = found[name]
        shown = "、".join(map(str, value)) if isinstance(value, list) else str(value)
        table.add_row(f"{words} {name}", shown or "无")
    screen.print(table)
    for thing in result.reckoning.lost:
        screen.print(f"[red]丢失 lost[/red] {thing}")
    for thing in result.reckoning.duplicated:
        screen.print(f"[red]重复 duplicated[/red] {thing}")
    if result.sound:
        screen.print("[green]没有丢失，没有重复。Nothing lost, nothing doubled.[/green]")


def free_ports(count: int) -> list[int]:
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(listener.getsockname()[1]) for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports
