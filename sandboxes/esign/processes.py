"""Process templates (流程模板): the document and who signs where are kept; a call names people and values."""

from collections.abc import Callable

from sandboxes.common import Books
from sandboxes.esign import templates
from sandboxes.esign.envelope import Json, bad, part, parts

PROCESS = "5e0a1b2c3d4e4f50617283940a5b6c7d"
FILE_NAME = "流程模板.pdf"
COMPANY, PERSON = "5e0a1b2c3d4e4f50617283940a5b0001", "5e0a1b2c3d4e4f50617283940a5b0002"


def seed(books: Books) -> None:
    """The own seal first, then a company, then a person."""
    participants = [{"participantId": COMPANY, "signOrder": 2}, {"participantId": PERSON, "signOrder": 3}]
    books.table("signTemplates")[PROCESS] = {
        "docTemplateId": templates.PDF_TEMPLATE,
        "participants": participants,
    }


def as_file(books: Books, body: Json, *, link: Callable[[str], str]) -> Json:
    """The same contract as create-by-file takes it. Nobody fills in anything before it is signed."""
    template = books.table("signTemplates").get(str(body.get("signTemplateId") or ""))
    if template is None:
        raise bad("signTemplateId不存在")
    values = {"components": parts(body, "components"), "docTemplateId": template["docTemplateId"]}
    file_id = templates.fill(books, values | {"fileName": FILE_NAME}, link=link)["fileId"]
    given = {str(one.get("participantId")): one for one in parts(body, "participants")}
    missing = [one["participantId"] for one in template["participants"] if one["participantId"] not in given]
    if missing or len(given) > len(template["participants"]):
        raise bad(f"participantId与流程模板不一致: {','.join(missing)}")
    people = [
        _signer(given[one["participantId"]], one["signOrder"], file_id) for one in template["participants"]
    ]
    seal: Json = {"signerType": 1, "signConfig": {"signOrder": 1}, "signFields": [_area(file_id, own=True)]}
    return {
        "docs": [{"fileId": file_id}],
        "signFlowConfig": body.get("signFlowConfig"),
        "signFlowInitiator": {"orgInitiator": part(body, "signFlowInitiator")},
        "signers": [seal, *people],
        "copiers": body.get("addCopiers"),
        "attachments": body.get("addAttachments"),
    }


def _signer(one: Json, order: int, file_id: str) -> Json:
    company, person = part(one, "orgParticipant"), part(one, "psnParticipant")
    common = {"signConfig": {"signOrder": order}, "signFields": [_area(file_id, own=False)]}
    if not company:
        return common | {"signerType": 0, "psnSignerInfo": _named(person, "psnId", "psnAccount", "psnName")}
    given = _named(part(company, "transactor"), "transactorPsnId", "transactorPsnAccount", "transactorName")
    named = {"orgId": company.get("orgId"), "orgName": company.get("orgName"), "transactorInfo": given}
    return common | {"signerType": 1, "orgSignerInfo": named}


def _named(given: Json, psn_id: str, account: str, name: str) -> Json:
    info = {"psnName": given.get(name)}
    return {"psnId": given.get(psn_id), "psnAccount": given.get(account), "psnInfo": info}


def _area(file_id: str, *, own: bool) -> Json:
    position = {"positionPage": "1", "positionX": 120, "positionY": 160}
    seal = {"autoSign": own, "freeMode": not own, "signFieldStyle": 1, "signFieldPosition": position}
    return {"fileId": file_id, "normalSignFieldConfig": seal}
