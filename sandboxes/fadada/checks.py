"""What a request to create a sign task must look like."""

from collections.abc import Callable

from sandboxes.common import Row
from sandboxes.fadada.envelope import Json, Refused, bad, flag, millis, part, parts, required, texts, whole

LONGEST_SUBJECT = 100
FIELD_TYPES = {"corp_seal", "corp_seal_cross_page", "person_sign", "date_sign"}


def accept(body: Json, *, own: Row, now_ms: int, document: Callable[[str], Row]) -> Row:
    subject = required(body, "signTaskSubject")
    if len(subject) > LONGEST_SUBJECT:
        raise bad("signTaskSubject长度不能超过100")
    check_owner(part(body, "initiator"), own, name="initiator")
    expires = millis(body.get("expiresTime"), "expiresTime")
    if expires is not None and expires <= now_ms:
        raise bad("expiresTime须晚于当前时间")
    in_order = flag(body.get("signInOrder"), default=False)
    docs = [_doc(one, document) for one in parts(body, "docs")]
    business = str(body.get("businessId") or "")
    actors = [
        _actor(one, own=own, business=business, in_order=in_order, docs=docs) for one in parts(body, "actors")
    ]
    attachs = [_attach(one, document) for one in parts(body, "attachs")]
    for name, rows in (("docId", docs), ("attachId", attachs), ("actorId", actors)):
        values = [row[name] for row in rows]
        if len(set(values)) < len(values):
            raise bad(f"{name}重复")
    return {
        "title": subject,
        "transReferenceId": str(body.get("transReferenceId") or ""),
        "callbackUrl": str(body.get("callbackUrl") or ""),
        "expires": expires,
        "signInOrder": in_order,
        "autoStart": flag(body.get("autoStart"), default=False),
        "autoFinish": flag(body.get("autoFinish"), default=True),
        "docs": docs,
        "attachs": attachs,
        "actors": actors,
    }


def check_owner(given: Json, own: Row, *, name: str) -> None:
    if given.get("idType") != "corp" or given.get("openId") != own["openCorpId"]:
        raise bad(f"{name}不正确")


def _doc(one: Json, document: Callable[[str], Row]) -> Row:
    row = document(required(one, "docFileId"))
    fields = parts(one, "docFields")
    for field in fields:
        position = part(field, "position")
        if str(field.get("fieldType")) not in FIELD_TYPES or not field.get("fieldId"):
            raise bad("docFields不正确")
        if position.get("positionMode") == "pixel":
            page = whole(position.get("positionPageNo"), "positionPageNo不正确")
            if not 1 <= page <= row["pages"]:
                raise bad("positionPageNo不正确")
    return {
        "docId": required(one, "docId"),
        "docName": required(one, "docName"),
        "docFileId": str(one["docFileId"]),
        "fields": [str(field["fieldId"]) for field in fields],
    }


def _attach(one: Json, document: Callable[[str], Row]) -> Row:
    document(required(one, "attachFileId"))
    return {name: required(one, name) for name in ("attachId", "attachName", "attachFileId")}


def _actor(one: Json, *, own: Row, business: str, in_order: bool, docs: list[Row]) -> Row:
    actor, config = part(one, "actor"), part(one, "signConfigInfo")
    kind, permissions = required(actor, "actorType"), texts(actor, "permissions")
    if kind not in ("corp", "person") or not set(permissions) <= {"sign", "fill", "cc"} or not permissions:
        raise bad("actorType或permissions不正确")
    verify_free = flag(config.get("requestVerifyFree"), default=False)
    if verify_free and not business:
        raise Refused("211118", "免验证签需要场景码")
    if verify_free and actor.get("actorOpenId") != own["openCorpId"]:
        raise bad("免验证签仅限已授权的企业")
    order = config.get("orderNo")
    if in_order and "sign" in permissions and not order:
        raise Refused("211108", "缺少签署顺序")
    _check_places(parts(one, "signFields"), docs)
    return {
        "actorId": required(actor, "actorId"),
        "type": kind,
        "name": required(actor, "actorName"),
        "openId": str(actor.get("actorOpenId") or ""),
        "account": str(actor.get("accountName") or ""),
        "permissions": permissions,
        "orderNo": whole(order or 0, "orderNo不正确"),
        "verifyFree": verify_free,
        "joinStatus": "no_join",
        "signStatus": "wait_sign" if "sign" in permissions else "",
        "signFields": one.get("signFields") or [],
        "note": "",
        "time": None,
    }


def _check_places(fields: list[Json], docs: list[Row]) -> None:
    known = {(doc["docId"], field) for doc in docs for field in doc["fields"]}
    for field in fields:
        if (str(field.get("fieldDocId")), str(field.get("fieldId"))) not in known:
            raise bad("signFields中的控件不存在")
