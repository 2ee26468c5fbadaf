"""What create-by-file checks before it accepts a contract. Turns the body into a flow's first row."""

import re
import uuid
from collections.abc import Callable, Iterator, Mapping

from sandboxes.common import Row
from sandboxes.esign.envelope import (
    BAD_FLOW,
    Json,
    Refused,
    bad,
    flag,
    integer,
    number,
    optional_integer,
    part,
    parts,
)
from sandboxes.esign.store import FORBIDDEN, Store

DAY_MS = 24 * 3600 * 1000
LONGEST_MS = 90 * DAY_MS
ACCOUNT = re.compile(r"1\d{10}|[^@\s]+@[^@\s]+\.[^@\s]+")
PERSON, ORGANISATION, LEGAL_REPRESENTATIVE, TRANSACTOR = 0, 1, 2, 3
AUTO_REFUSED = "自动落章不支持指定"

Names = Mapping[str, str]
"""Account -> name of people who have registered."""


def accept(body: Json, *, now_ms: int, store: Store, known_names: Names, own_id: str) -> Row:
    config = _config(body)
    auto_start = flag(config.get("autoStart"), default=True)
    if auto_start and not (parts(body, "docs") and parts(body, "signers")):
        raise Refused(BAD_FLOW, "流程自动开启的场景文档和签署人信息不能为空")
    docs, attachments = documents(body, "docs", store), enclosures(body, "attachments", store)
    verify = flag(config.get("identityVerify"), default=True)
    signers = parties(body, docs, known_names, verify=verify)
    check_amounts(docs, signers, attachments)
    return {
        "title": str(config["signFlowTitle"]),
        "autoStart": auto_start,
        "autoFinish": flag(config.get("autoFinish"), default=False),
        "notifyUrl": str(config.get("notifyUrl") or "") or None,
        "config": config,
        "initiator": _initiator(body, own_id=own_id),
        "docs": docs,
        "attachments": attachments,
        "copiers": parts(body, "copiers"),
        "signers": signers,
        "deadline": deadline(config.get("signFlowExpireTime"), now_ms=now_ms),
    }


def documents(body: Json, name: str, store: Store) -> list[Json]:
    """What shall be signed."""
    return [_file(item, store.document) for item in parts(body, name)]


def enclosures(body: Json, name: str, store: Store) -> list[Json]:
    """What is only looked at need not be a PDF."""
    return [_file(item, store.usable) for item in parts(body, name)]


def parties(body: Json, docs: list[Json], known_names: Names, *, verify: bool) -> list[Json]:
    if len(parts(body, "signers")) > 10:
        raise Refused(1437608, "签署人数量不能超过10")
    signers = [_signer(item, docs, known_names) for item in parts(body, "signers")]
    if any(s["signerType"] == TRANSACTOR for s in signers) and not any(_manual_company(s) for s in signers):
        raise bad("经办人签署须与企业手动签署同时存在")
    if verify:
        _check_identities(signers, known_names)
    return signers


def deadline(value: object, *, now_ms: int) -> int:
    given = optional_integer(value, "signFlowExpireTime")
    if given is None:
        return now_ms + LONGEST_MS
    if given <= now_ms:
        raise Refused(1437169, "流程已过期")
    if given > now_ms + LONGEST_MS:
        raise bad("签署截止时间不能超过90天")
    return given


def _config(body: Json) -> Json:
    config = part(body, "signFlowConfig")
    if not config:
        raise bad("signFlowConfig不能为空")
    if not config.get("signFlowTitle"):
        raise bad("signFlowTitle不能为空")
    if FORBIDDEN.search(str(config["signFlowTitle"])):
        raise bad("signFlowTitle含有特殊字符")
    redirect = part(config, "redirectConfig")
    if redirect.get("redirectDelayTime") not in (None, "") and not redirect.get("redirectUrl"):
        raise bad("redirectUrl不能为空")
    return config


def _initiator(body: Json, *, own_id: str) -> Json:
    """Nobody but the own company has authorized this application."""
    given = part(body, "signFlowInitiator")
    company, person = part(given, "orgInitiator").get("orgId"), part(given, "psnInitiator").get("psnId")
    if company and person:
        raise bad("orgInitiator与psnInitiator只能二选一")
    if company and company != own_id:
        raise Refused(1436116, f"用户:{company}未授权:org_initiate_sign")
    if person:
        raise Refused(1436116, f"用户:{person}未授权:psn_initiate_sign")
    return given


def _file(item: Json, find: Callable[[str], Row]) -> Json:
    if not item.get("fileId"):
        raise bad("fileId不能为空")
    row = find(str(item["fileId"]))
    return {
        "fileId": row["fileId"],
        "fileName": _text(item.get("fileName")) or row["fileName"],
        "pages": row["pages"],
    }


def check_amounts(docs: list[Json], signers: list[Json], attachments: list[Json]) -> None:
    if len(docs) > 50:
        raise bad("文档数量不能超过50")
    if len(attachments) > 50:
        raise bad("附件数量不能超过50")
    if len(signers) > 50:
        raise Refused(1437608, "签署人数量不能超过50")
    if sum(len(signer["signFields"]) for signer in signers) > 300:
        raise bad("签署区数量不能超过300")


