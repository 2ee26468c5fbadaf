"""Carries out inbox messages and deliveries, each exactly once whatever crashes."""

import asyncio
import random
from collections.abc import Sequence
from datetime import timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError

from connector_kit import exchange_subject
from crm_store import UnitOfWork
from crm_store.deliveries import Delivery, LeaseLost
from crm_store.inbox import Message
from domain.faults import Fault, Malformed, Transient, UnknownOutcome, Unmappable
from domain.ports import EVENT, LeadReader, SigningHook, StatementFeed
from flows import (
    cash,
    code_tables,
    contracts,
    drift,
    evidence,
    lead_feedback,
    lead_intake,
    receivables,
    signing,
    signing_acts,
)
from flows.context import Context, NotYet, Operation, Outcome
from hub.bootstrap import Hub
from hub.drift_watch import keep_drift, noting_drift, take_holding
from hub.live_mappings import mappings_used, noting_mappings
from hub.settlement import DEAD_LETTER, OWNERS, Backoff, settle

OPERATIONS: dict[str, Operation] = {
    contracts.SEND: signing.send_contract,
    signing.FETCH: signing.fetch_flow,
    signing.ARCHIVE: signing.archive_flow,
    signing_acts.URGE: signing_acts.carry_out,
    signing_acts.EXTEND: signing_acts.carry_out,
    signing_acts.REVOKE: signing_acts.carry_out,
    evidence.APPLY: evidence.apply_for_evidence,
    evidence.FETCH: evidence.fetch_evidence,
    receivables.CUSTOMER: receivables.post_customer,
    receivables.RECEIVABLE: receivables.post_receivable,
    cash.RECEIPT: cash.post_receipt,
    lead_feedback.FEEDBACK: lead_feedback.report,
}

AT_ONCE = 8
MESSAGE_ATTEMPTS = 40
"""A callback may overtake our own note of the flow by as long as the vendor's answer takes."""
HEARTBEAT = 1.5
"""Seconds between renewals of the leases in hand; a lease lasts 5 s."""

log = structlog.get_logger()


