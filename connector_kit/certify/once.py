"""Exactly one document, whatever happens on the way."""

import random
from collections.abc import Awaitable, Callable
from functools import partial

from connector_kit.certify.model import Check, Failed, Level, Skipped
from connector_kit.certify.postings import (
    QUICK,
    TROUBLES,
    Make,
    Trouble,
    customers,
    deliver,
    enveloped_paths,
    exactly_one,
    feedbacks,
    flows,
    receipts,
    receivables,
    steps_of,
)
from connector_kit.certify.stand import Killed, Stand
from connector_kit.exchanges import Exchange
from domain.faults import Rejected

KINDS: tuple[tuple[str, str, str, Make], ...] = (
    ("customer", "CustomerArchive", "客户", customers),
    ("receivable", "ErpLedger", "应收单", receivables),
    ("receipt", "ErpLedger", "收款单", receipts),
    ("flow", "Signer", "签署流程", flows),
)
STORM_RATE = 0.25

TROUBLE_NAMES = {
    "delay": "回答迟到",
    "timeout_before": "超时（未执行）",
    "timeout_after": "超时（已执行）",
    "too_many_requests": "429 限流",
    "error_500_before": "5xx（未执行）",
    "error_500_after": "5xx（已执行）",
    "drop_before": "断线（未执行）",
    "drop_after": "断线（已执行）",
    "malformed": "回答残缺",
    "vendor_error": "对方报“系统忙”",
    "session_lost": "会话失效",
    "clock_skew": "对方时钟快一分钟",
    "half_page": "只给半页",
    "rows_came": "翻页间有行插入",
    "rows_went": "翻页间有行消失",
}


def checks() -> list[Check]:
    found = [check for kind in KINDS for check in _of(*kind)]
    told = _of("feedback", "LeadFeedback", "线索回传", feedbacks)
    return found + [check for check in told if check.name != "feedback.finds_nothing"]


def _of(kind: str, capability: str, name_zh: str, make: Make) -> list[Check]:
    def check(
        name: str, run: Callable[[Make, Stand], Awaitable[None]], zh: str, en: str, *, faults: bool = True
    ) -> Check:
        level: Level = "gold" if faults else "silver"
        return Check(
            f"{kind}.{name}",
            capability,
            level,
            f"{name_zh}：{zh}",
            f"{kind}: {en}",
            partial(run, make),
            faults,
        )

    return [
        check(
            "finds_nothing",
            finds_nothing,
            "没有的查不到，也不报错",
            "one that is absent is None",
            faults=False,
        ),
        check(
            "five_times",
            five_times,
            "同一投递五次只有一张",
            "the same delivery five times makes one",
            faults=False,
        ),
        check(
            "calls",
            calls,
            "照常时每次写入只发一次，称为只读的不改账",
            "undisturbed each write goes once, and a read changes nothing",
            faults=False,
        ),
        check(
            "same_key",
            same_key,
            "盲目重发时是同一个键，仍只有一张",
            "sent again unseen, the key is the same, one document",
            faults=False,
        ),
        check(
            "killed", killed, "在每一步的回答之后中断，仍只有一张", "cut off after every answer, one document"
        ),
        check("storm", storm, "故障风暴中只有一张", "a storm of faults, one document"),
        *(
            Check(
                f"{kind}.{trouble.name}",
                capability,
                "silver",
                f"{name_zh}：每一步都遇到“{TROUBLE_NAMES[trouble.name]}”，仍只有一张",
                f"{kind}: {trouble.name} at every step, one document",
                partial(troubled, make, trouble),
                under_faults=True,
            )
            for trouble in TROUBLES
        ),
    ]


async def finds_nothing(make: Make, stand: Stand) -> None:
    posting = (await make(stand))()
    async with stand.open() as opened:
        found = await posting.find(opened)
    if found is not None:
        raise Failed(f"found {found} although nothing was posted")


async def five_times(make: Make, stand: Stand) -> None:
    """Each in a connection of its own that knows only whether something was sent before."""
    posting = (await make(stand))()
    for attempt in range(5):
        async with stand.open() as opened:
            await deliver(posting, opened, sent_before=attempt > 0)
    await exactly_one(stand, posting)


async def calls(make: Make, stand: Stand) -> None:
    posting = (await make(stand))()
    written: set[tuple[str, str, str]] = set()
    async with stand.open() as opened:
        before = await stand.documents()

        async def watch(exchange: Exchange) -> None:
            nonlocal before
            now = await stand.documents()
            call = (exchange.operation, exchange.url, exchange.request_body)
            if exchange.kind == "read" and now > before:
                raise Failed(f"{exchange.operation} is called a read, and a document came to be")
            if exchange.kind != "read" and call in written:
                raise Failed(f"{exchange.operation} went twice, and nothing had gone wrong")
            written.add(call)
            before = now

        opened.recorder.watch = watch
        await deliver(posting, opened)


async def same_key(make: Make, stand: Stand) -> None:
    """Two attempts that know nothing of each other, where the vendor is said to know our key."""
    posting = (await make(stand))()
    sent: list[list[tuple[str, str, str]]] = []
    for _ in range(2):
        async with stand.open() as opened:
            try:
                await posting.create(opened)
            except Rejected:
                if not sent:
                    raise
            exchanges = opened.recorder.exchanges
        if any(each.kind == "blind_write" for each in exchanges if not _logs_in(stand, each)):
            raise Skipped("it is sent by a blind write: the vendor knows no key")
        sent.append(
            [
                (each.operation, each.url, each.request_body)
                for each in exchanges
                if each.kind == "keyed_write"
            ]
        )
    if sent[0][:1] != sent[1][:1]:
        raise Failed(f"the same delivery was sent as {sent[0][:1]} and as {sent[1][:1]}")
    await exactly_one(stand, posting)


def _logs_in(stand: Stand, exchange: Exchange) -> bool:
    return bool(stand.bench.login and stand.bench.login in exchange.url)


async def troubled(make: Make, trouble: Trouble, stand: Stand) -> None:
    new = await make(stand)
    for step in await steps_of(stand, new(), api_only=trouble.name == "vendor_error"):
        posting = new()
        await stand.faults([{**trouble.rule, **step, "times": 1}])
        async with stand.open() as opened:
            await deliver(posting, opened, allowed=trouble.allowed)
        await stand.calm()
        await exactly_one(stand, posting)


async def killed(make: Make, stand: Stand) -> None:
    """Nothing of ours runs on after the n-th answer; another connection begins anew, knowing only that
    something was sent. (tests/contract does the same with a process that is really killed.)"""
    new, step = await make(stand), 0
    survived = False
    while not survived:
        step += 1
        posting = new()
        try:
            async with stand.open(kill_after=step) as opened:
                await deliver(posting, opened)
            survived = True
        except Killed:
            async with stand.open() as opened:
                await deliver(posting, opened, sent_before=True)
        await exactly_one(stand, posting)


async def storm(make: Make, stand: Stand) -> None:
    new, careful = await make(stand), stand.bench.login_works_once
    rules = [
        {**trouble.rule, "rate": STORM_RATE / len(QUICK)}
        | ({"path": enveloped_paths(stand)} if careful or trouble.name == "vendor_error" else {})
        for trouble in QUICK
    ]
    chance = random.Random(stand.bench.connector)  # noqa: S311
    for _ in range(5):
        posting = new()
        await stand.faults(rules, seed=chance.randrange(1 << 30))
        async with stand.open() as opened:
            await deliver(posting, opened)
        await stand.calm()
        await exactly_one(stand, posting)
