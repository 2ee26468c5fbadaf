"""The sandbox's calls beside the life of a flow: changes to it, templates, reports, hashes on the chain."""

import hashlib
from typing import Any

import pytest

from tests.connectors.esign.esign_client import PDF, Site, company, contract, own, person


def open_flow(site: Site, file_id: str, *, start: bool = False) -> str:
    flow_id = site.create(contract(file_id, person(file_id), autoStart=start, autoFinish=False))
    return f"/v3/sign-flow/{flow_id}"


def shown(site: Site, flow: str) -> Any:
    return site.get(f"{flow}/detail")["data"]


def drop(site: Site, path: str) -> Any:
    return site.send("DELETE", path).json()


# -- changes --------------------------------------------------------------------------------------------


def test_documents_of_a_draft(site: Site) -> None:
    first, second = site.file(), site.file()
    flow = open_flow(site, first)
    added = {"unsignedFiles": [{"fileId": second, "fileName": "附件二.pdf"}]}
    assert site.post(f"{flow}/unsigned-files", added) == {"code": 0, "message": "成功", "data": None}
    assert [doc["fileName"] for doc in shown(site, flow)["docs"]] == ["示例合同.pdf", "附件二.pdf"]
    assert drop(site, f"{flow}/unsigned-files?fileIds={second}")["code"] == 0
    assert [doc["fileId"] for doc in shown(site, flow)["docs"]] == [first]
    assert site.post(f"{flow}/unsigned-files", {"unsignedFiles": [{"fileId": "none"}]})["code"] == 1437511
    assert site.post(f"{flow}/start")["code"] == 0
    assert site.post(f"{flow}/unsigned-files", added)["code"] == 1437502
    assert drop(site, f"{flow}/unsigned-files?fileIds={first}")["code"] == 1437502


def test_areas_go_with_their_document(site: Site) -> None:
    file_id = site.file()
    flow = open_flow(site, file_id)
    assert drop(site, f"{flow}/unsigned-files?fileIds={file_id}")["code"] == 0
    assert shown(site, flow)["signers"] == []
    assert site.post(f"{flow}/start")["code"] == 1435011


def test_attachments_and_copiers(site: Site) -> None:
    file_id = site.file()
    flow = open_flow(site, file_id, start=True)
    copier = {"copierPsnInfo": {"psnAccount": "13800000003"}}
    assert site.post(f"{flow}/attachments", {"attachmentList": [{"fileId": file_id}]})["code"] == 0
    assert site.post(f"{flow}/copiers", {"copiers": [copier]})["code"] == 0
    detail = shown(site, flow)
    assert (len(detail["attachments"]), detail["copiers"]) == (1, [copier])
    assert drop(site, f"{flow}/attachments?fileIds={file_id}")["code"] == 0
    assert site.post(f"{flow}/copiers/delete", {"copiers": [copier]})["code"] == 0
    detail = shown(site, flow)
    assert (detail["attachments"], detail["copiers"]) == ([], [])


def test_signers_join_and_leave_an_open_flow(site: Site) -> None:
    file_id = site.file()
    flow = open_flow(site, file_id, start=True)
    assert site.post(f"{flow}/signers/sign-fields", {"signers": [company(file_id)]})["code"] == 0
    first, second = shown(site, flow)["signers"]
    assert (first["signStatus"], second["signStatus"]) == (1, 0)
    area = second["signFields"][0]["signFieldId"]
    assert drop(site, f"{flow}/signers/sign-fields?signFieldIds={area}")["code"] == 0
    assert drop(site, f"{flow}/signers/sign-fields?signFieldIds={area}")["code"] == 1435002
    assert len(shown(site, flow)["signers"]) == 1
    assert site.post(f"{flow}/signers/sign-fields", {"signers": []})["code"] == 1435002


def test_a_flow_that_ends_by_itself_stays_as_it_was_sent(site: Site) -> None:
    file_id = site.file()
    flow = f"/v3/sign-flow/{site.create(contract(file_id, person(file_id)))}"
    assert site.post(f"{flow}/signers/sign-fields", {"signers": [company(file_id)]})["code"] == 1435011
    assert site.post(f"{flow}/copiers", {"copiers": [{}]})["code"] == 1435011


def test_areas_have_ids_of_their_own(site: Site) -> None:
    file_id = site.file()
    flow_id = site.create(contract(file_id, person(file_id), company(file_id, order=1)))
    ids = [area["signFieldId"] for s in site.detail(flow_id)["signers"] for area in s["signFields"]]
    assert len(set(ids)) == 2


