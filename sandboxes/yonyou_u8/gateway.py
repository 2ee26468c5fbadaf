"""The cloud gateway's own memory: tokens, transaction ids, what was already submitted, asynchronous jobs.

What a repeated id answers is undocumented. Here: finished, the first answer again; running, 30025;
refused, it is carried out again.
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sandboxes.common import Books, Clock
from sandboxes.yonyou_u8 import words
from sandboxes.yonyou_u8.words import PlatformError, Refusal

TOKEN_SECONDS = 7200
Answer = dict[str, Any]
Write = Callable[[str, Mapping[str, Any]], str]
"""Resource and object in, code of the record out; raises Refusal."""


@dataclass(frozen=True, slots=True)
class Gateway:
    books: Books
    clock: Clock
    write: Write

    def new_token(self) -> str:
        """Older tokens stay valid until their own two hours have passed."""
        token = uuid.uuid4().hex
        expires = self.clock.now() + timedelta(seconds=TOKEN_SECONDS)
        self.books.table("_tokens")[token] = {"expires": expires.isoformat()}
        return token

    def check_token(self, token: str) -> None:
        known = self.books.table("_tokens").get(token)
        if known is None or known["expires"] <= self.clock.now().isoformat():
            raise PlatformError(words.BAD_TOKEN)

    def forget_tokens(self) -> None:
        self.books.table("_tokens").clear()

    def new_trade(self) -> str:
        trade = uuid.uuid4().hex
        self.books.table("_trades")[trade] = {}
        return trade

    def submit(self, resource: str, body: Mapping[str, Any], query: Mapping[str, str]) -> Answer | None:
        """The answer, or None while an asynchronous job is under way: `request_of` names it."""
        key = self._key(resource, query)
        known = self.books.table("_submitted").get(key)
        if known is None:
            return self._first(key, resource, body, query)
        if known["answer"] is None:
            raise PlatformError(words.RUNNING)
        return None if known["request"] and query.get("sync") != "1" else known["answer"]

    def request_of(self, resource: str, query: Mapping[str, str]) -> str:
        return str(self.books.table("_submitted")[self._key(resource, query)]["request"])

    def result(self, request: str) -> Answer:
        job = self.books.table("_jobs").get(request)
        if job is None:
            raise PlatformError(words.BAD_REQUEST)
        if job["answer"] is None:
            raise PlatformError(words.RUNNING)
        return dict(job["answer"])

    def run_due_jobs(self) -> None:
        now = self.clock.now().isoformat()
        due = [request for request in self.books.table("_waiting") if self._job(request)["due"] <= now]
        for request in due:
            job = self._job(request)
            del self.books.table("_waiting")[request]
            answer = self._finish(job["key"], job["resource"], job["body"], request=request)
            self.books.table("_jobs")[request] = {**job, "answer": answer}

    def _job(self, request: str) -> dict[str, Any]:
        return self.books.table("_jobs")[request]

    def _first(
        self, key: str, resource: str, body: Mapping[str, Any], query: Mapping[str, str]
    ) -> Answer | None:
        if query.get("sync") == "1":
            return self._finish(key, resource, body, request="")
        request = uuid.uuid4().hex
        seconds = float(self.books.table("_knobs")["knobs"]["async_seconds"])
        self.books.table("_jobs")[request] = {
            "key": key,
            "resource": resource,
            "body": dict(body),
            "due": (self.clock.now() + timedelta(seconds=seconds)).isoformat(),
            "answer": None,
        }
        self.books.table("_waiting")[request] = {}
        self.books.table("_submitted")[key] = {"answer": None, "request": request}
        return None

    def _finish(self, key: str, resource: str, body: Mapping[str, Any], *, request: str) -> Answer:
        try:
            code = self.write(resource, body)
        except Refusal as refusal:
            self.books.table("_submitted").pop(key, None)
            return refused(refusal)
        shown = "" if self.books.table("_knobs")["knobs"]["empty_id"] else code
        answer = {"errcode": words.SUCCESS, "errmsg": "", "id": shown, "tradeid": str(uuid.uuid4())}
        self.books.table("_submitted")[key] = {"answer": answer, "request": request}
        return answer

    def _key(self, resource: str, query: Mapping[str, str]) -> str:
        """Exactly one of the two ids; the caller's own id counts per resource, the platform's alone."""
        trade, biz = query.get("tradeid", "").replace("-", ""), query.get("biz_id", "")
        if bool(trade) == bool(biz) or (trade and trade not in self.books.table("_trades")):
            raise PlatformError(words.BAD_TRADE)
        return f"trade/{trade}" if trade else f"biz/{resource}/{biz}"


def refused(refusal: Refusal) -> Answer:
    text = f"U8 服务调用失败：key='{refusal.key}';{refusal.text};"
    return {"errcode": words.U8_REFUSED, "errmsg": text}
