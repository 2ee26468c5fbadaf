"""From a Model to a document: field by field as the metadata says, then checked."""

from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from sandboxes.common import Row
from sandboxes.kingdee.archive import Archive
from sandboxes.kingdee.metadata import Entity, Field, Form
from sandboxes.kingdee.words import Complaint, not_a_value, required, too_long, unknown_base_data

LINK = "_Link"
DIGITS = 20


@dataclass
class Draft:
    """A document being read: references by number, amounts as text, dates as `YYYY-MM-DDTHH:MM:SS`."""

    form: Form
    row: Row
    archive: Archive
    verify: bool
    """IsVerifyBaseDataField: an unknown reference is an error; otherwise it is left empty."""
    only: frozenset[str] = frozenset()
    """NeedUpDateFields in lower case; empty means all."""
    complaints: list[Complaint] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)

    def read_model(self, model: Row, *, delete_entries: bool) -> None:
        sub_heads = {key.lower() for key in self.form.sub_heads}
        for key, value in model.items():
            entity = self.form.entity(key)
            if entity:
                self._read_entity(entity, value, delete_entries=delete_entries)
            elif key.lower() in sub_heads and isinstance(value, dict):
                self._read_fields(self.form.head, value, self.row)
            elif key.lower() != self.form.key.lower():
                self._read_fields(self.form.head, {key: value}, self.row)
        self.row["ignored"] = self.ignored

    def check_required(self) -> None:
        self._require(self.form.head, self.row)
        for entity in self.form.entities:
            for row in self.row[entity.key]:
                self._require(entity.fields, row)

    def add_default_rows(self) -> None:
        """A receivable without a plan gets one row."""
        plan = self.form.entity("FEntityPlan")
        if plan and not self.row[plan.key]:
            self.row[plan.key] = [self._blank_entry(plan)]

    def _blank_entry(self, entity: Entity) -> Row:
        key = self.archive.next_entry_id(entity.key, entity.first_id)
        return {"FEntryID": key} | dict.fromkeys((each.key for each in entity.fields.values()), "")

    def _require(self, fields: dict[str, Field], row: Row) -> None:
        complained = {each.field for each in self.complaints}
        for each in fields.values():
            if each.required and row.get(each.key) in (None, "") and each.key not in complained:
                self.complaints.append(required(each.title, each.key))

    def _read_entity(self, entity: Entity, sent: object, *, delete_entries: bool) -> None:
        if not isinstance(sent, list) or not sent or not self._wanted(entity.key):
            return  # [] changes nothing; [{}] clears
        old = {str(row["FEntryID"]): row for row in self.row[entity.key]}
        rows = [self._read_entry(entity, each, old) for each in sent if isinstance(each, dict) and each]
        kept = {row["FEntryID"] for row in rows}
        if not delete_entries:
            rows = [row for row in old.values() if row["FEntryID"] not in kept] + rows
        self.row[entity.key] = rows

    def _read_entry(self, entity: Entity, sent: Row, old: dict[str, Row]) -> Row:
        key = next((str(value) for name, value in sent.items() if name.lower() == "fentryid"), "0")
        row = deepcopy(old.get(key)) or self._blank_entry(entity)
        self._read_fields(entity.fields, sent, row)
        if entity.linked and isinstance(links := sent.get(entity.key + LINK), list):
            row["links"] = [_link(entity.key, link) for link in links]
        return row

    def _read_fields(self, fields: dict[str, Field], sent: Row, row: Row) -> None:
        for key, value in sent.items():
            known = fields.get(key.lower())
            if known is None:
                if key.lower() != "fentryid" and not key.endswith(LINK):
                    self.ignored.append(key)
            elif not known.server and self._wanted(known.key):
                row[known.key] = self._value(known, value)

    def _wanted(self, key: str) -> bool:
        return not self.only or key.lower() in self.only

    def _value(self, known: Field, value: object) -> object:
        if known.kind == "ref":
            return self._reference(known, value)
        try:
            plain = _CONVERT[known.kind](value)
        except (ValueError, InvalidOperation, TypeError):
            self.complaints.append(not_a_value(known.title, value, known.key))
            return ""
        if known.size and len(str(plain)) > known.size:
            self.complaints.append(too_long(known.title, known.size, known.key))
        return plain

    def _reference(self, known: Field, value: object) -> str:
        """A plain text in place of {"FNumber": …} is ignored."""
        if not isinstance(value, dict):
            return ""
        number = next((str(text) for key, text in value.items() if key.lower() == "fnumber"), "")
        if not number or self.archive.usable(self.archive.form(known.of), number):
            return number
        if self.verify:
            self.complaints.append(unknown_base_data(known.title, number, known.key))
        return ""


def blank(form: Form, key: int) -> Row:
    row: Row = {form.key: key}
    row |= dict.fromkeys((each.key for each in form.head.values()), "")
    row |= {entity.key: [] for entity in form.entities}
    row[form.status] = "Z"
    # The official list calls it required, and every public client sends A.
    return row | {key: "A" for key in ("FCancelStatus", "FForbidStatus") if key in row}


def amount(row: Row, key: str) -> Decimal:
    return Decimal(row.get(key) or 0)


def _link(entity: str, link: Any) -> dict[str, str]:
    prefix = f"{entity}{LINK}_".lower()
    return {key.lower().removeprefix(prefix): str(value) for key, value in dict(link).items()}


def _text(value: object) -> str:
    if isinstance(value, dict | list):
        raise TypeError(value)
    return "" if value is None else str(value).strip()


def _int(value: object) -> object:
    return "" if value in (None, "") else int(str(value))


def _decimal(value: object) -> str:
    if value in (None, ""):
        return ""
    number = Decimal(str(value))
    if not number.is_finite() or abs(number.adjusted()) > DIGITS:
        raise ValueError(value)
    return format(number, "f")


def _date(value: object) -> str:
    if value in (None, ""):
        return ""
    return datetime.fromisoformat(str(value)).replace(tzinfo=None, microsecond=0).isoformat()


def _bool(value: object) -> bool:
    return str(value).strip().lower() in ("true", "1")


_CONVERT = {"text": _text, "int": _int, "decimal": _decimal, "date": _date, "bool": _bool}