def test_a_preview_while_it_is_signed(site: Site) -> None:
    file_id = site.file()
    flow = open_flow(site, file_id, start=True)
    path = f"{flow}/preview-file-download-url?docFileId={file_id}&urlAvailableDate=600"
    assert site.http.get(site.get(path)["data"]["fileDownloadUrl"]).content == PDF
    assert site.get(f"{flow}/preview-file-download-url")["code"] == 1435002
    assert site.get(f"{flow}/preview-file-download-url?docFileId=none")["code"] == 1437511


def test_words_in_a_file(site: Site) -> None:
    path = f"/v3/files/{site.file()}/keyword-positions"
    posted = site.post(path, {"keywords": ["Page", "甲方"]})["data"]
    assert [word["searchResult"] for word in posted["keywordPositions"]] == [True, False]
    assert site.get(f"{path}?keywords=Page,none")["data"]["keywordPositions"][0]["positions"]
    assert site.post(path, {"keywords": []})["code"] == 1430002
    assert site.get("/v3/files/none/keyword-positions?keywords=a")["code"] == 1430608


# -- templates ------------------------------------------------------------------------------------------


def test_templates_tell_what_to_fill_in(site: Site) -> None:
    page = site.get("/v3/doc-templates?pageNum=1&pageSize=1")["data"]
    (line,) = page["docTemplates"]
    assert page["total"] == 2
    template = site.get(f"/v3/doc-templates/{line['docTemplateId']}")["data"]
    required = [row["componentKey"] for row in template["components"] if row["required"]]
    filled = {
        "docTemplateId": line["docTemplateId"],
        "fileName": "示例合同.pdf",
        "components": [{"componentKey": key, "componentValue": "x"} for key in required],
        "requiredCheck": True,
    }
    assert site.post("/v3/files/create-by-doc-template", filled)["code"] == 0
    assert site.post("/v3/files/create-by-doc-template", filled | {"fileName": "a/b"})["code"] == 1430601
    assert site.get("/v3/doc-templates/none")["code"] == 1430011
    assert site.get("/v3/doc-templates?pageNum=1&pageSize=21")["code"] == 1430002


COMPANY = {
    "orgName": "测试客户有限公司",
    "transactor": {"transactorPsnAccount": "13800000001", "transactorName": "测试甲"},
}
PERSON = {"psnAccount": "13800000002", "psnName": "测试乙"}


def by_process(site: Site, **changes: Any) -> Any:
    ((template_id, template),) = site.http.get("/_sandbox/books/signTemplates").json().items()
    first, second = (one["participantId"] for one in template["participants"])
    body = {
        "signTemplateId": template_id,
        "signFlowConfig": {"signFlowTitle": "HT-1 示例合同", "autoFinish": True},
        "participants": [
            {"participantId": first, "orgParticipant": COMPANY},
            {"participantId": second, "psnParticipant": PERSON},
        ],
        "components": [{"fileId": "any", "componentKey": "total", "componentValue": "1,000.00"}],
    }
    return site.post("/v3/sign-flow/create-by-sign-template", body | changes)


def test_a_flow_from_a_process_template(site: Site) -> None:
    flow_id = by_process(site)["data"]["signFlowId"]
    own, firm, person = site.detail(flow_id)["signers"]
    assert [one["signStatus"] for one in (own, firm, person)] == [2, 1, 0]
    assert (firm["orgSigner"]["orgName"], person["psnSigner"]["psnName"]) == ("测试客户有限公司", "测试乙")
    assert site.act("sign_all", flow_id=flow_id)["status"] == 2


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"signTemplateId": "none"}, 1435002),
        ({"signFlowConfig": {}}, 1435002),
        ({"participants": []}, 1435002),
        ({"participants": [{"participantId": "none"}]}, 1435002),
        ({"signFlowInitiator": {"orgId": "aa"}}, 1436116),
        ({"components": [{"componentKey": "none", "componentValue": "1"}]}, 1430011),
    ],
)
def test_what_is_refused_of_a_process_template(site: Site, changes: dict[str, Any], code: int) -> None:
    assert by_process(site, **changes)["code"] == code


# -- evidence -------------------------------------------------------------------------------------------


def completed(site: Site) -> str:
    file_id = site.file()
    flow_id = site.create(contract(file_id, own(file_id), company(file_id)))
    site.act("sign_all", flow_id=flow_id)
    return flow_id


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, 0),
        ({"applicantId": "0a1b2c3d4e5f60718293a4b5c6d7e8f9"}, 0),
        ({"applicantId": "aa"}, 1480203),
        ({"reportType": "none"}, 1435002),
        ({"signFlowId": "none"}, 1480207),
    ],
)
def test_who_may_have_a_report_of_what(site: Site, changes: dict[str, str], code: int) -> None:
    body = {"signFlowId": completed(site)} | changes
    assert site.post("/v3/evidence-report/apply", body)["code"] == code


