"""The OpenAPI door: paths, parameters and envelopes around gateway, archives and ledger."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.requests import Request
from starlette.responses import Response

from sandboxes.common import Books, Clock, Row
from sandboxes.common.lists import cut
from sandboxes.yonyou_u8 import masters, sales, words
from sandboxes.yonyou_u8.documents import BALANCE_FIELDS, KINDS, LISTINGS, Kind
from sandboxes.yonyou_u8.gateway import TOKEN_SECONDS, Answer, Gateway, refused
from sandboxes.yonyou_u8.ledger import NEW, VERIFIED, Ledger, printed
from sandboxes.yonyou_u8.seed import DEFAULT_OPERATOR
from sandboxes.yonyou_u8.vouchers import Vouchers
from sandboxes.yonyou_u8.words import PlatformError, Refusal

JSON = "application/json;charset=UTF-8"
HTML = "text/html; charset=utf-8"
STATE_FILTERS = {"Opening": NEW, "Approved": VERIFIED}
ROWS_PER_PAGE = 20
WRITABLE = {name for name, master in masters.MASTERS.items() if master.fields}
ADDABLE = {*WRITABLE, "voucher", "voucher_ex", *KINDS, *sales.TRADES}
WORKFLOW_LISTS = {"tasks": "待办任务", "history": "审批进程"}


@dataclass(frozen=True, slots=True)
class Account:
    """Who may call: the values a connection is given."""

    from_account: str
    to_account: str
    app_key: str
    app_secret: str


@dataclass(frozen=True, slots=True)
class Call:
    resource: str
    verb: str
    query: Mapping[str, str]
    body: Mapping[str, Any]
    base: str


class Door:
    def __init__(self, books: Books, clock: Clock, account: Account) -> None:
        self._books = books
        self._account = account
        self.ledger = Ledger(books, clock)
        self.sales = sales.Sales(books, self.ledger)
        self.vouchers = Vouchers(books, self.ledger)
        self.gateway = Gateway(books, clock, self._write)

    async def __call__(self, request: Request) -> Response:
        raw = await request.body()
        self.gateway.run_due_jobs()
        # A base address that ends in a slash makes "//": real clients do that.
        path = "/".join(part for part in request.url.path.split("/") if part).lower()
        try:
            answer = self._answer(request.method, path, request, raw)
        except PlatformError as error:
            answer = {"errcode": error.errcode, "errmsg": error.errmsg}
        except Refusal as refusal:
            answer = refused(refusal)
        return reply(answer, media_type=HTML if path == "system/tradeid" else JSON)

    def _answer(self, method: str, path: str, request: Request, raw: bytes) -> Answer:
        query = _query(request)
        if path == "result":
            return self.gateway.result(query.get("requestid", ""))
        if path.startswith("system/") or path.endswith("orderstatus/get"):
            return self._platform(path, query)
        head, _, rest = path.partition("/")
        resource, _, verb = rest.partition("/")
        handler = _HANDLERS.get((method, verb))
        if head != "api" or handler is None:
            raise PlatformError(words.NO_SUCH_CALL)
        self._check_caller(query)
        base = f"{request.url.scheme}://{request.headers['host']}"
        body = _object(resource, raw) if method == "POST" else {}
        return handler(self, Call(resource, verb, query, body, base))

    def _platform(self, path: str, query: Mapping[str, str]) -> Answer:
        self._check_app(query)
        if path == "system/token":
            return self._token(query)
        self.gateway.check_token(query.get("token", ""))
        if query.get("to_account", self._account.to_account) != self._account.to_account:
            raise PlatformError(words.BAD_ACCOUNT)
        if path.startswith("system/datasource/") and not _names_the_source(query):
            raise PlatformError(words.NO_SUCH_SOURCE)
        source = {"sequence": "1", "U8": {}, "db": {"db_type": "MSSQL", "db_scheme": "UFDATA_001_2025"}}
        status = {"version": "1.0", "status": "正常", "expiration_time": "2099-12-31"}
        found: Mapping[str, Answer] = {
            "system/tradeid": {"trade": {"id": ""}},
            "system/datasource/get": {"datasource": source},
            "system/datasource/batch_get": {"datasource": [source]},
            "orderstatus/get": {"orderstatus": status},
            "api/orderstatus/get": {"orderstatus": status},
        }
        if path not in found:
            raise PlatformError(words.NO_SUCH_CALL)
        if path == "system/tradeid":
            return _ok({"trade": {"id": self.gateway.new_trade()}}, errmsg="成功")
        return _ok(found[path])

    def _token(self, query: Mapping[str, str]) -> Answer:
        if query.get("app_secret") != self._account.app_secret:
            raise PlatformError(words.BAD_APP)
        token = self.gateway.new_token()
        return _ok({"token": {"id": token, "appKey": self._account.app_key, "expiresIn": TOKEN_SECONDS}})

    def _check_app(self, query: Mapping[str, str]) -> None:
        if query.get("app_key") != self._account.app_key:
            raise PlatformError(words.BAD_APP)
        if query.get("from_account") != self._account.from_account:
            raise PlatformError(words.BAD_ACCOUNT)

    def _check_caller(self, query: Mapping[str, str]) -> None:
        self._check_app(query)
        if query.get("to_account") != self._account.to_account:
            raise PlatformError(words.BAD_ACCOUNT)
        self.gateway.check_token(query.get("token", ""))
        if query.get("ds_sequence", "1") not in ("", "1"):
            raise PlatformError(words.NO_SUCH_SOURCE)
        if self._knobs["agent_offline"]:
            raise PlatformError(words.AGENT_OFFLINE)

    @property
    def _knobs(self) -> Row:
        return self._books.table("_knobs")["knobs"]

    def get(self, call: Call) -> Answer:
        code = call.query.get("id", "")
        if call.resource in KINDS:
            return self._get_document(KINDS[call.resource], code)
        if call.resource in sales.TRADES:
            return self._get_trade(sales.TRADES[call.resource], code)
        master = _master(call.resource)
        for row in self._books.table(call.resource).values():
            if row[master.code] == code:
                return _ok({call.resource: masters.printed(row)})
        return nothing_found(master.label)

    def _get_document(self, kind: Kind, code: str) -> Answer:
        row = self.ledger.row(kind, code)
        if row is None:
            return nothing_found(kind.label)
        shown = _with_numbers(kind, printed(self._books, kind, row), kind.head)
        entries = [_with_numbers(kind, entry, kind.entry) for entry in row["entry"]]
        return _ok({kind.resource: {**shown, "entry": entries}})

    def _get_trade(self, trade: sales.Trade, code: str) -> Answer:
        row = self.sales.shown(trade, code)
        if row is None:
            return nothing_found(trade.label)
        entries = [_numbered(line, trade.entry) for line in row["entry"]]
        return _ok({trade.resource: {**_numbered(row, trade.head), "entry": entries}})

    def batch_get(self, call: Call) -> Answer:
        if call.resource in LISTINGS:
            return self._list_documents(LISTINGS[call.resource], call.query)
        if call.resource in sales.LISTINGS:
            trade = sales.LISTINGS[call.resource]
            return _page(call.resource, trade.label, self.sales.listed(trade, call.query), call.query)
        if call.resource == "currentstock":
            return _page(call.resource, "现存量", self.sales.stock(call.query), call.query)
        if call.resource in VOUCHER_LISTS:
            rows = VOUCHER_LISTS[call.resource](self.vouchers, call.query)
            return _nested(_page(call.resource, "凭证", rows, call.query))
        label = _master(call.resource).label
        rows = masters.select(self._books, call.resource, call.query)
        return _page(call.resource, label, [masters.printed(row) for row in rows], call.query)

    def _list_documents(self, kind: Kind, query: Mapping[str, str]) -> Answer:
        shown = (printed(self._books, kind, row) for row in self.ledger.rows(kind))
        rows = [row for row in shown if _matches(kind, row, query)]
        if self._knobs["amounts_as_numbers"]:
            rows = [_with_numbers(kind, row, kind.head) for row in rows]
        else:
            rows = [{**row, **_four_decimals(kind, row)} for row in rows]
        return _page(kind.listing, kind.label, rows, query)

    def add(self, call: Call) -> Answer:
        if call.resource not in ADDABLE:
            raise PlatformError(words.NO_SUCH_CALL)
        answer = self.gateway.submit(call.resource, call.body, call.query)
        if answer is not None:
            return answer
        self._wake_for_jobs()
        url = f"{call.base}/result?requestid={self.gateway.request_of(call.resource, call.query)}"
        return _ok({"url": url}) if self._knobs["ack_with_errcode"] else {"url": url}

    def edit(self, call: Call) -> Answer:
        if call.resource not in WRITABLE:
            raise PlatformError(words.NO_SUCH_CALL)
        self.ledger.refuse_locked(call.resource, str(call.body.get("code", "")))
        return _ok({"id": masters.edit(self._books, call.resource, call.body)})

    def verify(self, call: Call) -> Answer:
        kind, code = self._voucher(call)
        by = self._auditor(call.body)
        if isinstance(kind, sales.Trade):
            self.sales.verify(kind, code, by=by)
        else:
            self.ledger.verify(kind, code, by=by)
        return _ok({})

    def unverify(self, call: Call) -> Answer:
        kind, code = self._voucher(call)
        if isinstance(kind, sales.Trade):
            self.sales.unverify(kind, code)
        else:
            self.ledger.unverify(kind, code)
        return _ok({})

    def close(self, call: Call) -> Answer:
        self.sales.close(self._order(call), by=self._auditor(call.body))
        return _ok({})

    def reopen(self, call: Call) -> Answer:
        self.sales.reopen(self._order(call))
        return _ok({})

    def audit(self, call: Call) -> Answer:
        """Approval is for documents with a workflow, and none has one here."""
        self._flowing(call)
        raise Refusal(words.NO_WORKFLOW, key=self._voucher(call)[1])

    def workflow(self, call: Call) -> Answer:
        """[U] the shape of what `buttonstate` and `flowenabled` answer."""
        self._flowing(call)
        verb = call.verb
        return nothing_found(WORKFLOW_LISTS[verb]) if verb in WORKFLOW_LISTS else _ok({verb: "0"})

    def cancel(self, call: Call) -> Answer:
        if call.resource != "voucher":
            raise PlatformError(words.NO_SUCH_CALL)
        self.vouchers.cancel(str(call.body.get("id") or call.query.get("id", "")))
        return _ok({})

    def login(self, call: Call) -> Answer:
        user = self._books.table("operator").get(str(call.body.get("user_id", "")))
        if call.resource != "user" or user is None or user["_password"] != call.body.get("password"):
            raise Refusal("用户名或密码错误！")
        self._books.table("_logins")[user["user_id"]] = {}
        return _ok({})

    def _flowing(self, call: Call) -> None:
        if call.resource not in ("saleorder", "consignment"):
            raise PlatformError(words.NO_SUCH_CALL)

    def _order(self, call: Call) -> str:
        """Only orders are closed."""
        if call.resource != sales.ORDER.resource:
            raise PlatformError(words.NO_SUCH_CALL)
        return self._voucher(call)[1]

    def _voucher(self, call: Call) -> tuple[Kind | sales.Trade, str]:
        kind = KINDS.get(call.resource) or sales.TRADES.get(call.resource)
        if kind is None:
            raise PlatformError(words.NO_SUCH_CALL)
        code = call.body.get("voucher_code")
        if not isinstance(code, str) or not code:
            raise Refusal(words.MISSING_FIELD)
        self._refuse_other_type(kind, code, call.body.get("voucher_type"))
        return kind, code

    def _refuse_other_type(self, kind: Kind | sales.Trade, code: str, wanted: object) -> None:
        """Receipts and payments share a resource: the caller says which one is meant."""
        row = self.ledger.row(kind, code) if isinstance(kind, Kind) else None
        if row and wanted and row.get("vouchtype", str(wanted)) != str(wanted):
            raise Refusal(f"{kind.label}[{code}]不存在！", key=code)

    def _auditor(self, body: Mapping[str, Any]) -> str:
        """Nobody named: the default user. A person needs an earlier login."""
        user = self._books.table("operator").get(str(body.get("user_id", "")))
        if body.get("person_code") and not self._books.table("_logins"):
            raise Refusal("请先登录！")
        if body.get("user_id") and user is None:
            raise Refusal(f"操作员[{body['user_id']}]不存在！")
        return str(user["name"]) if user else DEFAULT_OPERATOR

    def _write(self, resource: str, body: Mapping[str, Any]) -> str:
        if resource in WRITABLE:
            return masters.add(self._books, resource, body)
        if resource in ("voucher", "voucher_ex"):
            return self.vouchers.add(body)
        if resource in sales.TRADES:
            return self.sales.add(sales.TRADES[resource], body)
        return self.ledger.add(KINDS[resource], body)

    def _wake_for_jobs(self) -> None:
        seconds = float(self._knobs["async_seconds"])
        asyncio.get_running_loop().call_later(seconds, self.gateway.run_due_jobs)


_HANDLERS: Mapping[tuple[str, str], Callable[[Door, Call], Answer]] = {
    ("GET", "get"): Door.get,
    ("GET", "batch_get"): Door.batch_get,
    ("POST", "add"): Door.add,
    ("POST", "edit"): Door.edit,
    ("POST", "verify"): Door.verify,
    ("POST", "unverify"): Door.unverify,
    ("POST", "audit"): Door.audit,
    ("POST", "abandon"): Door.audit,
    ("GET", "tasks"): Door.workflow,
    ("GET", "history"): Door.workflow,
    ("GET", "buttonstate"): Door.workflow,
    ("GET", "flowenabled"): Door.workflow,
    ("POST", "close"): Door.close,
    ("POST", "open"): Door.reopen,
    ("POST", "cancel"): Door.cancel,
    # A public client voids with GET.
    ("GET", "cancel"): Door.cancel,
    ("POST", "login"): Door.login,
    ("POST", "login_v2"): Door.login,
}
VOUCHER_LISTS: Mapping[str, Callable[[Vouchers, Mapping[str, str]], list[Row]]] = {
    "voucherlist": Vouchers.listed,
    "voucherdetails": Vouchers.details,
}


def reply(answer: Answer, *, media_type: str = JSON) -> Response:
    return Response(orjson.dumps(answer), headers={"content-type": media_type})


def nothing_found(label: str) -> Answer:
    return {"errcode": words.NOTHING_FOUND, "errmsg": f"未检索到匹配的{label}。"}


def _names_the_source(query: Mapping[str, str]) -> bool:
    """There is one account set. A single source goes by `id`, several by a range of numbers."""
    first, last = query.get("sequence_begin") or "1", query.get("sequence_end") or "1"
    return query.get("id", "1") in ("", "1") and first <= "1" <= last


def _ok(extra: Mapping[str, Any], *, errmsg: str = "") -> Answer:
    return {"errcode": words.SUCCESS, "errmsg": errmsg, **extra}


def _query(request: Request) -> dict[str, str]:
    """Some clients do not encode their parameters: raw UTF-8 bytes are read as such."""
    raw: bytes = request.scope["query_string"]
    return dict(parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True))


def _object(resource: str, raw: bytes) -> Mapping[str, Any]:
    """The object is wrapped in the name of its resource; amounts keep every digit."""
    try:
        body = json.loads(raw, parse_float=Decimal)
    except ValueError as error:
        raise PlatformError(words.BAD_REQUEST) from error
    inner = body.get(resource) if isinstance(body, dict) else None
    if not isinstance(inner, dict):
        raise PlatformError(words.BAD_REQUEST)
    return inner


def _master(resource: str) -> masters.Master:
    if resource not in masters.MASTERS:
        raise PlatformError(words.NO_SUCH_CALL)
    return masters.MASTERS[resource]


def _page(key: str, label: str, rows: Sequence[Row], query: Mapping[str, str]) -> Answer:
    """Page figures are texts; an empty list is an error code."""
    size = _positive(query.get("rows_per_page"), ROWS_PER_PAGE)
    index = _positive(query.get("page_index"), 1)
    shown, total = cut(rows, (index - 1) * size, size)
    if not shown:
        return nothing_found(label)
    figures = {
        "page_index": str(index),
        "page_count": str(-(-total // size)),
        "row_count": str(total),
        "rows_per_page": str(size),
    }
    return {**figures, **_ok({key: shown})}


def _positive(text: str | None, default: int) -> int:
    try:
        number = int(text or default)
    except ValueError as error:
        raise PlatformError(words.BAD_REQUEST) from error
    if number < 1:
        raise PlatformError(words.BAD_REQUEST)
    return number


def _matches(kind: Kind, row: Row, query: Mapping[str, str]) -> bool:
    wanted = STATE_FILTERS.get(query.get("state", ""), query.get("state"))
    return (
        _between(
            row[kind.code],
            _first(query, f"{kind.code}_begin", "code_begin"),
            _first(query, f"{kind.code}_end", "code_end"),
        )
        and _between(
            row[kind.date],
            _first(query, f"{kind.date}_begin", "date_begin"),
            _first(query, f"{kind.date}_end", "date_end"),
        )
        and (not wanted or row["state"] == wanted)
        and all(row.get(name) == query[name] for name in kind.equal if query.get(name))
        and all(query[name] in row.get(name, "") for name in kind.like if query.get(name))
    )


def _first(query: Mapping[str, str], *names: str) -> str:
    """Current documents and the oldest sample spell the range filters differently."""
    return next((query[name] for name in names if query.get(name)), "")


def _between(value: str, begin: str, end: str) -> bool:
    return begin <= value and (not end or value <= end)


def _four_decimals(kind: Kind, row: Row) -> dict[str, str]:
    amounts = (kind.document_amount, kind.local_amount, *BALANCE_FIELDS)
    return {name: f"{Decimal(row[name]):.4f}" for name in amounts}


def _nested(answer: Answer) -> Answer:
    """The voucher list alone sits one level deeper."""
    if "voucherlist" not in answer:
        return answer
    return {**answer, "voucherlist": {"entry": answer["voucherlist"]}}


def _numbered(row: Row, known: Mapping[str, Any]) -> Row:
    numeric = {name for name, field in known.items() if field.kind == "n"}
    return {name: orjson.Fragment(value) if name in numeric else value for name, value in row.items()}


def _with_numbers(kind: Kind, row: Row, known: Mapping[str, Any]) -> Row:
    """A single record shows numbers as JSON numbers, to the last digit."""
    numeric = {name for name, field in known.items() if field.kind == "n"} | set(BALANCE_FIELDS)
    return {name: orjson.Fragment(value) if name in numeric else value for name, value in row.items()}
