from pathlib import Path

import pytest

from configuration import ConfigurationError
from crm_store import Store
from crm_store.mapping_versions import MappingText
from domain.faults import Misconfigured
from hub.mapping_references import name_of, resolve
from hub.publishing import publish
from mappings import library
from tests.factories import connect

NAME = "douyin_leads.push"
FULL = f"mapping: {NAME}\nfrom: a\nto: b\nfields: {{Name: name}}\n"
OVER = f"override: {NAME}\nfields: {{message: {{value: x}}}}\n"


@pytest.fixture
async def published(store: Store) -> Store:
    async with store.transaction() as uow:
        await connect(uow, "north")
        for text, connection in ((OVER, None), (FULL, None), (FULL + "  # other\n", "north")):
            await publish(
                uow, MappingText(text, {}), file="f.yaml", connection=connection, by="张三", note=""
            )
    return store


@pytest.mark.parametrize(
    ("reference", "connection", "version"),
    [
        ("shipped", None, "{shipped}"),
        ("{shipped}", None, "{shipped}"),
        ("live", None, "v2"),
        ("live", "north", "north.v1"),
        ("live", "south", "v2"),
        (f"{NAME}@v2", None, "v2"),
        ("v1", None, "{shipped}+v1"),
        ("{shipped}+v1", None, "{shipped}+v1"),
        ("v1", "north", "north.v1"),
        ("north.v1", None, "north.v1"),
        ("v2-0a1b2c", None, "v2"),
    ],
)
async def test_a_version_is_found_by_every_name_that_it_has(
    published: Store, reference: str, connection: str | None, version: str
) -> None:
    shipped = library.load(NAME).version
    async with published.transaction() as uow:
        found = await resolve(uow, reference.format(shipped=shipped), NAME, connection)
    assert found.version == version.format(shipped=shipped)


async def test_a_version_is_found_whatever_it_includes_now(store: Store) -> None:
    including = "mapping: douyin_leads.feiyu\nfrom: a\nto: b\ninclude: douyin_leads.push\n"
    async with store.transaction() as uow:
        await connect(uow, "north")
        for text, connection in ((including, None), (OVER, "north"), (OVER + "# other\n", "north")):
            await publish(
                uow, MappingText(text, {}), file="f.yaml", connection=connection, by="张三", note=""
            )
        found = {
            (await resolve(uow, reference, "douyin_leads.feiyu", connection)).version
            for reference in ("live", "v1", "v1-0a1b2c")
            for connection in ("north", None)
        }
    assert len(found) == 2
    assert {version.split("-")[0] for version in found} == {"v1"}


async def test_a_file_lies_over_what_is_live(published: Store, tmp_path: Path) -> None:
    full, over = tmp_path / "full.yaml", tmp_path / "over.yaml"
    full.write_text(FULL, encoding="utf-8")
    over.write_text(f"override: {NAME}\nfields: {{Name: other}}\n", encoding="utf-8")
    assert name_of("live", str(over), given=None) == name_of(str(full), "live", given=None) == NAME
    async with published.transaction() as uow:
        assert (await resolve(uow, str(full), NAME, None)).version == "full.yaml"
        assert (await resolve(uow, str(over), NAME, "south")).version == "v2+over.yaml"


async def test_what_is_not_there_is_told_with_what_is(published: Store) -> None:
    async with published.transaction() as uow:
        with pytest.raises(Misconfigured, match=r"v9 .*v2, v1, north.v1, shipped, live"):
            await resolve(uow, "v9", NAME, None)
        with pytest.raises(Misconfigured, match="读不到"):
            await resolve(uow, "none.yaml", NAME, None)
        with pytest.raises(Misconfigured, match="没有映射"):
            await resolve(uow, "v1", "no.such", None)
    assert name_of("live", f"{NAME}@v1", given=None) == NAME
    with pytest.raises(Misconfigured, match="--mapping"):
        name_of("live", "v1", given=None)


def test_a_file_of_an_unknown_mapping_is_told(tmp_path: Path) -> None:
    file = tmp_path / "f.yaml"
    file.write_text(FULL.replace("push", "psuh"), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"f.yaml:1:10: .*did you mean 'douyin_leads.push'"):
        name_of(str(file), "live", given=None)
