"""What an amount can pay: an instalment, a contract, a few instalments, a part, too much."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, islice

from domain.matching.terms import Flag, OpenItem, Weights
from domain.money import Money
from domain.records import BankLine

MOST_IN_A_SUM = 4
SEARCHED = 24
"""Instalments, earliest first, among which sums are searched: 12,926 sums at most."""
SUMS_KEPT = 4
LARGEST_FEE = 5_000


@dataclass(frozen=True, slots=True)
class Fit:
    """A way the amount fits. `certain` is the amount's own say; `needs_payer`: only of a sure payer."""

    parts: tuple[tuple[OpenItem, int], ...]
    points: int
    words: str
    certain: bool = False
    flags: frozenset[Flag] = frozenset()
    needs_payer: bool = False


def amount_fits(line: BankLine, items: Sequence[OpenItem], weights: Weights) -> list[Fit]:
    amount, charges = line.amount.minor, line.charges.minor if line.charges else 0
    return list(_whole_fits(items, amount, weights)) or list(_fee_fits(items, amount, charges, weights))


def _whole_fits(items: Sequence[OpenItem], amount: int, weights: Weights) -> Iterator[Fit]:
    """The amount closes what it pays: one instalment, a contract, or a sum of a few instalments."""
    for number, own in by_contract(items).items():
        one = next((item for item in own if item.open.minor == amount), None)
        if one is not None:
            yield Fit(_in_full([one]), weights.one_instalment, f"等于{_title(one)}应收", certain=True)
        if len(own) > 1 and _total(own) == amount:
            yield Fit(_in_full(own), weights.whole_contract, f"等于 {number} 全部未收", certain=True)
    for few in _sums(items, amount):
        words = f"等于 {len(few)} 期应收之和"
        yield Fit(_in_full(few), weights.sum_of_instalments, words, certain=True)


def _fee_fits(items: Sequence[OpenItem], amount: int, charges: int, weights: Weights) -> Iterator[Fit]:
    """Short of an instalment by what a bank may have kept; without the bank's word a person decides."""
    for own in by_contract(items).values():
        item = next((each for each in own if _could_be_fee(each.open.minor - amount, each.open.minor)), None)
        if item is None:
            continue
        short = item.open.minor - amount
        source = "银行注明为手续费" if short == charges else "疑似扣费"
        words = f"比{_title(item)}应收少 {_money(short, item)}，{source}"
        flags = frozenset({Flag.FEE_DEDUCTED})
        yield Fit(((item, amount),), weights.less_fee, words, certain=short == charges, flags=flags)


def _could_be_fee(short: int, instalment: int) -> bool:
    """0.01–50.00 or 0.1 %. Half of a small instalment is no fee, so 5 % at most."""
    return short > 0 and (short <= LARGEST_FEE or short * 1000 <= instalment) and short * 20 <= instalment


def _uneven_fit(items: Sequence[OpenItem], amount: int, weights: Weights) -> Fit:
    """One contract, and the amount closes nothing exactly."""
    first, total = items[0], _total(items)
    if amount > total:
        words = f"比全部未收多 {_money(amount - total, first)}，多出部分转预收"
        return Fit(_in_full(items), 0, words, flags=frozenset({Flag.OVER_PAYMENT}))
    part = frozenset({Flag.PART_PAYMENT})
    if amount < first.open.minor:
        words = f"为{_title(first)}应收的一部分"
        return Fit(((first, amount),), weights.part_of_earliest, words, True, part, needs_payer=True)
    return Fit(tuple(_earliest_first(items, amount)), 0, "与各期应收都不吻合，按到期先后试分", flags=part)


def contract_fits(line: BankLine, items: Sequence[OpenItem], *, alone: bool, weights: Weights) -> list[Fit]:
    """Of one contract that the text names, its paid instalments included."""
    amount, currency = line.amount.minor, line.amount.currency
    own = open_items(items, currency)
    fits = amount_fits(line, own, weights)
    if fits or not alone:
        return fits
    again = any(item.amount_due == line.amount and not item.open.minor for item in items)
    if own:
        fit = _uneven_fit(own, amount, weights)
    elif any(item.open.minor for item in items):
        fit = Fit((), 0, "币种与合同不同，请人工处理")
    else:
        fit = Fit((), 0, "合同已无未收款", flags=frozenset({Flag.CLOSED_CONTRACT}))
    if not again:
        return [fit]
    words = f"{fit.words}；同额的一期已收清，可能是重复付款"
    return [replace(fit, words=words, certain=False, flags=fit.flags | {Flag.DOUBLE_PAYMENT})]


def split_fits(items: Sequence[OpenItem], contracts: int, amount: int, weights: Weights) -> list[Fit]:
    """One payment for several named contracts: each must get something, and the amounts must add up."""
    splits = [few for few in _sums(items, amount) if len(by_contract(few)) == contracts]
    if not splits:
        return [Fit((), 0, "金额与所列合同的分期都不吻合，请人工拆分")]
    unique = len(splits) == 1
    words = f"一笔付 {contracts} 份合同，" + ("拆分唯一" if unique else f"有 {len(splits)} 种拆法")
    points = weights.split_over_contracts
    return [Fit(_in_full(few), points, words, certain=unique) for few in splits]


def _sums(items: Sequence[OpenItem], amount: int) -> list[tuple[OpenItem, ...]]:
    """Two to four instalments that add up. Of a contract's equal instalments the earliest stand for all."""
    return list(islice(_distinct_sums(items[:SEARCHED], amount), SUMS_KEPT))


def _distinct_sums(items: Sequence[OpenItem], amount: int) -> Iterator[tuple[OpenItem, ...]]:
    priced = [(item.open.minor, item) for item in items]
    seen: set[tuple[tuple[str, int], ...]] = set()
    for size in range(2, MOST_IN_A_SUM + 1):
        for few in combinations(priced, size):
            if sum(minor for minor, _ in few) != amount:
                continue
            signature = tuple(sorted((item.contract_number, minor) for minor, item in few))
            if signature not in seen:
                seen.add(signature)
                yield tuple(item for _, item in few)


def _earliest_first(items: Iterable[OpenItem], amount: int) -> Iterator[tuple[OpenItem, int]]:
    for item in items:
        part = min(amount, item.open.minor)
        if part > 0:
            yield item, part
            amount -= part


def open_items(items: Iterable[OpenItem], currency: str) -> list[OpenItem]:
    return [item for item in items if item.open.currency == currency and item.open.minor > 0]


def by_contract(items: Iterable[OpenItem]) -> dict[str, list[OpenItem]]:
    groups: dict[str, list[OpenItem]] = {}
    for item in items:
        groups.setdefault(item.contract_number, []).append(item)
    return groups


def _in_full(items: Iterable[OpenItem]) -> tuple[tuple[OpenItem, int], ...]:
    return tuple((item, item.open.minor) for item in items)


def _total(items: Iterable[OpenItem]) -> int:
    return sum(item.open.minor for item in items)


def _title(item: OpenItem) -> str:
    return f" {item.contract_number} 第 {item.instalment} 期"


def _money(minor: int, item: OpenItem) -> Money:
    return Money.from_minor(minor, item.open.currency)
