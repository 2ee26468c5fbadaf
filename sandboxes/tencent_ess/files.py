"""Uploaded files, which live an hour, and links to signed ones."""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping

from sandboxes.common import Books, Clock, Row
from sandboxes.tencent_ess.envelope import Json, Refused, parts, text

HOUR = 3600
LARGEST = 60 * 1024 * 1024
LARGEST_IMAGE = 5 * 1024 * 1024
IMAGES = {"jpg", "jpeg", "png"}
KINDS = {
    "TEMPLATE": {"pdf", "doc", "docx", "html"},
    "DOCUMENT": {"pdf", "doc", "docx", "xls", "xlsx", "html"} | IMAGES,
    "SEAL": IMAGES,
}


class Files:
    def __init__(
        self,
        books: Books,
        clock: Clock,
        *,
        secret: str,
        address: Callable[[], str],
        new_id: Callable[[], str],
    ) -> None:
        self._books = books
        self._clock = clock
        self._secret = secret
        self._address = address
        self._new_id = new_id

    def upload(self, body: Json) -> Json:
        kinds = KINDS.get(text(body, "BusinessType"))
        if kinds is None:
            raise Refused("InvalidParameter.BusinessType", "BusinessType不正确")
        infos = parts(body, "FileInfos")
        if not 1 <= len(infos) <= 20:
            raise Refused("MissingParameter", "FileInfos的数量应为1到20")
        read = [_read(info, kinds) for info in infos]
        deadline = self._seconds() + HOUR
        ids = [self._keep(name, content, deadline) for name, content in read]
        return {"FileIds": ids, "TotalCount": len(ids), "Deadline": deadline}

    def pdf(self, file_id: str) -> Row:
        row = self._books.table("files").get(file_id)
        if row is None or row["deadline"] <= self._seconds():
            raise Refused("ResourceNotFound.Resource", "资源不存在，请检查文件ID是否正确或已过期")
        if not row["pdf"]:
            raise Refused("InvalidParameter.FileType", "仅支持PDF文件发起合同")
        return row

    def content(self, file_id: str) -> bytes:
        return base64.b64decode(self._books.table("contents")[file_id]["base64"])

    def link(self, path: str, *, seconds: int) -> str:
        expires = str(self._seconds() + seconds)
        return f"{self._address()}{path}?t={expires}&sign={self._seal(path, expires)}"

    def link_holds(self, path: str, query: Mapping[str, str]) -> bool:
        expires = query.get("t", "")
        genuine = hmac.compare_digest(self._seal(path, expires), query.get("sign", ""))
        return genuine and int(expires) > self._seconds()

    def _keep(self, name: str, content: bytes, deadline: int) -> str:
        file_id = self._new_id()
        self._books.table("files")[file_id] = {
            "FileId": file_id,
            "FileName": name,
            "pdf": content.startswith(b"%PDF"),
            "deadline": deadline,
        }
        self._books.table("contents")[file_id] = {"base64": base64.b64encode(content).decode()}
        return file_id

    def _seal(self, path: str, expires: str) -> str:
        return hmac.new(self._secret.encode(), f"{path}\n{expires}".encode(), hashlib.sha256).hexdigest()

    def _seconds(self) -> int:
        return self._clock.millis() // 1000


def _read(info: Json, kinds: set[str]) -> tuple[str, bytes]:
    name = text(info, "FileName", code="MissingParameter.ResourceName")
    extension = name.rpartition(".")[2].lower()
    if extension not in kinds:
        raise Refused("InvalidParameter.FileType", "文件类型不支持")
    if len(name) > 200:
        raise Refused("InvalidParameter", "文件名最大长度不超过200个字符")
    try:
        content = base64.b64decode(text(info, "FileBody"), validate=True)
    except ValueError as error:
        raise Refused("InvalidParameter", "FileBody不是合法的Base64") from error
    if len(content) > (LARGEST_IMAGE if extension in IMAGES else LARGEST):
        raise Refused("InvalidParameter", "文件大小超过限制")
    return name, content
