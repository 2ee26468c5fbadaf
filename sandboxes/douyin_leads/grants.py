"""OAuth: one-time codes, access tokens and refresh tokens of one developer app."""

import secrets
from typing import Any

from sandboxes.common import Books, Clock
from sandboxes.douyin_leads import envelope
from sandboxes.douyin_leads.envelope import Refusal

APP_ID = "1800000000000001"
APP_SECRET = "sandbox-app-secret"  # noqa: S105  (made up)
FIRST_REFRESH_TOKEN = "rt-sandbox-first"  # noqa: S105  (made up)

CODE_SECONDS = 600
ACCESS_SECONDS = 86399
REFRESH_SECONDS = 2591999


class Grants:
    """Tables `codes`, `access_tokens`, `refresh_tokens`, `app_tokens`; a row's `state` is live, used, expired
    or replaced."""

    def __init__(self, books: Books, clock: Clock) -> None:
        self._books = books
        self._clock = clock

    def seed(self) -> None:
        self._keep("refresh_tokens", FIRST_REFRESH_TOKEN, REFRESH_SECONDS)

    def authorize(self) -> str:
        """The operator ticks the boxes; the code comes back with the browser."""
        return self._keep("codes", f"code-{secrets.token_hex(12)}", CODE_SECONDS)

    def live_refresh_token(self) -> str:
        tokens = self._books.table("refresh_tokens")
        return next((token for token, row in tokens.items() if row["state"] == "live"), "")

    def exchange(self, body: dict[str, Any]) -> dict[str, Any]:
        self._check_app(body, grant_type="auth_code")
        code = str(body.get("auth_code", ""))
        if self._state("codes", code) != "live":
            raise Refusal(envelope.AUTH_CODE_USED, "auth_code已过期，请重新授权")
        self._mark("codes", code, "used")
        return self._issue()

    def refresh(self, body: dict[str, Any]) -> dict[str, Any]:
        """Kills the old refresh token and restarts both clocks."""
        self._check_app(body, grant_type="refresh_token")
        match self._state("refresh_tokens", str(body.get("refresh_token", ""))):
            case "live":
                return self._issue()
            case "expired":
                raise Refusal(envelope.REFRESH_EXPIRED, "refresh_token is expired.")
            case _:
                raise Refusal(envelope.REFRESH_WRONG, "refresh_token is invalid.")

    def check_access(self, token: str) -> None:
        self._check("access_tokens", token)

    def issue_to_app(self, body: dict[str, Any]) -> dict[str, Any]:
        """Of the app itself, for the subscription service."""
        self._check_app(body)
        token = self._keep("app_tokens", f"aat-{secrets.token_hex(16)}", ACCESS_SECONDS)
        return {"access_token": token, "expires_in": ACCESS_SECONDS}

    def check_app_token(self, token: str) -> None:
        self._check("app_tokens", token)

    def _check(self, table: str, token: str) -> None:
        if not token:
            raise Refusal(envelope.ACCESS_EMPTY, "The access_token is empty.")
        match self._state(table, token):
            case "live":
                return
            case "expired":
                raise Refusal(envelope.ACCESS_EXPIRED, "access_token is expired.")
            case _:
                raise Refusal(envelope.ACCESS_WRONG, "access_token is invalid.")

    def expire_access(self) -> None:
        for table in ("access_tokens", "app_tokens"):
            for token in list(self._books.table(table)):
                self._mark(table, token, "expired")

    def _issue(self) -> dict[str, Any]:
        """Replaces every earlier token: the loser of a refresh race finds both of his dead."""
        for table in ("access_tokens", "refresh_tokens"):
            for token, row in list(self._books.table(table).items()):
                if row["state"] == "live":
                    self._mark(table, token, "replaced")
        return {
            "access_token": self._keep("access_tokens", f"at-{secrets.token_hex(16)}", ACCESS_SECONDS),
            "refresh_token": self._keep("refresh_tokens", f"rt-{secrets.token_hex(16)}", REFRESH_SECONDS),
            "expires_in": ACCESS_SECONDS,
            "refresh_token_expires_in": REFRESH_SECONDS,
        }

    def _check_app(self, body: dict[str, Any], *, grant_type: str | None = None) -> None:
        """A call that names no grant type means its own: the SDK leaves it out, older clients do not."""
        if str(body.get("app_id", "")) != APP_ID or body.get("secret") != APP_SECRET:
            raise Refusal(envelope.BAD_PARAMETER, "app_id or secret is invalid.")
        if body.get("grant_type", grant_type) != grant_type:
            raise Refusal(envelope.BAD_GRANT_TYPE, "grant_type is invalid.")

    def _keep(self, table: str, token: str, seconds: int) -> str:
        until = self._clock.now().timestamp() + seconds
        self._books.table(table)[token] = {"state": "live", "until": until}
        return token

    def _mark(self, table: str, token: str, state: str) -> None:
        rows = self._books.table(table)
        rows[token] = rows[token] | {"state": state}

    def _state(self, table: str, token: str) -> str:
        row = self._books.table(table).get(token)
        if row is None:
            return "unknown"
        if row["state"] == "live" and row["until"] <= self._clock.now().timestamp():
            return "expired"
        return str(row["state"])
