"""Serves the statements, and does what payers and the bank's clerks do."""

import base64
import hashlib
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from sandboxes.bank.camt import VERSIONS, document
from sandboxes.bank.ledger import Ledger
from sandboxes.bank.screens import DEEDS, SCREENS
from sandboxes.common import Act, Sandbox

ENCODINGS = ("utf-8", "gbk")


class Bank(Sandbox):
    """Statements are served, and written into a folder once the act `set_folder` has named one."""

    name = "bank"
    title = "银行 Bank"
    screens = SCREENS
    deeds = DEEDS

    @property
    def _ledger(self) -> Ledger:
        return Ledger(self.books, self.clock)

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/statements/", self._list),
            Route("/statements/{name}", self._statement),
        ]

    def credentials(self) -> dict[str, str]:
        """A folder needs no log-in; these are the accounts to expect in it."""
        return {"accounts": ",".join(self.books.table("accounts"))}

    def seed(self) -> None:
        self._ledger.seed()

    def vendor_error(self) -> Response:
        return JSONResponse({"error": "系统维护中，请稍后再试"})

    def expire_sessions(self) -> None:
        """The bank's download area has no sessions."""

    def acts(self) -> dict[str, Act]:
        return {
            "set_folder": self._set_folder,
            "pay": self._pay,
            "pay_all": self._pay_all,
            "pay_batch": self._pay_batch,
            "charge": self._charge,
            "reverse": self._reverse,
            "issue_statement": self._issue_statement,
        }

    async def _list(self, request: Request) -> Response:
        rows = [{"name": name, **row} for name, row in self.books.table("statements").items()]
        return JSONResponse(rows)

    async def _statement(self, request: Request) -> Response:
        row = self.books.table("_files").get(request.path_params["name"])
        if row is None:
            return JSONResponse({"error": "no such statement"}, status_code=404)
        return Response(base64.b64decode(row["bytes"]), media_type="application/xml")

    async def _set_folder(self, body: dict[str, Any]) -> dict[str, Any]:
        return self._use_folder(Path(body["folder"]))

    def _use_folder(self, folder: Path) -> dict[str, Any]:
        folder.mkdir(parents=True, exist_ok=True)
        self.books.table("_settings")["folder"] = {"path": str(folder)}
        return {"folder": str(folder)}

    async def _pay(self, body: dict[str, Any]) -> dict[str, Any]:
        return {"serial": self._ledger.pay(body)}

    async def _pay_all(self, body: dict[str, Any]) -> dict[str, Any]:
        return {"serials": [self._ledger.pay(payment) for payment in body["payments"]]}

    async def _pay_batch(self, body: dict[str, Any]) -> dict[str, Any]:
        return {"serial": self._ledger.pay_batch(body)}

    async def _charge(self, body: dict[str, Any]) -> dict[str, Any]:
        return {"serial": self._ledger.charge(body)}

    async def _reverse(self, body: dict[str, Any]) -> dict[str, Any]:
        return {"serial": self._ledger.reverse(str(body["serial"]))}

    async def _issue_statement(self, body: dict[str, Any]) -> dict[str, Any]:
        """Of `account`, or of every account with unissued bookings; of `day`, or of all days.

        `repeat` true issues the last one again, marked as a duplicate; "copy" gives out the same bytes again.
        """
        version, encoding = str(body.get("version", "08")), str(body.get("encoding", "utf-8")).lower()
        if version not in VERSIONS or encoding not in ENCODINGS:
            raise ValueError(f"version is one of {VERSIONS}, encoding one of {ENCODINGS}")
        if body.get("repeat"):
            return self._issue_again(version, encoding, copy=body["repeat"] == "copy")
        name = self._next_name()
        statements = [
            self._ledger.issue(account, serials, statement=name)
            for account, serials in self._due(body.get("account"), body.get("day")).items()
        ]
        return self._write(name, statements, version=version, encoding=encoding, repeats=None)

    def _due(self, account: str | None, day: str | None) -> dict[str, list[str]]:
        """An account without bookings gets an empty statement when it is asked for by number."""
        if account is not None:
            self._ledger.account(account)
            return {account: self._ledger.unissued(account, day=day)}
        numbers = list(self.books.table("accounts"))
        due = {number: self._ledger.unissued(number, day=day) for number in numbers}
        return {number: serials for number, serials in due.items() if serials} or {numbers[0]: []}

    def _issue_again(self, version: str, encoding: str, *, copy: bool) -> dict[str, Any]:
        issued = self.books.table("statements")
        if not issued:
            raise ValueError("还没有出过对账单 (nothing was issued yet)")
        last = list(issued)[-1]
        name = self._next_name()
        if copy:
            content = base64.b64decode(self.books.table("_files")[last]["bytes"])
            return self._publish(name, content, issued[last] | {"repeats": last})
        statements = issued[last]["statements"]
        return self._write(name, statements, version=version, encoding=encoding, repeats=last)

    def _next_name(self) -> str:
        number = self.books.next_number("messages")
        return f"CAMT053_{self.clock.china():%Y%m%d}_{number:06}.xml"

    def _write(
        self, name: str, statements: list[dict[str, Any]], *, version: str, encoding: str, repeats: str | None
    ) -> dict[str, Any]:
        content = document(
            statements,
            self.books.table("bookings"),
            version=version,
            message_id=name.removesuffix(".xml"),
            created_at=self.clock.china().isoformat(timespec="seconds"),
            duplicate=repeats is not None,
            encoding=encoding,
        )
        return self._publish(
            name, content, {"version": version, "statements": statements, "repeats": repeats}
        )

    def _publish(self, name: str, content: bytes, row: dict[str, Any]) -> dict[str, Any]:
        """Whole or not at all: written beside, then renamed."""
        digest = hashlib.sha256(content).hexdigest()
        self.books.table("_files")[name] = {"bytes": base64.b64encode(content).decode()}
        self.books.table("statements")[name] = row | {"size": len(content), "sha256": digest}
        if setting := self.books.table("_settings").get("folder"):
            target = Path(setting["path"]) / name
            beside = target.with_name(f"{name}.tmp")
            beside.write_bytes(content)
            beside.rename(target)
        return {"name": name, **self.books.table("statements")[name]}
