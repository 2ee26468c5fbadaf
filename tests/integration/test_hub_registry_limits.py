"""What a connection is told about itself: how often it may call, and what the log says if it does not fit."""

from collections.abc import AsyncIterator

import pytest

from connector_kit import new_client
from crm_store import Store
from hub import registry
from hub.registry import OpenConnections
from tests.factories import FixedClock

ERP: dict[str, object] = {
    "base_url": "http://127.0.0.1:9",
    "sender": "001",
    "operator": "demo",
    "door": "eai",
}
SETTINGS: dict[str, dict[str, object]] = {"yonyou_u8": ERP, "douyin_leads": {"sources": []}}


@pytest.fixture
async def connections(store: Store) -> AsyncIterator[OpenConnections]:
    async with new_client() as client:
        yield OpenConnections(store, client, FixedClock())


@pytest.mark.parametrize(
    ("connector", "own", "budget"),
    [("yonyou_u8", 3, 3), ("yonyou_u8", None, None), ("douyin_leads", 2, 2), ("douyin_leads", None, 10)],
)
async def test_a_connections_own_limit_goes_before_the_vendors(
    store: Store,
    connections: OpenConnections,
    monkeypatch: pytest.MonkeyPatch,
    connector: str,
    own: int | None,
    budget: int | None,
) -> None:
    made: list[int] = []
    monkeypatch.setattr(registry, "MemoryPlaces", made.append)
    settings = SETTINGS[connector] | {"requests_per_second": own}
    async with store.transaction() as uow:
        await uow.connections.save("one", connector=connector, settings=settings, secrets={})
    await connections.refresh()
    assert made == ([budget] if budget else [])


async def test_one_that_does_not_fit_its_settings_is_told_without_their_values(
    store: Store, connections: OpenConnections, capfd: pytest.CaptureFixture[str]
) -> None:
    wrong = ERP | {"no_longer_known": "made-up-value"}
    async with store.transaction() as uow:
        await uow.connections.save(
            "one", connector="yonyou_u8", settings=wrong, secrets={"app_secret": "made-up-secret"}
        )
    await connections.refresh()
    out, err = capfd.readouterr()
    assert "no_longer_known" in out + err
    assert "made-up" not in out + err
