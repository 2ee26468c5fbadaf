"""The configuration as the database has it, and applying a plan to it in one transaction."""

from collections.abc import Iterable

from sqlalchemy import text

from crm_store import UnitOfWork
from crm_store.connections import Connection
from domain.faults import Misconfigured
from flows.code_tables import write_codes
from hub.configuration_files import normalised
from hub.configuration_plan import (
    Change,
    CodeTableState,
    ConnectionState,
    Place,
    Plan,
    State,
    lacking,
    plan,
    shown_place,
)
from hub.live_mappings import Layer
from hub.publishing import publish_together
from hub.registry import installed
from mappings import Finding, library
from mappings.lines import Source


class PlanOutdated(Misconfigured):
    """The database is not as it was when the plan was made; nothing was changed."""


async def stored(uow: UnitOfWork) -> State:
    connections = {each.id: _connection(each) for each in await uow.connections.all()}
    rows = await uow.codes.all()
    tables = {
        each["name"]: CodeTableState(each["title"], each["owner"], rows[each["name"]])
        for each in await uow.codes.listed()
        if each["name"] in rows
    }
    live = await uow.mapping_versions.live()
    texts = await uow.mapping_versions.texts(version.id for version in live)
    mappings = {(version.name, version.connection): texts[version.id] for version in live}
    return State(connections, tables, mappings)


def _connection(found: Connection) -> ConnectionState:
    connector = installed().get(found.connector)
    settings = normalised(connector, found.settings, found.secrets) if connector else dict(found.settings)
    return ConnectionState(found.connector, settings, found.secrets)


def planned(wanted: State, found: State, notes: tuple[str, ...] = ()) -> Plan:
    shipped = {name: library.source(name).text for name in library.names()}
    return plan(wanted, found, shipped=shipped, notes=notes)


async def apply(uow: UnitOfWork, wanted: State, approved: Plan, *, by: str) -> list[Finding]:
    """All of it or nothing; returns what is dubious in its mappings.
    Raises PlanOutdated, ConfigurationError or Misconfigured."""
    await uow.mapping_versions.lock()
    await uow.codes.lock()
    await uow.connection.execute(text("LOCK TABLE connections IN SHARE ROW EXCLUSIVE MODE"))
    found = await stored(uow)
    now = planned(wanted, found)
    if now.digest != approved.digest:
        raise PlanOutdated(
            "配置在此期间有变化，什么也没有改；请重新 plan (the configuration has changed meanwhile)"
        )
    for change in now.changes:
        if change.section in _STEPS:
            await _STEPS[change.section](uow, change, wanted, found, by)
    places = [_place(change.name) for change in now.changes if change.section == "mappings"]
    return await _apply_mappings(uow, places, wanted, by)


async def _apply_connection(uow: UnitOfWork, change: Change, wanted: State, found: State, by: str) -> None:
    name = change.name
    if change.action == "delete":
        await uow.connections.retire(name)
        return
    before, after = (state.connections.get(name) if state.connections else None for state in (found, wanted))
    assert after is not None
    kept = before.secrets if before and before.connector == after.connector else {}
    secrets = {**kept, **after.secrets}
    await uow.connections.save(
        name,
        connector=after.connector,
        settings=after.settings,
        secrets=secrets,
        keep_tokens=secrets == kept,
    )
    missing = lacking(before, after)
    if missing:
        await uow.connections.pause(name, f"缺少密钥 {'、'.join(missing)} (secrets are missing)")
    else:
        await uow.open_items.close_about("connection_paused", {"connection": name}, by)


async def _apply_code_table(uow: UnitOfWork, change: Change, wanted: State, found: State, by: str) -> None:
    table = (wanted.code_tables or {}).get(change.name)
    rows = table.rows if table else {}
    if table is not None:
        await uow.codes.define(change.name, title=table.title, owner=table.owner)  # type: ignore[arg-type]
        changed = {row.field: rows[row.field] for row in change.fields if row.field in rows}
        await write_codes(uow, change.name, changed, by=by)
    for row in change.fields:
        if row.after is None:
            await uow.codes.remove(change.name, row.field, by=by)


async def _apply_mappings(uow: UnitOfWork, places: Iterable[Place], wanted: State, by: str) -> list[Finding]:
    """Together: one may need what another brings."""
    drafts: dict[Place, Layer] = {}
    for place in places:
        name, connection = place
        content = (wanted.mappings or {}).get(place)
        if content is None:
            await uow.mapping_versions.switch(name, None, connection=connection, by=by, note="config apply")
        else:
            file = f"mappings/{shown_place(place)}/mapping.yaml"
            drafts[place] = Layer(Source(content.text, file), content)
    published = await publish_together(uow, drafts, by=by, note="config apply")
    return [warning for each in published for warning in each.warnings]


def _place(shown: str) -> Place:
    name, _, connection = shown.partition("@")
    return name, connection or None


_STEPS = {
    "connections": _apply_connection,
    "code_tables": _apply_code_table,
}
