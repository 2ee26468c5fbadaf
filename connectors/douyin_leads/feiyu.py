"""Feiyu's push rules: one lead per call, answered with what the rule takes for success."""

import re
from hashlib import sha256
from hmac import compare_digest

from connectors.douyin_leads.protocol import feiyu_signature
from connectors.douyin_leads.refusals import json_object, refused
from connectors.douyin_leads.settings import Settings
from domain.ports import HookAnswer, HookRequest, Inbound

ACCEPTED = HookAnswer(200, b'{"code":0,"message":"success"}')
_LEAD_ID = re.compile(r"[0-9]{1,32}", re.ASCII)


class FeiyuDoor:
    def __init__(self, settings: Settings) -> None:
        self._token = settings.push_token.get_secret_value().encode()
        self._key = settings.push_secretkey.get_secret_value().encode()
        self._signed = settings.verification == "signature"
        self._tolerance = settings.clock_tolerance_seconds
        self._id = settings.push_names.get("id", "id")

    def open(self, request: HookRequest) -> list[Inbound]:
        self._verify(request)
        lead_id = self._lead_id(request.body)
        key = f"push/{lead_id}/{sha256(request.body).hexdigest()}"
        return [Inbound("lead.push", key, request.body, {})]

    def accepted(self, request: HookRequest) -> HookAnswer:
        return ACCEPTED

    def _verify(self, request: HookRequest) -> None:
        headers = request.headers
        if not compare_digest(headers.get("access-token", "").encode(), self._token):
            raise refused("forged", "wrong token")
        if not self._signed:
            return
        timestamp = headers.get("timestamp", "")
        expected = feiyu_signature(self._key, f"{request.path} {timestamp}".encode())
        if not compare_digest(headers.get("signature", "").encode(), expected):
            raise refused("forged", "wrong signature")
        skew = _seconds(timestamp) - request.received_at.timestamp()
        if abs(skew) > self._tolerance:
            raise refused("stale", f"timestamp {skew:+.0f} s from our clock")

    def _lead_id(self, body: bytes) -> str:
        lead_id = json_object(body).get(self._id)
        if not isinstance(lead_id, str | int) or not _LEAD_ID.fullmatch(str(lead_id)):
            raise refused("malformed", f"no lead id under {self._id!r}")
        return str(lead_id)


def _seconds(timestamp: str) -> int:
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise refused("malformed", "unreadable timestamp")
    return int(timestamp)
