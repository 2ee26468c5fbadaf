"""What the two platforms call besides Feiyu: the subscription service (SPI), and the open platform's webhook.

Both check an address with a challenge before they use it. Neither is known to carry leads.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from functools import partial
from typing import Any

import httpx
import orjson

from sandboxes.common import Books, Callbacks, Clock, Outgoing
from sandboxes.common.callbacks import SCHEDULE

SPI_SECRET = "sandbox-spi-secret"  # noqa: S105  (made up)
CLIENT_KEY = "aw_sandbox_client_key"
CLIENT_SECRET = "sandbox-client-secret"  # noqa: S105  (made up)
FORGED = "not-the-secret"
THREE_RETRIES = SCHEDULE[:3]
FIRST_MESSAGE = 7100000000000000001
CHECK_SECONDS = 5.0


class Doors:
    """Tables `subscriptions`, `webhooks` (with how the check went) and `messages` (`state`: sent, accepted,
    rejected)."""

    def __init__(self, books: Books, clock: Clock, callbacks: Callbacks) -> None:
        self._books = books
        self._clock = clock
        self._callbacks = callbacks

    # --- the subscription service

    async def subscribe(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """`method` GET or POST: the platform's papers show the query, not how it is sent."""
        url, challenge = str(body["url"]), secrets.randbelow(1 << 31)
        answer = await _ask(
            str(body.get("method", "GET")), url, params={"event": "verify_webhook", "challenge": challenge}
        )
        verified, warning = judge_spi_check(answer, challenge)
        return self._keep(
            "subscriptions",
            {"url": url, "secret": str(body.get("secret", SPI_SECRET))},
            verified=verified,
            warning=warning,
        )

    def publish(self, body: Mapping[str, Any], *, forged: bool = False) -> dict[str, Any]:
        """One message to every checked subscription; `escaped` signs it as the sister platform does."""
        number = str(body.get("message_id") or self._books.next_number("spi", start=FIRST_MESSAGE))
        now = self._clock.millis()
        message = {
            "message_id": number,
            "service_label": str(body.get("service_label", "report.advertiser.beforeday")),
            "data": json.dumps(body.get("data", {}), ensure_ascii=False),
            "advertiser_ids": [int(each) for each in body.get("advertiser_ids", [])],
            "account_relation": "{}",
            "subscribe_task_id": 1,
            "publish_time": now // 1000,
            "timestamp": now,
            "nonce": secrets.randbelow(1 << 31),
        }
        raw = orjson.dumps(message)
        for row in self._verified("subscriptions"):
            signature = spi_signature(
                FORGED if forged else row["secret"], raw, escaped=bool(body.get("escaped"))
            )
            headers = {"Content-Type": "application/json", "X-Open-Signature": signature}
            self._send(row, raw, headers, number, label="spi", schedule=SCHEDULE, message=message)
        return {"message_id": number}

    # --- the open platform

    async def add_webhook(self, body: Mapping[str, Any]) -> dict[str, Any]:
        url, secret = str(body["url"]), str(body.get("client_secret", CLIENT_SECRET))
        challenge = secrets.randbelow(1 << 31)
        check = {
            "event": "verify_webhook",
            "client_key": CLIENT_KEY if body.get("signed", True) else "",
            "content": {"challenge": challenge},
        }
        raw = orjson.dumps(check)
        headers = {"Content-Type": "application/json"}
        if body.get("signed", True):
            headers["X-Douyin-Signature"] = webhook_signature(secret, raw)
        answer = await _ask("POST", url, content=raw, headers=headers)
        verified = _json(answer).get("challenge") == challenge
        return self._keep("webhooks", {"url": url, "secret": secret}, verified=verified, warning="")

    def send_event(self, body: Mapping[str, Any], *, forged: bool = False) -> dict[str, Any]:
        """To every checked webhook, three times more at most."""
        number = str(body.get("msg_id") or self._books.next_number("events", start=FIRST_MESSAGE))
        event = {
            "event": str(body.get("event", "life_trade_order_notify")),
            "client_key": CLIENT_KEY,
            "content": json.dumps(body.get("content", {}), ensure_ascii=False),
            "log_id": secrets.token_hex(16).upper(),
        }
        raw = orjson.dumps(event)
        for row in self._verified("webhooks"):
            headers = {
                "Content-Type": "application/json",
                "Msg-Id": number,
                "X-Douyin-Signature": webhook_signature(FORGED if forged else row["secret"], raw),
            }
            self._send(row, raw, headers, number, label="event", schedule=THREE_RETRIES)
        return {"msg_id": number}

    # --- both

    def _keep(self, table: str, row: dict[str, Any], *, verified: bool, warning: str) -> dict[str, Any]:
        number = str(self._books.next_number(table))
        found = {"verified": verified, "warning": warning}
        self._books.table(table)[number] = row | found
        return {"id": number} | found

    def _verified(self, table: str) -> list[dict[str, Any]]:
        return [row for row in self._books.table(table).values() if row["verified"]]

    def _send(
        self,
        row: Mapping[str, Any],
        raw: bytes,
        headers: dict[str, str],
        number: str,
        *,
        label: str,
        schedule: tuple[float, ...],
        message: Mapping[str, Any] | None = None,
    ) -> None:
        key = str(self._books.next_number("messages"))
        noted = {"id": number, "label": label, "state": "sent", "message": dict(message or {})}
        self._books.table("messages")[key] = noted
        self._callbacks.send(
            Outgoing(
                url=row["url"],
                body=raw,
                headers=lambda: headers,
                label=f"{label} {number}",
                accepted=partial(self._is_over, key),
                schedule=schedule,
            )
        )

    def _is_over(self, key: str, response: httpx.Response) -> bool:
        """4xx means rejected, and is not sent again; 5xx is."""
        over = response.status_code < httpx.codes.INTERNAL_SERVER_ERROR
        if over:
            messages = self._books.table("messages")
            state = "accepted" if response.status_code == httpx.codes.OK else "rejected"
            messages[key] = messages[key] | {"state": state}
        return over


