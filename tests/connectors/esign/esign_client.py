"""A client of the sandbox as the papers describe one, and contracts to send with it."""

import base64
import hashlib
import hmac
from typing import Any

import httpx
import orjson

from sandboxes.common import PLAIN, Running

PDF = b"%PDF-1.4\n1 0 obj<</Type/Page>>endobj\n2 0 obj<</Type /Page>>endobj\n%%EOF\n"
JSON_TYPE = "application/json; charset=UTF-8"


def md5(body: bytes) -> str:
    return base64.b64encode(hashlib.md5(body).digest()).decode()


class Site:
    def __init__(self, served: Running) -> None:
        self.served = served
        self.http = httpx.Client(base_url=served.url, trust_env=False, verify=PLAIN)
        credentials = served.sandbox.credentials()
        self.app_id, self.secret = credentials["app_id"], credentials["app_secret"]

    def headers(self, method: str, path: str, body: bytes, **given: str) -> dict[str, str]:
        """Signed over what is sent; `given` may change any header before signing."""
        headers = {
            "Accept": "*/*",
            "X-Tsign-Open-App-Id": self.app_id,
            "X-Tsign-Open-Auth-Mode": "Signature",
            "X-Tsign-Open-Ca-Timestamp": str(self.now()),
        }
        if body:
            headers |= {"Content-MD5": md5(body), "Content-Type": JSON_TYPE}
        headers |= {name.replace("_", "-"): value for name, value in given.items()}
        lower = {name.lower(): value for name, value in headers.items()}
        standard = [lower.get(name, "") for name in ("accept", "content-md5", "content-type", "date")]
        text = "\n".join([method, *standard, path])
        digest = hmac.new(self.secret.encode(), text.encode(), hashlib.sha256).digest()
        return headers | {"X-Tsign-Open-Ca-Signature": base64.b64encode(digest).decode()}

    def now(self) -> int:
        return self.served.sandbox.clock.millis()

    def send(self, method: str, path: str, body: bytes = b"", **given: str) -> httpx.Response:
        headers = self.headers(method, path, body, **given)
        return self.http.request(method, path, content=body or None, headers=headers)

    def get(self, path: str) -> Any:
        return self.send("GET", path).json()

    def post(self, path: str, body: Any = None) -> Any:
        return self.send("POST", path, orjson.dumps({} if body is None else body)).json()

    def announce(self, content: bytes = PDF, **changes: Any) -> Any:
        body = {
            "fileName": "示例合同.pdf",
            "fileSize": len(content),
            "contentMd5": md5(content),
            "contentType": "application/pdf",
        }
        return self.post("/v3/files/file-upload-url", body | changes)

    def put(self, url: str, content: bytes = PDF, **headers: str) -> httpx.Response:
        announced = {"Content-MD5": md5(content), "Content-Type": "application/pdf"}
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.put(url, content=content, headers=announced | given)

    def file(self, content: bytes = PDF, **changes: Any) -> str:
        place = self.announce(content, **changes)["data"]
        assert self.put(place["fileUploadUrl"], content).json() == {"errCode": 0, "msg": "成功"}
        file_id: str = place["fileId"]
        while self.get(f"/v3/files/{file_id}")["data"]["fileStatus"] not in (2, 5, 9):
            continue
        return file_id

    def create(self, body: Any) -> str:
        answer = self.post("/v3/sign-flow/create-by-file", body)
        assert answer["code"] == 0, answer
        flow_id: str = answer["data"]["signFlowId"]
        return flow_id

    def detail(self, flow_id: str) -> Any:
        return self.get(f"/v3/sign-flow/{flow_id}/detail")["data"]

    def control(self, path: str, **body: Any) -> Any:
        return self.http.post(f"/_sandbox/{path}", json=body).raise_for_status().json()

    def act(self, name: str, **body: Any) -> Any:
        return self.control(f"act/{name}", **body)


def company(file_id: str, *, order: int = 2, name: str = "测试甲", number: str = "HT-1:2") -> dict[str, Any]:
    seal = {
        "autoSign": False,
        "signFieldStyle": 1,
        "signFieldPosition": {"positionPage": "1", "positionX": 380, "positionY": 160},
    }
    return {
        "signerType": 1,
        "signConfig": {"signOrder": order},
        "orgSignerInfo": {
            "orgName": "测试客户有限公司",
            "transactorInfo": {"psnAccount": "13800000001", "psnInfo": {"psnName": name}},
        },
        "signFields": [{"fileId": file_id, "customBizNum": number, "normalSignFieldConfig": seal}],
    }


def own(file_id: str) -> dict[str, Any]:
    seal = {
        "autoSign": True,
        "signFieldStyle": 1,
        "signFieldPosition": {"positionPage": "1", "positionX": 120, "positionY": 160},
    }
    return {
        "signerType": 1,
        "signConfig": {"signOrder": "1"},
        "signFields": [{"fileId": file_id, "customBizNum": "HT-1:1", "normalSignFieldConfig": seal}],
    }


def person(file_id: str, *, order: int = 1) -> dict[str, Any]:
    return {
        "signerType": 0,
        "signConfig": {"signOrder": order},
        "psnSignerInfo": {"psnAccount": "13800000002", "psnInfo": {"psnName": "测试乙"}},
        "signFields": [{"fileId": file_id, "normalSignFieldConfig": {"freeMode": True}}],
    }


def contract(file_id: str, *signers: dict[str, Any], **config: Any) -> dict[str, Any]:
    return {
        "docs": [{"fileId": file_id}],
        "signFlowConfig": {"signFlowTitle": "HT-1 示例合同", "autoFinish": True} | config,
        "signers": list(signers),
    }
