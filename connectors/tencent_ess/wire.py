"""腾讯电子签's messages, field names as the vendor prints them. Unknown fields are ignored."""

from typing import Any

from pydantic import BaseModel, Field


class ErrorBody(BaseModel):
    Code: str
    Message: str = ""


class Answer(BaseModel):
    """What every answer has; an error comes with HTTP 200."""

    Error: ErrorBody | None = None


class Uploaded(BaseModel):
    FileIds: list[str] = Field(min_length=1)


class Created(BaseModel):
    FlowId: str = Field(min_length=1)


class ApproverInfo(BaseModel):
    ApproveStatus: int
    ApproveName: str | None = None
    ApproveType: str | None = None
    ApproveTime: int | None = None
    Mobile: str | None = None
    OrganizationName: str | None = None
    RecipientId: str | None = None


class FlowInfo(BaseModel):
    FlowId: str
    FlowName: str = ""
    FlowStatus: int
    FlowMessage: str | None = None
    FlowDescription: str | None = None
    FlowApproverInfos: list[ApproverInfo] | None = None


class FlowInfos(BaseModel):
    FlowDetailInfos: list[FlowInfo] | None = None


class FlowBrief(BaseModel):
    """The detail has no deadline."""

    Deadline: int | None = None


class FlowBriefs(BaseModel):
    FlowBriefs: list[FlowBrief] | None = None


class ReportApplied(BaseModel):
    ReportId: str = Field(min_length=1)


class Report(BaseModel):
    Status: str
    ReportUrl: str | None = None


class Charge(BaseModel):
    """A line of the bill."""

    FlowId: str
    FlowName: str = ""
    CostTime: int


class Bill(BaseModel):
    Total: int = 0
    Details: list[Charge] | None = None


class FileUrl(BaseModel):
    Url: str


class FileUrls(BaseModel):
    FileUrls: list[FileUrl] = Field(min_length=1)


class SignUrl(BaseModel):
    SignUrl: str


class SignUrls(BaseModel):
    FlowApproverUrlInfos: list[SignUrl] = Field(min_length=1)


class Reminder(BaseModel):
    CanRemind: bool
    RemindMessage: str | None = None


class Reminders(BaseModel):
    RemindFlowRecords: list[Reminder] = Field(min_length=1)


class CallbackData(BaseModel):
    FlowId: Any = None
    Operate: Any = None
    FlowCallbackStatus: Any = None


class Callback(BaseModel):
    """Other types have other data; all must be acknowledged."""

    MsgId: str = ""
    MsgType: str
    MsgData: Any = None
