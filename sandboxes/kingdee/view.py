"""View: the object by property names, which are not the field keys."""

from typing import Any

from sandboxes.common import Row
from sandboxes.kingdee.archive import Archive
from sandboxes.kingdee.metadata import Field, Form, typed

PROPERTIES = {"FDOCUMENTSTATUS": "DocumentStatus"}
"""Those that are not simply the key without its F."""


def view(archive: Archive, form: Form, row: Row) -> Row:
    shown = {"Id": row[form.key]} | _fields(archive, form.head, row)
    for entity in form.entities:
        shown[entity.view_name] = [
            {"Id": line["FEntryID"], "Seq": seq} | _fields(archive, entity.fields, line)
            for seq, line in enumerate(row[entity.key], start=1)
        ]
    return shown


def _fields(archive: Archive, fields: dict[str, Field], row: Row) -> Row:
    """No leading F, and base data twice: its id, and the object."""
    shown: Row = {}
    for field in fields.values():
        name, value = PROPERTIES.get(field.key, field.key.removeprefix("F")), row.get(field.key, "")
        if field.kind != "ref":
            shown[name] = typed(field, value)
            continue
        target = archive.form(field.of)
        found = archive.by_number(target, str(value))
        shown[f"{name}_Id"] = found[target.key] if found else 0
        shown[name] = _base_data(target, found) if found else None
    return shown


def _base_data(form: Form, row: Row) -> dict[str, Any]:
    name = row["FName"]
    return {
        "Id": row[form.key],
        "msterID": row[form.key],
        "MultiLanguageText": [{"PkId": row[form.key], "LocaleId": 2052, "Name": name}],
        "Name": [{"Key": 2052, "Value": name}],
        "Number": row[form.number],
    }
