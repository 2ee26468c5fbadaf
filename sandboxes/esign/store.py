"""Files: announced, uploaded to the object store, ripening, downloaded by links that expire."""

import base64
import hashlib
import hmac
import re
import uuid
from collections.abc import Callable, Mapping
from urllib.parse import quote

from sandboxes.common import Books, Clock, Row
from sandboxes.esign.envelope import BAD_FILE_PARAMETER, Json, Refused, StoreRefused, flag
from sandboxes.esign.gate import md5

HOUR = 3600
LARGEST = 50 * 1024 * 1024
FORBIDDEN = re.compile(r'[/\\:*"<>|？\U00010000-\U0010ffff\u2600-\u27bf]')
EXTENSION = re.compile(r"pdf|docx?|rtf|xlsx?|pptx?|wps|et|dps|jpe?g|png|bmp|tiff?|gif|html?", re.IGNORECASE)
UPLOADING, UPLOADED, TO_CONVERT, CONVERTED, CONVERTING, CONVERSION_FAILED = 1, 2, 4, 5, 8, 9
READY = {UPLOADED, CONVERTED}
PAGE = re.compile(rb"/Type\s*/Page(?![A-Za-z])")
PAGE_WIDTH, PAGE_HEIGHT = 595, 842
CONVERTED_PAGE = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>endobj\n"
    b"trailer<</Root 1 0 R>>\n%%EOF\n"
)


