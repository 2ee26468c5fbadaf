"""Whose events the subscription service sends, and its replay of the last days (`APP-Access-Token`)."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from sandboxes.common import Books, Clock
from sandboxes.douyin_leads.clues import ADVERTISERS, LOCAL_ACCOUNTS, paged, positive
from sandboxes.douyin_leads.feedback import accounts_of, given

MOST_ACCOUNTS = 500
REPLAYED_SECONDS = 2 * 86400
TASK_STATES = {"sent": "WAITING", "accepted": "SUCCESS", "rejected": "FAIL"}
"""Of a message here, in the words of `spi_task`."""


class Subscribers:
    """Table `subscribers`, by account."""

    def __init__(self, books: Books, clock: Clock) -> None:
        self._books = books
        self._clock = clock

    def add(self, body: Mapping[str, Any]) -> dict[str, Any]:
        accounts, owner = _accounts(body), given(body, "core_user_id", int)
        now = self._clock.china().strftime("%Y-%m-%d %H:%M:%S")
        for account in accounts & _known():
            self._books.table("subscribers")[str(account)] = {
                "advertiser_id": account,
                "core_user_id": owner,
                "status": "OK",
                "event": "",
                "reason": "",
                "source": "CUSTOM",
                "created_time": now,
                "updated_time": now,
            }
        return _failed("failed_advertiser_ids", accounts - _known())

    def remove(self, body: Mapping[str, Any]) -> dict[str, Any]:
        table = self._books.table("subscribers")
        missing = {account for account in _accounts(body) if table.pop(str(account), None) is None}
        return _failed("failed_advertier_ids", missing)

    def listed(self, query: Mapping[str, str]) -> dict[str, Any]:
        rows = list(self._books.table("subscribers").values())
        shown, following = _from_cursor(rows, query)
        return {"advertisers": shown, "next_cursor": following, "count": len(shown)}

    def tasks(self, query: Mapping[str, str], *, page_cap: int) -> dict[str, Any]:
        """`spi_task/get`: messages of the last two days, by page."""
        since = self._clock.now().timestamp() - REPLAYED_SECONDS
        wanted = query.get("status", "ALL")
        label = query.get("service_label")
        found = [
            {"task_id": row["id"], "status": TASK_STATES[row["state"]], "data": orjson.dumps(sent).decode()}
            for row in self._books.table("messages").values()
            if (sent := row.get("message"))
            and sent["publish_time"] >= since
            and wanted in ("ALL", TASK_STATES[row["state"]])
            and label in (None, "", sent["service_label"])
        ]
        return paged(found, query, page_cap=page_cap)


def _known() -> set[int]:
    return {int(account) for account in (*ADVERTISERS, *LOCAL_ACCOUNTS)}


def _accounts(body: Mapping[str, Any]) -> set[int]:
    return {int(account) for account in accounts_of(body, "advertiser_ids", int)}


def _failed(name: str, accounts: set[int]) -> dict[str, Any]:
    """The vendor spells the name in two ways."""
    return {name: sorted(accounts), "failed_reason": "no such account" if accounts else ""}


def _from_cursor(
    rows: Sequence[dict[str, Any]], query: Mapping[str, str]
) -> tuple[list[dict[str, Any]], int]:
    start = 0 if query.get("cursor", "0") == "0" else positive(query, "cursor", 0)
    shown = list(rows[start : start + min(positive(query, "count", 100), MOST_ACCOUNTS)])
    return shown, start + len(shown)
