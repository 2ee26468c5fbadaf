"""What holds for every connector: an honest manifest, sealed secrets, one login for all."""

import asyncio
import base64
import io
import logging
import re
import secrets
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

from pydantic import SecretStr

from connector_kit.certify.model import Check, Failed, Level, Skipped
from connector_kit.certify.postings import (
    company,
    contract,
    customer_posting,
    enveloped_paths,
    feedback_posting,
    flow_posting,
    known_customer,
    pattern_of,
    receivable,
    submitted,
)
from connector_kit.certify.stand import Open, Stand
from connector_kit.redact import secrets_of
from domain import ports
from domain.faults import (
    Fault,
    Misconfigured,
    Rejected,
    SessionExpired,
    Throttled,
    Transient,
    UnknownOutcome,
)
from domain.ports import CustomerArchive, LeadFeedback, LeadSource, ReceivableImport, Signer

CALLS = 100
SOUNDS_SECRET = re.compile(r"^(?!.*_id$).*(secret|password|passwd|token|private_key)", re.IGNORECASE)
README_SUBJECTS = {
    "what to ask the administrator for": re.compile(r"管理员|administrator", re.IGNORECASE),
    "what is unconfirmed": re.compile(r"not known|unconfirmed|\[U\]|未见|不明|未公开", re.IGNORECASE),
    "what is not there yet": re.compile(r"gap|not here|not yet|尚不|尚未|still missing", re.IGNORECASE),
}
A_DAY = 86_400
NOWHERE = "http://127.0.0.1:9"
UNLISTED: dict[str, Any] = {"code": "424242", "message": "没有人见过的话"}
MOST_CALLS = 12
WAITS = 1.0
"""Seconds after which a connector that has not answered is waiting for the vendor by itself."""
BY_ITSELF = (Transient, Throttled, SessionExpired, UnknownOutcome)
"""What is carried out once more without a person."""


def checks() -> list[Check]:
    rows: list[tuple[str, Level, str, str, Callable[[Stand], Awaitable[None]]]] = [
        (
            "manifest.capabilities",
            "bronze",
            "清单所列能力都已实现",
            "every capability is implemented",
            capabilities,
        ),
        (
            "manifest.complete",
            "bronze",
            "实现的端口都列在清单里",
            "nothing implemented is left out",
            nothing_hidden,
        ),
        (
            "manifest.hook_kinds",
            "bronze",
            "会收消息的写明消息种类",
            "kinds of inbox messages are named",
            hook_kinds,
        ),
        (
            "readme",
            "bronze",
            "说明写明要向管理员要什么、未确认的、缺的",
            "the README says what it must",
            readme,
        ),
        (
            "settings.secrets",
            "bronze",
            "凭据类设置都是密文类型",
            "secret settings are secret types",
            secret_types,
        ),
        ("settings.host", "bronze", "地址是设置", "the host is a setting", host_is_setting),
        ("unreachable", "silver", "连不上：可重试，不是结果不明", "no connection is Transient", unreachable),
        (
            "clock",
            "silver",
            "对方时钟差一天：照常，或通知 IT",
            "a clock a day off is told to IT",
            wrong_clock,
        ),
        (
            "wrong_secrets",
            "silver",
            "凭据错误：通知 IT，不重试",
            "wrong credentials are Misconfigured",
            wrong_secrets,
        ),
        ("canary", "silver", "凭据不见于任何留痕", "no secret in exchanges, logs or faults", canary),
        ("canary.faults", "silver", "出错时凭据也不外泄", "nor when things go wrong", canary_in_faults),
        (
            "canary.refused_write",
            "silver",
            "写入被拒时凭据不外泄",
            "no secret where a write is refused",
            canary_in_refusals,
        ),
        (
            "codes",
            "silver",
            "每个列出的错误码都是故障：该重试的重试，其余交给人；没列出的不重试",
            "every listed code is met: what comes again does, the rest and the unlisted is told to people",
            codes,
        ),
        (
            "login.cold",
            "gold",
            "100 个并发调用只登录一次",
            "100 calls at start, one login",
            one_login_at_start,
        ),
        (
            "login.expired",
            "gold",
            "会话失效时 100 个并发只重登一次",
            "100 calls at expiry, one refresh",
            one_refresh,
        ),
    ]
    under_faults = {
        *("unreachable", "clock", "wrong_secrets", "canary.faults", "canary.refused_write", "codes"),
        "login.expired",
    }
    return [
        Check(name, "any", level, zh, en, run, under_faults=name in under_faults)
        for name, level, zh, en, run in rows
    ]


