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
from hub.live_mappings import Layer, Place, mappings_used, noting_mappings
from hub.publishing import publish, publish_together, read_mapping, roll_back
from hub.registry import OpenConnections
from hub.settings import Settings
from hub.work import Workbench
from mappings import Source, check_text, library
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
            version, _, _ = await publish(
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
    assert len(house.connections.mappings.broken()) == 1
    await house.back(connection="north")
    house.read("north")


async def _override(house: House, text: str, connection: str | None, samples: dict[str, str]) -> str:
    async with house.store.transaction() as uow:
        content = MappingText(f"override: {PUSH}\n{text}", samples)
        version, _, _ = await publish(uow, content, file="over.yaml", connection=connection, by="张三")
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
    lead = {"vendor_id": "1", "created_at": "2026-01-05T04:00:00+00:00", "message": "北"}
    samples = {"samples/north.json": json.dumps(record), "samples/north.lead.json": json.dumps(lead)}
    text = (
        "remove: [phone, channel, test]\nfields: {message: {value: 北}}\n"
        "samples: [{in: samples/north.json, out: samples/north.lead.json}]\n"
    )
    assert await _override(house, text, "north", samples) == "north.v1"
    with pytest.raises(ConfigurationError, match=r"over.yaml:4:1: .*message: expected '北'"):
        await _override(house, text.replace("value: 北", "value: 南"), "north", samples)
    with pytest.raises(ConfigurationError, match=r"over.yaml:\d+:.*nosuch"):
        await _override(house, "remove: [nosuch]\nfields: {message: {value: 北}}\n", "north", {})


# --- checked when it is published -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("citty: {value: x}", "over.yaml:2:10: 'citty' is not a field of neutral.lead — did you mean 'city'"),
        ("test: {value: x}", "over.yaml:2:24: test: a text where true or false is wanted"),
        ("city: {from: telphone, lookup: towns}", "over.yaml:2:41: city: no code table 'towns' — did you"),
        ("city: {value: x, when: 'False'}", "over.yaml:2:33: city: 'when' is always false"),
    ],
)
async def test_what_makes_no_sense_is_refused_as_mappings_check_words_it(
    house: House, row: str, told: str
) -> None:
    async with house.store.transaction() as uow:
        await uow.codes.define("town")
    with pytest.raises(ConfigurationError) as caught:
        await _override(house, f"fields: {{{row}}}\n", None, {})
    assert str(caught.value).startswith(told)
    async with house.store.transaction() as uow:
        tables = await uow.codes.names()
        assert await uow.mapping_versions.listed(every=True) == []
    source = Source(f"override: {PUSH}\nfields: {{{row}}}\n", "over.yaml")
    (finding,) = check_text(library.source(PUSH), overrides=[source], tables=tables)
    assert str(finding.as_error()) == str(caught.value)


async def test_a_code_table_counts_that_the_hub_has_or_the_connector_brings(house: House) -> None:
    text = "override: kingdee.receipt\nfields: {FBillNo: {from: number, lookup: TABLE}}\n"

    async def put(table: str) -> None:
        async with house.store.transaction() as uow:
            content = MappingText(text.replace("TABLE", table), {})
            await publish(uow, content, file="over.yaml", connection=None, by="张三")

    await put("kingdee_material")
    with pytest.raises(ConfigurationError, match=r"over.yaml:2:42: .*no code table 'numbers.inverse'"):
        await put("numbers.inverse")
    async with house.store.transaction() as uow:
        await uow.codes.define("numbers")
    await put("numbers.inverse")
    text = text.replace("from: number", "from: numbr")
    with pytest.raises(ConfigurationError, match=r"over.yaml:2:26: .*'numbr' is not a field of the source"):
        await put("numbers")


async def test_what_is_only_dubious_is_told_and_published(house: House) -> None:
    async with house.store.transaction() as uow:
        content = MappingText(f"override: {PUSH}\nfields: {{city: {{value: x, default: y}}}}\n", {})
        found = await publish(uow, content, file="over.yaml", connection=None, by="张三")
    assert found.new
    (warning,) = found.warnings
    assert (warning.severity, warning.line, warning.remedy) == ("warning", 2, "remove it")


# --- what is included ------------------------------------------------------------------------------------

SHARED = "douyin_leads.feiyu"
SHARED_TEXT = """\
mapping: douyin_leads.feiyu
from: feiyu.push
to: shared.remarks
fields:
  message: remark
  city: {value: 杭州}
"""
INCLUDING = """\
mapping: douyin_leads.push
from: feiyu.push
to: neutral.lead
include: douyin_leads.feiyu
fields:
  vendor_id: {from: id, as: text, required: true}
  created_at: {from: create_time, as: epoch_seconds, required: true}
samples:
  - name: by the way
    in: {id: "1", create_time: "0", remark: 原话}
    out: {vendor_id: "1", created_at: "1970-01-01T00:00:00+00:00", message: 原话, city: 杭州}
"""


