"""A published mapping is used at once, by whom it is meant for, and what was used is written down."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from configuration import ConfigurationError
from crm_store import Store
from crm_store.deliveries import Delivery
from crm_store.mapping_versions import MappingText
from domain.faults import Misconfigured, Unmappable
from domain.ports import LeadReader
from flows.context import Outcome
from hub import work
from hub.bootstrap import Hub
from hub.live_mappings import mappings_used, noting_mappings
from hub.publishing import publish, read_mapping, roll_back
from hub.registry import OpenConnections
from hub.settings import Settings
from hub.work import Workbench
from mappings import library
from tests.factories import FixedClock, context_of, message

PUSH = "douyin_leads.push"
SETTINGS = {"sources": [], "push_token": "made-up", "push_secretkey": "made-up"}


DRAFT = """\
mapping: douyin_leads.push
from: feiyu.push
to: neutral.lead
fields:
  vendor_id: {from: id, as: text, required: true}
  created_at: {from: create_time, as: epoch_seconds, required: true}
  phone: {from: telphone, as: phone}
  message: {value: MARKER}
"""
OUT = '{vendor_id: "1", created_at: "1970-01-01T00:00:00+00:00", message: MARKER}'


def draft(marker: str) -> MappingText:
    return MappingText(DRAFT.replace("MARKER", marker), {})


class House:
    def __init__(self, store: Store, connections: OpenConnections) -> None:
        self.store, self.connections = store, connections

    async def connect(self, *names: str) -> None:
        async with self.store.transaction() as uow:
            for name in names:
                await uow.connections.save(name, connector="douyin_leads", settings=SETTINGS, secrets={})
        await self.connections.refresh(stale_after=0)

    async def publish(self, marker: str, connection: str | None = None) -> str:
        async with self.store.transaction() as uow:
            version, _ = await publish(
                uow, draft(marker), file="draft.yaml", connection=connection, by="张三"
            )
        await self.connections.refresh(stale_after=0)
        return version.label

    async def back(self, to: str | None = None, connection: str | None = None) -> tuple[str, str]:
        async with self.store.transaction() as uow:
            told = await roll_back(uow, PUSH, connection=connection, to=to, by="张三")
        await self.connections.refresh(stale_after=0)
        return told

    def read(self, connection: str, **fields: object) -> tuple[str | None, str]:
        body = {"id": "1", "create_time": "1767585600", "telphone": "13800000001", "remark": "原话"}
        reader = self.connections.get(connection, LeadReader)
        lead = reader.read_lead("lead.push", json.dumps(body | fields).encode())
        return lead.record.message, lead.mapping.removeprefix(f"{PUSH}@")


@pytest.fixture
async def house(store: Store) -> AsyncIterator[House]:
    async with httpx.AsyncClient() as client:
        yield House(store, OpenConnections(store, client, FixedClock()))


async def test_a_connections_own_version_comes_first_then_the_general_one_then_the_file(house: House) -> None:
    await house.connect("north", "south")
    shipped = library.load(PUSH).version
    assert house.read("north") == ("原话", shipped)
    await house.publish("general")
    assert house.read("north") == house.read("south") == ("general", "v1")
    await house.publish("own", "north")
    assert house.read("north") == ("own", "north.v1")
    assert house.read("south") == ("general", "v1")
    assert await house.back(connection="north") == ("north.v1", "shipped")
    assert house.read("north") == ("general", "v1")
    assert await house.back() == ("v1", "shipped")
    assert house.read("north") == ("原话", shipped)


async def test_rolling_back_goes_to_the_version_before_or_to_any_that_is_named(house: House) -> None:
    await house.connect("north")
    for marker in ("one", "two", "three"):
        await house.publish(marker)
    assert await house.back() == ("v3", "v2")
    assert house.read("north") == ("two", "v2")
    assert await house.back(to="v3") == ("v2", "v3")
    assert await house.back(to="shipped") == ("v3", "shipped")
    with pytest.raises(Misconfigured, match="无可回退"):
        await house.back()
    with pytest.raises(Misconfigured, match="v3, v2, v1, shipped"):
        await house.back(to="v9")


async def test_the_same_text_again_is_no_new_version(house: House) -> None:
    assert [await house.publish("one") for _ in range(2)] == ["v1", "v1"]
    assert await house.publish("two") == "v2"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "as: epoch_seconds",
            "as: epoch_secs",
            r"push.yaml:6:39: .*unknown converter 'epoch_secs' — did you mean 'epoch_seconds'",
        ),
        ("douyin_leads.push", "douyin_leads.psuh", r"push.yaml:1:10: .*psuh.* did you mean"),
        ("value: MARKER", "from: remark", r"push.yaml:9:1: .*sample one: message: expected"),
        ("in: a.json", "in: none.json", r"push.yaml:11:9: sample file 'none.json' was not handed in"),
        ("in: a.json", "in: /etc/hostname", r"push.yaml:11:9: .*was not handed in"),
        ("in: a.json", "in: ../outside.json", r"push.yaml:11:9: .*was not handed in"),
    ],
)
async def test_what_does_not_compile_or_fails_its_samples_is_not_published(
    house: House, old: str, new: str, told: str
) -> None:
    record = {"id": "1", "create_time": "0"}
    samples = {name: json.dumps(record) for name in ("a.json", "/etc/hostname", "../outside.json")}
    text = f"{DRAFT}samples:\n\n  - in: a.json\n    name: one\n    out: {OUT}\n"

    async def put(text: str) -> None:
        async with house.store.transaction() as uow:
            content = MappingText(text, samples)
            await publish(uow, content, file="push.yaml", connection=None, by="张三")

    with pytest.raises(ConfigurationError, match=told):
        await put(text.replace(old, new))
    async with house.store.transaction() as uow:
        assert await uow.mapping_versions.listed(every=True) == []
    await put(text)


async def test_a_connection_that_is_not_there_has_no_version(house: House) -> None:
    await house.connect("north")
    with pytest.raises(Misconfigured, match="north"):
        await house.publish("x", "nroth")


def test_a_file_is_read_with_the_samples_that_it_names(tmp_path: Path) -> None:
    content = read_mapping(library.files()[PUSH])
    assert "samples/push_form.json" in content.samples
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_mapping(tmp_path / "none.yaml")


async def test_a_version_that_this_program_cannot_compile_stops_the_work_and_not_the_hub(
    house: House,
) -> None:
    await house.connect("north")
    async with house.store.transaction() as uow:
        await uow.mapping_versions.publish(
            PUSH, MappingText("mapping: x", {}), connection="north", by="张三", note=""
        )
    await house.connections.refresh(stale_after=0)
    with pytest.raises(Misconfigured, match="重新发布或回退"):
        house.read("north")
    assert len(list(house.connections.mappings.broken())) == 1
    await house.back(connection="north")
    house.read("north")


async def _override(house: House, text: str, connection: str | None, samples: dict[str, str]) -> str:
    async with house.store.transaction() as uow:
        content = MappingText(f"override: {PUSH}\n{text}", samples)
        version, _ = await publish(uow, content, file="over.yaml", connection=connection, by="张三")
    await house.connections.refresh(stale_after=0)
    return version.label


async def test_an_override_lies_over_what_is_live_below_it(house: House) -> None:
    await house.connect("north", "south")
    shipped = library.load(PUSH).version
    assert await _override(house, "fields: {message: {value: 北}}\n", "north", {}) == "north.v1"
    assert house.read("north") == ("北", f"{shipped}+north.v1")
    assert house.read("south") == ("原话", shipped)
    await house.publish("general")
    await _override(house, "fields: {city: {value: 上海}}\n", None, {})
    assert house.read("north") == ("北", f"{shipped}+v2+north.v1"), "two overrides over the shipped file"
    await house.back()
    assert house.read("north") == ("北", "v1+north.v1")
    assert house.read("south") == ("general", "v1")
    await house.publish("own", "north")
    assert house.read("north") == ("own", "north.v2"), "a whole mapping needs nothing below it"


async def test_the_samples_below_an_override_run_with_its_own(house: House) -> None:
    await house.connect("north")
    record = {"id": "1", "create_time": "1767585600", "telphone": "13800000001"}
    lead = {"vendor_id": "1", "message": "北"}
    samples = {"samples/north.json": json.dumps(record), "samples/north.lead.json": json.dumps(lead)}
    text = (
        "remove: [created_at, phone, channel, test]\nfields: {message: {value: 北}}\n"
        "samples: [{in: samples/north.json, out: samples/north.lead.json}]\n"
    )
    assert await _override(house, text, "north", samples) == "north.v1"
    with pytest.raises(ConfigurationError, match=r"over.yaml:4:1: .*message: expected '北'"):
        await _override(house, text.replace("value: 北", "value: 南"), "north", samples)
    with pytest.raises(ConfigurationError, match=r"over.yaml:\d+:.*nosuch"):
        await _override(house, "remove: [nosuch]\nfields: {message: {value: 北}}\n", "north", {})


# --- what was used is written down ----------------------------------------------------------------------


async def test_what_is_used_is_noted_once_also_when_the_record_does_not_fit(house: House) -> None:
    await house.connect("north")
    await house.publish("one")
    with noting_mappings():
        assert mappings_used() is None
        for _ in range(2):
            with pytest.raises(Unmappable):
                house.read("north", create_time="?")
        assert mappings_used() == f"{PUSH}@v1"
    assert mappings_used() is None


def _bench(house: House) -> Workbench:
    context = context_of(house.store, house.connections)  # type: ignore[arg-type]
    return Workbench(Hub(Settings(), house.store, house.connections, context))


@pytest.mark.parametrize(("moment", "state"), [("1767585600", "handled"), ("?", "parked")])
async def test_a_message_says_which_version_it_was_read_with(house: House, moment: str, state: str) -> None:
    await house.connect("north")
    await house.publish("one")
    body = json.dumps({"id": "1", "create_time": moment, "telphone": "13800000001"}).encode()
    async with house.store.transaction() as uow:
        number = await message(uow, "north", body, "lead.push")
    await _bench(house).handle_messages([number])
    async with house.store.transaction() as uow:
        row = await uow.inbox.get(number)
    assert row is not None
    assert (row["state"], row["mapping"]) == (state, f"{PUSH}@v1")


@pytest.mark.parametrize("failing", [False, True])
async def test_a_delivery_says_which_versions_it_was_made_with(
    house: House, failing: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.connect("north")
    await house.publish("one")

    async def operation(context: Any, delivery: Delivery) -> Outcome:
        house.read("north")
        if failing:
            raise Unmappable(["缺少编码"])
        return Outcome("V-1")

    monkeypatch.setitem(work.OPERATIONS, "test", operation)
    async with house.store.transaction() as uow:
        number = await uow.deliveries.add(
            "k", connection="north", operation="test", subject=1, ordering_key="k"
        )
    await _bench(house).run_deliveries([number])
    async with house.store.transaction() as uow:
        row = await uow.deliveries.by_key("k")
    assert row is not None
    assert (row["state"], row["mapping"]) == ("failed" if failing else "done", f"{PUSH}@v1")


async def test_a_retired_connection_is_not_there_any_more(house: House) -> None:
    await house.connect("north", "south")
    async with house.store.transaction() as uow:
        await uow.connections.retire("north")
        assert not await uow.connections.resume("north")
    await house.connections.refresh(stale_after=0)
    assert not house.connections.known("north")
    assert list(house.connections.all(LeadReader)) == ["south"]