async def probe(stand: Stand, opened: Open) -> object:
    """A cheap call over the wire, by what the connector can do."""
    adapter, now = opened.adapter, datetime.now(UTC)
    if isinstance(adapter, CustomerArchive):
        return await adapter.find_customer("C900000")
    if isinstance(adapter, LeadSource):
        pages: AsyncIterator[Sequence[Any]] = adapter.pull_leads(now - timedelta(minutes=1), now)
        return [page async for page in pages]
    if isinstance(adapter, Signer):
        return await adapter.find_flow(contract(stand))
    if isinstance(adapter, ReceivableImport):
        return await adapter.import_receivable(receivable(stand, known_customer(stand)))
    raise Skipped("it makes no calls over the network")


async def _met(
    stand: Stand, opened: Open, ask: Callable[[Stand, Open], Awaitable[object]] | None = None
) -> Fault | None:
    try:
        await (ask or probe)(stand, opened)
    except Fault as fault:
        return fault
    return None


async def _refused(stand: Stand, opened: Open) -> Fault:
    fault = await _met(stand, opened)
    if fault is None:
        raise Failed("the call went through")
    return fault


# --- manifest ---------------------------------------------------------------------------------------------


def _ports() -> dict[str, type]:
    found = {name: getattr(ports, name) for name in dir(ports)}
    return {name: each for name, each in found.items() if getattr(each, "_is_runtime_protocol", False)}


async def capabilities(stand: Stand) -> None:
    known = _ports()
    async with stand.open() as opened:
        for name in stand.connector.manifest.capabilities:
            if name not in known or not isinstance(opened.adapter, known[name]):
                raise Failed(f"claims {name} and does not implement it")


async def nothing_hidden(stand: Stand) -> None:
    async with stand.open() as opened:
        able = {name for name, port in _ports().items() if isinstance(opened.adapter, port)}
    hidden = able - set(stand.connector.manifest.capabilities)
    if hidden:
        raise Failed(f"implements {', '.join(sorted(hidden))} and does not say so")


async def hook_kinds(stand: Stand) -> None:
    manifest = stand.connector.manifest
    brings = {"Hook", "LeadSource", "StatementFeed"} & set(manifest.capabilities)
    if bool(brings) != bool(manifest.hook_kinds):
        raise Failed(f"hook_kinds {manifest.hook_kinds} with capabilities {manifest.capabilities}")


async def readme(stand: Stand) -> None:
    folder = Path(__import__(stand.connector.settings.__module__, fromlist=["_"]).__file__ or "").parent
    path = folder / "README.md"
    if not path.exists():
        raise Failed("no README.md")
    text = path.read_text(encoding="utf-8")
    missing = [subject for subject, said in README_SUBJECTS.items() if not said.search(text)]
    if missing:
        raise Failed(f"the README does not say {'; '.join(missing)}")


async def secret_types(stand: Stand) -> None:
    for name, field in stand.connector.settings.model_fields.items():
        if SOUNDS_SECRET.search(name) and field.annotation is str:
            raise Failed(f"{name} sounds secret and is shown like any text")


async def host_is_setting(stand: Stand) -> None:
    if stand.bench.folder:
        raise Skipped("it reads a folder")
    if "base_url" not in stand.connector.settings.model_fields:
        raise Failed("no setting base_url: test and live would differ in code")


# --- credentials ------------------------------------------------------------------------------------------


async def unreachable(stand: Stand) -> None:
    async with stand.open({"base_url": NOWHERE}) if not stand.bench.folder else stand.open() as opened:
        fault = await _refused(stand, opened)
    if not isinstance(fault, Transient):
        raise Failed(f"{fault.kind}: {fault}")


