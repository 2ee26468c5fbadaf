"""Callbacks: verified over the raw bytes, decrypted, one message each, and no more than a hint."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from typing import Literal

import orjson
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from pydantic import ValidationError

from connectors.tencent_ess.wire import Callback, CallbackData
from domain.ports import HookAnswer, HookRefused, HookRequest, Inbound, SigningHint

FLOW_CHANGED = "FlowStatusChange"
OTHER = "other"
SIGNATURE_HEADER = "content-signature"
ACCEPTED = HookAnswer(200, b'{"code":0,"message":"success"}')


class TencentEssHooks:
    def __init__(self, *, token: str, key: str | None) -> None:
        self._token = token
        self._key = key

    def open(self, request: HookRequest) -> Sequence[Inbound]:
        """The message is kept decrypted: the key of the console may change."""
        given = request.headers.get(SIGNATURE_HEADER, "")
        genuine = self._signs(given, request.body)
        plain = self._plain(request.body, genuine=genuine)
        # Whether the raw body or the plain text is signed is not documented [U].
        if not genuine and not self._signs(given, plain):
            raise _refused("forged", "signature differs", status=401)
        callback = _read(plain)
        kind = callback.MsgType if callback.MsgType == FLOW_CHANGED else OTHER
        key = callback.MsgId or hashlib.sha256(plain).hexdigest()
        return [Inbound(kind, f"{callback.MsgType}|{key}", plain, {SIGNATURE_HEADER: given})]

    def accepted(self, request: HookRequest) -> HookAnswer:
        return ACCEPTED

    def read_hint(self, kind: str, body: bytes) -> SigningHint | None:
        callback = _read(body)
        if callback.MsgType != FLOW_CHANGED or not isinstance(callback.MsgData, dict):
            return None
        data = CallbackData.model_validate(callback.MsgData)
        return SigningHint(str(data.FlowId), str(data.Operate or FLOW_CHANGED)) if data.FlowId else None

    def _signs(self, given: str, payload: bytes) -> bool:
        expected = hmac.new(self._token.encode(), payload, hashlib.sha256).hexdigest()
        return hmac.compare_digest(f"sha256={expected}".encode(), given.encode())

    def _plain(self, body: bytes, *, genuine: bool) -> bytes:
        """`{"encrypt": ...}`, the bare base64 of old subscriptions, or the message itself."""
        try:
            outer = orjson.loads(body)
            secret = outer.get("encrypt") if isinstance(outer, dict) else None
            if isinstance(outer, dict) and secret is None:
                return body
            return decrypt(str(secret or outer), self._key or "")
        except orjson.JSONDecodeError:
            return self._bare(body, genuine=genuine)
        except ValueError as error:
            raise self._undecodable(genuine) from error

    def _bare(self, body: bytes, *, genuine: bool) -> bytes:
        try:
            return decrypt(body.decode("ascii"), self._key or "")
        except ValueError as error:
            raise self._undecodable(genuine) from error

    def _undecodable(self, genuine: bool) -> HookRefused:
        if genuine:
            return _refused("malformed", "cannot be decrypted", status=400)
        return _refused("forged", "signature differs", status=401)


def decrypt(text: str, key: str) -> bytes:
    """AES-256-CBC with PKCS#7; the IV is the first half of the key. Raises ValueError."""
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error
    decryptor = Cipher(algorithms.AES(key.encode()), modes.CBC(key.encode()[:16])).decryptor()
    padded = decryptor.update(data) + decryptor.finalize()
    unpadder = padding.PKCS7(128).unpadder()
    return unpadder.update(padded) + unpadder.finalize()


def _read(plain: bytes) -> Callback:
    """Old subscriptions send only what is MsgData elsewhere."""
    try:
        message = orjson.loads(plain)
        if isinstance(message, dict) and "MsgType" not in message and "FlowId" in message:
            message = {"MsgType": FLOW_CHANGED, "MsgData": message}
        return Callback.model_validate(message)
    except (orjson.JSONDecodeError, ValidationError) as error:
        raise _refused("malformed", "not a callback", status=400) from error


def _refused(reason: Literal["forged", "malformed"], detail: str, *, status: int) -> HookRefused:
    return HookRefused(reason, detail, HookAnswer(status, orjson.dumps({"code": status, "message": detail})))
