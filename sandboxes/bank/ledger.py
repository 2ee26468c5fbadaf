"""Accounts and bookings. A booking is never changed, only reversed by another."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from sandboxes.common import Books, Clock
from sandboxes.common.clock import CHINA

ACCOUNTS: dict[str, dict[str, str]] = {
    "755900000000001": {"owner": "示例科技有限公司", "currency": "CNY", "opening": "100000.00"},
    "755900000000002": {"owner": "示例科技有限公司", "currency": "CNY", "opening": "0.00"},
    "755900000000003": {"owner": "示例科技有限公司", "currency": "USD", "opening": "5000.00"},
}
MAIN_ACCOUNT = "755900000000001"
CENT = Decimal("0.01")
OTHER_WAY = {"CRDT": "DBIT", "DBIT": "CRDT"}
DEFAULTS: dict[str, Any] = {
    "payer_name": "",
    "payer_account": "",
    "text": "",
    "end_to_end": "",
    "code": "DMCT",
    "status": "BOOK",
    "reversal": False,
    "charges": None,
    "details": [],
    "statement": None,
    "reversed_by": None,
}


class Ledger:
    """Tables `accounts` (`issued`: the balance up to the last statement) and `bookings`."""

    def __init__(self, books: Books, clock: Clock) -> None:
        self._books = books
        self._clock = clock

    def seed(self) -> None:
        for number, account in ACCOUNTS.items():
            balances = {"balance": account["opening"], "issued": account["opening"], "sequence": 0}
            self._books.table("accounts")[number] = {**account, **balances}

    def account(self, number: str) -> dict[str, Any]:
        if number not in self._books.table("accounts"):
            raise ValueError(f"没有账号 {number} (no such account)")
        return self._books.table("accounts")[number]

    def pay(self, body: Mapping[str, Any]) -> str:
        """Money comes in. `charges` is what a bank on the way kept of it, `status` PDNG is not booked yet."""
        charges = amount_of(body["charges"]) if body.get("charges") else None
        amount = amount_of(body["amount"]) - (charges or 0)
        if amount <= 0:
            raise ValueError("手续费不小于付款金额 (the charges eat up the payment)")
        return self._book(
            body,
            direction="CRDT",
            amount=amount,
            charges=str(charges) if charges else None,
            status=_status(body.get("status", "BOOK")),
            payer_name=plain_text(body["payer_name"], limit=140),
            payer_account=plain_text(body["payer_account"], limit=34),
            text=plain_text(body.get("text", ""), limit=1000),
            end_to_end=plain_text(body.get("end_to_end", ""), limit=35),
        )

    def pay_batch(self, body: Mapping[str, Any]) -> str:
        """One booking for several payments."""
        details = [
            {
                "amount": str(amount_of(payment["amount"])),
                "payer_name": plain_text(payment["payer_name"], limit=140),
                "payer_account": plain_text(payment["payer_account"], limit=34),
                "text": plain_text(payment.get("text", ""), limit=1000),
                "end_to_end": plain_text(payment.get("end_to_end", ""), limit=35),
            }
            for payment in body["payments"]
        ]
        if not details:
            raise ValueError("a batch holds at least one payment")
        total = sum((Decimal(detail["amount"]) for detail in details), Decimal(0))
        return self._book(body, direction="CRDT", amount=total, details=details)

    def charge(self, body: Mapping[str, Any]) -> str:
        text = plain_text(body.get("text", "手续费"), limit=500)
        return self._book(body, direction="DBIT", amount=amount_of(body["amount"]), text=text, code="FEE")

    def reverse(self, serial: str) -> str:
        """冲正: the same amount the other way round, marked as a reversal."""
        bookings = self._books.table("bookings")
        original = bookings.get(serial)
        if original is None or original["status"] != "BOOK":
            raise ValueError(f"没有已记账的流水 {serial} (no such booking)")
        if original["reversed_by"] or original["reversal"]:
            raise ValueError(f"{serial} 已冲正，或本身是冲正 (was reversed or is a reversal)")
        number = self._book(
            {"account": original["account"]},
            direction=OTHER_WAY[original["direction"]],
            amount=Decimal(original["amount"]),
            text=f"冲正 {serial}",
            reversal=True,
            payer_name=original["payer_name"],
            payer_account=original["payer_account"],
        )
        bookings[serial] = original | {"reversed_by": number}
        return number

    def unissued(self, account: str, *, day: str | None = None) -> list[str]:
        return [
            serial
            for serial, row in self._books.table("bookings").items()
            if row["account"] == account
            and row["statement"] is None
            and (day is None or row["booked_at"].startswith(day))
        ]

    def issue(self, account: str, serials: list[str], *, statement: str) -> dict[str, Any]:
        """Closes the bookings: the account's chain of balances goes on from the last statement."""
        accounts, bookings = self._books.table("accounts"), self._books.table("bookings")
        row = accounts[account]
        opening, closing = Decimal(row["issued"]), Decimal(row["issued"])
        for serial in serials:
            closing += signed(bookings[serial])
            if bookings[serial]["status"] == "BOOK":
                bookings[serial] = bookings[serial] | {"statement": statement}
        accounts[account] = row | {"issued": str(closing), "sequence": row["sequence"] + 1}
        return {
            "account": account,
            "owner": row["owner"],
            "currency": row["currency"],
            "sequence": row["sequence"] + 1,
            "opening": str(opening),
            "closing": str(closing),
            "bookings": serials,
        }

    def _book(self, body: Mapping[str, Any], *, direction: str, amount: Decimal, **more: Any) -> str:
        number = str(body.get("account", MAIN_ACCOUNT))
        account = self.account(number)
        if body.get("currency", account["currency"]) != account["currency"]:
            raise ValueError(f"这个账户的币种是 {account['currency']} (the account's currency)")
        booked_at = _moment(body.get("booked_at")) or self._clock.china()
        serial = f"N{self._books.next_number('bookings'):014}"
        row = DEFAULTS | {
            "account": number,
            "amount": str(amount),
            "currency": account["currency"],
            "direction": direction,
            "booked_at": booked_at.isoformat(timespec="seconds"),
            **more,
        }
        self._books.table("bookings")[serial] = row
        balance = Decimal(account["balance"]) + signed(row)
        self._books.table("accounts")[number] = account | {"balance": str(balance)}
        return serial


