"""The sandboxes' own pages in a real browser: what a person does there stands in the books afterwards."""

import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Request, async_playwright, expect

from connector_kit import Connector
from connectors.esign import CONNECTOR as ESIGN
from connectors.fadada import CONNECTOR as FADADA
from connectors.tencent_ess import CONNECTOR as TENCENT
from sandboxes.common import Running, running
from sandboxes.run import available, load
from tests.connectors.signing_desk import PDF, contract, open_desk

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

SWITCHES = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
RECEIVABLE = Path(__file__).parents[1] / "connectors/yonyou_u8/samples/eai_oughtreceive_add.xml"
CANARY = '<script>document.title="owned"</script><b>粗</b>'
SIGNERS = {
    "esign": (ESIGN, 2, 7),
    "fadada": (FADADA, "task_finished", "task_terminated"),
    "tencent_ess": (TENCENT, 4, 3),
}


@pytest.fixture(scope="module")
def sites() -> Iterator[dict[str, Running]]:
    with ExitStack() as stack:
        yield {name: stack.enter_context(running(load(name)())) for name in available()}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium(chromium_path: str) -> AsyncIterator[Browser]:
    with tempfile.TemporaryDirectory() as home:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=chromium_path, args=SWITCHES, env={**os.environ, "HOME": home}
            )
            yield browser
            await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def page(chromium: Browser) -> AsyncIterator[Page]:
    """Nothing may be asked of any other host, and nothing may go wrong in the page."""
    page = await chromium.new_page(viewport={"width": 1400, "height": 1000})
    asked: list[str] = []
    wrong: list[str] = []

    def note(request: Request) -> None:
        if not request.url.startswith("data:"):
            asked.append(request.url)

    page.on("request", note)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    yield page
    assert {httpx.URL(url).host for url in asked} == {"127.0.0.1"}
    assert wrong == []


async def visit(page: Page, site: Running, path: str = "/_sandbox/") -> None:
    answer = await page.goto(site.url + path)
    assert answer is not None
    assert answer.status == 200


async def said(page: Page, text: str) -> None:
    await expect(page.get_by_role("status")).to_contain_text(text)


async def sent(connector: Connector, site: Running) -> str:
    async with open_desk(connector, site, timeout_seconds=5) as desk:
        return (await desk.adapter.create_flow(contract(), PDF)).flow_id


def status_of(site: Running, flow_id: str) -> Any:
    return site.control("books/flows")[flow_id]["status"]


@pytest.mark.parametrize("name", sorted(SIGNERS))
async def test_a_contract_is_signed_by_hand(page: Page, sites: dict[str, Running], name: str) -> None:
    connector, finished, _ = SIGNERS[name]
    site = sites[name]
    flow_id = await sent(connector, site)
    for _ in range(2):
        await visit(page, site)
        row = page.get_by_role("row").filter(has=page.locator(f'a[href*="{flow_id}"]'))
        await row.locator("summary", has_text="签署").first.click()
        await row.get_by_role("button", name="签署").click()
        await said(page, f"已签署：合同 {flow_id}")
    assert status_of(site, flow_id) == finished
    row = page.get_by_role("row").filter(has=page.locator(f'a[href*="{flow_id}"]'))
    await expect(row.locator("summary")).to_have_count(0)


@pytest.mark.parametrize("name", sorted(SIGNERS))
async def test_a_contract_is_declined_out_of_turn_and_in_turn(
    page: Page, sites: dict[str, Running], name: str
) -> None:
    connector, _, declined = SIGNERS[name]
    site = sites[name]
    flow_id = await sent(connector, site)
    await visit(page, site, f"/_sandbox/page/row/flows?key={flow_id}")
    await page.locator("summary", has_text="拒签").click()
    form = page.locator("form", has=page.get_by_role("button", name="拒签"))
    await form.get_by_label("签署人").select_option("2")
    await form.get_by_role("button").click()
    await said(page, "还没轮到")
    await page.locator("summary", has_text="拒签").click()
    await form.get_by_label("理由").fill("价格不对")
    await form.get_by_role("button").click()
    await said(page, "已拒签")
    assert status_of(site, flow_id) == declined
    await expect(page.locator("main")).to_contain_text("价格不对")


async def test_a_lead_is_shown_as_it_was_typed(page: Page, sites: dict[str, Running]) -> None:
    site = sites["douyin_leads"]
    await visit(page, site)
    form = page.locator("form", has=page.get_by_role("button", name="留一条线索"))
    await form.get_by_label("姓名").fill(CANARY)
    await form.get_by_label("电话").fill("13800000001")
    await form.get_by_role("button").click()
    await said(page, "已提交")
    (clue_id, row), *_ = site.control("books/leads").items()
    assert row["name"] == CANARY
    for path in ("", f"books/leads?q={CANARY}", f"row/leads?key={clue_id}"):
        await visit(page, site, f"/_sandbox/page/{path}")
        await expect(page.locator("main")).to_contain_text(CANARY)
        assert "owned" not in await page.title()
        assert await page.locator("script, main b").count() == 0
    unknown = await page.request.get(f"{site.url}/_sandbox/page/books/{CANARY}")
    assert (unknown.status, "<script" in await unknown.text()) == (404, False)
    await visit(page, site, "/_sandbox/page/books/leads")
    await expect(page.get_by_role("cell", name=CANARY)).to_be_visible()


