"""The vendor's routes, and the acts of visitors, operators and attackers."""

import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sandboxes.common import Act, Sandbox
from sandboxes.common.asked import turned
from sandboxes.common.callbacks import CONCURRENCY
from sandboxes.common.codes import Code
from sandboxes.douyin_leads import consent, envelope, forms, legacy
from sandboxes.douyin_leads.clues import ADVERTISERS, LOCAL_ACCOUNTS, Clues
from sandboxes.douyin_leads.codes import CODES
from sandboxes.douyin_leads.doors import CLIENT_KEY, CLIENT_SECRET, SPI_SECRET, Doors
from sandboxes.douyin_leads.envelope import Refusal, answer, refused
from sandboxes.douyin_leads.feedback import Feedback
from sandboxes.douyin_leads.feiyu import SECRET_KEY, TOKEN, Feiyu, default_body
from sandboxes.douyin_leads.grants import APP_ID, APP_SECRET, Grants
from sandboxes.douyin_leads.life import (
    LIFE_ACCOUNTS,
    ROOT_ACCOUNT,
    LocalLife,
    check_words,
    open_answer,
    token_refusal,
)
from sandboxes.douyin_leads.screens import DEEDS, SCREENS
from sandboxes.douyin_leads.subscribers import Subscribers

LIMITS: dict[str, Any] = {"page_cap": 100, "late_seconds": 600, "qps": 10}
OVERSIZE = 1_200_000
Operation = Callable[[Request], Awaitable[dict[str, Any]]]
Take = Callable[[Feedback, dict[str, Any]], dict[str, Any]]
FEEDBACK: dict[str, Take] = {
    "callback": Feedback.take,
    "life/callback": Feedback.take_life,
    "ext_info/callback": Feedback.take_stage,
    "private_message/callback": Feedback.take_chat,
}
NOBODY: dict[str, Any] = {"name": "伪造线索", "telephone": "13900000000", "remark": "forged"}


