"""The frame of a sandbox: the vendor's routes, behind the faults, beside the control API.

Control API, the same for every sandbox:

    GET  /_sandbox/                  name, address, credentials, acts; in a browser, the page for people
    POST /_sandbox/reset             empty books, fresh base data, no faults, true time, nothing under way
    POST /_sandbox/seed              {"table": {"key": {…}}}: rows as `books/{table}` shows them, or instead
    GET  /_sandbox/books             table names with their number of rows
    GET  /_sandbox/books/{table}     rows by key
    GET  /_sandbox/log               the last 1,000 requests: time, method, path, fault, status
    GET  /_sandbox/codes             the vendor's error codes that `act/provoke` answers
    GET  /_sandbox/faults            the plan, with how often each rule struck
    POST /_sandbox/faults            {"seed": 1, "rules": [{"kind": "drop_after", "rate": 0.2}]}
    POST /_sandbox/callbacks         {"repeat": 0.1, "reorder": 0.1, "late": 0.1, "late_seconds": 1}
    GET  /_sandbox/callbacks         {"pending": 0}
    POST /_sandbox/clock             {"advance": 3600}; kept over a restart, as the books are
    POST /_sandbox/act/{name}        what a person does at the vendor's own screen: sign, delete a bill, …

What will not do is refused with HTTP 400 and {"error": "…"}.
"""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

from pydantic import JsonValue
from pydantic.dataclasses import dataclass as checked
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp

from sandboxes.common.asked import EXACT, Finite, asked, why_not
from sandboxes.common.books import Books, Row
from sandboxes.common.callbacks import CallbackFaults, Callbacks
from sandboxes.common.clock import Clock
from sandboxes.common.codes import Code, chosen
from sandboxes.common.faults import FaultMiddleware, FaultPlan, FaultRule
from sandboxes.common.pages import Pages, wants_page
from sandboxes.common.screens import Deed, Screen

Act = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]
"""Takes and returns JSON. A ValueError or LookupError is said to whoever asked."""


Rows = dict[str, dict[str, Finite]]


@checked(config=EXACT)
class Move:
    advance: float


