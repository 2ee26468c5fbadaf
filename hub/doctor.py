"""Checks the set-up and says in plain words what to do."""

import asyncio
import shutil
import socket
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import redis

from configuration import ConfigurationError
from crm_store.revision import unsafe_settings
from crm_store.sealing import WrongKey
from hub.bootstrap import Hub, open_hub
from hub.servers import servers
from hub.settings import Settings

SPACE_NEEDED = 500 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Finding:
    good: bool
    text: str
    remedy: str = ""

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def examine(settings: Settings) -> list[Finding]:
    findings = [_python(), _space(settings), _port(settings)]
    if all(finding.good for finding in findings[:2]):
        findings += list(_servers(settings))
    return findings


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding(
        sys.version_info >= (3, 11),
        f"Python {version}",
        "" if sys.version_info >= (3, 11) else "需要 3.11 或更新",
    )


def _space(settings: Settings) -> Finding:
    folder = next(
        each for each in (settings.data.resolve(), *settings.data.resolve().parents) if each.exists()
    )
    free = shutil.disk_usage(folder).free
    good = free >= SPACE_NEEDED
    return Finding(
        good,
        f"数据目录 {settings.data}，剩余 {free // 2**20} MB",
        "" if good else "请清理磁盘，至少留 500 MB",
    )


def _port(settings: Settings) -> Finding:
    with socket.socket() as probe:
        taken = probe.connect_ex((settings.host, settings.port)) == 0
    if taken:
        return Finding(True, f"端口 {settings.port} 已有程序在听（可能就是正在运行的贯通）")
    return Finding(True, f"端口 {settings.port} 空闲")


def _servers(settings: Settings) -> Iterator[Finding]:
    try:
        with servers(settings) as ready:
            kind = "外部" if settings.database_url else "内嵌"
            yield Finding(True, f"{kind} PostgreSQL 可用，表结构是最新的")
            yield _durable(ready)
            yield _redis(ready)
            yield from _configured(ready)
    except Exception as error:
        yield Finding(
            False,
            f"数据库不可用：{type(error).__name__} {error}",
            "检查 DATABASE_URL，或删除它以使用内嵌数据库",
        )


def _durable(settings: Settings) -> Finding:
    unsafe = asyncio.run(unsafe_settings(settings.database_url))
    if unsafe:
        return Finding(False, f"数据库设置不安全：{', '.join(unsafe)}", "改为 on，否则断电会丢失已确认的消息")
    return Finding(True, "fsync、synchronous_commit、full_page_writes 都已打开")


def _redis(settings: Settings) -> Finding:
    try:
        redis.Redis.from_url(settings.redis_url, socket_connect_timeout=2).ping()
    except redis.RedisError as error:
        return Finding(
            False, f"Redis 不可用：{error}", "检查 REDIS_URL；期间工作由数据库的巡检继续，只是慢些"
        )
    return Finding(True, "Redis 可用")


def _configured(settings: Settings) -> Iterator[Finding]:
    try:
        yield from asyncio.run(_connections(settings))
    except WrongKey as error:
        yield Finding(False, str(error), "恢复原来的 GUANTONG_KEY 或数据目录里的 sealing.key")
    except ConfigurationError as error:
        yield Finding(False, f"配置有误：{error}", "按提示修改后再运行 guantong doctor")


async def _connections(settings: Settings) -> list[Finding]:
    async with open_hub(settings, pool_size=2) as hub:
        return [Finding(True, "routing.yaml 与 policy.yaml 可读"), *await _states(hub)]


async def _states(hub: Hub) -> list[Finding]:
    async with hub.store.transaction() as uow:
        connections = await uow.connections.all()
        failed = (await uow.deliveries.counts()).get("failed", 0)
        parked = (await uow.inbox.counts()).get("parked", 0)
        undecided = len(await uow.misses.listed())
        drifted = len(await uow.drift.listed())
    if not connections:
        return [
            Finding(
                True, "还没有配置任何连接", "运行 guantong demo 看一遍，或用接口 PUT /api/connections/名称"
            )
        ]
    findings = [
        Finding(
            each.state == "active",
            f"连接 {each.id}（{each.connector}）" + (f" 已暂停：{each.reason}" if each.reason else " 正常"),
            "" if each.state == "active" else f"修正后：POST /api/connections/{each.id}/resume",
        )
        for each in connections
    ]
    findings += [
        Finding(False, broken, "guantong mappings versions，再 publish 或 rollback")
        for broken in hub.connections.mappings.broken()
    ]
    if failed:
        findings.append(
            Finding(
                False,
                f"{failed} 条投递失败",
                "查看 /api/deliveries?state=failed，修正后 guantong replay deliveries",
            )
        )
    if undecided:
        findings.append(Finding(False, f"{undecided} 个编码等人决定", "guantong codes misses"))
    if drifted:
        findings.append(Finding(False, f"对方报文有 {drifted} 处变化", "guantong drift"))
    if parked:
        findings.append(
            Finding(
                False, f"{parked} 条收件停放", "查看 /api/inbox?state=parked，修正后 guantong replay inbox"
            )
        )
    return findings
