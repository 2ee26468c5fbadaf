"""法大大's messages, field names as the vendor prints them. Unknown fields are ignored.

Numbers also come as text, and booleans as "true"; pydantic's lax mode reads both.
"""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field


def _text(value: object) -> object:
    """Ids and codes are text here and there, numbers elsewhere."""
    return str(value) if isinstance(value, int) else value


Text = Annotated[str, BeforeValidator(_text)]


class Envelope(BaseModel):
    code: Text
    msg: str | None = None
    data: Any = None


class AccessToken(BaseModel):
    accessToken: str = Field(min_length=1)
    expiresIn: int


class UploadPlace(BaseModel):
    uploadUrl: str
    fddFileUrl: str


class FileId(BaseModel):
    fileId: Text
    fileTotalPages: int | None = None


class Processed(BaseModel):
    fileIdList: list[FileId] = Field(min_length=1)


class Created(BaseModel):
    signTaskId: Annotated[Text, Field(min_length=1)]


class ActorInfo(BaseModel):
    actorId: Text


class Actor(BaseModel):
    """`actorInfo` is an object or a list of one."""

    actorInfo: Annotated[ActorInfo, BeforeValidator(lambda v: v[0] if isinstance(v, list) and v else v)]
    signStatus: str | None = None
    fillStatus: str | None = None
    actorNote: str | None = None


class Detail(BaseModel):
    signTaskId: Text
    signTaskSubject: str | None = None
    signTaskStatus: str
    transReferenceId: str | None = None
    terminationNote: str | None = None
    revokeReason: str | None = None
    finishTime: int | None = None
    deadlineTime: int | None = None
    actors: list[Actor] | None = None


class TaskLine(BaseModel):
    signTaskId: Text
    transReferenceId: str | None = None


class TaskPage(BaseModel):
    signTasks: list[TaskLine] | None = None
    listPageCount: int = 0


class ActorUrl(BaseModel):
    actorSignTaskUrl: str


class DownloadUrl(BaseModel):
    downloadUrl: str


class Callback(BaseModel):
    """One event spells the id in another way."""

    signTaskId: Any = None
    signtaskId: Any = None
    eventTime: Any = None
    actorId: Any = None

    @property
    def task_id(self) -> str | None:
        found = self.signTaskId or self.signtaskId
        return str(found) if found else None
