"""The same lead by push, by pull and by another door is one lead, in whatever order they come."""

import asyncio
import random
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import uvicorn
from sqlalchemy import func, select

from connector_kit import MemoryRecorder, MemoryTokens, Redactor, Sender, Tools, new_client, secrets_of
from connectors.douyin_leads.adapter import DouyinLeads
from connectors.douyin_leads.hooks import LeadHook
from connectors.douyin_leads.settings import Settings
from crm_store import Store, UnitOfWork
from crm_store.tables import assignments, leads, opportunities, people, seats, timeline
from domain.faults import Unmappable
from domain.ports import HookRequest, Inbound
from flows.context import Context
from flows.lead_intake import take_lead
from mappings import Translator
from sandboxes.common import Running
from sandboxes.douyin_leads.clues import LOCAL_ACCOUNTS
from tests.factories import FakePorts, connect, context_of

NAME = "douyin-main"
SOURCES = ("ads", "life", "douyin", "feiyu")
LOCAL = next(iter(LOCAL_ACCOUNTS))
PEOPLE = 4
STEPS = 10


class Clock:
    """Goes with the stand-in's, which is moved."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


class Receiver:
    """Opens what the vendor pushes, as the hub does, and remembers it."""

    def __init__(self, hook: LeadHook) -> None:
        self.hook = hook
        self.kept: list[Inbound] = []
        self.url = ""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        headers = {key.decode(): value.decode() for key, value in scope["headers"]}
        # The stand-in's clock is moved; what it says about time is not what this test is about.
        at = datetime.fromtimestamp(int(headers["timestamp"]), UTC)
        request = HookRequest(scope["method"], scope["path"], "", headers, body, at)
        self.kept += self.hook.open(request)
        answer = self.hook.accepted(request)
        await send({"type": "http.response.start", "status": answer.status, "headers": []})
        await send({"type": "http.response.body", "body": answer.body})


@pytest.fixture(scope="module")
def receiver(served: Running) -> Iterator[Receiver]:
    known = Settings.model_validate(served.sandbox.credentials())
    heard = Receiver(LeadHook(known))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(heard, log_level="warning", lifespan="off", ws="none"))
        thread = threading.Thread(target=asyncio.run, args=(server.serve(sockets=[listener]),))
        thread.start()
        heard.url = f"http://127.0.0.1:{listener.getsockname()[1]}/hooks/{NAME}"
        yield heard
        server.should_exit = True
        thread.join()


@pytest.fixture
def box(served: Running, receiver: Receiver) -> Running:
    served.control("reset", {})
    receiver.kept.clear()
    served.control("act/set_limits", {"qps": 0})
    served.control("act/add_rule", {"url": receiver.url})
    return served


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with new_client() as opened:
        yield opened


def connected(box: Running, client: httpx.AsyncClient, clock: Clock) -> DouyinLeads:
    places = {"base_url": box.url, "open_url": box.url, "feiyu_url": box.url, "sources": ",".join(SOURCES)}
    settings = Settings.model_validate({**box.sandbox.credentials(), **places})
    sender = Sender(
        client, connection=NAME, redactor=Redactor(secrets_of(settings)), recorder=MemoryRecorder()
    )
    return DouyinLeads(settings, Tools(NAME, sender, MemoryTokens(), clock, Translator()))


class Story:
    """What happens at the vendor in one run, and everything that came of it."""

    def __init__(self, box: Running, client: httpx.AsyncClient, seed: int) -> None:
        self.chance = random.Random(seed)
        self.box = box
        self.clock = Clock()
        self.adapter = connected(box, client, self.clock)
        self.pulled: list[Inbound] = []
        self.people: dict[str, dict[str, Any]] = {}

    async def act(self, name: str, body: dict[str, Any]) -> Any:
        return await asyncio.to_thread(self.box.control, name, body)

    async def submit(self) -> None:
        number = len(self.people)
        where = self.chance.choice(
            [{"local_account_id": LOCAL}, {}, {"local_account_id": LOCAL, "advertiser_id": ""}]
        )
        fields = {
            "name": f"测试{number}",
            "telephone": f"1380000000{number}",
            "weixin": self.chance.choice(["", f"demo_wx_{number}"]),
            **where,
        }
        push = self.chance.random() < 0.6
        found = await self.act("act/submit_lead", {**fields, "push": push})
        self.people[found["clue_id"]] = fields

    async def step(self) -> None:
        known = list(self.people)
        deed = self.chance.choice(["submit", "submit", "pull", "push_again", "refund", "advance"])
        if deed == "submit" and len(known) < PEOPLE:
            await self.submit()
        elif deed == "pull":
            await self.pull()
        elif deed == "advance":
            await self.act("clock", {"advance": 400})
            self.clock.ahead += timedelta(seconds=400)
        elif deed in ("push_again", "refund") and known:
            await self.act(f"act/{deed}", {"clue_id": self.chance.choice(known)})

    async def pull(self) -> None:
        now = self.clock.now()
        async for page in self.adapter.pull_leads(now - timedelta(days=1), now):
            self.pulled += page

    async def play(self, heard: Receiver) -> list[Inbound]:
        await self.submit()
        for _ in range(STEPS):
            await self.step()
        await self.pull()
        async with asyncio.timeout(10):
            while (await asyncio.to_thread(self.box.control, "callbacks"))["pending"]:
                continue
        return [*heard.kept, *self.pulled]

    def vendor_id(self, kind: str, body: bytes) -> str:
        return self.adapter.read_lead(kind, body).record.vendor_id

    def reachable(self, came: list[Inbound]) -> set[str]:
        """Those of whom at least one message tells how to reach them; a refund may have hidden it before."""
        read = [self.adapter.read_lead(message.kind, message.body).record for message in came]
        return {lead.vendor_id for lead in read if lead.phone or lead.wechat}


async def handle(store: Store, context: Context, message_id: int) -> bool:
    """False: it is parked."""

    async def work(uow: UnitOfWork) -> None:
        message = await uow.inbox.take(message_id)
        if message is not None:
            version = await take_lead(uow, message, context)
            await uow.inbox.settle(message_id, "handled", mapping=version)

    try:
        await store.run(work)
    except Unmappable:
        return False
    return True


@pytest.mark.parametrize("seed", range(12))
async def test_every_order_of_doors_makes_one_lead(
    box: Running, receiver: Receiver, client: httpx.AsyncClient, store: Store, seed: int
) -> None:
    story = Story(box, client, seed)
    came = await story.play(receiver)
    context = context_of(store, FakePorts(douyin_main=story.adapter))
    async with store.transaction() as uow:
        await connect(uow, NAME)
    twice = [*came, *story.chance.sample(came, len(came) // 3)]
    story.chance.shuffle(twice)
    ids: list[int] = []
    for message in twice:
        async with store.transaction() as uow:
            ids += await uow.inbox.add_once(NAME, [message])
    assert len(ids) == len({message.dedupe_key for message in came})
    parked: list[int] = []
    while ids:  # a few at once, as workers do
        now, ids = ids[:4], ids[4:]
        done = await asyncio.gather(*(handle(store, context, each) for each in now))
        parked += [each for each, fine in zip(now, done, strict=True) if not fine]
    # What came without a number before its lead was known is readable once it is.
    for each in parked:
        await handle(store, context, each)
    expected = story.reachable(came)
    async with store.transaction() as uow:
        left = await uow.inbox.listed("new", 1000)
        assert {story.vendor_id(row["kind"], row["body"]) for row in left} == set(story.people) - expected
        await check(uow, story, expected)


async def check(uow: UnitOfWork, story: Story, expected: set[str]) -> None:
    found = [row for row in await uow.leads.listed() if row["vendor_id"] in story.people]
    assert sorted(row["vendor_id"] for row in found) == sorted(expected)
    for row in found:
        told, facts = story.people[row["vendor_id"]], row["facts"]
        assert (row["state"], facts["name"]) == ("assigned", told["name"])
        assert facts.get("wechat", told["weixin"]) == told["weixin"]
        assert facts.get("phone") in (None, f"+86{told['telephone']}")
    database = uow.leads._connection
    reached = (await database.execute(select(leads.c.facts, people.c.phone).join(people))).all()
    assert [facts.get("phone") for facts, _ in reached] == [phone for _, phone in reached]
    for table in (leads, assignments, opportunities, people):
        count = (await database.execute(select(func.count()).select_from(table))).scalar_one()
        assert count == len(expected), table.name
    noted = await database.execute(select(func.count()).where(timeline.c.kind == "lead"))
    assert noted.scalar_one() == len(expected)
    turns = await database.execute(select(func.coalesce(func.sum(seats.c.assigned), 0)))
    assert turns.scalar_one() == len(expected)
