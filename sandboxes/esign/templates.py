"""Document templates: filled in, they become files to sign."""

import base64
import uuid
from collections.abc import Callable, Mapping

from sandboxes.common import Books, Row
from sandboxes.common.form import FORM
from sandboxes.esign.envelope import BAD_FILE_PARAMETER, Json, Refused, flag, parts
from sandboxes.esign.store import CONVERTED, CONVERTED_PAGE, CONVERTING, FORBIDDEN, TO_CONVERT, UPLOADED

PDF_TEMPLATE = "7e0a1b2c3d4e4f50617283940a5b6c7d"
HTML_TEMPLATE = "7e0a1b2c3d4e4f50617283940a5b6c7e"
LARGEST_PAGE = 20
TEXT = 1
MADE = 1_760_000_000_000


def seed(books: Books) -> None:
    components = [
        {"componentId": f"{number:032x}", "componentKey": key, "required": required}
        for number, (key, required) in enumerate(FORM.items(), start=1)
    ]
    for template_id, html in ((PDF_TEMPLATE, False), (HTML_TEMPLATE, True)):
        books.table("templates")[template_id] = {"html": html, "components": components}


def fill(books: Books, body: Json, *, link: Callable[[str], str]) -> Json:
    """A PDF template is ready at once, an HTML template ripens like an upload that is converted."""
    template_id, name = str(body.get("docTemplateId") or ""), str(body.get("fileName") or "")
    if not template_id or not name or len(name) > 100 or not isinstance(body.get("components"), list):
        raise Refused(BAD_FILE_PARAMETER, "参数错误: docTemplateId、fileName或components不正确")
    if FORBIDDEN.search(name):
        raise Refused(1430601, "创建合同失败: 文件名称含有特殊字符")
    template = _template(books, template_id)
    values = dict(_value(one, template["components"]) for one in parts(body, "components"))
    checked = template["html"] or flag(body.get("requiredCheck"), default=False)
    missing = [row["componentKey"] for row in template["components"] if row["required"]]
    missing = [key for key in missing if not values.get(key)]
    if checked and missing:
        raise Refused(1430601, f"创建合同失败: 必填控件未填写: {','.join(missing)}")
    file_id = _keep(books, name, values, html=template["html"])
    return {"fileId": file_id, "fileDownloadUrl": None if template["html"] else link(f"/oss/file/{file_id}")}


def show(books: Books, template_id: str) -> Json:
    """What there is to fill in."""
    template = _template(books, template_id)
    components = [
        row | {"componentName": row["componentKey"], "componentType": TEXT} for row in template["components"]
    ]
    return _line(template_id) | {"fileDownloadUrl": None, "components": components}


def page(books: Books, query: Mapping[str, str]) -> Json:
    number, size = (
        _paging(query.get(name), default) for name, default in (("pageNum", 1), ("pageSize", LARGEST_PAGE))
    )
    if size > LARGEST_PAGE:
        raise Refused(BAD_FILE_PARAMETER, f"参数错误: 每页条数不能大于{LARGEST_PAGE}")
    ids = list(books.table("templates"))
    shown = ids[(number - 1) * size : number * size]
    return {"total": len(ids), "docTemplates": [_line(template_id) for template_id in shown]}


def _paging(value: str | None, default: int) -> int:
    text = value or str(default)
    if not text.isdecimal() or int(text) == 0:
        raise Refused(BAD_FILE_PARAMETER, "参数错误: 分页参数不正确")
    return int(text)


def _line(template_id: str) -> Json:
    return {
        "docTemplateId": template_id,
        "docTemplateName": "示例合同模板",
        "createTime": MADE,
        "updateTime": MADE,
    }


def _template(books: Books, template_id: str) -> Row:
    template = books.table("templates").get(template_id)
    if template is None:
        raise Refused(1430011, "模板文件不存在")
    return template


def _value(one: Json, components: list[Json]) -> tuple[str, str]:
    """Exactly one of id and key names the component."""
    given = [(name, str(one[name])) for name in ("componentId", "componentKey") if one.get(name)]
    if len(given) != 1:
        raise Refused(BAD_FILE_PARAMETER, "参数错误: componentId与componentKey必须二选一")
    ((name, wanted),) = given
    for row in components:
        if row[name] == wanted:
            return row["componentKey"], str(one.get("componentValue") or "")
    raise Refused(1430011, f"{name}:{wanted}无效")


def _keep(books: Books, name: str, values: dict[str, str], *, html: bool) -> str:
    """The filled page: a PDF whose comments hold the values."""
    file_id = uuid.uuid4().hex
    lines = [f"%% {key}={value}" for key, value in values.items()]
    content = CONVERTED_PAGE.removesuffix(b"%%EOF\n") + "\n".join([*lines, "%%EOF", ""]).encode()
    books.table("files")[file_id] = {
        "fileId": file_id,
        "fileName": name,
        "status": TO_CONVERT if html else UPLOADED,
        "next": [CONVERTING, CONVERTED] if html else [],
        "pages": 1,
        "pdf": True,
    }
    books.table("contents")[file_id] = {"base64": base64.b64encode(content).decode()}
    return file_id