async def wrong_clock(stand: Stand) -> None:
    """Who signs the time is refused, and nothing that comes again by itself will help."""
    for seconds in (-A_DAY, A_DAY):
        await stand.fault("clock_skew", times=None, seconds=seconds)
        async with stand.open() as opened:
            fault = await _met(stand, opened)
        if fault is not None and not isinstance(fault, Misconfigured):
            raise Failed(f"{seconds} s: {fault.kind}: {fault}")


def _secret_names(stand: Stand) -> list[str]:
    fields = stand.connector.settings.model_fields
    secret = [name for name, field in fields.items() if "SecretStr" in repr(field.annotation)]
    return [name for name in secret if name not in stand.bench.unused]


def _canaries(stand: Stand) -> dict[str, object]:
    names = _secret_names(stand)
    if not names:
        raise Skipped("it has no secrets")
    return {name: f"canary-{secrets.token_hex(12)}" for name in names}


async def wrong_secrets(stand: Stand) -> None:
    async with stand.open(stand.bench.wrong or _canaries(stand)) as opened:
        fault = await _refused(stand, opened)
    if not isinstance(fault, Misconfigured):
        raise Failed(f"{fault.kind}: {fault}")


async def canary(stand: Stand) -> None:
    """The true values are the canaries, and whatever was given out for them."""
    async with stand.open() as opened:
        with _logged() as lines:
            await work(stand, opened)
        _search(stand, opened, [*lines, repr(opened.recorder.exchanges)])


async def canary_in_faults(stand: Stand) -> None:
    wrong = _canaries(stand)
    values = [str(value) for value in wrong.values()]
    for more in (wrong, {"base_url": NOWHERE} if not stand.bench.folder else {}):
        async with stand.open(more) as opened:
            _search(stand, opened, await _said(stand, opened), values)
    for kind in ("status_after", "malformed", "drop_after", "vendor_error", "expire_session"):
        await stand.fault(kind, times=None)
        async with stand.open() as opened:
            _search(stand, opened, await _said(stand, opened))
        await stand.calm()


async def canary_in_refusals(stand: Stand) -> None:
    """The call after the first, the second, … is refused, until the delivery gets through."""
    fault: Fault | None = Rejected("")
    for turn in range(MOST_CALLS):
        async with stand.open() as opened:
            with _logged() as lines:
                await stand.fault("refuse", enveloped_paths(stand), skip=turn, **UNLISTED)
                fault = await _met(stand, opened, work)
            await stand.calm()
            _search(stand, opened, [*lines, *_shown(fault), repr(opened.recorder.exchanges)])
        if fault is None:
            return
    raise Failed(f"the delivery was refused at each of {MOST_CALLS} calls; last {fault}")


async def _said(stand: Stand, opened: Open) -> list[str]:
    """All that is written down about one call."""
    with _logged() as lines:
        fault = await _met(stand, opened)
    return [*lines, *_shown(fault), repr(opened.recorder.exchanges)]


def _shown(fault: Fault | None) -> list[str]:
    return [repr(fault), str(fault), "".join(traceback.format_exception(fault))] if fault else []


async def work(stand: Stand, opened: Open) -> None:
    if isinstance(opened.adapter, CustomerArchive):
        await customer_posting(company(stand)).create(opened)
    elif isinstance(opened.adapter, Signer):
        await flow_posting(contract(stand)).create(opened)
    elif isinstance(opened.adapter, LeadFeedback):
        (lead,) = await submitted(stand, 1)
        await feedback_posting(lead).create(opened)
    await probe(stand, opened)


def _search(stand: Stand, opened: Open, texts: Sequence[str], more: Sequence[str] = ()) -> None:
    hidden = {*more, *_values(stand)}
    for token in opened.tokens.all():
        hidden |= {value for value in (token.value, token.refresh) if value}
    for value in hidden:
        if len(value) >= 6 and any(form in text for form in _forms(value) for text in texts):
            raise Failed(f"a secret that begins with {value[:2]}… is written down")