def judge_spi_check(answer: httpx.Response | None, challenge: int) -> tuple[bool, str]:
    """The SDK's spelling passes. Receivers in the wild answer others: those pass with a warning."""
    body = _json(answer)
    base = body.get("BaseResp", body.get("base_resp"))
    status = base.get("StatusCode", base.get("status_code")) if isinstance(base, dict) else None
    if status != httpx.codes.OK or challenge not in (body.get("challenge"), body.get("Challenge")):
        return False, ""
    usual = body.get("challenge") == challenge and "BaseResp" in body
    return True, "" if usual else "unusual spelling of the answer"


def spi_signature(secret: str, raw: bytes, *, escaped: bool = False) -> str:
    signed = json.dumps(orjson.loads(raw), separators=(",", ":")).encode() if escaped else raw
    return hmac.new(secret.encode(), signed, "sha256").hexdigest()


def webhook_signature(client_secret: str, raw: bytes) -> str:
    return hashlib.sha1(client_secret.encode() + raw, usedforsecurity=False).hexdigest()


async def _ask(method: str, url: str, **request: Any) -> httpx.Response | None:
    # A hub that is being tried out has a certificate of its own, if any; only made-up leads go there.
    async with httpx.AsyncClient(trust_env=False, timeout=CHECK_SECONDS) as client:
        try:
            return await client.request(method, url, **request)
        except httpx.HTTPError:
            return None


def _json(answer: httpx.Response | None) -> dict[str, Any]:
    """Empty for anything that is not HTTP 200 with a JSON object."""
    if answer is None or answer.status_code != httpx.codes.OK:
        return {}
    try:
        body = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        return {}
    return body if isinstance(body, dict) else {}
