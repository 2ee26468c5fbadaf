"""Callbacks of the signing service: to the flow's own address and to the subscribed one."""

import hashlib
import hmac
from urllib.parse import parse_qsl, urlsplit

import orjson

from sandboxes.common import Books, Callbacks, Clock, Outgoing, Row
from sandboxes.common.callbacks import SCHEDULE
from sandboxes.esign.envelope import Json

SIXTEEN_REPEATS = (*SCHEDULE, 20.0, 20.0, 20.0, 20.0)
"""As often as the vendor tries; its pauses are not published [U]."""
DESCRIPTIONS = {2: "完成", 3: "撤销", 5: "过期", 7: "拒签"}


class Notices:
    def __init__(self, books: Books, clock: Clock, callbacks: Callbacks, *, app_id: str, secret: str) -> None:
        self._books = books
        self._clock = clock
        self._callbacks = callbacks
        self._app_id = app_id
        self._secret = secret

    def signer_done(self, flow: Row, signer: Row, *, description: str) -> None:
        """One signer signed or declined. The vendor spells the action with one S."""
        numbers = [area["customBizNum"] for area in signer["signFields"] if area["customBizNum"]]
        self._send(
            flow,
            {
                "action": "SIGN_MISSON_COMPLETE",
                "timestamp": self._clock.millis(),
                "signFlowId": flow["signFlowId"],
                "customBizNum": ",".join(dict.fromkeys(numbers)),
                "signOrder": signer["signOrder"],
                "operateTime": signer["operateTime"],
                "signResult": signer["signStatus"],
                "resultDescription": description,
                **self._who(signer),
            },
        )

    def flow_done(self, flow: Row) -> None:
        """Unlike everywhere else, the status is text here."""
        self._send(
            flow,
            {
                "action": "SIGN_FLOW_COMPLETE",
                "timestamp": self._clock.millis(),
                "signFlowId": flow["signFlowId"],
                "signFlowTitle": flow["title"],
                "signFlowStatus": str(flow["status"]),
                "statusDescription": flow["description"] or DESCRIPTIONS[flow["status"]],
                "signFlowCreateTime": flow["created"],
                "signFlowStartTime": flow["started"],
                "signFlowFinishTime": flow["finished"],
            },
        )

    def _who(self, signer: Row) -> Json:
        own = self._books.table("account")["own"]
        who: Json = {}
        if signer["auto"]:
            return {"organization": {"orgId": own["orgId"], "orgName": own["orgName"]}}
        if signer["company"]:
            company = signer["company"]
            who["organization"] = {"orgId": company.get("orgId"), "orgName": company.get("orgName")}
        account = signer["person"].get("psnAccount")
        known = self._books.table("people").get(str(account), {})
        who["operator"] = {
            "psnId": signer["person"].get("psnId") or known.get("psnId"),
            "psnAccount": accounts(account),
        }
        return who

    def rescinded(self, flow: Row, agreement: str, files: list[str]) -> None:
        """About the contract, not about the agreement."""
        body = {"action": "SIGN_FILE_RESCINDED", "timestamp": self._clock.millis()}
        about = {"signFlowId": flow["signFlowId"], "rescissionSignFlowId": agreement}
        self._send(flow, body | about | {"rescissionFileIds": files})

    def report_done(self, url: str, report: Json) -> None:
        """To the address that the application named, and to the subscribed one."""
        self._post(url, {"action": "EVIDENCE_REPORT_FINISH", **report}, about=report["recordNum"])

    def _send(self, flow: Row, body: Json) -> None:
        self._post(flow["notifyUrl"], body, about=body["signFlowId"])

    def _post(self, address: str | None, body: Json, *, about: str) -> None:
        """Both addresses get it, even when they are the same one."""
        subscribed = self._books.table("account")["own"]["webhook"]
        raw = orjson.dumps(body)
        for url in filter(None, (address, subscribed)):
            self._callbacks.send(
                Outgoing(
                    url=url,
                    body=raw,
                    headers=lambda url=url: self._headers(url, raw),  # type: ignore[misc]
                    label=f"{body['action']} {about}",
                    schedule=SIXTEEN_REPEATS,
                )
            )

    def _headers(self, url: str, raw: bytes) -> dict[str, str]:
        """Each attempt gets its own time [U]; the time inside the body stays the first one."""
        stamp = str(self._clock.millis())
        return {
            "Content-Type": "application/json;charset=UTF-8",
            "X-Tsign-Open-App-Id": self._app_id,
            "X-Tsign-Open-TIMESTAMP": stamp,
            "X-Tsign-Open-SIGNATURE-ALGORITHM": "hmac-sha256",
            "X-Tsign-Open-SIGNATURE": callback_signature(self._secret, stamp, url, raw),
        }


def callback_signature(secret: str, stamp: str, url: str, raw: bytes) -> str:
    """Lower-case hex over time, query values in the order of their keys, and the raw body."""
    values = [value for _, value in sorted(parse_qsl(urlsplit(url).query, keep_blank_values=True))]
    return hmac.new(secret.encode(), (stamp + "".join(values)).encode() + raw, hashlib.sha256).hexdigest()


def accounts(account: str | None) -> Json:
    mail = account is not None and "@" in account
    return {"accountMobile": None if mail else account, "accountEmail": account if mail else None}
