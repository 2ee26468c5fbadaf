"""Files: a place to upload to, the upload, its processing, and links that expire."""

import base64
import hashlib
import hmac
import re
import uuid
from collections.abc import Callable, Mapping

import httpx

from sandboxes.common import Books, Clock, Row
from sandboxes.fadada.envelope import Json, Refused, bad, parts, required

UPLOAD_SECONDS = 30 * 60
FETCH_SECONDS = 10
LARGEST = 50 * 1024 * 1024
PAGE = re.compile(rb"/Type\s*/Page(?![A-Za-z])")


class Files:
    def __init__(self, books: Books, clock: Clock, *, secret: str, address: Callable[[], str]) -> None:
        self._books = books
        self._clock = clock
        self._secret = secret
        self._address = address

    def place(self, body: Json) -> Json:
        """Step 1: where to upload to."""
        name = self._new_place(body)
        return {
            "uploadUrl": self.link(f"/cos/upload/{name}", seconds=UPLOAD_SECONDS),
            "fddFileUrl": f"fdd://{name}",
        }

    async def fetch(self, body: Json) -> Json:
        """Steps 1 and 2 at once: the vendor comes for the bytes."""
        name = self._new_place(body)
        try:
            async with httpx.AsyncClient(timeout=FETCH_SECONDS, trust_env=False) as client:
                content = (await client.get(required(body, "fileUrl"))).raise_for_status().content
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise bad("fileUrl无法访问") from error
        self.receive(name, content)
        return {"fddFileUrl": f"fdd://{name}"}

    def receive(self, name: str, content: bytes) -> None:
        """Step 2: the bytes."""
        uploads = self._books.table("uploads")
        uploads[name] = uploads[name] | {"uploaded": True}
        self._books.table("contents")[name] = {"base64": base64.b64encode(content).decode()}

    def process(self, body: Json) -> Json:
        """Step 3: an upload becomes a file."""
        given = parts(body, "fddFileUrlList")
        if not given:
            raise bad("fddFileUrlList不能为空")
        return {"fileIdList": [self._process(one) for one in given]}

    def document(self, file_id: str) -> Row:
        row = self._books.table("files").get(file_id)
        if row is None:
            raise Refused("211096", "文件不存在")
        return row

    def content(self, file_id: str) -> bytes:
        return base64.b64decode(self._books.table("contents")[self.document(file_id)["upload"]]["base64"])

    def link(self, path: str, *, seconds: int) -> str:
        expires = str(self._clock.millis() // 1000 + seconds)
        return f"{self._address()}{path}?e={expires}&sign={self._seal(path, expires)}"

    def link_holds(self, path: str, query: Mapping[str, str]) -> bool:
        expires = query.get("e", "")
        genuine = hmac.compare_digest(self._seal(path, expires).encode(), query.get("sign", "").encode())
        return genuine and int(expires) > self._clock.millis() // 1000

    def _process(self, one: Json) -> Json:
        url, name = required(one, "fddFileUrl"), required(one, "fileName")
        upload = url.removeprefix("fdd://")
        if not self._books.table("uploads").get(upload, {}).get("uploaded"):
            raise bad("fddFileUrl不存在或未上传")
        content = base64.b64decode(self._books.table("contents")[upload]["base64"])
        kind = _kind(one)
        if kind == "doc" and not (content.startswith(b"%PDF") and name.lower().endswith(".pdf")):
            raise bad("文件格式不支持")
        if len(content) > LARGEST:
            raise bad("文件大小超过限制")
        file_id = uuid.uuid4().hex
        pages = len(PAGE.findall(content)) or 1
        self._books.table("files")[file_id] = {"upload": upload, "name": name, "pages": pages}
        return {
            "fileId": file_id,
            "fileType": kind,
            "fddFileUrl": url,
            "fileName": name,
            "fileTotalPages": pages if kind == "doc" else None,
        }

    def _new_place(self, body: Json) -> str:
        _kind(body)
        name = uuid.uuid4().hex
        self._books.table("uploads")[name] = {"url": f"fdd://{name}", "uploaded": False}
        return name

    def _seal(self, path: str, expires: str) -> str:
        return hmac.new(self._secret.encode(), f"{path}\n{expires}".encode(), hashlib.sha256).hexdigest()


def _kind(body: Json) -> str:
    kind = required(body, "fileType")
    if kind not in ("doc", "attach"):
        raise bad("fileType不正确")
    return kind