def signed(row: Mapping[str, Any]) -> Decimal:
    """What a booking adds to the balance: nothing while it is pending."""
    if row["status"] != "BOOK":
        return Decimal(0)
    return Decimal(row["amount"]) * (1 if row["direction"] == "CRDT" else -1)


def amount_of(value: object) -> Decimal:
    try:
        amount = Decimal(str(value))
    except InvalidOperation as error:
        raise ValueError(f"金额不对：{value} (not an amount)") from error
    if not amount.is_finite() or amount <= 0 or amount != amount.quantize(CENT):
        raise ValueError(f"金额要大于零，最多两位小数：{value} (positive, at most two decimals)")
    return amount.quantize(CENT)


def plain_text(value: object, *, limit: int) -> str:
    """What the bank's screen takes: no control characters, so that every text fits into XML."""
    text = str(value)
    if len(text) > limit or not all(character.isprintable() for character in text):
        raise ValueError(f"最多 {limit} 个可见字符 (printable characters)")
    return text


def _status(value: object) -> str:
    if value not in ("BOOK", "PDNG"):
        raise ValueError("status is BOOK or PDNG")
    return str(value)


def _moment(value: object) -> datetime | None:
    """ISO 8601; without an offset it is China time."""
    if value is None:
        return None
    moment = datetime.fromisoformat(str(value))
    return moment.astimezone(CHINA) if moment.tzinfo else moment.replace(tzinfo=CHINA)