def test_whoever_wants_to_be_called_gets_the_report_at_once(site: Site) -> None:
    body = {"signFlowId": completed(site), "notifyUrl": f"{site.served.url}/none"}
    number = site.post("/v3/evidence-report/apply", body)["data"]["recordNum"]
    report = site.get(f"/v3/evidence-report/query?recordNum={number}")["data"]
    assert report["status"] == "ISSUE_SUCCESS"


def test_hashes_on_the_chain(site: Site) -> None:
    flow_id = completed(site)
    (pushed,) = site.post("/v3/antchain-file-info", {"signFlowId": flow_id})["data"]["antchainFiles"]
    (file,) = site.post(f"/v3/sign-flow/{flow_id}/file-download-url")["data"]["files"]
    signed = site.http.get(file["downloadUrl"]).content
    assert (pushed["fileId"], pushed["fileHash"]) == (file["fileId"], hashlib.sha256(signed).hexdigest())
    file_id = site.file()
    running = site.create(contract(file_id, person(file_id)))
    assert site.post("/v3/antchain-file-info", {"signFlowId": running})["code"] == 1480013
    assert site.post("/v3/antchain-file-info", {"signFlowId": "none"})["code"] == 1480011


# -- rescission -----------------------------------------------------------------------------------------


def test_a_completed_contract_is_taken_back_by_a_second_one(site: Site) -> None:
    contract_id = completed(site)
    path = f"/v3/sign-flow/{contract_id}/initiate-rescission"
    agreement = site.post(path, {"rescindReason": "1"})["data"]["signFlowId"]
    detail = site.detail(contract_id)
    assert (detail["signFlowStatus"], detail["rescissionStatus"]) == (2, 1)
    assert detail["rescissionSignFlowIds"] == [agreement]
    assert site.post(path, {"rescindReason": "1"})["code"] == 1439107
    assert [signer["signStatus"] for signer in site.detail(agreement)["signers"]] == [2, 1]
    site.act("sign_all", flow_id=agreement)
    assert (site.detail(agreement)["signFlowStatus"], site.detail(contract_id)["rescissionStatus"]) == (2, 3)
    assert site.post(path, {"rescindReason": "1"})["code"] == 1439107


def test_an_agreement_that_is_declined_changes_nothing(site: Site) -> None:
    contract_id = completed(site)
    path = f"/v3/sign-flow/{contract_id}/initiate-rescission"
    agreement = site.post(path, {"rescindReason": 2})["data"]["signFlowId"]
    site.act("decline", flow_id=agreement)
    assert site.detail(contract_id)["rescissionStatus"] == 0
    assert site.post(path, {"rescindReason": 2})["code"] == 0


def test_some_documents_are_taken_back(site: Site) -> None:
    first, second = site.file(), site.file()
    body = contract(first, own(first), company(second)) | {"docs": [{"fileId": first}, {"fileId": second}]}
    contract_id = site.create(body)
    site.act("sign_all", flow_id=contract_id)
    path = f"/v3/sign-flow/{contract_id}/initiate-rescission"
    agreement = site.post(path, {"rescindReason": "5", "rescindFileList": [second]})["data"]["signFlowId"]
    site.act("sign_all", flow_id=agreement)
    assert site.detail(contract_id)["rescissionStatus"] == 2


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, 1435002),
        ({"rescindReason": "6"}, 1435002),
        ({"rescindReason": "1", "rescindFileList": "x"}, 1435002),
        ({"rescindReason": "1", "rescindFileList": ["none"]}, 1439107),
        ({"rescindReason": "1", "rescissionInitiator": {"orgInitiator": {"orgId": "aa"}}}, 1439106),
        ({"rescindReason": "1", "signFlowConfig": {"signFlowExpireTime": 4_000_000_000_000}}, 1435002),
    ],
)
def test_what_is_refused_of_a_rescission(site: Site, body: dict[str, Any], code: int) -> None:
    assert site.post(f"/v3/sign-flow/{completed(site)}/initiate-rescission", body)["code"] == code


def test_only_completed_contracts_of_several_parties_are_taken_back(site: Site) -> None:
    file_id = site.file()
    flow_id = site.create(contract(file_id, person(file_id)))
    path = f"/v3/sign-flow/{flow_id}/initiate-rescission"
    assert site.post(path, {"rescindReason": "1"})["code"] == 1439100
    site.act("sign", flow_id=flow_id)
    assert site.post(path, {"rescindReason": "1"})["code"] == 1439107
