"""Logs in and sends. One method per operation."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from connector_kit import Reply, Request, Token, Tools
from connectors.kingdee import protocol
from connectors.kingdee.protocol import Query, Saved, Step
from connectors.kingdee.settings import KingdeeSettings
from connectors.kingdee.wire import DocumentRow, Message
from domain.faults import SessionExpired

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

    async def _call(self, build: Callable[[str], Request], read: Callable[[Reply], Result]) -> Result:
        """A call that met a lost session was not executed; it is repeated once."""
        token = await self.tools.tokens.get("session", self._login)
        try:
            return read(await self.tools.sender.send(build(token.value)))
        except SessionExpired:
            token = await self.tools.tokens.get("session", self._login, refused=token.value)
            return read(await self.tools.sender.send(build(token.value)))

    async def _login(self, known: Token | None) -> Token:
        reply = await self.tools.sender.send(protocol.build_login(self.settings))
        token = protocol.read_login(reply, self.settings, now=self.tools.clock.now())
        self.tools.sender.redactor.add(token.value)
        return token
