"""Requests to the kit, replies to the protocol: one method per call."""

import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime
from typing import TypeVar

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from connector_kit import Reply, Sender, Token, Tokens
from connectors.fadada import protocol
from connectors.fadada.protocol import Account, Call
from connectors.fadada.wire import Detail, FileId, TaskLine, UploadPlace
from domain.faults import Misconfigured, SessionExpired, Transient, UnknownOutcome
from domain.ports import Clock

Answer = TypeVar("Answer")
READ_ATTEMPTS = 3
TOKEN_ATTEMPTS = 2


class FadadaClient:
    def __init__(self, account: Account, *, sender: Sender, tokens: Tokens, clock: Clock) -> None:
        self._account = account
        self._sender = sender
        self._tokens = tokens
        self._clock = clock

    async def upload(self, name: str, content: bytes) -> FileId:
        body = {"fileType": "doc"}
        place = await self._call(
            protocol.UPLOAD_PLACE,
            body,
            lambda reply: protocol.read(protocol.UPLOAD_PLACE, reply, UploadPlace),
        )
        request = protocol.build_upload(self._account, place.uploadUrl, content)
        protocol.read_upload(await self._sender.send(request))
        process = protocol.process_body(place, name)
        return await self._call(protocol.PROCESS, process, protocol.read_processed)

    async def fill_template(self, template_id: str, name: str, values: Mapping[str, object]) -> FileId:
        """How many pages it has is not told."""
        body = protocol.filling(self._account, template_id, name, values)
        return await self._call(
            protocol.FILL_TEMPLATE,
            body,
            lambda reply: protocol.read(protocol.FILL_TEMPLATE, reply, FileId),
        )

    async def create(self, body: Mapping[str, object]) -> str:
        return await self._call(protocol.CREATE, body, protocol.read_created)

    async def detail(self, task_id: str) -> Detail:
        body = {"signTaskId": task_id}
        return await self._call(
            protocol.DETAIL, body, lambda reply: protocol.read(protocol.DETAIL, reply, Detail)
        )

    async def tasks(self, subject: str) -> AsyncIterator[TaskLine]:
        """A task that is made meanwhile may push another one onto two pages."""
        page, pages = 1, 1
        while page <= pages:
            query = protocol.list_query(self._account, subject, page=page)
            rows, pages = await self._call(protocol.LIST, query, protocol.read_page)
            for row in rows:
                yield row
            page += 1

    async def download_url(self, task_id: str) -> str:
        return await self._url(protocol.DOWNLOAD_URL, protocol.download_query(self._account, task_id))

    async def report_url(self, task_id: str) -> str:
        return await self._url(protocol.REPORT_URL, {"signTaskId": task_id})

    async def download(self, url: str) -> bytes | None:
        return protocol.read_download(await self._fetch(url))

    async def download_report(self, url: str) -> bytes | None:
        return protocol.read_report(await self._fetch(url))

    async def actor_url(self, task_id: str, actor_id: str) -> str:
        body = {"signTaskId": task_id, "actorId": actor_id}
        return await self._call(protocol.ACTOR_URL, body, protocol.read_actor_url)

    async def cancel(self, task_id: str, *, reason: str) -> None:
        await self._command(protocol.CANCEL, {"signTaskId": task_id, "terminationNote": reason})

    async def extend(self, task_id: str, *, until: datetime) -> None:
        body = {"signTaskId": task_id, "extensionTime": str(protocol.millis(until))}
        await self._command(protocol.EXTEND, body)

    async def urge(self, task_id: str) -> None:
        await self._command(protocol.URGE, {"signTaskId": task_id})

    async def _url(self, call: Call, body: Mapping[str, object]) -> str:
        return await self._call(call, body, lambda reply: protocol.read_download_url(call, reply))

    async def _fetch(self, url: str) -> Reply:
        return await self._sender.send(protocol.build_download(self._account, url))

    async def _command(self, call: Call, body: Mapping[str, object]) -> None:
        await self._call(call, body, lambda reply: protocol.read_data(call, reply))

    async def _call(self, call: Call, body: Mapping[str, object], read: Callable[[Reply], Answer]) -> Answer:
        """Reads are repeated here and not by the kit: each attempt needs a nonce of its own."""
        if call.changes:
            return await self._with_token(call, body, read)
        async for attempt in AsyncRetrying(
            stop=stop_after_attempt(READ_ATTEMPTS),
            wait=wait_random_exponential(multiplier=0.1, max=2),
            retry=retry_if_exception_type(Transient),
            reraise=True,
        ):
            with attempt:
                return await self._with_token(call, body, read)
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _with_token(
        self, call: Call, body: Mapping[str, object], read: Callable[[Reply], Answer]
    ) -> Answer:
        """A refused token means that nothing happened: a new one, and once more."""
        refused: str | None = None
        for _ in range(TOKEN_ATTEMPTS):
            token = await self._tokens.get("access_token", self._fetch_token, refused=refused)
            try:
                return read(await self._send(call, body, token=token.value))
            except SessionExpired:
                refused = token.value
        raise Misconfigured("新的访问凭证也不被接受 (a new token is refused too)", "100002")

    async def _fetch_token(self, known: Token | None) -> Token:
        reply = await self._send(protocol.TOKEN, {}, token=None)
        token = protocol.read_token(reply, now=datetime.now(UTC))
        self._sender.redactor.add(token.value)
        return token

    async def _send(self, call: Call, body: Mapping[str, object], *, token: str | None) -> Reply:
        request = protocol.build(
            self._account, call, body, token=token, nonce=secrets.token_hex(16), now=self._clock.now()
        )
        try:
            return await self._sender.send(request)
        except UnknownOutcome as fault:
            if call.changes:
                raise
            raise Transient(fault.message, fault.code) from fault