async def test_books_are_searched_and_turned_over(page: Page, sites: dict[str, Running]) -> None:
    await visit(page, sites["yonyou_u8"], "/_sandbox/page/books/period")
    rows = page.get_by_role("row")
    await expect(rows).to_have_count(26)
    await page.get_by_role("link", name="更早的").click()
    await expect(page.locator(".pager")).to_contain_text("第 2/3 页，共 60 行")
    await page.locator("input[name=q]").fill("2024-0")
    await page.get_by_role("button", name="搜索").click()
    await expect(rows).to_have_count(1 + 9)


async def test_a_fault_strikes_and_is_cleared(page: Page, sites: dict[str, Running]) -> None:
    site = sites["bank"]
    await visit(page, site, "/_sandbox/page/faults")
    form = page.locator("form", has=page.get_by_role("button", name="加上"))
    await form.get_by_label("故障").select_option("status_before")
    await form.get_by_label("路径").fill("statements(")
    await form.get_by_role("button").click()
    await said(page, "不是正则表达式")
    await form.get_by_label("故障").select_option("page_shift")
    await form.get_by_label("行 rows").fill("-2")
    await form.get_by_role("button").click()
    await said(page, "加上了")
    await expect(page.get_by_role("row").nth(1)).to_contain_text("page_shift")
    assert site.control("faults")["rules"][0]["rows"] == -2
    await form.get_by_label("故障").select_option("status_before")
    await form.get_by_label("路径").fill("statements")
    await form.get_by_label("次数").fill("")
    await form.get_by_label("HTTP 状态").fill("502")
    await form.get_by_role("button").click()
    await said(page, "加上了")
    assert (await page.request.get(f"{site.url}/statements/")).status == 502
    await visit(page, site, "/_sandbox/page/requests")
    await expect(page.get_by_role("row").nth(1)).to_contain_text("502")
    await visit(page, site, "/_sandbox/page/faults")
    await page.get_by_role("button", name="清空").click()
    await said(page, "故障都清掉了")
    assert (await page.request.get(f"{site.url}/statements/")).status == 200


async def test_a_listed_code_is_provoked(page: Page, sites: dict[str, Running]) -> None:
    site = sites["yonyou_u8"]
    await visit(page, site, "/_sandbox/page/faults")
    form = page.locator("form", has=page.get_by_role("button", name="下一次就报"))
    await form.get_by_label("代码").select_option(index=1)
    listed = site.control("codes")[1]
    await form.get_by_role("button").click()
    await said(page, listed["code"])
    assert site.control("faults")["rules"][-1]["code"] == listed["code"]


async def test_an_accountant_verifies_and_deletes_a_receivable(page: Page, sites: dict[str, Running]) -> None:
    site = sites["yonyou_u8"]
    imported = await page.request.post(f"{site.url}/U8EAI/import.asp", data=RECEIVABLE.read_bytes())
    assert 'succeed="0"' in await imported.text()
    await visit(page, site)
    row = page.get_by_role("row").filter(has_text="AR2503000042")
    await row.get_by_role("button", name="审核").click()
    await said(page, "已审核 AR2503000042")
    assert site.control("books/oughtreceive")["AR2503000042"]["state"] == "审核"
    await row.get_by_role("button", name="删除").click()
    await said(page, "已删除 AR2503000042")
    assert site.control("books/oughtreceive") == {}


async def test_a_payment_is_booked(page: Page, sites: dict[str, Running]) -> None:
    site = sites["bank"]
    await visit(page, site)
    form = page.locator("form", has=page.get_by_role("button", name="客户付款"))
    for amount, answer in (("abc", "金额"), ("106.00", "已入账")):
        await form.get_by_label("金额").fill(amount)
        await form.get_by_label("付款人户名").fill("测试客户有限公司")
        await form.get_by_role("button").click()
        await said(page, answer)
    (booking,) = site.control("books/bookings").values()
    assert (booking["amount"], booking["payer_name"]) == ("106.00", "测试客户有限公司")


async def test_the_clock_moves_and_all_starts_over(page: Page, sites: dict[str, Running]) -> None:
    site = sites["kingdee"]
    await visit(page, site)
    month = page.locator("form", has=page.get_by_role("button", name="结账 close"))
    await month.get_by_label("月份").fill("2026-03")
    await month.get_by_role("button").click()
    await said(page, "已结账")
    form = page.locator("form", has=page.get_by_role("button", name="拨钟"))
    await form.get_by_label("单位").select_option("86400")
    before = site.sandbox.clock.now()
    await form.get_by_role("button").click()
    await said(page, "现在是")
    assert (site.sandbox.clock.now() - before).days == 1
    await page.get_by_label("确认").check()
    await page.get_by_role("button", name="重置").click()
    await said(page, "已重置")
    assert site.control("books").get("closed_periods") is None


async def test_every_page_of_every_sandbox_opens(page: Page, sites: dict[str, Running]) -> None:
    for site in sites.values():
        await visit(page, site)
        await expect(page.locator("main")).to_contain_text("base_url")
        for table, rows in site.control("books").items():
            shown = await (await page.request.get(f"{site.url}/_sandbox/page/books/{table}")).text()
            assert f"共 {rows} 行" in shown
            key = quote(next(iter(site.sandbox.books.table(table))))
            row = await page.request.get(f"{site.url}/_sandbox/page/row/{table}?key={key}")
            assert row.status == 200


async def test_other_sites_may_not_post(page: Page, sites: dict[str, Running]) -> None:
    url = f"{sites['kingdee'].url}/_sandbox/page/do/reset"
    answer = await page.request.post(url, data="sure=on", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status == 403
    await visit(page, sites["kingdee"])
