"""The ways to book a line, each with the evidence for it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from domain.matching.amounts import Fit, amount_fits, by_contract, contract_fits, open_items, split_fits
from domain.matching.numbers import find_weak
from domain.matching.payer import Payer
from domain.matching.terms import Allocation, Flag, OpenItem, Proposal, Weights
from domain.records import BankLine


@dataclass(frozen=True, slots=True)
class _Number:
    """What the text says. `alone`: it names no other contract besides."""

    points: int = 0
    words: str = ""
    strong: bool = False
    alone: bool = True


@dataclass(frozen=True, slots=True)
class Case:
    """A line with everything that is known about its payer."""

    line: BankLine
    items: Sequence[OpenItem]
    numbers: tuple[str, ...]
    payer: Payer
    weights: Weights

    @property
    def text(self) -> str:
        return text_of(self.line)


def text_of(line: BankLine) -> str:
    return f"{line.text}\n{line.end_to_end or ''}"


def proposals(case: Case) -> Iterator[Proposal]:
    line, weights = case.line, case.weights
    unpaid = open_items(case.items, line.amount.currency)
    yield from _of_numbers(case)
    if not case.numbers:
        yield from _of_weak_numbers(case, unpaid)
    for customer, own in _by_customer(unpaid).items():
        if case.payer.evidence(customer):
            for fit in amount_fits(line, own, weights):
                yield _proposal(case, fit, own, _Number())


def _of_numbers(case: Case) -> Iterator[Proposal]:
    line, numbers, weights = case.line, case.numbers, case.weights
    groups = by_contract(case.items)
    one = _Number(weights.number_strong, "合同号一致", strong=True, alone=len(numbers) == 1)
    if len(numbers) > 1:
        together = replace(one, words=f"合同号一致（{len(numbers)} 份）", alone=True)
        named = [item for item in case.items if item.contract_number in numbers]
        own = open_items(named, line.amount.currency)
        for fit in split_fits(own, len(numbers), line.amount.minor, weights):
            yield _proposal(case, fit, named, together)
    for number in numbers:
        for fit in contract_fits(line, groups[number], alone=one.alone, weights=weights):
            yield _proposal(case, fit, groups[number], one)


def _of_weak_numbers(case: Case, items: Sequence[OpenItem]) -> Iterator[Proposal]:
    groups = by_contract(items)
    of_payer = {item.contract_number for item in items if case.payer.evidence(item.customer_id)}
    for number, words in find_weak(case.text, groups.keys(), payers=of_payer).items():
        for fit in amount_fits(case.line, groups[number], case.weights):
            yield _proposal(case, fit, groups[number], _Number(case.weights.number_weak, words))


def _proposal(case: Case, fit: Fit, items: Sequence[OpenItem], number: _Number) -> Proposal:
    """Adds up the evidence for one way to book the line."""
    payer, weights = case.payer, case.weights
    paid = [item for item, _ in fit.parts] or list(items)
    customers = {item.customer_id for item in paid}
    customer = next(iter(customers)) if len(customers) == 1 else None
    sure = customer is not None and payer.is_surely(customer)
    against = customer is None or payer.is_surely_another(customer)
    counts = sure or not fit.needs_payer
    evidence = [(number.points, number.words)]
    evidence += payer.evidence(customer) if customer is not None else []
    evidence.append((fit.points if counts else 0, fit.words))
    evidence += [_due(case.line, paid, weights)] if fit.parts else []
    if against:
        words = "所列合同属于不同客户" if customer is None else "付款方是另一客户"
        evidence.append((weights.contradiction, words))
    elif not sure:
        evidence.append((0, "付款方不是已知的合同客户"))
    strong_key = number.strong or (customer is not None and payer.account == customer)
    return Proposal(
        customer_id=customer,
        contract_numbers=tuple(dict.fromkeys(item.contract_number for item in paid)),
        allocations=tuple(Allocation(item.receivable_id, amount) for item, amount in fit.parts),
        score=sum(points for points, _ in evidence),
        reasons=tuple(words for _, words in evidence if words),
        flags=fit.flags | _flags(against=against, sure=sure),
        certain=all((fit.certain, counts, number.alone, strong_key, not against)),
    )


def _flags(*, against: bool, sure: bool) -> frozenset[Flag]:
    if against:
        return frozenset({Flag.CONTRADICTION})
    return frozenset() if sure else frozenset({Flag.THIRD_PARTY})


def _due(line: BankLine, paid: Iterable[OpenItem], weights: Weights) -> tuple[int, str]:
    days = min(abs((line.booked_on - item.due_date).days) for item in paid)
    if days <= 3:
        return weights.due_within_3_days, "日期与到期日相近"
    return (weights.due_within_30_days, "") if days <= 30 else (0, "")


def _by_customer(items: Iterable[OpenItem]) -> dict[int, list[OpenItem]]:
    groups: dict[int, list[OpenItem]] = {}
    for item in items:
        groups.setdefault(item.customer_id, []).append(item)
    return groups
