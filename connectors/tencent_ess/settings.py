"""One connection to 腾讯电子签: the API key, who acts, and where the own seal goes."""

from pydantic import Field, SecretStr

from connector_kit import ConnectionSettings

FILE_HOSTS = {
    "https://ess.tencentcloudapi.com": "https://file.ess.tencent.cn",
    "https://ess.test.ess.tencent.cn": "https://file.test.ess.tencent.cn",
}
"""Uploads have a host of their own."""


class TencentEssSettings(ConnectionSettings):
    base_url: str = "https://ess.tencentcloudapi.com"
    file_url: str | None = None
    """Host of the uploads; None: the one that belongs to `base_url`."""
    secret_id: str
    secret_key: SecretStr
    operator_id: str
    """UserId of the employee in whose name contracts are sent."""
    callback_token: SecretStr
    """As set in the console beside the callback address: signs the callbacks."""
    callback_key: SecretStr | None = None
    """32 characters, if the console has an encryption key."""

    notify_type: str = "SMS"
    """How signers are told: SMS, EMAIL, ALL or NONE."""
    seal_page: int = -1
    """Page of the own company's seal; negative counts from the end. x, y and the size count in points."""
    seal_x: int = 120
    seal_y: int = 600
    seal_size: int = Field(default=119, gt=0)

    template_id: str | None = None
    """A template there, filled in by the mapping tencent_ess.template_fields; None: our own PDF."""
    template_recipients: tuple[str, ...] = ()
    """RecipientId of each party in the template, in the order of signing."""
    evidence_report: bool = False
    """Whether a report (出证) is applied for after signing: each one is charged."""

    timeout_seconds: float = Field(default=15.0, gt=0)
    file_timeout_seconds: float = Field(default=60.0, gt=0)
    compose_seconds: float = Field(default=3.0, ge=0)
    """The signed file is composed so long after the last signature, and not fetched earlier."""
    document_seconds: float = Field(default=3.0, ge=0)
    """A document of a template is composed so long, and the flow not started earlier."""
    bill_delay_seconds: float = Field(default=20.0, ge=0)
    """So long after a request, a flow that the bill does not show may still exist."""
    link_seconds: int = Field(default=600, ge=1, le=86400)
    """How long the link to the signed file lives."""

    @property
    def upload_url(self) -> str:
        base = self.base_url.rstrip("/")
        return (self.file_url or FILE_HOSTS.get(base, base)).rstrip("/")