async def _publish(house: House, text: str, connection: str | None = None) -> str:
    async with house.store.transaction() as uow:
        content = MappingText(text, {})
        version, _, _ = await publish(uow, content, file="f.yaml", connection=connection, by="张三")
    await house.connections.refresh(stale_after=0)
    return version.label


@pytest.fixture
async def sharing(house: House) -> House:
    await house.connect("north", "south")
    await _publish(house, SHARED_TEXT)
    await _publish(house, INCLUDING)
    return house


async def test_an_override_counts_in_the_mapping_that_includes_what_it_changes(sharing: House) -> None:
    over = f"override: {SHARED}\nfields: {{message: {{value: MARKER}}}}\n"
    found = [sharing.read("north")]
    for marker in ("甲", "乙"):
        await _publish(sharing, over.replace("MARKER", marker), "north")
        found.append(sharing.read("north"))
    assert [message for message, _ in found] == ["原话", "甲", "乙"]
    versions = [version for _, version in found]
    assert len(set(versions)) == 3, "the version tells them apart"
    assert {version.split("-")[0] for version in versions} == {"v1"}
    assert sharing.read("south") == found[0]
    await _publish(sharing, SHARED_TEXT.replace("remark", "remark  # another"))
    assert sharing.read("south")[1] not in versions
    assert sharing.read("north")[0] == "乙"


@pytest.mark.parametrize(
    ("text", "connection", "told"),
    [
        (
            SHARED_TEXT.replace("杭州", "宁波"),
            None,
            f"{PUSH}: {PUSH}, sample by the way: city: expected '杭州'",
        ),
        (SHARED_TEXT.replace("杭州", "宁波"), "north", f"{PUSH} of north: {PUSH}, sample by the way: city"),
        (f"override: {SHARED}\nfields: {{vendor_id: id}}\n", "north", f"{PUSH} of north: .*line 2 of f.yaml"),
    ],
)
async def test_what_would_break_the_mapping_that_includes_it_is_refused(
    sharing: House, text: str, connection: str | None, told: str
) -> None:
    before = sharing.read("north")
    with pytest.raises(
        ConfigurationError, match=rf"^f.yaml:1:1: would break {told}.*publish {PUSH} together"
    ):
        await _publish(sharing, text, connection)
    await sharing.connections.refresh(stale_after=0)
    assert sharing.read("north") == before


async def test_both_are_published_together(sharing: House) -> None:
    texts = {PUSH: INCLUDING.replace("city: 杭州", "city: 宁波"), SHARED: SHARED_TEXT.replace("杭州", "宁波")}
    drafts: dict[Place, Layer] = {
        (name, None): Layer(Source(text, f"{name}.yaml"), MappingText(text, {}))
        for name, text in texts.items()
    }
    async with sharing.store.transaction() as uow:
        published = await publish_together(uow, drafts, by="张三")
    assert [(each.version.label, each.new) for each in published] == [("v2", True)] * 2


async def test_an_override_that_the_new_version_below_leaves_without_ground_is_not_broken_unseen(
    sharing: House,
) -> None:
    await _publish(sharing, f"override: {PUSH}\nremove: [city]\n", "north")
    with pytest.raises(ConfigurationError, match=rf"would break {PUSH} of north: .*nothing to remove"):
        await _publish(sharing, DRAFT.replace("MARKER", "x"))


async def test_a_retired_connection_stands_in_nobodys_way(sharing: House) -> None:
    await _publish(sharing, f"override: {PUSH}\nremove: [city]\n", "north")
    async with sharing.store.transaction() as uow:
        await uow.connections.retire("north")
    await _publish(sharing, DRAFT.replace("MARKER", "x"))
    assert sharing.read("south")[0] == "x"


async def test_what_was_broken_before_stands_in_nobodys_way(sharing: House) -> None:
    async with sharing.store.transaction() as uow:
        broken = MappingText(SHARED_TEXT.replace("  message", "  vendor_id: id\n  message"), {})
        await uow.mapping_versions.publish(SHARED, broken, connection=None, by="张三", note="")
    await sharing.connections.refresh(stale_after=0)
    (told,) = sharing.connections.mappings.broken()
    assert "'vendor_id' is repeated" in told
    await _publish(sharing, broken.text.replace("remark", "remark  # the same"))
    await _publish(sharing, SHARED_TEXT)
    assert sharing.connections.mappings.broken() == []


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
