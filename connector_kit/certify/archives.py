"""Base data that the vendor lists: whole, each row once, also while rows come and go."""

import random
from collections.abc import Awaitable, Callable
from typing import get_args

from connector_kit.certify.model import Check, Failed, Level, Skipped
from connector_kit.certify.postings import (
    ATTEMPTS,
    OF_LISTS,
    QUICK,
    company,
    customer_posting,
    deliver,
    in_pages,
)
from connector_kit.certify.stand import Open, Stand
from domain.faults import Fault, Misconfigured, Transient
from domain.ports import ArchiveKind, Archives
from domain.records import Company

KEPT, SEEDS_TOGETHER = 9, 10
GONE = {"kind": "page_shift", "rows": -1, "rate": 0.3, "times": 1}
"""Few vendors let anybody delete base data: that a row has gone, the sandbox plays."""


def checks() -> list[Check]:
    rows: tuple[tuple[str, Level, str, str, Callable[[Stand], Awaitable[None]], bool], ...] = (
        ("listed", "bronze", "客户清单里各有一次", "customers are listed, each once", listed, False),
        ("kinds", "bronze", "列得出，或说明列不出", "listed, or said that it cannot be", kinds, False),
        ("moving_list", "gold", "边列边增删，不漏不重", "a list that moves is read whole", moving_list, True),
        ("list_under_faults", "gold", "出故障时不漏不重", "read under faults it is whole", troubled, True),
    )
    return [
        Check(f"archive.{name}", "Archives", level, f"基础资料：{zh}", en, run, faults)
        for name, level, zh, en, run, faults in rows
    ]


async def _customers(stand: Stand, count: int) -> dict[str, str]:
    records = [company(stand) for _ in range(count)]
    async with stand.open() as opened:
        for record in records:
            await _post(opened, record)
    return {record.code: record.name for record in records}


async def _post(opened: Open, record: Company) -> None:
    await deliver(customer_posting(record), opened)


def _compare(made: dict[str, str], seen: list[tuple[str, str]]) -> None:
    codes = [code for code, _ in seen]
    lost = made.items() - set(seen)
    if lost or len(codes) != len(set(codes)):
        raise Failed(f"lost {sorted(lost)}, {len(codes) - len(set(codes))} came twice")


async def _list(opened: Open, step: Callable[[], Awaitable[None]] | None = None) -> list[tuple[str, str]]:
    """What says that it could not be read is read again, as a job does."""
    for _ in range(ATTEMPTS):
        seen: list[tuple[str, str]] = []
        try:
            async for entry in opened.port(Archives).list_archive("customer"):
                seen.append((entry.code, entry.name))
                if step:
                    await step()
            return seen
        except Transient:
            continue
        except Misconfigured as fault:
            raise Skipped(str(fault)) from fault
    raise Failed("the list could not be read at all")


async def listed(stand: Stand) -> None:
    made = await _customers(stand, 5)
    async with stand.open(stand.bench.small_pages) as opened:
        _compare(made, await _list(opened))
        in_pages(stand, opened, "customer")


async def kinds(stand: Stand) -> None:
    async with stand.open() as opened:
        for kind in get_args(ArchiveKind):
            try:
                entries = [entry async for entry in opened.port(Archives).list_archive(kind)]
            except Misconfigured as fault:
                if len(str(fault)) < 8:
                    raise Failed(f"{kind}: the refusal says only “{fault}”") from fault
                continue
            if not all(entry.code and entry.name for entry in entries):
                raise Failed(f"{kind}: a row without code or name in {entries}")


async def moving_list(stand: Stand) -> None:
    """A customer is hardly ever deleted: now and then the books begin anew, or they would grow."""
    for first in range(0, stand.seeds, SEEDS_TOGETHER):
        await stand.reset()
        made = await _customers(stand, KEPT)
        async with stand.open(stand.bench.small_pages) as reader, stand.open() as writer:
            for seed in range(first, min(first + SEEDS_TOGETHER, stand.seeds)):
                await stand.faults([GONE], seed=seed)
                _compare(made, await _list(reader, _adding(stand, writer, random.Random(seed))))  # noqa: S311


def _adding(stand: Stand, writer: Open, chance: random.Random) -> Callable[[], Awaitable[None]]:
    left = 2

    async def step() -> None:
        nonlocal left
        if left and chance.random() < 0.3:
            left -= 1
            await _post(writer, company(stand))

    return step


async def troubled(stand: Stand) -> None:
    made = await _customers(stand, 5)
    for trouble in (*QUICK, *OF_LISTS):
        async with stand.open(stand.bench.small_pages) as opened:
            await stand.faults([{**trouble.rule, "times": 1}])
            _compare(made, await _at_last(opened))
            await stand.calm()


async def _at_last(opened: Open) -> list[tuple[str, str]]:
    for _ in range(ATTEMPTS):
        try:
            return await _list(opened)
        except Fault:
            continue
    raise Failed("the list could not be read at all")
