"""Exactly one document, whatever happens on the way."""

import random
from collections.abc import Awaitable, Callable
from functools import partial

from connector_kit.certify.model import Check, Failed, Level
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
        level: Level = "silver" if name in ("five_times", "finds_nothing") else "gold"
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
        check("killed", killed, "在每一步之后进程被杀，仍只有一张", "killed after every step, one document"),
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
    """As after five lost notes of ours: the first attempt of each knows nothing of the others."""
    posting = (await make(stand))()
    for attempt in range(5):
        async with stand.open() as opened:
            await deliver(posting, opened, sent_before=attempt > 0)
    await exactly_one(stand, posting)


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
    """The process ends after the n-th answer; another one begins anew, knowing only that it was sent."""
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
