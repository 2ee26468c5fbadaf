"""Templates: a document template is filled in and becomes a file, a sign template a whole task."""

import base64
import uuid

from sandboxes.common import Books, Row
from sandboxes.common.books import Table
from sandboxes.common.form import FORM
from sandboxes.fadada import paging
from sandboxes.fadada.envelope import Json, Refused, bad, part, parts, required

TEMPLATE = "1760000000000700001"
SIGN_TEMPLATE = "1760000000000800001"
UNKNOWN = "211151"
"""Not published: chosen here [U]."""


def seed(books: Books) -> None:
    books.table("templates")[TEMPLATE] = {"name": "示例模板", "fields": FORM}
    seals = {"seller": "corp_seal", "buyer": "corp_seal"}
    books.table("sign_templates")[SIGN_TEMPLATE] = {
        "name": "示例签署模板",
        "docs": [
            {
                "docId": "1",
                "docName": "示例模板",
                "docTemplateId": TEMPLATE,
                "docFields": [{"fieldId": name, "fieldType": kind} for name, kind in seals.items()],
            }
        ],
        # In this order, each with the field of its own name.
        "actors": [{"actorId": name, "actorType": "corp"} for name in seals],
    }


def fill(books: Books, body: Json, *, corp_id: str) -> Json:
    if required(body, "openCorpId") != corp_id:
        raise bad("openCorpId不正确")
    values = {
        required(one, "fieldId"): str(one.get("fieldValue") or "") for one in parts(body, "docFieldValues")
    }
    file_id = _filled(books, required(body, "docTemplateId"), required(body, "fileName"), values)
    return {"fileId": file_id, "fileDownloadUrl": f"https://uat-file.fadada.com/{file_id}"}


def task_body(books: Books, body: Json) -> Json:
    """A task of a sign template, as if it had been made without one."""
    template = books.table("sign_templates").get(required(body, "signTemplateId"))
    if template is None:
        raise Refused(UNKNOWN, "签署任务模板不存在")
    given = {required(part(one, "actor"), "actorId"): one for one in parts(body, "actors")}
    roles = {role["actorId"]: role for role in template["actors"]}
    if given.keys() - roles.keys():
        raise Refused("211066", "参与方不存在")
    if roles.keys() - given.keys():
        raise Refused("211161", "签署任务没有签署方")
    actors = [
        given[name]
        | {
            "actor": part(given[name], "actor") | {"actorType": role["actorType"], "permissions": ["sign"]},
            "signFields": [{"fieldDocId": "1", "fieldId": name}],
            "signConfigInfo": part(given[name], "signConfigInfo") | {"orderNo": order},
        }
        for order, (name, role) in enumerate(roles.items(), start=1)
    ]
    return body | {"docs": template["docs"], "actors": actors, "signInOrder": True}


def with_files(books: Books, body: Json) -> Json:
    """Documents may be named by a template; what is filled in stands with the actors."""
    docs = []
    for doc in parts(body, "docs"):
        if template_id := doc.get("docTemplateId"):
            fields = [field for one in parts(body, "actors") for field in parts(one, "fillFields")]
            values = {
                required(field, "fieldId"): str(field.get("fieldValue") or "")
                for field in fields
                if str(field.get("fieldDocId")) == str(doc.get("docId"))
            }
            doc = doc | {"docFileId": _filled(books, str(template_id), required(doc, "docName"), values)}
        docs.append(doc)
    return body | {"docs": docs}


def listed(books: Books, body: Json, *, kind: str) -> Json:
    """`kind`: doc or sign."""
    wanted = str(part(body, "listFilter").get(f"{kind}TemplateName") or "")
    rows = [_head(kind, *item) for item in _table(books, kind).items() if wanted in item[1]["name"]]
    return paging.page(rows, body, name=f"{kind}Templates")


def detail(books: Books, body: Json, *, kind: str) -> Json:
    template_id = required(body, f"{kind}TemplateId")
    template = _table(books, kind).get(template_id)
    if template is None:
        raise Refused(UNKNOWN, "模板不存在")
    if kind == "sign":
        actors = [{"actorInfo": role | {"permissions": ["sign"]}} for role in template["actors"]]
        return _head(kind, template_id, template) | {"docs": template["docs"], "actors": actors}
    fields = [
        {"fieldId": name, "fieldName": name, "fieldType": "text_single_line"} for name in template["fields"]
    ]
    return _head(kind, template_id, template) | {"docFields": fields}


def paper(books: Books, name: str, values: dict[str, str]) -> str:
    """A file of one page, whose comments hold the values."""
    file_id, upload = uuid.uuid4().hex, uuid.uuid4().hex
    lines = [f"%% {key}={value}" for key, value in values.items()]
    content = b"%PDF-1.4\n1 0 obj<</Type/Page>>endobj\n" + "\n".join([*lines, "%%EOF", ""]).encode()
    books.table("files")[file_id] = {"upload": upload, "name": name, "pages": 1}
    books.table("contents")[upload] = {"base64": base64.b64encode(content).decode()}
    return file_id


def _filled(books: Books, template_id: str, name: str, values: dict[str, str]) -> str:
    template = books.table("templates").get(template_id)
    if template is None:
        raise Refused(UNKNOWN, "文档模板不存在")
    if unknown := values.keys() - template["fields"].keys():
        raise bad(f"控件不存在：{'、'.join(sorted(unknown))}")
    if missing := [key for key, needed in template["fields"].items() if needed and not values.get(key)]:
        raise bad(f"必填控件未填写：{'、'.join(missing)}")
    return paper(books, name, values)


def _table(books: Books, kind: str) -> Table:
    return books.table("templates" if kind == "doc" else "sign_templates")


def _head(kind: str, template_id: str, template: Row) -> Json:
    return {
        f"{kind}TemplateId": template_id,
        f"{kind}TemplateName": template["name"],
        f"{kind}TemplateStatus": "valid",
    }
