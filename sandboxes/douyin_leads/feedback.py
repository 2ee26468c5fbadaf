"""What the CRM reports back about a lead (线索回传): the state of the lead, once per state."""

from collections.abc import Mapping
from typing import Any

from sandboxes.common import Books, Clock
from sandboxes.douyin_leads import envelope
from sandboxes.douyin_leads.envelope import Refusal

STATES = (194, 195, 196, 285, 527, 10000)
LIFE_STATES = ("CLUE_CONFIRM", "CLUE_HIGH_INTENTION", "ARRIVAL", "CONVERSION_CLASS", "INVALID_EVENT")
INVALID = (10000, "INVALID_EVENT")
REASONS = (
    "CALL_THREE_TIMES_NO_RESPONSE",
    "CONNECTED_NO_INTENTION",
    "NO_AD_RESPONSE",
    "OFFENSIVE_LANGUAGE",
    "INVALID_NUMBER",
    "OTHER",
    "HOME_COLLABORATION_WITH_PEERS",
    "HOME_NO_SHOW_FOR_MEASUREMENT_VISIT",
    "HOME_RENOVATION_TYPE_NOT_ACCEPTABLE",
    "HOME_MISMATCH_DIFFERENT_LOCATIONS",
    "HOME_MISMATCH_LOW_BUDGET",
    "EDU_MISMATCH_CLASS_TIME",
    "EDU_MISMATCH_COURSE",
    "EDU_MISMATCH_DIFFERENT_LOCATIONS",
    "EDU_UNABLE_TO_ATTEND_IN_PERSON",
)


class Feedback:
    """Table `feedback`, by lead and state. The same again counts in `times` and changes nothing else [U]."""

    def __init__(self, books: Books, clock: Clock) -> None:
        self._books = books
        self._clock = clock

    def take(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """`tools/clue/callback`: accounts as integers, states as numbers."""
        state = body.get("clue_convert_state")
        if state not in STATES:
            raise _bad("clue_convert_state")
        if body.get("source", 1) != 1 or body.get("source_type", 1) not in (1, 2):
            raise _bad("source")
        accounts = _accounts(body, "advertiser_ids", int)
        return self._note(body, "advertiser_id", accounts, state)

    def take_life(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """`tools/clue/life/callback`: accounts as texts, states as words."""
        state = body.get("clue_convert_state")
        if state not in LIFE_STATES:
            raise _bad("clue_convert_state")
        return self._note(body, "local_account_id", _accounts(body, "local_account_ids", str), state)

    def _note(
        self, body: Mapping[str, Any], account: str, accounts: set[str], state: int | str
    ) -> dict[str, Any]:
        clue_id, event = body.get("clue_id"), body.get("event_data") or {}
        if not isinstance(clue_id, str):
            raise _bad("clue_id")
        if state in INVALID and event.get("reason_code") not in REASONS:
            raise _bad("event_data.reason_code")
        lead = self._books.table("leads").get(clue_id)
        if lead is None or lead[account] not in accounts:
            raise Refusal(envelope.BAD_PARAMETER, f"clue_id: {clue_id} does not belong to these accounts.")
        table, key = self._books.table("feedback"), f"{clue_id}/{state}"
        known = table.get(key)
        table[key] = {
            "clue_id": clue_id,
            "state": state,
            "door": "life" if account == "local_account_id" else "ads",
            "reason_code": event.get("reason_code"),
            "reason_message": event.get("reason_message"),
            "at": known["at"] if known else self._clock.now().isoformat(),
            "times": known["times"] + 1 if known else 1,
        }
        return {}


def _accounts(body: Mapping[str, Any], name: str, kind: type) -> set[str]:
    given = body.get(name)
    if not isinstance(given, list) or not given or not all(type(each) is kind for each in given):
        raise _bad(name)
    return {str(each) for each in given}


def _bad(name: str) -> Refusal:
    return Refusal(envelope.BAD_PARAMETER, f"{name}: Not a valid value.")