class Sandbox(ABC):
    """One vendor. A subclass gives routes, made-up credentials, base data and the acts of people."""

    name: ClassVar[str]
    title: ClassVar[str] = ""
    """What people call the vendor; Chinese first."""
    screens: ClassVar[Mapping[str, Screen]] = {}
    deeds: ClassVar[Sequence[Deed]] = ()
    """The acts that stand on the page as forms of their own."""
    codes: ClassVar[Sequence[Code]] = ()

    def __init__(self, *, path: Path | None = None) -> None:
        """`path`: SQLite file of the books; None keeps them in memory."""
        self.books = Books(path)
        self.clock = Clock(self.books.table("_clock"))
        self.callbacks = Callbacks(self.books, self.clock)
        self.faults = FaultPlan()
        self.address = ""
        """Base URL without a trailing slash, set when the server listens."""
        self.log: deque[dict[str, Any]] = deque(maxlen=1000)
        if not self.books.names():
            self.seed()

    @abstractmethod
    def routes(self) -> list[BaseRoute]:
        """The vendor's own paths."""

    @abstractmethod
    def credentials(self) -> dict[str, str]:
        """Made-up values that a connection needs to log in here."""

    @abstractmethod
    def seed(self) -> None:
        """Writes the base data of an empty set of books."""

    @abstractmethod
    def vendor_error(self) -> Response:
        """HTTP 200 that means 'system busy', in the vendor's envelope."""

    @abstractmethod
    def expire_sessions(self) -> None:
        """Forgets every token and session (a vendor without sessions has none to forget)."""

    def refusal(self, code: Code, request: Request, body: bytes) -> Response:
        """One of `codes`, or another, in the envelope of the door that was asked."""
        return self.vendor_error()

    def put(self, table: str, rows: Mapping[str, Row]) -> None:
        """Rows that the control API brings. A vendor that keeps an index beside a table overrides it."""
        self.books.table(table).update(rows)

    def acts(self) -> dict[str, Act]:
        return {}

    def all_acts(self) -> dict[str, Act]:
        return {**self.acts(), "provoke": self._provoke}

    async def act(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        """Raises ValueError or LookupError, also where parameters are of another type than the act takes."""
        act = self.all_acts()[name]
        try:
            return await act(body)
        except (TypeError, AttributeError, ArithmeticError) as error:
            raise ValueError(f"参数不对 (wrong parameters): {error}") from error

    def reset(self) -> None:
        self.books.clear()
        self.faults = FaultPlan()
        self.callbacks.forget()
        self.callbacks.faults = CallbackFaults()
        self.clock.reset()
        self.log.clear()
        self.seed()

    def app(self) -> ASGIApp:
        control = [
            Route("/", self._about),
            Route("/reset", self._reset, methods=["POST"]),
            Route("/seed", self._seed, methods=["POST"]),
            Route("/books", self._table_names),
            Route("/books/{table}", self._rows),
            Route("/log", self._requests),
            Route("/codes", self._codes),
            *Pages(self).routes(),
            Route("/faults", self._faults, methods=["GET", "POST"]),
            Route("/callbacks", self._callbacks, methods=["GET", "POST"]),
            Route("/clock", self._move_clock, methods=["POST"]),
            Route("/act/{name}", self._act, methods=["POST"]),
        ]
        return FaultMiddleware(
            Starlette(routes=[Mount("/_sandbox", _answering(control)), *self.routes()]),
            plan=lambda: self.faults,
            refuse=self._refuse,
            expire=self.expire_sessions,
            log=self._note,
        )

    def _note(self, entry: dict[str, Any]) -> None:
        """The entry itself is kept: its status comes later."""
        entry["at"] = self.clock.china().isoformat()
        self.log.append(entry)

    async def _about(self, request: Request) -> Response:
        if wants_page(request):
            return RedirectResponse("/_sandbox/page/")
        return JSONResponse(
            {
                "name": self.name,
                "address": self.address,
                "credentials": self.credentials(),
                "acts": sorted(self.all_acts()),
            }
        )

    async def _reset(self, request: Request) -> Response:
        self.reset()
        return JSONResponse({"ok": True})

    async def _seed(self, request: Request) -> Response:
        tables = await asked(request, dict[str, Rows])
        known = {*self.books.names(), *self.screens}
        if unknown := sorted(tables.keys() - known):
            raise ValueError(
                f"没有账表 {', '.join(unknown)}；有 {', '.join(sorted(known))} (no such table, but these)"
            )
        for table, rows in tables.items():
            self.put(table, rows)
        return JSONResponse({table: len(self.books.table(table)) for table in tables})

    async def _table_names(self, request: Request) -> Response:
        return JSONResponse({name: len(self.books.table(name)) for name in self.books.names()})

    async def _rows(self, request: Request) -> Response:
        return JSONResponse(dict(self.books.table(request.path_params["table"])))

    async def _requests(self, request: Request) -> Response:
        return JSONResponse(list(self.log))

    async def _codes(self, request: Request) -> Response:
        return JSONResponse([asdict(code) for code in self.codes])

    def _refuse(self, rule: FaultRule, request: Request, body: bytes) -> Response:
        if rule.kind == "vendor_error":
            return self.vendor_error()
        code = chosen(self.codes, rule.code, message=rule.message, path=request.url.path)
        return self.refusal(code, request, body)

    async def _provoke(self, body: dict[str, Any]) -> dict[str, Any]:
        """{code, message?, path?, times?}: the next `times` calls answer this code, and nothing happens."""
        code = chosen(self.codes, str(body["code"]), message=str(body.get("message") or ""))
        path, times = str(body.get("path") or code.where or ".*"), body.get("times", 1)
        rule = FaultRule("refuse", path=path, times=times, code=code.code, message=code.message)
        self.faults.rules.append(rule)
        return asdict(rule)

    async def _faults(self, request: Request) -> Response:
        if request.method == "POST":
            self.faults = await asked(request, FaultPlan)
        return JSONResponse(self.faults.as_json())

    async def _callbacks(self, request: Request) -> Response:
        if request.method == "POST":
            self.callbacks.faults = await asked(request, CallbackFaults)
        return JSONResponse({"pending": self.callbacks.pending})

    async def _move_clock(self, request: Request) -> Response:
        self.clock.advance((await asked(request, Move)).advance)
        return JSONResponse({"now": self.clock.now().isoformat()})

    async def _act(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in self.all_acts():
            error = f"没有动作 {name} (no such act)"
            return JSONResponse({"error": error, "acts": sorted(self.all_acts())}, status_code=404)
        body = await asked(request, dict[str, JsonValue]) if await request.body() else {}
        return JSONResponse(await self.act(name, body))


def _answering(control: list[BaseRoute]) -> ASGIApp:
    """The control API alone: an error in a vendor's route stays a fault of the sandbox."""

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, ValueError | LookupError)
        return JSONResponse({"error": why_not(error)}, status_code=400)

    return Starlette(routes=control, exception_handlers={ValueError: refused, LookupError: refused})
