"""Logs in, imports, logs out."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TypeVar

from connector_kit import Reply, Request, Tools
from connectors.kingdee_eas import protocol
from connectors.kingdee_eas.protocol import BILLS, LOGIN, VOUCHERS, Imported, Voucher
from connectors.kingdee_eas.settings import KingdeeEasSettings
from connectors.kingdee_eas.soap import Service
from domain.faults import Fault, SessionExpired
from domain.records import Receivable

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class KingdeeEasAdapter:
    settings: KingdeeEasSettings
    tools: Tools
    _services: dict[str, Service] = field(default_factory=dict)
    """Read once from the customer's own WSDL: it differs by project."""

    async def import_receivable(self, receivable: Receivable) -> str:
        service = await self._service(BILLS)
        return await self._logged_in(
            lambda session: protocol.build_receivable(self.settings, service, session, receivable),
            protocol.read_receivable,
        )

    async def import_voucher(self, voucher: Voucher) -> Imported:
        service = await self._service(VOUCHERS)
        return await self._logged_in(
            lambda session: protocol.build_voucher(self.settings, service, session, voucher),
            lambda reply: protocol.read_voucher(reply, voucher),
        )

    async def _logged_in(self, build: Callable[[str], Request], read: Callable[[Reply], Result]) -> Result:
        """A call that met a lost session was not executed; it is repeated once, in a new one."""
        try:
            return await self._in_session(build, read)
        except SessionExpired:
            return await self._in_session(build, read)

    async def _in_session(self, build: Callable[[str], Request], read: Callable[[Reply], Result]) -> Result:
        async with self._session() as session:
            return read(await self._send(build(session)))

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[str]:
        """One for each import: they are rare, and nobody knows how long EAS keeps one."""
        service = await self._service(LOGIN)
        session = protocol.read_login(await self._send(protocol.build_login(self.settings, service)))
        self.tools.sender.redactor.add(session)
        try:
            yield session
        finally:
            # What was imported stays imported; a session that is left behind runs out by itself.
            with suppress(Fault):
                await self._send(protocol.build_logout(self.settings, service, session))

    async def _service(self, name: str) -> Service:
        if name not in self._services:
            reply = await self._send(protocol.build_description(self.settings, name))
            self._services[name] = Service.described(reply.body)
        return self._services[name]

    async def _send(self, request: Request) -> Reply:
        return await self.tools.sender.send(request)
