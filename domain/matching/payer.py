"""Who paid: by account, which says most, or by name."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz import fuzz

from domain.identifiers import exact_company_name, fold_company_name
from domain.matching.terms import OpenItem, Weights
from domain.records import BankLine

FUZZY = 90
SHORT_NAME = 4
"""A folded name of so few characters says too little to be similar to another."""


@dataclass(frozen=True, slots=True)
class Payer:
    """`account`: whose it is, as far as known. `names`: points by customer; `sure`: not just alike."""

    account: int | None
    account_points: int
    names: Mapping[int, tuple[int, str]]
    sure: bool

    def evidence(self, customer: int) -> list[tuple[int, str]]:
        by_account = [(self.account_points, "付款账号已知")] if customer == self.account else []
        by_name = [self.names[customer]] if customer in self.names else []
        return by_account + by_name

    def is_surely(self, customer: int) -> bool:
        """The account says more than the name."""
        if self.account is not None:
            return customer == self.account
        return self.sure and customer in self.names

    def is_surely_another(self, customer: int) -> bool:
        return (self.account is not None or self.sure) and not self.is_surely(customer)

    @property
    def only(self) -> int | None:
        if self.account is not None:
            return self.account
        return next(iter(self.names)) if self.sure and len(self.names) == 1 else None


def find_payer(
    line: BankLine,
    items: Iterable[OpenItem],
    payers: Mapping[str, int],
    names: Mapping[str, int],
    weights: Weights,
) -> Payer:
    account = payers.get(line.payer_account) if line.payer_account else None
    customers = {item.customer_id: item.customer_name for item in items}
    exact, folded = _exact(line.payer_name or ""), _folded(line.payer_name or "")
    if not exact:
        return Payer(account, weights.payer_account, {}, sure=False)
    known = dict.fromkeys(_same(names, exact), (weights.name_known, "户名为已确认的付款方"))
    same = {id_: (weights.name_exact, "户名一致") for id_, name in customers.items() if _exact(name) == exact}
    alike = {id_: name for id_, name in customers.items() if folded and _folded(name) == folded}
    if found := known | same or dict.fromkeys(alike, (weights.name_folded, "户名基本一致")):
        return Payer(account, weights.payer_account, found, sure=True)
    return Payer(account, weights.payer_account, _similar(customers, folded, weights), sure=False)


def _same(names: Mapping[str, int], exact: str) -> set[int]:
    return {customer for name, customer in names.items() if _exact(name) == exact}


def _similar(customers: Mapping[int, str], folded: str, weights: Weights) -> dict[int, tuple[int, str]]:
    if len(folded) <= SHORT_NAME:
        return {}
    return {
        customer: (weights.name_fuzzy, "户名相似")
        for customer, name in customers.items()
        if fuzz.ratio(_folded(name), folded) >= FUZZY
    }


_exact = lru_cache(maxsize=50_000)(exact_company_name)
_folded = lru_cache(maxsize=50_000)(fold_company_name)
