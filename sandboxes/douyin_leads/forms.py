"""The forms of the landing pages: which labels a lead's `remark_dict` may hold."""

from collections.abc import Mapping
from typing import Any

from sandboxes.douyin_leads import envelope
from sandboxes.douyin_leads.clues import ADVERTISERS, FIELDS, check_owned, paged
from sandboxes.douyin_leads.envelope import Refusal

FORM: dict[str, Any] = {
    "instance_id": int(FIELDS["module_id"]),
    "name": FIELDS["module_name"],
    "version": "1",
    "is_del": 0,
    "form_type": "NORMAL_FORM",
    "contain_phone": 1,
    "enable_layer": 0,
    "create_time": "2026-04-01 10:00:00",
}
"""Every advertiser's page shows this one. Which of its fields are numbers is [U]."""
QUESTIONS = (
    ("NAME", "姓名", 1, 0),
    ("TELEPHONE", "电话", 0, 1),
    ("CITY", "城市", 1, 0),
    ("RADIO", "预算", 1, 0),
    ("TEXTAREA", "留言", 1, 0),
)
"""Type, label, `allow_empty`, `is_unique`."""


def listed(query: Mapping[str, str], *, page_cap: int) -> dict[str, Any]:
    """`tools/clue/form/get`."""
    _check_advertiser(query)
    filters = ("instance_id", "name", "is_del", "form_type")
    asked = {name: query[name] for name in filters if query.get(name)}
    forms = [FORM] if all(str(FORM[name]) == text for name, text in asked.items()) else []
    return paged(forms, query, page_cap=page_cap)


def detail(query: Mapping[str, str]) -> dict[str, Any]:
    """`tools/clue/form/detail`."""
    _check_advertiser(query)
    if query.get("instance_id") != str(FORM["instance_id"]):
        raise Refusal(envelope.BAD_PARAMETER, "instance_id: no such form.")
    elements = [
        {"element_id": str(place), "label": label, "type": kind, "allow_empty": empty, "is_unique": unique}
        for place, (kind, label, empty, unique) in enumerate(QUESTIONS, start=1)
    ]
    return FORM | {"elements": elements}


def _check_advertiser(query: Mapping[str, str]) -> None:
    if not (account := query.get("advertiser_id", "")):
        raise Refusal(envelope.BAD_PARAMETER, "advertiser_id: Missing data for required field.")
    check_owned([account], ADVERTISERS)
