"""Logs in and sends. One method per operation."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from connector_kit import Reply, Request, Token, Tools
from connectors.kingdee import bulk, ledger, protocol, signing
from connectors.kingdee.protocol import Query, Saved, Step
from connectors.kingdee.settings import KingdeeSettings
from connectors.kingdee.wire import CustomerRow, DataCenter, DocumentRow, FormInfo, Message
from domain.faults import Fault, SessionExpired
from domain.ports import ArchiveKind

Result = TypeVar("Result")
Row = TypeVar("Row", bound=Message)
Document = TypeVar("Document", bound=DocumentRow)


@dataclass(frozen=True, slots=True)
class WebApi:
    settings: KingdeeSettings
    tools: Tools

    async def save(self, form: str, model: Mapping[str, object]) -> Saved:
        return await self._call(
            lambda session: protocol.build_save(self.settings, session, form, model), protocol.read_save
        )

    async def step(self, step: Step, form: str, vendor_id: str) -> None:
        await self._call(
            lambda session: protocol.build_step(self.settings, session, step, form, vendor_id),
            protocol.read_done,
        )

    async def batch_save(self, form: str, models: Sequence[Mapping[str, object]]) -> list[Saved | Fault]:
        """One outcome for each model. What was saved stays saved: only the refused ones are sent again."""
        return await self._call(
            lambda session: bulk.build_batch_save(self.settings, session, form, models),
            lambda reply: bulk.read_batch_save(reply, len(models)),
        )

    async def draft(self, form: str, model: Mapping[str, object]) -> Saved:
        return await self._call(
            lambda session: bulk.build_draft(self.settings, session, form, model), protocol.read_save
        )

    async def push(
        self, form: str, target: str, *, rule: str, ids: Sequence[str] = (), entry_ids: Sequence[str] = ()
    ) -> list[Saved]:
        """The documents that the conversion made: saved, not submitted."""
        return await self._call(
            lambda session: bulk.build_push(
                self.settings, session, form, target, rule=rule, ids=ids, entry_ids=entry_ids
            ),
            bulk.read_push,
        )

    async def view(self, form: str, vendor_id: str) -> dict[str, Any]:
        return await self._call(
            lambda session: bulk.build_view(self.settings, session, form, vendor_id), bulk.read_view
        )

    async def form_info(self, form: str) -> FormInfo:
        return await self._call(
            lambda session: bulk.build_form_info(self.settings, session, form), bulk.read_form_info
        )

    async def data_centers(self) -> list[DataCenter]:
        return bulk.read_data_centers(await self.tools.sender.send(bulk.build_data_centers(self.settings)))

    async def query(self, query: Query, row: type[Row]) -> list[Row]:
        return await self._call(
            lambda session: protocol.build_query(self.settings, session, query),
            lambda reply: protocol.read_rows(reply, query, row),
        )

    async def documents(self, query: Query, row: type[Document]) -> AsyncIterator[list[Document]]:
        """Every document of a query, as the rows it has.

        Pages go on from the last id seen, so that what is added or deleted meanwhile moves nothing. A page
        may be shorter than asked, and may cut its last document in two: that one is read again with the next.
        """
        after = "0"
        while rows := await self.query(replace(query, where=f"{query.where} and FID>{after}"), row):
            groups = protocol.documents(rows)
            whole = groups[:-1] or groups
            for group in whole:
                yield group
            after = whole[-1][0].id

    async def archive(self, kind: ArchiveKind) -> AsyncIterator[CustomerRow]:
        """Every row of an archive, after the last id seen."""
        after = "0"
        while rows := await self.query(ledger.archive_query(kind, after, self.settings), CustomerRow):
            for row in rows:
                yield row
            after = rows[-1].id

    async def _call(self, build: Callable[[str], Request], read: Callable[[Reply], Result]) -> Result:
        """A call that met a lost session was not executed; it is repeated once."""
        token = await self.tools.tokens.get("session", self._login)
        try:
            return read(await self._send(build(token.value)))
        except SessionExpired:
            token = await self.tools.tokens.get("session", self._login, refused=token.value)
            return read(await self._send(build(token.value)))

    async def _login(self, known: Token | None) -> Token:
        """A signed request needs no session, but a server would open a new one for each that brings none."""
        now = self.tools.clock.now()
        if self.settings.login == "session":
            reply = await self._send(protocol.build_login(self.settings))
            token = protocol.read_login(reply, self.settings, now=now)
        else:
            reply = await self._send(protocol.build_greeting(self.settings))
            token = protocol.read_greeting(reply, self.settings, now=now)
        self.tools.sender.redactor.add(token.value)
        return token

    async def _send(self, request: Request) -> Reply:
        if self.settings.login == "signature":
            request = signing.signed(request, self.settings, now=self.tools.clock.now())
        return await self.tools.sender.send(request)
