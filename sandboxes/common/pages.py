"""The page of a sandbox for people: books, requests, faults, clock, deeds by hand. Without scripts."""

import json
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from sandboxes.common.asked import why_not
from sandboxes.common.books import Row
from sandboxes.common.faults import FaultPlan, FaultRule
from sandboxes.common.markup import Markup, both, join, tag
from sandboxes.common.pieces import (
    HOME,
    LONGEST_KEY,
    ROWS_PER_PAGE,
    button,
    cell,
    deed_form,
    filled,
    form_of,
    guessed,
    matches,
    nothing,
    page_number,
    pager,
    row_url,
    section,
    short,
    table_url,
    whole,
)
from sandboxes.common.screens import KEY, Blank, Column, Deed, Screen, plain
from sandboxes.common.style import CSS

if TYPE_CHECKING:
    from sandboxes.common.app import Sandbox

ROWS_IN_FRONT = 5
OWN_TABLES = {
    "callbacks": Screen(
        "回调",
        "callbacks",
        tuple(
            Column(*each)
            for each in (
                ("at", "时间"),
                ("label", "内容"),
                ("attempt", "第几次"),
                ("accepted", "已接收"),
                ("answer", "对方的回答"),
            )
        ),
    )
}
KIND_WORDS = {
    "delay": "延迟 seconds 秒后才回答",
    "timeout_before": "没办，也不回答",
    "timeout_after": "办了，但不回答",
    "status_before": "没办，回答 HTTP status",
    "status_after": "办了，却回答 HTTP status",
    "vendor_error": "没办，按厂商的格式说“忙”",
    "refuse": "没办，按厂商的格式回答 code",
    "drop_before": "没办，连接断开",
    "drop_after": "办了，连接断开",
    "malformed": "办了，回答只剩一半",
    "expire_session": "令牌全部失效，再照常办",
    "clock_skew": "照常办，但厂商的钟快 seconds 秒（负数为慢）",
    "half_page": "列表的一页只给前一半",
    "page_shift": "翻页之间前面多了 rows 行（负数为少了）",
}
RULE_BLANKS = (
    Blank("kind", "故障", "kind", required=True, choices=lambda _: KIND_WORDS),
    Blank("path", "路径（正则）", "path", value=".*"),
    Blank("method", "方法", "method", value=".*"),
    Blank("times", "次数，空为不限", "times", value="1", read=int),
    Blank("rate", "概率", "rate", value="1", read=float),
    Blank("skip", "先放过几次", "skip", value="0", read=int),
    Blank("seconds", "秒", "seconds", value="30", read=float),
    Blank("rows", "行", "rows", value="1", read=int),
    Blank("status", "HTTP 状态", "status", value="503", read=int),
    Blank("code", "厂商代码", "code"),
    Blank("message", "厂商的话", "message"),
)
CLOCK_BLANKS = (
    Blank("number", "拨动", "move by", value="1", required=True, read=float),
    Blank(
        "unit",
        "单位",
        "unit",
        required=True,
        read=int,
        choices=lambda _: {"60": "分钟 minutes", "3600": "小时 hours", "86400": "天 days"},
    ),
)


def wants_page(request: Request) -> bool:
    """A browser names HTML; programs take anything."""
    return "text/html" in request.headers.get("accept", "")


@dataclass(frozen=True, slots=True)
class Said:
    """What came of something done by hand."""

    ok: bool
    text: str
    more: str = ""


