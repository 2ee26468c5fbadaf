"""The sandbox: both doors in their frame, and what people do at U8's own screens."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sandboxes.common import Act, Sandbox
from sandboxes.common.asked import turned
from sandboxes.common.codes import Code
from sandboxes.yonyou_u8 import seed, words
from sandboxes.yonyou_u8.codes import CODES
from sandboxes.yonyou_u8.documents import KINDS
from sandboxes.yonyou_u8.door import Account, Door, reply
from sandboxes.yonyou_u8.eai import PATH, SENDER, EaiDoor
from sandboxes.yonyou_u8.ledger import NEW, VERIFIED, kind_of
from sandboxes.yonyou_u8.screens import DEEDS, SCREENS
from sandboxes.yonyou_u8.words import Refusal

ACCOUNT = Account(
    from_account="dev_demo",
    to_account="test_corp01",
    app_key="opa0f1e2d3c4b5a697",
    app_secret="made-up-u8-app-secret",  # noqa: S106  # a sandbox has no secrets
)
KNOBS: Mapping[str, Any] = {
    "async_seconds": 1.0,
    "ack_with_errcode": False,
    "empty_id": False,
    "amounts_as_numbers": False,
    "agent_offline": False,
    "eai_gb2312": False,
    "eai_max_items": 20000,
}


class YonyouU8(Sandbox):
    name = "yonyou_u8"
    title = "用友 U8+"
    screens = SCREENS
    codes = CODES
    deeds = DEEDS

    def __init__(self, *, path: Path | None = None) -> None:
        super().__init__(path=path)
        self.door = Door(self.books, self.clock, ACCOUNT)
        self.eai = EaiDoor(self.books, self.door.ledger, self.door.sales, self.door.vouchers)

    def routes(self) -> list[BaseRoute]:
        return [Route("/{path:path}", self._serve, methods=["GET", "POST"])]

    async def _serve(self, request: Request) -> Response:
        return await (self.eai if _is_import(request) else self.door)(request)

    def credentials(self) -> dict[str, str]:
        return {
            "from_account": ACCOUNT.from_account,
            "to_account": ACCOUNT.to_account,
            "app_key": ACCOUNT.app_key,
            "app_secret": ACCOUNT.app_secret,
            "sender": SENDER,
        }

    def seed(self) -> None:
        seed.seed(self.books, self.clock)
        self.books.table("_knobs")["knobs"] = dict(KNOBS)

    def vendor_error(self) -> Response:
        errcode, errmsg = words.PLATFORM_ERROR
        return reply({"errcode": errcode, "errmsg": errmsg})

    def refusal(self, code: Code, request: Request, body: bytes) -> Response:
        if _is_import(request):
            return self.eai.refusal(code.code, code.message, body)
        return reply({"errcode": code.code, "errmsg": code.message})

    def expire_sessions(self) -> None:
        self.door.gateway.forget_tokens()

    def acts(self) -> dict[str, Act]:
        return {
            "write_off": _by_hand(self._write_off),
            "undo_write_off": _by_hand(self._undo_write_off),
            "verify_voucher": _by_hand(self._verify_voucher),
            "verify_all": _by_hand(self._verify_all),
            "unverify_voucher": _by_hand(self._unverify_voucher),
            "delete_voucher": _by_hand(self._delete_voucher),
            "close_period": _by_hand(self._close_period),
            "open_period": _by_hand(self._open_period),
            "deactivate_customer": _by_hand(self._deactivate_customer),
            "lock_record": _by_hand(self._lock_record),
            "set_knobs": _by_hand(self._set_knobs),
        }

    def _write_off(self, body: dict[str, Any]) -> dict[str, Any]:
        try:
            amount = Decimal(str(body["amount"]))
        except InvalidOperation as error:
            raise ValueError("amount is not a number") from error
        ledger = self.door.ledger
        return {
            "number": ledger.write_off(receipt=body["receipt"], receivable=body["receivable"], amount=amount)
        }

    def _undo_write_off(self, body: dict[str, Any]) -> dict[str, Any]:
        amount = self.door.ledger.undo_write_off(receipt=body["receipt"], receivable=body["receivable"])
        return {"amount": str(amount)}

    def _verify_voucher(self, body: dict[str, Any]) -> dict[str, Any]:
        self.door.ledger.verify(kind_of(body["kind"]), body["code"], by=body.get("by", "测试会计"))
        return {"code": body["code"]}

    def _verify_all(self, body: dict[str, Any]) -> dict[str, Any]:
        """The accountant goes through everything that is new, as after an import through the XML door."""
        ledger, verified = self.door.ledger, 0
        for kind in KINDS.values():
            for row in ledger.rows(kind):
                if row["state"] == NEW:
                    ledger.verify(kind, row[kind.code], by=body.get("by", "测试会计"))
                    verified += 1
        return {"verified": verified}

    def _unverify_voucher(self, body: dict[str, Any]) -> dict[str, Any]:
        self.door.ledger.unverify(kind_of(body["kind"]), body["code"])
        return {"code": body["code"]}

    def _delete_voucher(self, body: dict[str, Any]) -> dict[str, Any]:
        """With `unverify` true the accountant un-verifies first, as U8 demands."""
        kind, code, ledger = kind_of(body["kind"]), body["code"], self.door.ledger
        row = ledger.row(kind, code)
        if body.get("unverify") and row and row["state"] == VERIFIED:
            ledger.unverify(kind, code)
        ledger.delete(kind, code)
        return {"code": code}

    def _close_period(self, body: dict[str, Any]) -> dict[str, Any]:
        self.door.ledger.close_period(body["month"])
        return {"month": body["month"]}

    def _open_period(self, body: dict[str, Any]) -> dict[str, Any]:
        self.door.ledger.close_period(body["month"], closed=False)
        return {"month": body["month"]}

    def _deactivate_customer(self, body: dict[str, Any]) -> dict[str, Any]:
        customers = self.books.table("customer")
        today = self.clock.china().date().isoformat()
        customers[body["code"]] = {**customers[body["code"]], "end_date": today}
        return {"end_date": today}

    def _lock_record(self, body: dict[str, Any]) -> dict[str, Any]:
        """Somebody has the record open: writes are refused for `seconds`."""
        self.door.ledger.lock(body["kind"], body["code"], seconds=float(body["seconds"]))
        return {"code": body["code"]}

    def _set_knobs(self, body: dict[str, Any]) -> dict[str, Any]:
        knobs = self.books.table("_knobs")
        knobs["knobs"] = turned(knobs["knobs"], body)
        return knobs["knobs"]


def _is_import(request: Request) -> bool:
    """The web server of this door does not look at case; a base address that ends in a slash makes "//"."""
    return "/".join(part for part in request.url.path.lower().split("/") if part) == PATH


def _by_hand(act: Any) -> Act:
    """U8's refusal becomes a ValueError, which the control API answers with 400."""

    async def run(body: dict[str, Any]) -> dict[str, Any]:
        try:
            return dict(act(body))
        except Refusal as refusal:
            raise ValueError(refusal.text) from refusal

    return run
