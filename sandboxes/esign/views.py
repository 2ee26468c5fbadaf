"""What the queries show of a flow."""

from sandboxes.common import Row, Table
from sandboxes.esign.envelope import Json, bad, optional_integer, part
from sandboxes.esign.flows import is_person
from sandboxes.esign.notices import accounts

STATUS_NAMES = {0: "草稿", 1: "签署中", 2: "完成", 3: "撤销", 5: "过期", 7: "拒签"}
YEAR_MS = 366 * 24 * 3600 * 1000


class Views:
    def __init__(self, people: Table, own: Row) -> None:
        self._people = people
        self._own = own

    def detail(self, flow: Row) -> Json:
        config = flow["config"]
        return {
            "signFlowStatus": flow["status"],
            "signFlowDescription": flow["description"] or STATUS_NAMES[flow["status"]],
            "rescissionStatus": 0,
            "rescissionSignFlowIds": [],
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
            },
            "docs": [{"fileId": doc["fileId"], "fileName": doc["fileName"]} for doc in flow["docs"]],
            "attachments": flow["attachments"],
            "copiers": flow["copiers"],
            "signers": [self._signer(signer) for signer in flow["signers"]],
        }

    def page(self, flows: list[Row], query: Json) -> Json:
        """Of the flows that were started: those in the window, newest first [U: the order]."""
        number, size = _paging(query)
        found = [flow for flow in flows if flow["started"] is not None and _wanted(flow, query)]
        found.sort(key=lambda flow: int(flow["started"]), reverse=True)
        shown = found[(number - 1) * size : number * size]
        return {"total": len(found), "signFlowInfos": [self._line(flow) for flow in shown]}

    def _line(self, flow: Row) -> Json:
        return {
            "signFlowId": flow["signFlowId"],
            "signFlowTitle": flow["title"],
            "signFlowStatus": flow["status"],
            "rescissionStatus": 0,
            "signFlowStartTime": flow["started"],
            "signFlowEndTime": flow["finished"],
            "initiator": self._initiator(flow),
            "signers": [self._who(signer) for signer in flow["signers"]],
        }

    def _initiator(self, flow: Row) -> Json:
        given = flow["initiator"]
        company = part(given, "orgInitiator") or {
            "orgId": self._own["orgId"],
            "orgName": self._own["orgName"],
        }
        person = part(given, "psnInitiator") or None
        return {"psnInitiator": person, "orgInitiator": None if person else company}

    def _signer(self, signer: Row) -> Json:
        return self._who(signer) | {
            "signerType": 0 if signer["signerType"] == 0 else 1,
            "signOrder": signer["signOrder"],
            "signStatus": signer["signStatus"],
            "signTaskType": signer["signTaskType"],
            "signerIp": None,
            "signFields": [self._area(signer, number) for number in range(len(signer["signFields"]))],
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
            "psnName": part(person, "psnInfo").get("psnName"),
            "psnAccount": accounts(account),
        }

    def _area(self, signer: Row, number: int) -> Json:
        area = signer["signFields"][number]
        return {
            "signFieldId": f"{area['fileId'][:24]}{signer['signOrder']:04d}{number:04d}",
            "signFieldStatus": area["signFieldStatus"],
            "statusUpdateTime": signer["operateTime"],
            "failReason": None,
            "customBizNum": area["customBizNum"],
            "fileId": area["fileId"],
            "signFieldType": area["signFieldType"],
            "mustSign": area["mustSign"],
            "signFieldSealType": 0 if signer["signerType"] == 0 else 1,
            "normalSignFieldConfig": area["normalSignFieldConfig"],
        }


def _paging(query: Json) -> tuple[int, int]:
    number = optional_integer(query.get("pageNum"), "pageNum")
    size = optional_integer(query.get("pageSize"), "pageSize")
    if number is None or number < 1:
        raise bad("pageNum不能为空且须大于0")
    if size is None or not 1 <= size <= 100:
        raise bad("pageSize取值范围1-100")
    return number, size


def _wanted(flow: Row, query: Json) -> bool:
    operator, company = part(query, "operator"), part(query, "organization")
    states = [int(status) for status in query.get("signFlowStatus") or []]
    return (
        all(low <= (flow[field] or -1) <= high for field, low, high in windows(query))
        and (not states or flow["status"] in states)
        and any(is_person(signer, operator) for signer in flow["signers"])
        and any(all(s["company"].get(k) == v for k, v in company.items()) for s in flow["signers"])
    )


def windows(query: Json) -> list[tuple[str, int, int]]:
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
