"""How a stored message or a delivery got its fields, with the version of the mapping that it used."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from crm_store import Row, UnitOfWork
from domain.faults import Misconfigured
from hub.bootstrap import Hub
from hub.mapping_references import LIVE, resolve
from hub.reruns import Given, Reruns
from mappings import CodeTable, CompiledMapping, FieldTrace, both_ways
from mappings.recording import masked, record_sample
from mappings.tables import layered


class Unexplained(Exception):
    """Why there is nothing to explain, in plain words."""


@dataclass(frozen=True, slots=True)
class Brought:
    """A message or delivery brought back to its mapping. `remark`: says so if the version is another."""

    subject: str
    mapping: CompiledMapping
    record: Mapping[str, object]
    tables: Mapping[str, CodeTable]
    remark: str | None

    def explain(self) -> list[FieldTrace]:
        return self.mapping.explain(self.record, tables=self.tables)

    def as_json(self) -> dict[str, Any]:
        return {
            "subject": self.subject,
            "mapping": self.mapping.name,
            "version": self.mapping.version,
            "remark": self.remark,
            "record": self.record,
            "fields": [asdict(trace) for trace in self.explain()],
        }

    def as_sample(self, name: str) -> str:
        """YAML for `samples:`, personal data masked."""
        record = masked(self.mapping, self.record, self.tables)
        return record_sample(self.mapping, record, name=name, tables=self.tables)


async def bring_message(hub: Hub, message_id: int) -> Brought:
    """Raises Unexplained."""
    async with hub.store.transaction() as uow:
        row = await uow.inbox.get(message_id)
        reruns = Reruns(hub, await uow.connections.all())
    if row is None:
        raise Unexplained(f"没有收件 {message_id}，编号见 /api/inbox (no such message)")
    return await _brought(hub, row, reruns.message(row), reruns)


async def bring_delivery(hub: Hub, key: str) -> Brought:
    """Raises Unexplained."""
    async with hub.store.transaction() as uow:
        row = await uow.deliveries.by_key(key)
        reruns = Reruns(hub, await uow.connections.all())
    if row is None:
        raise Unexplained(f"没有投递 {key}，键见 /api/deliveries 或 guantong trace (no such delivery)")
    return await _brought(hub, row, await reruns.delivery(row), reruns)


async def _brought(hub: Hub, row: Row, given: Given | None, reruns: Reruns) -> Brought:
    if given is None:
        raise Unexplained("不能说明：" + "；".join(reruns.skipped) + " (cannot be explained)")
    async with hub.store.transaction() as uow:
        mapping, remark = await _version(uow, row, given.mapping)
        own = both_ways(await uow.codes.all())
    tables = layered(own, both_ways(given.tables))
    return Brought(given.subject, mapping, given.record, tables, remark)


async def _version(uow: UnitOfWork, row: Row, name: str) -> tuple[CompiledMapping, str | None]:
    """The version that was recorded; the live one where that text is not there any more."""
    live = await resolve(uow, LIVE, name, row["connection"])
    used = next((each for each in (row["mapping"] or "").split(", ") if each.split("@")[0] == name), None)
    if used is None:
        return live, "还没有用过映射，按生效版本说明 (not mapped yet: by the live version)"
    if used == f"{live.name}@{live.version}":
        return live, None
    try:
        found = await resolve(uow, used, name, row["connection"])
    except Misconfigured:
        return live, f"当时用的 {used} 已不在，按生效版本说明 (that version is gone: by the live one)"
    remark = f"当时用的是 {used}，现在生效的是 {live.version} (another version is live now)"
    if used != f"{found.name}@{found.version}":
        remark += "；它引用的映射也换了版本，按现在的说明 (what it includes is by its live version)"
    return found, remark
