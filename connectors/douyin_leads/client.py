"""Logs in and asks; what the answers mean stands in protocol.py."""

from datetime import datetime

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt

from connector_kit import Token, Tools
from connectors.douyin_leads import errors, protocol
from connectors.douyin_leads.settings import Settings
from connectors.douyin_leads.wire import CluePage
from domain.faults import Misconfigured, SessionExpired, Throttled, Transient, UnknownOutcome

THROTTLED_ATTEMPTS = 6


class Client:
    def __init__(self, settings: Settings, tools: Tools) -> None:
        self._settings = settings
        self._tools = tools

    async def clues(self, *, since: datetime, until: datetime, page: int) -> CluePage:
        """Waits out a rate limit: a pull of many pages reaches it and must still come to its end."""
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(Throttled),
            stop=stop_after_attempt(THROTTLED_ATTEMPTS),
            wait=_as_told,
            reraise=True,
        ):
            with attempt:
                return await self._clues(since, until, page)
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _clues(self, since: datetime, until: datetime, page: int) -> CluePage:
        token = await self._token()
        try:
            return await self._page(token, since, until, page)
        except SessionExpired:
            fresh = await self._token(refused=token)
            return await self._page(fresh, since, until, page)

    async def _page(self, token: str, since: datetime, until: datetime, page: int) -> CluePage:
        request = protocol.build_clues(
            self._settings, access_token=token, since=since, until=until, page=page
        )
        return protocol.read_clues(await self._tools.sender.send(request))

    async def _token(self, *, refused: str | None = None) -> str:
        token = await self._tools.tokens.get("access", self._refresh, refused=refused)
        self._tools.sender.redactor.add(token.value)
        return token.value

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
