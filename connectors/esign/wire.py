"""e签宝's messages, field names as the vendor prints them. Unknown fields are announced and ignored.

Numbers also come as numeric strings; pydantic's lax mode reads both.
"""

from typing import Any

from pydantic import BaseModel, Field


class Envelope(BaseModel):
    code: int
    message: str | None = None
    data: Any = None


class UploadPlace(BaseModel):
    fileId: str
    fileUploadUrl: str


class FilledTemplate(BaseModel):
    """The link to the file is null for some templates; its status is asked for anyway."""

    fileId: str


class FileStatus(BaseModel):
    fileStatus: int
    fileTotalPageCount: int | None = None


class Created(BaseModel):
    signFlowId: str


class SignField(BaseModel):
    customBizNum: str | None = None


class SignerDetail(BaseModel):
    signStatus: int
    signFields: list[SignField] | None = None


class FlowConfig(BaseModel):
    signFlowExpireTime: int | None = None


class Detail(BaseModel):
    signFlowStatus: int
    signFlowDescription: str | None = None
    rescissionStatus: int | None = None
    revokeReason: str | None = None
    signFlowFinishTime: int | None = None
    signFlowConfig: FlowConfig | None = None
    signers: list[SignerDetail] | None = None


class FlowLine(BaseModel):
    signFlowId: str
    signFlowTitle: str


class FlowPage(BaseModel):
    total: int
    signFlowInfos: list[FlowLine] | None = None


class SignUrl(BaseModel):
    url: str
    shortUrl: str | None = None


class DownloadableFile(BaseModel):
    fileName: str | None = None
    downloadUrl: str


class Downloads(BaseModel):
    files: list[DownloadableFile] = Field(min_length=1)


class ReportApplied(BaseModel):
    recordNum: str = Field(min_length=1)


class Report(BaseModel):
    status: str
    downloadUrl: str | None = None
    failReason: str | None = None


class Callback(BaseModel):
    """Other actions have other fields and types; all must be acknowledged."""

    action: str
    timestamp: Any = None
    signFlowId: Any = None
    signOrder: Any = None
    customBizNum: Any = None
