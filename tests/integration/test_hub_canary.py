"""No secret stands anywhere that a person or a backup can read: tables, logs, errors, pages."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from httpx_aiohttp import AiohttpTransport
from sqlalchemy import select

from connector_kit import Redactor, new_client, secrets_of
from connector_kit.certify import Bench
from connector_kit.certify.general import probe, work
from connector_kit.certify.model import Failed
from connector_kit.certify.stand import CountingTokens, Open, Recorder, Stand, SystemClock
from crm_store import Store
from crm_store.tables import metadata
from domain.faults import Fault
from hub.bootstrap import Hub
from hub.certification import benches
from hub.registry import OpenConnections, installed, split_secrets
from hub.settings import Settings
from hub.web.app import add_routes
from sandboxes.common import running
from sandboxes.run import load
from tests.factories import FakePorts, context_of

NAME, TOKEN = "under-test", "made-up-api-token"
TROUBLES = ("status_before", "status_after", "malformed", "drop_after", "vendor_error", "expire_session")
NETWORKED = [bench for bench in benches() if not bench.folder]


@asynccontextmanager
async def standing(bench: Bench, url: str, folder: Path) -> AsyncIterator[Stand]:
    async with AiohttpTransport() as wire, AiohttpTransport() as own:
        control = httpx.AsyncClient(transport=own, base_url=f"{url}/_sandbox/", timeout=30)
        stand = Stand(installed()[bench.connector], bench, url, control, wire, str(folder))
        await stand.reset()
        await stand.look_up_credentials()
        yield stand


async def pages(store: Store, ports: OpenConnections, stand: Stand) -> list[str]:
    """What the API shows of connections, and what it says to settings that are wrong."""
    api = FastAPI()
    api.state.hub = Hub(Settings(), store, ports, context_of(store, FakePorts()))
    add_routes(api, TOKEN)
    transport = httpx.ASGITransport(app=api, raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://hub", headers=headers) as client:
        shown = [await client.get(f"/api/{what}") for what in ("connections", "connectors", "deliveries")]
        body = {"connector": stand.connector.manifest.id, "values": stand.settings()}
        shown.append(await client.put(f"/api/connections/{NAME}", json=body))
        body["values"] = stand.settings() | {"no_such_setting": 1, "timeout_seconds": "soon"}
        shown.append(await client.put(f"/api/connections/{NAME}", json=body))
    assert shown[-1].status_code == 422
    return [answer.text for answer in shown]


async def dump(store: Store) -> list[str]:
    """Every column of every row, as a backup holds it."""
    async with store.transaction() as uow:
        return [
            repr([value.decode("latin-1") if isinstance(value, bytes) else value for value in row])
            for table in metadata.sorted_tables
            for row in await uow.connection.execute(select(table))
        ]


async def live_through(stand: Stand, adapter: object) -> list[str]:
    """All is well, then it is not: what the faults say."""
    opened = Open(adapter, Recorder(), CountingTokens(), Redactor())
    said = []
    await work(stand, opened)
    for kind in TROUBLES:
        await stand.fault(kind, times=3)
        try:
            await probe(stand, opened)
        except (Fault, Failed) as error:
            said += [str(error), repr(error), repr(error.__cause__)]
        await stand.calm()
    return said


@pytest.mark.parametrize("bench", NETWORKED, ids=lambda bench: f"{bench.connector}-{bench.variant}")
async def test_no_secret_is_written_down(
    bench: Bench, store: Store, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with running(load(bench.sandbox)()) as vendor:
        async with standing(bench, vendor.url, tmp_path) as stand, new_client() as client:
            connector = stand.connector
            plain, sealed = split_secrets(connector, stand.settings())
            hidden = secrets_of(connector.settings.model_validate(stand.settings())) - {""}
            async with store.transaction() as uow:
                await uow.connections.save(NAME, connector=bench.connector, settings=plain, secrets=sealed)
            ports = OpenConnections(store, client, SystemClock())
            await ports.refresh()
            said = await live_through(stand, ports.get(NAME, object))
            kept = await dump(store)
            hidden |= await tokens(store)
            shown = await pages(store, ports, stand)
            said += [ports.masked(f"the vendor repeats {secret}") for secret in sealed.values()]
    out, err = capfd.readouterr()
    assert any("exchange" in line or "HTTP" in line or "http" in line for line in kept), "evidence was kept"
    for secret in (each for each in hidden if len(each) >= 6):
        for text in _texts(said, kept, shown, [out, err]):
            assert secret not in text, f"a secret that begins with {secret[:2]}… in: {text[:200]}"


async def tokens(store: Store) -> set[str]:
    """What was given out for the secrets."""
    async with store.transaction() as uow:
        rows = await uow.connection.execute(select(metadata.tables["tokens"].c.name))
        found = [await uow.connections.token(NAME, name) for (name,) in rows]
    values = [json.loads(each["token"]) for each in found if each]
    return {str(each[part]) for each in values for part in ("value", "refresh") if each[part]}


def _texts(*groups: Sequence[str]) -> list[str]:
    return [text for group in groups for text in group]
