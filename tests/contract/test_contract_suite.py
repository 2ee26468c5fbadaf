"""The suite itself: what a broken connector fails, and how tiers are reckoned."""

import logging
import pkgutil
import re
import sys
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any, TypeVar, cast

import pytest

from connector_kit.certify.model import FOR_GOLD, Level, Report, Result, Status
from connector_kit.certify.runner import PARTS
from connector_kit.connector import Connector
from connector_kit.paging import ReadPage
from connector_kit.send import Operation
from connectors.douyin_leads.feiyu import FeiyuDoor
from connectors.esign.adapter import EsignAdapter
from connectors.esign.errors import Meaning
from connectors.kingdee import errors as kingdee_errors
from connectors.kingdee.client import WebApi
from connectors.kingdee.posting import Posting
from connectors.kingdee.protocol import Query
from connectors.kingdee.wire import ReceivableRow
from connectors.yonyou_u8.protocol import Finished
from domain.faults import Fault, Misconfigured, Rejected, Transient, UnknownOutcome
from domain.ports import HookRequest
from domain.records import Company, ErpDocument, SignedFile, SigningRequest
from hub import certify as certification
from hub.certification import benches
from hub.registry import installed
from sandboxes.common import running
from sandboxes.run import load

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


def test_only_its_own_vendors_sandbox_is_certified_against() -> None:
    with running(load("esign")()) as other, pytest.raises(Misconfigured, match="another vendor"):
        certification.certify_one(benches("kingdee")[0], against=other.url)


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
        ("yonyou_u8", "client", "archive.moving_list"),
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


Function = Callable[..., Any]


def then(change: Function) -> Callable[[Function], Function]:
    """What `change` makes of the answer."""
    return lambda true: lambda *args, **more: change(true(*args, **more))


def given(change: Function) -> Callable[[Function], Function]:
    """`change` makes other arguments of the arguments."""

    def mutant(true: Function) -> Function:
        def called(*args: Any, **more: Any) -> Any:
            args, more = change(*args, **more)
            return true(*args, **more)

        return called

    return mutant


def instead(answer: object) -> Callable[[Function], Function]:
    async def answered(*_: Any, **__: Any) -> object:
        return answer

    return lambda true: answered


def twice(true: Function) -> Function:
    async def called(*args: Any) -> Any:
        answer = await true(*args)
        with suppress(Fault):
            await true(*args)
        return answer

    return called


def meaning(code: int | None, words: str, fault: type[Fault]) -> Callable[[object], object]:
    return lambda rules: (kingdee_errors.Rule(code, words, fault, "再试"), *cast(tuple[object, ...], rules))


def tells(say: Callable[[str], object]) -> Callable[[Function], Function]:
    """Says the secret at login."""

    def mutant(true: Function) -> Function:
        async def login(self: WebApi, known: object) -> object:
            say(self.settings.password.get_secret_value())
            return await true(self, known)

        return login

    return mutant


def refuses_with_the_secret(true: Function) -> Function:
    async def save(self: Posting, *args: Any) -> None:
        try:
            await true(self, *args)
        except Rejected as fault:
            raise Rejected(f"{fault} {self.api.settings.password.get_secret_value()}") from fault

    return save


def by_its_contract(true: Function) -> Function:
    async def find_flow(self: EsignAdapter, request: SigningRequest) -> object:
        for flow in range(1, 6):
            number = f"{request.contract_number}/{flow}"
            if found := await true(self, replace(request, key=number)):
                return found
        return None

    return find_flow


def first_page(true: Function) -> Function:
    async def started(*args: Any) -> AsyncIterator[object]:
        places = iter(range(100))
        async for row in true(*args):
            if next(places, None) is None:
                return
            yield row

    return started


def turned_round(self: object, body: dict[str, Any]) -> Any:
    signers = body["signers"]
    for place, signer in enumerate(signers):
        signer["signConfig"]["signOrder"] = len(signers) - place
    return (self, body), {}


