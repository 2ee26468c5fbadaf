"""What the queries show of a flow."""

from collections.abc import Callable

from sandboxes.common import Row, Table
from sandboxes.esign.envelope import Json, bad, integers, optional_integer, part
from sandboxes.esign.flows import is_company, is_person
from sandboxes.esign.notices import accounts

STATUS_NAMES = {0: "草稿", 1: "签署中", 2: "完成", 3: "撤销", 5: "过期", 7: "拒签"}
YEAR_MS = 366 * 24 * 3600 * 1000


class Views:
    def __init__(self, people: Table, own: Row, *, rescission: Callable[[Row], int]) -> None:
        """`rescission`: how far a flow has been taken back."""
        self._people = people
        self._own = own
        self._rescission = rescission

    def detail(self, flow: Row) -> Json:
        config = flow["config"]
        return {
            "signFlowStatus": flow["status"],
            "signFlowDescription": flow["description"] or STATUS_NAMES[flow["status"]],
            "rescissionStatus": self._rescission(flow),
            "rescissionSignFlowIds": flow["rescissions"],
            "revokeReason": flow["revokeReason"],
            "signFlowCreateTime": flow["created"],
            "signFlowStartTime": flow["started"],
            "signFlowFinishTime": flow["finished"],
            "signFlowInitiator": self._initiator(flow),
            "signFlowConfig": {
                "signFlowTitle": flow["title"],
                "autoFinish": flow["autoFinish"],
                "signFlowExpireTime": flow["deadline"],
                "notifyUrl": flow["notifyUrl"],
                "chargeConfig": config.get("chargeConfig"),
                "noticeConfig": config.get("noticeConfig"),
                "signConfig": config.get("signConfig"),
                "authConfig": config.get("authConfig"),
                "contractGroupIds": config.get("contractGroupIds"),
            },
            "docs": [_file(doc) | {"contractNum": None} for doc in flow["docs"]],
            "attachments": [_file(file) for file in flow["attachments"]],
            "copiers": flow["copiers"],
            "signers": [self._signer(signer) for signer in flow["signers"]],
        }

    def page(self, flows: list[Row], query: Json) -> Json:
        """Of the flows that were started: those in the window, newest first [U: the order]."""
        number, size = _paging(query)
        wanted = self._wanted(query)
        found = [flow for flow in flows if flow["started"] is not None and wanted(flow)]
        found.sort(key=lambda flow: int(flow["started"]), reverse=True)
        shown = found[(number - 1) * size : number * size]
        return {"total": len(found), "signFlowInfos": [self._line(flow) for flow in shown]}

    def _line(self, flow: Row) -> Json:
        return {
            "signFlowId": flow["signFlowId"],
            "signFlowTitle": flow["title"],
            "signFlowStatus": flow["status"],
            "rescissionStatus": self._rescission(flow),
            "signFlowStartTime": flow["started"],
            "signFlowEndTime": flow["finished"],
            "initiator": self._initiator(flow),
            "signFlowInitiator": self._initiator(flow),
            "signers": [
                self._who(signer) | {"signOrder": signer["signOrder"], "signStatus": signer["signStatus"]}
                for signer in flow["signers"]
            ],
        }

    def _initiator(self, flow: Row) -> Json:
        """Always the own company: nobody else has authorized this application."""
        transactor = part(part(flow["initiator"], "orgInitiator"), "transactor").get("psnId")
        company = {
            "orgId": self._own["orgId"],
            "orgName": self._own["orgName"],
            "transactor": {"psnId": transactor, "psnName": None} if transactor else None,
        }
        return {"psnInitiator": None, "orgInitiator": company}

    def _signer(self, signer: Row) -> Json:
        return self._who(signer) | {
            "signerType": 0 if signer["signerType"] == 0 else 1,
            "signOrder": signer["signOrder"],
            "signStatus": signer["signStatus"],
            "signTaskType": signer["signTaskType"],
            "signerIp": None,
            "signFields": [_area(signer, area) for area in signer["signFields"]],
        }

    def _who(self, signer: Row) -> Json:
        if signer["signerType"] == 0:
            return {"psnSigner": self._person(signer["person"]), "orgSigner": None}
        company = signer["company"] if not signer["auto"] else self._own
        return {
            "psnSigner": None,
            "orgSigner": {
                "orgId": company.get("orgId"),
                "orgName": company.get("orgName"),
                "transactor": None if signer["auto"] else self._person(signer["person"]),
            },
        }

    def _person(self, person: Json) -> Json:
        """The vendor knows no id before the person has registered [U]."""
        account = person.get("psnAccount")
        known = self._people.get(str(account), {})
        return {
            "psnId": person.get("psnId") or known.get("psnId"),
            "psnName": person.get("psnName") or known.get("psnName"),
            "psnAccount": accounts(account),
        }

    def _wanted(self, query: Json) -> Callable[[Row], bool]:
        spans = _windows(query)
        states, signer_states = integers(query, "signFlowStatus"), integers(query, "signStatus")
        operator, company = part(query, "operator"), part(query, "organization")
        starter = part(query, "initiator")
        ours = starter.get("initiatorOrgId") in (None, "", self._own["orgId"])

        def is_meant(signer: Row) -> bool:
            return (
                is_person(signer, operator)
                and is_company(self._who(signer)["orgSigner"] or {}, company)
                and (not signer_states or signer["signStatus"] in signer_states)
            )

        def wanted(flow: Row) -> bool:
            return (
                all(low <= (flow[field] or -1) <= high for field, low, high in spans)
                and (not states or flow["status"] in states)
                and (ours and not starter.get("initiatorPsnId"))
                and any(is_meant(signer) for signer in flow["signers"])
            )

        return wanted


def _file(file: Json) -> Json:
    return {"fileId": file["fileId"], "fileName": file["fileName"]}


def _area(signer: Row, area: Json) -> Json:
    return {
        "signFieldId": area["signFieldId"],
        "signFieldStatus": area["signFieldStatus"],
        "statusUpdateTime": signer["operateTime"],
        "failReason": None,
        "customBizNum": area["customBizNum"],
        "fileId": area["fileId"],
        "signFieldType": area["signFieldType"],
        "mustSign": area["mustSign"],
        "signFieldSealType": 0 if signer["signerType"] == 0 else 1,
        "normalSignFieldConfig": area["normalSignFieldConfig"],
        "remarkSignFieldConfig": area["remarkSignFieldConfig"],
        "dateSignFieldConfig": area["dateSignFieldConfig"],
    }


def _paging(query: Json) -> tuple[int, int]:
    number = optional_integer(query.get("pageNum"), "pageNum")
    size = optional_integer(query.get("pageSize"), "pageSize")
    if number is None or number < 1:
        raise bad("pageNum不能为空且须大于0")
    if size is None or not 1 <= size <= 100:
        raise bad("pageSize取值范围1-100")
    return number, size


def _windows(query: Json) -> list[tuple[str, int, int]]:
    """The list refuses to answer without a window of start or finish times."""
    found = []
    for field, name in (("started", "signFlowStartTime"), ("finished", "signFlowFinishTime")):
        low = optional_integer(query.get(f"{name}From"), f"{name}From")
        high = optional_integer(query.get(f"{name}To"), f"{name}To")
        if (low is None) != (high is None):
            raise bad(f"{name}From与{name}To须同时传入")
        if low is not None and high is not None:
            if not 0 <= high - low <= YEAR_MS:
                raise bad("查询时间跨度不能超过1年")
            found.append((field, low, high))
    if not found:
        raise bad("发起时间或完成时间范围不能为空")
    return found
