"""The sandbox's gate and envelope: what real clients do, and what is kept out."""

import hashlib
import hmac
import json
import time
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from sandboxes.common import Running
from sandboxes.tencent_ess import SANDBOX

MADE = SANDBOX().credentials()


def tc3(canonical: str, *, stamp: int, service: str) -> str:
    """As the vendor's page describes it, written out by hand."""
    day = f"{datetime.fromtimestamp(stamp, UTC):%Y-%m-%d}"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"TC3-HMAC-SHA256\n{stamp}\n{day}/{service}/tc3_request\n{digest}"
    key = f"TC3{MADE['secret_key']}".encode()
    for part in (day, service, "tc3_request", text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key.hex()


def ask(
    served: Running,
    *,
    host: str | None = None,
    service: str = "ess",
    signed: tuple[str, ...] = ("content-type", "host"),
    lower: bool = False,
    unsigned_payload: bool = False,
    **headers: str,
) -> httpx.Response:
    address = served.url.partition("//")[2]
    stamp = int(time.time())
    body = json.dumps({"Operator": {"UserId": MADE["operator_id"]}, "FlowIds": ["yD示例"]}).encode()
    values = {
        "content-type": "application/json; charset=utf-8",
        "host": host or address,
        "x-tc-action": "DescribeFlowBriefs",
    }
    payload = hashlib.sha256(b"UNSIGNED-PAYLOAD" if unsigned_payload else body).hexdigest()
    lines = "".join(f"{name}:{values[name].lower() if lower else values[name]}\n" for name in signed)
    canonical = f"POST\n/\n\n{lines}\n{';'.join(signed)}\n{payload}"
    day = f"{datetime.fromtimestamp(stamp, UTC):%Y-%m-%d}"
    sent = {
        "Content-Type": values["content-type"],
        "X-TC-Action": values["x-tc-action"],
        "X-TC-Version": "2020-11-11",
        "X-TC-Timestamp": str(stamp),
        "Authorization": (
            f"TC3-HMAC-SHA256 Credential={MADE['secret_id']}/{day}/{service}/tc3_request, "
            f"SignedHeaders={';'.join(signed)}, Signature={tc3(canonical, stamp=stamp, service=service)}"
        ),
    }
    if unsigned_payload:
        sent["X-TC-Content-SHA256"] = "UNSIGNED-PAYLOAD"
    with httpx.Client(trust_env=False) as client:
        return client.post(f"{served.url}/", content=body, headers=sent | headers)


def code(answer: httpx.Response) -> str | None:
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    response = answer.json()["Response"]
    assert response["RequestId"]
    found: str | None = response.get("Error", {}).get("Code")
    return found


@pytest.mark.parametrize(
    "way",
    [
        {},
        {"host": "127.0.0.1", "service": "127"},
        {"signed": ("content-type", "host", "x-tc-action")},
        {"signed": ("content-type", "host", "x-tc-action"), "lower": True},
        {"unsigned_payload": True},
    ],
)
def test_let_in(served: Running, way: dict[str, Any]) -> None:
    assert code(ask(served, **way)) is None


@pytest.mark.parametrize(
    ("way", "expected"),
    [
        ({"host": "ess.tencentcloudapi.com"}, "AuthFailure.SignatureFailure"),
        ({"signed": ("host",)}, "AuthFailure.SignatureFailure"),
        ({"X-TC-Timestamp": "1760000000"}, "AuthFailure.SignatureExpire"),
        ({"X-TC-Timestamp": "now"}, "AuthFailure.InvalidAuthorization"),
        ({"Authorization": "TC3-HMAC-SHA256 nonsense"}, "AuthFailure.InvalidAuthorization"),
        ({"Authorization": ""}, "AuthFailure.InvalidAuthorization"),
        ({"X-TC-Version": "2019-01-01"}, "NoSuchVersion"),
        ({"X-TC-Action": "DescribeEverything"}, "InvalidAction"),
    ],
)
def test_kept_out(served: Running, way: dict[str, Any], expected: str) -> None:
    assert code(ask(served, **way)) == expected


def test_busy_comes_in_the_envelope(served: Running) -> None:
    served.control("faults", {"rules": [{"kind": "vendor_error", "times": 1}]})
    assert code(ask(served)) == "InternalError.System"
