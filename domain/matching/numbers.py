"""Finding contract numbers in the free text of a payment.

A strong hit is the number itself, however it was typed. A weak hit is what is left of it (digits only, cut
off, a letter for a digit, its tail) and counts only where it can mean no other contract.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable
from functools import lru_cache

_SEPARATOR = r"[-‐‑‒–—―−_/.·•:()〔〕【】\[\]\s]"
_BETWEEN = _SEPARATOR + "{0,3}"
_RUNS = re.compile(r"[A-Z]+|[0-9]+|[^\W\dA-Z_]+")
_TOKEN = re.compile(rf"(?<![A-Z0-9])[A-Z0-9]+(?:{_SEPARATOR}{{1,3}}[A-Z0-9]+)*")

# Digits of another number must not be taken for ours: XHT-2025-0042 and 2025HT20250042 are other contracts.
_ALONE = r"(?<![A-Z0-9])(?<![A-Z0-9][-‐‑‒–—―−_/.])"
_DIGITS = re.compile(_ALONE + r"[0-9]{4,}(?![0-9])")
_YEAR = re.compile(r"(?:19|20)[0-9]{2}")

_LOOKS_LIKE = {"0": "[0O]", "1": "[1IL]", "2": "[2Z]", "5": "[5S]", "8": "[8B]"}
_CONFUSABLE = str.maketrans("OILZSB", "011258")

SHORTEST_NUMBER = 6
"""Letters and digits; anything shorter turns up in texts by chance."""
SHORTEST_PREFIX = 8
SHORTEST_DIGITS = 6


def find_strong(text: str, contracts: Iterable[str]) -> tuple[str, ...]:
    """The contracts whose number stands in the text, but not inside a longer number that hits as well."""
    plain = _plain(text)
    digits = _digits(plain)
    spans = {
        contract: [match.span() for match in _strict(contract).finditer(plain)]
        for contract in dict.fromkeys(contracts)
        if _long_enough(contract) and _digits(_plain(contract)) in digits
    }
    return tuple(contract for contract in spans if any(not _inside(span, spans) for span in spans[contract]))


def find_weak(text: str, contracts: Collection[str], *, payers: Collection[str] = ()) -> dict[str, str]:
    """Contract to the reason in words. `payers` are those of the payer, among which a tail must be unique."""
    plain = _plain(text)
    found: dict[str, str] = {}
    for reason, hits in (
        ("合同号疑似字母数字混淆", _by_lookalikes(plain, contracts)),
        ("只有合同号的数字部分", _by_digits(plain, contracts)),
        ("合同号被截断", _by_prefix(plain, contracts)),
        ("只有合同号的尾号", _by_tail(plain, payers)),
    ):
        if len(hits) == 1:
            found.setdefault(next(iter(hits)), reason)
    return found


def _by_lookalikes(plain: str, contracts: Iterable[str]) -> set[str]:
    folded = _digits(plain.translate(_CONFUSABLE))
    return {
        contract
        for contract in contracts
        if _long_enough(contract)
        and _digits(_plain(contract).translate(_CONFUSABLE)) in folded
        and _lookalike(contract).search(plain)
    }


def _by_digits(plain: str, contracts: Iterable[str]) -> set[str]:
    digits = _digits(plain)
    return {
        contract
        for contract in contracts
        if len(own := _digits(_plain(contract))) >= SHORTEST_DIGITS
        and own in digits
        and _digits_only(contract).search(plain)
    }


def _by_prefix(plain: str, contracts: Iterable[str]) -> set[str]:
    tokens = {_compact(token) for token in _TOKEN.findall(plain)}
    starts = tuple(token for token in tokens if len(token) >= SHORTEST_PREFIX)
    return {
        contract
        for contract in contracts
        if any(_compact(_plain(contract)).startswith(start) for start in starts)
    }


def _by_tail(plain: str, contracts: Iterable[str]) -> set[str]:
    tails = tuple(tail for tail in _DIGITS.findall(plain) if not _YEAR.fullmatch(tail))
    return {contract for contract in contracts if tails and _digits(_plain(contract)).endswith(tails)}


@lru_cache(maxsize=20_000)
def _strict(contract: str) -> re.Pattern[str]:
    runs = (re.escape(run) for run in _RUNS.findall(_plain(contract)))
    return re.compile(rf"(?<![A-Z0-9]){_BETWEEN.join(runs)}(?![0-9])")


@lru_cache(maxsize=20_000)
def _lookalike(contract: str) -> re.Pattern[str]:
    runs = (
        "".join(_LOOKS_LIKE.get(digit, digit) for digit in run) if run.isdecimal() else re.escape(run)
        for run in _RUNS.findall(_plain(contract))
    )
    return re.compile(rf"(?<![A-Z0-9]){_BETWEEN.join(runs)}(?![A-Z0-9])")


@lru_cache(maxsize=20_000)
def _digits_only(contract: str) -> re.Pattern[str]:
    runs = re.findall(r"[0-9]+", _plain(contract))
    return re.compile(f"{_ALONE}{_BETWEEN.join(runs)}(?![0-9])")


def _inside(span: tuple[int, int], spans: dict[str, list[tuple[int, int]]]) -> bool:
    others = (other for all_of_one in spans.values() for other in all_of_one)
    return any(other != span and other[0] <= span[0] and span[1] <= other[1] for other in others)


def _long_enough(contract: str) -> bool:
    return len(_compact(_plain(contract))) >= SHORTEST_NUMBER


@lru_cache(maxsize=20_000)
def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).upper()


@lru_cache(maxsize=20_000)
def _digits(plain: str) -> str:
    return re.sub(r"[^0-9]", "", plain)


def _compact(plain: str) -> str:
    return re.sub(_SEPARATOR, "", plain)