def takes_any_age(self: FeiyuDoor, request: HookRequest) -> Any:
    self._tolerance = sys.maxsize
    return (self, request), {}


def in_base64(secret: str) -> None:
    logging.getLogger("login").info("%s", b64encode(f"hub:{secret}".encode()).decode())


MUTANTS: tuple[tuple[str, str, str, Callable[[Any], object]], ...] = (
    ("customer.calls", "kingdee session", "client.WebApi.save", twice),
    (
        "customer.calls",
        "kingdee session",
        "protocol.build_save",
        then(lambda request: replace(request, operation=Operation("Save", "read"))),
    ),
    (
        "customer.same_key",
        "yonyou_u8 openapi",
        "client.OpenApi.add",
        given(lambda *args, key: (args, {"key": f"{key}-{time.time_ns()}"})),
    ),
    ("receivable.answered_later", "yonyou_u8 openapi", "client.OpenApi._poll", instead(Finished(""))),
    ("codes", "kingdee session", "errors.RULES", meaning(14, "", Rejected)),
    (
        "receivable.closed_period",
        "kingdee session",
        "errors.RULES",
        meaning(None, "已结账|已关账", Transient),
    ),
    ("codes", "esign", "errors.REFUSED", lambda _: Meaning(Transient, "再试")),
    (
        "canary",
        "kingdee session",
        "client.WebApi._login",
        tells(lambda secret: sys.stderr.write(secret)),
    ),
    ("canary", "kingdee session", "client.WebApi._login", tells(in_base64)),
    ("canary.refused_write", "kingdee session", "posting.Posting.save", refuses_with_the_secret),
    ("flow.same_title", "esign", "adapter.EsignAdapter.find_flow", by_its_contract),
    ("flow.found_among_many", "esign", "client.EsignClient.started", first_page),
    ("flow.extended", "esign", "client.EsignClient.delay", instead(None)),
    ("flow.urged", "esign", "client.EsignClient.urge", instead(None)),
    ("flow.sign_url", "esign", "client.EsignClient.sign_url", instead("https://example.com/")),
    ("flow.order", "esign", "client.EsignClient.create_flow", given(turned_round)),
    (
        "flow.document",
        "esign",
        "adapter.EsignAdapter.create_flow",
        given(lambda self, request, content: ((self, request, content + b"%"), {})),
    ),
    (
        "hook.disturbed",
        "esign",
        "hooks._dedupe_key",
        lambda _: lambda callback, body: str(callback.signFlowId),
    ),
    (
        "hook.mutations",
        "douyin_leads",
        "feiyu.FeiyuDoor._verify",
        given(takes_any_age),
    ),
    (
        "lead.window",
        "douyin_leads",
        "protocol.build_clues",
        given(lambda *a, until, **more: (a, {"until": until - timedelta(seconds=2), **more})),
    ),
    (
        "feedback.outcomes",
        "douyin_leads",
        "feedback.build_report",
        given(lambda *a, outcome, **more: (a, {"outcome": "won", **more})),
    ),
    (
        "receivable.since",
        "kingdee session",
        "ledger.since",
        given(lambda day, *a: ((day + timedelta(days=1), *a), {})),
    ),
    ("receivable.currency", "kingdee session", "ledger._currency", lambda _: lambda *a: "CNY"),
    (
        "receivable.due_date",
        "kingdee session",
        "ledger.receivable_record",
        given(lambda one, settings: ((replace(one, due_date=one.document_date), settings), {})),
    ),
)


@pytest.mark.parametrize(("check", "connector", "place", "mutate"), MUTANTS)
def test_a_mutant_is_caught(
    check: str, connector: str, place: str, mutate: Callable[[Any], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    name, _, variant = connector.partition(" ")
    bench = next(bench for bench in benches(name) if bench.variant == variant)
    target = f"connectors.{name}.{place}"
    monkeypatch.setattr(target, mutate(pkgutil.resolve_name(target)))
    report = certification.certify_one(bench, only=check)
    assert check in {each.name for each in report.of("failed")}, report.results


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