def _signer(item: Json, docs: list[Json], known_names: Names) -> Json:
    kind = _signer_type(item)
    config = part(item, "signConfig")
    order = optional_integer(config.get("signOrder"), "signOrder")
    if order is not None and not 1 <= order <= 255:
        raise bad("signOrder取值范围1-255")
    reading = optional_integer(config.get("forcedReadingTime"), "forcedReadingTime")
    if reading is not None and not 0 <= reading <= 999:
        raise bad("forcedReadingTime取值范围0-999")
    task = optional_integer(config.get("signTaskType"), "signTaskType") or 0
    if task not in (0, 1):
        raise bad("signTaskType只能为0或1")
    if not parts(item, "signFields"):
        raise bad("signFields不能为空")
    fields = [_field(area, docs) for area in parts(item, "signFields")]
    auto = all(area["autoSign"] for area in fields)
    company = part(item, "orgSignerInfo") if kind != PERSON else {}
    person = _person(part(item, "psnSignerInfo") if kind == PERSON else part(company, "transactorInfo"))
    if kind == PERSON:
        if any(area["autoSign"] for area in fields):
            raise bad("个人签署方不支持自动落章")
        _check_person(person, "psnSignerInfo", known_names)
    elif kind != TRANSACTOR:
        _check_company(company, person, known_names, auto=auto)
    return {
        "signerType": kind,
        "signOrder": order or 1,
        "signTaskType": task,
        "auto": auto,
        "person": person,
        "company": company,
        "signFields": fields,
        "signStatus": 0,
        "operateTime": None,
    }


def _signer_type(item: Json) -> int:
    if item.get("signerType") is None:
        raise bad("signerType不能为空")
    kind = integer(item["signerType"], "signerType")
    if kind not in (PERSON, ORGANISATION, LEGAL_REPRESENTATIVE, TRANSACTOR):
        raise bad("signerType只能为0或1")
    return kind


def _text(value: object) -> str | None:
    """Numbers come where texts are meant, too."""
    return None if value is None else str(value)


def _person(given: Json) -> Json:
    """Telephone numbers come as numbers too; a name only where one is given."""
    ids = {name: str(given[name]) for name in ("psnAccount", "psnId") if given.get(name)}
    name = part(given, "psnInfo").get("psnName")
    return ids | ({"psnName": str(name)} if name else {})


def _check_person(person: Json, name: str, known_names: Names) -> None:
    account = person.get("psnAccount")
    if bool(account) == bool(person.get("psnId")):
        raise bad(f"{name}中psnId与psnAccount必须二选一")
    if account and not ACCOUNT.fullmatch(account):
        raise bad("psnAccount必须为手机号或邮箱")
    if account and not person.get("psnName") and account not in known_names:
        raise bad("psnName不能为空")


def _check_company(company: Json, transactor: Json, known_names: Names, *, auto: bool) -> None:
    if auto:
        if transactor:
            raise bad(f"{AUTO_REFUSED}transactorInfo")
        return
    if bool(company.get("orgId")) == bool(company.get("orgName")):
        raise bad("orgSignerInfo中orgId与orgName必须二选一")
    if not transactor:
        raise bad("transactorInfo不能为空")
    _check_person(transactor, "transactorInfo", known_names)
    if bool(company.get("orgId")) != bool(transactor.get("psnId")):
        raise bad("orgId须与psnId配对, orgName须与psnAccount配对")


def _manual_company(signer: Json) -> bool:
    return signer["signerType"] == ORGANISATION and not signer["auto"]


def _field(area: Json, docs: list[Json]) -> Json:
    doc = next((doc for doc in docs if doc["fileId"] == area.get("fileId")), None)
    if not area.get("fileId"):
        raise bad("fileId不能为空")
    if doc is None:
        raise bad("签署区fileId不在签署文档中")
    kind = optional_integer(area.get("signFieldType"), "signFieldType") or 0
    if kind not in (0, 1, 2):
        raise bad("signFieldType只能为0、1或2")
    seal = part(area, "normalSignFieldConfig")
    if kind == 0:
        _check_seal(area, seal, pages=doc["pages"])
    return {
        "signFieldId": uuid.uuid4().hex,
        "fileId": area["fileId"],
        "customBizNum": _text(area.get("customBizNum")),
        "signFieldType": kind,
        "mustSign": flag(area.get("mustSign"), default=True),
        "autoSign": flag(seal.get("autoSign"), default=False),
        "normalSignFieldConfig": seal or None,
        "remarkSignFieldConfig": part(area, "remarkSignFieldConfig") or None,
        "dateSignFieldConfig": part(area, "dateSignFieldConfig") or None,
        "signFieldStatus": "0",
    }


def _check_seal(area: Json, seal: Json, *, pages: int | None) -> None:
    if not isinstance(area.get("normalSignFieldConfig"), dict):
        raise bad("normalSignFieldConfig不能为空")
    if flag(seal.get("freeMode"), default=False):
        if flag(seal.get("autoSign"), default=False):
            raise bad("自由模式不支持自动落章")
        return
    position = part(seal, "signFieldPosition")
    if not position:
        raise bad("signFieldPosition不能为空")
    if (optional_integer(seal.get("signFieldStyle"), "signFieldStyle") or 1) != 1:
        return
    if any(position.get(name) in (None, "") for name in ("positionPage", "positionX", "positionY")):
        raise bad("单页签署区positionPage、positionX、positionY不能为空")
    for name in ("positionX", "positionY"):
        number(position[name], name)
    if pages is not None and any(page > pages for page in _pages(str(position["positionPage"]))):
        raise Refused(1437306, "签署区页码超出文档总页数")


def _pages(text: str) -> Iterator[int]:
    """`1,3-5`."""
    for piece in text.split(","):
        yield integer(piece.rpartition("-")[2].strip(), "positionPage")


def _check_identities(signers: list[Json], known_names: Names) -> None:
    for signer in signers:
        account, name = signer["person"].get("psnAccount"), signer["person"].get("psnName")
        if name and known_names.get(account, name) != name:
            raise Refused(1437328, f"签署人{account}的姓名与已认证信息不一致")
