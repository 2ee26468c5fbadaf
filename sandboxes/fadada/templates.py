"""Document templates: filled in, they become files to sign."""

import base64
import uuid

from sandboxes.common import Books
from sandboxes.common.form import FORM
from sandboxes.fadada.envelope import Json, Refused, bad, parts, required

TEMPLATE = "1760000000000700001"
UNKNOWN = "211151"
"""Not published: chosen here [U]."""


def seed(books: Books) -> None:
    books.table("templates")[TEMPLATE] = {"name": "示例模板", "fields": FORM}


def fill(books: Books, body: Json, *, corp_id: str) -> Json:
    if required(body, "openCorpId") != corp_id:
        raise bad("openCorpId不正确")
    template = books.table("templates").get(required(body, "docTemplateId"))
    if template is None:
        raise Refused(UNKNOWN, "文档模板不存在")
    values = {
        required(one, "fieldId"): str(one.get("fieldValue") or "") for one in parts(body, "docFieldValues")
    }
    if unknown := values.keys() - template["fields"].keys():
        raise bad(f"控件不存在：{'、'.join(sorted(unknown))}")
    if missing := [name for name, needed in template["fields"].items() if needed and not values.get(name)]:
        raise bad(f"必填控件未填写：{'、'.join(missing)}")
    file_id = _keep(books, required(body, "fileName"), values)
    return {"fileId": file_id, "fileDownloadUrl": f"https://uat-file.fadada.com/{file_id}"}


def _keep(books: Books, name: str, values: dict[str, str]) -> str:
    """The filled page: a PDF whose comments hold the values."""
    file_id, upload = uuid.uuid4().hex, uuid.uuid4().hex
    lines = [f"%% {key}={value}" for key, value in values.items()]
    content = b"%PDF-1.4\n1 0 obj<</Type/Page>>endobj\n" + "\n".join([*lines, "%%EOF", ""]).encode()
    books.table("files")[file_id] = {"upload": upload, "name": name, "pages": 1}
    books.table("contents")[upload] = {"base64": base64.b64encode(content).decode()}
    return file_id
