"""An ERP that takes documents in and answers no questions: what may be there is not sent again unseen."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial

from connector_kit.certify.model import Check, Failed, Level
from connector_kit.certify.once import STORM_RATE, TROUBLE_NAMES
from connector_kit.certify.postings import (
    AMOUNTS,
    ATTEMPTS,
    COMES_AGAIN,
    QUICK,
    TROUBLES,
    Trouble,
    company,
    exactly_one,
    import_posting,
    known_customer,
    receivable,
    refused_in_words,
)
from connector_kit.certify.replies import CUTS, JUNK, Once
from connector_kit.certify.stand import Killed, Open, Stand
from domain.faults import Fault, UnknownOutcome
from domain.money import Money
from domain.ports import ReceivableImport
from domain.records import Receivable

TOGETHER = 20


def checks() -> list[Check]:
    rows: tuple[tuple[str, Level, str, str, Callable[[Stand], Awaitable[None]], bool], ...] = (
        ("taken", "bronze", "导入一次，得一张", "imported once, there once", taken, False),
        ("amounts", "bronze", "金额到分不变", "amounts to the fen", amounts, False),
        ("again", "silver", "再次导入被拒，仍一张", "a second time is refused", again, False),
        ("other_amount", "silver", "同号不同金额：拒绝", "nor with another amount", other_amount, False),
        ("unknown_customer", "silver", "客户不存在：拒绝并说明", "refused in words", unknown_customer, False),
        ("unknown_currency", "silver", "币别未配置：不导入", "nothing is sent", unknown_currency, False),
        ("together", "gold", "同时导入 20 张，各一张", "20 at once, each once", together, False),
        ("same_together", "gold", "同一张同时导入，仍一张", "the same at once, one", same_together, False),
        ("killed", "gold", "在每一步的回答之后中断，不重复", "cut off after every answer, one", killed, True),
        ("storm", "gold", "故障风暴中只有一张", "a storm of faults, one document", storm, True),
        ("cut_answer", "gold", "回答被截断，不重复", "a cut answer, one document", cut, True),
        ("junk_answer", "gold", "回答是网页或乱码，不重复", "junk for an answer, one document", junk, True),
    )
    plain = [
        Check(f"import.{name}", "ReceivableImport", level, f"导入：{zh}", en, run, faults)
        for name, level, zh, en, run, faults in rows
    ]
    return plain + [
        Check(
            f"import.{trouble.name}",
            "ReceivableImport",
            "silver",
            f"导入：每一步都遇到“{TROUBLE_NAMES[trouble.name]}”，不重复",
            f"import: {trouble.name} at every step, one document",
            partial(troubled, trouble),
            True,
        )
        for trouble in TROUBLES
    ]


async def bring_in(
    stand: Stand, opened: Open, record: Receivable, allowed: Sequence[type[Fault]] = COMES_AGAIN
) -> None:
    """As the worker and, after an unknown outcome, a person who looks into the ERP."""
    for _ in range(ATTEMPTS):
        try:
            await opened.port(ReceivableImport).import_receivable(record)
            return
        except Fault as fault:
            if not isinstance(fault, tuple(allowed)):
                raise Failed(f"met {fault.kind}: {fault}") from fault
            there = await stand.count("receivable", record.number)
            if there and not isinstance(fault, UnknownOutcome):
                raise Failed(f"{fault.kind} invites a second attempt, and it is there already") from fault
        if there:
            return
    raise Failed(f"not done after {ATTEMPTS} attempts")


async def _one(stand: Stand, record: Receivable) -> None:
    await exactly_one(stand, import_posting(record))


def _new(stand: Stand, amount: str = AMOUNTS[0]) -> Receivable:
    return receivable(stand, known_customer(stand), amount)


async def taken(stand: Stand) -> None:
    record = _new(stand)
    async with stand.open() as opened:
        if not await opened.port(ReceivableImport).import_receivable(record):
            raise Failed("it has no id in the ERP")
    await _one(stand, record)


async def amounts(stand: Stand) -> None:
    async with stand.open() as opened:
        for amount in AMOUNTS:
            record = _new(stand, amount)
            await bring_in(stand, opened, record)
            (row,) = await stand.rows("receivable", record.number)
            if f'"{amount}"' not in row:
                raise Failed(f"{amount} was sent, {row} is in the books")


async def _refused(stand: Stand, record: Receivable) -> None:
    async with stand.open() as opened:
        call = opened.port(ReceivableImport).import_receivable(record)
        await refused_in_words(call, record.number)


async def again(stand: Stand) -> None:
    record = _new(stand)
    async with stand.open() as opened:
        await bring_in(stand, opened, record)
    await _refused(stand, record)
    await _one(stand, record)


async def other_amount(stand: Stand) -> None:
    record, other = _new(stand, "10600.00"), _new(stand, "77.00")
    async with stand.open() as opened:
        await bring_in(stand, opened, record)
    await _refused(stand, replace(other, number=record.number))
    await _one(stand, record)


async def unknown_customer(stand: Stand) -> None:
    record = receivable(stand, company(stand))
    await _refused(stand, record)
    await _none(stand, record)


async def unknown_currency(stand: Stand) -> None:
    record = _new(stand)
    record = replace(record, amount=Money(record.amount.amount, "XTS"))
    await _refused(stand, record)
    await _none(stand, record)


async def _none(stand: Stand, record: Receivable) -> None:
    if await stand.count("receivable", record.number):
        raise Failed(f"{record.number} was refused, and it is there")


async def together(stand: Stand) -> None:
    records = [_new(stand) for _ in range(TOGETHER)]
    async with stand.open() as opened:
        await asyncio.gather(*(bring_in(stand, opened, record) for record in records))
    for record in records:
        await _one(stand, record)


async def same_together(stand: Stand) -> None:
    record = _new(stand)
    async with stand.open() as opened:
        calls = [opened.port(ReceivableImport).import_receivable(record) for _ in range(5)]
        made = await asyncio.gather(*calls, return_exceptions=True)
    wrong = [each for each in made if isinstance(each, BaseException) and not isinstance(each, Fault)]
    if wrong or sum(isinstance(each, str) for each in made) > 1:
        raise Failed(f"five calls at once: {made}")
    await _one(stand, record)


async def troubled(trouble: Trouble, stand: Stand) -> None:
    for step in await _turns(stand, posts_only=trouble.name == "vendor_error"):
        record = _new(stand)
        await stand.faults([{**trouble.rule, **step, "times": 1}])
        async with stand.open() as opened:
            await bring_in(stand, opened, record, allowed=trouble.allowed)
        await stand.calm()
        await _one(stand, record)


async def _turns(stand: Stand, *, posts_only: bool) -> list[dict[str, object]]:
    """The calls of one undisturbed import, by their turn. Descriptions are got, not in the envelope."""
    before = len(await stand.log())
    async with stand.open() as opened:
        await bring_in(stand, opened, _new(stand))
    rows = (await stand.log())[before:]
    if posts_only:
        return [{"skip": n, **POSTS} for n in range(sum(row["method"] == "POST" for row in rows))]
    return [{"skip": n} for n in range(len(rows))]


POSTS: dict[str, object] = {"method": "POST"}


async def killed(stand: Stand) -> None:
    step, survived = 0, False
    while not survived:
        step += 1
        record = _new(stand)
        try:
            async with stand.open(kill_after=step) as opened:
                await bring_in(stand, opened, record)
            survived = True
        except Killed:
            if not await stand.count("receivable", record.number):
                async with stand.open() as opened:
                    await bring_in(stand, opened, record)
        await _one(stand, record)


async def storm(stand: Stand) -> None:
    rules = [
        {**trouble.rule, "rate": STORM_RATE / len(QUICK)} | (POSTS if trouble.name == "vendor_error" else {})
        for trouble in QUICK
    ]
    chance = random.Random(stand.bench.connector)  # noqa: S311
    for _ in range(5):
        record = _new(stand)
        await stand.faults(rules, seed=chance.randrange(1 << 30))
        async with stand.open() as opened:
            await bring_in(stand, opened, record)
        await stand.calm()
        await _one(stand, record)


async def cut(stand: Stand) -> None:
    for part in range(CUTS):
        await _spoilt(stand, lambda body, part=part: body[: len(body) * part // CUTS])  # type: ignore[misc]


async def junk(stand: Stand) -> None:
    for body in JUNK:
        await _spoilt(stand, lambda _, body=body: body)  # type: ignore[misc]


async def _spoilt(stand: Stand, spoil: Callable[[bytes], bytes]) -> None:
    """The first reply of each operation says nothing."""
    record = _new(stand)
    async with stand.open(change=Once(spoil)) as opened:
        await bring_in(stand, opened, record)
    await _one(stand, record)
