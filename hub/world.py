"""The player's hands: the hub's API as its users call it, the sandboxes' control APIs as people there do."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import httpx

PATIENCE = 120.0
"""Seconds that a step of the story may stand still."""
ROUNDS = 4
"""How many times as long a step may take while something changes."""
PAUSE = 0.15


class StoryStuck(Exception):
    """A step did not come to its end in time; the text names the step and what was seen last."""


class World:
    def __init__(
        self, *, hub: str, token: str, sandboxes: Mapping[str, str], patience: float = PATIENCE
    ) -> None:
        self.hub_url = hub
        self.patience = patience
        self.sandbox_urls = dict(sandboxes)
        self._client = httpx.AsyncClient(timeout=20, trust_env=False)
        self._headers = {"Authorization": f"Bearer {token}"}

    async def close(self) -> None:
        await self._client.aclose()

    async def hub(self, method: str, path: str, body: object = None) -> Any:
        """As a user does: when the hub is away, once more. Every call here may be made twice."""
        deadline = asyncio.get_running_loop().time() + self.patience
        while True:
            try:
                answer = await self._client.request(
                    method, f"{self.hub_url}{path}", json=body, headers=self._headers
                )
            except httpx.HTTPError as error:
                problem = f"{type(error).__name__}"
            else:
                if answer.is_success:
                    return answer.json()
                problem = f"HTTP {answer.status_code} {answer.text[:300]}"
                if answer.is_client_error:
                    raise StoryStuck(f"{method} {path}: {problem}")
            if asyncio.get_running_loop().time() > deadline:
                raise StoryStuck(f"{method} {path}: {problem}")
            await asyncio.sleep(PAUSE)

    async def about(self, sandbox: str) -> dict[str, Any]:
        answer = await self._client.get(f"{self.sandbox_urls[sandbox]}/_sandbox/")
        about: dict[str, Any] = answer.raise_for_status().json()
        return about

    async def until_answering(self, sandbox: str) -> None:
        async def answers() -> bool:
            try:
                return bool(await self.about(sandbox))
            except httpx.HTTPError:
                return False

        await self.until(answers, f"沙箱 {sandbox} 没有起来 (did not come up)")

    async def act(self, sandbox: str, act: str, body: Mapping[str, object]) -> Any:
        return await self._control(sandbox, f"act/{act}", dict(body))

    async def tell(self, sandbox: str, what: str, body: Mapping[str, object]) -> Any:
        return await self._control(sandbox, what, dict(body))

    async def books(self, sandbox: str, table: str) -> dict[str, dict[str, Any]]:
        answer = await self._client.get(f"{self.sandbox_urls[sandbox]}/_sandbox/books/{table}")
        rows: dict[str, dict[str, Any]] = answer.raise_for_status().json()
        return rows

    async def callbacks_pending(self, sandbox: str) -> int:
        answer = await self._client.get(f"{self.sandbox_urls[sandbox]}/_sandbox/callbacks")
        return int(answer.raise_for_status().json()["pending"])

    async def _control(self, sandbox: str, path: str, body: dict[str, object]) -> Any:
        answer = await self._client.post(f"{self.sandbox_urls[sandbox]}/_sandbox/{path}", json=body)
        if answer.is_client_error:
            raise StoryStuck(f"{sandbox} {path}: {answer.text[:300]}")
        return answer.raise_for_status().json()

    async def until(
        self, reached: Callable[[], Awaitable[bool]], what: str, seen: Callable[[], object] = lambda: ""
    ) -> None:
        """Waits for a condition. Raises StoryStuck with `what` and what was `seen` last, when that has not
        changed for as long as our patience, or goes round and round.
        """
        now = asyncio.get_running_loop().time
        last, deadline, end = "", now() + self.patience, now() + ROUNDS * self.patience
        while not await reached():
            if (found := str(seen())) != last:
                last, deadline = found, min(now() + self.patience, end)
            if now() > deadline:
                raise StoryStuck(f"{what}（最后看到 {last}）")
            await asyncio.sleep(PAUSE)
