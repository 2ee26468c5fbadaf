"""The frame of a sandbox: the vendor's routes, behind the faults, beside the control API.

Control API, the same for every sandbox:

    GET  /_sandbox/                  name, address, credentials, acts
    POST /_sandbox/reset             empty books, fresh base data, no faults, true time
    GET  /_sandbox/books             table names with their number of rows
    GET  /_sandbox/books/{table}     rows by key
    GET  /_sandbox/log               the last 1,000 requests: method, path, fault
    GET  /_sandbox/faults            the plan, with how often each rule struck
    POST /_sandbox/faults            {"seed": 1, "rules": [{"kind": "drop_after", "rate": 0.2}]}
    POST /_sandbox/callbacks         {"repeat": 0.1, "reorder": 0.1, "late": 0.1, "late_seconds": 1}
    GET  /_sandbox/callbacks         {"pending": 0}
    POST /_sandbox/clock             {"advance": 3600}
    POST /_sandbox/act/{name}        what a person does at the vendor's own screen: sign, delete a bill, …
"""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, ClassVar

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp

from sandboxes.common.books import Books
from sandboxes.common.callbacks import CallbackFaults, Callbacks
from sandboxes.common.clock import Clock
from sandboxes.common.faults import FaultMiddleware, FaultPlan

Act = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]
"""Takes and returns JSON; a ValueError or KeyError becomes HTTP 400 with its text."""


class Sandbox(ABC):
    """One vendor. A subclass gives routes, made-up credentials, base data and the acts of people."""

    name: ClassVar[str]

    def __init__(self, *, path: Path | None = None) -> None:
        """`path`: SQLite file of the books; None keeps them in memory."""
        self.books = Books(path)
        self.clock = Clock()
        self.callbacks = Callbacks(self.books, self.clock)
        self.faults = FaultPlan()
        self.address = ""
        """Base URL without a trailing slash, set when the server listens."""
        self._log: deque[dict[str, str | None]] = deque(maxlen=1000)
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

    def acts(self) -> dict[str, Act]:
        return {}

    def app(self) -> ASGIApp:
        control = [
            Route("/", self._about),
            Route("/reset", self._reset, methods=["POST"]),
            Route("/books", self._table_names),
            Route("/books/{table}", self._rows),
            Route("/log", self._requests),
            Route("/faults", self._faults, methods=["GET", "POST"]),
            Route("/callbacks", self._callbacks, methods=["GET", "POST"]),
            Route("/clock", self._move_clock, methods=["POST"]),
            Route("/act/{name}", self._act, methods=["POST"]),
        ]
        return FaultMiddleware(
            Starlette(routes=[Mount("/_sandbox", routes=control), *self.routes()]),
            plan=lambda: self.faults,
            vendor_error=self.vendor_error,
            expire=self.expire_sessions,
            log=lambda method, path, fault: self._log.append(
                {"method": method, "path": path, "fault": fault}
            ),
        )

    async def _about(self, request: Request) -> Response:
        return JSONResponse(
            {
                "name": self.name,
                "address": self.address,
                "credentials": self.credentials(),
                "acts": sorted(self.acts()),
            }
        )

    async def _reset(self, request: Request) -> Response:
        self.books.clear()
        self.faults = FaultPlan()
        self.callbacks.faults = CallbackFaults()
        self.clock.reset()
        self._log.clear()
        self.seed()
        return JSONResponse({"ok": True})

    async def _table_names(self, request: Request) -> Response:
        return JSONResponse({name: len(self.books.table(name)) for name in self.books.names()})

    async def _rows(self, request: Request) -> Response:
        return JSONResponse(dict(self.books.table(request.path_params["table"])))

    async def _requests(self, request: Request) -> Response:
        return JSONResponse(list(self._log))

    async def _faults(self, request: Request) -> Response:
        if request.method == "POST":
            try:
                self.faults = FaultPlan.from_json(await request.json())
            except ValueError as error:
                return JSONResponse({"error": str(error)}, status_code=400)
        return JSONResponse(self.faults.as_json())

    async def _callbacks(self, request: Request) -> Response:
        if request.method == "POST":
            try:
                self.callbacks.faults = CallbackFaults(**await request.json())
            except TypeError as error:
                return JSONResponse({"error": str(error)}, status_code=400)
        return JSONResponse({"pending": self.callbacks.pending})

    async def _move_clock(self, request: Request) -> Response:
        self.clock.advance(float((await request.json())["advance"]))
        return JSONResponse({"now": self.clock.now().isoformat()})

    async def _act(self, request: Request) -> Response:
        act = self.acts().get(request.path_params["name"])
        if act is None:
            return JSONResponse({"error": "no such act", "acts": sorted(self.acts())}, status_code=404)
        body = await request.body()
        try:
            return JSONResponse(await act(await request.json() if body else {}))
        except (ValueError, KeyError) as error:
            return JSONResponse({"error": str(error)}, status_code=400)