class Pages:
    def __init__(self, sandbox: "Sandbox") -> None:
        self._sandbox = sandbox
        self._said: deque[tuple[str, Said]] = deque(maxlen=100)
        self._count = 0

    def routes(self) -> list[BaseRoute]:
        post = ["POST"]
        return [
            Route("/page/", self._home),
            Route("/page/books", self._books),
            Route("/page/books/{table}", self._table),
            Route("/page/row/{table}", self._row),
            Route("/page/requests", self._requests),
            Route("/page/faults", self._faults),
            Route("/page/do/act", self._doing(self._do_any), methods=post),
            Route("/page/do/act/{number:int}", self._doing(self._do_deed), methods=post),
            Route("/page/do/row/{table}/{number:int}", self._doing(self._do_row), methods=post),
            Route("/page/do/fault", self._doing(self._do_fault), methods=post),
            Route("/page/do/clear", self._doing(self._do_clear), methods=post),
            Route("/page/do/provoke", self._doing(self._do_provoke), methods=post),
            Route("/page/do/clock", self._doing(self._do_clock), methods=post),
            Route("/page/do/reset", self._doing(self._do_reset), methods=post),
        ]

    # -- what is shown ------------------------------------------------------------------------------------

    async def _home(self, request: Request) -> Response:
        front = [name for name, screen in self._sandbox.screens.items() if screen.front]
        return self._page(
            request,
            "概览",
            "overview",
            *(self._front(name) for name in front),
            self._deeds(),
            tag("div", self._credentials(), self._clock(), class_="pair"),
            section(both("最近的请求", "recent requests"), self._log(list(self._sandbox.log)[-8:])),
            self._any_act(),
        )

    def _front(self, name: str) -> Markup:
        screen = self._screen(name)
        rows = list(self._sandbox.books.table(name).items())[: -ROWS_IN_FRONT - 1 : -1]
        more = tag("a", both("全部", "all"), href=table_url(name))
        return section(both(screen.title, screen.english), self._rows(name, rows), tag("p", more))

    def _deeds(self) -> Markup:
        forms = [
            tag(
                "div",
                tag("h3", both(deed.title, deed.english)),
                form_of(f"{HOME}do/act/{number}", deed.blanks, button(deed.title, deed.english)),
                class_="card",
            )
            for number, deed in enumerate(self._sandbox.deeds)
        ]
        if not forms:
            return Markup("")
        return section(both("在厂商那边动手", "do it by hand"), tag("div", *forms, class_="cards"))

    def _credentials(self) -> Markup:
        lines = [
            tag("tr", tag("th", name), tag("td", tag("code", value)))
            for name, value in {"base_url": self._sandbox.address, **self._sandbox.credentials()}.items()
        ]
        return section(both("连接用的值（都是编的）", "credentials, all made up"), tag("table", *lines))

    def _clock(self) -> Markup:
        return section(
            both("时钟", "clock"),
            tag("p", tag("code", f"{self._sandbox.clock.china():%Y-%m-%d %H:%M:%S}"), " 北京时间"),
            form_of(f"{HOME}do/clock", CLOCK_BLANKS, button("拨钟", "move")),
            tag("h3", both("重来", "start over")),
            tag(
                "p",
                both(
                    "清空账本、故障和时钟，写回基础资料。", "Empties everything, writes the base data anew."
                ),
            ),
            tag(
                "form",
                tag("label", tag("input", type="checkbox", name="sure", required=True), " 确认 I mean it"),
                tag("button", both("重置", "reset"), class_="danger"),
                method="post",
                action=f"{HOME}do/reset",
            ),
        )

    def _any_act(self) -> Markup:
        """The acts that have no form of their own."""
        acts = self._sandbox.all_acts()
        blanks = (
            Blank(
                "act", "动作", "act", required=True, choices=lambda _: {name: name for name in sorted(acts)}
            ),
            Blank("body", "参数 (JSON)", "parameters", value="{}", required=True),
        )
        words = [
            tag("li", tag("code", name), " ", act.__doc__.partition("\n")[0])
            for name, act in sorted(acts.items())
            if act.__doc__
        ]
        return section(
            both("其他动作", "any act"),
            form_of(f"{HOME}do/act", blanks, button("执行", "run")),
            tag("ul", *words) if words else "",
        )

    async def _books(self, request: Request) -> Response:
        lines = []
        for name in self._sandbox.books.names():
            screen, link = self._screen(name), tag("code", name)
            title = tag("a", both(screen.title, screen.english), href=table_url(name))
            count = str(len(self._sandbox.books.table(name)))
            lines.append(tag("tr", tag("td", title), tag("td", link), tag("td", count, class_="number")))
        head = tag("tr", *(tag("th", each) for each in ("账表 table", "名称 name", "行数 rows")))
        return self._page(request, "账本", "books", section("", tag("table", head, *lines)))

    async def _table(self, request: Request) -> Response:
        name = request.path_params["table"]
        if name not in {*self._sandbox.books.names(), *self._sandbox.screens}:
            return self._missing(
                request, f"没有叫 {name} 的账表，或者它是空的 (no such table, or an empty one)"
            )
        screen, wanted = self._screen(name), request.query_params.get("q", "").strip()
        found = [
            item for item in list(self._sandbox.books.table(name).items())[::-1] if matches(item, wanted)
        ]
        number = page_number(request.query_params.get("page", "1"), len(found))
        shown = found[(number - 1) * ROWS_PER_PAGE : number * ROWS_PER_PAGE]
        search = tag(
            "form",
            tag("input", name="q", value=wanted, placeholder="搜索 search"),
            tag("button", both("搜索", "search")),
            method="get",
            action=table_url(name),
        )
        body = section("", search, self._rows(name, shown), pager(name, wanted, number, len(found)))
        return self._page(request, screen.title, screen.english, body)

    async def _row(self, request: Request) -> Response:
        name, key = request.path_params["table"], request.query_params.get("key", "")
        table = self._sandbox.books.table(name) if name in self._sandbox.books.names() else {}
        if key not in table:
            return self._missing(request, f"{name} 里没有 {key} (no such row)")
        screen = self._screen(name)
        titles = {column.field: column.title for column in screen.columns}
        lines = [
            tag("tr", tag("th", titles.get(field, ""), " ", tag("small", field)), tag("td", whole(value)))
            for field, value in table[key].items()
        ]
        deeds = self._row_deeds(name, key, table[key], back=row_url(name, key))
        body = section(tag("code", key), tag("div", deeds, class_="deeds"), tag("table", *lines))
        return self._page(request, screen.title, screen.english, body)

    async def _requests(self, request: Request) -> Response:
        shown = self._log(list(self._sandbox.log)[-200:])
        return self._page(request, "请求", "requests", section("最近 200 个，新的在上", shown))

    def _log(self, entries: Sequence[Mapping[str, Any]]) -> Markup:
        heads = ("时间 time", "方法 method", "路径 path", "状态 status", "故障 fault")
        lines = []
        for entry in reversed(entries):
            status = plain(entry.get("status")) or "没有回答 none"
            bad = bool(entry["fault"]) or not status.startswith("2")
            cells = (
                entry["at"][11:19],
                entry["method"],
                tag("code", entry["path"]),
                status,
                plain(entry["fault"]),
            )
            lines.append(tag("tr", *(tag("td", cell) for cell in cells), class_="bad" if bad else False))
        if not lines:
            return nothing("还没有请求", "no requests yet")
        return tag("table", tag("tr", *(tag("th", head) for head in heads)), *lines, class_="wide")

    async def _faults(self, request: Request) -> Response:
        plan = self._sandbox.faults.as_json()
        heads = [*(each.name for each in fields(FaultRule)), "used"]
        lines = [tag("tr", *(tag("td", plain(rule[head])) for head in heads)) for rule in plan["rules"]]
        table = tag("table", tag("tr", *(tag("th", head) for head in heads)), *lines, class_="wide")
        clear = tag(
            "form", tag("button", both("清空", "clear")), method="post", action=f"{HOME}do/clear?back=faults"
        )
        return self._page(
            request,
            "故障",
            "faults",
            section(
                both(f"计划（种子 {plan['seed']}）", "the plan; the first rule that fits strikes"),
                *((table, clear) if lines else (nothing("没有故障", "no faults"),)),
            ),
            section(
                both("加一条", "add a rule"),
                form_of(f"{HOME}do/fault?back=faults", RULE_BLANKS, button("加上", "add")),
            ),
            self._code_list(),
        )

    def _code_list(self) -> Markup:
        known = self._sandbox.codes
        if not known:
            return Markup("")
        choices = {
            str(number): f"{code.code} · {code.message}" + (f" · {code.where}" if code.where else "")
            for number, code in enumerate(known)
        }
        blanks = (
            Blank("code", "代码", "code", required=True, read=int, choices=lambda _: choices),
            Blank("path", "路径（正则），空为它通常出现处", "path"),
            Blank("times", "次数", "times", value="1", required=True, read=int),
        )
        return section(
            both("让厂商报错", f"provoke one of {len(known)} listed error codes"),
            form_of(f"{HOME}do/provoke?back=faults", blanks, button("下一次就报", "provoke")),
        )

    # -- tables -------------------------------------------------------------------------------------------

    def _screen(self, name: str) -> Screen:
        return {**OWN_TABLES, **self._sandbox.screens}.get(name) or Screen(name, "")

    def _rows(self, name: str, items: Sequence[tuple[str, Row]]) -> Markup:
        if not items:
            return nothing("还没有", "nothing yet")
        screen = self._screen(name)
        columns = screen.columns or guessed(row for _, row in items)
        heads = [tag("th", both("编号", "key")), *(tag("th", column.title) for column in columns)]
        if screen.deeds:
            heads.append(tag("th", both("动手", "by hand")))
        lines = []
        for key, row in items:
            cells = [tag("td", tag("a", short(key, LONGEST_KEY), href=row_url(name, key), class_="key"))]
            cells += [tag("td", cell(column, row)) for column in columns]
            if screen.deeds:
                cells.append(tag("td", tag("div", self._row_deeds(name, key, row), class_="deeds")))
            lines.append(tag("tr", *cells))
        return tag("div", tag("table", tag("tr", *heads), *lines, class_="wide"), class_="scroll")

    def _row_deeds(self, name: str, key: str, row: Row, *, back: str = "") -> Markup:
        return join(
            deed_form(f"{HOME}do/row/{quote(name)}/{number}", deed, key, row, back=back or table_url(name))
            for number, deed in enumerate(self._screen(name).deeds)
            if deed.when(row)
        )

    # -- what is done -------------------------------------------------------------------------------------

    def _doing(
        self, do: Callable[[Request, dict[str, str]], Awaitable[Said]]
    ) -> Callable[[Request], Awaitable[Response]]:
        """Back to a page that tells what came of it. Other sites may not post here."""

        async def endpoint(request: Request) -> Response:
            if request.headers.get("sec-fetch-site") == "cross-site":
                return self._missing(
                    request, "别的网站不能在这里动手 (no posts from other sites)", status=403
                )
            form = dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
            try:
                said = await do(request, form)
            except (ValueError, LookupError) as error:
                said = Said(ok=False, text=why_not(error))
            self._count += 1
            self._said.append((str(self._count), said))
            back = form.get("back") or f"{HOME}{request.query_params.get('back', '')}"
            joint = "&" if "?" in back else "?"
            place = back if back.startswith(HOME) else HOME
            return RedirectResponse(f"{place}{joint}said={self._count}", status_code=303)

        return endpoint

    async def _do_any(self, request: Request, form: dict[str, str]) -> Said:
        try:
            body = json.loads(form["body"])
        except json.JSONDecodeError as error:
            raise ValueError(
                f"参数不是 JSON：第 {error.lineno} 行第 {error.colno} 列 ({error.msg})"
            ) from error
        if not isinstance(body, dict):
            raise ValueError("参数要写成 JSON 对象，例如 {} (the parameters are one JSON object)")
        return await self._act(Deed(form["act"], form["act"], ""), body)

    async def _do_deed(self, request: Request, form: dict[str, str]) -> Said:
        deed = self._sandbox.deeds[request.path_params["number"]]
        return await self._act(deed, {**deed.gives, **filled(deed.blanks, form)})

    async def _do_row(self, request: Request, form: dict[str, str]) -> Said:
        name, key = request.path_params["table"], form["key"]
        row = self._sandbox.books.table(name)[key]
        deed = self._screen(name).deeds[request.path_params["number"]]
        taken = {parameter: key if field == KEY else row[field] for parameter, field in deed.takes.items()}
        return await self._act(deed, {**taken, **deed.gives, **filled(deed.blanks, form, row)})

    async def _act(self, deed: Deed, body: dict[str, Any]) -> Said:
        answer = await self._sandbox.act(deed.act, body)
        done = deed.said.format_map(answer) if deed.said else f"{deed.title}：已完成 (done)"
        return Said(ok=True, text=done, more=json.dumps(answer, ensure_ascii=False, default=str))

    async def _do_fault(self, request: Request, form: dict[str, str]) -> Said:
        rule = FaultRule(**filled(RULE_BLANKS, form))
        self._sandbox.faults.rules.append(rule)
        return Said(ok=True, text=f"加上了：{KIND_WORDS[rule.kind]} (added)")

    async def _do_clear(self, request: Request, form: dict[str, str]) -> Said:
        self._sandbox.faults = FaultPlan(seed=self._sandbox.faults.seed)
        return Said(ok=True, text="故障都清掉了 (no more faults)")

    async def _do_provoke(self, request: Request, form: dict[str, str]) -> Said:
        code = self._sandbox.codes[int(form["code"])]
        more = {name: form[name] for name in ("path", "times") if form.get(name)}
        body = {"code": code.code, "message": code.message, "path": code.where} | more
        rule = await self._sandbox.act("provoke", body)
        return Said(
            ok=True,
            text=f"接下来 {rule['times']} 次会报 {code.code}：{code.message} (provoked)",
            more=rule["path"],
        )

    async def _do_clock(self, request: Request, form: dict[str, str]) -> Said:
        given = filled(CLOCK_BLANKS, form)
        self._sandbox.clock.advance(given["number"] * given["unit"])
        return Said(ok=True, text=f"现在是 {self._sandbox.clock.china():%Y-%m-%d %H:%M:%S} (the clock moved)")

    async def _do_reset(self, request: Request, form: dict[str, str]) -> Said:
        if not form.get("sure"):
            raise ValueError("要先勾选“确认” (tick the box first)")
        self._sandbox.reset()
        return Said(ok=True, text="已重置：账本里只有基础资料 (reset)")

    # -- the frame ----------------------------------------------------------------------------------------

    def _page(
        self, request: Request, chinese: str, english: str, *sections: object, status: int = 200
    ) -> Response:
        name = self._sandbox.title or self._sandbox.name
        links = (("", "概览", "overview"), ("books", "账本", "books"), ("requests", "请求", "requests"))
        nav = [
            tag("a", both(zh, en), href=HOME + place, class_="here" if zh == chinese else False)
            for place, zh, en in (*links, ("faults", "故障", "faults"))
        ]
        page = tag(
            "html",
            tag(
                "head",
                tag("meta", charset="utf-8"),
                tag("meta", name="viewport", content="width=device-width"),
                tag("link", rel="icon", href="data:,"),
                tag("title", f"{chinese} · {name}"),
                tag("style", Markup(CSS)),
            ),
            tag(
                "body",
                tag(
                    "header",
                    tag("strong", name),
                    tag("span", "沙箱 sandbox", class_="badge"),
                    tag("nav", *nav),
                ),
                tag("main", tag("h1", both(chinese, english)), self._notice(request), *sections),
            ),
            lang="zh-CN",
        )
        policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'"
        headers = {"Content-Security-Policy": policy, "Cache-Control": "no-store"}
        return HTMLResponse(f"<!doctype html>{page}", status_code=status, headers=headers)

    def _notice(self, request: Request) -> Markup:
        said = dict(self._said).get(request.query_params.get("said", ""))
        if said is None:
            return Markup("")
        more = tag("code", said.more) if said.more else ""
        mark = "✓ " if said.ok else "✗ "
        return tag("div", mark, said.text, more, class_="said" if said.ok else "said wrong", role="status")

    def _missing(self, request: Request, text: str, *, status: int = 404) -> Response:
        return self._page(request, "没有找到", "not found", section("", tag("p", text)), status=status)