class Workbench:
    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._chance = random.Random()  # noqa: S311  # jitter
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._held: dict[int, int] = {}
        settings = hub.settings
        self._backoff = Backoff(settings.backoff_base, settings.backoff_cap, settings.delivery_attempts)

    async def handle_messages(self, ids: Sequence[int]) -> None:
        await self._hub.connections.refresh()
        async with asyncio.TaskGroup() as group:
            for each in ids:
                group.create_task(self._in_turn(self._handle(each)))

    async def run_deliveries(self, ids: Sequence[int]) -> None:
        await self._hub.connections.refresh()
        async with asyncio.TaskGroup() as group:
            for each in ids:
                group.create_task(self._in_turn(self._deliver(each)))

    async def heartbeat(self) -> None:
        """Runs for ever: keeps the leases of everything in hand."""
        while True:
            await asyncio.sleep(HEARTBEAT)
            if self._held:
                async with self._hub.store.transaction() as uow:
                    await uow.deliveries.renew(dict(self._held))

    async def _in_turn(self, work: "asyncio.Future[None] | object") -> None:
        async with self._slots:
            await work  # type: ignore[misc]

    async def _know(self, connection: str) -> None:
        """A connection may be younger than our last look at the configuration."""
        if not self._hub.connections.known(connection):
            await self._hub.connections.refresh(stale_after=0)

    # --- messages ---------------------------------------------------------------------------------------

    async def _handle(self, message_id: int) -> None:
        """Never raises: the others of its task must not be cancelled. The sweep brings it again."""
        try:
            with noting_mappings(), noting_drift(message_id):
                await self._take(message_id)
                await keep_drift(self._hub.store)
        except Exception:
            log.exception("message.left", message=message_id)

    async def _take(self, message_id: int) -> None:
        async def work(uow: UnitOfWork) -> None:
            message = await uow.inbox.take(message_id)
            if message is not None:
                await self._know(message.connection)
                await _dispatch(uow, message, self._hub.context)

        try:
            await self._hub.store.run(work)
        except Unmappable as error:
            await self._park(message_id, error)
        except lead_intake.NobodyBehind as error:
            await self._set_aside(message_id, "ignored", str(error))
        except NotYet as error:
            await self._try_later(message_id, str(error))
        except Exception as error:
            # A bug or an outage of our own: the message stays, and nothing else waits for it.
            log.exception("message.failed", message=message_id)
            await self._try_later(message_id, f"{type(error).__name__}: {error}")

    async def _park(self, message_id: int, error: Unmappable) -> None:
        """With what it waits for, where that is a decision; what was decided meanwhile is tried again."""
        used = mappings_used()
        drifting = take_holding() if not error.lacks else None
        if not (error.lacks or drifting):
            await self._set_aside(message_id, "parked", str(error))
            return
        async with self._hub.store.transaction() as uow:
            if drifting:
                waits = await drift.hold(uow, drifting, message_id, str(error), mapping=used)
            else:
                waits = await code_tables.hold_message(uow, message_id, error, mapping=used)
        if not waits:
            await self._hub.connections.refresh(stale_after=0)
            await self._try_later(message_id, str(error))

    async def _set_aside(self, message_id: int, state: str, reason: str) -> None:
        async with self._hub.store.transaction() as uow:
            await uow.inbox.settle(message_id, state, reason=reason, mapping=mappings_used())

    async def _try_later(self, message_id: int, reason: str) -> None:
        reason = self._hub.connections.masked(reason)
        async with self._hub.store.transaction() as uow:
            row = await uow.inbox.get(message_id)
            attempts = row["attempts"] if row else 0
            if attempts >= MESSAGE_ATTEMPTS:
                await uow.inbox.settle(message_id, "parked", reason=reason, mapping=mappings_used())
            else:
                wait = timedelta(seconds=min(60.0, 0.5 * 1.2**attempts))
                await uow.inbox.postpone(message_id, wait, reason)

    # --- deliveries -------------------------------------------------------------------------------------

    async def _deliver(self, delivery_id: int) -> None:
        """Never raises: the others of its task must not be cancelled. The lease runs out, and it is found."""
        try:
            await self._claim_and_carry_out(delivery_id)
        except Exception:
            log.exception("delivery.left", delivery=delivery_id)

    async def _claim_and_carry_out(self, delivery_id: int) -> None:
        async with self._hub.store.transaction() as uow:
            delivery = await uow.deliveries.claim(delivery_id)
        if delivery is None:
            return
        await self._know(delivery.connection)
        self._held[delivery.id] = delivery.lease
        try:
            with exchange_subject(f"delivery/{delivery.id}"), noting_mappings():
                await self._carry_out(delivery)
        except LeaseLost:
            log.warning("delivery.lease_lost", key=delivery.key)
        finally:
            self._held.pop(delivery.id, None)

    async def _carry_out(self, delivery: Delivery) -> None:
        try:
            outcome = await OPERATIONS[delivery.operation](self._hub.context, delivery)
            await self._finish(delivery, outcome)
        except LeaseLost:
            raise
        except Fault as fault:
            await self._settle(delivery, fault)
        except Unmappable as error:
            await self._hold(delivery, error)
        except (SQLAlchemyError, OSError) as error:
            # Our own database, perhaps after the vendor has acted: nothing is known of it.
            log.exception("delivery.outage", key=delivery.key)
            await self._settle(delivery, UnknownOutcome(f"本系统数据库出错 (our database): {error}"))
        except Exception as error:
            log.exception("delivery.failed", key=delivery.key)
            await self._settle(delivery, Malformed(f"{type(error).__name__}: {error}"))

    async def _finish(self, delivery: Delivery, outcome: Outcome) -> None:
        async def finish(uow: UnitOfWork) -> None:
            await outcome.apply(uow)
            await uow.deliveries.finish(delivery, vendor_id=outcome.vendor_id, mapping=mappings_used())
            if delivery.sent_before:
                await uow.open_items.close_about(DEAD_LETTER, {"delivery": delivery.key}, "系统")

        await self._hub.store.run(finish)

    async def _settle(self, delivery: Delivery, fault: Fault) -> None:
        settlement = settle(fault, delivery.attempts, self._backoff, self._chance)
        said = self._hub.connections.masked(str(fault))
        log.info("delivery.fault", key=delivery.key, fault=fault.kind, state=settlement.state, text=said)
        if settlement.state == "failed":
            await self._fail(delivery, fault.kind, said, owner=OWNERS.get(fault.kind, "it"))
            return
        async with self._hub.store.transaction() as uow:
            await uow.deliveries.put_back(
                delivery,
                settlement.state,
                wait=settlement.wait,
                fault=fault.kind,
                reason=said,
                mapping=mappings_used(),
            )
            if settlement.pauses_connection and await uow.connections.pause(delivery.connection, said):
                await uow.open_items.open_task(
                    f"paused/{delivery.connection}/{delivery.id}/{delivery.lease}",
                    kind="connection_paused",
                    owner="it",
                    title=f"连接 {delivery.connection} 已暂停：{said}",
                    detail={"connection": delivery.connection, "delivery": delivery.key},
                )

    async def _hold(self, delivery: Delivery, error: Unmappable) -> None:
        """What lacks nothing but codes waits for them; anything else is a dead letter."""
        if not error.lacks_only_codes:
            await self._fail(delivery, "Unmappable", str(error), owner="it")
            return
        async with self._hub.store.transaction() as uow:
            if await code_tables.hold_delivery(uow, delivery, error, mapping=mappings_used()):
                return
        await self._hub.connections.refresh(stale_after=0)
        await self._settle(delivery, Transient(str(error)))

    async def _fail(self, delivery: Delivery, fault: str, reason: str, *, owner: str) -> None:
        async with self._hub.store.transaction() as uow:
            await uow.deliveries.fail(delivery, fault=fault, reason=reason, mapping=mappings_used())
            await uow.open_items.open_task(
                f"{DEAD_LETTER}/{delivery.id}/{delivery.lease}",
                kind=DEAD_LETTER,
                owner=owner,
                title=f"{delivery.key} 未能送达：{reason}",
                detail={"delivery": delivery.key, "fault": fault, "attempts": delivery.attempts},
            )


async def _dispatch(uow: UnitOfWork, message: Message, context: Context) -> None:
    """By what the message's connection can read."""
    if message.kind.startswith(EVENT):
        await uow.inbox.settle(message.id, "ignored")
    elif message.connection in context.ports.all(LeadReader):
        version = await lead_intake.take_lead(uow, message, context)
        await uow.inbox.settle(message.id, "handled", mapping=version)
    elif message.connection in context.ports.all(SigningHook):
        counted = await signing.take_hint(uow, message, context)
        await uow.inbox.settle(message.id, "handled" if counted else "ignored")
    elif message.connection in context.ports.all(StatementFeed):
        version = await cash.take_statement(uow, message, context)
        await uow.inbox.settle(message.id, "handled", mapping=version)
    else:
        raise Unmappable([f"连接 {message.connection} 没有可以读取消息的能力 (nobody reads these messages)"])
