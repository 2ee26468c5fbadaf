"""Files at a document, in chunks: sent one after the other, read back from any place."""

import uuid
from base64 import b64decode, b64encode
from binascii import Error as NotBase64Error

from sandboxes.common import Books, Row
from sandboxes.kingdee.archive import Archive
from sandboxes.kingdee.bills import flag
from sandboxes.kingdee.envelope import Done, result, status
from sandboxes.kingdee.metadata import Form
from sandboxes.kingdee.words import nothing_found, refuse

CHUNK = 4 * 1024 * 1024


class Attachments:
    def __init__(self, archive: Archive, books: Books) -> None:
        self._archive = archive
        self._books = books
        self._files = books.table("attachments")

    def upload(self, form: Form, data: Row) -> Row:
        """The first answer names the file; without IsLast nothing can be read yet."""
        key = str(data.get("interid") or "")
        bill = self._archive.get(form, key)
        if bill is None:
            raise nothing_found(form.title, key)
        part = _bytes(data.get("sendbyte"))
        file_id = str(data.get("fileid") or "")
        kept = self._file(file_id) if file_id else self._new(form, key, data)
        if kept["complete"]:
            raise refuse(f"附件[{file_id}]已上传完成", code=12)
        kept |= {
            "content": b64encode(b64decode(kept["content"]) + part).decode(),
            "complete": flag(data.get("islast"), default=False),
        }
        file_id = file_id or uuid.uuid4().hex
        self._files[file_id] = kept
        return result(status([Done(kept["id"], bill[form.number])]), FileId=file_id, Message="")

    def download(self, call: Row) -> Row:
        data = call.get("data") or {}
        kept = self._file(str(data.get("fileid") or ""))
        if not kept["complete"]:
            raise nothing_found("附件", str(data["fileid"]))
        content = b64decode(kept["content"])
        start = int(data.get("startindex") or 0)
        part = content[start : start + CHUNK]
        return result(
            status(),
            StartIndex=start + len(part),
            IsLast=start + len(part) >= len(content),
            FileSize=len(content),
            FileName=kept["name"],
            FilePart=b64encode(part).decode(),
            Message="",
        )

    def _new(self, form: Form, key: str, data: Row) -> Row:
        name = str(data.get("filename") or "")
        if not name:
            raise refuse("参数[FileName]不能为空", code=8)
        return {
            "id": self._books.next_number("attachments", start=100001),
            "form": form.id,
            "bill": key,
            "name": name,
            "alias": str(data.get("aliasfilename") or ""),
            "content": "",
            "complete": False,
        }

    def _file(self, file_id: str) -> Row:
        kept = self._files.get(file_id)
        if kept is None:
            raise nothing_found("附件", file_id)
        return dict(kept)


def _bytes(sent: object) -> bytes:
    try:
        part = b64decode(str(sent or ""), validate=True)
    except (NotBase64Error, ValueError) as error:
        raise refuse("参数[SendByte]不是Base64编码", code=8) from error
    if len(part) > CHUNK:
        raise refuse("附件分块超过4MB", code=8)
    return part
