"""Callbacks: form-encoded, signed as requests are, to the task's own address or the application's."""

import uuid
from urllib.parse import urlencode

import httpx
import orjson

from sandboxes.common import Books, Callbacks, Clock, Outgoing, Row
from sandboxes.fadada import gate


class Notices:
    def __init__(self, books: Books, clock: Clock, callbacks: Callbacks, *, app_id: str, secret: str) -> None:
        self._books = books
        self._clock = clock
        self._callbacks = callbacks
        self._app_id = app_id
        self._secret = secret

    def send(self, event: str, task: Row, **more: object) -> None:
        """A task's own address replaces the application's."""
        url = task["callbackUrl"] or self._books.table("account")["own"]["webhook"]
        if not url:
            return
        content = orjson.dumps(
            {
                "eventTime": str(self._clock.millis()),
                "signTaskId": task["signTaskId"],
                "signTaskStatus": task["status"],
                "transReferenceId": task["transReferenceId"],
                **more,
            }
        ).decode()
        self._callbacks.send(
            Outgoing(
                url=url,
                body=urlencode({"bizContent": content}).encode(),
                headers=lambda: self._headers(event, content),
                label=f"{event} {task['signTaskId']}",
                accepted=_accepted,
                timeout=3.0,
            )
        )

    def _headers(self, event: str, content: str) -> dict[str, str]:
        """Each attempt gets its own time and nonce [U]."""
        headers = {
            "X-FASC-App-Id": self._app_id,
            "X-FASC-Sign-Type": "HMAC-SHA256",
            "X-FASC-Timestamp": str(self._clock.millis()),
            "X-FASC-Nonce": uuid.uuid4().hex,
            "X-FASC-Event": event,
        }
        signature = gate.sign(self._secret, headers, content)
        return headers | {
            "X-FASC-Sign": signature,
            "Content-Type": "application/x-www-form-urlencoded",
        }


def _accepted(response: httpx.Response) -> bool:
    return response.status_code == 200 and "success" in response.text
