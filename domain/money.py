"""Money: a Decimal with a currency, exact to the currency's minor unit."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Self

MINOR_DIGITS = {"JPY": 0, "KRW": 0, "KWD": 3, "BHD": 3}
"""ISO 4217 currencies that do not have two decimals."""

LIMIT = Decimal(10) ** 13
"""No mid-size company's single amount reaches ten trillion: beyond it, a number is a mistake."""


class NotMoney(ValueError):
    """The amount has fractions of a minor unit, is not finite, is absurdly large, or has no currency."""


@dataclass(frozen=True, slots=True, order=True)
class Money:
    amount: Decimal
    currency: str = "CNY"

    def __post_init__(self) -> None:
        if not isinstance(self.amount, Decimal):
            raise TypeError(f"money needs a Decimal, not {type(self.amount).__name__}")
        if not (len(self.currency) == 3 and self.currency.isascii() and self.currency.isupper()):
            raise NotMoney(f"{self.currency!r} is no ISO 4217 currency code")
        if not self.amount.is_finite() or abs(self.amount) >= LIMIT:
            raise NotMoney(f"{self.amount} is out of range")
        exact = self.amount.quantize(self.unit)
        if exact != self.amount:
            raise NotMoney(f"{self.amount} {self.currency} is finer than the currency's minor unit")
        object.__setattr__(self, "amount", exact)

    @property
    def unit(self) -> Decimal:
        return Decimal(1).scaleb(-MINOR_DIGITS.get(self.currency, 2))

    @property
    def minor(self) -> int:
        """The amount in minor units: fen for CNY."""
        return int(self.amount.scaleb(MINOR_DIGITS.get(self.currency, 2)))

    @classmethod
    def from_minor(cls, minor: int, currency: str = "CNY") -> Self:
        return cls(Decimal(minor).scaleb(-MINOR_DIGITS.get(currency, 2)), currency)

    def __add__(self, other: "Money") -> "Money":
        return Money(self.amount + self._same(other), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.amount - self._same(other), self.currency)

    def __str__(self) -> str:
        return f"{self.amount:,} {self.currency}"

    def _same(self, other: "Money") -> Decimal:
        if other.currency != self.currency:
            raise NotMoney(f"{self.currency} and {other.currency} do not add up")
        return other.amount
