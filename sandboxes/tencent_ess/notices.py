"""Callbacks: FlowStatusChange to the addresses of the console, encrypted and signed."""

import base64
import hashlib
import hmac

import orjson
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from sandboxes.common import Books, Callbacks, Outgoing, Row
from sandboxes.tencent_ess.envelope import Json


def encrypt(plain: bytes, key: str) -> str:
    """AES-256-CBC with PKCS#7; the IV is the first half of the key."""
    padder = padding.PKCS7(128).padder()
    padded = padder.update(plain) + padder.finalize()
    encryptor = Cipher(algorithms.AES(key.encode()), modes.CBC(key.encode()[:16])).encryptor()
    return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()


class Notices:
    def __init__(self, books: Books, callbacks: Callbacks, *, key: str, token: str) -> None:
        self._books = books
        self._callbacks = callbacks
        self._key = key
        self._token = token

    def flow_changed(self, flow: Row, *, operate: str, approver: Row | None, message_id: str) -> None:
        """`approver`: who acted, if it was a signer."""
        message = {
            "MsgId": message_id,
            "MsgType": "FlowStatusChange",
            "MsgVersion": "CustomApp",
            "MsgData": _data(flow, operate, approver),
        }
        account = self._books.table("account")["own"]
        url = account["webhook"]
        if not url:
            return
        plain = orjson.dumps(message)
        raw = orjson.dumps({"encrypt": encrypt(plain, self._key)}) if account["encrypted"] else plain
        # That the signature covers the body as sent, and not the plain text, is a guess [U].
        digest = hmac.new(self._token.encode(), raw, hashlib.sha256).hexdigest()
        headers = {"Content-Type": "application/json", "Content-Signature": f"sha256={digest}"}
        self._callbacks.send(
            Outgoing(
                url=url,
                body=raw,
                headers=lambda: headers,
                label=f"{operate} {flow['FlowId']}",
                accepted=lambda response: response.status_code == 200,
            )
        )


def _data(flow: Row, operate: str, approver: Row | None) -> Json:
    return {
        "FlowId": flow["FlowId"],
        "DocumentId": flow["DocumentId"],
        "CallbackType": "sign",
        "FlowName": flow["title"],
        "FlowType": flow["FlowType"],
        "FlowDescription": flow["description"],
        "Unordered": flow["unordered"],
        "CreateOn": flow["created"],
        "UpdatedOn": flow["updated"],
        "DeadLine": flow["deadline"],
        "FlowCallbackStatus": flow["status"],
        "UserId": approver["userId"] if approver else flow["creator"],
        "RecipientId": approver["recipientId"] if approver else "",
        "Operate": operate,
        "UserData": flow["userData"],
        "Approvers": [_approver(row) for row in flow["approvers"]],
    }


def _approver(row: Row) -> Json:
    return {
        "UserId": row["userId"],
        "RecipientId": row["recipientId"],
        "ApproverType": row["type"],
        "OrganizationName": row["organisation"],
        "Required": True,
        "ApproverName": row["name"],
        "ApproverMobile": row["mobile"],
        "ApproverIdCardType": "ID_CARD",
        "ApproverIdCardNumber": "",
        # Whoever still has to sign is 2 here, whatever the turn.
        "ApproveCallbackStatus": 2 if row["status"] in (0, 1) else row["status"],
        "ApproveMessage": row["message"],
        "VerifyChannel": ["WEIXINAPP"],
        "ApproveTime": row["time"],
    }
