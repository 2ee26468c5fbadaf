"""Builds everything, once, from the settings. Tests and experiments replace parts by name."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import redis.asyncio as redis

from connector_kit import new_client
from crm_store import Store, Wake
from flows.context import Context
from flows.policy import Policy
from hub.budgets import REDIS_LIMITS
from hub.keys import sealing_key
from hub.registry import OpenConnections
from hub.settings import Settings, SystemClock
from router import RoutingPlan


def sleep_on(wake: Wake) -> None:
    """For commands without a broker: the sweep of a running worker finds the rows."""


@dataclass(frozen=True, slots=True)
class Hub:
    settings: Settings
    store: Store
    connections: OpenConnections
    context: Context


@asynccontextmanager
async def open_hub(
    settings: Settings,
    *,
    wake: Callable[[Wake], None] = sleep_on,
    pool_size: int = 10,
    connected: bool = True,
) -> AsyncIterator[Hub]:
    """Raises configuration.ConfigurationError for wrong routing or policy files.

    `connected` False: for who asks no vendor; then no connector is loaded until `connections.refresh`.
    """
    routing = RoutingPlan.from_yaml(settings.config / "routing.yaml")
    policy = Policy.from_yaml(settings.config / "policy.yaml")
    store = Store(settings.database_url, key=sealing_key(settings.data), wake=wake, pool_size=pool_size)
    clock = SystemClock()
    client = new_client()
    redis_client = redis.Redis.from_url(settings.redis_url, **REDIS_LIMITS) if settings.redis_url else None
    connections = OpenConnections(store, client, clock, redis_client=redis_client)
    context = Context(
        store=store,
        ports=connections,
        routing=routing,
        policy=policy,
        clock=clock,
        hook_url=lambda connection: f"{settings.address}/hooks/{connection}",
    )
    try:
        if connected:
            await connections.refresh()
        yield Hub(settings, store, connections, context)
    finally:
        await client.aclose()
        if redis_client:
            await redis_client.aclose()
        await store.close()