class Store:
    def __init__(self, books: Books, clock: Clock, *, secret: str, address: Callable[[], str]) -> None:
        self._books = books
        self._clock = clock
        self._secret = secret
        self._address = address

    def announce(self, body: Json) -> Json:
        """Step 1: where to upload to."""
        _check_announcement(body)
        file_id = uuid.uuid4().hex
        self._books.table("files")[file_id] = {
            "fileId": file_id,
            "fileName": str(body["fileName"]),
            "contentMd5": body["contentMd5"],
            "contentType": body["contentType"],
            "convertToPDF": flag(body.get("convertToPDF"), default=False),
            "status": 0,
            "next": [],
            "pages": None,
        }
        return {"fileId": file_id, "fileUploadUrl": self.link(f"/oss/upload/{file_id}", seconds=HOUR)}

    def receive(self, file_id: str, headers: Mapping[str, str], content: bytes) -> None:
        """Step 2: the bytes; what they become shows later."""
        files = self._books.table("files")
        row = files.get(file_id)
        if row is None:
            raise StoreRefused(404, "NoSuchKey", "The specified key does not exist.")
        if (headers.get("content-md5"), headers.get("content-type")) != (
            row["contentMd5"],
            row["contentType"],
        ):
            raise StoreRefused(403, "SignatureDoesNotMatch", "The request signature does not match.")
        if md5(content) != row["contentMd5"]:
            raise StoreRefused(400, "BadDigest", "The Content-MD5 does not match what was received.")
        status, *following = _future(row, content)
        if following[-1] == CONVERTED and not content.startswith(b"%PDF"):
            content = CONVERTED_PAGE
        files[file_id] = row | {
            "status": status,
            "next": following,
            "pages": len(PAGE.findall(content)) or None,
            "pdf": content.startswith(b"%PDF"),
        }
        self._books.table("contents")[file_id] = {"base64": base64.b64encode(content).decode()}

    def look(self, file_id: str, *, sizes: bool = False) -> Json:
        """Step 3: each look shows the state and ripens it by one step."""
        row = self.row(file_id)
        if row["next"]:
            first, *rest = row["next"]
            self._books.table("files")[file_id] = row | {"status": first, "next": rest}
        ready = row["status"] in READY
        return {
            "fileId": file_id,
            "fileName": row["fileName"],
            "fileSize": None,
            "fileStatus": row["status"],
            "fileDownloadUrl": self.link(f"/oss/file/{file_id}", seconds=HOUR) if ready else None,
            "fileTotalPageCount": row["pages"] if ready else 0,
            "pageWidth": PAGE_WIDTH if ready and sizes else None,
            "pageHeight": PAGE_HEIGHT if ready and sizes else None,
        }

    def find_words(self, file_id: str, words: list[str]) -> Json:
        """Only what stands in the file as plain text is found; where on the page is made up."""
        self.row(file_id)
        if not words:
            raise Refused(BAD_FILE_PARAMETER, "参数错误: keywords不能为空")
        content = self.content(file_id) if file_id in self._books.table("contents") else b""
        spot = {"pageNum": 1, "coordinates": [{"positionX": 120.0, "positionY": 160.0}]}
        found = [(word, word.encode() in content) for word in words]
        return {
            "keywordPositions": [
                {"keyword": word, "searchResult": there, "positions": [spot] if there else []}
                for word, there in found
            ]
        }

    def row(self, file_id: str) -> Row:
        row = self._books.table("files").get(file_id)
        if row is None:
            raise Refused(1430608, "查询合同信息失败: 合同不存在")
        return row

    def usable(self, file_id: str) -> Row:
        """A file that has arrived."""
        row = self._books.table("files").get(file_id)
        if row is None:
            raise Refused(1437511, f"文档不存在：{file_id}")
        if row["status"] not in READY:
            raise Refused(1437513, "文档未成功转换成pdf, 请稍后重试")
        return row

    def document(self, file_id: str) -> Row:
        """A file that can be signed."""
        row = self.usable(file_id)
        if not row["pdf"]:
            raise Refused(1437513, "文档未成功转换成pdf, 请稍后重试")
        return row

    def content(self, file_id: str) -> bytes:
        return base64.b64decode(self._books.table("contents")[file_id]["base64"])

    def link(self, path: str, *, seconds: int) -> str:
        expires = self._clock.millis() // 1000 + seconds
        return f"{self._address()}{path}?Expires={expires}&Signature={quote(self._seal(path, str(expires)))}"

    def check_link(self, path: str, query: Mapping[str, str]) -> None:
        expires = query.get("Expires", "")
        if not hmac.compare_digest(self._seal(path, expires).encode(), query.get("Signature", "").encode()):
            raise StoreRefused(403, "SignatureDoesNotMatch", "The request signature does not match.")
        if int(expires) <= self._clock.millis() // 1000:
            raise StoreRefused(403, "AccessDenied", "Request has expired.")

    def _seal(self, path: str, expires: str) -> str:
        digest = hmac.new(self._secret.encode(), f"{path}\n{expires}".encode(), hashlib.sha256).digest()
        return base64.b64encode(digest).decode()


def _check_announcement(body: Json) -> None:
    name, size = str(body.get("fileName") or ""), str(body.get("fileSize") or "")
    checks = {
        "fileName不能为空": not name,
        "fileName长度不能超过100": len(name) > 100,
        "fileName缺少文件扩展名或格式不支持": not EXTENSION.fullmatch(name.rpartition(".")[2]),
        "fileSize不能为空或0": not size.isdecimal() or int(size) == 0,
        "fileSize不能超过50MB": size.isdecimal() and int(size) > LARGEST,
        "contentMd5不能为空": not body.get("contentMd5"),
        "contentType不正确": body.get("contentType") not in ("application/octet-stream", "application/pdf"),
    }
    for text, wrong in checks.items():
        if wrong:
            raise Refused(BAD_FILE_PARAMETER, f"参数错误: {text}")
    if FORBIDDEN.search(name):
        raise Refused(1430601, "创建合同失败: 文件名称含有特殊字符")


def _future(row: Row, content: bytes) -> list[int]:
    """The states that this upload runs through, one per look."""
    if not row["convertToPDF"]:
        return [UPLOADING, UPLOADED]
    broken = row["fileName"].lower().endswith(".pdf") and not content.startswith(b"%PDF")
    return [TO_CONVERT, CONVERTING, CONVERSION_FAILED if broken else CONVERTED]