def _forms(secret: str) -> set[str]:
    """As it is, percent-encoded, and in Base64 wherever it may stand in what was encoded."""
    found = {secret, quote(secret, safe=""), quote_plus(secret)}
    for before in range(3):
        text = base64.b64encode(b"." * before + secret.encode()).decode()
        found.add(text[4 if before else 0 : len(text) // 4 * 4 - 4])
    return {form for form in found if len(form) >= 6}


def _values(stand: Stand) -> set[str]:
    settings = stand.connector.settings.model_validate(stand.settings())
    assert all(isinstance(getattr(settings, name), SecretStr) for name in _secret_names(stand))
    return secrets_of(settings)


@contextmanager
def _logged() -> Iterator[list[str]]:
    """Everything printed, and what Python's logging lets through while the hub's level is INFO."""
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    root, handler = logging.getLogger(), Keep()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    printed = io.StringIO()
    try:
        with redirect_stdout(printed), redirect_stderr(printed):
            yield lines
    finally:
        lines.append(printed.getvalue())
        root.setLevel(level)
        root.removeHandler(handler)


# --- one login --------------------------------------------------------------------------------------------


async def _logins(stand: Stand, opened: Open) -> int:
    """As the sandbox counts, or, where a login has no path of its own, as the cache of tokens does."""
    if stand.bench.login is None:
        return opened.tokens.fetches
    return sum(stand.bench.login in row["path"] for row in await stand.log())


async def one_login_at_start(stand: Stand) -> None:
    async with stand.open() as opened:
        before = await _logins(stand, opened)
        await asyncio.gather(*(probe(stand, opened) for _ in range(CALLS)))
        logins = await _logins(stand, opened) - before
    if not logins and stand.bench.login is None:
        raise Skipped("no token or session is shared by its calls")
    _once(logins)


async def one_refresh(stand: Stand) -> None:
    async with stand.open() as opened:
        await probe(stand, opened)
        if stand.bench.login is None and not opened.tokens.fetches:
            raise Skipped("no token or session is shared by its calls")
        before = await _logins(stand, opened)
        await stand.fault("expire_session")
        await asyncio.gather(*(probe(stand, opened) for _ in range(CALLS)))
        logins = await _logins(stand, opened) - before
    if not logins and stand.bench.login is None:
        raise Skipped("its calls outlive the session that they share")
    _once(logins)


def _once(logins: int) -> None:
    if logins != 1:
        raise Failed(f"{logins} logins for {CALLS} concurrent calls")


# --- codes ------------------------------------------------------------------------------------------------


async def codes(stand: Stand) -> None:
    """Of the doors that a look-up knocks on, each at the last call to it."""
    before = len(await stand.log())
    async with stand.open() as opened:
        await probe(stand, opened)
    calls = (await stand.log())[before:]
    listed = (await stand.control.get("codes")).raise_for_status().json()
    if not listed:
        raise Skipped("its sandbox lists no codes")
    reached = 0
    for each in [*listed, {**UNLISTED, "where": ""}]:
        at = [call for call in calls if re.search(each["where"], call["path"])]
        if at:
            reached += 1
            await _meet(stand, each["code"], each["message"], at[-1])
    if reached < 2:
        raise Failed("no listed code belongs to a path that a look-up calls")


async def _meet(stand: Stand, code: str, message: str, call: Mapping[str, Any]) -> None:
    path, method = pattern_of(call["path"]), call["method"]
    await stand.fault("refuse", path, times=None, method=method, code=code, message=message)
    again = any(_names(each, code, message) for each in stand.bench.comes_again)
    waits, fault = False, None
    try:
        async with stand.open() as opened, asyncio.timeout(WAITS):
            fault = await _met(stand, opened)
    except TimeoutError:
        waits = True
    if (waits or isinstance(fault, BY_ITSELF)) is not again:
        met = "it waits" if waits else f"{fault.kind}: {fault}" if fault else "nothing"
        raise Failed(f"{code} {message}: {met}, and it should {'' if again else 'not '}come again by itself")


def _names(key: str, code: str, message: str) -> bool:
    number, _, piece = key.partition("|")
    return number in ("*", code) and piece in message
