"""A bank line and the open receivables: what it pays, how sure that is, and why.

First the customer, then the contract, then the amount. Amounts are integer minor units (fen). Nothing is
written here: `auto` may be booked at once, `propose` needs a person, `none` goes to the claim pool.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date

from domain.matching.candidates import Case, proposals, text_of
from domain.matching.kinds import Kind, kind_of
from domain.matching.numbers import find_strong
from domain.matching.payer import Payer, find_payer
from domain.matching.terms import WEIGHTS, Band, Flag, MatchResult, OpenItem, Proposal, Weights
from domain.records import BankLine

REPEATED_WITHIN_DAYS = 3


def match(
    line: BankLine,
    items: Sequence[OpenItem],
    payers: Mapping[str, int],
    *,
    names: Mapping[str, int] | None = None,
    own_accounts: Collection[str] = frozenset(),
    recent: Iterable[BankLine] = (),
    weights: Weights = WEIGHTS,
) -> MatchResult:
    """`payers`: payer account to customer, learned from confirmed matches; `names`: payer name to customer,
    confirmed for third parties; `recent`: lines of the last days, to notice a payment made twice.
    """
    numbers = find_strong(text_of(line), (item.contract_number for item in items))
    kind, reason = kind_of(line, own_accounts=own_accounts, names_a_contract=bool(numbers))
    if kind is not Kind.RECEIPT:
        return MatchResult(band="none", kind=kind, reasons=(reason,))
    payer = find_payer(line, items, payers, names or {}, weights)
    case = Case(line, sorted(items, key=_by_due_date), numbers, payer, weights)
    return _judge(_best_first(proposals(case)), payer, _repeated(line, recent), weights)


def _by_due_date(item: OpenItem) -> tuple[date, str, int, int]:
    return (item.due_date, item.contract_number, item.instalment, item.receivable_id)


def _best_first(found: Iterable[Proposal]) -> list[Proposal]:
    """Of proposals that come to the same booking the best evidence counts."""
    best: dict[object, Proposal] = {}
    for proposal in found:
        key = proposal.allocations or proposal.contract_numbers
        if key not in best or proposal.score > best[key].score:
            best[key] = proposal
    return sorted(best.values(), key=lambda each: (-each.score, not each.certain, each.contract_numbers))


def _judge(ranked: list[Proposal], payer: Payer, repeated: bool, weights: Weights) -> MatchResult:
    if not ranked:
        known = payer.only is not None
        reason = "付款客户已知，金额没有对应的应收" if known else "没有合同号，也认不出付款方"
        return MatchResult(band="none", reasons=(reason,), customer_id=payer.only)
    best, *others = ranked
    flags, reasons = set(best.flags), list(best.reasons)
    if others and best.score - others[0].score <= weights.margin:
        flags.add(Flag.TIE)
        reasons.append("另有得分相近的候选")
    if repeated:
        flags.add(Flag.DOUBLE_PAYMENT)
        reasons.append("近日有同付款方、同金额、同摘要的一笔，可能重复付款")
    blocked = flags & {Flag.TIE, Flag.DOUBLE_PAYMENT, Flag.CONTRADICTION}
    band: Band = "auto" if best.certain and not blocked and best.score >= weights.auto else "propose"
    if best.score < weights.propose:
        band = "none"
    return MatchResult(
        band=band,
        allocations=() if band == "none" else best.allocations,
        score=best.score,
        reasons=tuple(reasons),
        flags=frozenset(flags),
        customer_id=payer.only if band == "none" else best.customer_id,
        contract_numbers=best.contract_numbers,
        alternatives=tuple(ranked if band == "none" else others),
    )


def _repeated(line: BankLine, recent: Iterable[BankLine]) -> bool:
    def told(each: BankLine) -> tuple[object, ...]:
        return (each.payer_name, each.payer_account, each.amount, each.direction, each.text)

    return any(
        other.key != line.key
        and told(other) == told(line)
        and abs((other.booked_on - line.booked_on).days) <= REPEATED_WITHIN_DAYS
        for other in recent
    )