class OceanEngine(Sandbox):
    name = "douyin_leads"
    title = "巨量引擎 / 飞鱼"
    screens = SCREENS
    codes = CODES
    deeds = DEEDS

    def __init__(self, *, path: Path | None = None) -> None:
        self._recent: deque[float] = deque()
        super().__init__(path=path)

    @property
    def _grants(self) -> Grants:
        return Grants(self.books, self.clock)

    @property
    def _clues(self) -> Clues:
        return Clues(self.books, self.clock)

    @property
    def _feiyu(self) -> Feiyu:
        return Feiyu(self.books, self.clock, self.callbacks, self._clues)

    @property
    def _doors(self) -> Doors:
        return Doors(self.books, self.clock, self.callbacks)

    @property
    def _subscribers(self) -> Subscribers:
        return Subscribers(self.books, self.clock)

    @property
    def _life(self) -> LocalLife:
        return LocalLife(self.books, self.clock, self._clues)

    def routes(self) -> list[BaseRoute]:
        oauth, post = "/open_api/oauth2", ["POST"]
        clue, subscribe = "/open_api/2/tools/clue", "/open_api/v3.0/subscribe/accounts"
        return [
            Route(f"{oauth}/access_token/", _enveloped(self._access_token), methods=post),
            Route(f"{oauth}/refresh_token/", _enveloped(self._refresh_token), methods=post),
            Route(f"{oauth}/renew_token/", _enveloped(self._refresh_token), methods=post),
            Route(f"{oauth}/advertiser/get/", _enveloped(self._advertisers)),
            Route(f"{oauth}/app_access_token/", _enveloped(self._app_token), methods=post),
            Route(consent.PATH, self._consent, methods=["GET", "POST"]),
            Route(f"{clue}/get/", _enveloped(self._clue_get)),
            Route(f"{clue}/life/get/", _enveloped(self._life_get), methods=post),
            Route(f"{clue}/form/get/", _enveloped(self._forms)),
            Route(f"{clue}/form/detail/", _enveloped(self._form)),
            *(
                Route(f"{clue}/{path}/", _enveloped(self._feedback(take)), methods=post)
                for path, take in FEEDBACK.items()
            ),
            Route(f"{subscribe}/add/", _enveloped(self._add_subscribers), methods=post),
            Route(f"{subscribe}/remove/", _enveloped(self._remove_subscribers), methods=post),
            Route(f"{subscribe}/list/", _enveloped(self._list_subscribers)),
            Route("/open_api/2/spi_task/get/", _enveloped(self._spi_tasks)),
            Route("/oauth/client_token/", self._client_token, methods=post),
            Route("/goodlife/v1/open_api/crm/clue/query/", self._open_query),
            Route(legacy.PATH, self._legacy_pull),
            Route(legacy.CALLBACK_PATH, self._legacy_callback, methods=post),
            Route("/open_api/{rest:path}", _no_such_path, methods=["GET", "POST"]),
        ]

    def credentials(self) -> dict[str, str]:
        return {
            "app_id": APP_ID,
            "secret": APP_SECRET,
            "refresh_token": self._grants.live_refresh_token(),
            "advertiser_ids": ",".join(ADVERTISERS),
            "push_token": TOKEN,
            "push_secretkey": SECRET_KEY,
            "spi_secret": SPI_SECRET,
            "client_key": CLIENT_KEY,
            "client_secret": CLIENT_SECRET,
            "local_account_ids": ",".join(LOCAL_ACCOUNTS),
            "douyin_account_id": ROOT_ACCOUNT,
            "life_account_ids": ",".join(LIFE_ACCOUNTS.values()),
            "feiyu_key": legacy.KEY,
            "feiyu_token": legacy.TOKEN,
        }

    def seed(self) -> None:
        self._recent.clear()
        self.callbacks.limit(CONCURRENCY)
        self._grants.seed()
        self.books.table("limits")["api"] = dict(LIMITS)

    def vendor_error(self) -> Response:
        return refused(Refusal(envelope.SYSTEM_ERROR, "系统开小差，请稍后再试"))

    def refusal(self, code: Code, request: Request, body: bytes) -> Response:
        path = request.url.path
        if path in (legacy.PATH, legacy.CALLBACK_PATH):
            return legacy.refusal(code.code, code.message)
        if path.startswith("/oauth/"):
            return token_refusal(int(code.code), code.message)
        if path.startswith("/goodlife/"):
            return open_answer({}, int(code.code), code.message)
        return refused(Refusal(int(code.code), code.message))

    def expire_sessions(self) -> None:
        self._grants.expire_access()
        self._life.expire_tokens()

    def acts(self) -> dict[str, Act]:
        return {
            "authorize": self._authorize,
            "set_limits": self._set_limits,
            "add_rule": self._add_rule,
            "test_rule": self._test_rule,
            "submit_lead": self._submit_lead,
            "submit_leads": self._submit_leads,
            "push_again": self._push_again,
            "refund": self._refund,
            "push_forged": self._push_forged,
            "push_malformed": self._push_malformed,
            "subscribe": self._subscribe,
            "publish": self._publish,
            "publish_forged": self._publish_forged,
            "add_webhook": self._add_webhook,
            "send_event": self._send_event,
            "send_event_forged": self._send_event_forged,
        }

    # --- the open API

    async def _access_token(self, request: Request) -> dict[str, Any]:
        tokens = self._grants.exchange(await _json_object(request))
        return tokens | {"advertiser_ids": [int(account) for account in ADVERTISERS]}

    async def _refresh_token(self, request: Request) -> dict[str, Any]:
        return self._grants.refresh(await _json_object(request))

    async def _app_token(self, request: Request) -> dict[str, Any]:
        return self._grants.issue_to_app(await _json_object(request))

    async def _consent(self, request: Request) -> Response:
        return consent.consent(request, self._grants.authorize)

    async def _advertisers(self, request: Request) -> dict[str, Any]:
        """The SDK sends the token in the query; others in the header, or in a body in spite of GET."""
        token = request.query_params.get("access_token") or request.headers.get("access-token", "")
        if not token and await request.body():
            token = str((await _json_object(request)).get("access_token", ""))
        self._grants.check_access(token)
        rows = [
            {
                "account_id": int(account),
                "account_string_id": account,
                "account_name": name,
                "account_type": "ADVERTISER",
                "is_valid": True,
                "company_list": [],
                # What older clients read.
                "advertiser_id": int(account),
                "advertiser_name": name,
                "advertiser_role": 1,
                "account_role": "ADVERTISER",
            }
            for account, name in ADVERTISERS.items()
        ]
        return {"list": rows}

    async def _clue_get(self, request: Request) -> dict[str, Any]:
        self._let_in(request)
        limits = self._limits()
        return self._clues.page(
            request.query_params, page_cap=limits["page_cap"], late_seconds=limits["late_seconds"]
        )

    async def _life_get(self, request: Request) -> dict[str, Any]:
        self._let_in(request)
        return self._life.page(await _json_object(request), page_cap=self._limits()["page_cap"])

    async def _forms(self, request: Request) -> dict[str, Any]:
        self._let_in(request)
        return forms.listed(request.query_params, page_cap=self._limits()["page_cap"])

    async def _form(self, request: Request) -> dict[str, Any]:
        self._let_in(request)
        return forms.detail(request.query_params)

    def _feedback(self, take: Take) -> Operation:
        async def operation(request: Request) -> dict[str, Any]:
            self._let_in(request)
            return take(Feedback(self.books, self.clock), await _json_object(request))

        return operation

    async def _add_subscribers(self, request: Request) -> dict[str, Any]:
        self._let_app_in(request)
        return self._subscribers.add(await _json_object(request))

    async def _remove_subscribers(self, request: Request) -> dict[str, Any]:
        self._let_app_in(request)
        return self._subscribers.remove(await _json_object(request))

    async def _list_subscribers(self, request: Request) -> dict[str, Any]:
        self._let_app_in(request)
        return self._subscribers.listed(request.query_params)

    async def _spi_tasks(self, request: Request) -> dict[str, Any]:
        self._let_app_in(request)
        return self._subscribers.tasks(request.query_params, page_cap=self._limits()["page_cap"])

    async def _client_token(self, request: Request) -> Response:
        """JSON; clients from before that send a form."""
        if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return self._life.client_token(dict(parse_qsl((await request.body()).decode("latin-1"))))
        try:
            return self._life.client_token(await _json_object(request))
        except Refusal:
            return self._life.client_token({})

    async def _open_query(self, request: Request) -> Response:
        token = request.headers.get("access-token", "")
        return self._life.open_page(request.query_params, token, page_cap=self._limits()["page_cap"])

    async def _legacy_pull(self, request: Request) -> Response:
        limits = self._limits()
        return legacy.pull(
            request,
            self._clues,
            self.clock,
            page_cap=limits["page_cap"],
            late_seconds=limits["late_seconds"],
        )

    async def _legacy_callback(self, request: Request) -> Response:
        return await legacy.callback(request, self.books, self.clock)

    def _let_in(self, request: Request) -> None:
        self._check_rate()
        self._grants.check_access(request.headers.get("access-token", ""))

    def _let_app_in(self, request: Request) -> None:
        self._check_rate()
        self._grants.check_app_token(request.headers.get("app-access-token", ""))

    def _limits(self) -> dict[str, Any]:
        return self.books.table("limits")["api"]

    def _check_rate(self) -> None:
        """Requests of the last second; `qps` 0 lifts the limit."""
        qps, now = self._limits()["qps"], time.monotonic()
        while self._recent and self._recent[0] <= now - 1:
            self._recent.popleft()
        if qps and len(self._recent) >= qps:
            raise Refusal(envelope.TOO_FREQUENT, "Too many requests. Please retry later.")
        self._recent.append(now)

    # --- what people do

    async def _authorize(self, body: dict[str, Any]) -> dict[str, Any]:
        return {"auth_code": self._grants.authorize()}

    async def _set_limits(self, body: dict[str, Any]) -> dict[str, Any]:
        """`concurrency` bounds the pushes on the wire; the others are those of the open API."""
        limits = turned(self._limits() | {"concurrency": CONCURRENCY}, body)
        together = limits.pop("concurrency")
        if together < 1:
            raise ValueError("concurrency 至少为 1 (at least 1)")
        if "concurrency" in body:
            self.callbacks.limit(together)
        self.books.table("limits")["api"] = limits
        return self._limits()

    async def _add_rule(self, body: dict[str, Any]) -> dict[str, Any]:
        return {"rule_id": self._feiyu.add_rule(body)}

    async def _test_rule(self, body: dict[str, Any]) -> dict[str, Any]:
        self._feiyu.push_test(str(body["rule_id"]))
        return {}

    async def _submit_lead(self, body: dict[str, Any]) -> dict[str, Any]:
        return {"clue_id": self._submit(body)}

    async def _submit_leads(self, body: dict[str, Any]) -> dict[str, Any]:
        return {"clue_ids": [self._submit(lead) for lead in body["leads"]]}

    def _submit(self, body: Mapping[str, Any]) -> str:
        fields = dict(body)
        push, visible_after = fields.pop("push", True), float(fields.pop("visible_after", 0))
        check_words(fields)
        clue_id = self._clues.submit(fields, visible_after=visible_after)
        if push:
            self._push_lead(clue_id, label="new")
        return clue_id

    def _push_lead(self, clue_id: str, *, label: str) -> None:
        self._feiyu.push_lead(clue_id, label=label, late_seconds=self._limits()["late_seconds"])

    async def _push_again(self, body: dict[str, Any]) -> dict[str, Any]:
        self._push_lead(str(body["clue_id"]), label="again")
        return {}

    async def _refund(self, body: dict[str, Any]) -> dict[str, Any]:
        self._clues.refund(str(body["clue_id"]))
        return {}

    async def _push_forged(self, body: dict[str, Any]) -> dict[str, Any]:
        """With `clue_id` it tries to change that lead; else it invents one."""
        forged = self._invented() if "clue_id" not in body else self._clues.find(str(body["clue_id"]))
        self._feiyu.push_forged(default_body(forged | NOBODY, fresh=False))
        return {"clue_id": forged["clue_id"]}

    async def _push_malformed(self, body: dict[str, Any]) -> dict[str, Any]:
        make = MALFORMED.get(body["kind"])
        if make is None:
            raise ValueError(f"kind must be one of {', '.join(MALFORMED)}")
        row = self._invented()
        raw = make(default_body(row, fresh=True))
        self._feiyu.push_raw(raw, row["clue_id"], label=f"malformed:{body['kind']}")
        return {"clue_id": row["clue_id"]}

    async def _subscribe(self, body: dict[str, Any]) -> dict[str, Any]:
        return await self._doors.subscribe(body)

    async def _publish(self, body: dict[str, Any]) -> dict[str, Any]:
        return self._doors.publish(body)

    async def _publish_forged(self, body: dict[str, Any]) -> dict[str, Any]:
        return self._doors.publish(body, forged=True)

    async def _add_webhook(self, body: dict[str, Any]) -> dict[str, Any]:
        return await self._doors.add_webhook(body)

    async def _send_event(self, body: dict[str, Any]) -> dict[str, Any]:
        return self._doors.send_event(body)

    async def _send_event_forged(self, body: dict[str, Any]) -> dict[str, Any]:
        return self._doors.send_event(body, forged=True)

    def _invented(self) -> dict[str, Any]:
        """A row that looks like a lead and stands in no table."""
        clue_id = self._clues.submit({"name": "测试线索", "telephone": "13800000002"})
        row = self._clues.find(clue_id)
        del self.books.table("leads")[clue_id]
        return row


MALFORMED: dict[str, Callable[[dict[str, Any]], bytes]] = {
    "broken_json": lambda body: orjson.dumps(body)[:-20],
    "not_an_object": lambda body: orjson.dumps([body]),
    "no_id": lambda body: orjson.dumps({name: value for name, value in body.items() if name != "id"}),
    "oversize": lambda body: orjson.dumps(body | {"remark": "长" * (OVERSIZE // 3)}),
    "bad_phone": lambda body: orjson.dumps(body | {"telphone": "138-不是号码"}),
}
"""Bodies that the vendor would never send, under a correct token and signature."""


def _enveloped(operation: Operation) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            return answer(await operation(request))
        except Refusal as refusal:
            return refused(refusal)

    return endpoint


async def _no_such_path(request: Request) -> Response:
    """Also for a known path without its trailing slash."""
    return answer({}, code=40000, message="The request path does not exist.")


async def _json_object(request: Request) -> dict[str, Any]:
    try:
        body = orjson.loads(await request.body())
    except orjson.JSONDecodeError as error:
        raise Refusal(envelope.BAD_PARAMETER, "The body must be JSON.") from error
    if not isinstance(body, dict):
        raise Refusal(envelope.BAD_PARAMETER, "The body must be a JSON object.")
    return body
