"""Logs in and asks; what the answers mean stands in protocol.py."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt

from connector_kit import Page, Token, Tools
from connector_kit.tokens import Fetch
from connectors.douyin_leads import errors, feedback, legacy, open_platform, protocol
from connectors.douyin_leads.feedback import Door
from connectors.douyin_leads.settings import Settings, Source
from connectors.douyin_leads.wire import Row
from domain.faults import Misconfigured, SessionExpired, Throttled, Transient, UnknownOutcome
from domain.ports import LeadOutcome

THROTTLED_ATTEMPTS = 6

Answer = TypeVar("Answer")


class Client:
    def __init__(self, settings: Settings, tools: Tools) -> None:
        self._settings = settings
        self._tools = tools

    async def page(self, source: Source, *, since: datetime, until: datetime, number: int) -> Page[Row]:
        """Waits out a rate limit: a pull of many pages reaches it and must still come to its end."""
        ask = {"ads": self._ads, "life": self._life, "douyin": self._douyin, "feiyu": self._feiyu}[source]
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(Throttled),
            stop=stop_after_attempt(THROTTLED_ATTEMPTS),
            wait=_as_told,
            reraise=True,
        ):
            with attempt:
                return await ask(since, until, number)
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def report(self, door: Door, clue_id: str, outcome: LeadOutcome, reason: str | None) -> None:
        async def tell(token: str) -> None:
            request = feedback.build_report(
                self._settings,
                door,
                access_token=token,
                clue_id=clue_id,
                outcome=outcome,
                reason=reason,
            )
            protocol.read_report(await self._tools.sender.send(request))

        await self._authorised("access", self._refresh, tell)

    async def _ads(self, since: datetime, until: datetime, page: int) -> Page[Row]:
        async def ask(token: str) -> Page[Row]:
            request = protocol.build_clues(
                self._settings, access_token=token, since=since, until=until, page=page
            )
            return protocol.read_clues(await self._tools.sender.send(request))

        return await self._authorised("access", self._refresh, ask)

    async def _life(self, since: datetime, until: datetime, page: int) -> Page[Row]:
        async def ask(token: str) -> Page[Row]:
            request = protocol.build_life_clues(
                self._settings, access_token=token, since=since, until=until, page=page
            )
            return protocol.read_life_clues(await self._tools.sender.send(request))

        return await self._authorised("access", self._refresh, ask)

    async def _douyin(self, since: datetime, until: datetime, page: int) -> Page[Row]:
        async def ask(token: str) -> Page[Row]:
            request = open_platform.build_clues(
                self._settings, access_token=token, since=since, until=until, page=page
            )
            return open_platform.read_clues(await self._tools.sender.send(request))

        return await self._authorised("client", self._new_client_token, ask)

    async def _feiyu(self, since: datetime, until: datetime, page: int) -> Page[Row]:
        request = legacy.build_clues(
            self._settings, since=since, until=until, page=page, now=self._tools.clock.now()
        )
        return legacy.read_clues(await self._tools.sender.send(request), size=self._settings.page_size)

    async def _authorised(self, name: str, fetch: Fetch, ask: Callable[[str], Awaitable[Answer]]) -> Answer:
        """With the cached token; once more with a new one when it is refused."""
        token = await self._token(name, fetch)
        try:
            return await ask(token)
        except SessionExpired:
            return await ask(await self._token(name, fetch, refused=token))

    async def _token(self, name: str, fetch: Fetch, *, refused: str | None = None) -> str:
        token = await self._tools.tokens.get(name, fetch, refused=refused)
        self._tools.sender.redactor.add(token.value)
        return token.value

    async def _new_client_token(self, known: Token | None) -> Token:
        request = open_platform.build_client_token(self._settings)
        reply = await self._tools.sender.send(request)
        return open_platform.read_client_token(reply, now=self._tools.clock.now())

    async def _refresh(self, known: Token | None) -> Token:
        """With the last refresh token; if that is dead, with the one that a person has just put in."""
        given = self._settings.refresh_token.get_secret_value()
        if known is None or known.refresh is None or known.refresh == given:
            return await self._refresh_with(given)
        try:
            return await self._refresh_with(known.refresh)
        except Misconfigured as fault:
            if not fault.code.isdigit() or int(fault.code) not in errors.GRANT_LOST:
                raise
            return await self._refresh_with(given)

    async def _refresh_with(self, refresh_token: str) -> Token:
        request = protocol.build_refresh(self._settings, refresh_token)
        try:
            reply = await self._tools.sender.send(request)
        except UnknownOutcome as fault:
            # Asking again tells: it works, or it was already used and a person must authorise again.
            raise Transient(
                f"刷新令牌没有收到回答 (no answer to the token refresh): {fault.message}"
            ) from fault
        token = protocol.read_token(reply, now=self._tools.clock.now())
        for secret in filter(None, (token.value, token.refresh)):
            self._tools.sender.redactor.add(secret)
        return token


def _as_told(state: RetryCallState) -> float:
    fault = state.outcome.exception() if state.outcome else None
    return fault.wait.total_seconds() if isinstance(fault, Throttled) else 0.0
