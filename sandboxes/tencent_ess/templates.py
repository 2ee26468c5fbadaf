"""What a template asks for, and the document that is made of it."""

from collections.abc import Sequence

from sandboxes.common import Books, Row
from sandboxes.common.form import FORM
from sandboxes.tencent_ess.envelope import Json, Refused, integer, parts

WITH_FIELDS = "yDxExampleTemplateId000000000002"
PAGE = b"%PDF-1.4\n1 0 obj<</Type/Page>>endobj\n"


def seed(books: Books, *, plain: str, recipients: Sequence[str]) -> None:
    """One that asks for nothing, and one with fields."""
    components = [
        {"ComponentId": f"ComponentId_{number}", "ComponentName": name, "required": required}
        for number, (name, required) in enumerate(FORM.items(), start=1)
    ]
    for template_id, asked in ((plain, []), (WITH_FIELDS, components)):
        books.table("templates")[template_id] = {
            "name": "示例模板",
            "recipients": list(recipients),
            "components": asked,
        }


def page(books: Books, body: Json) -> Json:
    """A template says who signs and what is filled in."""
    start, size = integer(body.get("Offset"), default=0), integer(body.get("Limit"), default=20)
    if start < 0 or not 1 <= size <= 200:
        raise Refused("InvalidParameter.Limit", "Limit取值1到200")
    wanted = {one.get("Key"): one.get("Values") or [] for one in parts(body, "Filters")}
    known = [
        {"TemplateId": template_id, "TemplateName": row["name"], "row": row}
        for template_id, row in books.table("templates").items()
    ]
    for key, field in (("template-id", "TemplateId"), ("template-name", "TemplateName")):
        known = [one for one in known if key not in wanted or one[field] in wanted[key]]
    shown = known[start : start + size]
    return {"Templates": [_shown(**one) for one in shown], "TotalCount": len(known)}


def filled(template: Row, body: Json) -> dict[str, str]:
    """Values by the name of the component, which may also be named by its id."""
    known = {row[name]: row for row in template["components"] for name in ("ComponentId", "ComponentName")}
    values: dict[str, str] = {}
    for field in parts(body, "FormFields"):
        row = known.get(field.get("ComponentId") or field.get("ComponentName"))
        if row is None:
            raise Refused("InvalidParameter.FormField", "模板中没有此控件")
        values[row["ComponentName"]] = str(field.get("ComponentValue") or "")
    missing = [row["ComponentName"] for row in template["components"] if row["required"]]
    if missing := [name for name in missing if not values.get(name)]:
        raise Refused("MissingParameter.FormField", f"缺少必填控件：{'、'.join(missing)}")
    return values


def _shown(*, row: Row, **head: str) -> Json:
    return head | {
        "Description": "",
        "Status": 1,
        "Available": 1,
        "Published": True,
        "TemplateType": 3,
        "Recipients": [
            {"RecipientId": recipient, "RoleName": f"签署方{number + 1}", "RoutingOrder": number}
            for number, recipient in enumerate(row["recipients"])
        ],
        "SignOrder": list(range(len(row["recipients"]))),
        "Components": [
            {
                "ComponentId": one["ComponentId"],
                "ComponentName": one["ComponentName"],
                "ComponentType": "TEXT",
                "ComponentRequired": one["required"],
            }
            for one in row["components"]
        ],
        "SignComponents": [],
    }


def paper(values: dict[str, str]) -> bytes:
    """A PDF whose comments hold the values."""
    lines = [f"%% {name}={value}" for name, value in values.items()]
    return PAGE + "\n".join([*lines, "%%EOF", ""]).encode()
