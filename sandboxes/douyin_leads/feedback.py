"""What the CRM reports back about a lead (线索回传): its state, its stages, and leads won in a chat."""

from collections.abc import Collection, Mapping
from typing import Any

from sandboxes.common import Books, Clock
from sandboxes.douyin_leads import envelope
from sandboxes.douyin_leads.clues import ADVERTISERS, LOCAL_ACCOUNTS, check_owned
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
    # Being retired, and still taken.
    "MISMATCH_DIFFERENT_LOCATIONS",
    "MISMATCH_LOW_BUDGET",
)
STAGE_KEYS = (
    "COMMUNICATION_STATE",
    "CLUE_VALIDITY",
    "CLUE_INTENTION",
    "CLUE_TAGS",
    "CUSTOMER_STATE",
    "CUSTOMER_TAGS",
    "BUSINESS_STATE",
    "ORDER_STATE",
)
CHAT_STATES = (
    "NEW_CLUE",
    "INVALID",
    "CONFIRM",
    "VX",
    "ARRIVAL",
    "DEAL",
    "CLUE_CONFIRM",
    "CLUE_HIGH_INTENTION",
)
MOST_TAGS = 20


class Feedback:
    """Tables `feedback`, by lead and state: the same again counts in `times` and changes nothing else [U];
    `stages` and `chats`, where everything is kept."""

    def __init__(self, books: Books, clock: Clock) -> None:
        self._books = books
        self._clock = clock

    def take(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """`tools/clue/callback`: accounts as integers, states as numbers."""
        state = _one_of(body, "clue_convert_state", STATES)
        for name, known in (("source", (1,)), ("source_type", (1, 2))):
            if name in body:
                _one_of(body, name, known)
        accounts = accounts_of(body, "advertiser_ids", int)
        check_owned(accounts, ADVERTISERS)
        return self._note(body, "advertiser_id", accounts, state)

    def take_life(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """`tools/clue/life/callback`: accounts as texts, states as words."""
        state = _one_of(body, "clue_convert_state", LIFE_STATES)
        accounts = accounts_of(body, "local_account_ids", str)
        check_owned(accounts, LOCAL_ACCOUNTS)
        return self._note(body, "local_account_id", accounts, state)

    def take_stage(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """`tools/clue/ext_info/callback`: here the account and the lead are integers."""
        account, clue_id = (str(given(body, name, int)) for name in ("advertiser_id", "clue_id"))
        _one_of(body, "ext_key", STAGE_KEYS)
        given(body, "callback_time", int)
        given(body, "ext_value", str)
        if "clue_event" in body:
            _one_of(body, "clue_event", (1, 2, 3, 4))
        if not _are(body.get("ext_value_detail", []), str):
            raise _bad("ext_value_detail")
        check_owned([account], ADVERTISERS)
        self._check_known(clue_id, "advertiser_id", [account])
        self._keep("stages", body)
        return {}

    def take_chat(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """`tools/clue/private_message/callback`: a lead won in a chat, from the CRM."""
        check_owned([str(given(body, "advertiser_id", int))], ADVERTISERS)
        for name in ("b_open_id", "c_open_id", "client_key"):
            given(body, name, str)
        given(body, "event_timestamp", int)
        tags = given(body, "clue_data", dict).get("tags", [])
        if not _are(tags, str) or len(tags) > MOST_TAGS:
            raise _bad("clue_data.tags")
        _one_of(given(body, "clue_convert_info", dict), "clue_convert_state", CHAT_STATES)
        self._keep("chats", body)
        return {"status": 0, "message": "success"}

    def _note(
        self, body: Mapping[str, Any], account: str, accounts: set[str], state: int | str
    ) -> dict[str, Any]:
        clue_id, event = given(body, "clue_id", str), body.get("event_data") or {}
        if not isinstance(event, dict):
            raise _bad("event_data")
        if state in INVALID and event.get("reason_code") not in REASONS:
            raise _bad("event_data.reason_code")
        self._check_known(clue_id, account, accounts)
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

    def _check_known(self, clue_id: str, account: str, accounts: Collection[str]) -> None:
        lead = self._books.table("leads").get(clue_id)
        if lead is None or lead[account] not in accounts:
            raise Refusal(envelope.BAD_PARAMETER, f"clue_id: {clue_id} does not belong to these accounts.")

    def _keep(self, table: str, body: Mapping[str, Any]) -> None:
        self._books.table(table)[str(self._books.next_number(table))] = dict(body)


def given(body: Mapping[str, Any], name: str, kind: type) -> Any:
    """Of this very type: JSON's true is no integer."""
    if type(value := body.get(name)) is not kind:
        raise _bad(name)
    return value


def _one_of(body: Mapping[str, Any], name: str, known: Collection[int | str]) -> Any:
    value = body.get(name)
    if isinstance(value, bool) or value not in known:
        raise _bad(name)
    return value


def _are(value: object, kind: type) -> bool:
    return isinstance(value, list) and all(type(each) is kind for each in value)


def accounts_of(body: Mapping[str, Any], name: str, kind: type) -> set[str]:
    accounts = body.get(name)
    if not accounts or not _are(accounts, kind):
        raise _bad(name)
    return {str(each) for each in accounts}


def _bad(name: str) -> Refusal:
    return Refusal(envelope.BAD_PARAMETER, f"{name}: Not a valid value.")
