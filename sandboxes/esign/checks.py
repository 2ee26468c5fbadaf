"""What create-by-file checks before it accepts a contract. Turns the body into a flow's first row."""

import re
from collections.abc import Callable, Iterator, Mapping

from sandboxes.common import Row
from sandboxes.esign.envelope import (
    BAD_FLOW,
    Json,
    Refused,
    bad,
    flag,
    integer,
    optional_integer,
    part,
    parts,
)
from sandboxes.esign.store import FORBIDDEN

DAY_MS = 24 * 3600 * 1000
LONGEST_MS = 90 * DAY_MS
ACCOUNT = re.compile(r"1\d{10}|[^@\s]+@[^@\s]+\.[^@\s]+")
PERSON, ORGANISATION, LEGAL_REPRESENTATIVE, TRANSACTOR = 0, 1, 2, 3
AUTO_REFUSED = "自动落章不支持指定"


def accept(body: Json, *, now_ms: int, document: Callable[[str], Row], known_names: Mapping[str, str]) -> Row:
    """`known_names`: account -> name of people who have registered."""
    config = _config(body)
    docs = [_doc(item, document) for item in parts(body, "docs")]
    signers = [_signer(item, docs) for item in parts(body, "signers")]
    _check_amounts(docs, signers, attachments=parts(body, "attachments"))
    auto_start = flag(config.get("autoStart"), default=True)
    if auto_start and not (docs and signers):
        raise Refused(BAD_FLOW, "流程自动开启的场景文档和签署人信息不能为空")
    if any(s["signerType"] == TRANSACTOR for s in signers) and not any(_manual_company(s) for s in signers):
        raise bad("经办人签署须与企业手动签署同时存在")
    if flag(config.get("identityVerify"), default=True):
        _check_identities(signers, known_names)
    return {
        "title": config["signFlowTitle"],
        "autoStart": auto_start,
        "autoFinish": flag(config.get("autoFinish"), default=False),
        "notifyUrl": config.get("notifyUrl") or None,
        "config": config,
        "initiator": part(body, "signFlowInitiator"),
        "docs": docs,
        "attachments": parts(body, "attachments"),
        "copiers": parts(body, "copiers"),
        "signers": signers,
        "deadline": deadline(config.get("signFlowExpireTime"), now_ms=now_ms),
    }


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
    if redirect.get("redirectDelayTime") is not None and not redirect.get("redirectUrl"):
        raise bad("redirectUrl不能为空")
    return config


def _doc(item: Json, document: Callable[[str], Row]) -> Json:
    if not item.get("fileId"):
        raise bad("fileId不能为空")
    row = document(str(item["fileId"]))
    return {
        "fileId": row["fileId"],
        "fileName": item.get("fileName") or row["fileName"],
        "pages": row["pages"],
    }


def _check_amounts(docs: list[Json], signers: list[Json], *, attachments: list[Json]) -> None:
    if len(docs) > 50:
        raise bad("文档数量不能超过50")
    if len(attachments) > 50:
        raise bad("附件数量不能超过50")
    if len(signers) > 10:
        raise Refused(1437608, "签署人数量不能超过10")
    if sum(len(signer["signFields"]) for signer in signers) > 300:
        raise bad("签署区数量不能超过300")


def _signer(item: Json, docs: list[Json]) -> Json:
    kind = _signer_type(item)
    config = part(item, "signConfig")
    order = optional_integer(config.get("signOrder"), "signOrder")
    if order is not None and not 1 <= order <= 255:
        raise bad("signOrder取值范围1-255")
    reading = optional_integer(config.get("forcedReadingTime"), "forcedReadingTime")
    if reading is not None and not 0 <= reading <= 999:
        raise bad("forcedReadingTime取值范围0-999")
    if not parts(item, "signFields"):
        raise bad("signFields不能为空")
    fields = [_field(area, docs) for area in parts(item, "signFields")]
    auto = all(area["autoSign"] for area in fields)
    person, company = part(item, "psnSignerInfo"), part(item, "orgSignerInfo")
    if kind == PERSON:
        _check_person_signer(person, auto=any(area["autoSign"] for area in fields))
    elif kind != TRANSACTOR:
        _check_company(company, auto=auto)
    return {
        "signerType": kind,
        "signOrder": order or 1,
        "signTaskType": optional_integer(config.get("signTaskType"), "signTaskType") or 0,
        "auto": auto,
        "person": person if kind == PERSON else part(company, "transactorInfo"),
        "company": company if kind != PERSON else {},
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


def _check_person_signer(person: Json, *, auto: bool) -> None:
    if auto:
        raise bad("个人签署方不支持自动落章")
    _check_person(person, "psnSignerInfo")


def _check_person(person: Json, name: str) -> None:
    account, psn_id = person.get("psnAccount"), person.get("psnId")
    if bool(account) == bool(psn_id):
        raise bad(f"{name}中psnId与psnAccount必须二选一")
    if account and not ACCOUNT.fullmatch(str(account)):
        raise bad("psnAccount必须为手机号或邮箱")
    if account and not part(person, "psnInfo").get("psnName"):
        raise bad("psnName不能为空")


def _check_company(company: Json, *, auto: bool) -> None:
    transactor = part(company, "transactorInfo")
    if auto:
        if transactor:
            raise bad(f"{AUTO_REFUSED}transactorInfo")
        return
    if bool(company.get("orgId")) == bool(company.get("orgName")):
        raise bad("orgSignerInfo中orgId与orgName必须二选一")
    if not transactor:
        raise bad("transactorInfo不能为空")
    _check_person(transactor, "transactorInfo")
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
    seal = part(area, "normalSignFieldConfig")
    if kind == 0:
        _check_seal(area, seal, pages=doc["pages"])
    return {
        "fileId": area["fileId"],
        "customBizNum": area.get("customBizNum"),
        "signFieldType": kind,
        "mustSign": flag(area.get("mustSign"), default=True),
        "autoSign": flag(seal.get("autoSign"), default=False),
        "normalSignFieldConfig": seal,
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
    if pages is not None and any(page > pages for page in _pages(str(position["positionPage"]))):
        raise Refused(1437306, "签署区页码超出文档总页数")


def _pages(text: str) -> Iterator[int]:
    """`1,3-5`."""
    for piece in text.split(","):
        yield integer(piece.rpartition("-")[2].strip(), "positionPage")


def _check_identities(signers: list[Json], known_names: Mapping[str, str]) -> None:
    for signer in signers:
        account, name = signer["person"].get("psnAccount"), part(signer["person"], "psnInfo").get("psnName")
        if account in known_names and known_names[account] != name:
            raise Refused(1437328, f"签署人{account}的姓名与已认证信息不一致")
