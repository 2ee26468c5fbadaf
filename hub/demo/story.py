"""What happens, in order. Each step ends when the hub has come to rest behind it."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy.exc import DBAPIError

from crm_store import Store
from flows.cash import WRITE_OFF
from flows.verification import VERIFY
from hub import reports
from hub.demo.plan import (
    CONTRACTS,
    FORGED,
    PARKED,
    REFUSED_AS_MALFORMED,
    STATEMENTS,
    Plan,
    PlannedContract,
)
from hub.standins import DOUYIN, Cast, connect_sandbox, connect_sandboxes
from hub.world import World

AT_ONCE = 4
GRANT_LOST = "[40107]"
GRANT_PAUSE = 5.0
"""Seconds until the next pull has shown whether the new authorisation works."""

DONE_STATES = ("signed", "fulfilled")
ENDED_STATES = (*DONE_STATES, "declined", "expired")

U8_BOOKS = {"receivable": "oughtreceive", "receipt": "accept"}


class Story:
    def __init__(self, plan: Plan, world: World, store: Store, *, folder: Path, cast: Cast) -> None:
        self._plan = plan
        self._world = world
        self._store = store
        self._folder = folder
        self._cast = cast
        self._authorise_after = 0.0
        self.clues: list[str] = []
        self.disagreements: list[str] = []

    def steps(self) -> list[tuple[str, Callable[[], Awaitable[dict[str, object]]]]]:
        return [
            ("广告线索 ad leads", self._leads),
            ("合同 contracts", self._contracts),
            ("签署 signing", self._signing),
            ("应收 receivables", self._receivables),
            ("银行回款 bank receipts", self._payments),
            ("核销 write-off", self._write_offs),
            ("对账 reconciliation", self._reconcile),
        ]

    # --- set-up -----------------------------------------------------------------------------------------

    async def connect(self) -> None:
        """IT configures the connections, with the credentials that the sandboxes print."""
        await connect_sandboxes(self._world, statements=self._folder, cast=self._cast)
        await self._world.act("douyin_leads", "set_limits", {"qps": 0, "late_seconds": 0})

    # --- the steps --------------------------------------------------------------------------------------

    async def _leads(self) -> dict[str, object]:
        plan = self._plan
        answer = await self._world.act(
            "douyin_leads", "submit_leads", {"leads": [lead.fields for lead in plan.leads]}
        )
        self.clues = answer["clue_ids"]
        for clue, lead in zip(self.clues, plan.leads, strict=True):
            for _ in range(lead.again):
                await self._world.act("douyin_leads", "push_again", {"clue_id": clue})
        for kind in REFUSED_AS_MALFORMED:
            await self._world.act("douyin_leads", "push_malformed", {"kind": kind})
        await self._insist(FORGED, "push_forged", {}, lambda seen: seen["refused"].get("forged", 0))
        await self._insist(
            PARKED, "push_malformed", {"kind": "bad_phone"}, lambda seen: seen["inbox"].get("parked", 0)
        )
        await self._until(
            lambda seen: _sum(seen["leads"], ("assigned", "closed")) == len(self.clues),
            "线索没有全部到达并分配",
        )
        return {"线索": len(self.clues), "再次推送": sum(lead.again for lead in plan.leads), "伪造": FORGED}

    async def _insist(
        self, times: int, act: str, body: dict[str, str], count: Callable[[dict[str, Any]], int]
    ) -> None:
        """Nobody repeats these for us: an attempt that met a hub that was down is made again."""
        for wanted in range(1, times + 1):
            while count(await self._look()) < wanted:
                await self._world.act("douyin_leads", act, body)
                await self._pushed_out()
                await self._until(lambda seen: seen["inbox"].get("new", 0) == 0, "收件没有处理完")

    async def _pushed_out(self) -> None:
        async def quiet() -> bool:
            return await self._world.callbacks_pending("douyin_leads") == 0

        await self._world.until(quiet, "推送没有送完")

    async def _contracts(self) -> dict[str, object]:
        await self._for_each(self._plan.contracts, self._make_contract)
        await self._until(
            lambda seen: _sum(seen["contracts"], ("draft", "approving", "approved")) == 0, "合同没有全部发出"
        )
        return {"合同": len(self._plan.contracts)}

    async def _make_contract(self, contract: PlannedContract) -> None:
        body = {
            "number": contract.number,
            "title": f"{contract.company}采购合同",
            "lead_connection": DOUYIN,
            "lead_id": self.clues[contract.lead],
            "company": {
                "name": contract.company,
                "credit_code": contract.credit_code,
                "region": contract.region,
            },
            "signatory": f"测试经办{contract.lead}",
            "signatory_phone": str(13900000000 + contract.lead),
            "lines": list(contract.lines),
            "plan": [
                {
                    "title": row.title,
                    "amount": str(row.amount),
                    "trigger": row.trigger,
                    "on_date": row.on_date,
                }
                for row in contract.plan
            ],
        }
        await self._world.hub("POST", "/api/contracts", body)
        await self._world.hub("POST", f"/api/contracts/{contract.number}/submit")
        await self._world.hub("POST", f"/api/contracts/{contract.number}/approve")

    async def _signing(self) -> dict[str, object]:
        signer = self._cast.signer
        flows = await self._world.books(signer, "flows")
        outcomes = {contract.number: contract.outcome for contract in self._plan.contracts}
        counts = {"sign": 0, "decline": 0, "expire": 0}
        for flow_id, flow in flows.items():
            outcome = outcomes[contract_number(flow)]
            act = {"sign": "sign_all", "decline": "decline", "expire": "expire"}[outcome]
            await self._world.act(signer, act, {"flow_id": flow_id, "reason": "条款需再议"})
            counts[outcome] += 1
        await self._until(
            lambda seen: _sum(seen["contracts"], ENDED_STATES) == CONTRACTS, "签署结果没有全部回来"
        )
        return {"签署": counts["sign"], "拒签": counts["decline"], "过期": counts["expire"]}

    async def _receivables(self) -> dict[str, object]:
        owed = len(self._plan.owed)
        await self._until(
            lambda seen: _sum(seen["receivables"], ("posted", "partly_paid", "paid")) == owed,
            f"应收没有全部进入 ERP（应有 {owed}）",
        )
        return {"应收": owed}

    async def _payments(self) -> dict[str, object]:
        for statement in range(STATEMENTS):
            paid = [payment for payment in self._plan.payments if payment.statement == statement]
            await self._world.act("bank", "pay_all", {"payments": [_wire(payment) for payment in paid]})
            version = "02" if statement == 1 else "08"
            await self._world.act("bank", "issue_statement", {"version": version})
        await self._world.act("bank", "issue_statement", {"repeat": True})
        expected = len(self._plan.explained)
        await self._until(
            lambda seen: (
                _sum(seen["receipts"], ("posted", "written_off")) == expected
                and sum(seen["receipts"].values()) == len(self._plan.payments)
            ),
            f"收款没有全部进入 ERP（应有 {expected}）",
        )
        return {"对账单": STATEMENTS + 1, "收款": len(self._plan.payments), "自动匹配": expected}

    async def _write_offs(self) -> dict[str, object]:
        """Kingdee writes off at the audit; in U8 the accountant does it, asked by a task."""
        verified = await self._verify()
        tasks = await self._world.hub("GET", f"/api/tasks?kind={WRITE_OFF}")
        for task in tasks:
            for part in task["detail"]["parts"]:
                await self._world.act(
                    "yonyou_u8",
                    "write_off",
                    {
                        "receipt": task["detail"]["receipt"],
                        "receivable": part["receivable"],
                        "amount": part["amount"],
                    },
                )
        expected = len(self._plan.explained)
        await self._until(
            lambda seen: (
                seen["receipts"].get("written_off", 0) == expected and WRITE_OFF not in seen["tasks"]
            ),
            f"核销没有全部完成（应有 {expected}）",
        )
        return {"核销": expected, "其中由会计在 U8 核销": len(tasks), "由会计在 U8 审核": verified}

    async def _verify(self) -> int:
        """Through U8's XML door nothing can be verified: the accountant does it, asked by tasks."""
        tasks = await self._world.hub("GET", f"/api/tasks?kind={VERIFY}")
        for task in tasks:
            document = {"kind": U8_BOOKS[task["detail"]["document"]], "code": task["detail"]["number"]}
            await self._world.act("yonyou_u8", "verify_voucher", document)
        await self._until(lambda seen: VERIFY not in seen["tasks"], "审核没有全部读回")
        return len(tasks)

    async def _reconcile(self) -> dict[str, object]:
        """An accountant deletes a receivable inside Kingdee; reconciling finds it, finance repairs it."""
        await self._world.act(
            "kingdee", "delete_bill", {"form": "AR_receivable", "number": self._plan.deleted_by_hand}
        )
        found: dict[int, str] = {}

        async def agrees() -> bool:
            """A system that did not answer is asked again, and what it says then is repaired as well."""
            await self._at_rest()
            differing = await self._world.hub("POST", "/api/reconcile")
            for row in differing:
                found[row["id"]] = row["kind"]
                await self._world.hub("POST", f"/api/disagreements/{row['id']}/repair")
            return not differing

        await self._world.until(agrees, "修复后仍不一致", lambda: found)
        self.disagreements = sorted(set(found.values()))
        return {"发现": len(found), "种类": "、".join(self.disagreements) or "无"}

    async def finish(self) -> None:
        """Nothing is on its way any more, anywhere."""
        await self._at_rest()
        for sandbox in ("douyin_leads", self._cast.signer):

            async def quiet(name: str = sandbox) -> bool:
                return await self._world.callbacks_pending(name) == 0

            await self._world.until(quiet, f"{sandbox} 的回调没有送完")
        await self._at_rest()

    # --- helpers ----------------------------------------------------------------------------------------

    async def _until(self, reached: Callable[[dict[str, Any]], bool], what: str) -> None:
        seen: dict[str, Any] = {}

        async def look() -> bool:
            seen.update(await self._look())
            await self._replay_dead_letters(seen)
            await self._authorise_again(seen)
            return reached(seen)

        await self._world.until(look, what, lambda: seen)

    async def _look(self) -> dict[str, Any]:
        """Once more when the database is just being started again."""
        found: dict[str, Any] = {}

        async def read() -> bool:
            try:
                async with self._store.transaction() as uow:
                    found["failing"] = [row["failure"] for row in await uow.schedule.all() if row["failure"]]
                    found.update(await reports.summarise(uow))
            except (OSError, DBAPIError):
                return False
            return True

        await self._world.until(read, "数据库没有回来 (the database did not come back)")
        return found

    async def _replay_dead_letters(self, seen: dict[str, Any]) -> None:
        """IT replays what failed (an answer cut in half): it is looked up first, nothing is doubled."""
        if seen["deliveries"].get("failed", 0):
            await self._world.hub("POST", "/api/deliveries/replay")

    async def _authorise_again(self, seen: dict[str, Any]) -> None:
        """The answer to a token refresh was lost, and with it the grant: only a person can give another."""
        now = time.monotonic()
        if now > self._authorise_after and any(GRANT_LOST in failure for failure in seen["failing"]):
            self._authorise_after = now + GRANT_PAUSE
            await connect_sandbox(self._world, DOUYIN, statements=self._folder, cast=self._cast)

    async def _at_rest(self) -> None:
        await self._until(
            lambda seen: (
                _sum(seen["deliveries"], ("pending", "sending", "retry", "unknown", "held", "failed")) == 0
                and seen["inbox"].get("new", 0) == 0
            ),
            "还有没完成的工作",
        )

    async def _for_each(self, items: Any, work: Callable[[Any], Awaitable[None]]) -> None:
        slots = asyncio.Semaphore(AT_ONCE)

        async def one(item: Any) -> None:
            async with slots:
                await work(item)

        await asyncio.gather(*(one(item) for item in items))


def _sum(counts: dict[str, int], names: tuple[str, ...]) -> int:
    return sum(counts.get(name, 0) for name in names)


def _wire(payment: Any) -> dict[str, str]:
    amount: Decimal = payment.amount
    return {
        "payer_name": payment.payer,
        "payer_account": payment.account,
        "amount": str(amount),
        "text": payment.text,
    }


def contract_number(flow: dict[str, Any]) -> str:
    """Our key stands in the title: `… HT-2026-0001#1`."""
    found = re.search(r"HT-\d{4}-\d{4}", str(flow))
    assert found is not None
    return found.group()
