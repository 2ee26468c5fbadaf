"""What became of a lead, reported back (线索回传), as functions of bytes."""

from collections.abc import Mapping
from typing import Any, Literal

import orjson

from connector_kit import Operation, Request
from connectors.douyin_leads.settings import Settings
from domain.ports import LeadOutcome

Door = Literal["ads", "life"]

# It sets the lead to a state: the same again sets it to the same.
REPORT = Operation("tools.clue.callback", "keyed_write")
LIFE_REPORT = Operation("tools.clue.life.callback", "keyed_write")

STATES: Mapping[LeadOutcome, int] = {"contacted": 194, "qualified": 196, "won": 285, "invalid": 10000}
LIFE_STATES: Mapping[LeadOutcome, str] = {
    "contacted": "CLUE_CONFIRM",
    "qualified": "CLUE_HIGH_INTENTION",
    "won": "CONVERSION_CLASS",
    "invalid": "INVALID_EVENT",
}
REASONS = frozenset(
    {
        "CALL_THREE_TIMES_NO_RESPONSE",
        "CONNECTED_NO_INTENTION",
        "NO_AD_RESPONSE",
        "OFFENSIVE_LANGUAGE",
        "INVALID_NUMBER",
    }
)
"""The general ones; any other reason is OTHER with its text."""
BY_A_PERSON = 1


def doors_of(settings: Settings) -> list[Door]:
    """Where a lead may be known; which of them knows it shows only when it is asked."""
    doors: list[Door] = []
    if settings.advertiser_ids:
        doors.append("ads")
    if settings.local_account_ids:
        doors.append("life")
    return doors


def build_report(
    settings: Settings,
    door: Door,
    *,
    access_token: str,
    clue_id: str,
    outcome: LeadOutcome,
    reason: str | None,
) -> Request:
    body: dict[str, Any] = {"clue_id": clue_id}
    if door == "ads":
        body["advertiser_ids"] = [int(account) for account in settings.advertiser_ids]
        body |= {"source": 1, "clue_convert_state": STATES[outcome], "source_type": BY_A_PERSON}
    else:  # here the accounts are texts
        body["local_account_ids"] = list(settings.local_account_ids)
        body["clue_convert_state"] = LIFE_STATES[outcome]
    if outcome == "invalid":
        body["event_data"] = _because(reason)
    path = "callback" if door == "ads" else "life/callback"
    return Request(
        REPORT if door == "ads" else LIFE_REPORT,
        "POST",
        f"{settings.base_url}/open_api/2/tools/clue/{path}/",
        {"Access-Token": access_token, "Content-Type": "application/json"},
        orjson.dumps(body),
    )


def _because(reason: str | None) -> dict[str, str]:
    if reason in REASONS:
        return {"reason_code": reason}
    return {"reason_code": "OTHER", "reason_message": reason or ""}
