"""The suite itself: what a broken connector fails, and how tiers are reckoned."""

import re
from collections.abc import AsyncIterator, Sequence
from itertools import count
from typing import TypeVar

import pytest

from connector_kit.certify.model import FOR_GOLD, Level, Report, Result, Status
from connector_kit.certify.runner import PARTS
from connector_kit.connector import Connector
from connector_kit.paging import ReadPage
from connectors.kingdee.client import WebApi
from connectors.kingdee.protocol import Query
from connectors.kingdee.wire import ReceivableRow
from domain.faults import Misconfigured, UnknownOutcome
from domain.records import Company, ErpDocument, SignedFile
from hub import certify as certification
from hub.certification import benches
from hub.registry import installed

Row = TypeVar("Row")


def result(level: Level, status: Status, *, faults: bool = True) -> Result:
    return Result("a", "any", level, "", "", faults, status, "", 0.0)


@pytest.mark.parametrize(
    ("results", "tier"),
    [
        ([result("bronze", "failed")], "none"),
        ([result("bronze", "passed"), result("silver", "failed")], "bronze"),
        ([result("silver", "passed"), result("gold", "failed")], "silver"),
        ([result("gold", "passed")] * (FOR_GOLD - 1), "silver"),
        ([result("gold", "passed")] * FOR_GOLD, "gold"),
        ([result("gold", "passed", faults=False)] * FOR_GOLD, "silver"),
        ([*[result("gold", "passed")] * FOR_GOLD, result("bronze", "skipped")], "gold"),
    ],
)
def test_tiers_follow_from_results(results: list[Result], tier: str) -> None:
    assert Report("c", "", results).tier == tier


def test_names_are_unique_and_titles_are_in_both_languages() -> None:
    checks = [check for part in PARTS for check in part.checks()]
    assert len({check.name for check in checks}) == len(checks)
    assert all(check.title_zh and check.title_en for check in checks)


def test_only_a_sandbox_is_certified_against() -> None:
    with pytest.raises(Misconfigured, match="not a sandbox"):
        certification.certify_one(benches("kingdee")[0], against="http://127.0.0.1:9")
    with pytest.raises(Misconfigured, match="no such connector"):
        certification.chosen("nobody")


class Careless:
    """Kingdee's adapter, made wrong: it never looks, tells its secret, and calls a lost answer a bug."""

    def __init__(self, good: object, secret: str) -> None:
        self._good = good
        self._secret = secret
        self.writes_off = "by_person"

    def __getattr__(self, name: str) -> object:
        return getattr(self._good, name)

    async def find_customer(self, code: str) -> ErpDocument | None:
        return None

    async def create_customer(self, company: Company) -> ErpDocument:
        try:
            made: ErpDocument = await self._good.create_customer(company)  # type: ignore[attr-defined]
        except UnknownOutcome as fault:
            raise RuntimeError(f"lost with {self._secret}") from fault
        return made


async def one_pass(read: ReadPage[Row], key: object, **_: object) -> AsyncIterator[Sequence[Row]]:
    """Believes every page."""
    for number in count(1):
        page = await read(number)
        yield page.rows
        if page.last:
            return


@pytest.mark.parametrize(
    ("connector", "reader", "check"),
    [
        ("yonyou_u8", "client", "receivable.moving_list"),
        ("yonyou_u8", "client", "receipt.moving_list"),
        ("yonyou_u8", "client", "receivable.list_under_faults"),
        ("yonyou_u8", "client", "archive.list_under_faults"),
        ("douyin_leads", "adapter", "pull.half_page"),
        ("douyin_leads", "adapter", "pull.rows_went"),
    ],
)
def test_who_believes_every_page_is_caught(
    connector: str, reader: str, check: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = next(bench for bench in benches(connector) if bench.variant in ("", "openapi"))
    assert certification.certify_one(bench, seeds=5, only=check).of("passed")
    monkeypatch.setattr(f"connectors.{connector}.{reader}.read_whole", one_pass)
    (failed,) = certification.certify_one(bench, seeds=60, only=check).of("failed")
    assert re.search("lost|listed|found", failed.reason)


def test_who_takes_a_short_page_for_the_last_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = WebApi.documents

    async def until_short(self: WebApi, query: Query, row: type[ReceivableRow]) -> AsyncIterator[object]:
        left = len(await self.query(query, row))
        async for group in whole(self, query, row):
            if left > 0:
                yield group
            left -= len(group)

    bench = next(bench for bench in benches("kingdee") if bench.variant == "session")
    assert certification.certify_one(bench, only="receivable.list_under").of("passed")
    monkeypatch.setattr(WebApi, "documents", until_short)
    (failed,) = certification.certify_one(bench, only="receivable.list_under").of("failed")
    assert "listed" in failed.reason


@pytest.mark.parametrize(
    ("check", "content"), [("evidence.fetched", b""), ("evidence.unfinished", b"a report on nothing")]
)
def test_evidence_that_is_none_is_caught(check: str, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    (bench,) = benches("esign")
    assert certification.certify_one(bench, only=check).of("passed")

    async def evidence(*_: object) -> SignedFile:
        return SignedFile.of("report.zip", content)

    monkeypatch.setattr("connectors.esign.adapter.EsignAdapter.evidence", evidence)
    (failed,) = certification.certify_one(bench, only=check).of("failed")
    assert "evidence" in failed.reason


def test_a_careless_connector_fails_the_right_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    good = installed()["kingdee"]
    bench = next(bench for bench in benches("kingdee") if bench.variant in ("", "session"))

    def careless(settings: object, tools: object) -> object:
        return Careless(good.open(settings, tools), "s3cret")  # type: ignore[arg-type]

    manifest = good.manifest.model_copy(update={"capabilities": ("CustomerArchive",)})
    broken = Connector(manifest, good.settings, careless)
    monkeypatch.setattr(certification, "installed", lambda: {"kingdee": broken})
    report = certification.certify_one(bench, seeds=1)
    failed = {each.name for each in report.of("failed")}
    assert report.tier == "none"
    assert {
        "manifest.complete",
        "customer.reads_back",
        "customer.drop_after",
        "customer.timeout_after",
        "customer.cut_reply",
    } <= failed
    assert {"manifest.capabilities", "settings.secrets", "customer.finds_nothing"} <= {
        each.name for each in report.of("passed")
    }
